//! `cargo crash-test`: gateways and their database die under load, at named steps and at random, again and again; then Tollgate's
//! books must equal those of the upstream, which lived through all of it in this process.
#![expect(clippy::print_stdout, reason = "it talks to the person who started it")]

mod books;
mod client;
mod cluster;
mod cycle;
mod gateway;
mod leak;
mod load;
mod plan;
mod postgres;
mod random;
mod round;
mod scene;
mod verdict;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Instant,
};

use anyhow::{Context, ensure};
use clap::Parser;
use cluster::Cluster;
use cycle::Reached;
use plan::{Cycle, Plan};
use round::Ledger;
use tokio::signal::unix::{SignalKind, signal};
use tollgate_failpoints::Point;
use verdict::{Fault, Kind};

/// Cycles between two comparisons of the books.
const ROUND: usize = 20;
/// Faults that are printed in full.
const PRINTED: usize = 10;
const PROGRAM: &str = "tollgate-with-failpoints";

/// Crash gateways and their database under load, and compare the books.
#[derive(Debug, Parser)]
#[command(name = "crash-test", bin_name = "cargo crash-test")]
struct Options {
    /// How many faults.
    #[arg(long, default_value_t = 40)]
    cycles: usize,
    /// Decides every fault and every request; a failure tells its seed [default: another one each time].
    #[arg(long)]
    seed: Option<u64>,
    /// End with one JSON object on the last line.
    #[arg(long)]
    json: bool,
    /// Crash a release build, which takes minutes to make.
    #[arg(long)]
    release: bool,
}

/// How it went.
#[derive(Debug, Default)]
struct Report {
    cycles: usize,
    faults: Vec<Fault>,
    counted: verdict::Counted,
    fired: BTreeSet<Point>,
    /// Points that were armed and not reached, each time.
    missed: Vec<Point>,
    kept: Vec<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> anyhow::Result<bool> {
    let seed = options.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let binary = build(options.release)?;
    println!("── {} cycles, seed {seed}", options.cycles);
    let started = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(crash(&binary, options.cycles, seed))?;
    report.print(seed, started);
    if options.json {
        println!("{}", report.json(seed));
    }
    Ok(report.faults.is_empty())
}

/// Builds the server that can be armed, with the profile that was asked for.
fn build(release: bool) -> anyhow::Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--package", "tollgate-server", "--features", "failpoints", "--bin", PROGRAM]);
    if release {
        cargo.arg("--release");
    }
    cargo.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")));
    // Cargo tells us about this package; the cargo below us would take it for its own settings.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    let profile = if release { "release" } else { "debug" };
    println!("── building {PROGRAM} ({profile})");
    let status = cargo.status().context("cargo cannot be started")?;
    ensure!(status.success(), "the server could not be built ({status})");
    let program = std::env::current_exe().context("finding this program")?;
    let target =
        program.parent().and_then(Path::parent).context("this program lies in a target directory")?;
    Ok(target.join(profile).join(PROGRAM))
}

async fn crash(binary: &Path, cycles: usize, seed: u64) -> anyhow::Result<Report> {
    let directory = tempfile::Builder::new().prefix("tollgate-crash-test-").tempdir()?;
    // A copy: whoever builds meanwhile does not change what is crashed.
    let copy = directory.path().join(PROGRAM);
    std::fs::copy(binary, &copy).with_context(|| format!("copying {}", binary.display()))?;
    let mut cluster = Cluster::start(&copy, directory.path(), seed).await?;
    let mut report = Report::default();
    let done = tokio::select! {
        done = cycle_through(&mut cluster, &mut report, cycles, seed) => done,
        interrupted = interrupted() => interrupted.and_then(|()| Err(anyhow::anyhow!("interrupted"))),
    };
    let is_right = done.is_ok() && report.faults.is_empty();
    if !is_right {
        for event in &cluster.events {
            println!("   {event}");
        }
    }
    report.kept.extend(cluster.end(!is_right).await?);
    if !is_right {
        report.kept.push(directory.keep());
    }
    for path in &report.kept {
        println!("   kept: {}", path.display());
    }
    done.with_context(|| format!("seed {seed}, after cycle {}", report.cycles))?;
    Ok(report)
}

