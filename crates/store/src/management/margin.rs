//! Spend, cost and margin over time, for the operator: sums of usage × what models cost at that hour, worked out as it is read.
//!
//! Cost is linear in tokens, so it may be added up first and multiplied last; what matters is that no sum reaches over a change of a price. Days are
//! read as one sum where a model costs the same all day, else in hours (`Cells::select_priced`).
//!
//! What has no cost price is told beside, and is in neither cost nor margin: unknown is never zero.

use jiff::Timestamp;
use rust_decimal::Decimal;
use tokio_postgres::Row;
use tollgate_domain::Credits;

use super::cells::Cells;
use super::series::{Grouping, MAX_GROUPS, SeriesQuery, SeriesRow, Sums};
use super::usage::BucketWidth;
use crate::text::check_text;
use crate::{StoreError, Tx};

/// A row of a series, and what it cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarginRow {
    /// What was used, and charged.
    pub usage: SeriesRow,
    /// What of it is known to have cost.
    pub costs: Costs,
}

/// What requests cost, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Costs {
    /// What upstreams asked for what has a cost price. `None`: nothing of it has one.
    pub cost: Option<Credits>,
    /// Requests without a cost price that did not fail.
    pub uncosted_requests: i64,
    /// Tokens in and out without a cost price, of failed requests as well.
    pub uncosted_tokens: i64,
    /// What was charged for requests without a cost price.
    pub uncosted_amount: Credits,
}

/// A cost price is one model's from some hour until another, and only those that are asked about are looked at.
const PRICES: &str = "select row_number() over () as price_no, c.*
    from (select model_no, valid_from,
                 coalesce(lead(valid_from) over (partition by model_no order by valid_from), 'infinity') as valid_until,
                 input_price, output_price, coalesce(cache_read_price, input_price) - input_price as more_if_read,
                 coalesce(cache_write_price, input_price) - input_price as more_if_written,
                 coalesce(reasoning_price, output_price) - output_price as more_if_reasoning,
                 coalesce(request_price, 0) as request_price
          from model_costs) c
    where c.valid_until > $1 and c.valid_from < $2";

/// Days within which a model's cost changes.
const MIXED_DAYS: &str =
    "select date_trunc('day', valid_from, 'UTC') as day, array_agg(distinct model_no) as models
    from model_costs
    where valid_from > $1 and valid_from < $2 and valid_from <> date_trunc('day', valid_from, 'UTC')
    group by 1";

/// As [`super::series::series`], with what it cost; of buckets of hours or days.
pub async fn margin(
    tx: &Tx,
    width: BucketWidth,
    from: Timestamp,
    until: Timestamp,
    query: &SeriesQuery,
) -> Result<Vec<MarginRow>, StoreError> {
    check_text("the model", query.model.as_deref().unwrap_or_default())?;
    let Grouping { column, told, names, named } = Grouping::of(query.group_by);
    let mut cells = Cells::find(tx, &query.wanted()).await?;
    let has_mixed_days = width == BucketWidth::Day
        && tx
            .query_one(&format!("select exists ({MIXED_DAYS})"), &[&from, &until])
            .await?
            .try_get::<_, bool>(0)?;
    let counts = [
        "requests",
        "failed_requests",
        "unrated_requests",
        "prompt_tokens",
        "completion_tokens",
        "reasoning_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "amount_pico",
    ];
    let added_up = |of: &str| counts.map(|sum| format!("sum({of}.{sum}) as {sum}")).join(", ");
    let all = |sum: &str| format!("sum(c.{sum})::bigint");
    let sql = format!(
        "with prices as materialized ({PRICES}),
         mixed_days as materialized ({MIXED_DAYS}),
         cells as ({cells}),
         grouped as (
             select r.starts_at, {column} as group_no, p.price_no, {of_cells}
             from cells r left join prices p
               on p.model_no = r.model_no and p.valid_from <= r.priced_at and p.valid_until > r.priced_at
             group by 1, 2, 3),
         ranked as (
             select group_no,
                    row_number() over (order by sum(amount_pico) desc, sum(requests) desc, group_no) as place
             from grouped group by group_no having sum(requests) <> 0),
         placed as (
             select group_no, least(place, $11::bigint + 1) as place, place > $11 as is_rest from ranked),
         cut as (
             select s.starts_at, p.place, case when p.is_rest then null else p.group_no end as group_no, s.price_no,
                    {of_groups}
             from grouped s join placed p on p.group_no = s.group_no
             group by 1, 2, 3, 4),
         costed as (
             select c.*,
                    c.prompt_tokens * p.input_price + c.cache_read_tokens * p.more_if_read
                    + c.cache_write_tokens * p.more_if_written + c.completion_tokens * p.output_price
                    + c.reasoning_tokens * p.more_if_reasoning
                    + (c.requests - c.failed_requests) * p.request_price as cost
             from cut c left join prices p using (price_no))
         select c.starts_at, c.place,
                case when c.group_no is null then (select count(*) from placed where is_rest) else 1 end,
                n.id, n.name, n.prefix, {requests}, {failed}, {unrated}, {prompt}, {completion}, {amount},
                sum(c.cost)::numeric(28, 12),
                coalesce(sum(c.requests - c.failed_requests) filter (where c.price_no is null), 0)::bigint,
                coalesce(sum(c.prompt_tokens + c.completion_tokens) filter (where c.price_no is null), 0)::bigint,
                coalesce({amount_of_uncosted}, 0)::numeric(28, 12)
         from costed c left join ({names}) n on {named}
         group by c.starts_at, c.place, c.group_no, n.id, n.name, n.prefix
         order by c.starts_at, c.place",
        cells = cells.select_priced(width, told.owners, has_mixed_days),
        of_cells = added_up("r"),
        of_groups = added_up("s"),
        requests = all("requests"),
        failed = all("failed_requests"),
        unrated = all("unrated_requests"),
        prompt = all("prompt_tokens"),
        completion = all("completion_tokens"),
        amount = "(sum(c.amount_pico) * 0.000000000001)::numeric(28, 12)",
        amount_of_uncosted = "sum(c.amount_pico) filter (where c.price_no is null) * 0.000000000001",
    );
    let top = i64::from(query.top.clamp(1, MAX_GROUPS));
    let mut parameters = cells.between(from, until).parameters().to_vec();
    parameters.push(&top);
    tx.query(&sql, &parameters).await?.iter().map(from_row).collect()
}

fn from_row(row: &Row) -> Result<MarginRow, StoreError> {
    let credits = |column| Ok::<_, StoreError>(Credits::try_from(row.try_get::<_, Decimal>(column)?)?);
    let usage = SeriesRow {
        starts_at: row.try_get(0)?,
        place: row.try_get(1)?,
        groups: row.try_get(2)?,
        id: row.try_get(3)?,
        name: row.try_get(4)?,
        prefix: row.try_get(5)?,
        sums: Sums {
            requests: row.try_get(6)?,
            failed_requests: row.try_get(7)?,
            unrated_requests: row.try_get(8)?,
            prompt_tokens: row.try_get(9)?,
            completion_tokens: row.try_get(10)?,
            amount: credits(11)?,
        },
    };
    let cost = row.try_get::<_, Option<Decimal>>(12)?.map(Credits::try_from).transpose()?;
    let costs = Costs {
        cost,
        uncosted_requests: row.try_get(13)?,
        uncosted_tokens: row.try_get(14)?,
        uncosted_amount: credits(15)?,
    };
    Ok(MarginRow { usage, costs })
}
