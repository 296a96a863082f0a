//! `usage_commits`: which usage records each of the latest transactions wrote. For the audit of what is new.
//!
//! Neither times nor sequences tell in which order transactions committed; the snapshot of a transaction does. A [`Mark`] is such a
//! snapshot, kept: what is visible now and was not visible at the mark is exactly what has been committed since, whoever started
//! when. It can be told for as long as the ring of [`RING`] transactions holds it, and the server is not another one.

use rust_decimal::Decimal;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use tollgate_domain::CorrelationId;

use crate::usage_records::{KeyRange, RecordKey};
use crate::utc::UtcDay;
use crate::{StoreError, Tx};

/// Transactions that the ring holds: each that wrote usage records takes a slot.
pub const RING: i64 = 131_072;
/// So many later than a mark, and it is too far back. The other half of the ring is for those that had taken their slot before the mark
/// and committed after it: none is open while so many others commit, not within the time that a transaction may take.
const REACH: i64 = RING / 2;
/// What a row carries of a transaction's id counts to here, and begins anew.
const HALF: u64 = 1 << 32;
/// Keys that lie closer than this are one run: reading a few rows of others costs less than another range.
const MAX_GAP: i64 = 32;

/// What a transaction did to usage records.
#[derive(Debug, Clone)]
pub struct Commit {
    /// Its id.
    pub xid: u64,
    /// Whether it rated records that were there before.
    pub is_rating: bool,
    /// How many records it wrote.
    pub records: u64,
    /// What they cost together, in 10⁻¹² credit.
    pub amount_pico: i128,
    /// Where they are, together with some of others.
    pub ranges: Vec<KeyRange>,
}

/// A moment in the order of commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// As `pg_current_snapshot` writes it.
    snapshot: String,
    /// Every transaction below had ended.
    xmin: u64,
    /// No transaction from here on had begun.
    xmax: u64,
    /// Those between that had not ended.
    running: Vec<u64>,
    /// How many slots had been taken.
    slots_taken: i64,
    /// When the server started: ids mean nothing to another one, such as a standby that took over.
    server: String,
}

impl Mark {
    /// Whether it is of the server that `earlier` is of; if not, nothing can be told between them.
    pub fn is_of_the_same_server(&self, earlier: &Self) -> bool {
        self.server == earlier.server && self.xmax >= earlier.xmax
    }

    /// Whether the ring still holds everything that was committed between `earlier` and this mark.
    pub fn reaches(&self, earlier: &Self) -> bool {
        // Half an id tells apart what is less than half of all halves away.
        self.slots_taken.saturating_sub(earlier.slots_taken) <= REACH
            && self.xmax.saturating_sub(earlier.xmin) < HALF / 2
    }

    /// Whether what a transaction wrote was committed between `earlier` and this mark, where it is visible at this one. Of its id a
    /// row carries but the lower half.
    pub fn is_news_since(&self, earlier: &Self, xid: u32) -> bool {
        let lower = self.xmax % HALF;
        let xid = u64::from(xid);
        let upper = self.xmax - lower;
        let whole = if xid < lower { upper + xid } else { (upper + xid).saturating_sub(HALF) };
        whole >= earlier.xmax || earlier.running.contains(&whole)
    }
}

/// The moment that this transaction sees. It must have one snapshot for all its statements.
pub async fn mark(tx: &Tx) -> Result<Mark, StoreError> {
    let row = tx
        .query_one(
            "select s::text, pg_snapshot_xmin(s)::text, pg_snapshot_xmax(s)::text,
                    array(select pg_snapshot_xip(s)::text), n.last_value, pg_postmaster_start_time()::text
             from pg_current_snapshot() s, usage_commits_no n",
            &[],
        )
        .await?;
    let running: Vec<&str> = row.try_get(3)?;
    Ok(Mark {
        snapshot: row.try_get(0)?,
        xmin: number(row.try_get(1)?)?,
        xmax: number(row.try_get(2)?)?,
        running: running.into_iter().map(number).collect::<Result<_, _>>()?,
        slots_taken: row.try_get(4)?,
        server: row.try_get(5)?,
    })
}

