//! `usage/completions` and `usage/embeddings`.

use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Serialize;
use tollgate_domain::{ApiKeyId, UserId};
use tollgate_store::management::usage::{BucketRow, BucketWidth, UsageKind};
use utoipa::ToSchema;
use uuid::Uuid;

use super::query::{Asked, Takes};
use super::{BucketPage, page};
use crate::app::Admin;
use crate::caller::Caller;
use crate::problem::Problem;

pub(super) const WIDTHS: &[(&str, BucketWidth, u32, u32)] = &[
    ("1m", BucketWidth::Minute, 60, 1440),
    ("1h", BucketWidth::Hour, 24, 168),
    ("1d", BucketWidth::Day, 7, 31),
];
const COMPLETIONS: Takes = Takes {
    parameters: &[
        "start_time",
        "end_time",
        "bucket_width",
        "project_ids",
        "user_ids",
        "api_key_ids",
        "models",
        "batch",
        "group_by",
        "limit",
        "page",
    ],
    groups: &["project_id", "user_id", "api_key_id", "model", "batch", "service_tier", "api_source"],
    widths: WIDTHS,
    kind: Some(UsageKind::Completions),
    with_amount: false,
};
const EMBEDDINGS: Takes = Takes {
    parameters: &[
        "start_time",
        "end_time",
        "bucket_width",
        "project_ids",
        "user_ids",
        "api_key_ids",
        "models",
        "group_by",
        "limit",
        "page",
    ],
    groups: &["project_id", "user_id", "api_key_id", "model", "api_source"],
    widths: WIDTHS,
    kind: Some(UsageKind::Embeddings),
    with_amount: false,
};

/// Sums of one group in one bucket. What the sums are not told apart by is `null`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CompletionsResult {
    /// Always `organization.usage.completions.result`.
    object: &'static str,
    /// Every token in, those from a cache included.
    input_tokens: i64,
    /// Of these, read from a cache.
    input_cached_tokens: i64,
    /// Of these, written to a cache.
    input_cache_write_tokens: i64,
    /// Of these, the others.
    input_uncached_tokens: i64,
    /// Every token out.
    output_tokens: i64,
    /// Always `null`: no sums of it are kept.
    input_audio_tokens: Option<i64>,
    /// Always `null`: no sums of it are kept.
    output_audio_tokens: Option<i64>,
    num_model_requests: i64,
    /// Always `null`: there are no projects.
    project_id: Option<String>,
    user_id: Option<Uuid>,
    api_key_id: Option<Uuid>,
    model: Option<String>,
    /// Whether the key is for batches.
    batch: Option<bool>,
    /// Always `null`: there are no tiers.
    service_tier: Option<String>,
}

/// Sums of one group in one bucket. What the sums are not told apart by is `null`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EmbeddingsResult {
    /// Always `organization.usage.embeddings.result`.
    object: &'static str,
    input_tokens: i64,
    num_model_requests: i64,
    /// Always `null`: there are no projects.
    project_id: Option<String>,
    user_id: Option<Uuid>,
    api_key_id: Option<Uuid>,
    model: Option<String>,
}

/// Usage of every model that answers anything but embeddings.
#[utoipa::path(get, path = "/v1/organization/usage/completions", tag = "OpenAI",
    params(
        ("start_time" = i64, Query, description = "Unix seconds, inclusive; taken back to the beginning of its bucket"),
        ("end_time" = Option<i64>, Query, description = "Unix seconds, exclusive; now where it is left out"),
        ("bucket_width" = Option<String>, Query, description = "`1m`, `1h` or `1d` (the default)"),
        ("user_ids" = Option<Vec<String>>, Query, description = "Of these users"),
        ("api_key_ids" = Option<Vec<String>>, Query, description = "With these keys"),
        ("models" = Option<Vec<String>>, Query, description = "For these models"),
        ("batch" = Option<bool>, Query, description = "With keys for batches, or with others"),
        ("group_by" = Option<Vec<String>>, Query, description = "`project_id`, `user_id`, `api_key_id`, `model`, `batch`, `service_tier`, `api_source`"),
        ("limit" = Option<u32>, Query, description = "Most buckets of a page, which ends sooner, after a whole bucket, where it would have more than 5,000 results; one bucket alone has at most 10,000"),
        ("page" = Option<String>, Query, description = "`next_page` of the page before")),
    responses((status = 200, description = "A page of buckets", body = BucketPage<CompletionsResult>)))]
pub(crate) async fn completions(
    State(admin): State<Admin>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<BucketPage<CompletionsResult>>, Problem> {
    let asked = Asked::parse(query.as_deref(), COMPLETIONS)?;
    let result = |row: BucketRow| {
        Ok(CompletionsResult {
            object: "organization.usage.completions.result",
            input_tokens: row.prompt_tokens,
            input_cached_tokens: row.cache_read_tokens,
            input_cache_write_tokens: row.cache_write_tokens,
            // Stated parts may exceed their whole: what is left of it is then nothing.
            input_uncached_tokens: row
                .prompt_tokens
                .saturating_sub(row.cache_read_tokens)
                .saturating_sub(row.cache_write_tokens)
                .max(0),
            output_tokens: row.completion_tokens,
            input_audio_tokens: None,
            output_audio_tokens: None,
            num_model_requests: row.requests,
            project_id: None,
            user_id: row.user_id.map(UserId::as_uuid),
            api_key_id: row.api_key_id.map(ApiKeyId::as_uuid),
            model: row.model,
            batch: row.batch,
            service_tier: None,
        })
    };
    Ok(Json(page(&admin, &caller, "usage/completions", asked, result).await?))
}

/// Usage of every model that answers embeddings and nothing else.
#[utoipa::path(get, path = "/v1/organization/usage/embeddings", tag = "OpenAI",
    params(
        ("start_time" = i64, Query, description = "Unix seconds, inclusive; taken back to the beginning of its bucket"),
        ("end_time" = Option<i64>, Query, description = "Unix seconds, exclusive; now where it is left out"),
        ("bucket_width" = Option<String>, Query, description = "`1m`, `1h` or `1d` (the default)"),
        ("user_ids" = Option<Vec<String>>, Query, description = "Of these users"),
        ("api_key_ids" = Option<Vec<String>>, Query, description = "With these keys"),
        ("models" = Option<Vec<String>>, Query, description = "For these models"),
        ("group_by" = Option<Vec<String>>, Query, description = "`project_id`, `user_id`, `api_key_id`, `model`"),
        ("limit" = Option<u32>, Query, description = "Most buckets of a page, which ends sooner, after a whole bucket, where it would have more than 5,000 results; one bucket alone has at most 10,000"),
        ("page" = Option<String>, Query, description = "`next_page` of the page before")),
    responses((status = 200, description = "A page of buckets", body = BucketPage<EmbeddingsResult>)))]
pub(crate) async fn embeddings(
    State(admin): State<Admin>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<BucketPage<EmbeddingsResult>>, Problem> {
    let asked = Asked::parse(query.as_deref(), EMBEDDINGS)?;
    let result = |row: BucketRow| {
        Ok(EmbeddingsResult {
            object: "organization.usage.embeddings.result",
            input_tokens: row.prompt_tokens,
            num_model_requests: row.requests,
            project_id: None,
            user_id: row.user_id.map(UserId::as_uuid),
            api_key_id: row.api_key_id.map(ApiKeyId::as_uuid),
            model: row.model,
        })
    };
    Ok(Json(page(&admin, &caller, "usage/embeddings", asked, result).await?))
}
