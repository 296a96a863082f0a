#![doc = include_str!("../README.md")]
#![expect(clippy::print_stdout, reason = "the benchmarks talk to the person who started them")]
#![expect(
    clippy::cast_precision_loss,
    reason = "figures are for people and ratios: the money in the books is no concern of theirs"
)]

mod batcher;
mod cost;
mod flushes;
mod journal;
mod postgres;
mod report;
mod statistics;
mod world;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

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
        }
    })
}
