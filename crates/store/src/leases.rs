//! `credit_leases`: what each gateway may spend of a user's credits without asking. The arithmetic is explained in decision 12.
//!
//! Those who renew leases of one user come one after the other (an advisory lock for each user, taken in the order of their numbers).
//! Flushes are not kept waiting: a charge that commits meanwhile was counted in its gateway's lease, and still is. What takes from a balance and
//! is in no lease (a removal) waits for its turn as a renewal does, so each knows of the other.
//!
//! Who has these locks keeps others waiting, so nobody may have them for long: a session that says nothing is ended by the server
//! after [`IDLE_LIMIT`], and who waits gives up after [`LOCK_WAIT`].

use std::time::Duration;

use futures_util::future::try_join3;
use rust_decimal::Decimal;
use tollgate_domain::{Credits, InstanceId, UserId};
use uuid::Uuid;

use crate::overdrafts::{self, Explained};
use crate::{StoreError, Tx};

/// First key of the advisory locks; the second is the user's number.
const LOCK_CLASS: i32 = 0x6c65_6173;

/// Users that are renewed in one transaction at most: each takes a lock, of which a server has some thousands.
pub const MAX_USERS: usize = 500;

/// Longest wait for another renewal of the same user, which takes milliseconds.
pub const LOCK_WAIT: Duration = Duration::from_secs(1);
/// The server ends a renewal after so long that says nothing: its gateway is frozen, or cut off, and others wait for its locks. Far less than
/// a lease lives without its database.
pub const IDLE_LIMIT: Duration = Duration::from_secs(2);
/// The server ends a statement of a renewal after so long.
const STATEMENT_LIMIT: Duration = Duration::from_secs(3);
/// What gateways lack counts for so long: one that waits asks again many times a second, and one that is dead lacks nothing.
const LACKS_FOR_MS: f64 = 2000.0;

/// What the server says when a lock did not come in time.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// One life of one gateway's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch {
    /// Whose records it writes.
    pub instance: InstanceId,
    /// Made anew for each life.
    pub id: Uuid,
}

/// What a gateway wants to have of one user's credits. Amounts are not negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Whose.
    pub user: UserId,
    /// What it keeps of what it has.
    pub keep: Credits,
    /// Beyond that, the least that is of use; less is not given for what is `missing`.
    pub step: Credits,
    /// Beyond what it keeps, what is waited for.
    pub missing: Credits,
    /// And room, from half of what nobody has, where nobody lacks anything, itself included.
    pub room: Credits,
    /// What it cannot do without.
    pub needed: Credits,
    /// What requests in flight hold, for people. Nothing is decided by it: what they may cost at most is in `needed`.
    pub held: Credits,
    /// What requests cost beyond their holds, since it was told last. Told twice after a commit whose answer was lost.
    pub overrun: Credits,
    /// The lease ends.
    pub gives_back: bool,
}

/// What it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    /// Whose.
    pub user: UserId,
    /// What is entered for it. It fits where it is no more than `free`; else part of it is what it had before, and may have spent.
    pub amount: Credits,
    /// The balance that it is of.
    pub balance: Credits,
    /// Of the balance, what no other gateway has.
    pub free: Credits,
    /// What others cannot do without.
    pub others_needed: Credits,
    /// Of that, what they lack.
    pub others_unmet: Credits,
}

/// The answer to a renewal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewal {
    /// The balances include what the instance finished up to here.
    pub committed_position: i64,
    /// In no order. A user that does not exist has none.
    pub granted: Vec<Granted>,
}

const RENEW: &str = "
with clock as materialized (select clock_timestamp() as now),
wanted as materialized (
    select b.user_no, b.user_id, b.balance, w.keep, w.step, w.missing, w.room, w.needed, w.held, w.gives_back
      from unnest($1::uuid[], $2::numeric[], $3::numeric[], $4::numeric[], $5::numeric[], $6::numeric[], $7::numeric[],
                  $8::boolean[]) as w (user_id, keep, step, missing, room, needed, held, gives_back)
      join user_balances b on b.user_id = w.user_id),
lapsed as materialized (
    select l.user_no, l.amount from credit_leases l join wanted w on w.user_no = l.user_no
     where l.epoch = $9 and l.expires_at <= (select now from clock)
     order by l.user_no for update of l),
others as (
    select l.user_no, sum(l.amount) as amount, sum(l.needed) as needed,
           coalesce(sum(greatest(0, l.needed - l.amount))
               filter (where l.renewed_at > (select now from clock) - $12 * interval '1 millisecond'), 0) as unmet
      from credit_leases l join wanted w on w.user_no = l.user_no
     where l.epoch <> $9 and l.expires_at > (select now from clock)
     group by l.user_no),
free as (
    select w.*, greatest(0, w.balance - coalesce(o.amount, 0)) as free,
           coalesce(o.needed, 0) as others_needed, coalesce(o.unmet, 0) as others_unmet,
           coalesce((select l.amount from credit_leases l
                      where l.user_no = w.user_no and l.epoch = $9 and l.expires_at > (select now from clock)), 0) as had,
           coalesce((select x.amount from lapsed x where x.user_no = w.user_no), 0) as lapsed
      from wanted w left join others o on o.user_no = w.user_no),
