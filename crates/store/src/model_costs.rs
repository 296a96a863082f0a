//! `model_costs`: what upstreams ask the operator, by model and time. Reports multiply it with sums of usage when they are read
//! ([`crate::management::margin`]); nothing in the books depends on it, so its history may be corrected, unlike that of tariffs.
//!
//! A price is in force until the next one of its model. It begins at a full hour of UTC, because usage is summed by the hour. Models that were
//! deleted keep theirs, and are found by their id.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::json;
use tokio_postgres::Row;
use tollgate_domain::{Credits, ModelId, PricePerToken};

use crate::text::check_name;
use crate::{StoreError, Tx, audit_log};

/// Most prices of one model: more than three years in which it changes each day.
pub const MAX_COSTS: usize = 1_000;

const MICROS_PER_HOUR: i64 = 3_600_000_000;

/// What an upstream asks, in credits. The kinds are those that sums of usage tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct CostPrices {
    /// Per input token.
    pub input_price: PricePerToken,
    /// Per output token.
    pub output_price: PricePerToken,
    /// Per input token read from a cache; input's price where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_read_price: Option<PricePerToken>,
    /// Per input token written to a cache, of whatever lifetime; input's price where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_price: Option<PricePerToken>,
    /// Per output token of reasoning; output's price where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_price: Option<PricePerToken>,
    /// For each request that did not fail; nothing where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_price: Option<PricePerToken>,
}

/// What an upstream asks from some hour on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ModelCost {
    /// In force from this hour on, until the next one.
    pub valid_from: Timestamp,
    /// The prices.
    #[serde(flatten)]
    pub prices: CostPrices,
}

/// What a change did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CostChange {
    /// Whose prices.
    pub model_id: ModelId,
    /// Those that are new, or other than they were.
    pub set: Vec<ModelCost>,
    /// As they were: those that are other now, or gone.
    pub replaced: Vec<ModelCost>,
    /// All there are now, by time.
    pub costs: Vec<ModelCost>,
}

/// Every price of the model, by time.
pub async fn list(tx: &Tx, model: &str) -> Result<Vec<ModelCost>, StoreError> {
    let model = find(tx, model).await?;
    load(tx, model.no).await
}

/// Sets what the model costs from `cost.valid_from` until its next price, in place of what was set for the same hour.
pub async fn set(tx: &Tx, model: &str, cost: ModelCost, actor: &str) -> Result<CostChange, StoreError> {
    let (model, before) = begin(tx, model).await?;
    let mut after = before.clone();
    after.insert(cost.valid_from, cost.prices);
    apply(tx, &model, &before, &after, "cost.set", actor).await
}

/// Takes the price that begins at `valid_from` away: the one before it goes on, or nothing is known of that time.
pub async fn remove(
    tx: &Tx,
    model: &str,
    valid_from: Timestamp,
    actor: &str,
) -> Result<CostChange, StoreError> {
    let (model, before) = begin(tx, model).await?;
    let mut after = before.clone();
    if after.remove(&valid_from).is_none() {
        return Err(StoreError::not_found(format!(
            "model \"{}\" has no cost price that begins at {valid_from}; see `tollgate cost list {}`",
            model.alias, model.alias
        )));
    }
    apply(tx, &model, &before, &after, "cost.remove", actor).await
}

/// Makes `wanted` the whole history of what the model costs. Two of the same hour are refused.
///
/// Where `read` is given it has to be the history that there is, so that nobody's change is undone by who had not seen it. A change that was made
/// already is no conflict: it may be sent again.
pub async fn replace(
    tx: &Tx,
    model: &str,
    read: Option<&[ModelCost]>,
    wanted: &[ModelCost],
    actor: &str,
) -> Result<CostChange, StoreError> {
    let (model, before) = begin(tx, model).await?;
    let after = history_of(wanted);
    if after.len() != wanted.len() {
        return Err(StoreError::refused("two cost prices begin at the same hour; keep one of them"));
    }
    if read.is_some_and(|read| history_of(read) != before) && after != before {
        return Err(StoreError::conflict(format!(
            "the cost prices of model \"{}\" are no longer what `before` says: somebody changed them; read them again",
            model.alias
        )));
    }
    apply(tx, &model, &before, &after, "cost.replace", actor).await
}

type History = BTreeMap<Timestamp, CostPrices>;

fn history_of(costs: &[ModelCost]) -> History {
    costs.iter().map(|cost| (cost.valid_from, cost.prices)).collect()
}

struct Found {
    id: ModelId,
    no: i32,
    alias: String,
}

/// The live model with this alias, or any model, deleted or not, with this id.
async fn find(tx: &Tx, model: &str) -> Result<Found, StoreError> {
    check_name("the model's alias", model)?;
    let id: Option<uuid::Uuid> = model.parse().ok();
    let sql = "select id, no, alias from deployed_models where alias = $1 and deleted_at is null or id = $2
               order by id = $2 desc nulls last limit 1";
    let row = tx.query_opt(sql, &[&model, &id]).await?.ok_or_else(|| {
        StoreError::not_found(format!("model \"{model}\" does not exist; a deleted one is found by its id"))
    })?;
    Ok(Found { id: ModelId::from_uuid(row.try_get(0)?), no: row.try_get(1)?, alias: row.try_get(2)? })
}

