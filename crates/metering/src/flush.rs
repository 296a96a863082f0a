//! Flushing: one batch to its end, whatever the database says.
//!
//! A batch ends when each of its records is in the books or in quarantine. Failures that may pass are tried again for ever;
//! a failure that is a record's own fault halves the batch, in order, until that record stands alone and is set aside.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tollgate_domain::{Clock, RawAnalyticsRecord};
use tollgate_failpoints::{Point, hit};
use tollgate_store::quarantine::Refused;
use tollgate_store::{ErrorClass, Store, StoreError, Tx, epochs, instances, partitions, quarantine};
use tracing::Instrument;

use crate::backoff::Backoff;
use crate::collect::Inbox;
use crate::config::AnalyticsConfig;
use crate::delivery::{Queued, Reach};
use crate::depletion::Depletions;
use crate::digest::RecordKeys;
use crate::dimensions::{Interner, MAX_COMBINATIONS};
use crate::genai::GenAiMetrics;
use crate::instances::Instances;
use crate::metrics::Metrics;
use crate::prepare::{Prepared, Preparer, refused};
use crate::progress::{Progress, Stretch};
use crate::source::Source;
use crate::view::CatalogView;
use crate::write::{self, Mode, Written};

/// Days for which partitions are made ahead, so that a database that nobody reaches for two days still has today's.
pub(crate) const PARTITION_DAYS_AHEAD: i32 = 3;

/// What the flushers share.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) store: Store,
    pub(crate) config: AnalyticsConfig,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) preparer: Preparer,
    pub(crate) view: CatalogView,
    pub(crate) progress: Progress,
    pub(crate) source: Source,
    pub(crate) depletions: Arc<Depletions>,
    pub(crate) metrics: Metrics,
    pub(crate) genai: GenAiMetrics,
    /// From naming what a transaction reaches until its commit, so that this happens in order. Holds how far in the log the books were
    /// seen, for the generation of deliveries that it names.
    pub(crate) commit_order: tokio::sync::Mutex<Seen>,
    pub(crate) has_partitions: AtomicBool,
    /// Whether the last try of any flusher failed; tells a change of state, which is logged, from its repetition.
    pub(crate) is_failing: AtomicBool,
}

/// How far in the log the books were seen to be.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    generation: u64,
    log_position: i64,
}

/// A transaction's turn to commit.
type Turn<'a> = tokio::sync::MutexGuard<'a, Seen>;

/// Why a try failed, and where.
#[derive(Debug)]
enum Failure {
    /// Before any record was looked at: never a record's fault.
    Ready(StoreError),
    /// While records were looked up and numbered.
    Enrich(StoreError),
    /// In the transaction.
    Write(StoreError),
}

/// How a try ended without failing.
enum Tried {
    /// The records are in the books or in quarantine.
    Done,
    /// Prices, or something that a record asked for, changed since the catalog was read.
    Stale,
}

impl Engine {
    /// What records from `source` are written with.
    pub(crate) fn new(
        store: Store,
        config: AnalyticsConfig,
        clock: Arc<dyn Clock>,
        keys: RecordKeys,
        source: Source,
        metrics: Metrics,
        registry: &mut Registry,
    ) -> Self {
        let preparer = Preparer {
            store: store.clone(),
            keys,
            interner: Interner::new(MAX_COMBINATIONS),
            instances: Instances::default(),
        };
        Self {
            store,
            config,
            clock,
            preparer,
            view: CatalogView::default(),
            progress: Progress::default(),
            source,
            depletions: Arc::new(Depletions::new(metrics.clone())),
            metrics,
            genai: GenAiMetrics::register(registry),
            commit_order: tokio::sync::Mutex::default(),
            has_partitions: AtomicBool::new(false),
            is_failing: AtomicBool::new(false),
        }
    }

    /// Flushes batch after batch until there are no more.
    pub(crate) async fn run(&self, inbox: &Inbox, shutdown: &CancellationToken) {
        loop {
            let batch = inbox.next_batch(shutdown).await;
            if batch.is_empty() {
                return;
            }
            let span = tracing::info_span!(
                "flush",
                records = batch.len(),
                inserted = tracing::field::Empty,
                duplicates = tracing::field::Empty,
                quarantined = tracing::field::Empty,
                unrated = tracing::field::Empty,
                retries = tracing::field::Empty,
                duration_ms = tracing::field::Empty,
            );
            // Where the log was read again, the batch has a part of each reading.
            let parts = batch.chunk_by(|left, right| left.generation == right.generation);
            async {
                for part in parts {
                    self.flush(part).await;
                }
            }
            .instrument(span)
            .await;
        }
    }

