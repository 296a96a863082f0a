#![doc = include_str!("../README.md")]
#![expect(clippy::print_stdout, reason = "the benchmarks talk to the person who started them")]
#![expect(
    clippy::cast_precision_loss,
    reason = "figures are for people and ratios: the money in the books is no concern of theirs"
)]

mod batcher;
mod cost;
mod flushes;
mod gateway;
mod journal;
mod postgres;
mod report;
mod statistics;
mod tap;
mod world;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// That of the program which is measured here (docs/decisions/0011).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
#[command(name = "tollgate-bench", about = "Benchmarks of Tollgate")]
struct Arguments {
    #[command(subcommand)]
    benchmark: Benchmark,
}

#[derive(Debug, Subcommand)]
enum Benchmark {
    /// Records per second from the journal into the books, and what a record costs.
    Batcher(batcher::Options),
    /// What the gateway adds to a request, beside nginx.
    Gateway(gateway::Options),
    /// The hot functions: criterion, and their instructions.
    Tap(tap::Options),
    /// One piece of work of `tap`, for callgrind.
    #[command(hide = true)]
    Work(tap::Work),
    /// The upstream of `gateway`, which starts it.
    #[command(hide = true)]
    Upstream,
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
    let flushes = flushes::watch();
    let Arguments { benchmark } = Arguments::parse();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        match benchmark {
            Benchmark::Batcher(options) => batcher::run(&options, &flushes).await,
            Benchmark::Gateway(options) => gateway::run(&options).await,
            Benchmark::Tap(options) => tap::run(&options),
            Benchmark::Work(work) => tap::work(&work),
            Benchmark::Upstream => gateway::upstream::run().await,
        }
    })
}
