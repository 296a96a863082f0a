//! `user_balances`, read. They are written by [`crate::ledger`] alone.
//!
//! Changes are followed by transaction id: each row carries the id of the transaction that changed it last, and a cursor is the
//! oldest id that was still running when it was taken. Everything below it had ended and was visible, so asking for
//! what is at or above it never skips a commit, however late it comes; some rows come twice, which does no harm.

use std::cmp::Ordering;

use rust_decimal::Decimal;
use tollgate_domain::{Credits, UserId};
use uuid::Uuid;

use crate::{ServerRun, StoreError, Tx};

/// A place in the history of balances: every change by a transaction below it has been seen. It means nothing on another server: a
/// standby that was promoted hands out numbers again that were lost, or that its predecessor had rolled back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    server: ServerRun,
    xid: i64,
}

/// Cursors of two servers have no order.
impl PartialOrd for Cursor {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self.server == other.server).then(|| self.xid.cmp(&other.xid))
    }
}

impl Cursor {
    /// Whether it is of the server that `tx` runs on.
    pub(crate) fn is_of(self, tx: &Tx) -> bool {
        self.server == tx.server()
    }

    /// The place that this transaction sees. It must have one snapshot for all its statements.
    pub(crate) async fn now(tx: &Tx) -> Result<Self, StoreError> {
        let sql = "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint";
        Ok(Self { server: tx.server(), xid: tx.query_one(sql, &[]).await?.try_get(0)? })
    }

    /// As statements take it; the beginning of all history where there is none.
    pub(crate) fn text(since: Option<Self>) -> String {
        since.map_or(0, |cursor| cursor.xid).to_string()
    }
}

/// The balance of a user.
pub async fn of(tx: &Tx, user: UserId) -> Result<Credits, StoreError> {
    let sql = "select balance from user_balances where user_id = $1";
    let row = tx.query_opt(sql, &[&user.as_uuid()]).await?;
    let row = row.ok_or_else(|| StoreError::Corrupt(format!("user {user} has no balance")))?;
    Ok(Credits::try_from(row.try_get::<_, Decimal>(0)?)?)
}

/// At which balance webhooks are told that a user's is low; `None`: at none.
pub(crate) async fn low_balance(tx: &Tx, user_no: i32) -> Result<Option<Credits>, StoreError> {
    let sql = "select low_balance from user_balances where user_no = $1";
    let row = tx.query_opt(sql, &[&user_no]).await?;
    let row = row.ok_or_else(|| StoreError::Corrupt(format!("user number {user_no} has no balance")))?;
    Ok(row.try_get::<_, Option<Decimal>>(0)?.map(Credits::try_from).transpose()?)
}

/// The balances that changed at or after `since` (all of them where it is `None` or of another server), and the cursor for the next call. Call it in
/// [`crate::Store::tx_repeatable_read`]: cursor and balances must come from one snapshot.
pub async fn changed_since(
    tx: &Tx,
    since: Option<Cursor>,
) -> Result<(Cursor, Vec<(UserId, Credits)>), StoreError> {
    let cursor = tx.query_one("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint", &[]).await?;
    let since = since.filter(|cursor| cursor.is_of(tx)).map_or(0, |cursor| cursor.xid).to_string();
    let changed = tx
        .prepare_cached(
            // What came by a restored dump may lie in the future of this server, and would come with each call.
            "select user_id, balance from user_balances
             where changed_xid >= $1::text::xid8
               and ($1 = '0' or changed_xid < pg_snapshot_xmax(pg_current_snapshot()))",
        )
        .await?;
    let rows = tx.query(&changed, &[&since]).await?;
    let mut balances = Vec::with_capacity(rows.len());
    for row in rows {
        let user = UserId::from_uuid(row.try_get::<_, Uuid>(0)?);
        balances.push((user, Credits::try_from(row.try_get::<_, Decimal>(1)?)?));
    }
    Ok((Cursor { server: tx.server(), xid: cursor.try_get(0)? }, balances))
}
