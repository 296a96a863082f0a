//! The database server: testkit's, with its processes in reach. Killed, it is started again by its supervisor.

use std::{fs, time::Duration};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;
use tokio_postgres::{Client, NoTls};
use tollgate_testkit::{PrivatePostgres, TestPostgres};

use crate::random::Random;

/// Recovery after a kill takes a second or two.
const RETURN_TIMEOUT: Duration = Duration::from_mins(1);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(crate) struct Postgres(PrivatePostgres);

impl Postgres {
    pub(crate) async fn start() -> Self {
        Self(TestPostgres::private().await)
    }

    pub(crate) fn url(&self) -> String {
        self.0.url()
    }

    /// Stops it and leaves its data behind; answers where.
    pub(crate) async fn keep(self) -> std::path::PathBuf {
        self.0.keep().await
    }

    /// SIGKILL for the main process, on which the others end by themselves.
    pub(crate) fn kill(&self) -> anyhow::Result<()> {
        kill(self.0.pid())
    }

    /// SIGKILL for one of its other processes; they may be those of connections, or the writers of its log and tables.
    pub(crate) fn kill_one_process(&self, random: &mut Random) -> anyhow::Result<()> {
        let main = self.0.pid();
        let children = fs::read_to_string(format!("/proc/{main}/task/{main}/children"))?;
        let children: Vec<i32> = children.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
        kill(random.one_of(&children).context("PostgreSQL has no processes")?)
    }

    /// A connection, as soon as it takes some.
    pub(crate) async fn connect(&self) -> anyhow::Result<Client> {
        let deadline = Instant::now() + RETURN_TIMEOUT;
        loop {
            match tokio_postgres::connect(&self.url(), NoTls).await {
                Ok((client, connection)) => {
                    tokio::spawn(connection);
                    return Ok(client);
                }
                Err(error) if Instant::now() > deadline => {
                    bail!("PostgreSQL did not come back within {RETURN_TIMEOUT:?}: {error}")
                }
                Err(_) => tokio::time::sleep(LOOK_AGAIN).await,
            }
        }
    }
}

/// That it has ended meanwhile is no mistake.
fn kill(pid: i32) -> anyhow::Result<()> {
    let pid = Pid::from_raw(pid).context("no such process")?;
    match kill_process(pid, Signal::KILL) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
