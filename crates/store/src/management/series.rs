//! Usage over time for people who look at it: the largest groups by name, all others as one, from the sums that are kept alone. What comes back is
//! bounded by buckets × groups, however many users, keys and models there are.

use jiff::Timestamp;
use rust_decimal::Decimal;
use tokio_postgres::Row;
use tollgate_domain::{ApiKeyId, Credits, UserId};
use uuid::Uuid;

use super::cells::{Cells, Told, Wanted};
use super::largest::{Largest, With};
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
    let mut cells = Cells::find(tx, &query.wanted()).await?;
    let cells = cells.between(from, until);
    let largest = Largest::find(tx, cells, query.group_by, query.top).await?;
    let models = query.group_by == SeriesGroup::Model;
    let select = |owners, only| cells.select(width, Told { owners, models, sums: &SUMS }, only);
    let sql = format!(
        "with c as ({sums})
         select {GROUP}, {SUMS_OF_ROWS}
         from c left join ({names}) n on n.no = c.group_no
         order by c.starts_at, c.place",
        sums = largest.sums(&With { sums: &SUMS, ..With::default() }, select),
        names = query.group_by.names(),
    );
    let parameters = [&cells.parameters()[..], &largest.parameters()].concat();
    let rows = tx.query(&sql, &parameters).await?;
    rows.iter().map(|row| SeriesRow::read(row, &largest)).collect()
}

/// The sums of cells that [`SeriesRow::read`] reads.
pub(super) const SUMS: [&str; 6] =
    ["requests", "failed_requests", "unrated_requests", "prompt_tokens", "completion_tokens", "amount_pico"];

/// What [`SeriesRow::read`] reads, of `c`, sums at a place, and `n`, the names of groups: its first columns.
pub(super) const GROUP: &str = "c.starts_at, c.place, n.id, n.name, n.prefix";
/// And those after.
pub(super) const SUMS_OF_ROWS: &str =
    "c.requests::bigint, c.failed_requests::bigint, c.unrated_requests::bigint,
    c.prompt_tokens::bigint, c.completion_tokens::bigint, (c.amount_pico * 0.000000000001)::numeric(28, 12)";
/// How many columns that are.
pub(super) const COLUMNS: usize = 11;

impl SeriesGroup {
    /// A query of `no`, `id`, `name` and `prefix` of each.
    pub(super) const fn names(self) -> &'static str {
        match self {
            Self::Nothing => {
                "select null::int as no, null::uuid as id, null::text as name, null::text as prefix where false"
            }
            Self::User => "select no, id, name, null::text as prefix from users",
            Self::Key => "select no, id, name, prefix from api_keys",
            Self::Model => "select no, id, alias as name, null::text as prefix from deployed_models",
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

impl SeriesRow {
    pub(super) fn read(row: &Row, largest: &Largest) -> Result<Self, StoreError> {
        let place = row.try_get(1)?;
        Ok(Self {
            starts_at: row.try_get(0)?,
            place,
            groups: largest.groups_at(place),
            id: row.try_get(2)?,
            name: row.try_get(3)?,
            prefix: row.try_get(4)?,
            sums: Sums {
                requests: row.try_get(5)?,
                failed_requests: row.try_get(6)?,
                unrated_requests: row.try_get(7)?,
                prompt_tokens: row.try_get(8)?,
                completion_tokens: row.try_get(9)?,
                amount: Credits::try_from(row.try_get::<_, Decimal>(10)?)?,
            },
        })
    }
}
