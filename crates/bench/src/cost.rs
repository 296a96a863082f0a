//! What a piece of work costs: wall time, CPU of this process and of PostgreSQL, log and disk.

use std::collections::HashMap;
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

/// CPU of a process, of all that descend from it, and of those of them that have ended.
pub(crate) fn tree_cpu(root: i32) -> anyhow::Result<Duration> {
    // One that ends between listing and reading is in its parent's sum, which may have been read before: a tick or two.
    let ticks: u64 = tree(root)?.values().map(|stat| stat.own + stat.ended_children).sum();
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_micros(ticks * 1_000_000 / per_second.max(1)))
}

/// A process and all that descend from it, living ones.
fn tree(root: i32) -> anyhow::Result<HashMap<i32, Stat>> {
    let mut all = HashMap::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        if let Some(stat) = Stat::read(pid) {
            all.insert(pid, stat);
        }
    }
    let mut tree = HashMap::new();
    let mut found = vec![root];
    while let Some(pid) = found.pop() {
        found.extend(all.iter().filter(|(_, stat)| stat.parent == pid).map(|(child, _)| *child));
        if let Some(stat) = all.remove(&pid) {
            tree.insert(pid, stat);
        }
    }
    Ok(tree)
}

/// Memory that processes of this name have for themselves, shared pages by their share; those of a process and all that descend from it.
/// In bytes.
pub(crate) fn tree_memory(root: i32, name: &str) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for pid in tree(root)?.into_keys() {
        let is_named = fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == name);
        if is_named {
            bytes += line_of(&format!("/proc/{pid}/smaps_rollup"), "Pss:")?;
        }
    }
    Ok(bytes)
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
    line_of("/proc/self/status", line)
}

fn line_of(file: &str, line: &str) -> anyhow::Result<u64> {
    let text = fs::read_to_string(file)?;
    let found = text.lines().find_map(|text| text.strip_prefix(line));
    let kilobytes = found.and_then(|rest| rest.split_whitespace().next());
    let kilobytes = kilobytes.with_context(|| format!("no {line} in {file}"))?;
    Ok(kilobytes.parse::<u64>()? * 1024)
}

fn reset_peak_memory() -> anyhow::Result<()> {
    // See proc(5), `clear_refs`: 5 resets the peak.
    fs::write("/proc/self/clear_refs", "5").context("resetting the peak of memory")
}
