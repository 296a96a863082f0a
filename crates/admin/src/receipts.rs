//! The receipt of one request, by the id that its response carried in `x-request-id`: what was used, at which tariff,
//! the arithmetic, and what was left.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use tollgate_domain::{
    ChargeLine, CorrelationId, Credits, InstanceId, MoneyError, PricePerToken, RatingFacts, Tariff,
    UsageState,
};
use tollgate_store::StoreError;
use tollgate_store::management::bound;
use tollgate_store::management::receipts::{self as stored, Passage, Receipt as Stored};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::Admin;
use crate::caller::Caller;
use crate::extract::Path;
use crate::problem::{Kind, Problem, QUERY_CANCELED};
use crate::tariffs::Prices;

/// Length of a UUID's text.
const UUID_CHARS: usize = 36;

/// What one request used and cost.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Receipt {
    /// As in the response's `x-request-id`.
    request_id: String,
    requested_at: Timestamp,
    /// `charged`, `free`, `unrated` (no price yet) or `voided` (admitted, never answered).
    #[schema(example = "charged")]
    state: String,
    user_id: Option<Uuid>,
    api_key_id: Option<Uuid>,
    model: Option<String>,
    response_model: Option<String>,
    status_code: i16,
    /// As stated by the provider, or counted where `usage_source` is `estimated`. `null` is unknown.
    tokens: Tokens,
    /// `provider`, `estimated` or `none`.
    usage_source: String,
    /// Stated parts exceeded their whole and were clamped for pricing.
    is_clamped: bool,
    tariff: Option<ReceiptTariff>,
    /// The charge, line by line; empty where nothing was charged.
    lines: Vec<Line>,
    /// The sum of the lines, in credits.
    #[schema(value_type = String, example = "0.0225")]
    total: Credits,
    /// What was left before it, in credits; `null` as `balance_after`.
    #[schema(value_type = Option<String>, example = "10")]
    balance_before: Option<Credits>,
    /// What was left after it, in credits, as its user's ledger shows it: the sum of all entries up to this one, by the time of the request and
    /// then by id. What is entered later for an earlier time moves it. `null` where nothing was charged, or where it could not be reckoned in a
    /// few seconds.
    #[schema(value_type = Option<String>, example = "9.9775")]
    balance_after: Option<Credits>,
    batch_id: Option<Uuid>,
    custom_id: Option<String>,
}

/// Tokens as stated: `prompt` includes its cached, audio and image parts, `completion` its reasoning and audio.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Tokens {
    prompt: Option<i32>,
    completion: Option<i32>,
    total: Option<i32>,
    reasoning: i32,
    cache_read: i32,
    cache_write_5m: i32,
    cache_write_1h: i32,
    audio_input: i32,
    audio_output: i32,
    image_input: i32,
}

/// The version of the prices that was in force at the request's own time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReceiptTariff {
    id: Uuid,
    valid_from: Timestamp,
    prices: Prices,
}

/// `quantity` × `price` = `amount`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Line {
    /// A kind of token; no token is in two. `request`: the request itself.
    #[schema(example = "uncached_input")]
    kind: String,
    quantity: i32,
    /// In credits, for each.
    #[schema(value_type = String, example = "0.000015")]
    price: PricePerToken,
    /// In credits.
    #[schema(value_type = String, example = "0.015")]
    amount: Credits,
}

impl TryFrom<ChargeLine> for Line {
    type Error = MoneyError;

    fn try_from(line: ChargeLine) -> Result<Self, MoneyError> {
        let amount = line.amount()?;
        Ok(Self { kind: line.kind.to_owned(), quantity: line.quantity.get(), price: line.price, amount })
    }
}

/// The receipt of a request. It is there as soon as the request is in the books: milliseconds after its end.
#[utoipa::path(get, path = "/admin/api/v1/receipts/{request_id}", tag = "usage",
    params(("request_id" = String, Path, description = "The response's `x-request-id`")),
    responses((status = 200, description = "The receipt", body = Receipt)))]
pub(crate) async fn get(
    State(admin): State<Admin>,
    caller: Caller,
    Path(request_id): Path<String>,
) -> Result<Json<Receipt>, Problem> {
    let stored = find(&admin, &caller, &request_id).await?;
    let passage = passage(&admin, &caller, &stored).await?;
    Ok(Json(receipt(request_id, stored, passage)?))
}

