//! The programs that take part: the upstream, nginx, Tollgate, wrk.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use tokio::net::TcpStream;

use super::MODEL;
use crate::batcher::Survives;

/// The first start makes a database cluster.
const START_TIMEOUT: Duration = Duration::from_mins(2);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A program that runs until it is dropped.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
}

impl Running {
    pub(super) fn pid(&self) -> anyhow::Result<i32> {
        Ok(i32::try_from(self.child.id())?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        // Politely: Tollgate stops its database, nginx its workers.
        let told = pid.map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::TERM));
        if let Some(Ok(())) = told {
            drop(self.child.wait());
        }
    }
}

/// Installs wrk and nginx where they are missing and the machine is Debian's.
pub(super) fn install() -> anyhow::Result<()> {
    let missing: Vec<&str> = ["wrk", "nginx"].into_iter().filter(|program| !is_there(program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let advice = format!("{} is needed: `apt-get install {}`", missing.join(" and "), missing.join(" "));
    ensure!(rustix::process::geteuid().is_root() && is_there("apt-get"), "{advice}");
    let mut install = Command::new("apt-get");
    install.args(["install", "--yes", "--quiet", "--no-install-recommends"]).args(&missing);
    // The package would start nginx as a service of the machine; in runlevel 1 it does not.
    install.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1").stdout(Stdio::null());
    let installed = install.status().context("starting apt-get")?;
    ensure!(installed.success(), "{advice}");
    Ok(())
}

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = [PathBuf::from("/usr/sbin")];
    std::env::split_paths(&path).chain(usual).any(|directory| directory.join(program).is_file())
}

/// The upstream, and its URL.
pub(super) fn upstream() -> anyhow::Result<(Running, String)> {
    let program = std::env::current_exe()?;
    let mut child = Command::new(program)
        .arg("upstream")
        // It ends with us.
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut address = String::new();
    let stdout = child.stdout.take().context("the upstream has no output")?;
    BufReader::new(stdout).read_line(&mut address)?;
    let address = address.trim();
    ensure!(!address.is_empty(), "the upstream did not start");
    Ok((Running { child }, format!("http://{address}")))
}

/// A plain reverse proxy, and its URL.
pub(super) async fn nginx(directory: &Path, upstream: &str) -> anyhow::Result<(Running, String)> {
    let address = free_address()?;
    let upstream = upstream.trim_start_matches("http://");
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    let place = directory.display();
    let config = format!(
        "{user}
worker_processes auto;
pid {place}/nginx.pid;
error_log {place}/nginx.log error;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {place}/nginx-bodies;
    proxy_temp_path {place}/nginx-proxy;
    fastcgi_temp_path {place}/nginx-fastcgi;
    uwsgi_temp_path {place}/nginx-uwsgi;
    scgi_temp_path {place}/nginx-scgi;
    upstream backend {{ server {upstream}; keepalive 256; }}
    server {{
        listen {address};
        keepalive_requests 100000000;
        location / {{
            proxy_pass http://backend;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
            proxy_buffering off;
        }}
    }}
}}
"
    );
    let file = directory.join("nginx.conf");
    fs::write(&file, config)?;
    let mut nginx = Command::new("nginx");
    nginx.arg("-c").arg(&file).arg("-e").arg(directory.join("nginx.log"));
    let child = nginx.args(["-g", "daemon off;"]).spawn().context("starting nginx")?;
    let running = Running { child };
    wait_for(&address).await?;
    Ok((running, format!("http://{address}")))
}

/// `tollgate serve` with everything on.
#[derive(Debug)]
pub(super) struct Tollgate {
    pub(super) running: Running,
    pub(super) url: String,
    /// The secret of a key that may do everything.
    pub(super) key: String,
    binary: PathBuf,
    data: PathBuf,
}

/// Builds the binary as a user would, and answers where it is.
pub(super) fn build_tollgate() -> anyhow::Result<PathBuf> {
    let built = Command::new("cargo")
        .args(["build", "--release", "--package", "tollgate-server", "--bin", "tollgate"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()?;
    ensure!(built.success(), "`tollgate` could not be built");
    let program = std::env::current_exe()?;
    let target = program.parent().and_then(Path::parent).context("this program is in no target directory")?;
    Ok(target.join("release/tollgate"))
}

impl Tollgate {
    pub(super) async fn serve(
        binary: &Path,
        directory: &Path,
        durability: Survives,
        upstream: &str,
    ) -> anyhow::Result<Self> {
        let data = directory.join(format!("tollgate-{}", durability.name()));
        fs::create_dir(&data)?;
        fs::set_permissions(&data, fs::Permissions::from_mode(0o711))?;
        let address = free_address()?;
        let log = fs::File::create(data.join("serve.log"))?;
        let child = Command::new(binary)
            .args(["serve", "--listen", &address, "--data-dir"])
            .arg(&data)
            .env("TOLLGATE_SPOOL__DURABILITY", durability.name())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let mut tollgate = Self {
            running: Running { child },
            url: format!("http://{address}"),
            key: String::new(),
            binary: binary.to_owned(),
            data,
        };
        wait_for(&address).await?;
        tollgate.cli(&[
            "endpoint",
            "create",
            "bench",
            upstream,
            "--provider",
            "bench",
            "--auth-style",
            "none",
        ])?;
        tollgate.cli(&["model", "create", MODEL, "--endpoint", "bench"])?;
        let prices = tollgate.data.join("prices.json");
        fs::write(&prices, r#"[{"purpose":"realtime","input_price":"0.000003","output_price":"0.000015"}]"#)?;
        tollgate.cli(&["tariff", "replace", MODEL, &prices.to_string_lossy()])?;
        tollgate.cli(&["user", "create", "bench", "--credits", "1000000000"])?;
        let key = tollgate.cli(&["key", "create", "--user", "bench"])?;
        let secret = key.get("secret").and_then(Value::as_str).context("`key create` printed no secret")?;
        secret.clone_into(&mut tollgate.key);
        Ok(tollgate)
    }

    /// Asks the auditor; an error says what is wrong.
    pub(super) fn audit(&self) -> anyhow::Result<()> {
        self.cli(&["audit"]).map(drop)
    }

    fn cli(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let output = Command::new(&self.binary)
            .args(arguments)
            .arg("--json")
            .arg("--data-dir")
            .arg(&self.data)
            .stderr(Stdio::inherit())
            .output()?;
        ensure!(output.status.success(), "`tollgate {}` failed", arguments.join(" "));
        Ok(serde_json::from_slice(&output.stdout).unwrap_or_default())
    }
}

fn free_address() -> anyhow::Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

async fn wait_for(address: &str) -> anyhow::Result<()> {
    let deadline = Instant::now() + START_TIMEOUT;
    while TcpStream::connect(address).await.is_err() {
        if Instant::now() > deadline {
            bail!("nobody listens on {address} after {} s", START_TIMEOUT.as_secs());
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(())
}
