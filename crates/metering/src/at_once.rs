//! A small batch in one statement, where nothing is in its way: most flushes of a gateway that is not at its limit.

use parking_lot::Mutex;
use tokio::time::{Duration, Instant};
use tollgate_failpoints::{Point, is_armed};
use tollgate_store::usage_details::UsageDetails;
use tollgate_store::usage_entry::UsageEntry;
use tollgate_store::usage_records::{RecordKey, UsageRow};
use tollgate_store::{ErrorClass, StoreError};

use crate::delivery::{Queued, Reach};
use crate::doubt::Doubt;
use crate::flush::{Engine, Turn};
use crate::prepare::Prepared;
use crate::progress::Stretch;
use crate::source::Source;
use crate::write::{Written, distinct, unheld};

/// Up to here rows in arrays, which cost some 2 µs more than those of a COPY, cost less than its further statements (reckoned from both, not measured as a
/// whole).
const MAX_ROWS: usize = 160;
/// What was in the way may be there for a while: a record in quarantine. So long no batch tries this way first.
const LONG_WAY: Duration = Duration::from_millis(100);

impl Engine {
    /// Writes the batch in one statement. `None`: it has to be a transaction of several, and nothing is written, or nobody knows.
    ///
    /// Only of a lone flusher: several take their turns once they have written. A record in it may be unlike others in no way: nothing is refused, nothing
    /// was taken without a hold.
    pub(crate) async fn write_at_once(
        &self,
        queued: &[Queued],
        prepared: &Prepared,
        doubt: &Mutex<Doubt>,
    ) -> Result<Option<(Written, Option<Turn<'_>>)>, StoreError> {
        let is_small = (1..=MAX_ROWS).contains(&prepared.rows.len());
        let is_awaited = is_armed(Point::FlushWritten) || is_armed(Point::FlushAdvanced);
        if self.config.flushers > 1 || !is_small || !prepared.refused.is_empty() || is_awaited {
            return Ok(None);
        }
        if self.long_way_until.lock().is_some_and(|until| Instant::now() < until) {
            return Ok(None);
        }
        let (rows, repeated) = distinct(prepared.rows.iter().collect());
        let Some(stretch) = Stretch::of(queued) else { return Ok(None) };
        let Some(Reach { position, mark }) = self.progress.with(&stretch) else { return Ok(None) };
        if !repeated.is_empty() || !unheld(&rows)?.is_empty() {
            return Ok(None);
        }
        let mut turn = self.commit_order.lock().await;
        let epochs = prepared.catalog.epochs();
        let (mark, seen_log_position) = match (&self.source, mark) {
            (Source::Memory(_), _) => (None, 0),
            (Source::Spool(journal), Some(mark)) => {
                if turn.is_none_or(|seen| seen.generation != stretch.generation()) {
                    *turn = journal.begun(stretch.generation());
                }
                match *turn {
                    Some(seen) if seen.server == epochs.server => (Some(mark), seen.log_position),
                    _ => return Ok(None),
                }
            }
            (Source::Spool(_), None) => return Ok(None),
        };
        let usage_rows: Vec<&UsageRow> = rows.iter().map(|row| &row.row).collect();
        let details: Vec<(RecordKey, &UsageDetails)> =
            rows.iter().filter_map(|row| Some((row.row.key, row.details.as_deref()?))).collect();
        let entry = UsageEntry {
            rows: &usage_rows,
            details: &details,
            rollups: &prepared.effects.rollup_deltas(),
            balances: &prepared.effects.balance_deltas()?,
            charged_pico: prepared.effects.charged_pico(),
            epochs,
            is_bound_to_config: prepared.missed,
            instance: self.source.instance_id(),
            position,
            mark,
            seen_log_position,
        };
        let counted = || {
            let mut written = Written::default();
            written.count(&rows, &prepared.effects, Vec::new()).map(|()| written)
        };
        match self.store.enter_usage(&entry).await {
            Ok(Some(config_epoch)) => {
                self.view.note(&prepared.catalog, config_epoch);
                let written = counted()?;
                return Ok(Some((written, Some(turn))));
            }
            Ok(None) => {}
            Err(error) if error.class() == ErrorClass::Duplicate => return Err(error),
            // The longer way finds out what it is, and whose; and whether it happened all the same.
            Err(error) => {
                tracing::debug!(%error, "a batch could not be written in one statement");
                doubt.lock().leave(counted()?);
            }
        }
        *self.long_way_until.lock() = Some(Instant::now() + LONG_WAY);
        Ok(None)
    }
}