kept as (select *, least(keep, greatest(free, had)) as kept from free),
rest as (select *, greatest(0, free - kept) as rest from kept),
waited as (select *, case when rest >= step then least(missing, rest) else 0 end as waited from rest),
granted as materialized (
    select *, kept + waited + case when others_unmet > 0 or waited < missing then 0
                                   else least(room, trunc((rest - waited) / 2, 12)) end as amount
      from waited),
written as (
    insert into credit_leases (user_no, epoch, instance_id, amount, needed, held, expires_at)
    select user_no, $9, $10, amount, needed, held, clock_timestamp() + $11 * interval '1 millisecond'
      from granted where not gives_back
    on conflict (user_no, epoch) do update
       set amount = excluded.amount, needed = excluded.needed, held = excluded.held,
           renewed_at = clock_timestamp(), expires_at = excluded.expires_at)
select user_id, amount, balance, free, others_needed, others_unmet, lapsed,
       coalesce((select committed_position from instances where id = $10), 0)
  from granted";

/// Renews leases, gives back those that are not wanted any more, and takes down what requests cost beyond their holds. At
/// most [`MAX_USERS`] at a time.
///
/// What a gateway keeps is never taken from it here, because it may be spending it at this moment: where others have charged what they
/// had, it is entered although it does not fit any more, and the gateway lowers it when it knows what it has charged itself. A lease of its own
/// that has run out is taken down as lost, as [`sweep`] would have done it: what was finished under it may come into the books later.
pub async fn renew(
    tx: &Tx,
    epoch: Epoch,
    lifetime: Duration,
    wanted: &[Wanted],
) -> Result<Renewal, StoreError> {
    let users: Vec<Uuid> = wanted.iter().map(|wanted| wanted.user.as_uuid()).collect();
    let amounts = |of: fn(&Wanted) -> Credits| -> Vec<Decimal> {
        wanted.iter().map(|wanted| of(wanted).to_decimal()).collect()
    };
    let (keep, step, missing) =
        (amounts(|wanted| wanted.keep), amounts(|wanted| wanted.step), amounts(|wanted| wanted.missing));
    let (room, needed, held) =
        (amounts(|wanted| wanted.room), amounts(|wanted| wanted.needed), amounts(|wanted| wanted.held));
    let gives_back: Vec<bool> = wanted.iter().map(|wanted| wanted.gives_back).collect();
    let lifetime_ms = i32::try_from(lifetime.as_millis()).unwrap_or(i32::MAX);

    // The subquery is sorted before the locks are taken, so two of these never wait for each other in a circle.
    let lock = tx
        .prepare_cached(
            "select pg_advisory_xact_lock($2, user_no)
               from (select user_no from user_balances where user_id = any($1) order by user_no) u",
        )
        .await?;
    let renew = tx.prepare_cached(RENEW).await?;
    let instance = epoch.instance.as_uuid();
    // Sent together: the last takes its snapshot when the one before has the locks.
    let ((), _, rows) = try_join3(
        limit_waits(tx),
        tx.execute(&lock, &[&users, &LOCK_CLASS]),
        tx.query(
            &renew,
            &[
                &users,
                &keep,
                &step,
                &missing,
                &room,
                &needed,
                &held,
                &gives_back,
                &epoch.id,
                &instance,
                &f64::from(lifetime_ms),
                &LACKS_FOR_MS,
            ],
        ),
    )
    .await?;
    let over: Vec<Uuid> =
        wanted.iter().filter(|wanted| wanted.gives_back).map(|wanted| wanted.user.as_uuid()).collect();
    if !over.is_empty() {
        give_back(tx, epoch, &over).await?;
    }
    let mut explained: Vec<(UserId, Explained)> = wanted
        .iter()
        .filter(|wanted| wanted.overrun.is_positive())
        .map(|wanted| (wanted.user, Explained { overrun: wanted.overrun, fenced: Credits::ZERO }))
        .collect();
    let mut renewal = Renewal { committed_position: 0, granted: Vec::with_capacity(rows.len()) };
    for row in rows {
        let credits = |at: usize| Ok::<_, StoreError>(Credits::try_from(row.try_get::<_, Decimal>(at)?)?);
        renewal.committed_position = row.try_get(7)?;
        let lapsed = credits(6)?;
        if lapsed.is_positive() {
            let user = UserId::from_uuid(row.try_get(0)?);
            explained.push((user, Explained { overrun: Credits::ZERO, fenced: lapsed }));
        }
        renewal.granted.push(Granted {
            user: UserId::from_uuid(row.try_get(0)?),
            amount: credits(1)?,
            balance: credits(2)?,
            free: credits(3)?,
            others_needed: credits(4)?,
            others_unmet: credits(5)?,
        });
    }
    overdrafts::add_explained(tx, &explained).await?;
    Ok(renewal)
}

