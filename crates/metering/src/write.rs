//! The one transaction: rows, details, balances, rollups, quarantine and position, all or nothing; and, for the audit of what is
//! new, which rows these were.

use std::collections::{BTreeMap, HashMap, HashSet};

use foldhash::fast::RandomState;
use futures_util::future::{try_join, try_join3};
use tollgate_domain::{Credits, RawAnalyticsRecord, UsageState};
use tollgate_store::epochs::Ground;
use tollgate_store::ledger::{self, BalanceChange};
use tollgate_store::quarantine::{self, Refused};
use tollgate_store::usage_details::{self, UsageDetails};
use tollgate_store::usage_records::{self, RecordKey, UsageRow};
use tollgate_store::utc::UtcMicros;
use tollgate_store::{StoreError, Tx, closed_hours, leases, overdrafts, rollups, usage_commits};
use uuid::Uuid;

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
pub(crate) struct Written {
    /// Rows that went in.
    pub(crate) inserted: u64,
    /// Indexes of the records whose rows did not, sorted.
    pub(crate) skipped: Vec<usize>,
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

/// Writes a prepared batch. `records` are what its indexes mean, `ground` is what the transaction stands on.
///
/// A record that was delivered again and goes in now leaves quarantine; one that was written off stays out of the books.
pub(crate) async fn write(
    tx: &Tx,
    records: &[&RawAnalyticsRecord],
    prepared: &Prepared,
    mode: Mode,
    Ground { has_quarantine, closing_until, .. }: Ground,
) -> Result<Written, StoreError> {
    let mut written =
        Written { quarantined: quarantine::insert(tx, &prepared.refused).await?, ..Written::default() };
    let mut all: Vec<&PreparedRow> = prepared.rows.iter().collect();
    let standing = if has_quarantine { standing(tx, records, &all).await? } else { HashMap::default() };
    let is_written_off =
        |row: &PreparedRow| standing.get(&row.index).is_some_and(|(_, is_written_off)| *is_written_off);
    let written_off: Vec<&PreparedRow> = all.extract_if(.., |row| is_written_off(row)).collect();
    let (rows, repeated) = distinct(all);
    if mode == Mode::Optimistic && repeated.is_empty() && standing.is_empty() && !rows.is_empty() {
        // Sent one behind the other, without waiting for an answer between them: where a row is there already, what follows fails
        // with it.
        let new = usage_rows(&rows);
        let ((), balances) =
            try_join(insert_new(tx, &new), take_effect(tx, &rows, &prepared.effects, closing_until)).await?;
        written.count(&rows, &prepared.effects, balances)?;
        return Ok(written);
    }
    let (inserted, mut skipped) = match insert(tx, &rows).await? {
        None => (rows, Vec::new()),
        Some(keys) => rows.into_iter().partition(|row| keys.contains(&row.row.key)),
    };
    skipped.extend(repeated);
    let released: Vec<Uuid> =
        inserted.iter().filter_map(|row| standing.get(&row.index).map(|(id, _)| *id)).collect();
    quarantine::release(tx, &released).await?;
    if skipped.is_empty() && written_off.is_empty() {
        let balances = take_effect(tx, &inserted, &prepared.effects, closing_until).await?;
        written.count(&inserted, &prepared.effects, balances)?;
        return Ok(written);
    }
    let mut aside: Vec<Refused> = Vec::new();
    tell_apart(tx, records, &skipped, &mut written, &mut aside).await?;
    written.quarantined += quarantine::insert(tx, &aside).await?;
    written.duplicates += u64::try_from(written_off.len()).unwrap_or(u64::MAX);
    written.skipped = skipped.iter().chain(&written_off).map(|row| row.index).collect();
    written.skipped.sort_unstable();
    let mut effects = Effects::default();
    for row in &inserted {
        effects.add(&row.row);
    }
    let balances = take_effect(tx, &inserted, &effects, closing_until).await?;
    written.count(&inserted, &effects, balances)?;
    Ok(written)
}

impl Written {
    pub(crate) fn count(
        &mut self,
        inserted: &[&PreparedRow],
        effects: &Effects,
        balances: Vec<BalanceChange>,
    ) -> Result<(), StoreError> {
        let unrated = inserted.iter().filter(|row| row.row.state == UsageState::Unrated).count();
        self.inserted = u64::try_from(inserted.len()).unwrap_or(u64::MAX);
        self.unrated = u64::try_from(unrated).unwrap_or(u64::MAX);
        self.charged = effects.charged()?;
        self.balances = balances;
        Ok(())
    }
}

/// Everything that rows which go in bring with them. `effects` must be those of just these.
async fn take_effect(
    tx: &Tx,
    inserted: &[&PreparedRow],
    effects: &Effects,
    closing_until: Option<UtcMicros>,
) -> Result<Vec<BalanceChange>, StoreError> {
    let details: Vec<(RecordKey, &UsageDetails)> =
        inserted.iter().filter_map(|row| Some((row.row.key, row.details.as_deref()?))).collect();
    let keys = inserted.iter().map(|row| row.row.key);
    let unheld = unheld(inserted)?;
    if !unheld.is_empty() {
        let users: Vec<i32> = unheld.keys().copied().collect();
        leases::keep_out(tx, &users).await?;
    }
    let ((), balances, ()) = try_join3(
        usage_details::insert(tx, &details),
        apply(tx, effects, closing_until),
        // In the order of keys, as they were sorted to go in.
        usage_commits::enter(tx, false, keys, effects.charged_pico()),
    )
    .await?;
    overdrafts::add_unheld_amounts(tx, unheld.into_iter()).await?;
    overdrafts::add_falls(tx, &balances).await?;
    Ok(balances)
}

/// What gateways may have held nothing for, by user.
pub(crate) fn unheld(inserted: &[&PreparedRow]) -> Result<BTreeMap<i32, Credits>, StoreError> {
    let mut sums = BTreeMap::new();
    for row in inserted.iter().filter(|row| row.is_unheld && row.row.amount_pico > 0) {
        if let Some(user) = row.row.user_no {
            let sum = sums.entry(user).or_insert(Credits::ZERO);
            *sum = sum.checked_add(Credits::from_pico(row.row.amount_pico.into())?)?;
        }
    }
    Ok(sums)
}

/// Moves balances and rollups, the contended rows, as late as possible; always in this order.
pub(crate) async fn apply(
    tx: &Tx,
    effects: &Effects,
    closing_until: Option<UtcMicros>,
) -> Result<Vec<BalanceChange>, StoreError> {
    let deltas = effects.rollup_deltas();
    let late = closed_hours::hold_off(tx, closing_until, &deltas).await?;
    rollups::apply(tx, &deltas).await?;
    closed_hours::add_late(tx, late).await?;
    ledger::apply_deltas(tx, &effects.balance_deltas()?).await
}

/// The rows in key order, each key once, and those whose key came before in this batch.
///
/// In key order, two who write the same rows do not wait for each other in a circle. What a repeated one is, is settled
/// against the books, once one of its kind is in them.
pub(crate) fn distinct(mut sorted: Vec<&PreparedRow>) -> (Vec<&PreparedRow>, Vec<&PreparedRow>) {
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

/// Those of the rows that stand in quarantine with the same contents, by the index of their record: under which id, and whether they were
/// written off.
async fn standing(
    tx: &Tx,
    records: &[&RawAnalyticsRecord],
    rows: &[&PreparedRow],
) -> Result<HashMap<usize, (Uuid, bool), RandomState>, StoreError> {
    let asked: Vec<_> = rows
        .iter()
        .filter_map(|row| {
            let record = records.get(row.index)?;
            Some((row.index, (record.instance_id, record.correlation_id, row.row.raw_digest)))
        })
        .collect();
    let keys: Vec<_> = asked.iter().map(|(_, key)| *key).collect();
    let found = quarantine::standing(tx, &keys).await?;
    Ok(found
        .iter()
        .filter_map(|found| Some((asked.get(found.index)?.0, (found.id, found.is_written_off))))
        .collect())
}

fn usage_rows<'a>(rows: &[&'a PreparedRow]) -> Vec<&'a UsageRow> {
    rows.iter().map(|row| &row.row).collect()
}

/// Writes the rows in the belief that none of them is there.
async fn insert_new(tx: &Tx, rows: &[&UsageRow]) -> Result<(), StoreError> {
    if rows.len() <= MAX_UNNEST_ROWS {
        usage_records::insert_new(tx, rows).await
    } else {
        usage_records::copy(tx, rows).await
    }
}

/// Writes those of the rows that are not there; `None`: all of them went in.
async fn insert(
    tx: &Tx,
    rows: &[&PreparedRow],
) -> Result<Option<HashSet<RecordKey, RandomState>>, StoreError> {
    let rows = usage_rows(rows);
    if rows.is_empty() {
        return Ok(None);
    }
    let inserted = if rows.len() <= MAX_UNNEST_ROWS {
        usage_records::insert(tx, &rows).await?
    } else {
        usage_records::insert_staged(tx, &rows).await?
    };
    Ok((inserted.len() < rows.len()).then(|| inserted.into_iter().collect()))
}

/// Rows that did not go in: replays of what is there, or conflicts with it.
async fn tell_apart(
    tx: &Tx,
    records: &[&RawAnalyticsRecord],
    skipped: &[&PreparedRow],
    written: &mut Written,
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
