//! Limits and spend caps of keys, users and models: how many requests and tokens, how much money, and how much of that is used.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Deserializer, Serialize};
use tollgate_domain::{ApiKeyId, Credits, ModelId, UserId};
use tollgate_store::Tx;
use tollgate_store::limits::{self as stored, LimitChange, Of};
use tollgate_store::management::limits::{self, Place, Standing, StandingFilter};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app::Admin;
use crate::caller::Caller;
use crate::extract::{Body, Path, Query};
use crate::page::{self, List, Listing};
use crate::problem::{Kind, Problem};
use crate::users;

/// Limits as they stand; `null` is without.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Limits {
    /// Requests a minute, at each gateway.
    requests_per_minute: Option<i32>,
    /// Tokens of prompts and answers a minute, at each gateway.
    tokens_per_minute: Option<i64>,
    /// Requests at once, at each gateway.
    concurrent_requests: Option<i32>,
    /// Credits a day (UTC), of all gateways together.
    #[schema(value_type = Option<String>, example = "10")]
    daily_cap: Option<Credits>,
    /// Of the daily cap, what is spent today; `null` where there is no such cap.
    #[schema(value_type = Option<String>, example = "2.5")]
    daily_used: Option<Credits>,
    /// Credits a week (Monday to Sunday, UTC), of all gateways together.
    #[schema(value_type = Option<String>, example = "50")]
    weekly_cap: Option<Credits>,
    /// Of the weekly cap, what is spent since Monday.
    #[schema(value_type = Option<String>, example = "2.5")]
    weekly_used: Option<Credits>,
    /// Credits a month (UTC), of all gateways together.
    #[schema(value_type = Option<String>, example = "100")]
    monthly_cap: Option<Credits>,
    /// Of the monthly cap, what is spent in this month.
    #[schema(value_type = Option<String>, example = "2.5")]
    monthly_used: Option<Credits>,
}

impl From<Standing> for Limits {
    fn from(Standing { limited, used, .. }: Standing) -> Self {
        let stored::Limits {
            requests_per_minute,
            tokens_per_minute,
            concurrent_requests,
            daily_cap,
            weekly_cap,
            monthly_cap,
        } = limited.limits;
        Self {
            requests_per_minute,
            tokens_per_minute,
            concurrent_requests,
            daily_cap,
            daily_used: used.daily,
            weekly_cap,
            weekly_used: used.weekly,
            monthly_cap,
            monthly_used: used.monthly,
        }
    }
}

/// A key, a user or a model, and the limits on it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Limited {
    /// `key`, `user` (all keys together) or `model` (everybody's requests together).
    #[schema(value_type = String, example = "user")]
    of: Of,
    /// Which it is.
    id: Uuid,
    /// What people call it: a key's first characters, a user's name, a model's alias.
    name: String,
    /// Who pays; `null` for a model.
    user_id: Option<Uuid>,
    limits: Limits,
}

impl From<Standing> for Limited {
    fn from(standing: Standing) -> Self {
        let stored::Limited { of, id, ref name, .. } = standing.limited;
        let user_id = standing.user_id.map(UserId::as_uuid);
        Self { of, id, name: name.clone(), user_id, limits: standing.into() }
    }
}

/// What is to be different; what is left out stays as it is, and `null` takes a limit away.
#[expect(clippy::option_option, reason = "left out, without, and a value are three things")]
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitSettings {
    /// Requests a minute, at each gateway.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<i32>, minimum = 1, example = 60)]
    requests_per_minute: Option<Option<i32>>,
    /// Tokens of prompts and answers a minute, at each gateway.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<i64>, minimum = 1, example = 100_000)]
    tokens_per_minute: Option<Option<i64>>,
    /// Requests at once, at each gateway.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<i32>, minimum = 1, example = 5)]
    concurrent_requests: Option<Option<i32>>,
    /// Credits a day (UTC). A model has no caps.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>, example = "10", pattern = r"^[0-9]{1,15}(\.[0-9]{1,12})?$")]
    daily_cap: Option<Option<Credits>>,
    /// Credits a week (Monday to Sunday, UTC).
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>, example = "50", pattern = r"^[0-9]{1,15}(\.[0-9]{1,12})?$")]
    weekly_cap: Option<Option<Credits>>,
    /// Credits a month (UTC).
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>, example = "100", pattern = r"^[0-9]{1,15}(\.[0-9]{1,12})?$")]
    monthly_cap: Option<Option<Credits>>,
}

