//! One gateway: the real server as a child process, life after life on one data directory.

use std::{
    fs::{self, File},
    net::SocketAddr,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::Instant,
};
use tollgate_failpoints::VARIABLE;

/// A start waits for the database, which may be recovering.
const START_TIMEOUT: Duration = Duration::from_mins(1);
/// Longer than the server's own bound, below.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// A server that is there answers at once.
const METRICS_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the program is and what its commands are given.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) binary: PathBuf,
    pub(crate) database_url: String,
    pub(crate) master_key: PathBuf,
}

impl Program {
    /// The program with this environment and no other settings.
    pub(crate) fn command(&self, data: &Path) -> Command {
        let mut command = Command::new(&self.binary);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TOLLGATE_") {
                command.env_remove(name);
            }
        }
        command
            .env("TOLLGATE_DATABASE__URL", &self.database_url)
            .env("TOLLGATE_MASTER_KEY_FILE", &self.master_key)
            .arg("--data-dir")
            .arg(data)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// What a command answers under `--json`; `Err` where it fails or finds something.
    pub(crate) async fn ask(&self, data: &Path, line: &str) -> anyhow::Result<Value> {
        let mut command = self.command(data);
        let output = command.args(line.split_whitespace()).arg("--json").output().await?;
        let stdout = String::from_utf8_lossy(&output.stdout);
        ensure!(
            output.status.success(),
            "`tollgate {line}` failed: {} {stdout}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_str(&stdout).with_context(|| format!("`tollgate {line}` answered {stdout}"))
    }
}

/// A place for a gateway, and the process that lives there now.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) data: PathBuf,
    /// What becomes of requests that its end interrupts.
    policy: &'static str,
    logs: PathBuf,
    process: Option<Process>,
}

/// One life.
#[derive(Debug)]
struct Process {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    log: PathBuf,
    address: Option<SocketAddr>,
}

/// How a start went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Started {
    Serves(SocketAddr),
    /// It ended before it served.
    Ended(ExitStatus),
}

impl Gateway {
    pub(crate) fn new(directory: &Path, name: &str, policy: &'static str) -> anyhow::Result<Self> {
        let (data, logs) = (directory.join(name), directory.join(format!("{name}-logs")));
        fs::create_dir_all(&logs)?;
        Ok(Self { data, policy, logs, process: None })
    }

    pub(crate) const fn is_up(&self) -> bool {
        self.process.is_some()
    }

    /// Whether this life has begun to serve.
    pub(crate) fn serves(&self) -> bool {
        self.process.as_ref().is_some_and(|process| process.address.is_some())
    }

    /// Begins another life. `armed` is the failpoint of it.
    pub(crate) fn spawn(&mut self, program: &Program, name: &str, armed: Option<&str>) -> anyhow::Result<()> {
        let log = self.logs.join(format!("{name}.log"));
        let mut command = program.command(&self.data);
        command
            .args(["serve", "--json", "--listen", "127.0.0.1:0"])
            .env("TOLLGATE_SPOOL__ON_INTERRUPTED", self.policy)
            // What the books have is forgotten at each start, so that forgetting is crashed too.
            .env("TOLLGATE_SPOOL__KEEP_ACKNOWLEDGED_S", "1")
            .env("TOLLGATE_ANALYTICS__SHUTDOWN_TIMEOUT_MS", "10000")
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?);
        if let Some(armed) = armed {
            command.env(VARIABLE, armed);
        }
        let mut child = command.spawn().with_context(|| format!("starting {}", program.binary.display()))?;
        let stdout = child.stdout.take().context("its standard output was asked for")?;
        let stdout = BufReader::new(stdout).lines();
        self.process = Some(Process { child, stdout, log, address: None });
        Ok(())
    }

    /// Waits until it serves, or has ended.
    pub(crate) async fn started(&mut self) -> anyhow::Result<Started> {
        let process = self.process.as_mut().context("the gateway was started")?;
        let line = tokio::time::timeout(START_TIMEOUT, process.stdout.next_line());
        match line
            .await
            .with_context(|| format!("no start within {START_TIMEOUT:?}: {}", process.log.display()))??
        {
            Some(line) => {
                let ready: Value = serde_json::from_str(&line).with_context(|| line.clone())?;
                let address = ready.get("listen").and_then(Value::as_str).context("no address")?.parse()?;
                process.address = Some(address);
                Ok(Started::Serves(address))
            }
            None => Ok(Started::Ended(self.ended().await?)),
        }
    }

    /// Waits for its end, for which there is a reason.
    pub(crate) async fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        match self.ends_within(STOP_TIMEOUT).await? {
            Some(status) => Ok(status),
            None => bail!("a gateway did not end within {STOP_TIMEOUT:?}: {}", self.log().display()),
        }
    }

    /// Its end, if that comes in time.
    pub(crate) async fn ends_within(&mut self, time: Duration) -> anyhow::Result<Option<ExitStatus>> {
        let process = self.process.as_mut().context("the gateway runs")?;
        let Ok(status) = tokio::time::timeout(time, process.child.wait()).await else { return Ok(None) };
        let status = status?;
        self.process = None;
        Ok(Some(status))
    }

    /// A signal for the living process. That it has ended by itself meanwhile is no mistake.
    pub(crate) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let id = self.process.as_ref().and_then(|process| process.child.id());
        let Some(pid) = id.and_then(|id| Pid::from_raw(id.cast_signed())) else { return Ok(()) };
        match kill_process(pid, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Where this life's log is.
    pub(crate) fn log(&self) -> PathBuf {
        self.process.as_ref().map_or_else(|| self.logs.clone(), |process| process.log.clone())
    }

    /// Removes the logs of lives that are over and were found right.
    pub(crate) fn forget_logs(&self) -> anyhow::Result<()> {
        let current = self.log();
        for entry in fs::read_dir(&self.logs)? {
            let path = entry?.path();
            if path != current {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// Whether it says of itself that it is ready.
    pub(crate) async fn is_ready(&self) -> bool {
        self.get("/readyz").await.is_some_and(|(status, _)| status == 200)
    }

    /// Waits until the books have all that its spool has.
    pub(crate) async fn drained(&self, within: Duration) -> anyhow::Result<()> {
        let names =
            ["tollgate_spool_waiting_records", "tollgate_spool_queued_records", "tollgate_open_requests"];
        self.comes_to_nothing(names, within).await
    }

    /// Waits until none of its requests holds any credits.
    pub(crate) async fn holds_nothing(&self, within: Duration) -> anyhow::Result<()> {
        self.comes_to_nothing(["tollgate_holds", "tollgate_held_credits"], within).await
    }

    /// Waits until these metrics are zero.
    async fn comes_to_nothing<const N: usize>(
        &self,
        names: [&str; N],
        within: Duration,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + within;
        loop {
            let metrics = self.get("/metrics").await.map(|(_, body)| body).unwrap_or_default();
            let value = |name: &str| {
                metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok())
            };
            let values = names.map(value);
            if values.iter().all(|value| value.is_some_and(|value| value == 0.0)) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("not idle within {within:?}: {names:?} are {values:?} ({})", self.log().display());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn get(&self, path: &str) -> Option<(u16, String)> {
        let address = self.process.as_ref()?.address?;
        tokio::time::timeout(METRICS_TIMEOUT, crate::client::get(address, path)).await.ok()?
    }
}

/// Whether a process ended by an abort, which is what an armed failpoint does.
pub(crate) fn is_abort(status: ExitStatus) -> bool {
    status.signal() == Some(Signal::ABORT.as_raw())
}
