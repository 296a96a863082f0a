//! `model_tariffs`: versioned prices. A change is a transaction under the exclusive pricing lock, at one instant: the clock
//! read after the lock. What is gone closes then, what is new opens then, what is equal stays.
//!
//! Guarantees: of one model, purpose and window, at most one price is in force from now on, and intervals abut where one price
//! follows another. What has been in force is never edited. A `valid_from` in the past opens there, beside what was in
//! force then; where both are valid the newer opening counts, for records that are rated from now on: those that arrive late, and
//! `unrated` ones. What has been charged stays charged, and the auditor knows by the pricing epoch which of the two it was.
//! A wanted price whose opening is there already, at another price, opens now.

mod plan;

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio_postgres::Row;
use tollgate_domain::{
    ApiKeyPurpose, Clock, ModelId, PriceList, PricePerToken, Tariff, TariffId, truncate_to_micros,
};
use uuid::Uuid;

use self::plan::{Plan, Segment};
use crate::tariff_row::{PRICE_COLUMNS, price_values, prices_from_row};
use crate::text::check_name;
use crate::{StoreError, Tx, audit_log, models, pricing};

/// Most tariffs in one list: a list of thousands is a mistake, and each is one statement.
pub const MAX_WANTED: usize = 1_000;

/// A tariff that a caller wants.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(from = "WantedFields")]
pub struct WantedTariff {
    /// For keys of this purpose.
    pub purpose: ApiKeyPurpose,
    /// For batches with exactly this completion window (`24h`); `None` is the generic price.
    pub completion_window: Option<String>,
    /// The prices.
    pub prices: PriceList,
    /// In force from then on; now where `None`.
    pub valid_from: Option<Timestamp>,
}

/// The form of a tariff in a file: flat, and an unknown field is an error.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedFields {
    #[serde(default)]
    purpose: ApiKeyPurpose,
    #[serde(default, alias = "window")]
    completion_window: Option<String>,
    input_price: PricePerToken,
    output_price: PricePerToken,
    cache_read_price: Option<PricePerToken>,
    #[serde(alias = "cache_write_price")]
    cache_write_5m_price: Option<PricePerToken>,
    cache_write_1h_price: Option<PricePerToken>,
    audio_input_price: Option<PricePerToken>,
    image_input_price: Option<PricePerToken>,
    reasoning_price: Option<PricePerToken>,
    audio_output_price: Option<PricePerToken>,
    request_price: Option<PricePerToken>,
    valid_from: Option<Timestamp>,
}

impl From<WantedFields> for WantedTariff {
    fn from(fields: WantedFields) -> Self {
        Self {
            purpose: fields.purpose,
            completion_window: fields.completion_window,
            prices: PriceList {
                input_price: fields.input_price,
                output_price: fields.output_price,
                cache_read_price: fields.cache_read_price,
                cache_write_5m_price: fields.cache_write_5m_price,
                cache_write_1h_price: fields.cache_write_1h_price,
                audio_input_price: fields.audio_input_price,
                image_input_price: fields.image_input_price,
                reasoning_price: fields.reasoning_price,
                audio_output_price: fields.audio_output_price,
                request_price: fields.request_price,
            },
            valid_from: fields.valid_from,
        }
    }
}

/// A tariff as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoredTariff {
    /// This version.
    pub id: TariffId,
    /// For keys of this purpose.
    pub purpose: ApiKeyPurpose,
    /// For batches with exactly this completion window, or for any.
    pub completion_window: Option<String>,
    /// The prices.
    #[serde(flatten)]
    pub prices: PriceList,
    /// In force from this instant on.
    pub valid_from: Timestamp,
    /// In force until just before this instant. Equal to `valid_from`: withdrawn before it came into force.
    pub valid_until: Option<Timestamp>,
}

/// What a change did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TariffChange {
    /// Whose prices.
    pub model_id: ModelId,
    /// The instant of the change.
    pub at: Timestamp,
    /// New tariffs.
    pub opened: Vec<StoredTariff>,
    /// Tariffs that end, or end earlier than they were to.
    pub ended: Vec<StoredTariff>,
    /// Tariffs that were to end, and go on beyond that.
    pub extended: Vec<StoredTariff>,
    /// How many of the wanted tariffs were there already.
    pub unchanged: usize,
    /// The pricing epoch after it.
    pub pricing_epoch: i32,
}

impl TariffChange {
    /// Whether anything is different now.
    pub fn changed(&self) -> bool {
        !self.opened.is_empty() || !self.ended.is_empty() || !self.extended.is_empty()
    }
}

/// Makes `wanted` the whole list of the model's prices, from now on. A tariff with a `valid_from` in the future is scheduled; one
/// in the past opens there, for records that are rated from now on.
///
/// Two entries of one purpose and window with one opening instant are refused.
pub async fn replace(
    tx: &Tx,
    model: &str,
    wanted: &[WantedTariff],
    clock: &dyn Clock,
    actor: &str,
) -> Result<TariffChange, StoreError> {
    replace_as_read(tx, model, None, wanted, clock, actor).await
}

