//! What people ask of the books: balances, ledgers, usage. Read only.
//!
//! Usage comes from the hourly rollups. A ledger reads the user's entries where they are, which for a user among many is a scan
//! of the records (they carry no index that no request needs): run it in [`crate::Store::tx_unbounded`].

use std::str::FromStr;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;
use tokio_postgres::Row;
use tollgate_domain::{ApiKeyId, Credits, UserId};
use uuid::Uuid;

use crate::{StoreError, Tx, users};

/// Most groups that a caller may ask usage to be summed by who shall not have as many as there are: the hours of more than a year.
pub const MAX_GROUPS: u32 = 10_000;
/// Most ledger entries in one page.
pub const MAX_PAGE: i64 = 1_000;

/// A user's balance, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BalanceReport {
    /// The user.
    pub user_id: UserId,
    /// By name.
    pub user: String,
    /// In credits.
    pub balance: Credits,
    /// Of it, what requests in flight hold, as their gateways said when they renewed: a quarter of a second ago, where there is traffic. That is what they
    /// are expected to cost, and what they may cost at most as soon as the money does not cover that easily.
    pub held: Credits,
    /// What gateways may spend without asking: `held`, what they have charged and the books do not have yet, and room.
    pub leased: Credits,
    /// The balance without what is held.
    pub available: Credits,
    /// At which balance webhooks are told that it is low; `None`: at none.
    pub low_balance: Option<Credits>,
}

/// The balance of the user of this name or id.
pub async fn balance(tx: &Tx, user: &str) -> Result<BalanceReport, StoreError> {
    let user = users::find(tx, user).await?;
    let reports = balances(tx, Some(user.id)).await?;
    let report = reports.into_iter().next();
    report.ok_or_else(|| StoreError::Corrupt(format!("user {} has no balance", user.id)))
}

/// The balances of all users but the system user, by name.
pub async fn all_balances(tx: &Tx) -> Result<Vec<BalanceReport>, StoreError> {
    balances(tx, None).await
}

async fn balances(tx: &Tx, user: Option<UserId>) -> Result<Vec<BalanceReport>, StoreError> {
    let sql = "select u.id, u.name, b.balance, coalesce(l.held, 0), coalesce(l.leased, 0), b.low_balance
                 from user_balances b
                 join users u on u.no = b.user_no
                 left join (select user_no, sum(held) as held, sum(amount) as leased from credit_leases
                             where expires_at > clock_timestamp() group by user_no) l on l.user_no = b.user_no
                where u.deleted_at is null and (u.id = $2 or ($2::uuid is null and u.id <> $1))
                order by u.name";
    let report = |row: &Row| {
        let (balance, held) = (credits(row, 2)?, credits(row, 3)?);
        Ok(BalanceReport {
            user_id: UserId::from_uuid(row.try_get(0)?),
            user: row.try_get(1)?,
            balance,
            held,
            leased: credits(row, 4)?,
            available: balance.checked_sub(held)?,
            low_balance: row.try_get::<_, Option<Decimal>>(5)?.map(Credits::try_from).transpose()?,
        })
    };
    let user = user.map(UserId::as_uuid);
    tx.query(sql, &[&UserId::SYSTEM.as_uuid(), &user]).await?.iter().map(report).collect()
}

/// One entry of a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LedgerEntry {
    /// The entry.
    pub id: String,
    /// When.
    pub created_at: Timestamp,
    /// `usage`, or the type of the movement.
    pub transaction_type: String,
    /// What it did to the balance: negative for usage and for what was taken.
    pub amount: Credits,
    /// What caused it.
    pub source_id: String,
    /// For people.
    pub description: String,
    /// The batch that it was part of.
    pub batch_id: Option<Uuid>,
    /// The key that was used.
    pub api_key_id: Option<ApiKeyId>,
    /// The model that was used.
    pub model: Option<String>,
}

/// A page of a ledger, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LedgerPage {
    /// The entries.
    pub entries: Vec<LedgerEntry>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<LedgerCursor>,
}

/// The place after an entry. Its text is for handing back, not for reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerCursor {
    created_at: Timestamp,
    id: String,
}

