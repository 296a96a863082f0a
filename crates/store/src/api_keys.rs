//! `api_keys`: the digests of keys, never the keys. A revoked key stays: usage records point at it.

use jiff::Timestamp;
use rand::RngExt;
use serde::Serialize;
use serde_json::json;
use tokio_postgres::Row;
use tollgate_domain::{ApiKeyId, ApiKeyPurpose, ApiKeySecret, KeyDigest, MasterKey, UserId};

use crate::limits::{self, Of};
use crate::text::check_text;
use crate::{StoreError, Tx, audit_log, users};

/// What a new key is for.
#[derive(Debug, Clone, Default)]
pub struct NewApiKey {
    /// Name or id of the user who pays.
    pub user: String,
    /// What it may be used for.
    pub purpose: ApiKeyPurpose,
    /// Whether its batch metadata headers count.
    pub trusted: bool,
    /// For people to tell keys apart; may be empty.
    pub name: String,
    /// Who made it, where that is someone else than its owner.
    pub created_by: Option<UserId>,
}

/// A key as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiKey {
    /// The key.
    pub id: ApiKeyId,
    /// The first characters of the secret.
    pub prefix: String,
    /// For people to tell keys apart.
    pub name: String,
    /// Who pays.
    pub user_id: UserId,
    /// Who pays, by name.
    pub user_name: String,
    /// What it may be used for.
    pub purpose: ApiKeyPurpose,
    /// Whether its batch metadata headers count.
    pub trusted: bool,
    /// By the database's clock.
    pub created_at: Timestamp,
    /// Since when it admits nothing.
    pub revoked_at: Option<Timestamp>,
}

/// A new key with its secret, which is shown once and kept nowhere.
#[derive(Debug, Clone)]
pub struct CreatedApiKey {
    /// The key as stored.
    pub key: ApiKey,
    /// What its owner uses.
    pub secret: ApiKeySecret,
}

/// The result of a revocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Revoked {
    /// The key, revoked.
    pub key: ApiKey,
    /// It had been revoked before; nothing changed.
    pub already: bool,
}

const SELECT: &str =
    "select k.id, k.prefix, k.name, k.user_id, u.name, k.purpose, k.trusted, k.created_at, k.revoked_at
                      from api_keys k join users u on u.id = k.user_id";

/// Makes a key from the operating system's randomness and stores its digest under `master`.
pub async fn create(
    tx: &Tx,
    master: &MasterKey,
    new: &NewApiKey,
    actor: &str,
) -> Result<CreatedApiKey, StoreError> {
    check_text("the key's name", &new.name)?;
    let user = users::find(tx, &new.user).await?;
    let secret = ApiKeySecret::from_random(rand::rng().random());
    let id = ApiKeyId::generate();
    let digest = master.key_digest(secret.expose());
    tx.execute(
        "insert into api_keys (id, digest, prefix, name, user_id, created_by, purpose, trusted)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            &id.as_uuid(),
            &digest.as_bytes().as_slice(),
            &secret.prefix(),
            &new.name,
            &user.id.as_uuid(),
            &new.created_by.map(UserId::as_uuid),
            &new.purpose.as_str(),
            &new.trusted,
        ],
    )
    .await?;
    let key = from_row(&tx.query_one(&format!("{SELECT} where k.id = $1"), &[&id.as_uuid()]).await?)?;
    audit_log::write(tx, actor, "key.create", &id.to_string(), None, Some(json!(key))).await?;
    Ok(CreatedApiKey { key, secret })
}

/// Revokes the key with this id, or with this prefix where only one has it. Revoking twice changes nothing. What people ask for goes
/// through [`crate::management::keys::revoke`], which keeps the last manager.
pub async fn revoke(tx: &Tx, id_or_prefix: &str, actor: &str) -> Result<Revoked, StoreError> {
    let found = find(tx, id_or_prefix).await?;
    let rows = tx
        .execute(
            "update api_keys set revoked_at = clock_timestamp() where id = $1 and revoked_at is null",
            &[&found.id.as_uuid()],
        )
        .await?;
    let key = find(tx, &found.id.to_string()).await?;
    let already = rows == 0;
    if !already {
        limits::forget(tx, Of::Key, key.id.as_uuid()).await?;
        let after = json!({ "revoked_at": key.revoked_at });
        audit_log::write(tx, actor, "key.revoke", &key.id.to_string(), Some(json!(found)), Some(after))
            .await?;
    }
    Ok(Revoked { key, already })
}

/// The key with this id, or with this prefix where only one has it; live or revoked.
pub async fn find(tx: &Tx, id_or_prefix: &str) -> Result<ApiKey, StoreError> {
    check_text("the key's id", id_or_prefix)?;
    let rows = match id_or_prefix.parse::<ApiKeyId>() {
        Ok(id) => tx.query(&format!("{SELECT} where k.id = $1"), &[&id.as_uuid()]).await?,
        Err(_) => tx.query(&format!("{SELECT} where k.prefix = $1"), &[&id_or_prefix]).await?,
    };
    match rows.as_slice() {
        [row] => from_row(row),
        // What was typed is not repeated: it may be a whole secret.
        [] => Err(StoreError::not_found(
            "no key has this id or prefix; `tollgate key list` shows ids and prefixes",
        )),
        several => Err(StoreError::refused(format!("{} keys have this prefix; give the id", several.len()))),
    }
}

/// The key with this digest, live or revoked.
pub async fn find_by_digest(tx: &Tx, digest: &KeyDigest) -> Result<Option<ApiKey>, StoreError> {
    let digest = digest.as_bytes().as_slice();
    tx.query_opt(&format!("{SELECT} where k.digest = $1"), &[&digest])
        .await?
        .as_ref()
        .map(from_row)
        .transpose()
}

/// All keys, or those of one user (name or id), oldest first, revoked ones included.
pub async fn list(tx: &Tx, user: Option<&str>) -> Result<Vec<ApiKey>, StoreError> {
    let rows = match user {
        Some(user) => {
            let user = users::find(tx, user).await?;
            tx.query(&format!("{SELECT} where k.user_id = $1 order by k.no"), &[&user.id.as_uuid()]).await?
        }
        None => tx.query(&format!("{SELECT} order by k.no"), &[]).await?,
    };
    rows.iter().map(from_row).collect()
}

pub(crate) fn from_row(row: &Row) -> Result<ApiKey, StoreError> {
    Ok(ApiKey {
        id: ApiKeyId::from_uuid(row.try_get(0)?),
        prefix: row.try_get(1)?,
        name: row.try_get(2)?,
        user_id: UserId::from_uuid(row.try_get(3)?),
        user_name: row.try_get(4)?,
        purpose: ApiKeyPurpose::from_stored(row.try_get(5)?),
        trusted: row.try_get(6)?,
        created_at: row.try_get(7)?,
        revoked_at: row.try_get(8)?,
    })
}
