//! `cargo bench-batcher`: how fast records get from the journal into the books, what one costs, and how far that is from the limit
//! measured beside it.

mod backlog;
mod limits;
mod saturation;
mod steady;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use prometheus_client::registry::Registry;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tollgate_domain::CorrelationId;
use tollgate_metering::journal::{DurabilitySetting, Journal};
use tollgate_metering::{
    AnalyticsBatcher, AnalyticsConfig, AnalyticsSender, Drained, RunError, SpoolConfig, audit,
};
use tollgate_store::{Store, StoreConfig};

use crate::flushes::Flushes;
use crate::postgres::Server;
use crate::report::{Report, heading, line};
use crate::world::{Mix, SystemClock, World};

/// The database that Tollgate writes, and the one that the limits are measured in.
const BOOKS: &str = "tollgate";
const LIMITS: &str = "limits";
/// Records of each measurement that is not counted: caches fill, partitions are made.
const WARM_UP: usize = 20_000;
/// Of more records than this the auditor is not asked: it reads each.
const MOST_AUDITED: i64 = 3_000_000;

/// What may be asked of it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Records in each round.
    #[arg(long, default_value_t = 200_000)]
    records: usize,
    /// Most records in one transaction (`analytics.batch_size`).
    #[arg(long, default_value_t = AnalyticsConfig::default().batch_size)]
    batch_size: usize,
    /// Transactions at a time (`analytics.flushers`), and connections of the limits.
    #[arg(long, default_value_t = 1)]
    connections: usize,
    /// Records that are in the table already.
    #[arg(long, default_value_t = 0)]
    rows_before: usize,
    /// Interleaved rounds; what is printed is the median.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// All requests are of one user.
    #[arg(long)]
    hot_user: bool,
    /// Models that each of the 2,000 keys uses, of 50; seven of ten requests are for the first.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=50))]
    models_per_key: u8,
    /// What a record in the journal survives (`spool.durability`).
    #[arg(long, value_enum, default_value_t = Survives::Fsync)]
    durability: Survives,
    /// The in-memory channel (`AnalyticsSender`) in the place of the journal.
    #[arg(long, conflicts_with_all = ["prefilled", "backlog"])]
    channel: bool,
    /// All records are in the journal before the clock and the batcher start.
    #[arg(long)]
    prefilled: bool,
    /// Instead: a million records in the spool, then a start, with 200 requests a second being served.
    #[arg(long)]
    backlog: bool,
    /// Seconds at each steady rate; 0 leaves them out.
    #[arg(long, default_value_t = 10)]
    steady_seconds: u32,
    /// End with one JSON object on the last line.
    #[arg(long)]
    json: bool,
}

/// `spool.durability`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Survives {
    /// A power cut.
    Fsync,
    /// The end of the process.
    Os,
    /// Nothing.
    Memory,
}

impl Survives {
    /// As the setting calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Fsync => "fsync",
            Self::Os => "os",
            Self::Memory => "memory",
        }
    }
}

impl std::fmt::Display for Survives {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A database with users, keys and prices, and what is needed to write books in it.
struct Bench<'a> {
    options: &'a Options,
    flushes: &'a Flushes,
    server: Server,
    store: Store,
    world: World,
}

/// Measures and prints.
pub(crate) async fn run(options: &Options, flushes: &Flushes) -> anyhow::Result<()> {
    let server = Server::start().await?;
    let settings = server.gauge(BOOKS).await.settings().await;
    heading("PostgreSQL, as `tollgate serve` runs it, with nothing changed");
    let settings: Vec<String> = settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
    println!("   {}", settings.join(", "));
    let store = Store::connect(&StoreConfig::new(server.url(BOOKS)))?;
    store.migrate().await?;
    let world = World::create(&store).await?;
    let bench = Bench { options, flushes, server, store, world };
    let mut report = Report::default();
    if options.backlog {
        backlog::run(&bench, &mut report).await?;
    } else {
        bench.fill(WARM_UP.max(options.rows_before)).await?;
        saturation::run(&bench, &mut report).await?;
        if !options.channel && options.steady_seconds > 0 {
            for rate in [500, 2_000] {
                steady::run(&bench, rate, &mut report).await?;
            }
        }
    }
    bench.audit().await?;
    let Bench { server, store, .. } = bench;
    drop(store);
    server.stop().await?;
    if options.json {
        report.print();
    }
    Ok(())
}

