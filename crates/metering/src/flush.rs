//! Flushing: one batch to its end, whatever the database says.
//!
//! A batch ends when each of its records is in the books or in quarantine. Failures that may pass are tried again for ever;
//! a failure that is a record's own fault halves the batch, in order, until that record stands alone and is set aside.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures_util::future::try_join;
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tollgate_domain::{Clock, RawAnalyticsRecord};
use tollgate_failpoints::{Point, hit};
use tollgate_store::quarantine::Refused;
use tollgate_store::{ErrorClass, Store, StoreError, Tx, epochs, instances, partitions, quarantine};
use tracing::Instrument;

use crate::account::{Entered, Flushed, Totals};
use crate::backoff::Backoff;
use crate::collect::{Batch, Inbox};
use crate::config::AnalyticsConfig;
use crate::delivery::{Queued, Reach};
use crate::depletion::Depletions;
use crate::digest::RecordKeys;
use crate::dimensions::{Interner, MAX_COMBINATIONS};
use crate::doubt::Doubt;
use crate::genai::GenAiMetrics;
use crate::instances::Instances;
use crate::journal::Begun;
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
    pub(crate) commit_order: tokio::sync::Mutex<Option<Begun>>,
    pub(crate) has_partitions: AtomicBool,
    /// Until when no batch is tried in one statement ([`crate::at_once`]).
    pub(crate) long_way_until: Mutex<Option<Instant>>,
    /// How long the last flush took, in microseconds.
    pub(crate) last_flush_us: AtomicU64,
    /// Whether the last try of any flusher failed; tells a change of state, which is logged, from its repetition.
    pub(crate) is_failing: AtomicBool,
}

