//! Spend, cost and margin over time, for the operator: sums of usage × what models cost at that hour, worked out as it is read.
//!
//! Cost is linear in tokens, so it may be added up first and multiplied last; what matters is that no sum reaches over a change of a price. Days are
//! read as one sum where a model costs the same all day, else in hours (`Cells::select_priced`).
//!
//! It is linear but for what a provider states of a part beyond its whole (more cached than in the prompt), which a charge takes off each
//! request. Here it is taken off each sum that is multiplied: of one bucket, group and model. That is right where all requests
//! of a sum are like that, or none is; where they are not, those that have room hide what the others have too much of.
//!
//! What has no cost price is told beside, and is in neither cost nor margin: unknown is never zero.

use jiff::Timestamp;
use rust_decimal::Decimal;
use tokio_postgres::Row;
use tollgate_domain::Credits;

use super::cells::{Cells, Told};
use super::largest::{Largest, With};
use super::series::{COLUMNS, GROUP, SUMS, SUMS_OF_ROWS, SeriesGroup, SeriesQuery, SeriesRow};
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
                 input_price, output_price, nullif(cache_read_price - input_price, 0) as more_if_read,
                 nullif(cache_write_price - input_price, 0) as more_if_written,
                 nullif(reasoning_price - output_price, 0) as more_if_reasoning, nullif(request_price, 0) as request_price
          from model_costs) c
    where c.valid_until > $1 and c.valid_from < $2";

/// Days within which a model's cost changes.
const MIXED_DAYS: &str =
    "select date_trunc('day', valid_from, 'UTC') as day, model_no, min(valid_from) as changes_at
    from model_costs
    where valid_from > $1 and valid_from < $2 and valid_from <> date_trunc('day', valid_from, 'UTC')
    group by 1, 2";

/// Something that may have a price of its own, beside those of input and output.
#[derive(Debug, Clone, Copy)]
struct Part {
    /// The column of [`PRICES`], `null` where it has none.
    price: &'static str,
    /// How much of it there is in the sums at one price: no more than what is left of its whole, in the order in which a charge takes parts off
    /// ([`tollgate_domain::TokenUsage::split`]).
    quantity: &'static str,
    /// The sums that this takes, beside [`SUMS`].
    sums: &'static [&'static str],
}

const PARTS: [Part; 4] = [
    Part {
        price: "more_if_read",
        quantity: "least(s.cache_read_tokens, s.prompt_tokens)",
        sums: &["cache_read_tokens"],
    },
    Part {
        price: "more_if_written",
        quantity: "least(s.cache_write_tokens, s.prompt_tokens - least(s.cache_read_tokens, s.prompt_tokens))",
        sums: &["cache_read_tokens", "cache_write_tokens"],
    },
    Part {
        price: "more_if_reasoning",
        quantity: "least(s.reasoning_tokens, s.completion_tokens)",
        sums: &["reasoning_tokens"],
    },
    Part { price: "request_price", quantity: "(s.requests - s.failed_requests)", sums: &[] },
];

/// What there is to reckon with in a stretch of time. To add up and to multiply is what takes the longest, and hardly any price is of everything.
#[derive(Debug)]
struct Priced {
    has_mixed_days: bool,
    /// Those that have a price of their own.
    parts: Vec<Part>,
}

impl Priced {
    async fn find(tx: &Tx, from: Timestamp, until: Timestamp) -> Result<Self, StoreError> {
        let has_price = PARTS.map(|part| format!("coalesce(bool_or({} is not null), false)", part.price));
        let sql = format!("select exists ({MIXED_DAYS}), {} from ({PRICES}) prices", has_price.join(", "));
        let row = tx.query_one(&sql, &[&from, &until]).await?;
        let mut parts = Vec::new();
        for (at, part) in (1_usize..).zip(PARTS) {
            if row.try_get(at)? {
                parts.push(part);
            }
        }
        Ok(Self { has_mixed_days: row.try_get(0)?, parts })
    }