/// Ctrl-C, or a polite request to end: gateways that were left behind would live on.
async fn interrupted() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// Until something is wrong.
async fn cycle_through(
    cluster: &mut Cluster,
    report: &mut Report,
    cycles: usize,
    seed: u64,
) -> anyhow::Result<()> {
    let mut ledger = Ledger::new(seed);
    let started = Instant::now();
    for (number, cycle) in (1..=cycles).zip(Plan::new(seed)) {
        report.cycles = number;
        one_cycle(cluster, report, number, &cycle).await?;
        if number.is_multiple_of(ROUND) || number == cycles || !cluster.faults.is_empty() {
            report.faults = ledger.reckon(cluster).await?;
            report.counted = ledger.counted;
            let Report { counted, .. } = report;
            println!(
                "   {number} cycles, {:.0} s: {} requests, {} upstream, {} finished, {} charged, {} interrupted, {} unadmitted, {} wrong",
                started.elapsed().as_secs_f64(),
                counted.sent,
                counted.reached_upstream,
                counted.finished,
                counted.charged,
                counted.interrupted,
                counted.unadmitted,
                report.faults.len()
            );
            if !report.faults.is_empty() {
                return Ok(());
            }
        }
    }
    leak::nothing_is_leased(cluster).await?;
    report.faults.append(&mut cluster.faults);
    Ok(())
}

async fn one_cycle(
    cluster: &mut Cluster,
    report: &mut Report,
    number: usize,
    cycle: &Cycle,
) -> anyhow::Result<()> {
    cluster.event(format!("cycle {number}: {cycle}"));
    let began = Instant::now();
    match cycle::run(cluster, cycle).await.with_context(|| format!("cycle {number}: {cycle}"))? {
        Reached::Fired(point) => drop(report.fired.insert(point)),
        Reached::Missed(point) => {
            cluster.event(format!("{} was not reached", point.name()));
            report.missed.push(point);
        }
        Reached::Nothing => {}
    }
    leak::nothing_is_held(cluster).await.with_context(|| format!("after cycle {number}: {cycle}"))?;
    cluster.event(format!("cycle {number} took {:.1} s", began.elapsed().as_secs_f64()));
    Ok(())
}

impl Report {
    fn count(&self, kind: Kind) -> usize {
        self.faults.iter().filter(|fault| fault.kind == kind).count()
    }

    /// Points that were armed and never reached.
    fn never_fired(&self) -> BTreeSet<&'static str> {
        self.missed.iter().filter(|point| !self.fired.contains(point)).map(|point| point.name()).collect()
    }

    fn print(&self, seed: u64, started: Instant) {
        for fault in self.faults.iter().take(PRINTED) {
            println!("   {fault}");
        }
        println!(
            "── {} cycles in {:.0} s: {} lost, {} double, {} uncharged, {} leaked, {} other promises broken; {} of {} points fired",
            self.cycles,
            started.elapsed().as_secs_f64(),
            self.count(Kind::Lost),
            self.count(Kind::Double),
            self.count(Kind::Uncharged),
            self.count(Kind::Leaked),
            self.count(Kind::Broken),
            self.fired.len(),
            Point::ALL.len()
        );
        let never = self.never_fired();
        if !never.is_empty() {
            println!("   armed and never reached: {}", never.into_iter().collect::<Vec<_>>().join(", "));
        }
        if !self.faults.is_empty() {
            println!("   again: cargo crash-test --cycles {} --seed {seed}", self.cycles);
        }
    }

    fn json(&self, seed: u64) -> serde_json::Value {
        serde_json::json!({
            "cycles": self.cycles,
            "lost": self.count(Kind::Lost),
            "double": self.count(Kind::Double),
            "uncharged": self.count(Kind::Uncharged),
            "leaked": self.count(Kind::Leaked),
            "seed": seed,
            "broken": self.count(Kind::Broken),
            "requests": self.counted.sent,
            "reached_upstream": self.counted.reached_upstream,
            "finished": self.counted.finished,
            "charged": self.counted.charged,
            "interrupted": self.counted.interrupted,
            "unadmitted": self.counted.unadmitted,
            "points_fired": self.fired.len(),
            "points_never_fired": self.never_fired(),
        })
    }
}
