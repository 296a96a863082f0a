//! `webhook_deliveries`: what each webhook is owed. An outbox: entered in the transaction that moves the balance, by
//! [`crate::ledger`], and worked off by whoever claims it.
//!
//! Guarantee: an event is entered if and only if its movement is. Of one user a webhook gets one after the other, in the order in which they
//! happened; the next one is claimed only when the one before has ended, delivered or given up. Each is delivered at least once: who claims
//! one and dies leaves it to the next, under the same message id. A webhook that was removed is owed nothing, whatever was entered since.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;
use tokio_postgres::Row;
use tollgate_domain::{Credits, UserId, WebhookId};
use uuid::Uuid;

use crate::ledger::BalanceChange;
use crate::management::{Page, rows_for};
use crate::{StoreError, Tx};

/// How long a claim holds. Longer than an attempt may take; whoever has died is followed after that.
const CLAIM_SECONDS: f64 = 60.0;
/// What has been owed since before its webhook was removed, by a transaction that did not see that yet.
const REMOVED: &str = "the webhook was removed";

/// What may become of a balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BalanceEvent {
    /// It is at the user's threshold, or below, and was above.
    Low,
    /// It is zero, or less, and was more.
    Depleted,
    /// It is above zero again, or above the threshold.
    Refilled,
}

impl BalanceEvent {
    /// As it is written in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "balance.low",
            Self::Depleted => "balance.depleted",
            Self::Refilled => "balance.refilled",
        }
    }
}

impl BalanceChange {
    /// What this change is to those who listen, in the order in which they are told. Mostly nothing.
    pub fn events(&self) -> impl Iterator<Item = BalanceEvent> {
        let crosses_down = |line: Credits| self.before > line && self.after <= line;
        let crosses_up = |line: Credits| self.before <= line && self.after > line;
        let is_low = self.low_balance.is_some_and(crosses_down);
        let is_refilled =
            crosses_up(Credits::ZERO) || self.after.is_positive() && self.low_balance.is_some_and(crosses_up);
        [
            is_low.then_some(BalanceEvent::Low),
            self.depleted().then_some(BalanceEvent::Depleted),
            is_refilled.then_some(BalanceEvent::Refilled),
        ]
        .into_iter()
        .flatten()
    }
}

/// Enters what these changes are to those who listen. Asks the database nothing where that is nothing.
pub(crate) async fn enter(tx: &Tx, changes: &[BalanceChange]) -> Result<(), StoreError> {
    fn column<T>(
        events: &[(BalanceEvent, &BalanceChange)],
        value: impl Fn(BalanceEvent, &BalanceChange) -> T,
    ) -> Vec<T> {
        events.iter().map(|(event, change)| value(*event, change)).collect()
    }
    let events: Vec<(BalanceEvent, &BalanceChange)> =
        changes.iter().flat_map(|change| change.events().map(move |event| (event, change))).collect();
    if events.is_empty() {
        return Ok(());
    }
    let insert = tx
        .prepare_cached(
            "insert into webhook_deliveries
                 (webhook_no, user_no, message_id, type, balance_before, balance, low_balance)
             select w.no, e.user_no, e.message_id, e.type, e.balance_before, e.balance, e.low_balance
             from unnest($1::integer[], $2::uuid[], $3::uuid[], $4::text[], $5::numeric[], $6::numeric[], $7::numeric[])
                  with ordinality as e (user_no, user_id, message_id, type, balance_before, balance, low_balance, place)
             join webhooks w on w.deleted_at is null and (w.user_id is null or w.user_id = e.user_id)
             order by e.place, w.no",
        )
        .await?;
    tx.execute(
        &insert,
        &[
            &column(&events, |_, change| change.user_no),
            &column(&events, |_, change| change.user_id.as_uuid()),
            &column(&events, |_, _| Uuid::now_v7()),
            &column(&events, |event, _| event.as_str()),
            &column(&events, |_, change| change.before.to_decimal()),
            &column(&events, |_, change| change.after.to_decimal()),
            &column(&events, |_, change| change.low_balance.map(Credits::to_decimal)),
        ],
    )
    .await?;
    Ok(())
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `balance.low`, `balance.depleted` or `balance.refilled`.
    pub kind: String,
    /// When it was entered, by the database's clock.
    pub at: Timestamp,
    /// Whose balance.
    pub user_id: UserId,
    /// By name.
    pub user: String,
    /// The balance before.
    pub balance_before: Credits,
    /// The balance since.
    pub balance: Credits,
    /// The threshold then.
    pub low_balance: Option<Credits>,
}

