//! A user's usage, summed by model, key or hour: from the hourly sums, never from a scan.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tollgate_domain::{Credits, UserId};
use tollgate_store::management::bound_report;
use tollgate_store::reports::{self, GroupBy, UsageQuery, UsageRow};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app::Admin;
use crate::caller::Caller;
use crate::extract::{Path, Query};
use crate::page::Whole;
use crate::problem::Problem;
use crate::users;

/// Sums over one group.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Usage {
    /// An alias, a key's prefix, or an hour. `null` for requests without one.
    group: Option<String>,
    /// The id of the model or key.
    id: Option<Uuid>,
    requests: i64,
    failed_requests: i64,
    unrated_requests: i64,
    prompt_tokens: i64,
    completion_tokens: i64,
    reasoning_tokens: i64,
    cache_read_tokens: i64,
    cache_write_tokens: i64,
    /// Charged, in credits.
    #[schema(value_type = String, example = "1.25")]
    amount: Credits,
}

impl From<UsageRow> for Usage {
    fn from(row: UsageRow) -> Self {
        Self {
            group: row.group,
            id: row.id,
            requests: row.requests,
            failed_requests: row.failed_requests,
            unrated_requests: row.unrated_requests,
            prompt_tokens: row.prompt_tokens,
            completion_tokens: row.completion_tokens,
            reasoning_tokens: row.reasoning_tokens,
            cache_read_tokens: row.cache_read_tokens,
            cache_write_tokens: row.cache_write_tokens,
            amount: row.amount,
        }
    }
}

/// What usage is summed by.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UsageGroup {
    #[default]
    Model,
    Key,
    Hour,
}

/// Which usage.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UserUsageQuery {
    /// From the hour of this instant on.
    since: Option<Timestamp>,
    /// Until just before the hour of this instant.
    until: Option<Timestamp>,
    /// `model` (the default), `key` or `hour`.
    #[serde(default)]
    #[param(inline)]
    group_by: UsageGroup,
}

/// A user's usage in whole hours: hours in order of time, other groups by amount, the largest first.
#[utoipa::path(get, path = "/admin/api/v1/users/{user_id}/usage", tag = "usage",
    params(("user_id" = Uuid, Path), UserUsageQuery),
    responses((status = 200, description = "The sums", body = Whole<Usage>)))]
pub(crate) async fn of_user(
    State(admin): State<Admin>,
    caller: Caller,
    Path(user_id): Path<UserId>,
    Query(query): Query<UserUsageQuery>,
) -> Result<Json<Whole<Usage>>, Problem> {
    let account = users::visible(&admin, &caller, user_id).await?;
    let query = UsageQuery {
        user: None,
        since: query.since,
        until: query.until,
        group_by: match query.group_by {
            UsageGroup::Model => GroupBy::Model,
            UsageGroup::Key => GroupBy::Key,
            UsageGroup::Hour => GroupBy::Hour,
        },
    };
    let read = async |tx| {
        bound_report(&tx).await?;
        reports::usage_of(&tx, account.user.no, &query).await
    };
    let usage = admin.reports().run(caller.user_id, admin.store().tx("admin_user_usage", read)).await?;
    Ok(Json(Whole::of(usage)))
}
