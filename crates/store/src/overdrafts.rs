//! `credit_overdrafts`: how far balances fell below zero while gateways had leases, and what may have made them. For the audit.
//!
//! Nearly every flush writes nothing here: only charges that take a balance below zero, or further below, are taken down.

use rust_decimal::Decimal;
use tollgate_domain::{Credits, UserId};
use uuid::Uuid;

use crate::ledger::BalanceChange;
use crate::{StoreError, Tx};

/// A lease that has not been renewed for so long is one whose gateway is dead, or cut off from the database.
const LOST_AFTER_SECONDS: i32 = 5;

/// A user whose balance fell further below zero than the bound says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exceeded {
    /// The user.
    pub user: UserId,
    /// How far it fell, in all.
    pub fallen: Credits,
    /// What was to be expected at most.
    pub bound: Credits,
}

/// What one user's overdraft is made of. Credits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Overdraft {
    /// The sum of all falls below zero.
    pub fallen: Credits,
    /// What requests cost beyond their holds.
    pub overrun: Credits,
    /// Leases that ran out, of gateways that died.
    pub fenced: Credits,
    /// What was taken by something that holds nothing.
    pub unheld: Credits,
}

/// Takes down how far charges of requests took balances below zero. Of a user of whom no gateway has a lease, nothing is known and nothing
/// is taken down.
pub async fn add_falls(tx: &Tx, changes: &[BalanceChange]) -> Result<(), StoreError> {
    let fallen = |change: &BalanceChange| {
        let fall = change.before.min(Credits::ZERO).checked_sub(change.after.min(Credits::ZERO)).ok()?;
        fall.is_positive().then_some((change.user_no, fall))
    };
    add(tx, "fallen", changes.iter().filter_map(fallen)).await
}

/// Takes down what something that holds nothing has taken from balances of which gateways have leases.
pub async fn add_unheld(tx: &Tx, changes: &[BalanceChange]) -> Result<(), StoreError> {
    let taken = |change: &BalanceChange| {
        let taken = change.before.checked_sub(change.after).ok()?;
        taken.is_positive().then_some((change.user_no, taken))
    };
    add(tx, "unheld", changes.iter().filter_map(taken)).await
}

async fn add(tx: &Tx, column: &str, amounts: impl Iterator<Item = (i32, Credits)>) -> Result<(), StoreError> {
    let (users, amounts): (Vec<i32>, Vec<Decimal>) =
        amounts.map(|(user, amount)| (user, amount.to_decimal())).unzip();
    if users.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "insert into credit_overdrafts (user_no, {column})
         select d.user_no, d.amount from unnest($1::integer[], $2::numeric[]) as d (user_no, amount)
          where exists (select from credit_leases l where l.user_no = d.user_no) order by d.user_no
         on conflict (user_no) do update set {column} = credit_overdrafts.{column} + excluded.{column}"
    );
    let add = tx.prepare_cached(&sql).await?;
    tx.execute(&add, &[&users, &amounts]).await?;
    Ok(())
}

/// Takes down what requests cost beyond their holds.
pub(crate) async fn add_overruns(tx: &Tx, overruns: &[(UserId, Credits)]) -> Result<(), StoreError> {
    if overruns.is_empty() {
        return Ok(());
    }
    let (users, amounts): (Vec<Uuid>, Vec<Decimal>) =
        overruns.iter().map(|(user, amount)| (user.as_uuid(), amount.to_decimal())).unzip();
    let add = tx
        .prepare_cached(
            "insert into credit_overdrafts (user_no, overrun)
             select u.no, d.amount from unnest($1::uuid[], $2::numeric[]) as d (user_id, amount)
               join users u on u.id = d.user_id order by u.no
             on conflict (user_no) do update set overrun = credit_overdrafts.overrun + excluded.overrun",
        )
        .await?;
    tx.execute(&add, &[&users, &amounts]).await?;
    Ok(())
}

/// What is known of one user's overdraft.
pub async fn of(tx: &Tx, user: UserId) -> Result<Overdraft, StoreError> {
    let sql = "select o.fallen, o.overrun, o.fenced, o.unheld
                 from credit_overdrafts o join users u on u.no = o.user_no where u.id = $1";
    let Some(row) = tx.query_opt(sql, &[&user.as_uuid()]).await? else { return Ok(Overdraft::default()) };
    let credits = |at: usize| Ok::<_, StoreError>(Credits::try_from(row.try_get::<_, Decimal>(at)?)?);
    Ok(Overdraft { fallen: credits(0)?, overrun: credits(1)?, fenced: credits(2)?, unheld: credits(3)? })
}

/// The users whose balance fell further below zero than the bound. A gateway tells what a request cost beyond its hold when it renews, so
/// who asks at once may have to ask again a moment later.
pub async fn exceeded(tx: &Tx) -> Result<Vec<Exceeded>, StoreError> {
    let sql = "
        select user_id, fallen, bound from (
            select u.id as user_id, o.fallen, o.overrun + o.fenced + o.unheld + coalesce(
                       (select sum(l.amount) from credit_leases l
                         where l.user_no = o.user_no
                           and l.renewed_at < clock_timestamp() - $1 * interval '1 second'), 0) as bound
              from credit_overdrafts o join users u on u.no = o.user_no) b
         where fallen > bound order by user_id";
    let mut exceeded = Vec::new();
    for row in tx.query(sql, &[&f64::from(LOST_AFTER_SECONDS)]).await? {
        exceeded.push(Exceeded {
            user: UserId::from_uuid(row.try_get(0)?),
            fallen: Credits::try_from(row.try_get::<_, Decimal>(1)?)?,
            bound: Credits::try_from(row.try_get::<_, Decimal>(2)?)?,
        });
    }
    Ok(exceeded)
}
