//! The other `usage/…` endpoints of OpenAI's: of kinds that Tollgate does not tell apart.
//!
//! A client that asks for all kinds and adds them up gets each request once: what is passed through for images or audio counts as a completion, and here
//! every bucket is empty. Empty is not zero: a bucket without results says that nothing is known of its kind.

use axum::Json;
use axum::extract::{RawQuery, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::query::{Asked, Takes};
use super::usage::WIDTHS;
use super::{BucketPage, Stretch, fill};
use crate::app::Admin;
use crate::caller::Caller;
use crate::extract::Path;
use crate::problem::Problem;

/// What any of these endpoints takes at OpenAI's.
const TAKES: Takes = Takes {
    parameters: &[
        "start_time",
        "end_time",
        "bucket_width",
        "project_ids",
        "user_ids",
        "api_key_ids",
        "models",
        "sizes",
        "sources",
        "vector_store_ids",
        "context_levels",
        "group_by",
        "limit",
        "page",
    ],
    groups: &[
        "project_id",
        "user_id",
        "api_key_id",
        "model",
        "size",
        "source",
        "vector_store_id",
        "context_level",
        "api_source",
    ],
    widths: WIDTHS,
    kind: None,
    with_amount: false,
};

/// A kind of usage that is not told apart here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OtherKind {
    AudioSpeeches,
    AudioTranscriptions,
    CodeInterpreterSessions,
    FileSearchCalls,
    Images,
    Moderations,
    VectorStores,
    WebSearchCalls,
}

/// There are none.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NoResult {}

/// Usage of kinds that Tollgate does not tell apart: the buckets of the time, all empty. What is passed through for them counts as `usage/completions`.
#[utoipa::path(get, path = "/v1/organization/usage/{kind}", tag = "OpenAI",
    params(
        ("kind" = inline(OtherKind), Path),
        ("start_time" = i64, Query, description = "Unix seconds, inclusive; taken back to the beginning of its bucket"),
        ("end_time" = Option<i64>, Query, description = "Unix seconds, exclusive; now where it is left out"),
        ("bucket_width" = Option<String>, Query, description = "`1m`, `1h` or `1d` (the default)"),
        ("user_ids" = Option<Vec<String>>, Query, description = "Of these users"),
        ("api_key_ids" = Option<Vec<String>>, Query, description = "With these keys"),
        ("models" = Option<Vec<String>>, Query, description = "For these models"),
        ("group_by" = Option<Vec<String>>, Query, description = "What OpenAI takes for the kind"),
        ("limit" = Option<u32>, Query, description = "Buckets of a page"),
        ("page" = Option<String>, Query, description = "`next_page` of the page before")),
    responses((status = 200, description = "A page of empty buckets", body = BucketPage<NoResult>)))]
pub(crate) async fn others(
    State(admin): State<Admin>,
    caller: Caller,
    Path(kind): Path<OtherKind>,
    RawQuery(query): RawQuery,
) -> Result<Json<BucketPage<NoResult>>, Problem> {
    let asked = Asked::parse(query.as_deref(), TAKES)?;
    let stretch = Stretch::of(&admin, &caller, &format!("usage/{kind:?}"), &asked)?;
    let data = fill(asked.width, stretch.from, stretch.until, Vec::new(), |_| Ok(NoResult {}))?;
    Ok(Json(stretch.page(stretch.until, data)?))
}
