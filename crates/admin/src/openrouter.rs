//! What OpenRouter's clients ask: the balance of the key's user, what the key has used, and what one request cost.
//!
//! Amounts are JSON numbers there, written exactly.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tollgate_domain::Credits;
use tollgate_domain::Outcome;
use tollgate_store::management::bound_report;
use tollgate_store::management::keys;
use tollgate_store::management::spending::{self, KeySpending};
use tollgate_store::usage_records::UsageRow;
use utoipa::{IntoParams, ToSchema};

use crate::app::Admin;
use crate::caller::Caller;
use crate::extract::Query;
use crate::problem::{Kind, Problem};
use crate::receipts;

/// Everything is in `data` there.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Data<T> {
    data: T,
}

/// An amount as a JSON number with all its digits.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct ExactNumber(Box<RawValue>);

impl ExactNumber {
    /// In credits.
    pub(crate) fn of(credits: Credits) -> Result<Self, Problem> {
        RawValue::from_string(credits.to_string()).map(Self).map_err(|error| {
            tracing::error!(%error, "an amount is no number");
            Problem::new(Kind::Internal, "the server's log says more")
        })
    }
}

/// What a user was given in all, and what of it is gone.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CreditTotals {
    /// Everything that was given, less everything that was taken by hand.
    #[schema(value_type = f64)]
    total_credits: ExactNumber,
    /// Everything that requests cost.
    #[schema(value_type = f64)]
    total_usage: ExactNumber,
}

/// The credits of the key's user.
#[utoipa::path(get, path = "/api/v1/credits", tag = "OpenRouter",
    responses((status = 200, description = "Given and used", body = Data<CreditTotals>)))]
pub(crate) async fn credits(
    State(admin): State<Admin>,
    caller: Caller,
) -> Result<Json<Data<CreditTotals>>, Problem> {
    let read = async |tx| {
        bound_report(&tx).await?;
        spending::of_user(&tx, caller.user_id).await
    };
    let totals = admin.store().tx_repeatable_read("admin_credits", read);
    let totals = admin.reports().run(caller.user_id, totals).await?;
    Ok(Json(Data {
        data: CreditTotals {
            total_credits: ExactNumber::of(totals.given)?,
            total_usage: ExactNumber::of(totals.used)?,
        },
    }))
}

/// The key that asks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyInfo {
    /// Its name, or the first characters of its secret.
    label: String,
    /// What it cost since it was made.
    #[schema(value_type = f64)]
    usage: ExactNumber,
    /// Of it, today (UTC).
    #[schema(value_type = f64)]
    usage_daily: ExactNumber,
    /// Of it, since Monday.
    #[schema(value_type = f64)]
    usage_weekly: ExactNumber,
    /// Of it, this month.
    #[schema(value_type = f64)]
    usage_monthly: ExactNumber,
    /// Always `null`: no key has a limit over all time. What it may spend in a day, a week or a month is in the management API.
    limit: Option<f64>,
    /// Always `null`, as `limit`.
    limit_remaining: Option<f64>,
    is_free_tier: bool,
    /// Whether it is a platform key.
    is_provisioning_key: bool,
}

/// What the key that asks is, and what it has used.
#[utoipa::path(get, path = "/api/v1/key", tag = "OpenRouter",
    responses((status = 200, description = "The key", body = Data<KeyInfo>)))]
pub(crate) async fn key(State(admin): State<Admin>, caller: Caller) -> Result<Json<Data<KeyInfo>>, Problem> {
    let now = admin.clock().now();
    let key_id = caller.key_id()?;
    let read = async |tx| {
        bound_report(&tx).await?;
        let key = keys::find(&tx, key_id, Some(caller.user_id)).await?;
        Ok((spending::of_key(&tx, key.no, now).await?, key))
    };
    let (spent, key) = admin.reports().run(caller.user_id, admin.store().tx("admin_key", read)).await?;
    let KeySpending { total, today, this_week, this_month } = spent;
    let label = if key.key.name.is_empty() { format!("{}…", key.key.prefix) } else { key.key.name };
    Ok(Json(Data {
        data: KeyInfo {
            label,
            usage: ExactNumber::of(total)?,
            usage_daily: ExactNumber::of(today)?,
            usage_weekly: ExactNumber::of(this_week)?,
            usage_monthly: ExactNumber::of(this_month)?,
            limit: None,
            limit_remaining: None,
            is_free_tier: false,
            is_provisioning_key: key.key.purpose == tollgate_domain::ApiKeyPurpose::Platform,
        },
    }))
}

/// Which request.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct GenerationQuery {
    /// The response's `x-request-id`.
    id: String,
}

/// One request.
#[expect(clippy::struct_field_names, reason = "the names that clients read")]
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Generation {
    id: String,
    created_at: Timestamp,
    model: Option<String>,
    provider_name: Option<String>,
    /// In credits.
    #[schema(value_type = f64)]
    total_cost: ExactNumber,
    /// The same.
    #[schema(value_type = f64)]
    usage: ExactNumber,
    /// The client's own description of itself.
    origin: String,
    is_byok: bool,
    streamed: bool,
    cancelled: bool,
    finish_reason: Option<String>,
    native_finish_reason: Option<String>,
    /// Until the first byte of content, in milliseconds.
    latency: Option<i32>,
    /// From the first byte of content to the last, in milliseconds.
    generation_time: Option<i32>,
    tokens_prompt: Option<i32>,
    tokens_completion: Option<i32>,
    native_tokens_prompt: Option<i32>,
    native_tokens_completion: Option<i32>,
    native_tokens_reasoning: i32,
    native_tokens_cached: i32,
}

/// What one request used and cost.
#[utoipa::path(get, path = "/api/v1/generation", tag = "OpenRouter", params(GenerationQuery),
    responses((status = 200, description = "The request", body = Data<Generation>)))]
pub(crate) async fn generation(
    State(admin): State<Admin>,
    caller: Caller,
    Query(GenerationQuery { id }): Query<GenerationQuery>,
) -> Result<Json<Data<Generation>>, Problem> {
    let stored = receipts::find(&admin, &caller, &id).await?;
    let UsageRow { requested_at, amount_pico, duration_ms, first_byte_ms, counts, .. } = stored.row;
    let cost = Credits::from_pico(amount_pico.into())
        .map_err(|error| Problem::new(Kind::Internal, error.to_string()))?;
    let is_cancelled = matches!(stored.dimensions.outcome(), Outcome::Cancelled | Outcome::Drained);
    let dimensions = stored.dimensions;
    Ok(Json(Data {
        data: Generation {
            id,
            created_at: requested_at.timestamp(),
            model: stored.model,
            provider_name: dimensions.provider_name,
            total_cost: ExactNumber::of(cost)?,
            usage: ExactNumber::of(cost)?,
            origin: dimensions.user_agent.unwrap_or_default(),
            is_byok: false,
            streamed: dimensions.response_type.ends_with("_stream"),
            cancelled: is_cancelled,
            finish_reason: dimensions.finish_reason.clone(),
            native_finish_reason: dimensions.finish_reason,
            latency: first_byte_ms,
            generation_time: first_byte_ms.map(|first| duration_ms.saturating_sub(first)),
            tokens_prompt: counts.prompt,
            tokens_completion: counts.completion,
            native_tokens_prompt: counts.prompt,
            native_tokens_completion: counts.completion,
            native_tokens_reasoning: counts.reasoning,
            native_tokens_cached: counts.cache_read,
        },
    }))
}
