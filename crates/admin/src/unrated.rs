//! What waits for a price, by what it waits for. It is rated when a tariff for its time arrives.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use tollgate_domain::{ModelId, UserId};
use tollgate_store::management::bound_report;
use tollgate_store::management::unrated::{self, Waiting};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::Admin;
use crate::caller::Caller;
use crate::problem::Problem;

/// Requests of one user for one model that wait for a price.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Unrated {
    user_id: Option<Uuid>,
    user_name: Option<String>,
    /// `null` where no model had the alias that was asked for.
    model_id: Option<Uuid>,
    /// The alias.
    model: Option<String>,
    /// The purpose of the key.
    purpose: Option<String>,
    completion_window: Option<String>,
    requests: i64,
    prompt_tokens: i64,
    completion_tokens: i64,
    oldest_at: Timestamp,
    newest_at: Timestamp,
}

impl From<Waiting> for Unrated {
    fn from(waiting: Waiting) -> Self {
        Self {
            user_id: waiting.user_id.map(UserId::as_uuid),
            user_name: waiting.user_name,
            model_id: waiting.model_id.map(ModelId::as_uuid),
            model: waiting.model,
            purpose: waiting.purpose,
            completion_window: waiting.completion_window,
            requests: waiting.requests,
            prompt_tokens: waiting.prompt_tokens,
            completion_tokens: waiting.completion_tokens,
            oldest_at: waiting.oldest_at,
            newest_at: waiting.newest_at,
        }
    }
}

/// What waits, by groups.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnratedGroups {
    /// The groups with the most requests, at most a thousand.
    data: Vec<Unrated>,
    /// There are more groups. They are seen once these have prices.
    has_more: bool,
}

/// What waits for a price, the most requests first.
#[utoipa::path(get, path = "/admin/api/v1/unrated", tag = "tariffs",
    responses((status = 200, description = "By user, model, purpose and window", body = UnratedGroups)))]
pub(crate) async fn list(State(admin): State<Admin>, caller: Caller) -> Result<Json<UnratedGroups>, Problem> {
    let read = async |tx| {
        bound_report(&tx).await?;
        unrated::waiting(&tx).await
    };
    let waiting = admin.reports().run(caller.user_id, admin.store().tx("admin_unrated", read)).await?;
    let data = waiting.rows.into_iter().map(Unrated::from).collect();
    Ok(Json(UnratedGroups { data, has_more: waiting.has_more }))
}