    /// The sums that are told, and those that are multiplied.
    fn sums(&self) -> Vec<&'static str> {
        let more = self.parts.iter().flat_map(|part| part.sums);
        crate::closed_hours::SUMS
            .into_iter()
            .filter(|sum| SUMS.contains(sum) || more.clone().any(|more| more == sum))
            .collect()
    }

    /// What these sums cost: every token as input or output, and what each part costs more or less than that.
    fn cost(&self) -> String {
        let whole = "s.prompt_tokens * p.input_price + s.completion_tokens * p.output_price";
        let parts = self.parts.iter().map(|Part { price, quantity, .. }| {
            format!("case when p.{price} is null then 0 else {quantity} * p.{price} end")
        });
        std::iter::once(whole.to_owned()).chain(parts).collect::<Vec<_>>().join(" + ")
    }
}

/// As [`super::series::series`], with what it cost; of buckets of hours or days.
pub async fn margin(
    tx: &Tx,
    width: BucketWidth,
    from: Timestamp,
    until: Timestamp,
    query: &SeriesQuery,
) -> Result<Vec<MarginRow>, StoreError> {
    check_text("the model", query.model.as_deref().unwrap_or_default())?;
    let mut cells = Cells::find(tx, &query.wanted()).await?;
    let cells = cells.between(from, until);
    let priced = Priced::find(tx, from, until).await?;
    let largest = Largest::find(tx, cells, query.group_by, query.top).await?;
    let sums = priced.sums();
    let select = |owners, only| {
        let told = Told { owners, models: true, sums: &sums };
        cells.select_priced(width, told, priced.has_mixed_days, only)
    };
    let is_of_owners = matches!(query.group_by, SeriesGroup::User | SeriesGroup::Key);
    // What is multiplied is of one bucket, group and price, whichever hours are closed.
    let with = With {
        sums: &sums,
        key: Some("price_no"),
        join: "left join prices j on j.model_no = r.model_no and j.valid_from <= r.priced_at and j.valid_until > r.priced_at",
        are_single: cells.are_single(width, is_of_owners),
    };
    let sql = format!(
        "with prices as materialized ({PRICES}),
         mixed_days as materialized ({MIXED_DAYS}),
         priced as ({priced}),
         costed as (
             select s.*, {cost} as cost
             from priced s left join prices p using (price_no)),
         summed as (
             select starts_at, place, group_no, {added_up}, sum(cost) as cost,
                    sum(requests - failed_requests) filter (where price_no is null) as uncosted_requests,
                    sum(prompt_tokens + completion_tokens) filter (where price_no is null) as uncosted_tokens,
                    sum(amount_pico) filter (where price_no is null) as uncosted_pico
             from costed group by 1, 2, 3)
         select {GROUP}, {SUMS_OF_ROWS}, c.cost::numeric(28, 12), coalesce(c.uncosted_requests, 0)::bigint,
                coalesce(c.uncosted_tokens, 0)::bigint, (coalesce(c.uncosted_pico, 0) * 0.000000000001)::numeric(28, 12)
         from summed c left join ({names}) n on n.no = c.group_no
         order by c.starts_at, c.place",
        priced = largest.sums(&with, select),
        cost = priced.cost(),
        added_up = SUMS.map(|sum| format!("sum({sum}) as {sum}")).join(", "),
        names = query.group_by.names(),
    );
    let parameters = [&cells.parameters()[..], &largest.parameters()].concat();
    let rows = tx.query(&sql, &parameters).await?;
    rows.iter().map(|row| read(row, &largest)).collect()
}

fn read(row: &Row, largest: &Largest) -> Result<MarginRow, StoreError> {
    let cost = row.try_get::<_, Option<Decimal>>(COLUMNS)?.map(Credits::try_from).transpose()?;
    let costs = Costs {
        cost,
        uncosted_requests: row.try_get(COLUMNS + 1)?,
        uncosted_tokens: row.try_get(COLUMNS + 2)?,
        uncosted_amount: Credits::try_from(row.try_get::<_, Decimal>(COLUMNS + 3)?)?,
    };
    Ok(MarginRow { usage: SeriesRow::read(row, largest)?, costs })
}
