//! What a process has: memory, file descriptors, threads. Read from procfs, so on Linux only.

use std::{
    fs,
    io::{self, Error},
};

/// What one process has at a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProcessUse {
    /// Resident memory in bytes.
    pub resident_bytes: u64,
    /// Of it, memory of its own that is in no file.
    pub private_bytes: u64,
    /// Of it, memory shared with others, such as PostgreSQL's buffers.
    pub shared_bytes: u64,
    /// Open file descriptors.
    pub descriptors: u64,
    /// Threads.
    pub threads: u64,
    /// Time on a processor since it began, in milliseconds.
    pub cpu_ms: u64,
}

/// `/proc` counts time in ticks of a hundredth of a second, on every Linux.
const TICK_MS: u64 = 10;

impl ProcessUse {
    /// Of the process with this pid. An error is one that has ended, or belongs to somebody else.
    pub fn of(pid: u32) -> io::Result<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            // A process that has just ended has no memory any more.
            line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default()
        };
        Ok(Self {
            resident_bytes: number("VmRSS") * 1024,
            private_bytes: number("RssAnon") * 1024,
            shared_bytes: number("RssShmem") * 1024,
            descriptors: u64::try_from(fs::read_dir(format!("/proc/{pid}/fd"))?.count())
                .map_err(Error::other)?,
            threads: number("Threads"),
            cpu_ms: cpu_ms(pid).unwrap_or_default(),
        })
    }

    /// Of a process and those that it started: their own memory in sum, the shared memory once.
    pub fn of_family(pid: u32) -> io::Result<Self> {
        let mut family = Self::of(pid)?;
        for entry in fs::read_dir("/proc")? {
            let Some(child) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            // One may end while we look.
            if parent(child) == Some(pid)
                && let Ok(of_child) = Self::of(child)
            {
                family.private_bytes += of_child.private_bytes;
                family.shared_bytes = family.shared_bytes.max(of_child.shared_bytes);
                family.descriptors += of_child.descriptors;
                family.threads += of_child.threads;
                family.cpu_ms += of_child.cpu_ms;
            }
        }
        family.resident_bytes = family.private_bytes + family.shared_bytes;
        Ok(family)
    }
}

/// The fields of `/proc/PID/stat` after the name, which stands in parentheses and may hold anything.
fn stat(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(stat.rsplit_once(") ")?.1.split_whitespace().map(str::to_owned).collect())
}

fn parent(pid: u32) -> Option<u32> {
    stat(pid)?.get(1)?.parse().ok()
}

fn cpu_ms(pid: u32) -> Option<u64> {
    let stat = stat(pid)?;
    let ticks = |index: usize| stat.get(index)?.parse::<u64>().ok();
    Some((ticks(11)? + ticks(12)?) * TICK_MS)
}
