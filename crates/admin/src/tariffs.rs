//! Prices: the whole wanted list of a model, and its history. After a change, what was waiting for a price is rated at once.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tollgate_domain::{ApiKeyPurpose, Credits, ModelId, PriceList, PricePerToken, TariffId};
use tollgate_metering::unrated;
use tollgate_store::Tx;
use tollgate_store::tariffs::{self, StoredTariff, TariffChange, WantedTariff};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::Admin;
use crate::caller::Caller;
use crate::extract::{Body, Path};
use crate::page::Whole;
use crate::problem::Problem;

/// Prices in credits: decimals as text with at most twelve places, per token. A kind without a price of its own is priced as input or
/// output.
#[expect(clippy::struct_field_names, reason = "the names that clients read")]
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prices {
    /// Per uncached input token.
    #[schema(value_type = String, example = "0.0000025")]
    input_price: PricePerToken,
    /// Per output token.
    #[schema(value_type = String, example = "0.00001")]
    output_price: PricePerToken,
    /// Per input token read from a cache.
    #[schema(value_type = Option<String>, example = "0.00000125")]
    cache_read_price: Option<PricePerToken>,
    /// Per input token written to a five-minute cache.
    #[schema(value_type = Option<String>, example = json!(null))]
    cache_write_5m_price: Option<PricePerToken>,
    /// Per input token written to a one-hour cache.
    #[schema(value_type = Option<String>, example = json!(null))]
    cache_write_1h_price: Option<PricePerToken>,
    /// Per input token of audio.
    #[schema(value_type = Option<String>, example = json!(null))]
    audio_input_price: Option<PricePerToken>,
    /// Per input token of images.
    #[schema(value_type = Option<String>, example = json!(null))]
    image_input_price: Option<PricePerToken>,
    /// Per output token of reasoning.
    #[schema(value_type = Option<String>, example = json!(null))]
    reasoning_price: Option<PricePerToken>,
    /// Per output token of audio.
    #[schema(value_type = Option<String>, example = json!(null))]
    audio_output_price: Option<PricePerToken>,
    /// For each request that succeeded.
    #[schema(value_type = Option<String>, example = json!(null))]
    request_price: Option<PricePerToken>,
}

impl From<NewTariff> for WantedTariff {
    fn from(tariff: NewTariff) -> Self {
        Self {
            purpose: tariff.purpose,
            completion_window: tariff.completion_window,
            prices: tariff.prices.into(),
            valid_from: tariff.valid_from,
        }
    }
}

impl From<PriceList> for Prices {
    fn from(prices: PriceList) -> Self {
        let PriceList {
            input_price,
            output_price,
            cache_read_price,
            cache_write_5m_price,
            cache_write_1h_price,
            audio_input_price,
            image_input_price,
            reasoning_price,
            audio_output_price,
            request_price,
        } = prices;
        Self {
            input_price,
            output_price,
            cache_read_price,
            cache_write_5m_price,
            cache_write_1h_price,
            audio_input_price,
            image_input_price,
            reasoning_price,
            audio_output_price,
            request_price,
        }
    }
}

impl From<Prices> for PriceList {
    fn from(prices: Prices) -> Self {
        let Prices {
            input_price,
            output_price,
            cache_read_price,
            cache_write_5m_price,
            cache_write_1h_price,
            audio_input_price,
            image_input_price,
            reasoning_price,
            audio_output_price,
            request_price,
        } = prices;
        Self {
            input_price,
            output_price,
            cache_read_price,
            cache_write_5m_price,
            cache_write_1h_price,
            audio_input_price,
            image_input_price,
            reasoning_price,
            audio_output_price,
            request_price,
        }
    }
}

/// A price of a model, of any time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Tariff {
    id: Uuid,
    /// For keys of this purpose.
    #[schema(value_type = String, example = "realtime")]
    purpose: ApiKeyPurpose,
    /// For batches with exactly this completion window; `null`: for any.
    completion_window: Option<String>,
    prices: Prices,
    /// In force from this instant on.
    valid_from: Timestamp,
    /// In force until just before this instant. Equal to `valid_from`: withdrawn before it came into force.
    valid_until: Option<Timestamp>,
}

