//! The one transaction: rows, details, balances, rollups, quarantine and position, all or nothing; and, for the audit of what is
//! new, which rows these were.

use std::collections::HashSet;

use foldhash::fast::RandomState;
use futures_util::future::try_join;
use tollgate_domain::{Credits, RawAnalyticsRecord};
use tollgate_store::ledger::{self, BalanceChange};
use tollgate_store::quarantine::{self, Refused};
use tollgate_store::usage_details::{self, UsageDetails};
use tollgate_store::usage_records::{self, RecordKey, UsageRow};
use tollgate_store::{StoreError, Tx, rollups, usage_commits};

use crate::effects::Effects;
use crate::prepare::{Prepared, PreparedRow, refused};

/// Up to here one INSERT of arrays beats the two round trips of a COPY.
const MAX_UNNEST_ROWS: usize = 64;

/// How rows go in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// In the belief that none of them is there: the quick way. Fails with `Duplicate` otherwise.
    Optimistic,
    /// Skipping those that are there.
    Staged,
}

/// What a transaction did.
#[derive(Debug, Default)]
pub(crate) struct Written<'a> {
    /// What went in.
    pub(crate) inserted: Vec<&'a PreparedRow>,
    /// Records that were in the books before.
    pub(crate) duplicates: u64,
    /// Records that were set aside, conflicts included.
    pub(crate) quarantined: u64,
    /// Of these, the ones whose identity is in the books with other contents.
    pub(crate) conflicts: u64,
    /// Rows that wait for a price.
    pub(crate) unrated: u64,
    /// Taken from balances.
    pub(crate) charged: Credits,
    /// Balances that this moved.
    pub(crate) balances: Vec<BalanceChange>,
}

/// Writes a prepared batch. `records` are what its indexes mean.
pub(crate) async fn write<'a>(
    tx: &Tx,
    records: &[&RawAnalyticsRecord],
    prepared: &'a Prepared,
    mode: Mode,
) -> Result<Written<'a>, StoreError> {
    let mut written = Written::default();
    let mut aside: Vec<Refused> = Vec::new();
    let (rows, repeated) = distinct(&prepared.rows);
    let (inserted, mut skipped) = match insert(tx, &rows, mode).await? {
        None => (rows, Vec::new()),
        Some(keys) => rows.into_iter().partition(|row| keys.contains(&row.row.key)),
    };
    skipped.extend(repeated);
    if !skipped.is_empty() {
        tell_apart(tx, records, &skipped, &mut written, &mut aside).await?;
    }
    let mut effects = Effects::default();
    let mut details: Vec<&UsageDetails> = Vec::new();
    for PreparedRow { row, details: unique, .. } in &inserted {
        effects.add(row);
        details.extend(unique.as_deref());
        written.unrated += u64::from(row.state == tollgate_domain::UsageState::Unrated);
    }
    if !details.is_empty() {
        usage_details::insert(tx, &details).await?;
    }
    written.quarantined =
        quarantine::insert(tx, &prepared.refused).await? + quarantine::insert(tx, &aside).await?;
    written.charged = effects.charged()?;
    let keys = inserted.iter().map(|row| row.row.key);
    let (balances, ()) = try_join(
        apply(tx, &effects),
        // In the order of keys, as they were sorted to go in.
        usage_commits::enter(tx, false, keys, effects.charged_pico()),
    )
    .await?;
    written.balances = balances;
    written.inserted = inserted;
    Ok(written)
}

/// Moves balances and rollups, the contended rows, as late as possible; always in this order.
pub(crate) async fn apply(tx: &Tx, effects: &Effects) -> Result<Vec<BalanceChange>, StoreError> {
    rollups::apply(tx, &effects.rollup_deltas()).await?;
    ledger::apply_deltas(tx, &effects.balance_deltas()?).await
}

/// The rows in key order, each key once, and those whose key came before in this batch.
///
/// In key order, two who write the same rows do not wait for each other in a circle. What a repeated one is, is settled
/// against the books, once one of its kind is in them.
fn distinct(rows: &[PreparedRow]) -> (Vec<&PreparedRow>, Vec<&PreparedRow>) {
    let mut sorted: Vec<&PreparedRow> = rows.iter().collect();
    // Stable: of equal keys the first sent stays first.
    sorted.sort_by_key(|row| row.row.key);
    let mut repeated = Vec::new();
    let mut last = None;
    sorted.retain(|row| {
        let is_new = last.replace(row.row.key) != Some(row.row.key);
        if !is_new {
            repeated.push(*row);
        }
        is_new
    });
    (sorted, repeated)
}

/// Writes the rows; `None`: all of them went in.
async fn insert(
    tx: &Tx,
    rows: &[&PreparedRow],
    mode: Mode,
) -> Result<Option<HashSet<RecordKey, RandomState>>, StoreError> {
    let rows: Vec<&UsageRow> = rows.iter().map(|row| &row.row).collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let inserted = if rows.len() <= MAX_UNNEST_ROWS {
        usage_records::insert(tx, &rows).await?
    } else if mode == Mode::Staged {
        usage_records::insert_staged(tx, &rows).await?
    } else {
        usage_records::copy(tx, &rows).await?;
        return Ok(None);
    };
    Ok((inserted.len() < rows.len()).then(|| inserted.into_iter().collect()))
}

/// Rows that did not go in: replays of what is there, or conflicts with it.
async fn tell_apart(
    tx: &Tx,
    records: &[&RawAnalyticsRecord],
    skipped: &[&PreparedRow],
    written: &mut Written<'_>,
    aside: &mut Vec<Refused>,
) -> Result<(), StoreError> {
    let keys: Vec<RecordKey> = skipped.iter().map(|row| row.row.key).collect();
    let mut stored = usage_records::stored_digests(tx, &keys).await?;
    stored.sort_unstable();
    for row in skipped {
        let found = stored.binary_search_by_key(&row.row.key, |(key, _)| *key);
        match found.ok().and_then(|at| stored.get(at)) {
            Some((_, digest)) if *digest == row.row.raw_digest => written.duplicates += 1,
            Some(_) => {
                if let Some(record) = records.get(row.index) {
                    aside.push(refused(record, row.row.raw_digest, CONFLICT.to_owned(), None));
                    written.conflicts += 1;
                }
            }
            // The conflicting row can only vanish with its partition: then the next try writes this one.
            None => {
                return Err(StoreError::Corrupt("a row that stood in the way of another is gone".to_owned()));
            }
        }
    }
    Ok(())
}

/// What a conflict says of itself in quarantine.
pub(crate) const CONFLICT: &str = "the books have a record with this identity and other contents";