/// A transaction's turn to commit, with how far in the log the books were seen to be. `None` before the first.
pub(crate) type Turn<'a> = tokio::sync::MutexGuard<'a, Option<Begun>>;

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
            long_way_until: Mutex::default(),
            last_flush_us: AtomicU64::new(0),
            is_failing: AtomicBool::new(false),
        }
    }

    /// Makes further records of a batch ready, as far as everything about them is known; those before `from` are.
    pub(crate) fn prepare_ahead(&self, batch: &mut Batch, from: usize) {
        let prepared = match batch.prepared.take() {
            None if from == 0 => {
                self.view.known().map(|catalog| Prepared::begin(catalog, batch.queued.len()))
            }
            prepared => prepared,
        };
        let (Some(mut prepared), Some(queued)) = (prepared, batch.queued.get(from..)) else { return };
        self.preparer.add(&mut prepared, queued.iter().map(|queued| &queued.record));
        batch.prepared = Some(prepared);
    }

    /// Flushes batch after batch until there are no more, and hands on what was written to be counted.
    pub(crate) async fn run(&self, inbox: Inbox, done: mpsc::Sender<Flushed>) {
        while let Some(batch) = inbox.next_batch().await {
            let span = tracing::info_span!(
                "flush",
                records = batch.queued.len(),
                inserted = tracing::field::Empty,
                duplicates = tracing::field::Empty,
                quarantined = tracing::field::Empty,
                unrated = tracing::field::Empty,
                retries = tracing::field::Empty,
                duration_ms = tracing::field::Empty,
            );
            let flushed = self.flush(batch).instrument(span).await;
            // Whoever counts is gone by a panic only, and with it the batcher.
            drop(done.send(flushed).await);
        }
    }

    /// Brings every record of the batch to its end.
    async fn flush(&self, batch: Batch) -> Flushed {
        let started = Instant::now();
        let Batch { queued, prepared: mut ahead } = batch;
        let mut totals = Totals::default();
        let mut entered = Vec::new();
        // Where the log was read again, the batch has a part of each reading. The next range in order is the last: a split pushes its
        // right half first.
        let mut ranges = generations(&queued);
        if ranges.len() > 1 {
            ahead = None;
        }
        while let Some(range) = ranges.pop() {
            match self.flush_range(&queued, range.clone(), ahead.take(), &mut totals).await {
                Ok(part) => entered.extend(part),
                Err(_) if range.len() > 1 => {
                    let middle = range.start + range.len() / 2;
                    ranges.push(middle..range.end);
                    ranges.push(range.start..middle);
                }
                Err(poison) => self.set_aside(&queued, range, &poison, &mut totals).await,
            }
        }
        let took = started.elapsed();
        self.last_flush_us.store(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.metrics.batch_duration_seconds.observe(took.as_secs_f64());
        self.metrics.batch_records.observe(f64::from(u32::try_from(queued.len()).unwrap_or(u32::MAX)));
        totals.record_in_span(took);
        Flushed { queued, entered }
    }

    /// Writes a range in one transaction, trying until it goes in. `ahead` is what was made ready of it. `Err` is a failure that is one
    /// record's fault.
    async fn flush_range(
        &self,
        batch: &[Queued],
        range: Range<usize>,
        mut ahead: Option<Prepared>,
        totals: &mut Totals,
    ) -> Result<Option<Entered>, StoreError> {
        let Some(queued) = batch.get(range.clone()) else { return Ok(None) };
        let records: Vec<&RawAnalyticsRecord> = queued.iter().map(|queued| &queued.record).collect();
        let mut mode = Mode::Optimistic;
        let mut backoff = Backoff::new(self.config.retry_base_delay());
        let doubt = Mutex::<Doubt>::default();
        loop {
            match self.try_range(queued, &records, ahead.take(), mode, &doubt).await {
                Ok(Some((prepared, mut written))) => {
                    self.succeeded(&backoff);
                    doubt.into_inner().conclude(&mut written);
                    self.tell(&prepared, &written, totals);
                    let at = Instant::now();
                    return Ok(Some(Entered { range, prepared, skipped: written.skipped, at }));
                }
                Ok(None) => {
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

    /// One try, which ends with what was prepared and written. `None`: prices, or something that a record asked for, changed since the
    /// catalog was read.
    async fn try_range(
        &self,
        queued: &[Queued],
        records: &[&RawAnalyticsRecord],
        ahead: Option<Prepared>,
        mode: Mode,
        doubt: &Mutex<Doubt>,
    ) -> Result<Option<(Prepared, Written)>, Failure> {
        self.make_ready().await.map_err(Failure::Ready)?;
        let prepared = if let Some(mut prepared) = ahead {
            self.preparer.number(&mut prepared).await.map_err(Failure::Enrich)?;
            prepared
        } else {
            let catalog = self.view.get(&self.store).await.map_err(Failure::Ready)?;
            self.preparer.prepare(records, catalog).await.map_err(Failure::Enrich)?
        };
        let written = self.write(queued, records, &prepared, mode, doubt).await.map_err(Failure::Write)?;
        Ok(written.map(|written| (prepared, written)))
    }

    /// The transaction, of one statement where that will do. `None`: the catalog is out of date, and nothing was written.
    async fn write(
        &self,
        queued: &[Queued],
        records: &[&RawAnalyticsRecord],
        prepared: &Prepared,
        mode: Mode,
        doubt: &Mutex<Doubt>,
    ) -> Result<Option<Written>, StoreError> {
        hit(Point::FlushBegun);
        if mode == Mode::Optimistic
            && let Some((written, turn)) = self.write_at_once(queued, prepared, doubt).await?
        {
            self.committed(queued, turn);
            return Ok(Some(written));
        }
        // Both outlive the commit, as nothing in the closure does.
        let (turn, wrote) = (Mutex::new(None), Mutex::new(None));
        let is_current = self
            .store
            .tx_on_ground("flush", async |tx| {
                // It may run again.
                (*turn.lock(), *wrote.lock()) = (None, None);
                let ground = epochs::read_shared(&tx).await?;
                if self.view.is_stale(&prepared.catalog, ground.epochs, prepared.missed) {
                    return Ok(false);
                }
                let write = async {
                    let written = write::write(&tx, records, prepared, mode, ground).await?;
                    hit(Point::FlushWritten);
                    Ok(written)
                };
                // Several flushers take their turns once they have written, or one that waits for a balance would keep the one that
                // holds it from committing. A lone one says where it is without waiting for an answer.
                let (written, taken) = if self.config.flushers == 1 && mode == Mode::Optimistic {
                    try_join(write, self.advance(&tx, queued)).await?
                } else {
                    (write.await?, self.advance(&tx, queued).await?)
                };
                *turn.lock() = taken;
                *wrote.lock() = Some(written);
                hit(Point::FlushAdvanced);
                Ok(true)
            })
            .await;
        let written = wrote.into_inner();
        match is_current {
            Ok(true) => self.committed(queued, turn.into_inner()),
            Ok(false) => {}
            Err(error) => {
                // It failed before its commit, or in it, or was not answered.
                if let Some(written) = written {
                    doubt.lock().leave(written);
                }
                return Err(error);
            }
        }
        Ok(written)
    }

    fn committed(&self, queued: &[Queued], turn: Option<Turn<'_>>) {
        hit(Point::FlushCommitted);
        self.settle(queued, turn);
        hit(Point::FlushAcknowledged);
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
        let generation = stretch.generation();
        if turn.is_none_or(|seen| seen.generation != generation) {
            *turn = journal.begun(generation);
        }
        let Some(seen) = turn.as_mut() else { return Ok(Some(turn)) };
        // On another server what was named is looked for, and what another flusher committed beyond it may be missing unnoticed.
        let is_sure = tx.server() == seen.server || !self.progress.is_ahead();
        if is_sure && instances::advance_in_log(tx, own, position, mark, seen.log_position).await? {
            seen.server = tx.server();
        } else {
            // What this transaction writes is right all the same, and is known when it comes again.
            journal.rewind(generation);
            *turn = None;
        }
        Ok(Some(turn))
    }

    /// After the commit.
    fn settle(&self, queued: &[Queued], turn: Option<Turn<'_>>) {
        let Some(stretch) = Stretch::of(queued) else { return };
        let reached = self.progress.with(&stretch);
        self.progress.settle(&stretch);
        let Source::Spool(journal) = &self.source else { return };
        if let (Some(mut turn), Some(Reach { mark: Some(mark), .. })) = (turn, reached)
            && let Some(seen) = turn.as_mut().filter(|seen| seen.generation == stretch.generation())
        {
            seen.log_position = seen.log_position.max(mark.log_position);
            journal.committed(seen.log_position);
        }
        journal.acknowledge(queued.iter().filter_map(|queued| queued.spooled));
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
        // By this try, or by one before it that was not answered.
        let ever = AtomicU64::new(0);
        loop {
            match self.enter(queued, &entry, &ever).await {
                Ok(()) => {
                    let entered = ever.into_inner();
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

    async fn enter(&self, queued: &[Queued], entry: &[Refused], ever: &AtomicU64) -> Result<(), StoreError> {
        let turn = Mutex::new(None);
        self.store
            .tx("quarantine", async |tx| {
                *turn.lock() = None;
                let entered = quarantine::insert(&tx, entry).await?;
                ever.fetch_max(entered, Ordering::Relaxed);
                *turn.lock() = self.advance(&tx, queued).await?;
                Ok(())
            })
            .await?;
        self.settle(queued, turn.into_inner());
        Ok(())
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

/// The parts of a batch that are of one reading of the log each, the first one last.
fn generations(queued: &[Queued]) -> Vec<Range<usize>> {
    let mut start = 0;
    let parts = queued.chunk_by(|left, right| left.generation == right.generation);
    let mut ranges: Vec<_> = parts
        .map(|part| {
            let range = start..start + part.len();
            start = range.end;
            range
        })
        .collect();
    ranges.reverse();
    ranges
}

/// A failure that halving the batch can pin to one record.
pub(crate) fn is_poison(error: &StoreError) -> bool {
    error.class() == ErrorClass::Poison || matches!(error, StoreError::Money(_))
}
