//! `cargo overdraft-test`: four gateways on one database, two hundred clients of one user, and credits for about a thousand requests.
//!
//! Each run has two scenes, each with a customer of its own. In the *capped* one every request sets a limit that the upstream heeds: then nothing may be
//! overdrawn. In the *open* one most set none, some answers are much longer than any that was seen before: the account may be
//! overdrawn, by no more than the gateways say that requests have cost beyond their holds. Clients draw requests of unequal sizes, in
//! streams and not, at any of the gateways, and ask again where the credits are held. They stop when the money is used up. Runs take turns
//! with both policies. The upstream's own book says what each customer has to pay; at the end `tollgate audit` has its say.

mod report;
mod scene;

use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use clap::Args;

use self::{
    report::Report,
    scene::{Policy, Scene},
};
use crate::{
    ci::{Seconds, find_postgres},
    load::limits,
    stage::{audit, interrupted, several::Several, tollgate},
};

const GATEWAYS: usize = 4;
const DESCRIPTORS: u64 = 10_000;

/// What may be asked of it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How often it is played.
    #[arg(long, default_value_t = 20)]
    runs: u32,
    /// Decides everything that is random; each run has the next one.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Clients at a time.
    #[arg(long, default_value_t = 200)]
    clients: usize,
    /// End with one JSON object on the last line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    which: tollgate::Which,
}

/// Runs it; an error says what was not as it must be.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        tokio::select! {
            done = play(options) => done,
            interrupted = interrupted() => {
                interrupted?;
                bail!("interrupted");
            }
        }
    })
}

async fn play(options: &Options) -> anyhow::Result<()> {
    let started = Instant::now();
    ensure!(options.runs > 0 && options.clients > 0, "there must be runs and clients");
    limits::raise_descriptors(DESCRIPTORS);
    let binary = options.which.get()?;
    tokio::task::spawn_blocking(find_postgres).await??;
    let stage = Several::set(&binary, GATEWAYS, &[], &[]).await?;
    println!("── {GATEWAYS} gateways, {} clients, {} runs", options.clients, options.runs);
    let mut report = Report::new(options.seed);
    for run in 0..options.runs {
        let policy = if run.is_multiple_of(2) { Policy::Finish } else { Policy::Cut };
        let seed = options.seed.wrapping_add(run.into());
        for is_capped in [true, false] {
            let scene = Scene { seed, run, is_capped, policy, clients: options.clients };
            let played = scene.play(&stage.gateways, &stage.upstream).await?;
            println!("   {played}");
            report.add(played);
        }
    }
    let audit_ok = audit(stage.first()?);
    let faults = report.print(audit_ok);
    println!("── done in {}", Seconds(started.elapsed()));
    stage.end().await?;
    if options.json {
        println!("{}", report.json(&faults));
    }
    ensure!(faults.is_empty(), "not as it must be: {}", faults.join("; "));
    Ok(())
}

/// What is waited for between two tries of a client.
const ASK_AGAIN: Duration = Duration::from_millis(20);
