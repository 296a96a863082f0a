//! Development tasks, reached by the aliases of `.cargo/config.toml`: `cargo tidy`, `cargo ci`, `cargo demo`, `cargo fuzz-test`,
//! `cargo dist`, `cargo soak`, `cargo slow-connections`, `cargo overdraft-test`, `cargo cut-off-test`, `cargo ui-test`.
#![expect(clippy::print_stdout, reason = "the tasks talk to the person who started them")]

mod ci;
mod cutoff;
mod dashboard;
mod demo;
mod dist;
mod fuzz;
mod licenses;
mod load;
mod overdraft;
mod process;
mod sdks;
mod slow;
mod soak;
mod stage;
mod tidy;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

const LOG_LEVEL: tracing_subscriber::filter::LevelFilter = tracing_subscriber::filter::LevelFilter::INFO;

#[derive(Debug, Parser)]
#[command(name = "xtask", about = "Development tasks of Tollgate", bin_name = "cargo run --package xtask --")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run everything that continuous integration checks.
    Ci,
    /// Show the whole of it: server, upstream, customers, traffic, books.
    Demo(demo::Options),
    /// Build the program as it is given to others: compiled by what a busy gateway was seen to do.
    Dist,
    /// Run at half of capacity for a while, and see that nothing grows.
    Soak(soak::Options),
    /// Let many clients of one user at several gateways use up the credits, and see by how much they are overdrawn.
    OverdraftTest(overdraft::Options),
    /// Measure how long gateways go on serving a customer who has lost the money or the key.
    CutOffTest(cutoff::Options),
    /// Measure what thousands of slow connections cost the others.
    SlowConnections(slow::Options),
    /// Hold slow connections; the process that measures starts this one.
    #[command(hide = true)]
    HoldSlowConnections(slow::HoldOptions),
    /// Look for inputs that break what parsers and decoders promise.
    FuzzTest(fuzz::Options),
    /// Try every page of the dashboard in a real browser, on a real server.
    UiTest(dashboard::Options),
    /// Install the official SDKs that tests drive, under the target directory.
    Sdks,
    /// Write the notices of the crates that others made and the program has within it.
    Licenses,
    /// Find PostgreSQL, or fetch it.
    Postgres,
    /// Check the rules of the house that no compiler checks.
    Tidy,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let causes = error.chain().skip(1).map(|cause| format!("\n  because: {cause}"));
            eprintln!("\nerror: {error}{}", causes.collect::<String>());
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    // What our own crates have to say, such as that PostgreSQL is being fetched.
    tracing_subscriber::fmt().without_time().with_writer(std::io::stderr).with_max_level(LOG_LEVEL).init();
    let root = repository();
    match Arguments::parse().task {
        Task::Ci => ci::run(),
        Task::Demo(options) => demo::run(&options),
        Task::Dist => dist::run(),
        Task::Soak(options) => soak::run(&options),
        Task::OverdraftTest(options) => overdraft::run(&options),
        Task::CutOffTest(options) => cutoff::run(&options),
        Task::SlowConnections(options) => slow::run(&options),
        Task::HoldSlowConnections(options) => slow::hold(&options),
        Task::FuzzTest(options) => fuzz::run(&options),
        Task::UiTest(options) => dashboard::test(&options),
        Task::Sdks => sdks::run().map(drop),
        Task::Licenses => licenses::write(),
        Task::Postgres => ci::find_postgres(),
        Task::Tidy => tidy::run(&root),
    }
}

/// The root of the repository: this package's parent.
fn repository() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}
