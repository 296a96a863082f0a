//! API keys. A secret is shown once, where its key is made, and kept nowhere.
//!
//! A member makes and ends keys of its own user. It gets no role and no trust by that: what carries either is a manager's to give, to
//! replace and to take away. Nor does it choose its price: a purpose that has tariffs of its own is a manager's to give.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tollgate_domain::{ApiKeyId, ApiKeyPurpose, UserId};
use tollgate_store::api_keys::{CreatedApiKey, NewApiKey};
use tollgate_store::management::keys::{self, KeyFilter, ManagedKey, PlatformRole};
use tollgate_store::{StoreError, Tx};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app::Admin;
use crate::caller::{Caller, Role};
use crate::extract::{Body, Path, Query};
use crate::page::{self, List, Listing};
use crate::problem::{Kind, Problem};

/// Longest time for which a key and the one that replaces it are both live: a month, in seconds.
const MAX_OVERLAP_SECONDS: u32 = 31 * 24 * 3600;

/// A key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApiKey {
    id: Uuid,
    /// The first characters of the secret, by which people tell keys apart.
    prefix: String,
    name: String,
    /// Who pays.
    user_id: Uuid,
    user_name: String,
    /// `realtime`, `batch`, `playground` or `platform`.
    #[schema(value_type = String, example = "realtime")]
    purpose: ApiKeyPurpose,
    /// What a platform key may do on the whole platform: `manager`, `billing_manager`, `viewer`. `null`: what is its own user's.
    #[schema(value_type = Option<String>)]
    role: Option<PlatformRole>,
    /// Whether the batch metadata headers of its requests count.
    trusted: bool,
    created_at: Timestamp,
    /// Who made it, where that is someone else than its owner.
    created_by: Option<Uuid>,
    /// When it ends because another key has taken its place.
    revoke_at: Option<Timestamp>,
    /// Since when it admits nothing.
    revoked_at: Option<Timestamp>,
}

impl From<ManagedKey> for ApiKey {
    fn from(managed: ManagedKey) -> Self {
        let ManagedKey { key, role, created_by, revoke_at, .. } = managed;
        Self {
            id: key.id.as_uuid(),
            prefix: key.prefix,
            name: key.name,
            user_id: key.user_id.as_uuid(),
            user_name: key.user_name,
            purpose: key.purpose,
            role,
            trusted: key.trusted,
            created_at: key.created_at,
            created_by: created_by.map(UserId::as_uuid),
            revoke_at,
            revoked_at: key.revoked_at,
        }
    }
}

/// A new key with its secret, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewKeyWithSecret {
    #[serde(flatten)]
    key: ApiKey,
    /// Keep it: it is shown this once and stored nowhere.
    secret: String,
}

/// A key to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKey {
    /// Who pays; the caller's own user where it is left out.
    user_id: Option<Uuid>,
    /// `realtime` (the default), `platform`, or `batch` and `playground`, which have prices of their own and are a manager's to give.
    #[serde(default)]
    #[schema(value_type = String, example = "realtime", pattern = "^(realtime|batch|playground|platform)$")]
    purpose: ApiKeyPurpose,
    /// What a platform key may do on the whole platform. A manager's to give.
    #[schema(value_type = Option<String>, example = json!(null))]
    role: Option<PlatformRole>,
    /// Believe the batch metadata headers of its requests. A manager's to give.
    #[serde(default)]
    trusted: bool,
    /// For people to tell keys apart.
    #[serde(default)]
    #[schema(max_length = 2000)]
    name: String,
}

/// How a key is replaced.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rotation {
    /// For how many seconds both keys are live: 0 to 2678400 (31 days).
    #[schema(maximum = 2_678_400)]
    overlap_seconds: u32,
}

/// Which keys.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct KeysQuery {
    /// Of this user.
    user_id: Option<Uuid>,
    /// For this purpose.
    #[param(value_type = Option<String>)]
    purpose: Option<ApiKeyPurpose>,
    /// That this user made for others.
    created_by: Option<Uuid>,
    /// Those that were revoked, too.
    #[serde(default)]
    with_revoked: bool,
    /// Rows of a page, 50 when nothing is said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Keys, in the order of their creation.
#[utoipa::path(get, path = "/admin/api/v1/api-keys", tag = "keys", params(KeysQuery),
    responses((status = 200, description = "A page of keys", body = Listing<ApiKey>)))]
pub(crate) async fn list(
    State(admin): State<Admin>,
    caller: Caller,
    Query(query): Query<KeysQuery>,
) -> Result<Json<Listing<ApiKey>>, Problem> {
    let KeysQuery { user_id, purpose, created_by, with_revoked, limit, cursor } = query;
    let asked = user_id.map(UserId::from_uuid);
    if let Some(asked) = asked {
        caller.may_see(asked)?;
    }
    let created_by = created_by.map(UserId::from_uuid);
    let filter = KeyFilter { user: asked.or(caller.scope()), purpose, created_by, with_revoked };
    let limit = page::limit(limit)?;
    let list = List::new(&admin, "api-keys", caller.scope(), &filter);
    let after: Option<i32> = list.place(cursor.as_deref())?;
    let page =
        admin.store().tx("admin_list_keys", async |tx| keys::page(&tx, &filter, after, limit).await).await?;
    Ok(Json(list.answer(page, |key| key.no, ApiKey::from)?))
}

/// Makes a key. Its secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/admin/api/v1/api-keys", tag = "keys", request_body = NewKey,
    responses((status = 201, description = "The key with its secret", body = NewKeyWithSecret)))]
