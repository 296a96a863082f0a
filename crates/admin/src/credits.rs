//! Credits: giving, taking, setting right, and the ledger of it all.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tollgate_domain::{ApiKeyId, Credits, UserId};
use tollgate_store::Tx;
use tollgate_store::management::bound_report;
use tollgate_store::management::idempotency::{self as kept, Answer, Begun};
use tollgate_store::management::ledger::{self, After, LedgerFilter, RunningEntry};
use tollgate_store::movements::{self, MovementKind, NewMovement};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app::Admin;
use crate::caller::Caller;
use crate::extract::{Body, Path, Query};
use crate::idempotency::{self, Outcome};
use crate::page::{self, List, Listing};
use crate::problem::Problem;
use crate::users;

/// A change of a balance.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewEntry {
    /// `admin_grant`, `purchase`, `refund` and `adjustment` give; `admin_removal` and `expiry` take.
    #[schema(value_type = String, example = "admin_grant",
        pattern = "^(admin_grant|purchase|refund|adjustment|admin_removal|expiry)$")]
    r#type: MovementKind,
    /// More than zero, in credits: a decimal as text, with at most twelve places.
    #[schema(value_type = String, example = "10", pattern = r"^[0-9]{1,15}(\.[0-9]{1,12})?$")]
    amount: Credits,
    /// Why, for people. An adjustment needs one.
    #[serde(default)]
    #[schema(max_length = 2000)]
    reason: String,
    /// What caused it, such as an invoice: unique among all entries, and entered once whoever sends it. Made from the idempotency key where
    /// it is left out.
    #[schema(max_length = 200)]
    source_id: Option<String>,
}

/// An entry of a ledger.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Entry {
    id: String,
    created_at: Timestamp,
    /// `usage`, or the type of the change.
    r#type: String,
    /// What it did to the balance, in credits: below zero for usage and for what was taken.
    #[schema(value_type = String, example = "-0.0125")]
    amount: Credits,
    /// What was left after it, in credits.
    #[schema(value_type = String, example = "9.9875")]
    balance_after: Credits,
    /// What caused it.
    source_id: String,
    description: String,
    batch_id: Option<Uuid>,
    api_key_id: Option<Uuid>,
    model: Option<String>,
    /// Of the receipt; `null` for what is no usage, and for a line of many.
    request_id: Option<String>,
    /// What stands in this line beside its last entry; `null` for an entry by itself, and always where `in_lines` was not asked for.
    line: Option<BatchLine>,
}

/// Usage of a batch in one line: the charges of one batch, with one key, for one model; of requests by keys for batches that name no batch, those
/// of one hour of UTC. It stands at its last entry, whose `id`, `created_at` and `balance_after` it has; its `amount` is the sum.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchLine {
    /// Send it as `line`, with the same filters, for the entries one by one.
    id: String,
    /// How many.
    entries: i64,
    /// When the first of them was made.
    first_at: Timestamp,
}

impl From<RunningEntry> for Entry {
    fn from(running: RunningEntry) -> Self {
        let RunningEntry { entry, balance_after, request_id, line } = running;
        Self {
            id: entry.id,
            created_at: entry.created_at,
            r#type: entry.transaction_type,
            amount: entry.amount,
            balance_after,
            source_id: entry.source_id,
            description: entry.description,
            batch_id: entry.batch_id,
            api_key_id: entry.api_key_id.map(ApiKeyId::as_uuid),
            model: entry.model,
            request_id,
            line: line.map(|line| BatchLine { id: line.id, entries: line.entries, first_at: line.first_at }),
        }
    }
}

/// A change that was entered.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Entered {
    id: Uuid,
    user_id: Uuid,
    #[schema(value_type = String, example = "admin_grant")]
    r#type: MovementKind,
    /// In credits, more than zero.
    #[schema(value_type = String, example = "10")]
    amount: Credits,
    source_id: String,
    reason: String,
    created_at: Timestamp,
    /// What is left now, in credits.
    #[schema(value_type = String, example = "22.5")]
    balance: Credits,
}

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LedgerQuery {
    /// `usage`, or the type of a change.
    r#type: Option<String>,
    /// Made with this key.
    api_key_id: Option<Uuid>,
    /// For this model, by alias.
    model: Option<String>,
    /// Of this batch.
    batch_id: Option<Uuid>,
    /// Whose description or source id holds this, in whatever case.
    search: Option<String>,
    /// From this instant on.
    since: Option<Timestamp>,
    /// Until just before this instant.
    until: Option<Timestamp>,
    /// Draw the usage of each batch together in one line.
    #[serde(default)]
    in_lines: bool,
    /// Only what stands in this line, one by one: not together with `in_lines`.
    line: Option<String>,
    /// Rows of a page, 50 when nothing is said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Gives credits to a user or takes some. Counts once under its `Idempotency-Key`, and once under its source id.
#[utoipa::path(post, path = "/admin/api/v1/users/{user_id}/credits", tag = "credits",
    params(("user_id" = Uuid, Path),
           ("Idempotency-Key" = String, Header, description = "Of your choice; send the same when you try again")),
    request_body = NewEntry,
    responses(
        (status = 201, description = "It is entered", body = Entered),
        (status = 200, description = "This source id had been entered before; nothing changed", body = Entered)))]
