//! `costs`: what was charged, by days.

use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Serialize;
use tollgate_domain::{ApiKeyId, UserId};
use tollgate_store::management::usage::{BucketRow, BucketWidth};
use utoipa::ToSchema;
use uuid::Uuid;

use super::query::{Asked, Takes};
use super::{BucketPage, page};
use crate::app::Admin;
use crate::caller::Caller;
use crate::openrouter::ExactNumber;
use crate::problem::Problem;

const COSTS: Takes = Takes {
    parameters: &[
        "start_time",
        "end_time",
        "bucket_width",
        "project_ids",
        "user_ids",
        "api_key_ids",
        "line_items",
        "group_by",
        "limit",
        "page",
    ],
    groups: &["project_id", "user_id", "line_item", "api_key_id", "api_source"],
    widths: &[("1d", BucketWidth::Day, 7, 180)],
    kind: None,
    with_amount: true,
};

/// What one group was charged in one bucket.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CostsResult {
    /// Always `organization.costs.result`.
    object: &'static str,
    amount: Amount,
    /// The model, where it is told apart.
    line_item: Option<String>,
    /// Always `null`: there are no projects.
    project_id: Option<String>,
    user_id: Option<Uuid>,
    api_key_id: Option<Uuid>,
    /// Always `null`: an amount is of tokens of several kinds.
    quantity: Option<f64>,
}

/// An amount as OpenAI writes it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Amount {
    /// With all its digits.
    #[schema(value_type = f64)]
    value: ExactNumber,
    /// Always `credits`.
    currency: &'static str,
}

/// What was charged, by days of UTC.
#[utoipa::path(get, path = "/v1/organization/costs", tag = "OpenAI",
    params(
        ("start_time" = i64, Query, description = "Unix seconds, inclusive; taken back to the beginning of its day"),
        ("end_time" = Option<i64>, Query, description = "Unix seconds, exclusive; now where it is left out"),
        ("bucket_width" = Option<String>, Query, description = "`1d`, as there"),
        ("user_ids" = Option<Vec<String>>, Query, description = "Of these users"),
        ("api_key_ids" = Option<Vec<String>>, Query, description = "With these keys"),
        ("line_items" = Option<Vec<String>>, Query, description = "For these models"),
        ("group_by" = Option<Vec<String>>, Query, description = "`project_id`, `user_id`, `line_item` (the model), `api_key_id`, `api_source`"),
        ("limit" = Option<u32>, Query, description = "Most buckets of a page, which ends sooner, after a whole bucket, where it would have more than 5,000 results; one bucket alone has at most 10,000"),
        ("page" = Option<String>, Query, description = "`next_page` of the page before")),
    responses((status = 200, description = "A page of buckets", body = BucketPage<CostsResult>)))]
pub(crate) async fn costs(
    State(admin): State<Admin>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<BucketPage<CostsResult>>, Problem> {
    let asked = Asked::parse(query.as_deref(), COSTS)?;
    let result = |row: BucketRow| {
        Ok(CostsResult {
            object: "organization.costs.result",
            amount: Amount { value: ExactNumber::of(row.amount.unwrap_or_default())?, currency: "credits" },
            line_item: row.model,
            project_id: None,
            user_id: row.user_id.map(UserId::as_uuid),
            quantity: None,
            api_key_id: row.api_key_id.map(ApiKeyId::as_uuid),
        })
    };
    Ok(Json(page(&admin, &caller, "costs", asked, result).await?))
}
