//! A server that outlived its owner. The next owner stops it and starts its own, so that settings and socket are
//! this owner's; PostgreSQL keeps every commit across that.
//!
//! We hold the data directory's lock when we come here, so whatever still runs in the cluster has lost its owner.

use std::{
    fs, io,
    path::Path,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::{Error, error::Doing};

/// A fast shutdown writes a checkpoint: this is long enough for one on a slow disk.
const FAST_SHUTDOWN_PATIENCE: Duration = Duration::from_secs(30);

/// An immediate shutdown writes nothing; a process that is not gone after this is stuck in the kernel.
const IMMEDIATE_SHUTDOWN_PATIENCE: Duration = Duration::from_secs(10);

/// How often we look whether it is gone.
const POLL: Duration = Duration::from_millis(20);

/// The pid in `postmaster.pid`, if there is one.
pub(crate) fn postmaster_pid(cluster: &Path) -> Option<Pid> {
    let text = fs::read_to_string(cluster.join("postmaster.pid")).ok()?;
    Pid::from_raw(text.lines().next()?.trim().parse().ok().filter(|pid| *pid > 0)?)
}

/// Stops what an earlier owner left behind in `cluster`, and removes a `postmaster.pid` whose pid now belongs to
/// some other program (after a reboot, or in a container, where pids repeat).
pub(crate) async fn stop_orphan(cluster: &Path) -> Result<(), Error> {
    let Some(postmaster) = postmaster_pid(cluster) else { return wait_for_backends(cluster).await };
    if !runs_in(postmaster, cluster) {
        wait_for_backends(cluster).await?;
        if is_alive(postmaster) {
            let path = cluster.join("postmaster.pid");
            tracing::warn!(
                pid = postmaster.as_raw_nonzero(),
                "removing a stale postmaster.pid: that pid is another program now"
            );
            remove_if_there(&path)?;
        }
        return Ok(());
    }
    tracing::warn!(
        pid = postmaster.as_raw_nonzero(),
        "stopping the PostgreSQL that an earlier process left behind"
    );
    for (signal, patience) in
        [(Signal::INT, FAST_SHUTDOWN_PATIENCE), (Signal::QUIT, IMMEDIATE_SHUTDOWN_PATIENCE)]
    {
        // Already gone is what we want.
        signal_process(postmaster, signal)?;
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if !runs_in(postmaster, cluster) {
                return wait_for_backends(cluster).await;
            }
            tokio::time::sleep(POLL).await;
        }
    }
    Err(Error::OrphanStays { pid: postmaster.as_raw_nonzero().get() })
}

/// Sends a signal; a process that is gone is not an error.
pub(crate) fn signal_process(pid: Pid, signal: Signal) -> Result<(), Error> {
    match kill_process(pid, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(errno) => {
            Err(io::Error::from(errno)).doing(|| format!("signal process {}", pid.as_raw_nonzero()))
        }
    }
}

/// The backends of a postmaster that was killed notice it by themselves, a moment later. Until then their shared
/// memory keeps a new server from starting.
pub(crate) async fn wait_for_backends(cluster: &Path) -> Result<(), Error> {
    let deadline = Instant::now() + IMMEDIATE_SHUTDOWN_PATIENCE;
    loop {
        let Some(backend) = processes_in(cluster).next() else { return Ok(()) };
        if Instant::now() >= deadline {
            return Err(Error::OrphanStays { pid: backend.as_raw_nonzero().get() });
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Whether `pid` is a server process of this cluster: they all work in its directory. Without procfs (macOS) the
/// pid being alive has to do.
fn runs_in(pid: Pid, cluster: &Path) -> bool {
    if Path::new("/proc/self/cwd").exists() {
        fs::read_link(format!("/proc/{}/cwd", pid.as_raw_nonzero())).is_ok_and(|cwd| cwd == cluster)
    } else {
        is_alive(pid)
    }
}

fn is_alive(pid: Pid) -> bool {
    !matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH))
}

/// The PostgreSQL processes that work in `cluster`. A shell that somebody left there does not count. None without procfs.
pub(crate) fn processes_in(cluster: &Path) -> impl Iterator<Item = Pid> {
    let processes = fs::read_dir("/proc").into_iter().flatten();
    processes.filter_map(Result::ok).filter_map(move |entry| {
        let pid = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
        let is_postgres =
            fs::read_to_string(entry.path().join("comm")).is_ok_and(|comm| comm.starts_with("postgres"));
        (is_postgres && runs_in(pid, cluster)).then_some(pid)
    })
}

fn remove_if_there(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).doing(|| format!("remove {}", path.display()))
        }
        _ => Ok(()),
    }
}
