//! `cargo bench-gateway`: what a gateway adds to a request, beside a plain reverse proxy on the same machine at the same time.

mod case;
mod programs;
mod rate;
pub(crate) mod upstream;
mod wrk;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;
use clap::Args;
use serde_json::{Map, Value, json};

use self::case::Case;
use self::programs::{Running, Tollgate};
use self::wrk::Answered;
use crate::batcher::Survives;
use crate::cost::{tree_cpu, tree_memory};
use crate::report::{Report, heading, line, rounded};
use crate::statistics::{median, quantile};

/// The model that is asked for everywhere.
const MODEL: &str = "bench";
const DIRECT: &str = "direct";
const NGINX: &str = "nginx";
/// Streams that are held open to see what one takes.
const IDLE_STREAMS: u32 = 400;
/// Streams that one connection reads, one after the other.
const STREAMS_EACH: u32 = 2;
/// The kernel keeps so many characters of a command's name.
const COMMAND_NAME: usize = 15;
/// Longest wait for a gateway to know what was configured a moment ago.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What may be asked of it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Connections of the closed loop.
    #[arg(long, value_delimiter = ',', default_values_t = [32, 256])]
    connections: Vec<u32>,
    /// What a record survives (`spool.durability`): a gateway for each.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Survives::Os, Survives::Fsync])]
    durability: Vec<Survives>,
    /// Interleaved rounds; what is printed is the median.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 4)]
    seconds: u32,
    /// Requests a second of the constant rate, over 32 connections; 0 leaves it out.
    #[arg(long, default_value_t = 500)]
    rate: u32,
    /// A further gateway as `NAME=URL`, or `NAME=URL=KEY`; it must forward the model `bench`. Its own upstream should be the one that is
    /// printed.
    #[arg(long = "other")]
    others: Vec<Other>,
    /// A port of the upstream cannot be known before: wait for Enter after it was printed, to configure other gateways.
    #[arg(long)]
    wait: bool,
    /// A `tollgate` that is built already, in the place of the release build of this repository.
    #[arg(long)]
    tollgate: Option<PathBuf>,
    /// End with one JSON object on the last line.
    #[arg(long)]
    json: bool,
}

/// `NAME=URL` or `NAME=URL=KEY`.
#[derive(Debug, Clone)]
struct Other {
    name: String,
    url: String,
    key: String,
}

impl FromStr for Other {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (name, rest) = text.split_once('=').context("write it as NAME=URL")?;
        let (url, key) = rest.split_once('=').unwrap_or((rest, "none"));
        ensure!(url.starts_with("http://"), "the URL must begin with http://");
        let url = url.trim_end_matches('/');
        Ok(Self { name: name.to_owned(), url: url.to_owned(), key: key.to_owned() })
    }
}

/// One way to the upstream.
#[derive(Debug, Clone)]
struct Target {
    name: String,
    url: String,
    key: String,
    /// The process, and how the one in its tree is called whose memory counts; unknown of somebody else's.
    process: Option<(i32, String)>,
}

impl Target {
    fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }
}

