//! Records that the books refused: shown with whose they are and what was measured, replayed once mended, or given up by name. What was
//! asked or answered is in no record.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tollgate_metering::quarantine::{self, Entry};
use tollgate_store::management::MAX_PAGE;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app::Admin;
use crate::caller::Caller;
use crate::extract::{Path, Query};
use crate::page::{self, Whole};
use crate::problem::Problem;

/// A record in quarantine.
#[expect(clippy::struct_field_names, reason = "the names that clients read")]
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Quarantined {
    id: Uuid,
    instance_id: Uuid,
    correlation_id: i64,
    /// The UTC day of its admission.
    day: String,
    /// What is known of the request; `null` where its record cannot be read.
    request: Option<RefusedRequest>,
    /// Why the books refused it.
    reason: String,
    sqlstate: Option<String>,
    quarantined_at: Timestamp,
    written_off_at: Option<Timestamp>,
    written_off_by: Option<String>,
}

/// What was measured of a request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RefusedRequest {
    at: Timestamp,
    user: Option<String>,
    key_prefix: Option<String>,
    key_id: Option<Uuid>,
    model: Option<String>,
    status_code: i32,
    prompt_tokens: Option<i64>,
    completion_tokens: Option<i64>,
    total_tokens: Option<i64>,
}

impl From<Entry> for Quarantined {
    fn from(entry: Entry) -> Self {
        Self {
            id: entry.id,
            instance_id: entry.instance_id.as_uuid(),
            correlation_id: entry.correlation_id.get(),
            day: entry.day,
            request: entry.request.map(|request| RefusedRequest {
                at: request.at,
                user: request.user,
                key_prefix: request.key_prefix,
                key_id: request.key_id.map(tollgate_domain::ApiKeyId::as_uuid),
                model: request.model,
                status_code: request.status_code,
                prompt_tokens: request.prompt_tokens,
                completion_tokens: request.completion_tokens,
                total_tokens: request.total_tokens,
            }),
            reason: entry.reason,
            sqlstate: entry.sqlstate,
            quarantined_at: entry.quarantined_at,
            written_off_at: entry.written_off_at,
            written_off_by: entry.written_off_by,
        }
    }
}

/// What a replay came to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReplayOutcome {
    id: Uuid,
    /// `entered`: it is in the books now. `already_entered`: the books had it.
    outcome: String,
}

/// Which records.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct QuarantineQuery {
    /// Those that were written off, too.
    #[serde(default)]
    with_written_off: bool,
    /// How many at most, 50 when nothing is said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// The newest records in quarantine.
#[utoipa::path(get, path = "/admin/api/v1/quarantine", tag = "quarantine", params(QuarantineQuery),
    responses((status = 200, description = "The newest first", body = Whole<Quarantined>)))]
pub(crate) async fn list(
    State(admin): State<Admin>,
    Query(query): Query<QuarantineQuery>,
) -> Result<Json<Whole<Quarantined>>, Problem> {
    let limit = page::limit(query.limit)?.min(MAX_PAGE);
    let entries = quarantine::list(admin.store(), query.with_written_off, limit.into()).await?;
    Ok(Json(Whole::of(entries)))
}

/// Enters a record into the books, as if it came now; it leaves quarantine in the same transaction. Refused again, it stays.
#[utoipa::path(post, path = "/admin/api/v1/quarantine/{record_id}/replay", tag = "quarantine",
    params(("record_id" = Uuid, Path)),
    responses((status = 200, description = "What came of it", body = ReplayOutcome)))]
pub(crate) async fn replay(
    State(admin): State<Admin>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<ReplayOutcome>, Problem> {
    let replayed = quarantine::replay(admin.store(), admin.record_keys(), id, &caller.actor()).await?;
    Ok(Json(ReplayOutcome { id, outcome: replayed.as_str().to_owned() }))
}

/// Gives a record up, in the caller's name. It stays to be seen, and is never entered.
#[utoipa::path(post, path = "/admin/api/v1/quarantine/{record_id}/write-off", tag = "quarantine",
    params(("record_id" = Uuid, Path)),
    responses((status = 200, description = "It is given up", body = WrittenOff)))]
pub(crate) async fn write_off(
    State(admin): State<Admin>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<WrittenOff>, Problem> {
    let written_off_by = caller.actor();
    quarantine::write_off(admin.store(), id, &written_off_by, &written_off_by).await?;
    Ok(Json(WrittenOff { id, written_off_by }))
}

/// A record that was given up.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WrittenOff {
    id: Uuid,
    written_off_by: String,
}
