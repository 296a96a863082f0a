//! `cargo soak`: half of capacity for a quarter of an hour, and nothing may grow.
//!
//! Capacity is what a short closed loop of the same requests gets through, answers and books, with everything on this machine. Half of it then
//! arrives at a constant rate: streams and whole answers of every kind, several customers, some clients that leave, and now and then PostgreSQL is stopped
//! for some seconds, so that the spool fills and drains. Once a second it is noted what the server's process and PostgreSQL have. At
//! the end the trends are printed with a verdict each, both books must be equal, and `tollgate audit` must find nothing.

mod report;
mod sampler;
mod trend;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use clap::Args;
use tokio_util::sync::CancellationToken;
use tollgate_embedded_postgres as postgres;
use tollgate_testkit::ScriptedUpstream;

use self::{
    report::Report,
    sampler::{Sampler, Seen},
};
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
        audit, cast, interrupted,
        tollgate::{self, Tollgate},
        wait_for, wait_until_admitted,
    },
};

/// Clients of the closed loop: more than two processors can keep busy, although each waits out its own long streams.
const CLIENTS: usize = 1_000;
/// The closed loop: until caches and pools are filled, and then while it is counted.
const LOOP_WARM_UP: Duration = Duration::from_secs(10);
const LOOP: Duration = Duration::from_secs(20);
/// At half of capacity before the trends begin: with one stop of PostgreSQL, so that what its return needs is there.
const WARM_UP: Duration = Duration::from_mins(2);
/// From one stop of PostgreSQL to the next, and how long one lasts.
const OUTAGE_EVERY: Duration = Duration::from_secs(100);
const OUTAGE: Duration = Duration::from_secs(8);
const LOOK_EVERY: Duration = Duration::from_secs(1);
const DESCRIPTORS: u64 = 10_000;

/// What may be asked of it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How long it runs at half of capacity, after two minutes of warming up.
    #[arg(long, default_value_t = 15.0)]
    minutes: f64,
    /// Requests a second, instead of half of what a short run gets through.
    #[arg(long)]
    rate: Option<f64>,
    /// Leave PostgreSQL alone.
    #[arg(long)]
    no_outages: bool,
    /// Write what was seen each second to this file, as CSV.
    #[arg(long)]
    samples: Option<PathBuf>,
    /// End with one JSON object on the last line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    which: tollgate::Which,
}

/// Runs it; an error says what was not as it must be.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    until_interrupted(soak(options))
}

/// Runs the closed loop alone, for a program that counts what it does.
pub(crate) fn train(binary: PathBuf) -> anyhow::Result<()> {
    until_interrupted(async {
        limits::raise_descriptors(DESCRIPTORS);
        tokio::task::spawn_blocking(find_postgres).await??;
        let directory = tollgate::stage_directory()?;
        let stage = Stage::set(binary, &directory).await?;
        stage.capacity(&mut Ledger::default()).await?;
        stage.end().await
    })
}

fn until_interrupted(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        tokio::select! {
            done = work => done,
            interrupted = interrupted() => {
                interrupted?;
                bail!("interrupted");
            }
        }
    })
}

/// What is soaked.
struct Stage {
    tollgate: Tollgate,
    upstream: ScriptedUpstream,
    database: Option<postgres::EmbeddedPostgres>,
    options: postgres::Options,
    good: Arc<Good>,
}

async fn soak(options: &Options) -> anyhow::Result<()> {
    let started = Instant::now();
    ensure!(options.minutes > 0.0, "minutes must be above zero");
    limits::raise_descriptors(DESCRIPTORS);
    let binary = options.which.get()?;
    tokio::task::spawn_blocking(find_postgres).await??;
    let directory = tollgate::stage_directory()?;
    let mut stage = Stage::set(binary, &directory).await?;
    let mut ledger = Ledger::default();

    let capacity = match options.rate {
        Some(rate) => rate * 2.0,
        None => stage.capacity(&mut ledger).await?,
    };
    let rate = capacity / 2.0;
    println!("── {rate:.0} requests a second, half of {capacity:.0}, for {} minutes", options.minutes);
    let (samples, stop) = (Samples::default(), CancellationToken::new());
    let first = usize::try_from(ledger.requests)?;
    let sending =
        tokio::spawn(arrivals::send(Arc::clone(&stage.good), rate, first, samples.clone(), stop.clone()));
    let mut sampler = Sampler::new(samples);
    stage.run_for(WARM_UP, options, &mut sampler, &mut ledger).await?;
    sampler.begin();
    let outages_before = sampler.outages;
    stage
        .run_for(Duration::from_secs_f64(options.minutes * 60.0), options, &mut sampler, &mut ledger)
        .await?;
    sampler.end();
    stop.cancel();
    sending.await?;

    println!("── the books");
    wait_for("the upstream to be done", async || {
        ledger.take(&stage.upstream)?;
        Ok(stage.upstream.books().is_empty().then_some(()))
    })
    .await?;
    let differences = ledger.differences(&stage.tollgate).await?;
    let audit_ok = audit(&stage.tollgate);
    if let Some(path) = &options.samples {
        sampler.write(path)?;
    }
    let report = Report {
        minutes: options.minutes,
        capacity,
        rate,
        outages: sampler.outages - outages_before,
        seen: sampler.seen(),
        samples: sampler.take_samples(),
        requests: ledger.requests,
        differences,
        audit_ok,
    };
    let faults = report.print();
    println!("── done in {}", Seconds(started.elapsed()));
    stage.end().await?;
    if options.json {
        println!("{}", report.json(&faults));
    }
    ensure!(faults.is_empty(), "not as it must be: {}", faults.join("; "));
    Ok(())
}

