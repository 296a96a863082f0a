//! `idempotency_keys`: writes that count once under a key of the client's choosing (draft-ietf-httpapi-idempotency-key-header).
//!
//! [`begin`] and [`finish`] stand around the write in its own transaction, so the write and the memory of it are committed together or
//! not at all. What was refused leaves no memory: it may be tried again under the same key.

use serde_json::Value;
use tollgate_domain::{RecordDigest, UserId};
use uuid::Uuid;

use crate::{StoreError, Tx};

/// How long an answer is kept. A client tries again within seconds; an operator's script, after a night.
const KEPT_FOR_DAYS: i32 = 7;
/// Old answers that one write clears away.
const CLEARED_AT_ONCE: i64 = 100;

/// A write under a key.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Whose key it is: another user's same key is another one. The user's, because an API key may be replaced between two tries.
    pub caller: UserId,
    /// As the client chose it.
    pub key: String,
    /// A keyed digest of the whole request.
    pub fingerprint: RecordDigest,
}

/// An answer that was given before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Value,
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// Nothing: do the write.
    Fresh,
    /// The same request was answered.
    Answered(Answer),
    /// Another request came under this key.
    OfAnother,
    /// The first request under this key has not ended.
    InProgress,
}

/// Looks the key up, and holds it until the transaction ends.
pub async fn begin(tx: &Tx, attempt: &Attempt) -> Result<Begun, StoreError> {
    let lock = format!("idempotency {} {}", attempt.caller, attempt.key);
    let row = tx.query_one("select pg_try_advisory_xact_lock(hashtextextended($1, 0))", &[&lock]).await?;
    if !row.try_get::<_, bool>(0)? {
        return Ok(Begun::InProgress);
    }
    let sql = "select fingerprint, status, body from idempotency_keys where user_id = $1 and key = $2";
    let Some(row) = tx.query_opt(sql, &[&attempt.caller.as_uuid(), &attempt.key]).await? else {
        return Ok(Begun::Fresh);
    };
    if row.try_get::<_, Uuid>(0)? != Uuid::from_bytes(attempt.fingerprint.as_bytes()) {
        return Ok(Begun::OfAnother);
    }
    let status: i16 = row.try_get(1)?;
    let status = u16::try_from(status).map_err(|_| StoreError::Corrupt("a status below zero".to_owned()))?;
    Ok(Begun::Answered(Answer { status, body: row.try_get(2)? }))
}

/// Keeps the answer.
pub async fn finish(tx: &Tx, attempt: &Attempt, answer: &Answer) -> Result<(), StoreError> {
    let status = i16::try_from(answer.status)
        .map_err(|_| StoreError::Corrupt(format!("{} is no status", answer.status)))?;
    tx.execute(
        "insert into idempotency_keys (user_id, key, fingerprint, status, body) values ($1, $2, $3, $4, $5)",
        &[
            &attempt.caller.as_uuid(),
            &attempt.key,
            &Uuid::from_bytes(attempt.fingerprint.as_bytes()),
            &status,
            &answer.body,
        ],
    )
    .await?;
    tx.execute(
        "delete from idempotency_keys where (user_id, key) in (
             select user_id, key from idempotency_keys
             where created_at < clock_timestamp() - $1 * interval '1 day'
             order by created_at limit $2 for update skip locked)",
        &[&f64::from(KEPT_FOR_DAYS), &CLEARED_AT_ONCE],
    )
    .await?;
    Ok(())
}