pub(crate) async fn enter(
    State(admin): State<Admin>,
    caller: Caller,
    Path(user_id): Path<UserId>,
    headers: HeaderMap,
    Body(new): Body<NewEntry>,
) -> Result<Response, Problem> {
    let route = format!("credits {user_id}");
    let attempt = idempotency::attempt(&admin, &caller, &headers, &route, &new)?;
    let movement = NewMovement {
        user: user_id.to_string(),
        kind: new.r#type,
        amount: new.amount,
        source_id: new.source_id.unwrap_or_else(|| source_of(&admin, &attempt)),
        description: new.reason,
    };
    let actor = caller.actor();
    let enter = async |tx: Tx| {
        match kept::begin(&tx, &attempt).await? {
            Begun::Fresh => {}
            other => return Ok(Outcome::Not(other)),
        }
        let applied = movements::apply(&tx, &movement, &actor).await?;
        let status = if applied.already { StatusCode::OK } else { StatusCode::CREATED };
        let entered = Entered {
            id: applied.movement.id,
            user_id: applied.movement.user_id.as_uuid(),
            r#type: applied.movement.kind,
            amount: applied.movement.amount,
            source_id: applied.movement.source_id,
            reason: applied.movement.description,
            created_at: applied.movement.created_at,
            balance: applied.balance,
        };
        let answer = Answer { status: status.as_u16(), body: json!(entered) };
        kept::finish(&tx, &attempt, &answer).await?;
        Ok(Outcome::Done(answer))
    };
    admin.store().tx("admin_enter_credits", enter).await?.respond()
}

/// How much of an idempotency key a source id shows, for people who look for it.
const SHOWN_KEY_CHARS: usize = 60;

/// A source id for an entry that names none: the same one however late the same request comes again. What tells it from others is a
/// digest of the whole key and the whole request.
fn source_of(admin: &Admin, attempt: &kept::Attempt) -> String {
    let fingerprint = attempt.fingerprint.as_bytes();
    let whole = [b"source id\0".as_slice(), attempt.key.as_bytes(), b"\0", fingerprint.as_slice()].concat();
    let digest = Uuid::from_bytes(admin.idempotency().digest(&whole).as_bytes());
    let shown: String = attempt.key.chars().take(SHOWN_KEY_CHARS).collect();
    format!("api:{}:{shown}:{}", attempt.caller, digest.simple())
}

/// A user's ledger, newest first, each entry with the balance after it. It reads all of the user's entries: narrow it where there are
/// very many. All pages are of the moment of the first one: what is entered meanwhile is in the next list that begins.
#[utoipa::path(get, path = "/admin/api/v1/users/{user_id}/ledger", tag = "credits",
    params(("user_id" = Uuid, Path), LedgerQuery),
    responses((status = 200, description = "A page of entries", body = Listing<Entry>)))]
pub(crate) async fn ledger(
    State(admin): State<Admin>,
    caller: Caller,
    Path(user_id): Path<UserId>,
    Query(query): Query<LedgerQuery>,
) -> Result<Json<Listing<Entry>>, Problem> {
    let account = users::visible(&admin, &caller, user_id).await?;
    let limit = page::limit(query.limit)?;
    if query.in_lines && query.line.is_some() {
        return Err(Problem::bad_request(
            "`line` gives the entries of one line, and `in_lines` gives lines; send one of them",
        ));
    }
    let filter = LedgerFilter {
        transaction_type: query.r#type,
        api_key: query.api_key_id.map(ApiKeyId::from_uuid),
        model: query.model,
        batch: query.batch_id,
        search: query.search,
        since: query.since,
        until: query.until,
        line: query.line,
        in_lines: query.in_lines,
    };
    let name = format!("ledger of {}", account.user.id);
    let list = List::new(&admin, &name, caller.scope(), &filter);
    let after: Option<After> = list.place(query.cursor.as_deref())?;
    let read = async |tx| {
        bound_report(&tx).await?;
        ledger::page(&tx, user_id, &filter, after.as_ref(), limit).await
    };
    let page = admin.store().tx_repeatable_read("admin_ledger", read);
    let (page, moment) = admin.reports().run(caller.user_id, page).await?;
    let place = |row: &RunningEntry| After { behind: row.place(), moment: moment.clone() };
    Ok(Json(list.answer(page, place, Entry::from)?))
}