pub(crate) async fn create(
    State(admin): State<Admin>,
    caller: Caller,
    Body(new): Body<NewKey>,
) -> Result<(StatusCode, Json<NewKeyWithSecret>), Problem> {
    let owner = new.user_id.map_or(caller.user_id, UserId::from_uuid);
    caller.may_see(owner)?;
    if caller.role != Role::Manager && (new.role.is_some() || new.trusted) {
        return Err(Problem::new(Kind::Forbidden, "`role` and `trusted` are a manager's to give"));
    }
    // Which tariff applies is the purpose's to say: whoever chose it would choose what they pay.
    let has_usual_price = matches!(new.purpose, ApiKeyPurpose::Realtime | ApiKeyPurpose::Platform);
    if caller.role != Role::Manager && !has_usual_price {
        let purpose = new.purpose.as_str();
        return Err(Problem::new(
            Kind::Forbidden,
            format!("a key for {purpose} use has prices of its own and is a manager's to give"),
        ));
    }
    let wanted = NewApiKey {
        user: owner.to_string(),
        purpose: new.purpose,
        trusted: new.trusted,
        name: new.name,
        created_by: None,
    };
    let (maker, actor) = (caller.maker(admin.clock()), caller.actor());
    let create = async |tx: Tx| {
        let created = keys::create(&tx, admin.master(), &wanted, new.role, Some(&maker), &actor).await?;
        with_secret(&tx, created).await
    };
    Ok((StatusCode::CREATED, Json(admin.store().tx("admin_create_key", create).await?)))
}

/// One key, without its secret.
#[utoipa::path(get, path = "/admin/api/v1/api-keys/{key_id}", tag = "keys", params(("key_id" = Uuid, Path)),
    responses((status = 200, description = "The key", body = ApiKey)))]
pub(crate) async fn get(
    State(admin): State<Admin>,
    caller: Caller,
    Path(key_id): Path<ApiKeyId>,
) -> Result<Json<ApiKey>, Problem> {
    Ok(Json(visible(&admin, &caller, key_id).await?.into()))
}

/// Makes a key like this one and ends this one after an overlap, in which both are live.
#[utoipa::path(post, path = "/admin/api/v1/api-keys/{key_id}/rotate", tag = "keys", params(("key_id" = Uuid, Path)),
    request_body = Rotation,
    responses((status = 201, description = "The new key with its secret", body = NewKeyWithSecret)))]
pub(crate) async fn rotate(
    State(admin): State<Admin>,
    caller: Caller,
    Path(key_id): Path<ApiKeyId>,
    Body(rotation): Body<Rotation>,
) -> Result<(StatusCode, Json<NewKeyWithSecret>), Problem> {
    if rotation.overlap_seconds > MAX_OVERLAP_SECONDS {
        return Err(Problem::new(
            Kind::Invalid,
            format!("`overlap_seconds` is {}; at most {MAX_OVERLAP_SECONDS}", rotation.overlap_seconds),
        ));
    }
    let before = visible(&admin, &caller, key_id).await?;
    // Whoever rotates a key gets what it may do.
    if caller.role != Role::Manager && (before.role.is_some() || before.key.trusted) {
        return Err(Problem::new(
            Kind::Forbidden,
            "a key with a role or with trust is a manager's to replace",
        ));
    }
    let overlap = SignedDuration::from_secs(rotation.overlap_seconds.into());
    let (maker, actor) = (caller.maker(admin.clock()), caller.actor());
    let rotate = async |tx: Tx| {
        let created = keys::rotate(&tx, admin.master(), key_id, overlap, Some(&maker), &actor).await?;
        with_secret(&tx, created).await
    };
    Ok((StatusCode::CREATED, Json(admin.store().tx("admin_rotate_key", rotate).await?)))
}

/// Revokes a key, for good. What it used before is still charged. Doing it twice changes nothing.
#[utoipa::path(post, path = "/admin/api/v1/api-keys/{key_id}/revoke", tag = "keys", params(("key_id" = Uuid, Path)),
    responses((status = 200, description = "The key, revoked", body = ApiKey)))]
pub(crate) async fn revoke(
    State(admin): State<Admin>,
    caller: Caller,
    Path(key_id): Path<ApiKeyId>,
) -> Result<Json<ApiKey>, Problem> {
    let before = visible(&admin, &caller, key_id).await?;
    if caller.role != Role::Manager && before.role.is_some() {
        return Err(Problem::new(Kind::Forbidden, "a key with a role is a manager's to revoke"));
    }
    let actor = caller.actor();
    let revoke = async |tx: Tx| {
        keys::revoke(&tx, key_id, &actor).await?;
        keys::find(&tx, key_id, None).await
    };
    Ok(Json(admin.store().tx("admin_revoke_key", revoke).await?.into()))
}

async fn visible(admin: &Admin, caller: &Caller, key: ApiKeyId) -> Result<ManagedKey, Problem> {
    let find = async |tx| keys::find(&tx, key, caller.scope()).await;
    admin.store().tx("admin_find_key", find).await.map_err(|error| match error {
        StoreError::NotFound(_) => Problem::no_such("key"),
        other => other.into(),
    })
}

async fn with_secret(tx: &Tx, created: CreatedApiKey) -> Result<NewKeyWithSecret, StoreError> {
    let key = keys::find(tx, created.key.id, None).await?.into();
    Ok(NewKeyWithSecret { key, secret: created.secret.expose().to_owned() })
}
