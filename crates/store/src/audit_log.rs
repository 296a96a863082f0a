//! `audit_log`: who changed what. Written in the transaction of the change; append-only by trigger.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{StoreError, Tx};

/// One change of configuration or of money by hand.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditEntry {
    /// When, by the database's clock.
    pub at: Timestamp,
    /// Who, such as `cli`.
    pub actor: String,
    /// What was done, such as `key.revoke`.
    pub action: String,
    /// To what: a name or an id.
    pub subject: String,
    /// How it was; never a secret.
    pub before: Option<Value>,
    /// How it is now; never a secret.
    pub after: Option<Value>,
}

/// Enters one change. `before` and `after` must not hold secrets.
pub async fn write(
    tx: &Tx,
    actor: &str,
    action: &str,
    subject: &str,
    before: Option<Value>,
    after: Option<Value>,
) -> Result<(), StoreError> {
    tx.execute(
        "insert into audit_log (id, actor, action, subject, before, after) values ($1, $2, $3, $4, $5, $6)",
        &[&Uuid::now_v7(), &actor, &action, &subject, &before, &after],
    )
    .await?;
    Ok(())
}

/// The newest `limit` entries, newest first.
pub async fn list(tx: &Tx, limit: i64) -> Result<Vec<AuditEntry>, StoreError> {
    let rows = tx
        .query(
            "select at, actor, action, subject, before, after from audit_log order by at desc, id desc limit $1",
            &[&limit],
        )
        .await?;
    let entry = |row: &tokio_postgres::Row| {
        Ok(AuditEntry {
            at: row.try_get(0)?,
            actor: row.try_get(1)?,
            action: row.try_get(2)?,
            subject: row.try_get(3)?,
            before: row.try_get(4)?,
            after: row.try_get(5)?,
        })
    };
    rows.iter().map(entry).collect()
}
