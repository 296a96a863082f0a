//! Spend, cost and margin over time, for the operator: as [`crate::series`], with what upstreams asked, worked out from the prices that models
//! cost at each hour. A route of its own, so that what a customer may ask for has no place where a cost could stand.
//!
//! What has no cost price is in neither cost nor margin, and is told beside: `amount` = `cost` + `margin` + `uncosted_amount`.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use tollgate_domain::{Credits, MoneyError};
use tollgate_store::management::margin::{self, Costs, MarginRow};
use tollgate_store::management::{bound_report, series::Sums};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::Admin;
use crate::caller::Caller;
use crate::extract::Query;
use crate::problem::Problem;
use crate::series::{Asked, SeriesBucket, SeriesParameters, not_added_up};

/// Spend, cost and margin over time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Margins {
    bucket: SeriesBucket,
    /// When each bucket begins.
    starts: Vec<Timestamp>,
    /// What was charged most comes first; all others together last.
    groups: Vec<MarginsOfGroup>,
    total: MarginSums,
}

/// One group over time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MarginsOfGroup {
    /// Of the user, key or model; `null` for requests without one, and for all others together.
    id: Option<Uuid>,
    /// `null` for requests without a user, key or model.
    name: Option<String>,
    /// The first characters of a key.
    prefix: Option<String>,
    /// It is all others together: so many groups. `null`: it is one group.
    others: Option<i64>,
    total: MarginSums,
    /// For each bucket.
    requests: Vec<i64>,
    /// For each bucket: what was charged, in credits.
    #[schema(value_type = Vec<String>)]
    amounts: Vec<Credits>,
    /// For each bucket: what upstreams asked, in credits; `null` where nothing of it has a cost price.
    #[schema(value_type = Vec<Option<String>>)]
    costs: Vec<Option<Credits>>,
    /// For each bucket: what was charged for that, less what it cost.
    #[schema(value_type = Vec<Option<String>>)]
    margins: Vec<Option<Credits>>,
    /// For each bucket: requests without a cost price.
    uncosted_requests: Vec<i64>,
}

/// Sums over all buckets. `amount` = `cost` + `margin` + `uncosted_amount`, where there is a cost.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub(crate) struct MarginSums {
    requests: i64,
    failed_requests: i64,
    /// Requests that wait for a price: they may cost, and nothing is charged for them so far.
    unrated_requests: i64,
    /// Charged, in credits.
    #[schema(value_type = String, example = "1.25")]
    amount: Credits,
    /// What upstreams asked, in credits, as far as there is a cost price; `null`: for none of it.
    #[schema(value_type = Option<String>, example = "0.75")]
    cost: Option<Credits>,
    /// What was charged for what has a cost price, less what it cost.
    #[schema(value_type = Option<String>, example = "0.25")]
    margin: Option<Credits>,
    /// Requests that did not fail and have no cost price.
    uncosted_requests: i64,
    /// Tokens in and out that have no cost price.
    uncosted_tokens: i64,
    /// Of `amount`, what was charged for requests without a cost price.
    #[schema(value_type = String, example = "0.25")]
    uncosted_amount: Credits,
}

impl MarginSums {
    const fn of(usage: &Sums, costs: &Costs) -> Self {
        Self {
            requests: usage.requests,
            failed_requests: usage.failed_requests,
            unrated_requests: usage.unrated_requests,
            amount: usage.amount,
            cost: costs.cost,
            margin: None,
            uncosted_requests: costs.uncosted_requests,
            uncosted_tokens: costs.uncosted_tokens,
            uncosted_amount: costs.uncosted_amount,
        }
    }

    /// With the margin, when everything is added up. What has no cost price and used nothing (requests that failed, or none at all) is known to have
    /// cost nothing; said before that of a part, it would make a cost of the rest that nobody knows.
    fn told(mut self) -> Result<Self, MoneyError> {
        let is_nothing = self.uncosted_requests == 0 && self.uncosted_tokens == 0;
        self.cost = self.cost.or(is_nothing.then_some(Credits::ZERO));
        let known = self.amount.checked_sub(self.uncosted_amount)?;
        self.margin = self.cost.map(|cost| known.checked_sub(cost)).transpose()?;
        Ok(self)
    }

