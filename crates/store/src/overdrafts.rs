//! `credit_overdrafts`: how far balances fell below zero while gateways had leases, and what may have made them. For the audit.
//!
//! Nearly every flush writes nothing here: only charges that take a balance below zero, or further below, are taken down.
//!
//! What explains falls is used up: claims that leases cannot be charged with any more are at most `max(0, Σ claims − balance)`, which each
//! overrun raises by itself and each rise of the balance lowers by itself. So what has explained no fall when the balance rises explains none later,
//! and what is unexplained then stays so until a gateway tells, late, what it was.

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

/// What may explain falls of one user's balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Explained {
    /// What requests cost beyond their holds.
    pub(crate) overrun: Credits,
    /// A lease that ran out.
    pub(crate) fenced: Credits,
}

/// Takes down how far charges of requests took balances below zero. Of a user of whom no gateway has a lease, nothing is known and nothing
/// is taken down.
pub async fn add_falls(tx: &Tx, changes: &[BalanceChange]) -> Result<(), StoreError> {
    let fallen = |change: &BalanceChange| {
        let fall = change.before.min(Credits::ZERO).checked_sub(change.after.min(Credits::ZERO)).ok()?;
        fall.is_positive().then_some((change.user_no, fall))
    };
    let sql = "insert into credit_overdrafts as o (user_no, fallen, depth)
               select d.user_no, d.amount, d.amount from unnest($1::integer[], $2::numeric[]) as d (user_no, amount)
                where exists (select from credit_leases l where l.user_no = d.user_no) order by d.user_no
               on conflict (user_no) do update
                  set fallen = o.fallen + excluded.fallen, depth = o.depth + excluded.depth";
    write(tx, sql, changes.iter().filter_map(fallen)).await
}

/// Takes down what something that holds nothing has taken from balances of which gateways have leases.
pub async fn add_unheld(tx: &Tx, changes: &[BalanceChange]) -> Result<(), StoreError> {
    let taken = |change: &BalanceChange| {
        let taken = change.before.checked_sub(change.after).ok()?;
        taken.is_positive().then_some((change.user_no, taken))
    };
    add_unheld_amounts(tx, changes.iter().filter_map(taken)).await
}

/// The same, by user's number.
pub async fn add_unheld_amounts(
    tx: &Tx,
    amounts: impl Iterator<Item = (i32, Credits)>,
) -> Result<(), StoreError> {
    let sql = "insert into credit_overdrafts as o (user_no, unheld, cover)
               select d.user_no, d.amount, d.amount from unnest($1::integer[], $2::numeric[]) as d (user_no, amount)
                where exists (select from credit_leases l where l.user_no = d.user_no) order by d.user_no
               on conflict (user_no) do update
                  set unheld = o.unheld + excluded.unheld,
                      cover = o.cover + greatest(0, excluded.cover - o.unexplained),
                      unexplained = greatest(0, o.unexplained - excluded.cover)";
    write(tx, sql, amounts).await
}

/// Balances have risen: as much of what could explain falls is used up, and what is not explained by now stays so.
pub async fn add_rises(tx: &Tx, changes: &[BalanceChange]) -> Result<(), StoreError> {
    let risen = |change: &BalanceChange| {
        let risen = change.after.checked_sub(change.before).ok()?;
        risen.is_positive().then_some((change.user_no, risen))
    };
    let sql = "update credit_overdrafts o
                  set unexplained = o.unexplained + greatest(0, o.depth - o.cover),
                      depth = greatest(0, least(o.depth, o.cover) - r.amount),
                      cover = greatest(0, o.cover - r.amount)
                 from unnest($1::integer[], $2::numeric[]) as r (user_no, amount) where o.user_no = r.user_no";
    write(tx, sql, changes.iter().filter_map(risen)).await
}

async fn write(tx: &Tx, sql: &str, amounts: impl Iterator<Item = (i32, Credits)>) -> Result<(), StoreError> {
    let (users, amounts): (Vec<i32>, Vec<Decimal>) =
        amounts.map(|(user, amount)| (user, amount.to_decimal())).unzip();
    if users.is_empty() {
        return Ok(());
    }
    let statement = tx.prepare_cached(sql).await?;
    tx.execute(&statement, &[&users, &amounts]).await?;
    Ok(())
}

/// Takes down what gateways tell, and what is found when they renew. A user may come twice.
pub(crate) async fn add_explained(tx: &Tx, explained: &[(UserId, Explained)]) -> Result<(), StoreError> {
    if explained.is_empty() {
        return Ok(());
    }
    let users: Vec<Uuid> = explained.iter().map(|(user, _)| user.as_uuid()).collect();
    let overruns: Vec<Decimal> = explained.iter().map(|(_, what)| what.overrun.to_decimal()).collect();
    let fenced: Vec<Decimal> = explained.iter().map(|(_, what)| what.fenced.to_decimal()).collect();
    let add = tx
        .prepare_cached(
            "insert into credit_overdrafts as o (user_no, overrun, fenced, cover)
             select u.no, sum(d.overrun), sum(d.fenced), sum(d.overrun + d.fenced)
               from unnest($1::uuid[], $2::numeric[], $3::numeric[]) as d (user_id, overrun, fenced)
               join users u on u.id = d.user_id group by u.no order by u.no
             on conflict (user_no) do update
                set overrun = o.overrun + excluded.overrun, fenced = o.fenced + excluded.fenced,
                    cover = o.cover + greatest(0, excluded.cover - o.unexplained),
                    unexplained = greatest(0, o.unexplained - excluded.cover)",
        )
        .await?;
    tx.execute(&add, &[&users, &overruns, &fenced]).await?;
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
            select u.id as user_id, o.unexplained + o.depth as fallen, o.unexplained + greatest(0, o.depth - o.cover) as excess,
                   o.cover + l.lost as bound, l.lost
              from credit_overdrafts o join users u on u.no = o.user_no
              cross join lateral (
                  select coalesce(sum(l.amount), 0) as lost from credit_leases l
                   where l.user_no = o.user_no
                     and l.renewed_at < clock_timestamp() - $1 * interval '1 second') l) b
         where excess > lost order by user_id";
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
