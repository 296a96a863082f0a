//! `api_keys` as the management API sees them: with the role of a platform key, in pages, replaced with an overlap, and never without a
//! last manager.

use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio_postgres::Row;
use tollgate_domain::{ApiKeyId, ApiKeyPurpose, KeyDigest, MasterKey, UserId};
use uuid::Uuid;

use super::makers::{self, Hold, Maker};
use super::roles::Managers;
use super::{Page, rows_for};
use crate::api_keys::{self, ApiKey, CreatedApiKey, NewApiKey};
use crate::{StoreError, Tx, audit_log, limits, users};

/// What a platform key may do on the whole platform. Without a role it manages what is its own user's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlatformRole {
    /// Everything.
    Manager,
    /// Money and prices; reads everything but the audit log.
    BillingManager,
    /// Reads everything.
    Viewer,
}

impl PlatformRole {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Manager, Self::BillingManager, Self::Viewer];

    /// Whether it may do all that the other may. A billing manager sees less than a viewer in one place, the audit log.
    pub fn includes(self, other: Self) -> bool {
        self == Self::Manager || self == other
    }

    /// The name, as stored and as on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manager => "manager",
            Self::BillingManager => "billing_manager",
            Self::Viewer => "viewer",
        }
    }
}

impl FromStr for PlatformRole {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| {
            StoreError::refused(format!("`{text}` is not a role; one of manager, billing_manager, viewer"))
        })
    }
}

/// Whoever presents a live key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHolder {
    /// The key.
    pub key_id: ApiKeyId,
    /// Whose.
    pub user_id: UserId,
    /// What the key is for.
    pub purpose: ApiKeyPurpose,
    /// What a platform key may do.
    pub role: Option<PlatformRole>,
}

/// A key with what concerns its management.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ManagedKey {
    /// The number in the order of creation.
    #[serde(skip)]
    pub no: i32,
    /// As every command sees it.
    #[serde(flatten)]
    pub key: ApiKey,
    /// What a platform key may do.
    pub role: Option<PlatformRole>,
    /// Who made it, where that is someone else than its owner.
    pub created_by: Option<UserId>,
    /// When it ends because another has taken its place.
    pub revoke_at: Option<Timestamp>,
}

/// Which keys.
#[derive(Debug, Clone, Default)]
pub struct KeyFilter {
    /// Of this user alone.
    pub user: Option<UserId>,
    /// For this purpose.
    pub purpose: Option<ApiKeyPurpose>,
    /// That this user made for others.
    pub created_by: Option<UserId>,
    /// Those that were revoked, too.
    pub with_revoked: bool,
}

const SELECT: &str =
    "select k.id, k.prefix, k.name, k.user_id, u.name, k.purpose, k.trusted, k.created_at, k.revoked_at, k.no,
            k.platform_role, k.created_by, k.revoke_at
     from api_keys k join users u on u.id = k.user_id";

/// Who presents the key with this digest, while it is live.
pub async fn holder(tx: &Tx, digest: &KeyDigest) -> Result<Option<KeyHolder>, StoreError> {
    let statement = tx
        .prepare_cached(
            "select k.id, k.user_id, k.purpose, k.platform_role
             from api_keys k join users u on u.id = k.user_id
             where k.digest = $1 and k.revoked_at is null and u.deleted_at is null
               and (k.revoke_at is null or k.revoke_at > clock_timestamp())",
        )
        .await?;
    let Some(row) = tx.query_opt(&statement, &[&digest.as_bytes().as_slice()]).await? else {
        return Ok(None);
    };
    let role: Option<&str> = row.try_get(3)?;
    Ok(Some(KeyHolder {
        key_id: ApiKeyId::from_uuid(row.try_get(0)?),
        user_id: UserId::from_uuid(row.try_get(1)?),
        purpose: ApiKeyPurpose::from_stored(row.try_get(2)?),
        role: role.map(str::parse).transpose()?,
    }))
}

/// As [`api_keys::create`], with a role for a platform key. `by` is who makes it, where that is somebody of the platform.
pub async fn create(
    tx: &Tx,
    master: &MasterKey,
    new: &NewApiKey,
    role: Option<PlatformRole>,
    by: Option<&Maker<'_>>,
    actor: &str,
) -> Result<CreatedApiKey, StoreError> {
    if let Some(role) = role.filter(|_| new.purpose != ApiKeyPurpose::Platform) {
        return Err(StoreError::refused(format!(
            "a key for {} use has no role ({}); make one for platform use",
            new.purpose.as_str(),
            role.as_str()
        )));
    }
    // A deactivation that this waits for has not seen the key: the owner is looked for once more, behind the lock.
    let owner = users::find(tx, &new.user).await?.id;
    let through = makers::hold(tx, by, &[(owner, Hold::Share)]).await?;
    let created_by = by.map(|maker| maker.user).filter(|maker| *maker != owner);
    let new = NewApiKey { user: owner.to_string(), created_by: created_by.or(new.created_by), ..new.clone() };
    let created = api_keys::create(tx, master, &new, actor).await?;
    if !through.is_empty() {
        let sql = "update api_keys set made_through = $2 where id = $1";
        tx.execute(sql, &[&created.key.id.as_uuid(), &through]).await?;
    }
    if let Some(role) = role {
        let id = created.key.id;
        let sql = "update api_keys set platform_role = $2 where id = $1";
        tx.execute(sql, &[&id.as_uuid(), &role.as_str()]).await?;
        audit_log::write(tx, actor, "key.role", &id.to_string(), None, Some(json!({ "role": role }))).await?;
    }
    Ok(created)
}

