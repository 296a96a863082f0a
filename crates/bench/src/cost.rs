//! What a piece of work costs: wall time, CPU of this process and of PostgreSQL, log and disk.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::time::{ClockId, clock_gettime};
use tollgate_testkit::gauge::{Gauge, Sizes};

/// A measurement that has begun.
#[derive(Debug)]
pub(crate) struct Meter {
    postmaster: i32,
    before: Reading,
}

#[derive(Debug)]
struct Reading {
    at: Instant,
    client: Duration,
    postgres: Duration,
    wal_bytes: i64,
    sizes: Sizes,
}

/// What was used in between.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) took: Duration,
    pub(crate) client: Duration,
    pub(crate) postgres: Duration,
    pub(crate) wal_bytes: f64,
    pub(crate) records_heap: f64,
    pub(crate) records_index: f64,
    pub(crate) details: f64,
    pub(crate) sums: f64,
}

impl Meter {
    /// Begins, with nothing of what came before still to be written.
    pub(crate) async fn start(gauge: &Gauge, postmaster: i32) -> anyhow::Result<Self> {
        gauge.checkpoint().await;
        reset_peak_memory()?;
        Ok(Self { postmaster, before: Reading::take(gauge, postmaster).await? })
    }

    /// Ends. `ended_at` is when the work did, which may be a little before now.
    pub(crate) async fn stop(self, gauge: &Gauge, ended_at: Instant) -> anyhow::Result<Cost> {
        let (before, after) = (&self.before, Reading::take(gauge, self.postmaster).await?);
        let grown = |of: fn(&Sizes) -> i64| (of(&after.sizes) - of(&before.sizes)) as f64;
        Ok(Cost {
            took: ended_at.saturating_duration_since(before.at),
            client: after.client.saturating_sub(before.client),
            postgres: after.postgres.saturating_sub(before.postgres),
            wal_bytes: (after.wal_bytes - before.wal_bytes) as f64,
            records_heap: grown(|sizes| sizes.records_heap),
            records_index: grown(|sizes| sizes.records_index),
            details: grown(|sizes| sizes.details),
            sums: grown(|sizes| sizes.sums),
        })
    }
}

impl Reading {
    async fn take(gauge: &Gauge, postmaster: i32) -> anyhow::Result<Self> {
        let (sizes, wal_bytes) = (gauge.sizes().await, gauge.wal_bytes().await);
        let (client, postgres) = (own_cpu()?, tree_cpu(postmaster)?);
        Ok(Self { at: Instant::now(), client, postgres, wal_bytes, sizes })
    }
}

/// CPU of this process, user and system, as getrusage says it.
pub(crate) fn own_cpu() -> anyhow::Result<Duration> {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    Ok(Duration::new(u64::try_from(used.tv_sec)?, u32::try_from(used.tv_nsec)?))
}

/// CPU of a process, of its children, and of those of its children that have ended.
pub(crate) fn tree_cpu(root: i32) -> anyhow::Result<Duration> {
    let mut ticks = 0;
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        // One that ends between listing and reading is in its parent's sum, which may have been read before: a tick or two.
        let Some(stat) = Stat::read(pid) else { continue };
        if pid == root {
            ticks += stat.own + stat.ended_children;
        } else if stat.parent == root {
            ticks += stat.own;
        }
    }
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_micros(ticks * 1_000_000 / per_second.max(1)))
}

/// What `/proc/PID/stat` says, in clock ticks.
struct Stat {
    parent: i32,
    own: u64,
    ended_children: u64,
}

impl Stat {
    fn read(pid: i32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // After the name, which may hold anything: state, parent, …; see proc(5).
        let (_, rest) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split(' ').collect();
        let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            own: ticks(11)? + ticks(12)?,
            ended_children: ticks(13)? + ticks(14)?,
        })
    }
}

/// The most memory that this process has had since the last [`Meter::start`], in bytes.
pub(crate) fn peak_memory() -> anyhow::Result<u64> {
    memory("VmHWM:")
}

/// A line of `/proc/self/status`, in bytes.
pub(crate) fn memory(line: &str) -> anyhow::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let found = status.lines().find_map(|text| text.strip_prefix(line));
    let kilobytes = found.and_then(|rest| rest.split_whitespace().next()).context("no such line in status")?;
    Ok(kilobytes.parse::<u64>()? * 1024)
}

fn reset_peak_memory() -> anyhow::Result<()> {
    // See proc(5), `clear_refs`: 5 resets the peak.
    fs::write("/proc/self/clear_refs", "5").context("resetting the peak of memory")
}
