//! Usage over time for people who look at it: the largest groups by name, all others as one, from the sums that are kept alone. What comes back is
//! bounded by buckets × groups, however many users, keys and models there are.

use jiff::Timestamp;
use rust_decimal::Decimal;
use tokio_postgres::Row;
use tollgate_domain::{ApiKeyId, Credits, UserId};
use uuid::Uuid;

use super::cells::{Cells, Told, Wanted};
use super::usage::BucketWidth;
use crate::text::check_text;
use crate::{StoreError, Tx};

/// Most groups that are told apart; all others are summed up as one.
pub const MAX_GROUPS: u32 = 20;

/// What sums are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SeriesGroup {
    /// Nothing: one group.
    #[default]
    Nothing,
    /// Who pays.
    User,
    /// With which key.
    Key,
    /// For which model.
    Model,
}

/// Which sums.
#[derive(Debug, Clone, Default)]
pub struct SeriesQuery {
    /// Only what this user pays for.
    pub user: Option<UserId>,
    /// Only with this key.
    pub api_key: Option<ApiKeyId>,
    /// Only for this model, by alias.
    pub model: Option<String>,
    /// What to tell apart.
    pub group_by: SeriesGroup,
    /// How many groups to tell apart, at most [`MAX_GROUPS`]: those that were charged most.
    pub top: u32,
}

/// Sums of one group in one bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesRow {
    /// When the bucket begins.
    pub starts_at: Timestamp,
    /// 1 is the group that was charged most; one more than was asked for is all others together.
    pub place: i64,
    /// How many groups are summed up here: 1, but for all others.
    pub groups: i64,
    /// The user, key or model.
    pub id: Option<Uuid>,
    /// Its name; a key's own name.
    pub name: Option<String>,
    /// The first characters of a key.
    pub prefix: Option<String>,
    /// The sums.
    pub sums: Sums,
}

/// Sums over requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    /// Requests.
    pub requests: i64,
    /// Of these, the ones that failed.
    pub failed_requests: i64,
    /// Of these, the ones that wait for a price.
    pub unrated_requests: i64,
    /// Tokens in.
    pub prompt_tokens: i64,
    /// Tokens out.
    pub completion_tokens: i64,
    /// Charged, in credits.
    pub amount: Credits,
}

/// The sums of the buckets that begin at `from`, a bucket's beginning, or later and before `until`, by time and place. Buckets and groups
/// without requests have no row.
pub async fn series(
    tx: &Tx,
    width: BucketWidth,
    from: Timestamp,
    until: Timestamp,
    query: &SeriesQuery,
) -> Result<Vec<SeriesRow>, StoreError> {
    check_text("the model", query.model.as_deref().unwrap_or_default())?;
    let Grouping { column, told, names, named } = Grouping::of(query.group_by);
    let mut cells = Cells::find(tx, &query.wanted()).await?;
    let counts = [
        "requests",
        "failed_requests",
        "unrated_requests",
        "prompt_tokens",
        "completion_tokens",
        "amount_pico",
    ];
    // Days are kept as sums already: to sum up each group of each day first would only be a detour.
    let (sums, by) = if width == BucketWidth::Day && cells.are_closed() {
        (counts.map(|sum| format!("r.{sum}")), "")
    } else {
        (counts.map(|sum| format!("sum(r.{sum}) as {sum}")), " group by 1, 2")
    };
    let grouped = format!("select r.starts_at, {column} as group_no, {} from cells r{by}", sums.join(", "));
    let sql = format!(
        "with cells as ({cells}),
         grouped as (
             {grouped}),
         ranked as (
             select group_no,
                    row_number() over (order by sum(amount_pico) desc, sum(requests) desc, group_no) as place
             from grouped group by group_no having sum(requests) <> 0),
         placed as (
             select group_no, least(place, $11::bigint + 1) as place, place > $11 as is_rest from ranked),
         cut as (
             select s.starts_at, p.place, case when p.is_rest then null else p.group_no end as group_no,
                    sum(s.requests)::bigint as requests, sum(s.failed_requests)::bigint as failed_requests,
                    sum(s.unrated_requests)::bigint as unrated_requests,
                    sum(s.prompt_tokens)::bigint as prompt_tokens,
                    sum(s.completion_tokens)::bigint as completion_tokens,
                    (sum(s.amount_pico) * 0.000000000001)::numeric(28, 12) as amount
             from grouped s join placed p on p.group_no = s.group_no
             group by 1, 2, 3)
         select c.starts_at, c.place,
                case when c.group_no is null then (select count(*) from placed where is_rest) else 1 end,
                n.id, n.name, n.prefix, c.requests, c.failed_requests, c.unrated_requests, c.prompt_tokens,
                c.completion_tokens, c.amount
         from cut c left join ({names}) n on {named}
         order by c.starts_at, c.place",
        cells = cells.select(width, told),
    );
    let top = i64::from(query.top.clamp(1, MAX_GROUPS));
    let mut parameters = cells.between(from, until).parameters().to_vec();
    parameters.push(&top);
    let rows = tx.query(&sql, &parameters).await?;
    rows.iter().map(from_row).collect()
}

/// How groups are told apart, and what they are called.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grouping {
    /// The number of a cell's group.
    pub(super) column: &'static str,
    pub(super) told: Told,
    /// A query of `id`, `name` and `prefix` of each.
    pub(super) names: &'static str,
    /// Which of these, `n`, is that of `c.group_no`.
    pub(super) named: &'static str,
}

impl Grouping {
    pub(super) const fn of(group_by: SeriesGroup) -> Self {
        let named = "n.no = c.group_no";
        let owners = Told { owners: true, models: false };
        match group_by {
            SeriesGroup::Nothing => Self {
                column: "0",
                told: Told { owners: false, models: false },
                names: "select null::uuid as id, null::text as name, null::text as prefix",
                named: "false",
            },
            SeriesGroup::User => Self {
                column: "r.user_no",
                told: owners,
                names: "select id, name, null::text as prefix, no from users",
                named,
            },
            SeriesGroup::Key => Self {
                column: "r.key_no",
                told: owners,
                names: "select id, name, prefix, no from api_keys",
                named,
            },
            SeriesGroup::Model => Self {
                column: "r.model_no",
                told: Told { owners: false, models: true },
                names: "select id, alias as name, null::text as prefix, no from deployed_models",
                named,
            },
        }
    }
}

impl SeriesQuery {
    pub(super) fn wanted(&self) -> Wanted<'_> {
        Wanted {
            scope: self.user,
            keys: self.api_key.as_slice(),
            models: self.model.as_slice(),
            ..Wanted::default()
        }
    }
}

fn from_row(row: &Row) -> Result<SeriesRow, StoreError> {
    Ok(SeriesRow {
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
            amount: Credits::try_from(row.try_get::<_, Decimal>(11)?)?,
        },
    })
}
