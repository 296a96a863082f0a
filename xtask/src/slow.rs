//! `cargo slow-connections`: what thousands of slow connections cost those who share the gateway with them.
//!
//! Good clients send small requests and streams at a constant rate, all the time. Beside them, in rounds, a process of its own holds slow
//! connections of five kinds for a while and lets go of them again. The latencies of the good requests without and with them alternate,
//! so that what else the machine does falls on both, and medians over the rounds are compared. At the end nothing may be left behind:
//! no connection, no descriptor, and both books equal.

mod holder;
mod report;
mod rounds;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use clap::Args;
use tokio_util::sync::CancellationToken;
use tollgate_testkit::{ScriptedUpstream, slow_clients::TAG};

pub(crate) use self::holder::HoldOptions;
use self::{report::Report, rounds::Rounds};
use crate::{
    ci::{Seconds, find_postgres},
    load::{
        arrivals::{self, Samples},
        good::{CUSTOMERS, Good, Mix},
        ledger::Ledger,
        limits,
        server::{Metrics, process_use},
    },
    stage::{
        audit,
        cast::{self, Customer},
        interrupted,
        tollgate::{self, Tollgate},
        wait_for, wait_until_admitted,
    },
};

/// Descriptors besides those of slow connections: good clients, the upstream's side, files.
const OTHER_DESCRIPTORS: u64 = 1_000;
/// Descriptors that come and go with the pool of connections to the upstream, and with good clients.
const DESCRIPTORS_TO_SPARE: u64 = 32;
/// Good traffic before anything is measured.
const WARM_UP: Duration = Duration::from_secs(10);

/// What may be asked of it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Slow connections at once.
    #[arg(long, default_value_t = 2_000)]
    connections: usize,
    /// Good requests a second.
    #[arg(long, default_value_t = 100.0)]
    rate: f64,
    /// How often slow connections come and go.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How long each half of a round is measured.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
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
            done = measure(options) => done,
            interrupted = interrupted() => {
                interrupted?;
                bail!("interrupted");
            }
        }
    })
}

/// Holds slow connections for another process of ours, which ends it by closing its standard input.
pub(crate) fn hold(options: &HoldOptions) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(holder::hold(options))
}

async fn measure(options: &Options) -> anyhow::Result<()> {
    let started = Instant::now();
    ensure!(options.rate > 0.0 && options.seconds > 0, "rate and seconds must be above zero");
    // Twice: a reader that does not read has a connection to the upstream behind it.
    limits::raise_descriptors(u64::try_from(options.connections)?.saturating_mul(2) + OTHER_DESCRIPTORS);
    let binary = options.which.get()?;
    tokio::task::spawn_blocking(find_postgres).await??;
    let upstream = ScriptedUpstream::start().await;
    let tollgate = Tollgate::serve(binary, &[]).await?;
    let slow = Customer { name: TAG, credits: "1000000", purpose: "realtime", window: None, share: 0 };
    let mut customers = CUSTOMERS.to_vec();
    customers.push(slow);
    let mut keys = cast::create(&tollgate, &upstream.base_url(), &customers)?;
    wait_until_admitted(&tollgate, &keys).await?;
    let slow_key = keys.pop().context("the slow ones have a key")?;

    println!(
        "── {} good requests a second, and {} slow connections in {} rounds of twice {} s",
        options.rate, options.connections, options.rounds, options.seconds
    );
    let good = Arc::new(Good { url: tollgate.url(), keys, mix: Mix::Quick });
    let (samples, stop) = (Samples::default(), CancellationToken::new());
    let sending = tokio::spawn(arrivals::send(good, options.rate, 0, samples.clone(), stop.clone()));
    tokio::time::sleep(WARM_UP).await;
    let descriptors_before = process_use(&tollgate)?.descriptors;
    let rounds = Rounds::run(options, &tollgate, &slow_key).await?;
    stop.cancel();
    sending.await?;

    let descriptors_after = wait_until_nothing_is_left(&tollgate, descriptors_before).await?;
    println!("── the books");
    let mut ledger = Ledger::default();
    wait_for("the upstream to be done", async || {
        Ok(upstream.books().iter().all(|entry| entry.ended).then_some(()))
    })
    .await?;
    ledger.take(&upstream)?;
    let differences = ledger.differences(&tollgate).await?;
    let audit_ok = audit(&tollgate);
    let report = Report {
        options,
        samples: samples.take(),
        rounds,
        descriptors: (descriptors_before, descriptors_after),
        requests: ledger.requests,
        differences,
        audit_ok,
    };
    let faults = report.print();
    println!("── done in {}", Seconds(started.elapsed()));
    tollgate.stop().await?;
    if options.json {
        println!("{}", report.json(&faults));
    }
    ensure!(faults.is_empty(), "not as it must be: {}", faults.join("; "));
    Ok(())
}

/// Waits until the gateway has no request in flight and as few descriptors as before; answers how many.
async fn wait_until_nothing_is_left(tollgate: &Tollgate, before: u64) -> anyhow::Result<u64> {
    let settled = wait_for("the gateway to let go of everything", async || {
        let in_flight = Metrics::read(&tollgate.url()).await?.get("tollgate_gateway_in_flight");
        let now = process_use(tollgate)?.descriptors;
        Ok((in_flight == 0.0 && now <= before + DESCRIPTORS_TO_SPARE).then_some(now))
    });
    match settled.await {
        Ok(now) => Ok(now),
        // Reported with the rest.
        Err(_) => Ok(process_use(tollgate)?.descriptors),
    }
}