/// Measures and prints.
pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    programs::install()?;
    let binary = match &options.tollgate {
        Some(binary) => std::path::absolute(binary)?,
        None => programs::build_tollgate()?,
    };
    let directory = tempfile::Builder::new()
        .prefix("tollgate-bench-")
        .permissions(std::fs::Permissions::from_mode(0o711))
        .tempdir()?;
    let (upstream, upstream_url) = programs::upstream()?;
    println!("   the upstream is {upstream_url}");
    if options.wait {
        println!("   press Enter when the other gateways are ready");
        tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await??;
    }
    let (nginx, nginx_url) = programs::nginx(directory.path(), &upstream_url).await?;
    let mut tollgates = Vec::new();
    for durability in &options.durability {
        let served = Tollgate::serve(&binary, directory.path(), *durability, &upstream_url).await?;
        tollgates.push((*durability, served));
    }
    let mut targets = vec![
        target(DIRECT, &upstream_url, &upstream, "tollgate-bench")?,
        target(NGINX, &nginx_url, &nginx, "nginx")?,
    ];
    for (durability, tollgate) in &tollgates {
        let name = format!("tollgate_{}", durability.name());
        let mut found = target(&name, &tollgate.url, &tollgate.running, &command_name(&binary))?;
        found.key.clone_from(&tollgate.key);
        targets.push(found);
    }
    targets.extend(options.others.iter().cloned().map(|other| Target {
        name: other.name,
        url: other.url,
        key: other.key,
        process: None,
    }));
    for target in &targets {
        wait_until_answered(target).await?;
    }
    let mut report = Report::default();
    // First: after a busy time it would fit into memory that an allocator keeps.
    memory(&targets, &mut report).await?;
    let mut cases = Map::new();
    for connections in &options.connections {
        for case in Case::MEASURED {
            closed_loop(options, directory.path(), &targets, case, *connections, &mut cases).await?;
        }
    }
    if options.rate > 0 {
        constant_rate(options, &targets, &mut cases).await?;
    }
    report.set("cases", Value::Object(cases));
    heading("audit");
    for (durability, tollgate) in &tollgates {
        tollgate.audit()?;
        line(&format!("the books of tollgate_{} are right", durability.name()), "");
    }
    drop((tollgates, nginx, upstream));
    if options.json {
        report.print();
    }
    Ok(())
}

/// What the system calls a process of this program.
fn command_name(program: &Path) -> String {
    let name = program.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.chars().take(COMMAND_NAME).collect()
}

fn target(name: &str, url: &str, running: &Running, process: &str) -> anyhow::Result<Target> {
    let process = Some((running.pid()?, process.to_owned()));
    Ok(Target { name: name.to_owned(), url: url.to_owned(), key: "none".to_owned(), process })
}

