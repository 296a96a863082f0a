//! The real binary, as a user runs it: one `tollgate serve`, and the command line beside it.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Child,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::process::{Run, target_directory};

/// The address to serve on, when nobody has it.
const USUAL_ADDRESS: &str = "127.0.0.1:8080";
/// The first start makes a database cluster.
const START_TIMEOUT: Duration = Duration::from_secs(90);
/// Longer than the server's own bound for draining.
const STOP_TIMEOUT: Duration = Duration::from_secs(45);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A running server and its data directory. Dropped, it stops the server.
#[derive(Debug)]
pub(crate) struct Tollgate {
    binary: PathBuf,
    data: tempfile::TempDir,
    address: SocketAddr,
    /// Environment of the server and of every command.
    settings: Vec<(String, String)>,
    server: Option<Child>,
}

/// Which binary is put on the stage.
#[derive(Debug, clap::Args)]
pub(crate) struct Which {
    /// Use a debug build of the server: sooner built, slower.
    #[arg(long)]
    debug: bool,
    /// Use this binary and build none: to compare two versions.
    #[arg(long, conflicts_with = "debug")]
    binary: Option<PathBuf>,
}

impl Which {
    /// Builds it if it is to be built, and answers where it is.
    pub(crate) fn get(&self) -> anyhow::Result<PathBuf> {
        match &self.binary {
            Some(binary) => binary.canonicalize().with_context(|| format!("finding {}", binary.display())),
            None => build(self.debug),
        }
    }
}

/// Builds the binary and answers where it is.
pub(crate) fn build(debug: bool) -> anyhow::Result<PathBuf> {
    build_with(debug, "")
}

/// The same, with more that cargo builds beside it, once.
pub(crate) fn build_with(debug: bool, more: &str) -> anyhow::Result<PathBuf> {
    let build = Run::cargo("build --package tollgate-server --bin tollgate").args(more.split_whitespace());
    let build = if debug { build } else { build.arg("--release") };
    println!("── {build}");
    build.run()?;
    Ok(target_directory()?.join(if debug { "debug" } else { "release" }).join("tollgate"))
}

/// A directory for this run, removed with the value.
pub(crate) fn stage_directory() -> anyhow::Result<tempfile::TempDir> {
    let mut directory = tempfile::Builder::new();
    // As root, PostgreSQL runs as another user, who must reach what is inside.
    let mode = if rustix::process::geteuid().is_root() { 0o711 } else { 0o700 };
    directory
        .prefix("tollgate-stage-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))
        .tempdir()
        .context("making a data directory")
}

impl Tollgate {
    /// Starts a server on an empty data directory and waits until it is ready. Settings are by the names of the environment, such as
    /// `TOLLGATE_DATABASE__URL`.
    pub(crate) async fn serve(binary: PathBuf, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let data = stage_directory()?;
        let address = free_address()?;
        let settings =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut tollgate = Self { binary, data, address, settings, server: None };
        tollgate.start().await?;
        Ok(tollgate)
    }

    /// Another life of it, at the same address and on the same data directory.
    pub(crate) async fn start(&mut self) -> anyhow::Result<()> {
        let log = fs::File::create(self.log_path())?;
        let mut serve = self.command(&["serve", "--listen", &self.address.to_string()]).command();
        serve.stdout(log.try_clone()?).stderr(log);
        // A group of its own, so that Ctrl-C reaches us alone and we can stop it in order.
        std::os::unix::process::CommandExt::process_group(&mut serve, 0);
        self.server = Some(serve.spawn().context("starting `tollgate serve`")?);
        self.wait_until_ready().await
    }

    /// SIGKILL, as a machine that is gone. Returns when it is dead.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        let mut server = self.server.take().context("the server runs")?;
        server.kill()?;
        server.wait()?;
        Ok(())
    }

    /// Where clients send their requests.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where somebody comes into the dashboard, once.
    pub(crate) fn sign_in_link(&self, user: &str) -> anyhow::Result<String> {
        let made = self.cli(&["user", "sign-in-link", user])?;
        made["url"].as_str().map(str::to_owned).with_context(|| format!("there is no link in {made}"))
    }

    /// Where clients connect.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The server's process.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Child::id)
    }

    /// Its data directory, for commands that people type.
    pub(crate) fn data_directory(&self) -> &Path {
        self.data.path()
    }

    /// The binary, for commands that people type.
    pub(crate) fn binary(&self) -> &Path {
        &self.binary
    }

    /// Runs one command of the command line beside the server, and answers its JSON.
    pub(crate) fn cli(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let run = self.command(arguments).arg("--json");
        let text = run.output()?;
        serde_json::from_str(&text).with_context(|| format!("`{run}` printed no JSON: {text}"))
    }

    /// Runs one command of the command line with its output for people on ours.
    pub(crate) fn show(&self, arguments: &[&str]) -> anyhow::Result<()> {
        self.command(arguments).run()
    }

    /// Stops it as an operator would, and waits for it.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let Some(mut server) = self.server.take() else { return Ok(()) };
        terminate(&server)?;
        let deadline = Instant::now() + STOP_TIMEOUT;
        loop {
            if let Some(status) = server.try_wait()? {
                if status.success() {
                    return Ok(());
                }
                bail!("`tollgate serve` ended with {status}:\n{}", self.end_of_log());
            }
            if Instant::now() > deadline {
                server.kill()?;
                bail!(
                    "`tollgate serve` did not stop within {} s:\n{}",
                    STOP_TIMEOUT.as_secs(),
                    self.end_of_log()
                );
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    fn command(&self, arguments: &[&str]) -> Run {
        // The settings of whoever runs this, such as a database, are not for this server.
        let run = Run::program(&self.binary).withhold("TOLLGATE_");
        let run = self.settings.iter().fold(run, |run, (name, value)| run.env(name, value));
        run.args(arguments).arg("--data-dir").arg(self.data.path())
    }

    async fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        let ready = format!("{}/readyz", self.url());
        while !super::http::is_ok(&ready).await {
            let ended = self.server.as_mut().map(Child::try_wait).transpose()?.flatten();
            if let Some(status) = ended {
                bail!("`tollgate serve` ended with {status}:\n{}", self.end_of_log());
            }
            if Instant::now() > deadline {
                bail!(
                    "`tollgate serve` is not ready after {} s:\n{}",
                    START_TIMEOUT.as_secs(),
                    self.end_of_log()
                );
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    fn log_path(&self) -> PathBuf {
        self.data.path().join("serve.log")
    }

    fn end_of_log(&self) -> String {
        let log = fs::read_to_string(self.log_path()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(30)..).unwrap_or_default().join("\n")
    }
}

impl Drop for Tollgate {
    fn drop(&mut self) {
        // On the way out of a failure: the failure is what is reported.
        if let Some(mut server) = self.server.take()
            && terminate(&server).is_ok()
        {
            drop(server.wait());
        }
    }
}

fn terminate(server: &Child) -> anyhow::Result<()> {
    let pid = i32::try_from(server.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw)
        .context("no such process")?;
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).context("stopping `tollgate serve`")
}

/// The usual address, or one with another port.
fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(USUAL_ADDRESS).or_else(|_| TcpListener::bind("127.0.0.1:0"))?;
    Ok(listener.local_addr()?)
}