/// What was left before and after, unless that takes too long: a receipt is good without it.
async fn passage(admin: &Admin, caller: &Caller, stored: &Stored) -> Result<Option<Passage>, Problem> {
    if stored.row.state != UsageState::Charged {
        return Ok(None);
    }
    let read = async |tx| {
        bound(&tx, stored::BALANCE_TIMEOUT).await?;
        stored::passage(&tx, stored.row.key).await
    };
    let read = admin.store().tx_repeatable_read("admin_receipt_balance", read);
    match admin.reports().run(caller.user_id, async { Ok(read.await) }).await {
        Ok(Err(error)) if error.sqlstate() == Some(QUERY_CANCELED) => Ok(None),
        Ok(read) => Ok(read?),
        Err(problem) if problem.kind() == Kind::TooManyReports => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// The request with this id, if the caller may see it.
pub(crate) async fn find(admin: &Admin, caller: &Caller, request_id: &str) -> Result<Stored, Problem> {
    let Some((instance, correlation)) = parse(request_id) else { return Err(Problem::no_such("request")) };
    let find = async |tx| stored::find(&tx, instance, correlation, caller.scope()).await;
    admin.store().tx_repeatable_read("admin_receipt", find).await.map_err(|error| match error {
        StoreError::NotFound(_) => Problem::no_such("request"),
        other => other.into(),
    })
}

/// `{instance_id}-{correlation_id}`
fn parse(request_id: &str) -> Option<(InstanceId, CorrelationId)> {
    let (instance, rest) = request_id.split_at_checked(UUID_CHARS)?;
    let correlation: i64 = rest.strip_prefix('-')?.parse().ok()?;
    Some((instance.parse().ok()?, CorrelationId::new(correlation)))
}

fn receipt(request_id: String, stored: Stored, passage: Option<Passage>) -> Result<Receipt, Problem> {
    let lines = lines(&stored)?;
    let Stored { row, dimensions, user_id, api_key_id, model, tariff, batch_id, custom_id, .. } = stored;
    let wrong = |error: MoneyError| internal(&error);
    let total = Credits::from_pico(row.amount_pico.into()).map_err(wrong)?;
    let counts = row.counts;
    Ok(Receipt {
        request_id,
        requested_at: row.requested_at.timestamp(),
        state: row.state.as_str().to_owned(),
        user_id: user_id.map(tollgate_domain::UserId::as_uuid),
        api_key_id: api_key_id.map(tollgate_domain::ApiKeyId::as_uuid),
        model,
        response_model: dimensions.response_model,
        status_code: row.status_code,
        tokens: Tokens {
            prompt: counts.prompt,
            completion: counts.completion,
            total: counts.total,
            reasoning: counts.reasoning,
            cache_read: counts.cache_read,
            cache_write_5m: counts.cache_write_5m,
            cache_write_1h: counts.cache_write_1h,
            audio_input: counts.audio_input,
            audio_output: counts.audio_output,
            image_input: counts.image_input,
        },
        usage_source: row.usage_source.as_str().to_owned(),
        is_clamped: row.flags & tollgate_store::usage_records::FLAG_CLAMPED != 0,
        tariff: tariff.map(|tariff| ReceiptTariff {
            id: tariff.id.as_uuid(),
            valid_from: tariff.valid_from,
            prices: tariff.prices.into(),
        }),
        lines,
        total,
        balance_before: passage.map(|passage| passage.before),
        balance_after: passage.map(|passage| passage.after),
        batch_id,
        custom_id,
    })
}

/// The arithmetic of the charge, done again. A sum other than what was charged is never shown.
fn lines(stored: &Stored) -> Result<Vec<Line>, Problem> {
    let (UsageState::Charged, Some(tariff)) = (stored.row.state, &stored.tariff) else {
        return Ok(Vec::new());
    };
    let facts = RatingFacts {
        user: stored.user_id,
        status_code: stored.row.status_code.into(),
        outcome: stored.dimensions.outcome(),
        usage: stored.row.counts.to_stated(),
        usage_source: stored.row.usage_source,
    };
    let tariff = Tariff {
        id: tariff.id,
        model: stored.model_id.unwrap_or_else(|| tollgate_domain::ModelId::from_uuid(Uuid::nil())),
        purpose: stored.dimensions.purpose().unwrap_or_default(),
        completion_window: None,
        prices: tariff.prices,
        valid_from: tariff.valid_from,
        valid_until: None,
    };
    let lines = facts.lines(&tariff).map_err(|error| internal(&error))?;
    let lines: Vec<Line> =
        lines.into_iter().map(Line::try_from).collect::<Result<_, _>>().map_err(|error| internal(&error))?;
    let sum: i128 = lines.iter().map(|line| line.amount.pico()).sum();
    if sum != i128::from(stored.row.amount_pico) {
        tracing::error!(
            correlation_id = %stored.row.key.correlation_id,
            "a request was charged what its tariff does not make of it; see `tollgate audit`"
        );
        return Err(Problem::new(
            Kind::Internal,
            "the receipt does not add up; the operator's log says more",
        ));
    }
    Ok(lines)
}

fn internal(error: &dyn std::error::Error) -> Problem {
    tracing::error!(%error, "a receipt could not be reckoned");
    Problem::new(Kind::Internal, "the server's log says more")
}