    /// Brings every record of the batch to its end.
    async fn flush(&self, batch: &[Queued]) {
        let started = Instant::now();
        let mut totals = Totals::default();
        // The next range in order is the last: a split pushes its right half first.
        let whole = 0..batch.len();
        let mut ranges = vec![whole];
        while let Some(range) = ranges.pop() {
            if let Err(poison) = self.flush_range(batch, range.clone(), &mut totals).await {
                if range.len() > 1 {
                    let middle = range.start + range.len() / 2;
                    ranges.push(middle..range.end);
                    ranges.push(range.start..middle);
                } else {
                    self.set_aside(batch, range, &poison, &mut totals).await;
                }
            }
        }
        let took = started.elapsed();
        self.metrics.batch_duration_seconds.observe(took.as_secs_f64());
        self.metrics.batch_records.observe(f64::from(u32::try_from(batch.len()).unwrap_or(u32::MAX)));
        totals.record_in_span(took);
    }

    /// Writes a range in one transaction, trying until it goes in. `Err` is a failure that is one record's fault.
    async fn flush_range(
        &self,
        batch: &[Queued],
        range: Range<usize>,
        totals: &mut Totals,
    ) -> Result<(), StoreError> {
        let Some(queued) = batch.get(range) else { return Ok(()) };
        let records: Vec<&RawAnalyticsRecord> = queued.iter().map(|queued| &queued.record).collect();
        let mut mode = Mode::Optimistic;
        let mut backoff = Backoff::new(self.config.retry_base_delay());
        loop {
            match self.try_range(queued, &records, mode, totals).await {
                Ok(Tried::Done) => {
                    self.succeeded(&backoff);
                    return Ok(());
                }
                Ok(Tried::Stale) => {
                    if let Err(error) = self.view.refresh(&self.store).await {
                        self.failed(&Failure::Ready(error), &mut backoff, totals).await;
                    }
                }
                Err(Failure::Write(error))
                    if error.class() == ErrorClass::Duplicate && mode == Mode::Optimistic =>
                {
                    mode = Mode::Staged;
                }
                Err(Failure::Enrich(error) | Failure::Write(error)) if is_poison(&error) => {
                    self.metrics.write_errors.inc();
                    return Err(error);
                }
                Err(failure) => self.failed(&failure, &mut backoff, totals).await,
            }
        }
    }

    async fn try_range(
        &self,
        queued: &[Queued],
        records: &[&RawAnalyticsRecord],
        mode: Mode,
        totals: &mut Totals,
    ) -> Result<Tried, Failure> {
        self.make_ready().await.map_err(Failure::Ready)?;
        let catalog = self.view.get(&self.store).await.map_err(Failure::Ready)?;
        let prepared = self.preparer.prepare(records, catalog).await.map_err(Failure::Enrich)?;
        let written = self.write(queued, records, &prepared, mode).await.map_err(Failure::Write)?;
        let Some(written) = written else { return Ok(Tried::Stale) };
        self.account(queued, records, &prepared, &written, totals);
        Ok(Tried::Done)
    }

