//! `usage_sums`: what reports over weeks read instead of hours. Sums by day, and by fewer things, over every hour that is closed.
//!
//! An hour is closed some time after its end, by whoever calls [`close`] (a job of the server), and stays closed. Flushes of the present
//! know nothing of it: they add to hours that are open. Who adds to an hour that is closed (a late record, a price that came late) adds
//! the same to these sums, in its own transaction. So at every moment that a reader can see
//!
//! > sums = rollups of the hours before `closed_until`,
//!
//! and a reader adds the hours from there on, of which there are few. This is how no addition is missed, whatever any clock says:
//!
//! 1. [`announce`] moves `closing_until` under the exclusive lock of prices, so no flush is under way then, and each that follows knows
//!    before which hour it has to ask ([`crate::epochs::read_shared`]).
//! 2. A flush that adds to an hour before that takes the lock of closing, shared, and then looks how far hours are closed
//!    ([`add_late`]); both hold until it commits.
//! 3. An hour is added up under that lock, exclusively ([`close_some`]), when all who added to it have committed, and all who will
//!    look again.

use jiff::{SignedDuration, Timestamp};

use crate::pricing;
use crate::rollups::{Columns, RollupDelta, RollupKey, UNNEST};
use crate::utc::UtcMicros;
use crate::{Store, StoreError, Tx};

/// Between those who close hours and those who add to hours before `closing_until`.
const CLOSING_LOCK: i64 = 0x746f_6c6c_0000_0013;

/// How long after its end an hour is closed: most answers that began in it have ended by then, and nothing late is left to add.
pub const CLOSE_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// A lock is waited for so long. Flushes queue up behind who waits, and a flush whose gateway is gone may hold it for a minute: it is
/// tried again later, and until then reports read hours.
const LOCK_TIMEOUT: &str = "1s";
/// What PostgreSQL says when a lock was not to be had in that time.
const LOCK_NOT_AVAILABLE: &str = "55P03";
/// Hours that are closed in one transaction, where many wait for it: of a large platform a second or two.
const HOURS_AT_ONCE: i32 = 6;

/// What can be summed up of a cell, in this order everywhere.
pub(crate) const SUMS: [&str; 9] = [
    "requests",
    "failed_requests",
    "unrated_requests",
    "prompt_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "amount_pico",
];

/// Closes all hours that ended [`CLOSE_AFTER`] ago or earlier. Returns how far hours are closed now; `None`: none
/// could be closed at this time.
///
/// In transactions of at most [`HOURS_AT_ONCE`]: late additions wait for one, flushes of the present do not.
pub async fn close(store: &Store, now: Timestamp) -> Result<Option<UtcMicros>, StoreError> {
    // Before the first instant that PostgreSQL stores nothing can be closed.
    let Some(until) = now.checked_sub(CLOSE_AFTER).ok().and_then(|until| UtcMicros::try_from(until).ok())
    else {
        return Ok(None);
    };
    let until = until.hour();
    if is_later(store.tx("announce_closing", async |tx| announce(&tx, until).await).await)? != Some(true) {
        return Ok(None);
    }
    loop {
        let closed = is_later(store.tx("close_hours", async |tx| close_some(&tx).await).await)?.flatten();
        if closed.is_none_or(|closed| closed >= until) {
            return Ok(closed);
        }
    }
}

/// `None`: somebody held a lock for too long, so it is for another time.
fn is_later<T>(result: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match result {
        Err(error) if error.sqlstate() == Some(LOCK_NOT_AVAILABLE) => Ok(None),
        result => result.map(Some),
    }
}

/// From the next flush on hours before `until` are asked about. `false`: it is too early to close anything.
pub async fn announce(tx: &Tx, until: UtcMicros) -> Result<bool, StoreError> {
    let row = tx
        .query_one(
            "select coalesce(closing_until >= $1, false), not_before <= clock_timestamp() from usage_closing",
            &[&until],
        )
        .await?;
    let (is_known, is_time): (bool, bool) = (row.try_get(0)?, row.try_get(1)?);
    if is_known || !is_time {
        return Ok(is_known);
    }
    tx.batch_execute(&format!("set local lock_timeout = '{LOCK_TIMEOUT}'")).await?;
    pricing::lock_exclusive(tx).await?;
    tx.execute(
        "update usage_closing set closing_until = $1 where closing_until is null or closing_until < $1",
        &[&until],
    )
    .await?;
    Ok(true)
}