impl Bench<'_> {
    fn mix(&self) -> Mix {
        Mix { models_per_key: self.options.models_per_key.into(), hot_user: self.options.hot_user }
    }

    fn config(&self) -> AnalyticsConfig {
        AnalyticsConfig {
            batch_size: self.options.batch_size,
            flushers: self.options.connections,
            ..AnalyticsConfig::default()
        }
    }

    fn spool_config(&self) -> SpoolConfig {
        let durability = match self.options.durability {
            Survives::Fsync => DurabilitySetting::Fsync,
            Survives::Os => DurabilitySetting::Os,
            Survives::Memory => DurabilitySetting::Memory,
        };
        SpoolConfig { durability, ..SpoolConfig::default() }
    }

    fn spool_directory(&self, name: &str) -> PathBuf {
        self.server.directory().join(format!("spool-{name}"))
    }

    async fn journal(&self, name: &str) -> anyhow::Result<Journal> {
        let clock = Arc::new(SystemClock);
        let directory = self.spool_directory(name);
        let mut registry = Registry::default();
        Ok(Journal::open(&self.store, &self.spool_config(), &directory, clock, &mut registry).await?)
    }

    fn batcher_of(&self, journal: &Journal) -> Running {
        let keys = self.world.record_keys();
        let mut registry = Registry::default();
        let batcher = AnalyticsBatcher::with_journal(
            self.store.clone(),
            self.config(),
            Arc::new(SystemClock),
            keys,
            journal,
            &mut registry,
        );
        Running::start(batcher, registry)
    }

    fn batcher_of_channel(&self) -> (Running, AnalyticsSender) {
        let keys = self.world.record_keys();
        let mut registry = Registry::default();
        let (batcher, sender) = AnalyticsBatcher::new(
            self.store.clone(),
            self.config(),
            Arc::new(SystemClock),
            keys,
            &mut registry,
        );
        (Running::start(batcher, registry), sender)
    }

    /// Writes so many records without measuring, in parts that fit memory.
    async fn fill(&self, records: usize) -> anyhow::Result<()> {
        const PART: usize = 100_000;
        heading(&format!("{records} records before the first measurement"));
        let started = Instant::now();
        let (running, sender) = self.batcher_of_channel();
        let mut numbers = 1..;
        for part in (0..records).step_by(PART) {
            let seed = 1_000_000 + u64::try_from(part)?;
            let made = self.world.records(self.mix(), seed, PART.min(records - part));
            for (mut record, number) in made.into_iter().zip(&mut numbers) {
                record.instance_id = sender.instance_id();
                record.correlation_id = CorrelationId::new(number);
                sender.send(record).await?;
            }
        }
        running.stop(records).await?;
        line("took", &format!("{:.1} s", started.elapsed().as_secs_f64()));
        Ok(())
    }

    /// That the books are right is a part of what was measured.
    async fn audit(&self) -> anyhow::Result<()> {
        let records = self.server.gauge(BOOKS).await.records().await;
        heading(&format!("audit of {records} records"));
        if records > MOST_AUDITED {
            line("left out", "it would take longer than the benchmark");
            return Ok(());
        }
        let report = audit::audit(&self.store, &self.world.record_keys()).await?;
        anyhow::ensure!(report.ok(), "the books are not right: {report:#?}");
        line("the books are right", "each amount, each balance, each rollup");
        Ok(())
    }
}

/// A batcher that runs.
struct Running {
    shutdown: CancellationToken,
    task: JoinHandle<Result<Drained, RunError>>,
    /// Kept for as long as the batcher counts in it.
    _registry: Registry,
}

impl Running {
    fn start(batcher: AnalyticsBatcher, registry: Registry) -> Self {
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(batcher.run(shutdown.clone()));
        Self { shutdown, task, _registry: registry }
    }

    /// Stops it when it has written everything. Every record must have gone in.
    async fn stop(self, expected: usize) -> anyhow::Result<()> {
        self.shutdown.cancel();
        let Drained { inserted, left_in_spool, .. } = self.task.await??;
        anyhow::ensure!(
            inserted == u64::try_from(expected)? && left_in_spool == 0,
            "{inserted} of {expected} records went into the books"
        );
        Ok(())
    }
}

/// Closes a journal without holding up the runtime.
async fn close(journal: Journal) -> anyhow::Result<()> {
    Ok(tokio::task::spawn_blocking(move || journal.close()).await??)
}

/// So much more time than a measurement takes that only one that hangs is ended by it.
const PATIENCE: Duration = Duration::from_mins(10);
