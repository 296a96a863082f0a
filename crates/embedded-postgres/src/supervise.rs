//! Keeps the server with its owner: starts it, starts it again if it is killed, and sees that it does not outlive us.

use std::{
    fs::{self, File, OpenOptions},
    path::PathBuf,
    process::{Command, ExitStatus, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal};
use tokio::{process::Child, sync::oneshot};

use crate::{
    Error,
    error::Doing,
    identity::Identity,
    layout::{Layout, PORT},
    orphan::{signal_process, stop_orphan},
    server::connection_url,
};

/// Crash recovery replays up to `max_wal_size` of WAL; ten minutes is far beyond that on any disk we would run on.
const READY_PATIENCE: Duration = Duration::from_mins(10);

/// How often we try to connect while it starts.
const READY_POLL: Duration = Duration::from_millis(15);

/// After an unexpected end: long enough not to spin, short enough that the batcher hardly notices.
const RESTART_DELAY: Duration = Duration::from_millis(500);

/// While it does not start (its disk is full, say), the log says so once and then this often.
const STILL_DOWN_INTERVAL: Duration = Duration::from_mins(1);

/// A fast shutdown ends sessions and writes a checkpoint.
const STOP_PATIENCE: Duration = Duration::from_mins(1);

/// The log is started afresh, keeping one predecessor, when it is larger than this at a start.
const LOG_MAX_BYTES: u64 = 16 << 20;

/// How many lines of the log an error quotes.
const LOG_TAIL_LINES: usize = 12;

/// All that is needed to start the server, again and again.
#[derive(Debug)]
pub(crate) struct Recipe {
    pub(crate) layout: Layout,
    pub(crate) identity: Identity,
    pub(crate) binaries: crate::Binaries,
    pub(crate) socket_dir: PathBuf,
    pub(crate) settings: Vec<(String, String)>,
}

impl Recipe {
    /// Starts the server and waits until it answers.
    pub(crate) async fn start(&self) -> Result<Child, Error> {
        let mut command = self.binaries.command("postgres");
        command.arg("-D").arg(&self.layout.cluster).arg("-k").arg(&self.socket_dir);
        command.args(["-p", &PORT.to_string()]);
        for (name, value) in &self.settings {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        let log = self.open_log()?;
        let for_stdout = log.try_clone().doing(|| "use the server's log".to_owned())?;
        command.stdout(for_stdout).stderr(log);
        self.identity.apply(&mut command);
        let mut command = tokio::process::Command::from(command);
        // A group of its own: Ctrl-C at the terminal is for the owner, who drains first and then stops the server.
        command.process_group(0).kill_on_drop(false);
        let mut child = command.spawn().doing(|| "run postgres".to_owned())?;
        self.wait_until_ready(&mut child).await?;
        Ok(child)
    }

    async fn wait_until_ready(&self, child: &mut Child) -> Result<(), Error> {
        let url = connection_url(&self.socket_dir, "postgres");
        let deadline = Instant::now() + READY_PATIENCE;
        loop {
            if let Some(status) = child.try_wait().doing(|| "wait for postgres".to_owned())? {
                return Err(self.did_not_start(status));
            }
            if let Ok((_client, connection)) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await {
                drop(connection);
                return Ok(());
            }
            if Instant::now() >= deadline {
                if let Some(pid) = pid_of(child) {
                    signal_process(pid, Signal::QUIT)?;
                }
                return Err(Error::NotReady {
                    waited_seconds: READY_PATIENCE.as_secs(),
                    log: self.layout.log.clone(),
                });
            }
            tokio::time::sleep(READY_POLL).await;
        }
    }

    fn open_log(&self) -> Result<File, Error> {
        let path = &self.layout.log;
        if fs::metadata(path).is_ok_and(|log| log.len() > LOG_MAX_BYTES) {
            fs::rename(path, path.with_extension("log.1"))
                .doing(|| format!("put {} aside", path.display()))?;
        }
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .doing(|| format!("open the server's log {}", path.display()))
    }

    fn did_not_start(&self, status: ExitStatus) -> Error {
        let text = fs::read(&self.layout.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let text = text.unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n");
        Error::DidNotStart { status: status.to_string(), log: self.layout.log.clone(), log_tail: tail }
    }

    /// Starts a small shell that waits for the end of our pipe to it. We hold the other end and never write: it ends
    /// when this process does, however it does, and the shell then stops the server.
    pub(crate) fn start_watchdog(&self) -> Result<Child, Error> {
        let script = r#"read -r _; read -r pid < "$1/postmaster.pid" && kill -INT "$pid""#;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script, "tollgate-postgres-watchdog"]).arg(&self.layout.cluster);
        self.spawn_helper(command, Stdio::piped())
    }

    /// Starts a shell that stops the server when nobody has touched `heartbeat` for `idle_minutes`.
    pub(crate) fn start_idle_watch(
        &self,
        heartbeat: &std::path::Path,
        idle_minutes: u32,
    ) -> Result<Child, Error> {
        let script = r#"
            while [ -n "$(find "$2" -mmin "-$3" 2>/dev/null)" ] && [ -e "$1/postmaster.pid" ]; do sleep 10; done
            read -r pid < "$1/postmaster.pid" && kill -INT "$pid""#;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script, "tollgate-postgres-idle-watch"]).arg(&self.layout.cluster).arg(heartbeat);
        command.arg(idle_minutes.to_string());
        self.spawn_helper(command, Stdio::null())
    }

    fn spawn_helper(&self, mut command: Command, stdin: Stdio) -> Result<Child, Error> {
        command.stdin(stdin).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
        self.identity.apply(&mut command);
        let mut command = tokio::process::Command::from(command);
        command.process_group(0).kill_on_drop(false);
        command.spawn().doing(|| "run /bin/sh".to_owned())
    }
}

/// Waits with the server until it is told to stop; a server that ends by itself is started again.
pub(crate) async fn supervise(
    recipe: Arc<Recipe>,
    mut child: Child,
    mut stop: oneshot::Receiver<()>,
) -> Result<(), Error> {
    loop {
        tokio::select! {
            // An error means that the owner was dropped: the same wish, less politely.
            _ = &mut stop => return stop_child(child).await,
            ended = child.wait() => {
                let status = ended.doing(|| "wait for postgres".to_owned())?;
                tracing::error!(%status, log = %recipe.layout.log.display(), "PostgreSQL ended by itself; starting it again");
            }
        }
        let mut said_at: Option<Instant> = None;
        child = loop {
            if !matches!(stop.try_recv(), Err(oneshot::error::TryRecvError::Empty)) {
                return Ok(());
            }
            tokio::time::sleep(RESTART_DELAY).await;
            let started = match stop_orphan(&recipe.layout.cluster).await {
                Ok(()) => recipe.start().await,
                Err(error) => Err(error),
            };
            match started {
                Ok(child) => break child,
                Err(error) if said_at.is_none_or(|at| at.elapsed() >= STILL_DOWN_INTERVAL) => {
                    tracing::error!(%error, "PostgreSQL did not start again; trying on");
                    said_at = Some(Instant::now());
                }
                Err(_) => {}
            }
        };
        tracing::info!("PostgreSQL is back");
    }
}

async fn stop_child(mut child: Child) -> Result<(), Error> {
    for (signal, patience) in [(Signal::INT, STOP_PATIENCE), (Signal::QUIT, STOP_PATIENCE)] {
        let Some(pid) = pid_of(&child) else { return Ok(()) };
        signal_process(pid, signal)?;
        if let Ok(ended) = tokio::time::timeout(patience, child.wait()).await {
            ended.doing(|| "wait for postgres".to_owned())?;
            return match signal {
                Signal::INT => Ok(()),
                _ => Err(Error::StoppedByForce { waited_seconds: STOP_PATIENCE.as_secs() }),
            };
        }
    }
    Err(Error::OrphanStays { pid: pid_of(&child).map_or(0, |pid| pid.as_raw_nonzero().get()) })
}

/// `None` once the child was waited for.
pub(crate) fn pid_of(child: &Child) -> Option<Pid> {
    Pid::from_raw(i32::try_from(child.id()?).ok()?)
}
