//! Accounting: what a flush came to, for metrics, spans and whoever must hear of a depleted balance.
//!
//! What must be known at once is told right after the commit. What is counted record by record waits for its turn, so that the next
//! batch does not wait for it.

use std::ops::Range;

use tokio::sync::mpsc;
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::collect::PORTION;
use crate::delivery::Queued;
use crate::flush::Engine;
use crate::prepare::Prepared;
use crate::write::Written;

/// A batch that is at its end, to be counted.
#[derive(Debug)]
pub(crate) struct Flushed {
    pub(crate) queued: Vec<Queued>,
    pub(crate) entered: Vec<Entered>,
}

/// What one transaction wrote of it.
#[derive(Debug)]
pub(crate) struct Entered {
    pub(crate) range: Range<usize>,
    pub(crate) prepared: Prepared,
    /// Indexes in the range of what was not written, sorted.
    pub(crate) skipped: Vec<usize>,
    pub(crate) at: Instant,
}

impl Engine {
    /// After a commit: what must not wait.
    pub(crate) fn tell(&self, prepared: &Prepared, written: &Written, totals: &mut Totals) {
        self.metrics.batched_records.inc_by(written.inserted);
        self.metrics.duplicates.inc_by(written.duplicates);
        self.metrics.conflicts.inc_by(written.conflicts);
        self.metrics.quarantined_records.inc_by(written.quarantined);
        self.metrics.enrich_errors.inc_by(u64::try_from(prepared.refused.len()).unwrap_or(u64::MAX));
        self.metrics.unrated_records.inc_by(written.unrated);
        self.metrics.deduct(written.charged);
        self.depletions.report(&written.balances);
        if written.quarantined > 0 {
            tracing::error!(
                quarantined = written.quarantined,
                conflicts = written.conflicts,
                "records were refused and are in quarantine; `tollgate quarantine list` says which, and why"
            );
        }
        totals.inserted += written.inserted;
        totals.duplicates += written.duplicates;
        totals.quarantined += written.quarantined;
        totals.unrated += written.unrated;
    }

    /// Counts each record of what has been flushed, while the next batch is being written.
    pub(crate) async fn count(&self, mut done: mpsc::Receiver<Flushed>) {
        while let Some(Flushed { mut queued, entered }) = done.recv().await {
            for Entered { range, mut prepared, skipped, at } in entered {
                let queued = queued.get(range).unwrap_or_default();
                for queued in queued.chunks(PORTION) {
                    for queued in queued {
                        self.metrics.lag_seconds.observe((at - queued.ended_at).as_secs_f64());
                    }
                    yield_now().await;
                }
                for rows in prepared.rows.chunks(PORTION) {
                    for row in rows {
                        if skipped.binary_search(&row.index).is_err()
                            && let Some(queued) = queued.get(row.index)
                        {
                            self.genai.observe(&queued.record, &row.row, &prepared.catalog);
                        }
                    }
                    yield_now().await;
                }
                drop_by_portions(&mut prepared.rows).await;
            }
            drop_by_portions(&mut queued).await;
        }
    }
}

/// To give back the memory of a large batch takes as long as to count it.
async fn drop_by_portions<T>(items: &mut Vec<T>) {
    while !items.is_empty() {
        items.truncate(items.len().saturating_sub(PORTION));
        yield_now().await;
    }
}

/// Sums over one batch, for its span.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) inserted: u64,
    pub(crate) duplicates: u64,
    pub(crate) quarantined: u64,
    pub(crate) unrated: u64,
    pub(crate) retries: u64,
}

impl Totals {
    pub(crate) fn record_in_span(&self, took: std::time::Duration) {
        let span = tracing::Span::current();
        span.record("inserted", self.inserted);
        span.record("duplicates", self.duplicates);
        span.record("quarantined", self.quarantined);
        span.record("unrated", self.unrated);
        span.record("retries", self.retries);
        span.record("duration_ms", u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    }
}