/// A delivery that whoever called is to make.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// Its number.
    pub no: i64,
    /// Which attempt this is, from 1. It is counted when it has ended: what is cut off is none.
    pub attempt: i32,
    /// How long ago it was entered.
    pub age_seconds: f64,
    /// The same for all attempts.
    pub message_id: Uuid,
    /// To whom.
    pub webhook: WebhookId,
    /// Where.
    pub url: String,
    /// The secret, sealed for the webhook.
    pub sealed_secret: Vec<u8>,
    /// As [`Webhook::public_only`](crate::webhooks::Webhook::public_only).
    pub public_only: bool,
    /// What.
    pub event: Event,
    /// Of claims of one delivery no two end at the same time.
    until: Timestamp,
}

/// How much may be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Most {
    /// In this call.
    pub in_all: i64,
    /// Of one webhook, with what is claimed of it already by anybody: one that hangs keeps no more than that busy. Two who claim
    /// at the same moment may together have twice as much.
    pub per_webhook: i64,
}

/// Claims deliveries that are due: of each webhook and user the oldest that has not ended, where nobody else has it. Those that
/// were tried least come first, so that receivers which fail do not keep others waiting.
pub async fn claim(tx: &Tx, most: Most) -> Result<Vec<Claimed>, StoreError> {
    // Chosen once: a subquery with a limit may be run again for each row that it is compared with.
    let claim = tx
        .prepare_cached(
            "with busy as (
                 select webhook_no, count(*) as claims from webhook_deliveries
                 where ended_at is null and claimed_until >= clock_timestamp()
                 group by webhook_no
             ), due as (
                 select h.no, row_number() over (partition by h.webhook_no order by h.attempts, h.no)
                              + coalesce(b.claims, 0) as place
                 from webhook_deliveries h
                 join webhooks w on w.no = h.webhook_no and w.deleted_at is null
                 left join busy b on b.webhook_no = h.webhook_no
                 where h.ended_at is null and h.next_attempt_at <= clock_timestamp()
                   and (h.claimed_until is null or h.claimed_until < clock_timestamp())
                   and not exists (select from webhook_deliveries e
                                   where e.ended_at is null and e.webhook_no = h.webhook_no and e.user_no = h.user_no
                                     and e.no < h.no)
             ), chosen as materialized (
                 select c.no from webhook_deliveries c join due on due.no = c.no
                 where due.place <= $3 and c.ended_at is null
                   and (c.claimed_until is null or c.claimed_until < clock_timestamp())
                 order by c.attempts, c.no limit $1
                 for update of c skip locked
             )
             update webhook_deliveries d
             set claimed_until = clock_timestamp() + make_interval(secs => $2)
             from chosen, webhooks w, users u
             where d.no = chosen.no and w.no = d.webhook_no and u.no = d.user_no
             returning d.no, d.attempts + 1, d.message_id, w.id, w.url, w.sealed_secret,
                       d.type, d.created_at, u.id, u.name, d.balance_before, d.balance, d.low_balance,
                       d.claimed_until, extract(epoch from clock_timestamp() - d.created_at)::float8, w.public_only",
        )
        .await?;
    tx.query(&claim, &[&most.in_all, &CLAIM_SECONDS, &most.per_webhook]).await?.iter().map(claimed).collect()
}

fn claimed(row: &Row) -> Result<Claimed, StoreError> {
    Ok(Claimed {
        no: row.try_get(0)?,
        attempt: row.try_get(1)?,
        age_seconds: row.try_get(14)?,
        message_id: row.try_get(2)?,
        webhook: WebhookId::from_uuid(row.try_get(3)?),
        url: row.try_get(4)?,
        sealed_secret: row.try_get(5)?,
        public_only: row.try_get(15)?,
        event: Event {
            kind: row.try_get(6)?,
            at: row.try_get(7)?,
            user_id: UserId::from_uuid(row.try_get(8)?),
            user: row.try_get(9)?,
            balance_before: Credits::try_from(row.try_get::<_, Decimal>(10)?)?,
            balance: Credits::try_from(row.try_get::<_, Decimal>(11)?)?,
            low_balance: credits(row, 12)?,
        },
        until: row.try_get(13)?,
    })
}