pub(crate) fn number(text: &str) -> Result<u64, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt("a transaction id is no number".to_owned()))
}

/// Enters what this transaction did: `keys`, sorted, and what they cost together. Once in a transaction.
pub async fn enter(
    tx: &Tx,
    is_rating: bool,
    keys: impl IntoIterator<Item = RecordKey>,
    amount_pico: i128,
) -> Result<(), StoreError> {
    let runs = Runs::of(keys);
    if runs.records == 0 {
        return Ok(());
    }
    let statement = tx
        .prepare_cached(
            "insert into usage_commits (slot, xid, is_rating, records, amount_pico, days, instances, firsts, lasts)
             values ((nextval('usage_commits_no') % 131072)::integer, pg_current_xact_id(), $1, $2, $3, $4, $5, $6, $7)
             on conflict (slot) do update set
                 xid = excluded.xid, is_rating = excluded.is_rating, records = excluded.records,
                 amount_pico = excluded.amount_pico, days = excluded.days, instances = excluded.instances,
                 firsts = excluded.firsts, lasts = excluded.lasts",
        )
        .await?;
    let [days, instances, firsts, lasts] = runs.parameters();
    let amount = amount(amount_pico)?;
    tx.execute(&statement, &[&is_rating, &runs.records, &amount, days, instances, firsts, lasts]).await?;
    Ok(())
}

/// What a transaction charged, as it is entered.
pub(crate) fn amount(amount_pico: i128) -> Result<Decimal, StoreError> {
    Decimal::try_from_i128_with_scale(amount_pico, 0)
        .map_err(|_| StoreError::Corrupt("a sum of charges is past 2^96 pico-credits".to_owned()))
}

/// Keys as runs, in arrays of columns.
pub(crate) struct Runs {
    records: i64,
    days: Vec<UtcDay>,
    instances: Vec<i32>,
    firsts: Vec<i64>,
    lasts: Vec<i64>,
}

impl Runs {
    /// Those of sorted keys.
    pub(crate) fn of(keys: impl IntoIterator<Item = RecordKey>) -> Self {
        let (runs, records) = runs(keys);
        Self {
            records,
            days: runs.iter().map(|run| run.day).collect(),
            instances: runs.iter().map(|run| run.instance_no).collect(),
            firsts: runs.iter().map(|run| run.first.get()).collect(),
            lasts: runs.iter().map(|run| run.last.get()).collect(),
        }
    }

    pub(crate) fn parameters(&self) -> [&(dyn ToSql + Sync); 4] {
        [&self.days, &self.instances, &self.firsts, &self.lasts]
    }
}

/// Sorted keys as runs, and how many keys they are.
fn runs(keys: impl IntoIterator<Item = RecordKey>) -> (Vec<KeyRange>, i64) {
    let mut runs: Vec<KeyRange> = Vec::new();
    let mut count = 0;
    for RecordKey { day, instance_no, correlation_id } in keys {
        count += 1;
        let next = KeyRange { day, instance_no, first: correlation_id, last: correlation_id };
        join(&mut runs, next);
    }
    (runs, count)
}

/// Adds a range that lies behind all others, or makes the last one longer where the two are close.
fn join(ranges: &mut Vec<KeyRange>, next: KeyRange) {
    if let Some(last) = ranges.last_mut()
        && (last.day, last.instance_no) == (next.day, next.instance_no)
        && next.first.get() <= last.last.get().saturating_add(MAX_GAP)
    {
        last.last = last.last.max(next.last);
    } else {
        ranges.push(next);
    }
}