/// Closes the first open hours, at most [`HOURS_AT_ONCE`] from the first that has a sum, up to what was announced. Returns how far hours are closed now; `None` where
/// nothing was announced.
pub async fn close_some(tx: &Tx) -> Result<Option<UtcMicros>, StoreError> {
    tx.batch_execute(&format!("set local lock_timeout = '{LOCK_TIMEOUT}'")).await?;
    tx.execute("select pg_advisory_xact_lock($1)", &[&CLOSING_LOCK]).await?;
    // From the last hour that is closed, or from the first that has a sum; empty stretches are passed over.
    let sql = "with first as (
                   select min(hour) as hour from usage_rollups r, usage_closing c
                   where r.hour >= coalesce(c.closed_until, '-infinity') and r.hour < c.closing_until)
               select c.closed_until,
                      coalesce(least(c.closing_until, f.hour + $1::int * interval '1 hour'), c.closing_until)
               from usage_closing c, first f";
    let row = tx.query_one(sql, &[&HOURS_AT_ONCE]).await?;
    let (from, until): (Option<UtcMicros>, Option<UtcMicros>) = (row.try_get(0)?, row.try_get(1)?);
    let Some(until) = until else { return Ok(None) };
    if from.is_some_and(|from| from >= until) {
        return Ok(from);
    }
    let sql = add_statement(
        "select * from usage_rollups where hour >= coalesce($1::timestamptz, '-infinity') and hour < $2",
    );
    tx.execute(&sql, &[&from, &until]).await?;
    tx.execute("update usage_closing set closed_until = $1", &[&until]).await?;
    Ok(Some(until))
}

/// Adds the deltas of closed hours; `deltas` are sorted by hour. `closing_until` is what the transaction read under the shared lock of prices,
/// which it holds. Of the locks that are contended it takes those of rollups before, and those of balances after this.
pub async fn add_late(
    tx: &Tx,
    closing_until: Option<UtcMicros>,
    deltas: &[(RollupKey, RollupDelta)],
) -> Result<(), StoreError> {
    let Some(until) = closing_until else { return Ok(()) };
    let late = deltas.partition_point(|(key, _)| key.hour < until);
    let deltas = deltas.get(..late).unwrap_or_default();
    if deltas.is_empty() {
        return Ok(());
    }
    // Its own statement: what is read next must be read when the lock is held.
    tx.execute("select pg_advisory_xact_lock_shared($1)", &[&CLOSING_LOCK]).await?;
    let cells = format!("select * from {UNNEST} where hour < (select closed_until from usage_closing)");
    let statement = tx.prepare_cached(&add_statement(&cells)).await?;
    tx.execute(&statement, &Columns::of(deltas)?.parameters()).await?;
    Ok(())
}

/// Hours before this one are in the sums; `None`: none is.
pub async fn closed_until(tx: &Tx) -> Result<Option<UtcMicros>, StoreError> {
    Ok(tx.query_one("select closed_until from usage_closing", &[]).await?.try_get(0)?)
}

/// The sums of every grain over `cells`, a CTE that is made of rollups.
pub(crate) fn every_grain(cells: &str) -> String {
    let sums = SUMS.map(|sum| format!("sum({sum}) as {sum}")).join(", ");
    let day = "date_trunc('day', hour, 'UTC')";
    let grain = |grain: u8, starts_at: &str, [user, key, model]: [&str; 3]| {
        format!(
            "select {grain}::smallint as grain, {starts_at} as starts_at, {user} as user_no, {key} as key_no, {model} as model_no, {sums}
             from {cells} group by 2, 3, 4, 5"
        )
    };
    [
        grain(1, "hour", ["0", "0", "model_no"]),
        grain(2, day, ["0", "0", "model_no"]),
        grain(3, day, ["user_no", "key_no", "0"]),
        grain(4, day, ["user_no", "key_no", "model_no"]),
    ]
    .join(" union all ")
}

/// Adds what `cells` selects, rows of rollups, to every grain. Rows are locked in the order of the key.
fn add_statement(cells: &str) -> String {
    let sums = SUMS.join(", ");
    let added = SUMS.map(|sum| format!("{sum} = s.{sum} + excluded.{sum}")).join(", ");
    let grains = every_grain("cells");
    format!(
        "with cells as materialized ({cells}), grains as ({grains})
         insert into usage_sums as s (grain, starts_at, user_no, key_no, model_no, {sums})
         select * from grains order by grain, starts_at, user_no, key_no, model_no
         on conflict (grain, starts_at, user_no, key_no, model_no) do update set {added}"
    )
}
