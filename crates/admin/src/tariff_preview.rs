//! What a wanted list of prices would have cost in the past, beside what was charged.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tollgate_domain::{
    ApiKeyPurpose, CostBounds, Credits, ModelId, PriceList, Tariff, TariffId, cost_bounds, find_best_tariff,
};
use tollgate_store::StoreError;
use tollgate_store::management::bound_report;
use tollgate_store::management::priced_usage::{self, PricedUsage};
use tollgate_store::management::usage::{BucketWidth, later, start_of_bucket};
use tollgate_store::tariffs::WantedTariff;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::Admin;
use crate::caller::Caller;
use crate::extract::{Body, Path};
use crate::problem::{Kind, Problem};
use crate::tariffs::NewTariff;

/// How far back is looked where nothing is said.
const USUAL_DAYS: i64 = 30;
/// Longest stretch: a year, and the day that some have more.
const MOST_DAYS: i64 = 366;

/// A list of prices, and the time that it is to be held against.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedPreview {
    /// The whole list, as it would be set. Of each purpose and window the price counts that is in force last, as if it had been in force all the
    /// time.
    #[schema(max_items = 1000)]
    tariffs: Vec<NewTariff>,
    /// From the hour of this instant on; 30 days before `until` where it is left out.
    since: Option<Timestamp>,
    /// Until the end of the hour of this instant; the present hour where it is left out.
    until: Option<Timestamp>,
}

/// What a list of prices would have cost. Nothing is changed by it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TariffPreview {
    /// The beginning of the first hour.
    since: Timestamp,
    /// The end of the last hour.
    until: Timestamp,
    /// Whether `least` and `most` are one. Otherwise the hourly sums, which this is reckoned from, do not tell apart what has different prices:
    /// audio and images within the input, audio within the output, the two lifetimes of a cache, completion windows, or whether requests that were
    /// broken off pay the price of a request. A request whose provider stated more of a part than of its whole is reckoned as stated.
    is_exact: bool,
    /// What was charged, in credits.
    #[schema(value_type = String, example = "12.5")]
    charged: Credits,
    /// What it would have been at least, in credits.
    #[schema(value_type = String, example = "10")]
    least: Credits,
    /// What it would have been at most, in credits.
    #[schema(value_type = String, example = "10")]
    most: Credits,
    /// Requests that somebody pays for, with those that failed or cost nothing.
    requests: i64,
    /// Of these, the ones that wait for a price now. What they would have cost is in `least` and `most`, and nothing of them in `charged`.
    unrated_requests: i64,
    /// Of all, the ones by keys of a purpose that the list may have no price for: they would wait for one.
    requests_maybe_without_price: i64,
    /// The same by the purpose of keys.
    by_purpose: Vec<PurposePreview>,
}

/// What a list of prices would have cost for keys of one purpose.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PurposePreview {
    #[schema(value_type = String, example = "realtime")]
    purpose: ApiKeyPurpose,
    /// Requests that somebody pays for.
    requests: i64,
    /// What was charged, in credits.
    #[schema(value_type = String, example = "12.5")]
    charged: Credits,
    /// What it would have been at least, in credits.
    #[schema(value_type = String, example = "10")]
    least: Credits,
    /// What it would have been at most, in credits.
    #[schema(value_type = String, example = "10")]
    most: Credits,
}

/// What a wanted list of prices of a model would have cost, beside what was charged: from the hourly sums, by keys' purposes.
#[utoipa::path(post, path = "/admin/api/v1/models/{model_id}/tariffs/preview", tag = "tariffs",
    params(("model_id" = Uuid, Path)), request_body = WantedPreview,
    responses((status = 200, description = "What it would have cost; nothing is changed", body = TariffPreview)))]
pub(crate) async fn create(
    State(admin): State<Admin>,
    caller: Caller,
    Path(id): Path<ModelId>,
    Body(wanted): Body<WantedPreview>,
) -> Result<Json<TariffPreview>, Problem> {
    let now = admin.clock().now();
    let (since, until) = stretch(wanted.since, wanted.until, now)?;
    let tariffs = in_force_last(wanted.tariffs.into_iter().map(WantedTariff::from), id, now)?;
    let read = async |tx| {
        bound_report(&tx).await?;
        priced_usage::by_purpose(&tx, id, since, until).await
    };
    let read = admin.store().tx_repeatable_read("admin_preview_tariffs", read);
    let used = admin.reports().run(caller.user_id, read).await?;
    Ok(Json(preview(&used, &tariffs, since, until).map_err(StoreError::from)?))
}

