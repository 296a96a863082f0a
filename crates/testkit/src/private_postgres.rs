//! A PostgreSQL server of one test's own, and what may happen to it: stopped, killed, frozen, out of disk.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use rustix::process::{Pid, Signal, kill_process};
use tollgate_embedded_postgres::{EmbeddedPostgres, Halt, Options};

use crate::{SmallDisk, cluster_template};

/// A server of one test's own. Get one from [`TestPostgres::private`](crate::TestPostgres::private).
#[derive(Debug)]
pub struct PrivatePostgres {
    server: Option<EmbeddedPostgres>,
    options: Options,
    // Last: removed when the server was told to end.
    home: Home,
}

/// Where its files are.
#[derive(Debug)]
pub(crate) enum Home {
    Temporary(tempfile::TempDir),
    Small(SmallDisk),
}

impl Home {
    pub(crate) fn temporary() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("tollgate-private-pg-")
            .permissions(Permissions::from_mode(0o711))
            .tempdir()
            .unwrap();
        Self::Temporary(directory)
    }

    fn data_dir(&self) -> PathBuf {
        match self {
            Self::Temporary(directory) => directory.path(),
            Self::Small(disk) => disk.path(),
        }
        .join("pg")
    }
}

impl PrivatePostgres {
    pub(crate) async fn start(home: Home, settings: &[(&str, &str)]) -> Self {
        let mut server = Self::prepare(home, settings);
        server.start_again().await;
        server
    }

    /// One that is not started yet.
    pub(crate) fn prepare(home: Home, settings: &[(&str, &str)]) -> Self {
        let mut options = Options::new(home.data_dir());
        options.durable = false;
        options.settings =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { server: None, options, home }
    }

    /// A server all of whose files are on `disk`, which takes some 60 MB of it.
    pub async fn start_on(disk: SmallDisk) -> Self {
        Self::start(Home::Small(disk), &[]).await
    }

    /// URL of an empty database of this server; the same after [`start_again`](Self::start_again).
    pub fn url(&self) -> String {
        self.running().connection_string().to_owned()
    }

    /// The pid of the server's main process. A SIGKILL is answered by a new start, half a second later.
    pub fn pid(&self) -> i32 {
        self.running().pid().expect("the server runs")
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.options.data_dir.join("postgres.log")).unwrap()
    }

    /// The disk that it is on, if it has one of its own.
    pub fn disk(&self) -> Option<&SmallDisk> {
        match &self.home {
            Home::Temporary(_) => None,
            Home::Small(disk) => Some(disk),
        }
    }

    /// Stops the server in order, until [`start_again`](Self::start_again).
    pub async fn stop(&mut self) {
        self.server.take().expect("the server runs").stop().await.unwrap();
    }

    /// Stops the server and leaves its files behind, to be looked at.
    pub async fn keep(mut self) -> PathBuf {
        self.stop().await;
        match self.home {
            Home::Temporary(directory) => directory.keep(),
            Home::Small(disk) => disk.path().to_owned(),
        }
    }

    /// Ends the server out of order, until [`start_again`](Self::start_again).
    pub async fn halt(&mut self, how: Halt) {
        self.server.take().expect("the server runs").halt(how).await.unwrap();
    }

    /// Starts the server again on the same data. Returns when it answers.
    pub async fn start_again(&mut self) {
        assert!(self.server.is_none(), "the server runs already");
        cluster_template::provide(&self.options.data_dir).await;
        self.server = Some(EmbeddedPostgres::start(self.options.clone()).await.unwrap());
    }

    /// Stops every process of the server where it is, by SIGSTOP: connections stay open and say nothing, new ones are taken by the
    /// kernel and never answered.
    pub fn freeze(&self) -> Frozen {
        let server = self.running();
        let mut frozen = Frozen { pids: vec![self.pid()] };
        signal(self.pid(), Signal::STOP);
        // Once the main process is stopped there are no new ones.
        while !is_stopped(self.pid()) {
            std::thread::yield_now();
        }
        for pid in server.pids().into_iter().skip(1) {
            signal(pid, Signal::STOP);
            frozen.pids.push(pid);
        }
        frozen
    }

    /// Moves the write-ahead log to `disk`. The server must be stopped.
    pub fn move_wal_to(&self, disk: &SmallDisk) {
        assert!(self.server.is_none(), "the server is stopped first");
        let (from, to) = (self.cluster().join("pg_wal"), disk.path().join("pg_wal"));
        copy_directory(&from, &to);
        fs::remove_dir_all(&from).unwrap();
        symlink(&to, &from).unwrap();
    }

    /// The directory of the database itself.
    pub(crate) fn cluster(&self) -> PathBuf {
        self.options.data_dir.join("cluster")
    }

    /// Changes what it is started with from the next start on.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.options.settings.push((name.to_owned(), value.to_owned()));
    }

    fn running(&self) -> &EmbeddedPostgres {
        self.server.as_ref().expect("the server is stopped")
    }
}

/// A server whose processes are stopped. They go on when this is dropped.
#[derive(Debug)]
#[must_use = "the server goes on when this is dropped"]
pub struct Frozen {
    pids: Vec<i32>,
}

impl Frozen {
    /// Lets the server go on.
    pub fn thaw(self) {
        drop(self);
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for pid in &self.pids {
            signal(*pid, Signal::CONT);
        }
    }
}

/// Copies a directory with owners and modes.
pub(crate) fn copy_directory(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(copied.success(), "{} could not be copied to {}", from.display(), to.display());
}

fn signal(pid: i32, signal: Signal) {
    match kill_process(Pid::from_raw(pid).expect("a pid"), signal) {
        // One that has ended needs no signal.
        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
        Err(error) => panic!("signal {signal:?} to {pid}: {error}"),
    }
}

fn is_stopped(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T'))
}