impl std::fmt::Display for LedgerCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.created_at.as_microsecond(), self.id)
    }
}

impl Serialize for LedgerCursor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for LedgerCursor {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let parsed = text.split_once('@').and_then(|(micros, id)| {
            Some((Timestamp::from_microsecond(micros.parse().ok()?).ok()?, id.to_owned()))
        });
        let (created_at, id) = parsed.filter(|(_, id)| !id.contains('\0')).ok_or_else(|| {
            StoreError::refused("this is no place in a ledger; take `next` of the page before")
        })?;
        Ok(Self { created_at, id })
    }
}

/// The entries of a user (name or id) before `before`, newest first, at most `limit` (1 to [`MAX_PAGE`]).
pub async fn ledger(
    tx: &Tx,
    user: &str,
    limit: i64,
    before: Option<&LedgerCursor>,
) -> Result<LedgerPage, StoreError> {
    let user = users::find(tx, user).await?;
    let limit = limit.clamp(1, MAX_PAGE);
    // One more than asked for tells whether there is a next page.
    let sql = "select id, created_at, transaction_type,
                      case when transaction_type = 'usage' then -amount
                           else amount * movement_sign(transaction_type) end,
                      source_id, description, batch_id, api_key_id, model
               from credits_transactions
               where user_id = $1
                 and ($2::timestamptz is null or (created_at, id collate \"C\") < ($2, $3 collate \"C\"))
               order by created_at desc, id collate \"C\" desc
               limit $4";
    let (before_at, before_id) = before.map(|cursor| (cursor.created_at, cursor.id.as_str())).unzip();
    let rows = tx.query(sql, &[&user.id.as_uuid(), &before_at, &before_id, &(limit + 1)]).await?;
    let mut entries = rows.iter().map(entry_from).collect::<Result<Vec<_>, _>>()?;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = entries.len() > wanted;
    entries.truncate(wanted);
    let next = entries
        .last()
        .filter(|_| more)
        .map(|entry| LedgerCursor { created_at: entry.created_at, id: entry.id.clone() });
    Ok(LedgerPage { entries, next })
}

/// What usage is summed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GroupBy {
    /// Models, by alias.
    #[default]
    Model,
    /// Keys, by prefix.
    Key,
    /// Users, by name.
    User,
    /// Hours of UTC.
    Hour,
}

impl FromStr for GroupBy {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        match text {
            "model" => Ok(Self::Model),
            "key" => Ok(Self::Key),
            "user" => Ok(Self::User),
            "hour" => Ok(Self::Hour),
            other => Err(StoreError::refused(format!("`{other}` is not one of model, key, user, hour"))),
        }
    }
}

/// Which usage.
#[derive(Debug, Clone, Default)]
pub struct UsageQuery {
    /// Of this user (name or id) alone.
    pub user: Option<String>,
    /// From the hour of this instant on.
    pub since: Option<Timestamp>,
    /// Until just before the hour of this instant.
    pub until: Option<Timestamp>,
    /// Summed by what.
    pub group_by: GroupBy,
}

/// Sums over one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UsageRow {
    /// The group: an alias, a key's prefix, a user's name, an hour. `None` for requests without one.
    pub group: Option<String>,
    /// The id of the group's model, key or user.
    pub id: Option<Uuid>,
    /// Requests.
    pub requests: i64,
    /// Of these, failed.
    pub failed_requests: i64,
    /// Of these, without a price so far.
    pub unrated_requests: i64,
    /// Tokens in.
    pub prompt_tokens: i64,
    /// Tokens out.
    pub completion_tokens: i64,
    /// Of the tokens out, reasoning.
    pub reasoning_tokens: i64,
    /// Of the tokens in, read from a cache.
    pub cache_read_tokens: i64,
    /// Of the tokens in, written to a cache.
    pub cache_write_tokens: i64,
    /// Charged, in credits.
    pub amount: Credits,
}