/// Tells `null` from what was left out.
#[expect(clippy::option_option, reason = "left out, without, and a value are three things")]
fn said<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl From<LimitSettings> for LimitChange {
    fn from(settings: LimitSettings) -> Self {
        Self {
            requests_per_minute: settings.requests_per_minute,
            tokens_per_minute: settings.tokens_per_minute,
            concurrent_requests: settings.concurrent_requests,
            daily_cap: settings.daily_cap,
            weekly_cap: settings.weekly_cap,
            monthly_cap: settings.monthly_cap,
        }
    }
}

/// Whose limits.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LimitsQuery {
    /// Of this user and of its keys.
    user_id: Option<Uuid>,
    /// Of `key`, `user` or `model` alone.
    #[param(value_type = Option<String>)]
    of: Option<Of>,
    /// Of this key, user or model alone.
    id: Option<Uuid>,
    /// Rows of a page, 50 when nothing is said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Everything that has limits, with how much of its caps is used: keys, then users, then models. Whoever sees its own rows alone sees its own
/// limits and those of its keys.
#[utoipa::path(get, path = "/admin/api/v1/limits", tag = "limits", params(LimitsQuery),
    responses((status = 200, description = "A page of limits", body = Listing<Limited>)))]
pub(crate) async fn list(
    State(admin): State<Admin>,
    caller: Caller,
    Query(query): Query<LimitsQuery>,
) -> Result<Json<Listing<Limited>>, Problem> {
    let user = query.user_id.map(UserId::from_uuid);
    if let Some(user) = user {
        users::visible(&admin, &caller, user).await?;
    }
    let filter =
        StandingFilter { user: user.or(caller.scope()), of: query.of, only: query.id.map(|id| vec![id]) };
    let limit = page::limit(query.limit)?;
    let list = List::new(&admin, "limits", caller.scope(), &filter);
    let after: Option<Place> = list.place(query.cursor.as_deref())?;
    let now = admin.clock().now();
    let read = async |tx| limits::page(&tx, &filter, now, after, limit).await;
    let page = admin.store().tx_repeatable_read("admin_list_limits", read).await?;
    Ok(Json(list.answer(page, Standing::place, Limited::from)?))
}

/// Changes the limits on all keys of a user together. In force at every gateway within a second, for the next request.
#[utoipa::path(patch, path = "/admin/api/v1/users/{user_id}/limits", tag = "limits",
    params(("user_id" = Uuid, Path)), request_body = LimitSettings,
    responses((status = 200, description = "The limits as they are now", body = Limits)))]
pub(crate) async fn set_of_user(
    State(admin): State<Admin>,
    caller: Caller,
    Path(id): Path<UserId>,
    Body(settings): Body<LimitSettings>,
) -> Result<Json<Limits>, Problem> {
    set(&admin, &caller, Of::User, id.as_uuid(), settings.into()).await
}

/// Changes the limits on one key. In force at every gateway within a second, for the next request.
#[utoipa::path(patch, path = "/admin/api/v1/api-keys/{key_id}/limits", tag = "limits",
    params(("key_id" = Uuid, Path)), request_body = LimitSettings,
    responses((status = 200, description = "The limits as they are now", body = Limits)))]
pub(crate) async fn set_of_key(
    State(admin): State<Admin>,
    caller: Caller,
    Path(id): Path<ApiKeyId>,
    Body(settings): Body<LimitSettings>,
) -> Result<Json<Limits>, Problem> {
    set(&admin, &caller, Of::Key, id.as_uuid(), settings.into()).await
}

/// Changes the limits on everybody's requests for a model together. It has no caps: a model spends nothing.
#[utoipa::path(patch, path = "/admin/api/v1/models/{model_id}/limits", tag = "limits",
    params(("model_id" = Uuid, Path)), request_body = LimitSettings,
    responses((status = 200, description = "The limits as they are now", body = Limits)))]
pub(crate) async fn set_of_model(
    State(admin): State<Admin>,
    caller: Caller,
    Path(id): Path<ModelId>,
    Body(settings): Body<LimitSettings>,
) -> Result<Json<Limits>, Problem> {
    set(&admin, &caller, Of::Model, id.as_uuid(), settings.into()).await
}

async fn set(
    admin: &Admin,
    caller: &Caller,
    of: Of,
    id: Uuid,
    change: LimitChange,
) -> Result<Json<Limits>, Problem> {
    if change == LimitChange::default() {
        return Err(Problem::new(Kind::Invalid, "nothing to change: the body names no limit"));
    }
    let (actor, now, name) = (caller.actor(), admin.clock().now(), id.to_string());
    let set = async |tx: Tx| {
        let limited = stored::change(&tx, of, &name, &change, &actor).await?;
        let none = Standing { limited, user_id: None, used: limits::Used::default() };
        Ok(limits::find(&tx, id, now).await?.unwrap_or(none))
    };
    Ok(Json(admin.store().tx("admin_set_limits", set).await?.into()))
}