impl From<StoredTariff> for Tariff {
    fn from(tariff: StoredTariff) -> Self {
        Self {
            id: tariff.id.as_uuid(),
            purpose: tariff.purpose,
            completion_window: tariff.completion_window,
            prices: tariff.prices.into(),
            valid_from: tariff.valid_from,
            valid_until: tariff.valid_until,
        }
    }
}

/// A price that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTariff {
    /// For keys of this purpose: `realtime` (the default), `batch`, `playground` or `platform`.
    #[serde(default)]
    #[schema(value_type = String, example = "realtime")]
    purpose: ApiKeyPurpose,
    /// For batches with exactly this completion window, such as `24h`.
    completion_window: Option<String>,
    prices: Prices,
    /// In force from then on; now where it is left out.
    valid_from: Option<Timestamp>,
}

/// The whole list of a model's prices from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedList {
    /// What is not in it closes now, what is new opens now, what is equal stays.
    #[schema(max_items = 1000)]
    tariffs: Vec<NewTariff>,
    /// The ids of all prices in force or to come, as they were read. Where it is given and is no longer what there is, nothing changes, and the answer is
    /// 409; without it, whatever there is gives way.
    #[schema(max_items = 1000)]
    before: Option<Vec<Uuid>>,
}

/// What a change of prices did.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PriceChange {
    /// The instant of the change.
    at: Timestamp,
    opened: Vec<Tariff>,
    ended: Vec<Tariff>,
    /// Those that were to end, and go on beyond that.
    extended: Vec<Tariff>,
    /// How many of the wanted ones were there already.
    unchanged: usize,
    /// Requests that had waited for a price and got one now.
    rated_requests: u64,
    /// What they cost, in credits.
    #[schema(value_type = String, example = "0")]
    charged: Credits,
    /// Requests of all models that still wait for a price.
    still_unrated: u64,
}

/// Every price that a model ever had, has, or will have.
#[utoipa::path(get, path = "/admin/api/v1/models/{model_id}/tariffs", tag = "tariffs",
    params(("model_id" = Uuid, Path)),
    responses((status = 200, description = "The history, by purpose, window and opening", body = Whole<Tariff>)))]
pub(crate) async fn history(
    State(admin): State<Admin>,
    Path(id): Path<ModelId>,
) -> Result<Json<Whole<Tariff>>, Problem> {
    let id = id.to_string();
    let tariffs = admin.store().tx("admin_list_tariffs", async |tx| tariffs::list(&tx, &id).await).await?;
    Ok(Json(Whole::of(tariffs)))
}

/// Makes this the whole list of a model's prices from now on. History is never edited. The same list again changes nothing.
#[utoipa::path(put, path = "/admin/api/v1/models/{model_id}/tariffs", tag = "tariffs",
    params(("model_id" = Uuid, Path)), request_body = WantedList,
    responses((status = 200, description = "What that changed", body = PriceChange)))]
pub(crate) async fn replace(
    State(admin): State<Admin>,
    caller: Caller,
    Path(id): Path<ModelId>,
    Body(wanted): Body<WantedList>,
) -> Result<Json<PriceChange>, Problem> {
    let read: Option<Vec<TariffId>> =
        wanted.before.map(|ids| ids.into_iter().map(TariffId::from_uuid).collect());
    let wanted: Vec<WantedTariff> = wanted.tariffs.into_iter().map(WantedTariff::from).collect();
    let (id, actor) = (id.to_string(), caller.actor());
    let replace = async |tx: Tx| {
        tariffs::replace_as_read(&tx, &id, read.as_deref(), &wanted, admin.clock(), &actor).await
    };
    let change: TariffChange = admin.store().tx("admin_replace_tariffs", replace).await?;
    let now = admin.clock().now().as_microsecond();
    let rating = unrated::rate_and_notify(admin.store(), admin.record_keys(), now).await?;
    let all = |tariffs: Vec<StoredTariff>| tariffs.into_iter().map(Tariff::from).collect();
    Ok(Json(PriceChange {
        at: change.at,
        opened: all(change.opened),
        ended: all(change.ended),
        extended: all(change.extended),
        unchanged: change.unchanged,
        rated_requests: rating.rated,
        charged: rating.charged,
        still_unrated: rating.left,
    }))
}
