//! The one function that moves balances. Who writes ledger entries calls it in the same transaction.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use tollgate_domain::{Credits, UserId};
use uuid::Uuid;

use crate::{StoreError, Tx, webhook_deliveries};

/// What one transaction did to one balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalanceChange {
    /// The user's number in the books.
    pub user_no: i32,
    /// The user.
    pub user_id: UserId,
    /// The balance before, in credits.
    pub before: Credits,
    /// The balance after, in credits.
    pub after: Credits,
    /// At which balance the user is to be told, and whoever else listens.
    pub low_balance: Option<Credits>,
}

impl BalanceChange {
    /// Whether this took the balance from above zero to zero or less.
    pub fn depleted(&self) -> bool {
        self.before.is_positive() && !self.after.is_positive()
    }
}

/// Adds each delta to its user's balance; several deltas of one user count as their sum. Rows are locked in
/// the order of `user_no`, so two of these never wait for each other in a circle. Returns the changes in that order. What they are to
/// those who listen is entered in the same transaction.
///
/// A user without a balance row is [`StoreError::Corrupt`]; a sum past `numeric(28,12)` is class `Poison`
/// from the server, or [`StoreError::Money`] where the deltas alone pass it.
pub async fn apply_deltas(tx: &Tx, deltas: &[(i32, Credits)]) -> Result<Vec<BalanceChange>, StoreError> {
    let mut sums = BTreeMap::<i32, Credits>::new();
    for &(user_no, delta) in deltas {
        let sum = sums.entry(user_no).or_default();
        *sum = sum.checked_add(delta)?;
    }
    if sums.is_empty() {
        return Ok(Vec::new());
    }
    let user_nos: Vec<i32> = sums.keys().copied().collect();
    let amounts: Vec<Decimal> = sums.values().map(|sum| sum.to_decimal()).collect();
    // UPDATE … FROM locks in the order of its plan; the sorted SELECT before it decides the order instead.
    let lock = tx
        .prepare_cached(
            "select 1 from user_balances where user_no = any($1) order by user_no for no key update",
        )
        .await?;
    let update = tx
        .prepare_cached(
            "update user_balances b
             set balance = b.balance + d.delta, changed_xid = pg_current_xact_id()
             from unnest($1::integer[], $2::numeric[]) as d (user_no, delta)
             where b.user_no = d.user_no
             returning b.user_no, b.user_id, b.balance - d.delta, b.balance, b.low_balance",
        )
        .await?;
    let (_, rows) = futures_util::future::try_join(
        tx.execute(&lock, &[&user_nos]),
        tx.query(&update, &[&user_nos, &amounts]),
    )
    .await?;
    if rows.len() != sums.len() {
        return Err(StoreError::Corrupt(format!(
            "{} users were to be charged and {} have a balance; every user gets one when created",
            sums.len(),
            rows.len()
        )));
    }
    let mut changes = Vec::with_capacity(rows.len());
    for row in rows {
        changes.push(BalanceChange {
            user_no: row.try_get(0)?,
            user_id: UserId::from_uuid(row.try_get::<_, Uuid>(1)?),
            before: Credits::try_from(row.try_get::<_, Decimal>(2)?)?,
            after: Credits::try_from(row.try_get::<_, Decimal>(3)?)?,
            low_balance: row.try_get::<_, Option<Decimal>>(4)?.map(Credits::try_from).transpose()?,
        });
    }
    changes.sort_unstable_by_key(|change| change.user_no);
    webhook_deliveries::enter(tx, &changes).await?;
    Ok(changes)
}