/// The model and its prices; nobody else changes them until the transaction ends.
async fn begin(tx: &Tx, model: &str) -> Result<(Found, History), StoreError> {
    let model = find(tx, model).await?;
    tx.query_one("select no from deployed_models where no = $1 for no key update", &[&model.no]).await?;
    let before = history_of(&load(tx, model.no).await?);
    Ok((model, before))
}

async fn apply(
    tx: &Tx,
    model: &Found,
    before: &History,
    after: &History,
    action: &str,
    actor: &str,
) -> Result<CostChange, StoreError> {
    if after.len() > MAX_COSTS {
        return Err(StoreError::refused(format!(
            "{} cost prices of one model; at most {MAX_COSTS}",
            after.len()
        )));
    }
    // What is of one history and not the same in the other.
    let differing = |of: &History, other: &History| -> Vec<ModelCost> {
        let differs = |(at, prices): &(&Timestamp, &CostPrices)| other.get(at) != Some(prices);
        of.iter().filter(differs).map(|(at, prices)| ModelCost { valid_from: *at, prices: *prices }).collect()
    };
    let (set, replaced) = (differing(after, before), differing(before, after));
    for cost in &set {
        check_hour(cost.valid_from)?;
    }
    let gone: Vec<Timestamp> = replaced.iter().map(|cost| cost.valid_from).collect();
    tx.execute("delete from model_costs where model_no = $1 and valid_from = any($2)", &[&model.no, &gone])
        .await?;
    for cost in &set {
        insert(tx, model.no, cost).await?;
    }
    if !(set.is_empty() && replaced.is_empty()) {
        audit_log::write(tx, actor, action, &model.alias, Some(json!(replaced)), Some(json!(set))).await?;
    }
    let costs = after.iter().map(|(at, prices)| ModelCost { valid_from: *at, prices: *prices }).collect();
    Ok(CostChange { model_id: model.id, set, replaced, costs })
}

fn check_hour(valid_from: Timestamp) -> Result<(), StoreError> {
    if valid_from < Timestamp::UNIX_EPOCH {
        return Err(StoreError::refused("`valid_from` is before 1970; no request is that old"));
    }
    let is_whole = valid_from.subsec_nanosecond() == 0 && valid_from.as_microsecond() % MICROS_PER_HOUR == 0;
    if !is_whole {
        return Err(StoreError::refused(format!(
            "`valid_from` is {valid_from}; a cost price begins at a full hour of UTC, such as 2026-01-31T12:00:00Z, because usage is \
             summed by the hour"
        )));
    }
    Ok(())
}

async fn insert(tx: &Tx, model_no: i32, cost: &ModelCost) -> Result<(), StoreError> {
    let decimal = |price: PricePerToken| Credits::from(price).to_decimal();
    let CostPrices {
        input_price,
        output_price,
        cache_read_price,
        cache_write_price,
        reasoning_price,
        request_price,
    } = cost.prices;
    let sql = "insert into model_costs (model_no, valid_from, input_price, output_price, cache_read_price, cache_write_price,
                                        reasoning_price, request_price)
               values ($1, $2, $3, $4, $5, $6, $7, $8)";
    tx.execute(
        sql,
        &[
            &model_no,
            &cost.valid_from,
            &decimal(input_price),
            &decimal(output_price),
            &cache_read_price.map(decimal),
            &cache_write_price.map(decimal),
            &reasoning_price.map(decimal),
            &request_price.map(decimal),
        ],
    )
    .await?;
    Ok(())
}

async fn load(tx: &Tx, model_no: i32) -> Result<Vec<ModelCost>, StoreError> {
    let sql = "select valid_from, input_price, output_price, cache_read_price, cache_write_price, reasoning_price, request_price
               from model_costs where model_no = $1 order by valid_from";
    tx.query(sql, &[&model_no]).await?.iter().map(from_row).collect()
}

fn from_row(row: &Row) -> Result<ModelCost, StoreError> {
    let price = |column: &str| -> Result<Option<PricePerToken>, StoreError> {
        let stored: Option<Decimal> = row.try_get(column)?;
        stored.map(|decimal| Ok(PricePerToken::try_from(Credits::try_from(decimal)?)?)).transpose()
    };
    let prices = CostPrices {
        input_price: price("input_price")?.unwrap_or_default(),
        output_price: price("output_price")?.unwrap_or_default(),
        cache_read_price: price("cache_read_price")?,
        cache_write_price: price("cache_write_price")?,
        reasoning_price: price("reasoning_price")?,
        request_price: price("request_price")?,
    };
    Ok(ModelCost { valid_from: row.try_get("valid_from")?, prices })
}