impl Stage {
    async fn set(binary: PathBuf, directory: &tempfile::TempDir) -> anyhow::Result<Self> {
        let options = postgres::Options::new(directory.path().join("postgres"));
        let database = postgres::EmbeddedPostgres::start(options.clone()).await?;
        let upstream = ScriptedUpstream::start().await;
        let url = database.connection_string().to_owned();
        let tollgate = Tollgate::serve(binary, &[("TOLLGATE_DATABASE__URL", &url)]).await?;
        let keys = cast::create(&tollgate, &upstream.base_url(), &CUSTOMERS)?;
        wait_until_admitted(&tollgate, &keys).await?;
        let good = Arc::new(Good { url: tollgate.url(), keys, mix: Mix::Lively });
        Ok(Self { tollgate, upstream, database: Some(database), options, good })
    }

    /// What a closed loop gets through in a second: the fewer of requests answered and records in the books.
    async fn capacity(&self, ledger: &mut Ledger) -> anyhow::Result<f64> {
        println!("── capacity, by {CLIENTS} clients that wait for each answer");
        let (samples, stop) = (Samples::default(), CancellationToken::new());
        let counted = async {
            let _stop = stop.clone().drop_guard();
            tokio::time::sleep(LOOP_WARM_UP).await;
            let (from, booked_from) = (Instant::now(), self.booked().await?);
            samples.take();
            tokio::time::sleep(LOOP).await;
            let (answered, took) = (samples.take(), from.elapsed().as_secs_f64());
            let booked = self.booked().await? - booked_from;
            if let Some(failure) = answered.iter().find_map(|sample| sample.failure.as_deref()) {
                bail!("a request failed: {failure}");
            }
            #[expect(clippy::cast_precision_loss, reason = "a rate")]
            let answered = answered.len() as f64;
            Ok((answered / took, booked / took))
        };
        let (counted, ()) =
            tokio::join!(counted, arrivals::send_closed_loop(&self.good, CLIENTS, &samples, &stop));
        let (answered, booked) = counted?;
        println!("   {answered:.0} answers and {booked:.0} records in the books a second");
        ledger.take_rest(&self.upstream).await?;
        wait_for("the books to have caught up", async || {
            let waiting = Metrics::read(&self.tollgate.url()).await?.get("tollgate_spool_waiting_records");
            Ok((waiting == 0.0).then_some(()))
        })
        .await?;
        Ok(answered.min(booked))
    }

    async fn booked(&self) -> anyhow::Result<f64> {
        let metrics = Metrics::read(&self.tollgate.url()).await?;
        Ok(metrics.get("tollgate_analytics_batched_records_total"))
    }

    /// Looks once a second, for so long, and stops PostgreSQL now and then.
    async fn run_for(
        &mut self,
        length: Duration,
        options: &Options,
        sampler: &mut Sampler,
        ledger: &mut Ledger,
    ) -> anyhow::Result<()> {
        let end = Instant::now() + length;
        let mut turns = tokio::time::interval(LOOK_EVERY);
        turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        // In the middle of each interval, so that both a run and its end see the books caught up.
        let mut next_outage = Instant::now() + OUTAGE_EVERY / 2;
        while Instant::now() < end {
            turns.tick().await;
            let now = Instant::now();
            let is_stopped = self.database.is_none();
            if is_stopped && now >= next_outage + OUTAGE {
                self.database = Some(postgres::EmbeddedPostgres::start(self.options.clone()).await?);
                next_outage += OUTAGE_EVERY;
            } else if !is_stopped && !options.no_outages && now >= next_outage && now + OUTAGE * 4 < end {
                if let Some(database) = self.database.take() {
                    database.stop().await?;
                }
                sampler.outages += 1;
            }
            sampler.note(self.look().await?);
            ledger.take(&self.upstream)?;
        }
        if self.database.is_none() {
            self.database = Some(postgres::EmbeddedPostgres::start(self.options.clone()).await?);
        }
        Ok(())
    }

    async fn look(&self) -> anyhow::Result<Seen> {
        let metrics = Metrics::read(&self.tollgate.url()).await?;
        let pid = self.database.as_ref().and_then(postgres::EmbeddedPostgres::pid);
        let of_database = pid
            .and_then(|pid| u32::try_from(pid).ok())
            // It may be on its way up or down.
            .and_then(|pid| tollgate_testkit::ProcessUse::of_family(pid).ok());
        Ok(Seen::of(&metrics, process_use(&self.tollgate)?, of_database))
    }

    async fn end(self) -> anyhow::Result<()> {
        self.tollgate.stop().await?;
        self.database.context("PostgreSQL runs")?.stop().await?;
        Ok(())
    }
}
