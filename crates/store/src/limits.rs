//! `limits`: how much a key, a user or a model may ask for, and how much a key or a user may spend.
//!
//! They are in force at every gateway as soon as it has read the configuration again, within a second. What was spent is
//! [`crate::spending`].

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio_postgres::Row;
use tollgate_domain::{ApiKeyId, Credits};
use uuid::Uuid;

use crate::{StoreError, Tx, api_keys, audit_log, models, users};

/// Whom a limit is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// One API key.
    Key,
    /// All keys of a user together.
    User,
    /// Everyone's requests for a model together.
    Model,
}

impl Of {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::User => "user",
            Self::Model => "model",
        }
    }

    const fn column(self) -> &'static str {
        match self {
            Self::Key => "key_id",
            Self::User => "user_id",
            Self::Model => "model_id",
        }
    }
}

/// Limits; `None` is without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Limits {
    /// Requests a minute.
    pub requests_per_minute: Option<i32>,
    /// Tokens of prompts and answers a minute.
    pub tokens_per_minute: Option<i64>,
    /// Requests at once.
    pub concurrent_requests: Option<i32>,
    /// Credits a day (UTC).
    pub daily_cap: Option<Credits>,
    /// Credits a week (ISO, UTC).
    pub weekly_cap: Option<Credits>,
    /// Credits a month (UTC).
    pub monthly_cap: Option<Credits>,
}

impl Limits {
    /// Whether money is capped.
    pub const fn has_caps(&self) -> bool {
        self.daily_cap.is_some() || self.weekly_cap.is_some() || self.monthly_cap.is_some()
    }
}

/// A change of limits: `None` stays as it is, `Some(None)` is without from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LimitChange {
    /// Requests a minute.
    pub requests_per_minute: Option<Option<i32>>,
    /// Tokens a minute.
    pub tokens_per_minute: Option<Option<i64>>,
    /// Requests at once.
    pub concurrent_requests: Option<Option<i32>>,
    /// Credits a day.
    pub daily_cap: Option<Option<Credits>>,
    /// Credits a week.
    pub weekly_cap: Option<Option<Credits>>,
    /// Credits a month.
    pub monthly_cap: Option<Option<Credits>>,
}

impl LimitChange {
    /// To no limit at all.
    pub const TO_NONE: Self = Self {
        requests_per_minute: Some(None),
        tokens_per_minute: Some(None),
        concurrent_requests: Some(None),
        daily_cap: Some(None),
        weekly_cap: Some(None),
        monthly_cap: Some(None),
    };

    /// What comes of it.
    pub fn apply_to(&self, before: &Limits) -> Limits {
        Limits {
            requests_per_minute: self.requests_per_minute.unwrap_or(before.requests_per_minute),
            tokens_per_minute: self.tokens_per_minute.unwrap_or(before.tokens_per_minute),
            concurrent_requests: self.concurrent_requests.unwrap_or(before.concurrent_requests),
            daily_cap: self.daily_cap.unwrap_or(before.daily_cap),
            weekly_cap: self.weekly_cap.unwrap_or(before.weekly_cap),
            monthly_cap: self.monthly_cap.unwrap_or(before.monthly_cap),
        }
    }
}

/// A key, a user or a model, and its limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Limited {
    /// What it is.
    pub of: Of,
    /// Which it is.
    pub id: Uuid,
    /// What people call it: a key's prefix, a user's name, a model's alias.
    pub name: String,
    /// Its limits.
    #[serde(flatten)]
    pub limits: Limits,
}

const SELECT: &str = "select l.key_id, l.user_id, l.model_id, coalesce(k.prefix, u.name, m.alias),
                             l.requests_per_minute, l.tokens_per_minute, l.concurrent_requests,
                             l.daily_cap, l.weekly_cap, l.monthly_cap
                      from limits l
                      left join api_keys k on k.id = l.key_id
                      left join users u on u.id = l.user_id
                      left join deployed_models m on m.id = l.model_id";

/// Changes the limits of the key (id or prefix), user (name or id) or live model (alias or id) of this name, and returns
/// those in force.
pub async fn change(
    tx: &Tx,
    of: Of,
    name: &str,
    change: &LimitChange,
    actor: &str,
) -> Result<Limited, StoreError> {
    let (id, name) = identify(tx, of, name).await?;
    if of == Of::Key && api_keys::find(tx, &id.to_string()).await?.revoked_at.is_some() {
        return Err(StoreError::refused("the key is revoked: there is nothing to limit"));
    }
    let column = of.column();
    // The row first: two changes at once wait for each other here, and each sees what the other left.
    let sql = format!("insert into limits ({column}) values ($1) on conflict ({column}) do nothing");
    tx.execute(&sql, &[&id]).await?;
    tx.query_one(&format!("select 1 from limits where {column} = $1 for update"), &[&id]).await?;
    let before = read(tx, of, id).await?.unwrap_or_default();
    let after = change.apply_to(&before);
    check(of, &after)?;
    if after == Limits::default() {
        tx.execute(&format!("delete from limits where {column} = $1"), &[&id]).await?;
    } else {
        let sql = format!(
            "update limits
             set requests_per_minute = $2, tokens_per_minute = $3, concurrent_requests = $4,
                 daily_cap = $5, weekly_cap = $6, monthly_cap = $7, changed_xid = pg_current_xact_id()
             where {column} = $1"
        );
        let decimal = |cap: Option<Credits>| cap.map(Credits::to_decimal);
        tx.execute(
            &sql,
            &[
                &id,
                &after.requests_per_minute,
                &after.tokens_per_minute,
                &after.concurrent_requests,
                &decimal(after.daily_cap),
                &decimal(after.weekly_cap),
                &decimal(after.monthly_cap),
            ],
        )
        .await?;
    }
    if after != before {
        let subject = format!("{} {name}", of.as_str());
        audit_log::write(tx, actor, "limit.set", &subject, Some(json!(before)), Some(json!(after))).await?;
    }
    Ok(Limited { of, id, name, limits: after })
}