    /// The transaction. `None`: the catalog is out of date, and nothing was written.
    async fn write<'p>(
        &self,
        queued: &[Queued],
        records: &[&RawAnalyticsRecord],
        prepared: &'p Prepared,
        mode: Mode,
    ) -> Result<Option<Written<'p>>, StoreError> {
        hit(Point::FlushBegun);
        // Outlives the commit, as nothing in the closure does.
        let turn = Mutex::new(None);
        let written = self
            .store
            .tx("flush", async |tx| {
                *turn.lock() = None;
                let seen = epochs::read_shared(&tx).await?;
                if self.view.is_stale(&prepared.catalog, seen, prepared.missed) {
                    return Ok(None);
                }
                let written = write::write(&tx, records, prepared, mode).await?;
                hit(Point::FlushWritten);
                *turn.lock() = self.advance(&tx, queued).await?;
                hit(Point::FlushAdvanced);
                Ok(Some(written))
            })
            .await?;
        if written.is_some() {
            hit(Point::FlushCommitted);
            self.settle(queued, turn.into_inner());
            hit(Point::FlushAcknowledged);
        }
        Ok(written)
    }

    /// Says in the transaction how far its commit makes the books reach. Hold what it returns until then; nothing, when they reach no
    /// further.
    ///
    /// The row of the instance would put the flushers in a line anyway; in this line each names the right mark.
    async fn advance(&self, tx: &Tx, queued: &[Queued]) -> Result<Option<Turn<'_>>, StoreError> {
        let Some(stretch) = Stretch::of(queued) else { return Ok(None) };
        let mut turn = self.commit_order.lock().await;
        let Some(Reach { position, mark }) = self.progress.with(&stretch) else { return Ok(Some(turn)) };
        let own = self.source.instance_id();
        let (Some(mark), Source::Spool(journal)) = (mark, &self.source) else {
            instances::advance(tx, own, position).await?;
            return Ok(Some(turn));
        };
        if turn.generation != stretch.generation() {
            *turn = Seen { generation: stretch.generation(), log_position: 0 };
        }
        if !instances::advance_in_log(tx, own, position, mark, turn.log_position).await? {
            // What this transaction writes is right all the same, and is known when it comes again.
            journal.rewind(stretch.generation());
        }
        Ok(Some(turn))
    }

    /// After the commit.
    fn settle(&self, queued: &[Queued], turn: Option<Turn<'_>>) {
        let Some(stretch) = Stretch::of(queued) else { return };
        let reached = self.progress.with(&stretch);
        self.progress.settle(&stretch);
        if let (Some(mut turn), Some(Reach { mark: Some(mark), .. })) = (turn, reached)
            && turn.generation == stretch.generation()
        {
            turn.log_position = turn.log_position.max(mark.log_position);
        }
        if let Source::Spool(journal) = &self.source {
            journal.acknowledge(queued.iter().filter_map(|queued| queued.spooled));
        }
    }

    /// Enters one record in quarantine, trying until it goes in.
    async fn set_aside(
        &self,
        batch: &[Queued],
        range: Range<usize>,
        poison: &StoreError,
        totals: &mut Totals,
    ) {
        let Some(queued @ [only]) = batch.get(range) else { return };
        let digest = self.preparer.keys.raw_digest(&only.record, &mut Vec::new());
        let sqlstate = poison.sqlstate().map(str::to_owned);
        let entry = [refused(&only.record, digest, poison.to_string(), sqlstate)];
        let mut backoff = Backoff::new(self.config.retry_base_delay());
        loop {
            let entered = self.enter(queued, &entry).await;
            match entered {
                Ok(entered) => {
                    self.metrics.quarantined_records.inc_by(entered);
                    totals.quarantined += entered;
                    tracing::error!(
                        instance_id = %only.record.instance_id,
                        correlation_id = %only.record.correlation_id,
                        error = %poison,
                        "a record was refused and is in quarantine"
                    );
                    self.succeeded(&backoff);
                    return;
                }
                Err(error) => self.failed(&Failure::Write(error), &mut backoff, totals).await,
            }
        }
    }

    async fn enter(&self, queued: &[Queued], entry: &[Refused]) -> Result<u64, StoreError> {
        let turn = Mutex::new(None);
        let entered = self
            .store
            .tx("quarantine", async |tx| {
                *turn.lock() = None;
                let entered = quarantine::insert(&tx, entry).await?;
                *turn.lock() = self.advance(&tx, queued).await?;
                Ok(entered)
            })
            .await?;
        self.settle(queued, turn.into_inner());
        Ok(entered)
    }

    /// What must be there before the first record: today's partition, or the default one would keep today for ever.
    async fn make_ready(&self) -> Result<(), StoreError> {
        if self.has_partitions.load(Ordering::Acquire) {
            return Ok(());
        }
        self.make_partitions().await?;
        self.has_partitions.store(true, Ordering::Release);
        Ok(())
    }

    /// Makes the partitions of today and the days ahead; `false`: some could not be had now, and are worth another try.
    pub(crate) async fn make_partitions(&self) -> Result<bool, StoreError> {
        let today = tollgate_store::utc::UtcDay::clamped(self.clock.now());
        let missing = partitions::ensure(&self.store, today, PARTITION_DAYS_AHEAD).await?;
        for day in missing.occupied {
            tracing::warn!(%day, "the default partition holds records of this day, so it gets none of its own");
        }
        if let Some(day) = missing.locked {
            tracing::warn!(%day, "partitions from this day on could not be made because the table was locked");
        }
        Ok(missing.locked.is_none())
    }

    /// After a commit: metrics, and word of depleted balances.
    fn account(
        &self,
        queued: &[Queued],
        records: &[&RawAnalyticsRecord],
        prepared: &Prepared,
        written: &Written<'_>,
        totals: &mut Totals,
    ) {
        let inserted = u64::try_from(written.inserted.len()).unwrap_or(u64::MAX);
        self.metrics.batched_records.inc_by(inserted);
        self.metrics.duplicates.inc_by(written.duplicates);
        self.metrics.conflicts.inc_by(written.conflicts);
        self.metrics.quarantined_records.inc_by(written.quarantined);
        self.metrics.enrich_errors.inc_by(u64::try_from(prepared.refused.len()).unwrap_or(u64::MAX));
        self.metrics.unrated_records.inc_by(written.unrated);
        self.metrics.deduct(written.charged);
        self.depletions.report(&written.balances);
        let now = Instant::now();
        for queued in queued {
            self.metrics.lag_seconds.observe((now - queued.ended_at).as_secs_f64());
        }
        for row in &written.inserted {
            if let Some(record) = records.get(row.index) {
                self.genai.observe(record, &row.row, &prepared.catalog);
            }
        }
        if written.quarantined > 0 {
            tracing::error!(
                quarantined = written.quarantined,
                conflicts = written.conflicts,
                "records were refused and are in quarantine; `tollgate quarantine list` says which, and why"
            );
        }
        totals.inserted += inserted;
        totals.duplicates += written.duplicates;
        totals.quarantined += written.quarantined;
        totals.unrated += written.unrated;
    }

    fn succeeded(&self, backoff: &Backoff) {
        if backoff.tries() > 0 {
            self.metrics.retried_batches.inc();
        }
        if self.is_failing.swap(false, Ordering::Relaxed) {
            tracing::info!("the books are written again");
        }
    }

    /// Says so, once until it goes well again, and waits.
    async fn failed(&self, failure: &Failure, backoff: &mut Backoff, totals: &mut Totals) {
        let (error, counter) = match failure {
            Failure::Ready(error) | Failure::Enrich(error) => (error, &self.metrics.enrich_errors),
            Failure::Write(error) => (error, &self.metrics.write_errors),
        };
        counter.inc();
        self.metrics.retries.inc();
        totals.retries += 1;
        if !self.is_failing.swap(true, Ordering::Relaxed) {
            match error.class() {
                ErrorClass::Retry | ErrorClass::Duplicate => {
                    tracing::warn!(%error, "the books cannot be written; records wait, and it is tried again");
                }
                ErrorClass::Poison | ErrorClass::Refused | ErrorClass::Fatal => {
                    tracing::error!(%error, "the books cannot be written until somebody mends this; records wait");
                }
            }
        }
        sleep(backoff.next_delay()).await;
    }
}

/// A failure that halving the batch can pin to one record.
pub(crate) fn is_poison(error: &StoreError) -> bool {
    error.class() == ErrorClass::Poison || matches!(error, StoreError::Money(_))
}

/// Sums over one batch, for its span.
#[derive(Debug, Default)]
struct Totals {
    inserted: u64,
    duplicates: u64,
    quarantined: u64,
    unrated: u64,
    retries: u64,
}

impl Totals {
    fn record_in_span(&self, took: std::time::Duration) {
        let span = tracing::Span::current();
        span.record("inserted", self.inserted);
        span.record("duplicates", self.duplicates);
        span.record("quarantined", self.quarantined);
        span.record("unrated", self.unrated);
        span.record("retries", self.retries);
        span.record("duration_ms", u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    }
}
