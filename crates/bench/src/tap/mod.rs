//! `cargo bench-tap`: criterion on the hot functions, and their instructions where valgrind is installed.
//!
//! Instructions hardly vary from run to run, whatever else the machine does: a change of a few percent shows.

mod admission;
pub(crate) mod workloads;

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};

use crate::report::{Report, heading, line};

/// What may be asked of it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Leave criterion out, and only count instructions.
    #[arg(long)]
    only_instructions: bool,
    /// Only measure what the gateway takes to admit a request and to end it.
    #[arg(long, conflicts_with = "only_instructions")]
    only_admission: bool,
    /// End with one JSON object on the last line.
    #[arg(long)]
    json: bool,
}

/// One piece of work, as a process of its own runs it.
#[derive(Debug, Args)]
pub(crate) struct Work {
    #[arg(value_enum)]
    kind: Kind,
    times: u64,
}

/// What can be counted.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// A stream, a frame at a time.
    StreamFrames,
    /// A stream in large reads.
    StreamReads,
    /// A JSON body.
    Json,
    /// A request with a long prompt.
    Splice,
    /// A charge.
    Charge,
    /// A request of the one user of a gateway, admitted and ended.
    Admission,
    /// The same where there are 10,000 users.
    AdmissionOfMany,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::StreamFrames => "stream-frames",
            Self::StreamReads => "stream-reads",
            Self::Json => "json",
            Self::Splice => "splice",
            Self::Charge => "charge",
            Self::Admission => "admission",
            Self::AdmissionOfMany => "admission-of-many",
        }
    }

    /// Of what a piece of work is so many.
    fn units(self) -> (u64, &'static str) {
        let bytes = |chunks: Vec<bytes::Bytes>| chunks.iter().map(|chunk| chunk.len() as u64).sum();
        match self {
            Self::StreamFrames | Self::StreamReads => (workloads::FRAMES as u64 + 2, "frame"),
            Self::Json => (workloads::json_body().len() as u64, "byte"),
            Self::Splice => (bytes(workloads::request()), "byte"),
            Self::Charge => (1, "charge"),
            Self::Admission | Self::AdmissionOfMany => (1, "request"),
        }
    }
}

/// Does the work.
pub(crate) fn work(work: &Work) -> anyhow::Result<()> {
    match work.kind {
        Kind::StreamFrames => {
            repeat(work.times, &workloads::frames(), |chunks| workloads::read_stream(chunks));
        }
        Kind::StreamReads => repeat(work.times, &workloads::reads(), |chunks| workloads::read_stream(chunks)),
        Kind::Json => repeat(work.times, &workloads::json_body(), workloads::read_json),
        Kind::Splice => repeat(work.times, &workloads::request(), |request| workloads::splice(request)),
        Kind::Charge => {
            let prices = workloads::prices().context("the prices of the benchmark cannot be read")?;
            repeat(work.times, &workloads::stated(), |usage| workloads::charge_one(usage, &prices));
        }
        Kind::Admission => admission::work(1, work.times)?,
        Kind::AdmissionOfMany => admission::work(10_000, work.times)?,
    }
    Ok(())
}

fn repeat<I, T>(times: u64, input: &I, work: impl Fn(&I) -> T) {
    for _ in 0..times {
        black_box(work(black_box(input)));
    }
}

/// Measures and prints.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let mut report = Report::default();
    if !options.only_instructions {
        admission::run(&mut report)?;
    }
    if options.only_admission {
        if options.json {
            report.print();
        }
        return Ok(());
    }
    if !options.only_instructions {
        let criterion = Command::new("cargo")
            .args(["bench", "--package", "tollgate-bench", "--bench", "tap"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()?;
        ensure!(criterion.success(), "criterion failed");
    }
    heading("instructions, by callgrind");
    let valgrind = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status();
    if valgrind.is_ok_and(|status| status.success()) {
        let directory = tempfile::tempdir()?;
        for kind in Kind::value_variants() {
            let (few, many) =
                (instructions(directory.path(), *kind, 2)?, instructions(directory.path(), *kind, 12)?);
            let (units, unit) = kind.units();
            let each = many.saturating_sub(few) as f64 / 10.0 / units as f64;
            line(kind.name(), &format!("{each:.1} a {unit}"));
            report.figure(&format!("instructions_per_{unit}_{}", kind.name()), each);
        }
    } else {
        line("left out", "valgrind is not installed (`apt-get install valgrind`)");
    }
    if options.json {
        report.print();
    }
    Ok(())
}

/// Instructions of a process that does the work so many times.
fn instructions(directory: &Path, kind: Kind, times: u64) -> anyhow::Result<u64> {
    let file = directory.join("callgrind.out");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(std::env::current_exe()?)
        .args(["work", kind.name(), &times.to_string()])
        .output()?;
    ensure!(output.status.success(), "callgrind failed: {}", String::from_utf8_lossy(&output.stderr));
    let text = fs::read_to_string(&file)?;
    let totals = text
        .lines()
        .find_map(|line| line.strip_prefix("totals: ").or_else(|| line.strip_prefix("summary: ")));
    Ok(totals.context("callgrind wrote no totals")?.trim().parse()?)
}
