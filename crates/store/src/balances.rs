//! `user_balances`, read. They are written by [`crate::ledger`] alone.
//!
//! Changes are followed by transaction id: each row carries the id of the transaction that changed it last, and a cursor is the
//! oldest id that was still running when it was taken. Everything below it had ended and was visible, so asking for
//! what is at or above it never skips a commit, however late it comes; some rows come twice, which does no harm.

use rust_decimal::Decimal;
use tollgate_domain::{Credits, UserId};
use uuid::Uuid;

use crate::{StoreError, Tx};

/// A place in the history of balances: every change by a transaction below it has been seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(i64);

/// The balance of a user.
pub async fn of(tx: &Tx, user: UserId) -> Result<Credits, StoreError> {
    let sql = "select balance from user_balances where user_id = $1";
    let row = tx.query_opt(sql, &[&user.as_uuid()]).await?;
    let row = row.ok_or_else(|| StoreError::Corrupt(format!("user {user} has no balance")))?;
    Ok(Credits::try_from(row.try_get::<_, Decimal>(0)?)?)
}

/// The balances that changed at or after `since` (all of them where `None`), and the cursor for the next call. Call it in
/// [`crate::Store::tx_repeatable_read`]: cursor and balances must come from one snapshot.
pub async fn changed_since(
    tx: &Tx,
    since: Option<Cursor>,
) -> Result<(Cursor, Vec<(UserId, Credits)>), StoreError> {
    let cursor = tx.query_one("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint", &[]).await?;
    let since = since.map_or(0, |cursor| cursor.0).to_string();
    let changed = tx
        .prepare_cached("select user_id, balance from user_balances where changed_xid >= $1::text::xid8")
        .await?;
    let rows = tx.query(&changed, &[&since]).await?;
    let mut balances = Vec::with_capacity(rows.len());
    for row in rows {
        let user = UserId::from_uuid(row.try_get::<_, Uuid>(0)?);
        balances.push((user, Credits::try_from(row.try_get::<_, Decimal>(1)?)?));
    }
    Ok((Cursor(cursor.try_get(0)?), balances))
}