/// As [`replace`], by somebody who has read which prices there are: where `read` is given, it has to be all that are in force or to come, so that nobody's
/// change is undone by who had not seen it. What changes nothing is no conflict: it may be sent again.
pub async fn replace_as_read(
    tx: &Tx,
    model: &str,
    read: Option<&[TariffId]>,
    wanted: &[WantedTariff],
    clock: &dyn Clock,
    actor: &str,
) -> Result<TariffChange, StoreError> {
    check_wanted(wanted)?;
    let change = Change::begin(tx, model, clock).await?;
    let plan = plan::replace(&change.existing, wanted, change.at)?;
    let is_open = |tariff: &StoredTariff| {
        tariff.valid_until.is_none_or(|until| until > change.at && until != tariff.valid_from)
    };
    let open = change.existing.iter().filter(|tariff| is_open(tariff));
    let open: HashSet<TariffId> = open.map(|tariff| tariff.id).collect();
    let changes_something = !plan.ends.is_empty() || !plan.openings.is_empty();
    if changes_something && read.is_some_and(|read| read.iter().copied().collect::<HashSet<_>>() != open) {
        return Err(StoreError::conflict(format!(
            "the prices of model \"{model}\" are no longer what `before` says: somebody changed them; read them again"
        )));
    }
    change.apply(tx, plan, "tariff.replace", actor).await
}

/// Sets the price of one purpose and window from `wanted.valid_from` (or now) on; what was scheduled for that
/// purpose and window after that instant is withdrawn. Other purposes and windows are not touched.
pub async fn set(
    tx: &Tx,
    model: &str,
    wanted: &WantedTariff,
    clock: &dyn Clock,
    actor: &str,
) -> Result<TariffChange, StoreError> {
    check_wanted(std::slice::from_ref(wanted))?;
    let change = Change::begin(tx, model, clock).await?;
    let plan = plan::set(&change.existing, wanted, change.at);
    change.apply(tx, plan, "tariff.set", actor).await
}

/// All tariffs of a live model, of every time, by purpose, window and opening.
pub async fn list(tx: &Tx, model: &str) -> Result<Vec<StoredTariff>, StoreError> {
    let model = models::find(tx, model).await?;
    Ok(load(tx, model.id).await?.into_iter().map(|(_, tariff)| tariff).collect())
}

/// All tariffs of all models, as the domain sees them: for gateways.
pub(crate) async fn load_all(tx: &Tx) -> Result<Vec<Tariff>, StoreError> {
    let sql = format!(
        "select no, id, model_id, purpose, completion_window, {PRICE_COLUMNS}, valid_from, valid_until
         from model_tariffs where valid_until is distinct from valid_from order by model_id, valid_from, no"
    );
    let tariff = |row: &Row| {
        let (_, stored) = from_row(row)?;
        Ok(Tariff {
            id: stored.id,
            model: ModelId::from_uuid(row.try_get("model_id")?),
            purpose: stored.purpose,
            completion_window: stored.completion_window,
            prices: stored.prices,
            valid_from: stored.valid_from,
            valid_until: stored.valid_until,
        })
    };
    tx.query(&sql, &[]).await?.iter().map(tariff).collect()
}

/// Every end that tariffs were ever given, by the tariff's number, in the order of the pricing epochs from which on they held.
pub async fn all_ends(tx: &Tx) -> Result<HashMap<i32, Vec<(i32, Option<Timestamp>)>>, StoreError> {
    let mut ends = HashMap::<i32, Vec<_>>::new();
    let sql = "select tariff_no, epoch, valid_until from tariff_ends order by tariff_no, epoch";
    for row in tx.query(sql, &[]).await? {
        ends.entry(row.try_get(0)?).or_default().push((row.try_get(1)?, row.try_get(2)?));
    }
    Ok(ends)
}

/// A change under the exclusive lock: nobody else moves these rows, or charges by them, until it ends.
struct Change {
    model: models::Model,
    at: Timestamp,
    numbers: Vec<i32>,
    existing: Vec<StoredTariff>,
}

impl Change {
    async fn begin(tx: &Tx, model: &str, clock: &dyn Clock) -> Result<Self, StoreError> {
        pricing::lock_exclusive(tx).await?;
        let at = truncate_to_micros(clock.now());
        let model = models::find(tx, model).await?;
        let (numbers, existing) = load(tx, model.id).await?.into_iter().unzip();
        Ok(Self { model, at, numbers, existing })
    }

