//! What a model costs the operator: its whole history, which may be corrected. Reports are worked out from it as they are read
//! ([`crate::margin`]); no charge and no balance knows of it, and no customer.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tollgate_domain::{ModelId, PricePerToken};
use tollgate_store::Tx;
use tollgate_store::model_costs::{self, CostPrices, ModelCost};
use utoipa::ToSchema;

use crate::app::Admin;
use crate::caller::Caller;
use crate::extract::{Body, Path};
use crate::page::Whole;
use crate::problem::Problem;

/// What an upstream asks, in credits: decimals as text with at most twelve places, per token. A kind without a price of its own costs
/// what input or output does; audio and images are input or output, and a cache is written at one price.
#[expect(clippy::struct_field_names, reason = "the names that clients read")]
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpstreamPrices {
    /// Per input token that no cache had.
    #[schema(value_type = String, example = "0.000002")]
    input_price: PricePerToken,
    /// Per output token.
    #[schema(value_type = String, example = "0.000008")]
    output_price: PricePerToken,
    /// Per input token read from a cache.
    #[schema(value_type = Option<String>, example = "0.000001")]
    cache_read_price: Option<PricePerToken>,
    /// Per input token written to a cache.
    #[schema(value_type = Option<String>, example = json!(null))]
    cache_write_price: Option<PricePerToken>,
    /// Per output token of reasoning.
    #[schema(value_type = Option<String>, example = json!(null))]
    reasoning_price: Option<PricePerToken>,
    /// For each request that did not fail.
    #[schema(value_type = Option<String>, example = json!(null))]
    request_price: Option<PricePerToken>,
}

/// What a model costs from some hour on, until its next price.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpstreamCost {
    /// A full hour of UTC, because usage is summed by the hour.
    valid_from: Timestamp,
    prices: UpstreamPrices,
}

/// Everything that a model costs, has cost and will cost.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedCosts {
    /// What is not in it is taken away, also of the past: reports are worked out from this list alone.
    #[schema(max_items = 1000)]
    costs: Vec<UpstreamCost>,
    /// The history as it was read. Where it is given and is no longer what there is, nothing changes, and the answer is 409; without it, whatever
    /// there is gives way.
    #[schema(max_items = 1000)]
    before: Option<Vec<UpstreamCost>>,
}

/// What a change of costs did.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CostsChange {
    /// Prices that are new, or other than they were.
    set: Vec<UpstreamCost>,
    /// As they were: prices that are other now, or gone.
    replaced: Vec<UpstreamCost>,
    /// All there are now, by time.
    data: Vec<UpstreamCost>,
}

impl From<ModelCost> for UpstreamCost {
    fn from(cost: ModelCost) -> Self {
        let CostPrices {
            input_price,
            output_price,
            cache_read_price,
            cache_write_price,
            reasoning_price,
            request_price,
        } = cost.prices;
        let prices = UpstreamPrices {
            input_price,
            output_price,
            cache_read_price,
            cache_write_price,
            reasoning_price,
            request_price,
        };
        Self { valid_from: cost.valid_from, prices }
    }
}

impl From<UpstreamCost> for ModelCost {
    fn from(cost: UpstreamCost) -> Self {
        let UpstreamPrices {
            input_price,
            output_price,
            cache_read_price,
            cache_write_price,
            reasoning_price,
            request_price,
        } = cost.prices;
        let prices = CostPrices {
            input_price,
            output_price,
            cache_read_price,
            cache_write_price,
            reasoning_price,
            request_price,
        };
        Self { valid_from: cost.valid_from, prices }
    }
}

fn all(costs: Vec<ModelCost>) -> Vec<UpstreamCost> {
    costs.into_iter().map(UpstreamCost::from).collect()
}

/// What a model has cost, costs, and will cost, by time. Models that were deleted keep theirs.
#[utoipa::path(get, path = "/admin/api/v1/models/{model_id}/costs", tag = "models",
    params(("model_id" = Uuid, Path)),
    responses((status = 200, description = "The history, by time", body = Whole<UpstreamCost>)))]
pub(crate) async fn history(
    State(admin): State<Admin>,
    Path(id): Path<ModelId>,
) -> Result<Json<Whole<UpstreamCost>>, Problem> {
    let id = id.to_string();
    let list = async |tx: Tx| model_costs::list(&tx, &id).await;
    Ok(Json(Whole::of(all(admin.store().tx("admin_list_model_costs", list).await?))))
}

/// Makes this the whole history of what a model costs. It may be corrected: charges and balances do not depend on it, and reports of any time are
/// worked out anew from it. The same list again changes nothing.
#[utoipa::path(put, path = "/admin/api/v1/models/{model_id}/costs", tag = "models",
    params(("model_id" = Uuid, Path)), request_body = WantedCosts,
    responses((status = 200, description = "What that changed", body = CostsChange)))]
pub(crate) async fn replace(
    State(admin): State<Admin>,
    caller: Caller,
    Path(id): Path<ModelId>,
    Body(wanted): Body<WantedCosts>,
) -> Result<Json<CostsChange>, Problem> {
    let stored = |costs: Vec<UpstreamCost>| costs.into_iter().map(ModelCost::from).collect::<Vec<_>>();
    let (read, wanted) = (wanted.before.map(stored), stored(wanted.costs));
    let (id, actor) = (id.to_string(), caller.actor());
    let replace = async |tx: Tx| model_costs::replace(&tx, &id, read.as_deref(), &wanted, &actor).await;
    let change = admin.store().tx("admin_replace_model_costs", replace).await?;
    Ok(Json(CostsChange { set: all(change.set), replaced: all(change.replaced), data: all(change.costs) }))
}