/// Whether a renewal failed because another one of the same user did not end in time, and not because the database is away.
pub fn is_busy(error: &StoreError) -> bool {
    error.sqlstate() == Some(LOCK_NOT_AVAILABLE)
}

/// Has the server end what keeps others waiting, until the end of the transaction.
async fn limit_waits(tx: &Tx) -> Result<(), tokio_postgres::Error> {
    let (wait, idle, statement) =
        (LOCK_WAIT.as_millis(), IDLE_LIMIT.as_millis(), STATEMENT_LIMIT.as_millis());
    let limits = format!(
        "set local lock_timeout = {wait}; set local idle_in_transaction_session_timeout = {idle}; \
         set local statement_timeout = {statement}"
    );
    tx.batch_execute(&limits).await
}

/// Keeps renewals of these users' leases out until the end of the transaction: for what takes from a balance and is in no lease. Comes before any
/// lock on a balance.
pub async fn keep_out(tx: &Tx, users: &[i32]) -> Result<(), StoreError> {
    if users.is_empty() {
        return Ok(());
    }
    // Sorted before the locks are taken, as renewals take them.
    let lock = tx
        .prepare_cached(
            "select pg_advisory_xact_lock($2, user_no)
               from (select user_no from unnest($1::integer[]) as u (user_no) order by user_no) u",
        )
        .await?;
    let idle = format!("set local idle_in_transaction_session_timeout = {}", IDLE_LIMIT.as_millis());
    tx.batch_execute(&idle).await?;
    tx.execute(&lock, &[&users, &LOCK_CLASS]).await?;
    Ok(())
}

async fn give_back(tx: &Tx, epoch: Epoch, users: &[Uuid]) -> Result<(), StoreError> {
    let delete = tx
        .prepare_cached(
            "delete from credit_leases l using user_balances b
              where b.user_id = any($1) and l.user_no = b.user_no and l.epoch = $2",
        )
        .await?;
    tx.execute(&delete, &[&users, &epoch.id]).await?;
    Ok(())
}

/// The users of whose money other gateways lack something now. Reads the leases that lack something and no others.
pub async fn lacking(tx: &Tx, epoch: Epoch) -> Result<Vec<UserId>, StoreError> {
    let lacking = tx
        .prepare_cached(
            "select distinct u.id from credit_leases l join users u on u.no = l.user_no
              where l.lacks and l.epoch <> $1
                and l.renewed_at > clock_timestamp() - $2 * interval '1 millisecond'",
        )
        .await?;
    let rows = tx.query(&lacking, &[&epoch.id, &LACKS_FOR_MS]).await?;
    rows.iter().map(|row| Ok(UserId::from_uuid(row.try_get(0)?))).collect()
}

/// Ends the leases that the instance had in its former lives, once its books have reached `log_position`, where what was finished in those lives ends: then
/// nothing of it is missing. Returns whether that is so. What requests cost that were interrupted is settled
/// later, so the leases count as run out. One that is being renewed right now, by a life that hangs, is left to the next time this is asked, or
/// runs out.
pub async fn end_former(tx: &Tx, epoch: Epoch, log_position: i64) -> Result<bool, StoreError> {
    let reached = "select exists (select from instances where id = $1 and log_position >= $2)";
    let instance = epoch.instance.as_uuid();
    let reached: bool = tx.query_one(reached, &[&instance, &log_position]).await?.try_get(0)?;
    if reached {
        let sql = format!(
            "with dead as materialized (
                 select user_no, epoch from credit_leases where instance_id = $1 and epoch <> $2
                  order by user_no, epoch for update skip locked) {NOTE_DEAD}"
        );
        tx.query_one(&sql, &[&instance, &epoch.id]).await?;
    }
    Ok(reached)
}

/// Removes leases that have run out, and takes down what their gateways may have finished under them: it may come into the books later.
/// Returns how many there were.
pub async fn sweep(tx: &Tx) -> Result<u64, StoreError> {
    // Locked in the order of the key, as every other writer of several rows takes them. One that is renewed right now is left.
    let sql = format!(
        "with dead as materialized (
             select user_no, epoch from credit_leases where expires_at <= clock_timestamp()
              order by user_no, epoch for update skip locked) {NOTE_DEAD}"
    );
    let row = tx.query_one(&sql, &[]).await?;
    Ok(u64::try_from(row.try_get::<_, i64>(0)?).unwrap_or(0))
}

/// Removes the leases of `dead` and takes them down.
const NOTE_DEAD: &str = ", gone as (
    delete from credit_leases l using dead d where l.user_no = d.user_no and l.epoch = d.epoch
    returning l.user_no, l.amount),
sums as (select user_no, sum(amount) as amount, count(*) as leases from gone group by user_no),
noted as (
    insert into credit_overdrafts as o (user_no, fenced, cover) select user_no, amount, amount from sums order by user_no
    on conflict (user_no) do update
       set fenced = o.fenced + excluded.fenced,
           cover = o.cover + greatest(0, excluded.cover - o.unexplained),
           unexplained = greatest(0, o.unexplained - excluded.cover))
select coalesce(sum(leases), 0)::bigint from sums";