    async fn apply(self, tx: &Tx, plan: Plan, action: &str, actor: &str) -> Result<TariffChange, StoreError> {
        let mut change = TariffChange {
            model_id: self.model.id,
            at: self.at,
            opened: Vec::new(),
            ended: Vec::new(),
            extended: Vec::new(),
            unchanged: plan.unchanged,
            pricing_epoch: 0,
        };
        if plan.ends.is_empty() && plan.openings.is_empty() {
            change.pricing_epoch = pricing::current_epoch(tx).await?;
            return Ok(change);
        }
        change.pricing_epoch = pricing::next_epoch(tx).await?;
        let mut before = Vec::new();
        for (index, valid_until) in plan.ends {
            let (Some(no), Some(tariff)) = (self.numbers.get(index), self.existing.get(index)) else {
                continue;
            };
            end(tx, *no, valid_until, change.pricing_epoch).await?;
            before.push(tariff.clone());
            let is_longer = match (tariff.valid_until, valid_until) {
                (Some(before), Some(after)) => after > before,
                (Some(_), None) => true,
                (None, _) => false,
            };
            let moved = if is_longer { &mut change.extended } else { &mut change.ended };
            moved.push(StoredTariff { valid_until, ..tariff.clone() });
        }
        for segment in plan.openings {
            change.opened.push(open(tx, self.model.id, segment, change.pricing_epoch).await?);
        }
        let after = json!({ "at": change.at, "opened": change.opened, "ended": change.ended, "extended": change.extended });
        audit_log::write(tx, actor, action, &self.model.alias, Some(json!(before)), Some(after)).await?;
        Ok(change)
    }
}

async fn end(tx: &Tx, no: i32, valid_until: Option<Timestamp>, epoch: i32) -> Result<(), StoreError> {
    let closed_epoch = valid_until.map(|_| epoch);
    let rows = tx
        .execute(
            "update model_tariffs set valid_until = $2, closed_epoch = $3 where no = $1",
            &[&no, &valid_until, &closed_epoch],
        )
        .await?;
    if rows != 1 {
        return Err(StoreError::Corrupt(format!("tariff {no} vanished under its lock")));
    }
    remember_end(tx, no, valid_until, epoch).await
}

/// From `epoch` on this is its end.
async fn remember_end(
    tx: &Tx,
    no: i32,
    valid_until: Option<Timestamp>,
    epoch: i32,
) -> Result<(), StoreError> {
    tx.execute(
        "insert into tariff_ends (tariff_no, epoch, valid_until) values ($1, $2, $3)",
        &[&no, &epoch, &valid_until],
    )
    .await?;
    Ok(())
}

async fn open(tx: &Tx, model: ModelId, segment: Segment, epoch: i32) -> Result<StoredTariff, StoreError> {
    let tariff = StoredTariff {
        id: TariffId::generate(),
        purpose: segment.purpose,
        completion_window: segment.completion_window,
        prices: segment.prices,
        valid_from: segment.from,
        valid_until: segment.until,
    };
    let prices: [Option<Decimal>; 10] = price_values(&tariff.prices);
    let [p0, p1, p2, p3, p4, p5, p6, p7, p8, p9] = &prices;
    let closed_epoch = segment.until.map(|_| epoch);
    let sql = format!(
        "insert into model_tariffs (id, model_id, purpose, completion_window, valid_from, valid_until,
                                    recorded_epoch, closed_epoch, {PRICE_COLUMNS})
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) returning no"
    );
    let opened = tx
        .query_one(
            &sql,
            &[
                &tariff.id.as_uuid(),
                &model.as_uuid(),
                &tariff.purpose.as_str(),
                &tariff.completion_window,
                &tariff.valid_from,
                &tariff.valid_until,
                &epoch,
                &closed_epoch,
                p0,
                p1,
                p2,
                p3,
                p4,
                p5,
                p6,
                p7,
                p8,
                p9,
            ],
        )
        .await?;
    remember_end(tx, opened.try_get(0)?, tariff.valid_until, epoch).await?;
    Ok(tariff)
}

async fn load(tx: &Tx, model: ModelId) -> Result<Vec<(i32, StoredTariff)>, StoreError> {
    let sql = format!(
        "select no, id, purpose, completion_window, {PRICE_COLUMNS}, valid_from, valid_until
         from model_tariffs where model_id = $1 order by purpose, completion_window nulls first, valid_from, no"
    );
    tx.query(&sql, &[&model.as_uuid()]).await?.iter().map(from_row).collect()
}

fn from_row(row: &Row) -> Result<(i32, StoredTariff), StoreError> {
    let tariff = StoredTariff {
        id: TariffId::from_uuid(row.try_get::<_, Uuid>("id")?),
        purpose: ApiKeyPurpose::from_stored(row.try_get("purpose")?),
        completion_window: row.try_get("completion_window")?,
        prices: prices_from_row(row)?,
        valid_from: row.try_get("valid_from")?,
        valid_until: row.try_get("valid_until")?,
    };
    Ok((row.try_get("no")?, tariff))
}

fn check_wanted(wanted: &[WantedTariff]) -> Result<(), StoreError> {
    if wanted.len() > MAX_WANTED {
        return Err(StoreError::refused(format!("a list of {} tariffs; at most {MAX_WANTED}", wanted.len())));
    }
    for tariff in wanted {
        if let Some(window) = &tariff.completion_window {
            check_name("the completion window", window)?;
        }
        if tariff.valid_from.is_some_and(|from| from < Timestamp::UNIX_EPOCH) {
            return Err(StoreError::refused("`valid_from` is before 1970; no request is that old"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
