//! `audit_log`: who changed what. Written in the transaction of the change; append-only by trigger, and chained by one when the
//! transaction commits (`audit_log_chain`). Until then an entry has no number and no digest, not for its own transaction either.

use std::fmt;

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

/// What an entry's contents and the digest before it come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChainDigest(pub(crate) [u8; 32]);

impl ChainDigest {
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        let bytes = bytes.try_into();
        Ok(Self(
            bytes.map_err(|_| {
                StoreError::Corrupt("a digest of the audit log has another length".to_owned())
            })?,
        ))
    }
}

impl fmt::Display for ChainDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Where the log ends, written `42:` and 64 hexadecimal digits. Noted where the owner of the database does not reach, it shows later whether
/// what was the log then is still its beginning: [`crate::audit::chain`]. Of a log without entries it is number 0 and a digest of zeros.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChainHead {
    /// The number of the last entry.
    pub no: i64,
    /// Its digest.
    pub digest: ChainDigest,
}

/// Where the log ends now, as far as it is committed.
pub async fn head(tx: &Tx) -> Result<ChainHead, StoreError> {
    let row = tx.query_one("select no, digest from audit_log_head", &[]).await?;
    Ok(ChainHead { no: row.try_get(0)?, digest: ChainDigest::from_bytes(row.try_get(1)?)? })
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
