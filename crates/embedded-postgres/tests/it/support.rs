//! What these tests share.

use std::{
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};
use tollgate_embedded_postgres::Options;

/// A directory in /tmp that a server of another user can pass through.
pub(crate) fn open_directory() -> TempDir {
    tempfile::Builder::new()
        .prefix("tollgate-embedded-")
        .permissions(std::fs::Permissions::from_mode(0o711))
        .tempdir_in("/tmp")
        .unwrap()
}

/// A server for tests: not durable.
pub(crate) fn options(data_dir: &Path) -> Options {
    let mut options = Options::new(data_dir);
    options.durable = false;
    options
}

pub(crate) async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Waits for a condition, and fails when it does not come.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Another process that owns a server. Killed, not stopped, when dropped.
pub(crate) struct Owner {
    pub(crate) process: Child,
    pub(crate) url: String,
}

impl Owner {
    pub(crate) fn start(data_dir: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_private-postgres"))
            .arg(data_dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { process, url: url.trim().to_owned() }
    }

    /// `kill -9`
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The pid of the server of a data directory, as it says itself.
pub(crate) fn postmaster_pid(data_dir: &Path) -> Option<i32> {
    let text = std::fs::read_to_string(data_dir.join("cluster/postmaster.pid")).ok()?;
    text.lines().next()?.parse().ok()
}

pub(crate) fn is_alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // A zombie that nobody waited for is not alive.
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

pub(crate) fn signal(pid: i32, signal: rustix::process::Signal) {
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), signal).unwrap();
}