    /// Of both together.
    fn and(self, more: Self) -> Result<Self, MoneyError> {
        let cost = match (self.cost, more.cost) {
            (Some(one), Some(other)) => Some(one.checked_add(other)?),
            (one, other) => one.or(other),
        };
        Ok(Self {
            requests: self.requests.saturating_add(more.requests),
            failed_requests: self.failed_requests.saturating_add(more.failed_requests),
            unrated_requests: self.unrated_requests.saturating_add(more.unrated_requests),
            amount: self.amount.checked_add(more.amount)?,
            cost,
            margin: None,
            uncosted_requests: self.uncosted_requests.saturating_add(more.uncosted_requests),
            uncosted_tokens: self.uncosted_tokens.saturating_add(more.uncosted_tokens),
            uncosted_amount: self.uncosted_amount.checked_add(more.uncosted_amount)?,
        })
    }
}

/// Spend, cost and margin over time by user, key or model, in whole hours or days of UTC. For those who run the platform.
#[utoipa::path(get, path = "/admin/api/v1/margin-series", tag = "usage", params(SeriesParameters),
    responses((status = 200, description = "The sums of every bucket", body = Margins)))]
pub(crate) async fn get(
    State(admin): State<Admin>,
    caller: Caller,
    Query(asked): Query<SeriesParameters>,
) -> Result<Json<Margins>, Problem> {
    let Asked { bucket, width, starts, from, until, top, query } =
        Asked::of(asked, &caller, admin.clock().now())?;
    let read = async |tx| {
        bound_report(&tx).await?;
        margin::margin(&tx, width, from, until, &query).await
    };
    let read = admin.store().tx_repeatable_read("admin_margin_series", read);
    let rows = admin.reports().run(caller.user_id, read).await?;
    let (groups, total) = collect(&starts, rows, top).map_err(|error| not_added_up(&error))?;
    Ok(Json(Margins { bucket, starts, groups, total }))
}

/// Rows by place, each spread over all buckets.
fn collect(
    starts: &[Timestamp],
    rows: Vec<MarginRow>,
    top: i64,
) -> Result<(Vec<MarginsOfGroup>, MarginSums), MoneyError> {
    let mut total = MarginSums::default();
    let mut groups = std::collections::BTreeMap::<i64, MarginsOfGroup>::new();
    for MarginRow { usage, costs } in rows {
        let sums = MarginSums::of(&usage.sums, &costs);
        total = total.and(sums)?;
        let group = groups.entry(usage.place).or_insert_with(|| MarginsOfGroup {
            id: usage.id,
            name: usage.name,
            prefix: usage.prefix,
            others: (usage.place > top).then_some(usage.groups),
            total: MarginSums::default(),
            requests: vec![0; starts.len()],
            amounts: vec![Credits::ZERO; starts.len()],
            costs: vec![Some(Credits::ZERO); starts.len()],
            margins: vec![Some(Credits::ZERO); starts.len()],
            uncosted_requests: vec![0; starts.len()],
        });
        group.total = group.total.and(sums)?;
        let Ok(at) = starts.binary_search(&usage.starts_at) else { continue };
        let told = sums.told()?;
        set(&mut group.requests, at, told.requests);
        set(&mut group.amounts, at, told.amount);
        set(&mut group.costs, at, told.cost);
        set(&mut group.margins, at, told.margin);
        set(&mut group.uncosted_requests, at, told.uncosted_requests);
    }
    let mut all = Vec::with_capacity(groups.len());
    for mut group in groups.into_values() {
        group.total = group.total.told()?;
        all.push(group);
    }
    Ok((all, total.told()?))
}

fn set<T>(values: &mut [T], at: usize, value: T) {
    if let Some(place) = values.get_mut(at) {
        *place = value;
    }
}