/// Keys in the order of their creation, behind the number `after`.
pub async fn page(
    tx: &Tx,
    filter: &KeyFilter,
    after: Option<i32>,
    limit: u32,
) -> Result<Page<ManagedKey>, StoreError> {
    let sql = format!(
        "{SELECT}
         where ($1::uuid is null or k.user_id = $1) and ($2::text is null or k.purpose = $2)
           and ($3 or k.revoked_at is null) and k.no > $4 and ($6::uuid is null or k.created_by = $6)
         order by k.no limit $5"
    );
    let rows = tx
        .query(
            &sql,
            &[
                &filter.user.map(UserId::as_uuid),
                &filter.purpose.map(ApiKeyPurpose::as_str),
                &filter.with_revoked,
                &after.unwrap_or(0),
                &rows_for(limit),
                &filter.created_by.map(UserId::as_uuid),
            ],
        )
        .await?;
    Ok(Page::of(rows.iter().map(from_row).collect::<Result<_, _>>()?, limit))
}

/// The key with this id; of `owner` alone where there is one. Another's key is as little there as one that never was.
pub async fn find(tx: &Tx, id: ApiKeyId, owner: Option<UserId>) -> Result<ManagedKey, StoreError> {
    let sql = format!("{SELECT} where k.id = $1 and ($2::uuid is null or k.user_id = $2)");
    let row = tx.query_opt(&sql, &[&id.as_uuid(), &owner.map(UserId::as_uuid)]).await?;
    row.as_ref().map(from_row).transpose()?.ok_or_else(|| StoreError::not_found("there is no such key"))
}

/// The live keys of a user.
pub(super) async fn live_of(tx: &Tx, user: UserId) -> Result<Vec<ApiKeyId>, StoreError> {
    let sql = "select id from api_keys where user_id = $1 and revoked_at is null order by no";
    let rows = tx.query(sql, &[&user.as_uuid()]).await?;
    rows.iter().map(|row| Ok(ApiKeyId::from_uuid(row.try_get(0)?))).collect()
}

/// Makes a key that is like this one, limits and all, and ends this one after `overlap`: until then both are live. `by` is who sees the new secret, where that
/// is somebody of the platform.
/// What the old one has used of its limits and caps does not count against the new one. Gateways have its end in their
/// snapshot and keep to it; that it is marked as revoked afterwards is [`revoke_due`]'s work.
pub async fn rotate(
    tx: &Tx,
    master: &MasterKey,
    id: ApiKeyId,
    overlap: SignedDuration,
    by: Option<&Maker<'_>>,
    actor: &str,
) -> Result<CreatedApiKey, StoreError> {
    // The owner is held alone, so that no two keys are each replaced by the other at once.
    let owner = find(tx, id, None).await?.key.user_id;
    makers::hold(tx, by, &[(owner, Hold::Change)]).await?;
    lock(tx, id).await?;
    let before = find(tx, id, None).await?;
    if before.key.revoked_at.is_some() || before.revoke_at.is_some() {
        return Err(StoreError::conflict("the key was revoked or replaced before; make a new one"));
    }
    let new = NewApiKey {
        user: owner.to_string(),
        purpose: before.key.purpose,
        trusted: before.key.trusted,
        name: before.key.name.clone(),
        created_by: None,
    };
    let created = create(tx, master, &new, before.role, by, actor).await?;
    limits::copy_of_key(tx, id, created.key.id, actor).await?;
    let sql =
        "update api_keys set revoke_at = clock_timestamp() + $2::float8 * interval '1 second' where id = $1";
    tx.execute(sql, &[&id.as_uuid(), &overlap.as_secs_f64()]).await?;
    let after = find(tx, id, None).await?;
    let logged = json!({ "replaced_by": created.key.id, "revoke_at": after.revoke_at });
    audit_log::write(tx, actor, "key.rotate", &id.to_string(), Some(json!(before)), Some(logged)).await?;
    Ok(created)
}

/// As [`api_keys::revoke`], for every way to ask for it; the last manager's key is refused (see [`Managers`]), because nobody could make
/// another but on the server's own machine.
pub async fn revoke(tx: &Tx, id: ApiKeyId, actor: &str) -> Result<api_keys::Revoked, StoreError> {
    let managers = Managers::hold(tx).await?;
    let revoked = api_keys::revoke(tx, &id.to_string(), actor).await?;
    managers.check(tx).await?;
    Ok(revoked)
}

/// Revokes the keys whose overlap is over, and says which.
pub async fn revoke_due(tx: &Tx) -> Result<Vec<ApiKeyId>, StoreError> {
    let sql = "select id from api_keys
               where revoke_at <= clock_timestamp() and revoked_at is null order by no for update skip locked";
    let due = tx.query(sql, &[]).await?;
    let due: Vec<ApiKeyId> =
        due.iter().map(|row| Ok(ApiKeyId::from_uuid(row.try_get(0)?))).collect::<Result<_, StoreError>>()?;
    for id in &due {
        api_keys::revoke(tx, &id.to_string(), "rotation").await?;
    }
    Ok(due)
}

async fn lock(tx: &Tx, id: ApiKeyId) -> Result<(), StoreError> {
    tx.execute("select 1 from api_keys where id = $1 for update", &[&id.as_uuid()]).await?;
    Ok(())
}

fn from_row(row: &Row) -> Result<ManagedKey, StoreError> {
    let role: Option<&str> = row.try_get(10)?;
    Ok(ManagedKey {
        key: api_keys::from_row(row)?,
        no: row.try_get(9)?,
        role: role.map(str::parse).transpose()?,
        created_by: row.try_get::<_, Option<Uuid>>(11)?.map(UserId::from_uuid),
        revoke_at: row.try_get(12)?,
    })
}
