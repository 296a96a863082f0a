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
//! 3. An hour is added up under that lock, exclusively (`close_some`), when all who added to it have committed, and all who will
//!    look again.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::management::CLIENT_CHECK_INTERVAL;
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
/// The database ends a statement that closes hours after this long. Who adds late to a closed hour waits for it, and has 30 s in all: what takes longer is
/// tried again with fewer hours.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(20);
/// What PostgreSQL says when a statement took longer than that.
const QUERY_CANCELED: &str = "57014";
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
/// In transactions of at most `HOURS_AT_ONCE`: late additions wait for one, flushes of the present do not.
pub async fn close(store: &Store, now: Timestamp) -> Result<Option<UtcMicros>, StoreError> {
    // Before the first instant that PostgreSQL stores nothing can be closed.
    let Some(until) = now.checked_sub(CLOSE_AFTER).ok().and_then(|until| UtcMicros::try_from(until).ok())
    else {
        return Ok(None);
    };
    let until = until.hour();
    let announced = store.tx("announce_closing", async |tx| announce(&tx, until).await).await;
    let Some(until) = is_later(announced)?.flatten() else { return Ok(None) };
    let mut hours = HOURS_AT_ONCE;
    loop {
        let closed = store.tx("close_hours", async |tx| close_some(&tx, hours).await).await;
        if hours > 1 && closed.as_ref().is_err_and(|error| error.sqlstate() == Some(QUERY_CANCELED)) {
            hours /= 2;
            continue;
        }
        let closed = is_later(closed)?.flatten();
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

/// From the next flush on hours before `until` are asked about, as far as they have ended by the database's clock as well: a clock that is ahead would make
/// all flushes late ones until its time comes. Returns before when; `None`: it is too early to close anything.
pub async fn announce(tx: &Tx, until: UtcMicros) -> Result<Option<UtcMicros>, StoreError> {
    let row = tx
        .query_one(
            "select u.until, coalesce(c.closing_until >= u.until, false), c.may_close_from <= clock_timestamp()
             from usage_closing c,
                  least($1, date_trunc('hour', clock_timestamp() - $2::float8 * interval '1 second', 'UTC')) as u (until)",
            &[&until, &CLOSE_AFTER.as_secs_f64()],
        )
        .await?;
    let (until, is_known, is_time): (UtcMicros, bool, bool) =
        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    if is_known || !is_time {
        return Ok(is_known.then_some(until));
    }
    tx.batch_execute(&format!("set local lock_timeout = '{LOCK_TIMEOUT}'")).await?;
    pricing::lock_exclusive(tx).await?;
    tx.execute(
        "update usage_closing set closing_until = $1 where closing_until is null or closing_until < $1",
        &[&until],
    )
    .await?;
    Ok(Some(until))
}

/// Closes the first open hours, at most so many from the first that has a sum, up to what was announced. Returns how far hours are closed now; `None` where
/// nothing was announced.
async fn close_some(tx: &Tx, hours: i32) -> Result<Option<UtcMicros>, StoreError> {
    // Should the server end meanwhile, nobody waits for a statement that nobody waits for.
    tx.batch_execute(&format!(
        "set local lock_timeout = '{LOCK_TIMEOUT}'; set local statement_timeout = {};
         select set_config('client_connection_check_interval', '{}', true) where version() ~* 'linux|darwin|bsd'",
        CLOSE_TIMEOUT.as_millis(),
        CLIENT_CHECK_INTERVAL.as_millis()
    ))
    .await?;
    tx.execute("select pg_advisory_xact_lock($1)", &[&CLOSING_LOCK]).await?;
    // From the last hour that is closed, or from the first that has a sum; empty stretches are passed over.
    // Asked so that it is one look into the index, however much there is to close.
    let sql = "with first as (
                   select min(hour) as hour from usage_rollups
                   where hour >= (select coalesce(closed_until, '-infinity') from usage_closing)
                     and hour < (select closing_until from usage_closing))
               select c.closed_until,
                      coalesce(least(c.closing_until, f.hour + $1::int * interval '1 hour'), c.closing_until)
               from usage_closing c, first f";
    let row = tx.query_one(sql, &[&hours]).await?;
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

/// What there is to add to hours that are closed, or that are being closed now.
#[derive(Debug)]
pub struct Late<'a>(&'a [(RollupKey, RollupDelta)]);

/// Finds the deltas of hours before `closing_until`, which the transaction read under the shared lock of prices, and holds closing off where
/// there are any. `deltas` are sorted by hour. **Before rollups are added to**: whoever waits here for hours to be closed must not keep others from those of
/// the present.
pub async fn hold_off<'a>(
    tx: &Tx,
    closing_until: Option<UtcMicros>,
    deltas: &'a [(RollupKey, RollupDelta)],
) -> Result<Late<'a>, StoreError> {
    let late = closing_until.map_or(0, |until| deltas.partition_point(|(key, _)| key.hour < until));
    let deltas = deltas.get(..late).unwrap_or_default();
    if !deltas.is_empty() {
        // Its own statement: what is read next must be read when the lock is held.
        tx.execute("select pg_advisory_xact_lock_shared($1)", &[&CLOSING_LOCK]).await?;
    }
    Ok(Late(deltas))
}

/// Adds to the sums what came late for them. Of the rows that are contended it locks those of sums after those of rollups, and before those of balances.
pub async fn add_late(tx: &Tx, Late(deltas): Late<'_>) -> Result<(), StoreError> {
    if deltas.is_empty() {
        return Ok(());
    }
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
    let grain = |grain: u8, starts_at: &str, [user, key, model]: [&str; 3], only: &str| {
        format!(
            "select {grain}::smallint as grain, {starts_at} as starts_at, {user} as user_no, {key} as key_no, {model} as model_no, {sums}
             from {cells} {only} group by 2, 3, 4, 5"
        )
    };
    let of_batches = "where key_no in (select no from api_keys where purpose = 'batch')";
    [
        grain(1, "hour", ["0", "0", "model_no"], ""),
        grain(2, day, ["0", "0", "model_no"], ""),
        grain(3, day, ["user_no", "key_no", "0"], ""),
        grain(4, day, ["user_no", "key_no", "model_no"], ""),
        grain(5, "hour", ["0", "0", "model_no"], of_batches),
        grain(6, day, ["0", "0", "model_no"], of_batches),
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
