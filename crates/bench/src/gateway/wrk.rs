//! wrk: as many requests as so many connections get answered, each sent when the one before has its answer.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;

use super::{Case, Target};

/// What wrk says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answered {
    pub(super) requests: f64,
    pub(super) per_second: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

/// How wrk is told what to send, and how it says what it saw.
const SCRIPT: &str = r#"
wrk.method = "POST"
wrk.path = "/v1/chat/completions"
wrk.headers["content-type"] = "application/json"
wrk.headers["authorization"] = "Bearer @KEY@"
local file = io.open("@BODY@", "rb")
wrk.body = file:read("*a")
file:close()
function done(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("figures %d %d %d %f %f\n", summary.requests, summary.duration, failed,
    latency:percentile(50), latency:percentile(99)))
end
"#;

/// Sends for so long over so many connections. One answer that is no success is an error: it would have been a quick one.
pub(super) async fn run(
    directory: &Path,
    target: &Target,
    case: Case,
    body: &Bytes,
    connections: u32,
    seconds: u32,
) -> anyhow::Result<Answered> {
    let place = |extension: &str| directory.join(format!("wrk-{}.{extension}", case.name()));
    let (script, body_file): (PathBuf, PathBuf) = (place("lua"), place("json"));
    fs::write(&body_file, body)?;
    fs::write(&script, SCRIPT.replace("@KEY@", &target.key).replace("@BODY@", &body_file.to_string_lossy()))?;
    let mut wrk = Command::new("wrk");
    wrk.args(["-t2", "--timeout", "30s", "-c", &connections.to_string(), "-d", &format!("{seconds}s"), "-s"]);
    wrk.arg(&script).arg(&target.url);
    let output = tokio::task::spawn_blocking(move || wrk.output()).await?.context("starting wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let figures = text.lines().find_map(|line| line.strip_prefix("figures "));
    let figures =
        figures.with_context(|| format!("wrk said: {text}{}", String::from_utf8_lossy(&output.stderr)))?;
    let numbers: Vec<f64> = figures.split(' ').map(str::parse).collect::<Result<_, _>>()?;
    let [requests, micros, failed, p50, p99] = numbers[..] else { anyhow::bail!("wrk said: {figures}") };
    ensure!(failed == 0.0, "{failed} of {requests} requests to {} failed", target.name);
    let took = Duration::from_secs_f64(micros / 1e6);
    Ok(Answered { requests, per_second: requests / took.as_secs_f64(), p50_ms: p50 / 1e3, p99_ms: p99 / 1e3 })
}
