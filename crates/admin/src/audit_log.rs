//! Who changed what, newest first, and where the chain of all entries ends.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tollgate_store::audit_log;
use tollgate_store::management::changes::{self, Change, ChangeFilter};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app::Admin;
use crate::caller::Caller;
use crate::extract::Query;
use crate::page::{self, List, Listing};
use crate::problem::Problem;

/// One change of configuration, or of money by hand.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditEntry {
    id: Uuid,
    at: Timestamp,
    /// `key:` and the id of the key that was used, or `cli`.
    actor: String,
    /// What was done, such as `key.revoke`.
    action: String,
    /// To what: a name or an id.
    subject: String,
    /// How it was; never a secret.
    before: Option<Value>,
    /// How it is now; never a secret.
    after: Option<Value>,
    /// Its number in the chain of all entries; `null` of one that was taken out of it, which `tollgate audit` reports.
    no: Option<i64>,
    /// SHA-256 of the digest before it and of what it says.
    digest: Option<String>,
}

/// Where the audit log ends.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditLogHead {
    /// The number of the last entry, 0 of a log without any.
    no: i64,
    /// Its digest.
    digest: String,
    /// Both, as `tollgate audit --noted-head` takes them. Noted where nobody who runs the database can change it, it shows later that what
    /// was the log now is still its beginning.
    head: String,
}

impl From<Change> for AuditEntry {
    fn from(Change { id, entry, no, digest }: Change) -> Self {
        Self {
            id,
            at: entry.at,
            actor: entry.actor,
            action: entry.action,
            subject: entry.subject,
            before: entry.before,
            after: entry.after,
            no,
            digest: digest.map(|digest| digest.to_string()),
        }
    }
}

/// Which changes.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// By this actor.
    actor: Option<String>,
    /// This action; one that ends with a dot, such as `key.`, is all that begin so.
    action: Option<String>,
    /// To this subject.
    subject: Option<String>,
    /// Rows of a page, 50 when nothing is said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Changes, newest first.
#[utoipa::path(get, path = "/admin/api/v1/audit-log", tag = "audit log", params(AuditQuery),
    responses((status = 200, description = "A page of changes", body = Listing<AuditEntry>)))]
pub(crate) async fn list(
    State(admin): State<Admin>,
    caller: Caller,
    Query(query): Query<AuditQuery>,
) -> Result<Json<Listing<AuditEntry>>, Problem> {
    let AuditQuery { actor, action, subject, limit, cursor } = query;
    let filter = ChangeFilter { actor, action, subject };
    let limit = page::limit(limit)?;
    let list = List::new(&admin, "audit-log", caller.scope(), &filter);
    let after: Option<(Timestamp, Uuid)> = list.place(cursor.as_deref())?;
    let read = async |tx| changes::page(&tx, &filter, after, limit).await;
    let page = admin.store().tx("admin_audit_log", read).await?;
    Ok(Json(list.answer(page, |change| (change.entry.at, change.id), AuditEntry::from)?))
}

/// The last entry's number and digest, to be noted elsewhere.
#[utoipa::path(get, path = "/admin/api/v1/audit-log/head", tag = "audit log",
    responses((status = 200, description = "Where the log ends", body = AuditLogHead)))]
pub(crate) async fn head(State(admin): State<Admin>) -> Result<Json<AuditLogHead>, Problem> {
    let head = admin.store().tx("admin_audit_log_head", async |tx| audit_log::head(&tx).await).await?;
    Ok(Json(AuditLogHead { no: head.no, digest: head.digest.to_string(), head: head.to_string() }))
}