/// A gateway learns within a second what was configured.
async fn wait_until_answered(target: &Target) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let body = Case::Small.body(MODEL);
    loop {
        match rate::run(target, &body, 1, 1, 1).await {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
}

/// One target in one round.
struct Measured {
    answered: Answered,
    /// CPU a request, in microseconds; unknown of somebody else's process.
    cpu_us: f64,
}

async fn closed_loop(
    options: &Options,
    directory: &Path,
    targets: &[Target],
    case: Case,
    connections: u32,
    cases: &mut Map<String, Value>,
) -> anyhow::Result<()> {
    heading(&format!("{}, {connections} connections, as fast as it goes", case.name()));
    let body = case.body(MODEL);
    let mut measured: Vec<Vec<Measured>> = targets.iter().map(|_| Vec::new()).collect();
    for _ in 0..options.rounds {
        for (target, measured) in targets.iter().zip(&mut measured) {
            let cpu = |target: &Target| target.process.as_ref().map(|(pid, _)| tree_cpu(*pid)).transpose();
            let before = cpu(target)?;
            let answered = match case {
                Case::Stream => streams(target, &body, connections).await?,
                _ => wrk::run(directory, target, case, &body, connections, options.seconds).await?,
            };
            let used = cpu(target)?.zip(before).map(|(after, before)| after.saturating_sub(before));
            let cpu_us = used.map_or(f64::NAN, |used| used.as_secs_f64() * 1e6 / answered.requests);
            measured.push(Measured { answered, cpu_us });
        }
    }
    let middle = |at: usize, of: &dyn Fn(&Measured) -> f64| median(measured[at].iter().map(of));
    let ratio = |at: usize| {
        let rounds = measured[at].iter().zip(&measured[1]);
        median(rounds.map(|(one, nginx)| one.answered.per_second / nginx.answered.per_second))
    };
    for (at, target) in targets.iter().enumerate() {
        let per_second = middle(at, &|one| one.answered.per_second);
        let (p50, p99) = (middle(at, &|one| one.answered.p50_ms), middle(at, &|one| one.answered.p99_ms));
        let cpu_us = middle(at, &|one| one.cpu_us);
        let text = format!(
            "{per_second:>9.0} requests/s, {:>5.2} × nginx, p50 {p50:>7.2} ms, p99 {p99:>7.2} ms, CPU {cpu_us:>8.1} µs",
            ratio(at)
        );
        line(&target.name, &text);
        if at == 0 {
            continue;
        }
        let mut figures = Map::new();
        let mut set = |name: &str, value: f64| figures.insert(name.to_owned(), rounded(value));
        set("requests_per_second", per_second);
        set("ratio_to_nginx", ratio(at));
        set("ratio_to_direct", per_second / middle(0, &|one| one.answered.per_second));
        set("added_p50_ms", p50 - middle(0, &|one| one.answered.p50_ms));
        set("added_p99_ms", p99 - middle(0, &|one| one.answered.p99_ms));
        set("cpu_us_per_request", cpu_us);
        if case == Case::Stream {
            set("cpu_us_per_chunk", cpu_us / upstream::CHUNKS as f64);
        }
        cases.insert(format!("{connections}_{}_{}", case.name(), target.name), Value::Object(figures));
    }
    Ok(())
}

/// Streams are read to their ends: one that is broken off at the end of a time would cost CPU and count for nothing.
async fn streams(target: &Target, body: &Bytes, connections: u32) -> anyhow::Result<Answered> {
    let begun = Instant::now();
    let took = rate::streams(target, body, connections, STREAMS_EACH).await?;
    let requests = took.len() as f64;
    Ok(Answered {
        requests,
        per_second: requests / begun.elapsed().as_secs_f64(),
        p50_ms: quantile(took.iter().copied(), 0.5),
        p99_ms: quantile(took.iter().copied(), 0.99),
    })
}

/// Connections of the constant rate.
const RATE_CONNECTIONS: u32 = 32;

async fn constant_rate(
    options: &Options,
    targets: &[Target],
    cases: &mut Map<String, Value>,
) -> anyhow::Result<()> {
    for (case, rate) in [(Case::Small, options.rate), (Case::Prompt, (options.rate / 5).max(1))] {
        heading(&format!("{}, {rate} requests/s over {RATE_CONNECTIONS} connections", case.name()));
        let body = case.body(MODEL);
        let mut measured: Vec<Vec<(f64, f64)>> = targets.iter().map(|_| Vec::new()).collect();
        for _ in 0..options.rounds {
            for (target, measured) in targets.iter().zip(&mut measured) {
                let latencies = rate::run(target, &body, RATE_CONNECTIONS, rate, options.seconds).await?;
                let of = |part| quantile(latencies.iter().copied(), part);
                measured.push((of(0.5), of(0.99)));
            }
        }
        // What is added is taken within a round.
        let added = |at: usize, of: fn(&(f64, f64)) -> f64| {
            median(measured[at].iter().zip(&measured[0]).map(|(one, direct)| of(one) - of(direct)))
        };
        for (at, target) in targets.iter().enumerate() {
            let (p50, p99) = (
                median(measured[at].iter().map(|(p50, _)| *p50)),
                median(measured[at].iter().map(|(_, p99)| *p99)),
            );
            let (more_p50, more_p99) = (added(at, |one| one.0), added(at, |one| one.1));
            let text =
                format!("p50 {p50:>6.2} ms, p99 {p99:>6.2} ms; added {more_p50:>6.2} and {more_p99:>6.2} ms");
            line(&target.name, &text);
            if at > 0 {
                let figures = json!({
                    "requests_per_second": rate,
                    "added_p50_ms": rounded(more_p50),
                    "added_p99_ms": rounded(more_p99),
                });
                cases.insert(format!("rate_{rate}_{}_{}", case.name(), target.name), figures);
            }
        }
    }
    Ok(())
}

async fn memory(targets: &[Target], report: &mut Report) -> anyhow::Result<()> {
    heading(&format!("{IDLE_STREAMS} streams that are silent"));
    let body = Case::Idle.body(MODEL);
    for target in targets.iter().skip(1) {
        let Some((pid, name)) = &target.process else { continue };
        let before = tree_memory(*pid, name)?;
        let streams = rate::open_idle(target, &body, IDLE_STREAMS).await?;
        let after = tree_memory(*pid, name)?;
        drop(streams);
        let each = after.saturating_sub(before) as f64 / 1024.0 / f64::from(IDLE_STREAMS);
        line(&target.name, &format!("{each:.1} KB a stream"));
        report.figure(&format!("idle_stream_kb_{}", target.name), each);
    }
    Ok(())
}