/// The limits of one key, user or model; all `None` where it has none.
pub async fn find(tx: &Tx, of: Of, name: &str) -> Result<Limited, StoreError> {
    let (id, name) = identify(tx, of, name).await?;
    Ok(Limited { of, id, name, limits: read(tx, of, id).await?.unwrap_or_default() })
}

/// Gives a key the limits that another has.
pub(crate) async fn copy_of_key(
    tx: &Tx,
    from: ApiKeyId,
    to: ApiKeyId,
    actor: &str,
) -> Result<(), StoreError> {
    let sql = "insert into limits (key_id, requests_per_minute, tokens_per_minute, concurrent_requests, daily_cap, weekly_cap, monthly_cap)
               select $2, requests_per_minute, tokens_per_minute, concurrent_requests, daily_cap, weekly_cap, monthly_cap
               from limits where key_id = $1";
    if tx.execute(sql, &[&from.as_uuid(), &to.as_uuid()]).await? > 0 {
        let (subject, limits) = (format!("key {to}"), read(tx, Of::Key, to.as_uuid()).await?);
        audit_log::write(tx, actor, "limit.set", &subject, None, Some(json!(limits))).await?;
    }
    Ok(())
}

/// Forgets the limits of what is no more: a model that is deleted, a key that is revoked.
pub(crate) async fn forget(tx: &Tx, of: Of, id: Uuid) -> Result<(), StoreError> {
    tx.execute(&format!("delete from limits where {} = $1", of.column()), &[&id]).await?;
    Ok(())
}

/// Everything that has limits, keys first, by name.
pub async fn list(tx: &Tx) -> Result<Vec<Limited>, StoreError> {
    let rows = tx.query(&format!("{SELECT} order by 4, 1, 2, 3"), &[]).await?;
    let mut limited = rows.iter().map(from_row).collect::<Result<Vec<_>, _>>()?;
    limited.sort_by_key(|limited| limited.of);
    Ok(limited)
}

async fn identify(tx: &Tx, of: Of, name: &str) -> Result<(Uuid, String), StoreError> {
    Ok(match of {
        Of::Key => {
            let key = api_keys::find(tx, name).await?;
            (key.id.as_uuid(), key.prefix)
        }
        Of::User => {
            let user = users::find(tx, name).await?;
            (user.id.as_uuid(), user.name)
        }
        Of::Model => {
            let model = models::find(tx, name).await?;
            (model.id.as_uuid(), model.alias)
        }
    })
}

async fn read(tx: &Tx, of: Of, id: Uuid) -> Result<Option<Limits>, StoreError> {
    let row = tx.query_opt(&format!("{SELECT} where l.{} = $1", of.column()), &[&id]).await?;
    Ok(row.as_ref().map(from_row).transpose()?.map(|limited| limited.limits))
}

fn check(of: Of, limits: &Limits) -> Result<(), StoreError> {
    let Limits { requests_per_minute, tokens_per_minute, concurrent_requests, .. } = *limits;
    let counts = [requests_per_minute.map(i64::from), tokens_per_minute, concurrent_requests.map(i64::from)];
    if counts.into_iter().flatten().any(|count| count < 1) {
        return Err(StoreError::refused("a limit is at least 1; revoke a key that shall ask for nothing"));
    }
    let caps = [limits.daily_cap, limits.weekly_cap, limits.monthly_cap];
    if caps.into_iter().flatten().any(|cap| cap < Credits::ZERO) {
        return Err(StoreError::refused("a spend cap is zero or more"));
    }
    if of == Of::Model && limits.has_caps() {
        return Err(StoreError::refused("a model spends nothing: put a spend cap on a key or a user"));
    }
    Ok(())
}

/// Of the first ten columns of [`SELECT`].
pub(crate) fn from_row(row: &Row) -> Result<Limited, StoreError> {
    let ids = [(Of::Key, 0), (Of::User, 1), (Of::Model, 2)];
    let mut found = None;
    for (of, column) in ids {
        if let Some(id) = row.try_get::<_, Option<Uuid>>(column)? {
            found = Some((of, id));
        }
    }
    let (of, id) = found.ok_or_else(|| StoreError::Corrupt("a limit is on nothing".to_owned()))?;
    let cap = |column: usize| -> Result<Option<Credits>, StoreError> {
        Ok(row.try_get::<_, Option<Decimal>>(column)?.map(Credits::try_from).transpose()?)
    };
    Ok(Limited {
        of,
        id,
        name: row.try_get(3)?,
        limits: Limits {
            requests_per_minute: row.try_get(4)?,
            tokens_per_minute: row.try_get(5)?,
            concurrent_requests: row.try_get(6)?,
            daily_cap: cap(7)?,
            weekly_cap: cap(8)?,
            monthly_cap: cap(9)?,
        },
    })
}