/// The ranges of all these commits, joined where they overlap or nearly touch: each row lies in one of them at most.
pub fn joined<'a>(commits: impl IntoIterator<Item = &'a Commit>) -> Vec<KeyRange> {
    let mut all: Vec<KeyRange> =
        commits.into_iter().flat_map(|commit| commit.ranges.iter().copied()).collect();
    all.sort_unstable();
    let mut ranges = Vec::new();
    for range in all {
        join(&mut ranges, range);
    }
    ranges
}

/// What was committed between `earlier` and this transaction's own mark, in no order. Only where that one
/// [`reaches`](Mark::reaches) the earlier one.
///
/// What came here by a restored dump is nobody's commit: its transactions were another server's, and their numbers may lie in the future of this
/// one. A row that its own transaction wrote has that one's number twice, the second time as the row's version.
pub async fn since(tx: &Tx, earlier: &Mark) -> Result<Vec<Commit>, StoreError> {
    let rows = tx
        .query(
            "select xid::text, is_rating, records, amount_pico, days, instances, firsts, lasts from usage_commits
             where xid >= pg_snapshot_xmin($1::text::pg_snapshot)
               and not pg_visible_in_snapshot(xid, $1::text::pg_snapshot) and xmin = xid::xid",
            &[&earlier.snapshot],
        )
        .await?;
    rows.iter().map(commit).collect()
}

fn commit(row: &Row) -> Result<Commit, StoreError> {
    let days: Vec<UtcDay> = row.try_get(4)?;
    let instances: Vec<i32> = row.try_get(5)?;
    let (firsts, lasts): (Vec<i64>, Vec<i64>) = (row.try_get(6)?, row.try_get(7)?);
    let runs = days.into_iter().zip(instances).zip(firsts.into_iter().zip(lasts));
    Ok(Commit {
        xid: number(row.try_get(0)?)?,
        is_rating: row.try_get(1)?,
        records: u64::try_from(row.try_get::<_, i64>(2)?).unwrap_or(0),
        amount_pico: row.try_get::<_, Decimal>(3)?.mantissa(),
        ranges: runs
            .map(|((day, instance_no), (first, last))| KeyRange {
                day,
                instance_no,
                first: CorrelationId::new(first),
                last: CorrelationId::new(last),
            })
            .collect(),
    })
}

/// A condition: the version of the row of table `of` was written after a mark.
pub(crate) fn written_since(of: &str, earlier: &Mark, now: &Mark) -> String {
    let snapshot = format!("'{}'::pg_snapshot", earlier.snapshot);
    format!("not {}", is_visible_in(of, &snapshot, earlier.xmin, now.xmax))
}

/// A condition: the version of the row of table `of` was written by a transaction whose effects are in `snapshot`. The row carries but the lower
/// half of that transaction's id; the other half is that of `now`, where no transaction had begun yet, or the one before.
///
/// The snapshot itself is asked only of transactions from `xmin` on, below which all had ended: of most rows the four bytes of the half tell enough,
/// and an id is sent with its highest byte first, so that they compare as numbers do.
pub(crate) fn is_visible_in(of: &str, snapshot: &str, xmin: u64, now: u64) -> String {
    let lower = now % HALF;
    let upper = now - lower;
    let before = i128::from(upper) - i128::from(HALF);
    let asked = format!(
        "pg_visible_in_snapshot(
             greatest({of}.xmin::text::bigint + case when {of}.xmin::text::bigint < {lower} then {upper} else {before} end,
                      0)::text::xid8, {snapshot})"
    );
    // Half an id tells nothing where all halves were used since.
    if now.saturating_sub(xmin) >= HALF {
        return asked;
    }
    let first = xmin % HALF;
    let either = if first <= lower { "or" } else { "and" };
    format!(
        "(xidsend({of}.xmin) < '\\x{first:08x}'::bytea {either} xidsend({of}.xmin) >= '\\x{lower:08x}'::bytea or {asked})"
    )
}

#[cfg(test)]
mod tests;