/// Usage from the rollups, in whole hours; hours in order of time, other groups by amount, largest first.
pub async fn usage(tx: &Tx, query: &UsageQuery) -> Result<Vec<UsageRow>, StoreError> {
    let user_no = match &query.user {
        Some(user) => Some(users::find(tx, user).await?.no),
        None => None,
    };
    sums(tx, user_no, query, None).await
}

/// As [`usage`], of the user with this number in the books, also one who was deactivated; `query.user` is not read. More than
/// [`MAX_GROUPS`] groups are refused.
pub async fn usage_of(tx: &Tx, user_no: i32, query: &UsageQuery) -> Result<Vec<UsageRow>, StoreError> {
    let rows = sums(tx, Some(user_no), query, Some(i64::from(MAX_GROUPS) + 1)).await?;
    if rows.len() > usize::try_from(MAX_GROUPS).unwrap_or(usize::MAX) {
        return Err(StoreError::refused(format!(
            "this comes to more than {MAX_GROUPS} groups; narrow it with `since` and `until`"
        )));
    }
    Ok(rows)
}

async fn sums(
    tx: &Tx,
    user_no: Option<i32>,
    query: &UsageQuery,
    limit: Option<i64>,
) -> Result<Vec<UsageRow>, StoreError> {
    let (name, id, order) = match query.group_by {
        GroupBy::Model => ("m.alias", "m.id", "amount desc, requests desc, 1"),
        GroupBy::Key => ("k.prefix", "k.id", "amount desc, requests desc, 1"),
        GroupBy::User => ("u.name", "u.id", "amount desc, requests desc, 1"),
        GroupBy::Hour => {
            (r#"to_char(r.hour at time zone 'UTC', 'YYYY-MM-DD"T"HH24:00"Z"')"#, "null::uuid", "1")
        }
    };
    let sql = format!(
        "select {name}, {id}, sum(r.requests)::bigint as requests, sum(r.failed_requests)::bigint,
                sum(r.unrated_requests)::bigint, sum(r.prompt_tokens)::bigint, sum(r.completion_tokens)::bigint,
                sum(r.reasoning_tokens)::bigint, sum(r.cache_read_tokens)::bigint,
                sum(r.cache_write_tokens)::bigint,
                (sum(r.amount_pico) * 0.000000000001)::numeric(28, 12) as amount
         from usage_rollups r
         left join users u on u.no = r.user_no
         left join api_keys k on k.no = r.key_no
         left join deployed_models m on m.no = r.model_no
         where ($1::integer is null or r.user_no = $1)
           and ($2::timestamptz is null or r.hour >= date_trunc('hour', $2, 'UTC'))
           and ($3::timestamptz is null or r.hour < date_trunc('hour', $3, 'UTC'))
         group by 1, 2 order by {order} limit $4"
    );
    tx.query(&sql, &[&user_no, &query.since, &query.until, &limit]).await?.iter().map(usage_from).collect()
}

fn entry_from(row: &Row) -> Result<LedgerEntry, StoreError> {
    Ok(LedgerEntry {
        id: row.try_get(0)?,
        created_at: row.try_get(1)?,
        transaction_type: row.try_get(2)?,
        amount: credits(row, 3)?,
        source_id: row.try_get(4)?,
        description: row.try_get(5)?,
        batch_id: row.try_get(6)?,
        api_key_id: row.try_get::<_, Option<Uuid>>(7)?.map(ApiKeyId::from_uuid),
        model: row.try_get(8)?,
    })
}

fn usage_from(row: &Row) -> Result<UsageRow, StoreError> {
    Ok(UsageRow {
        group: row.try_get(0)?,
        id: row.try_get(1)?,
        requests: row.try_get(2)?,
        failed_requests: row.try_get(3)?,
        unrated_requests: row.try_get(4)?,
        prompt_tokens: row.try_get(5)?,
        completion_tokens: row.try_get(6)?,
        reasoning_tokens: row.try_get(7)?,
        cache_read_tokens: row.try_get(8)?,
        cache_write_tokens: row.try_get(9)?,
        amount: credits(row, 10)?,
    })
}

fn credits(row: &Row, column: usize) -> Result<Credits, StoreError> {
    Ok(Credits::try_from(row.try_get::<_, Decimal>(column)?)?)
}