fn credits(row: &Row, column: usize) -> Result<Option<Credits>, StoreError> {
    Ok(row.try_get::<_, Option<Decimal>>(column)?.map(Credits::try_from).transpose()?)
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempted {
    /// The status of the answer, where there was one.
    pub status: Option<i32>,
    /// What was wrong; `None`: it is delivered.
    pub error: Option<String>,
    /// After how many seconds to try again; `None`: it is delivered, or given up.
    pub again_after_seconds: Option<f64>,
}

/// Enters how an attempt ended, and counts it. Whoever was so slow that another has claimed it since enters nothing.
pub async fn ended(tx: &Tx, claimed: &Claimed, attempted: &Attempted) -> Result<(), StoreError> {
    let Attempted { status, error, again_after_seconds } = attempted;
    let outcome = match (error, again_after_seconds) {
        (None, _) => Some("delivered"),
        (Some(_), None) => Some("given_up"),
        (Some(_), Some(_)) => None,
    };
    tx.execute(
        "update webhook_deliveries
         set attempts = $7, last_status = $3, last_error = $4, claimed_until = null, outcome = $5,
             ended_at = case when $5::text is not null then clock_timestamp() end,
             next_attempt_at = clock_timestamp() + make_interval(secs => coalesce($6::float8, 0))
         where no = $1 and claimed_until = $2 and ended_at is null",
        &[&claimed.no, &claimed.until, status, error, &outcome, again_after_seconds, &claimed.attempt],
    )
    .await?;
    Ok(())
}

/// A webhook has taken a message: what else waits for it to come back is tried within so many seconds, and not only after its pause.
/// Returns how much that is.
pub async fn wake(tx: &Tx, webhook: WebhookId, within_seconds: f64) -> Result<u64, StoreError> {
    let wake = tx
        .prepare_cached(
            "with asleep as materialized (
                 select d.no from webhook_deliveries d join webhooks w on w.no = d.webhook_no
                 where w.id = $1 and d.ended_at is null and d.attempts > 0
                   and d.next_attempt_at > clock_timestamp() + make_interval(secs => $2)
                 for update of d skip locked
             )
             update webhook_deliveries d set next_attempt_at = clock_timestamp() + make_interval(secs => $2)
             from asleep where d.no = asleep.no",
        )
        .await?;
    Ok(tx.execute(&wake, &[&webhook.as_uuid(), &within_seconds]).await?)
}

/// Gives up what nobody will take: of one webhook and user all but the newest `most`, the oldest first, and all of webhooks that were removed.
/// Returns how much that was of those that there are.
pub async fn trim(tx: &Tx, most: i64) -> Result<u64, StoreError> {
    let trim = tx
        .prepare_cached(
            "with waiting as (
                 select d.no, w.deleted_at is not null as is_removed,
                        row_number() over (partition by d.webhook_no, d.user_no order by d.no desc) > $1 as is_beyond
                 from webhook_deliveries d join webhooks w on w.no = d.webhook_no
                 where d.ended_at is null
             ), beyond as materialized (
                 select d.no, waiting.is_removed
                 from webhook_deliveries d join waiting on waiting.no = d.no
                 where d.ended_at is null and (waiting.is_removed or waiting.is_beyond)
                   and (d.claimed_until is null or d.claimed_until < clock_timestamp())
                 for update of d skip locked
             ), ended as (
                 update webhook_deliveries d
                 set ended_at = clock_timestamp(), outcome = 'given_up', claimed_until = null,
                     last_error = case when beyond.is_removed then $2 else format('more than %s waited', $1::bigint) end
                 from beyond where d.no = beyond.no
                 returning beyond.is_removed
             )
             select count(*) filter (where not is_removed) from ended",
        )
        .await?;
    let row = tx.query_one(&trim, &[&most, &REMOVED]).await?;
    Ok(u64::try_from(row.try_get::<_, i64>(0)?).unwrap_or(0))
}

/// What is owed.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Backlog {
    /// Deliveries that have not ended.
    pub waiting: i64,
    /// How long the oldest of them has waited.
    pub oldest_seconds: f64,
}