/// Whole hours.
fn stretch(
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    now: Timestamp,
) -> Result<(Timestamp, Timestamp), Problem> {
    let hour = BucketWidth::Hour;
    let until = later(hour, start_of_bucket(hour, until.unwrap_or(now)), 1);
    let days = |days: i64| SignedDuration::from_hours(days.saturating_mul(24));
    let usual = || until.checked_sub(days(USUAL_DAYS)).unwrap_or(Timestamp::MIN);
    let since = start_of_bucket(hour, since.unwrap_or_else(usual));
    let length = until.duration_since(since);
    if length <= SignedDuration::ZERO || length > days(MOST_DAYS) {
        return Err(Problem::new(
            Kind::Invalid,
            format!("`until` must lie behind `since`, by {MOST_DAYS} days at most"),
        ));
    }
    Ok((since, until))
}

/// Of each purpose and window the price that opens last, as if it had always been in force.
fn in_force_last(
    wanted: impl Iterator<Item = WantedTariff>,
    model: ModelId,
    now: Timestamp,
) -> Result<Vec<Tariff>, Problem> {
    let mut last: BTreeMap<(&'static str, Option<String>), (Timestamp, Tariff)> = BTreeMap::new();
    for tariff in wanted {
        let opens = tariff.valid_from.unwrap_or(now);
        let key = (tariff.purpose.as_str(), tariff.completion_window.clone());
        match last.get(&key) {
            Some((before, _)) if *before == opens => {
                return Err(Problem::new(
                    Kind::Invalid,
                    format!("two prices for purpose {} open at the same time; keep one of them", key.0),
                ));
            }
            Some((before, _)) if *before > opens => continue,
            _ => {}
        }
        let tariff = Tariff {
            id: TariffId::from_uuid(Uuid::nil()),
            model,
            purpose: tariff.purpose,
            completion_window: tariff.completion_window,
            prices: tariff.prices,
            valid_from: Timestamp::MIN,
            valid_until: None,
        };
        last.insert(key, (opens, tariff));
    }
    Ok(last.into_values().map(|(_, tariff)| tariff).collect())
}

/// The prices that a request by a key of this purpose may be charged at, whatever its completion window; and whether it may find none.
fn may_apply(tariffs: &[Tariff], purpose: ApiKeyPurpose) -> (Vec<PriceList>, bool) {
    let windows = tariffs.iter().filter(|tariff| tariff.purpose == purpose);
    let windows = windows.filter_map(|tariff| tariff.completion_window.as_deref()).map(Some);
    // A request without a window, or with one that the list does not know, is the last of these.
    let found = windows.chain([None]).map(|window| {
        find_best_tariff(tariffs, Some(purpose), window, Timestamp::MIN).map(|tariff| tariff.prices)
    });
    let found: Vec<Option<PriceList>> = found.collect();
    let may_find_none = found.contains(&None);
    (found.into_iter().flatten().collect(), may_find_none)
}

fn preview(
    used: &[PricedUsage],
    tariffs: &[Tariff],
    since: Timestamp,
    until: Timestamp,
) -> Result<TariffPreview, tollgate_domain::MoneyError> {
    let mut all = CostBounds::default();
    let mut charged = Credits::ZERO;
    let (mut requests, mut unrated, mut maybe_without) = (0_i64, 0_i64, 0_i64);
    let mut by_purpose = Vec::with_capacity(used.len());
    for PricedUsage { purpose, sums, unrated_requests, charged: of_purpose } in used {
        let (lists, may_find_none) = may_apply(tariffs, *purpose);
        let mut bounds = cost_bounds(sums, &lists)?;
        if may_find_none {
            bounds.least = Credits::ZERO;
            maybe_without = maybe_without.saturating_add(sums.requests);
        }
        all = all.checked_add(bounds)?;
        charged = charged.checked_add(*of_purpose)?;
        requests = requests.saturating_add(sums.requests);
        unrated = unrated.saturating_add(*unrated_requests);
        by_purpose.push(PurposePreview {
            purpose: *purpose,
            requests: sums.requests,
            charged: *of_purpose,
            least: bounds.least,
            most: bounds.most,
        });
    }
    Ok(TariffPreview {
        since,
        until,
        is_exact: all.is_exact(),
        charged,
        least: all.least,
        most: all.most,
        requests,
        unrated_requests: unrated,
        requests_maybe_without_price: maybe_without,
        by_purpose,
    })
}