/// What is owed now.
pub async fn backlog(tx: &Tx) -> Result<Backlog, StoreError> {
    let backlog = tx
        .prepare_cached(
            "select count(*), coalesce(extract(epoch from clock_timestamp() - min(d.created_at)), 0)::float8
             from webhook_deliveries d
             where d.ended_at is null and exists (select from webhooks w where w.no = d.webhook_no and w.deleted_at is null)",
        )
        .await?;
    let row = tx.query_one(&backlog, &[]).await?;
    Ok(Backlog { waiting: row.try_get(0)?, oldest_seconds: row.try_get(1)? })
}

/// Forgets what ended more than so many days ago. Returns how many.
pub async fn forget(tx: &Tx, days: i32) -> Result<u64, StoreError> {
    let sql = "delete from webhook_deliveries where ended_at < clock_timestamp() - make_interval(days => $1)";
    Ok(tx.execute(sql, &[&days]).await?)
}

/// A delivery, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// The id of the message, as its receiver sees it.
    pub message_id: String,
    /// To whom.
    pub webhook_id: WebhookId,
    /// Where.
    pub url: String,
    /// What.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whose balance.
    pub user: String,
    /// The balance since.
    pub balance: Credits,
    /// When it was entered.
    pub created_at: Timestamp,
    /// `waiting`, `delivered` or `given_up`.
    pub state: String,
    /// How often it was tried.
    pub attempts: i32,
    /// When it is tried next, where it waits.
    pub next_attempt_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The status of the last answer.
    pub last_status: Option<i32>,
    /// What was wrong with the last attempt.
    pub last_error: Option<String>,
    /// Its place among all: later ones have higher numbers.
    #[serde(skip)]
    pub no: i64,
}

/// Which deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeliveryFilter {
    /// Only those that are not delivered.
    pub undelivered: bool,
    /// To this webhook alone.
    pub webhook: Option<WebhookId>,
    /// Those that were entered before the one of this number.
    pub before: Option<i64>,
}

/// The newest of these deliveries, newest first.
pub async fn list(tx: &Tx, filter: &DeliveryFilter, limit: i64) -> Result<Vec<Delivery>, StoreError> {
    let DeliveryFilter { undelivered, webhook, before } = filter;
    let rows = tx
        .query(
            "select d.message_id, w.id, w.url, d.type, u.name, d.balance, d.created_at, coalesce(d.outcome, 'waiting'),
                    d.attempts, case when d.ended_at is null then d.next_attempt_at end, d.ended_at, d.last_status, d.last_error, d.no
             from webhook_deliveries d join webhooks w on w.no = d.webhook_no join users u on u.no = d.user_no
             where (not $1 or d.outcome is distinct from 'delivered') and ($2::uuid is null or w.id = $2)
               and ($3::bigint is null or d.no < $3)
             order by d.no desc limit $4",
            &[undelivered, &webhook.map(WebhookId::as_uuid), before, &limit],
        )
        .await?;
    let delivery = |row: &Row| {
        Ok(Delivery {
            message_id: message_id(row.try_get(0)?),
            webhook_id: WebhookId::from_uuid(row.try_get(1)?),
            url: row.try_get(2)?,
            kind: row.try_get(3)?,
            user: row.try_get(4)?,
            balance: Credits::try_from(row.try_get::<_, Decimal>(5)?)?,
            created_at: row.try_get(6)?,
            state: row.try_get(7)?,
            attempts: row.try_get(8)?,
            next_attempt_at: row.try_get(9)?,
            ended_at: row.try_get(10)?,
            last_status: row.try_get(11)?,
            last_error: row.try_get(12)?,
            no: row.try_get(13)?,
        })
    };
    rows.iter().map(delivery).collect()
}

/// A page of these deliveries, newest first.
pub async fn page(tx: &Tx, filter: &DeliveryFilter, limit: u32) -> Result<Page<Delivery>, StoreError> {
    Ok(Page::of(list(tx, filter, rows_for(limit)).await?, limit))
}

/// A message's id, as its receiver sees it.
pub fn message_id(id: Uuid) -> String {
    format!("msg_{}", id.simple())
}

#[cfg(test)]
mod tests;
