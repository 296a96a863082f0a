//! Usage and costs in buckets of time, from the sums that are kept and nothing else: what they cost does not grow with the requests.
//!
//! But for minutes: no sums of them are kept, because every flush would have to write them and hardly anybody reads them. They are read from
//! the records of their days, which are partitions, and only where these are few enough to read; how many they are is known from the
//! sums.
//!
//! Which kind of usage a model's sums are is the model's: one whose answers were only ever embeddings
//! counts as that, every other as completions, so each request counts in exactly one of the kinds. Only what was answered says what a
//! model is: anybody may ask an embedding model for a chat, and is refused.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use tokio_postgres::Row;
use tollgate_domain::{ApiKeyId, Credits, UserId};
use uuid::Uuid;

use super::cells::{Cells, Only, Told, Wanted, columns};
use crate::{StoreError, Tx};

/// Most rows of a page of several buckets, which ends sooner where it would have more: so many are read, written and sent within some
/// hundredths of a second.
pub const PAGE_ROWS: usize = 5_000;

/// Most rows of one bucket, which is a page of its own where it has more than [`PAGE_ROWS`].
pub const MAX_ROWS: usize = 10_000;

/// Most requests of the days that minutes are asked of: what is read takes some tenths of a second, in a report's place and not in a flush's.
pub const MAX_MINUTE_REQUESTS: i64 = 1_000_000;

/// The sums of cells that are read.
const SUMS: [&str; 6] = [
    "requests",
    "prompt_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "completion_tokens",
    "amount_pico",
];

/// How wide a bucket is. Buckets begin at whole minutes, hours and days of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BucketWidth {
    /// 60 seconds. Read from the requests themselves, of days that have at most [`MAX_MINUTE_REQUESTS`].
    Minute,
    /// 3,600 seconds.
    Hour,
    /// 86,400 seconds.
    Day,
}

impl BucketWidth {
    /// In seconds.
    pub const fn seconds(self) -> i64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }

    pub(super) const fn interval(self) -> &'static str {
        match self {
            Self::Minute => "1 minute",
            Self::Hour => "1 hour",
            Self::Day => "1 day",
        }
    }
}

/// Which kind of usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UsageKind {
    /// Of models whose answers were only ever embeddings.
    Embeddings,
    /// Of every other model, and of requests without one.
    Completions,
}

/// What sums are told apart by, beside time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Grouping {
    /// Who pays.
    pub user: bool,
    /// With which key.
    pub api_key: bool,
    /// For which model.
    pub model: bool,
    /// Whether the key is for batches.
    pub batch: bool,
}

/// Which sums. An empty list is no filter.
#[derive(Debug, Clone, Default)]
pub struct BucketQuery {
    /// Only what this user pays for, whatever else is asked.
    pub scope: Option<UserId>,
    /// Only what these users pay for.
    pub users: Vec<UserId>,
    /// Only with these keys.
    pub api_keys: Vec<ApiKeyId>,
    /// Only for these models, by alias.
    pub models: Vec<String>,
    /// Only with keys that are for batches, or only with others.
    pub batch: Option<bool>,
    /// Only of this kind.
    pub kind: Option<UsageKind>,
    /// What to tell apart.
    pub grouping: Grouping,
    /// Sum up what was charged, too: of all sums the dearest to reckon.
    pub with_amount: bool,
}

/// Sums of one group in one bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketRow {
    /// When the bucket begins.
    pub starts_at: Timestamp,
    /// Who pays, where that is told apart.
    pub user_id: Option<UserId>,
    /// With which key, where that is told apart.
    pub api_key_id: Option<ApiKeyId>,
    /// For which model, where that is told apart.
    pub model: Option<String>,
    /// Whether the key is for batches, where that is told apart.
    pub batch: Option<bool>,
    /// Requests.
    pub requests: i64,
    /// Every token in.
    pub prompt_tokens: i64,
    /// Of these, read from a cache.
    pub cache_read_tokens: i64,
    /// Of these, written to a cache.
    pub cache_write_tokens: i64,
    /// Every token out.
    pub completion_tokens: i64,
    /// Charged, in credits; `None` where that was not asked for.
    pub amount: Option<Credits>,
}

/// Rows of whole buckets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buckets {
    /// In order of time, then of what is told apart.
    pub rows: Vec<BucketRow>,
    /// Where they end: every bucket that begins before then is whole. Sooner than was asked for where there were too many rows.
    pub until: Timestamp,
}

/// The sums of the buckets that begin at `from`, a bucket's beginning, or later and before `until`. Buckets and groups without requests have
/// no row. At most [`PAGE_ROWS`], or one bucket: then the first buckets, as many as are whole. One bucket that has more than [`MAX_ROWS`] is
/// refused. The transaction must be one of a single snapshot.
pub async fn buckets(
    tx: &Tx,
    width: BucketWidth,
    from: Timestamp,
    until: Timestamp,
    query: &BucketQuery,
) -> Result<Buckets, StoreError> {
    let BucketQuery { scope, users, api_keys, models, batch, kind, grouping, with_amount } = query;
    let of_batches = OfBatches::of(width, query);
    let batch = if of_batches.is_some() { None } else { *batch };
    let wanted = Wanted { scope: *scope, users, keys: api_keys, models, batch, kind: *kind };
    let mut cells = Cells::find(tx, &wanted).await?;
    if width == BucketWidth::Minute {
        let requests = cells.requests_of_days(tx, from, until).await?;
        if requests > MAX_MINUTE_REQUESTS {
            return Err(StoreError::refused(format!(
                "minutes are read from the requests of their days, and these days have {requests}, more than {MAX_MINUTE_REQUESTS}; \
                 ask for hours"
            )));
        }
    }
    let of = |is_wanted: bool, column: &'static str| if is_wanted { column } else { "null::integer" };
    let owners = grouping.user || grouping.api_key || grouping.batch;
    let told = Told { owners, models: grouping.model, sums: &SUMS };
    let source = match of_batches {
        Some(of_batches) => of_batches.select(&cells, width, told),
        None => cells.select(width, told, Only::All),
    };
    // Sums by number first, names afterwards: there are few groups and many sums.
    let sql = format!(
        "with cells as ({source}),
         batch_keys as (select no from api_keys where purpose = 'batch'),
         summed as (
             select r.starts_at, {user} as user_no, {key} as key_no, {model} as model_no, {batch} as is_batch,
                    sum(r.requests)::bigint as requests, sum(r.prompt_tokens)::bigint as prompt_tokens,
                    sum(r.cache_read_tokens)::bigint as cache_read_tokens,
                    sum(r.cache_write_tokens)::bigint as cache_write_tokens,
                    sum(r.completion_tokens)::bigint as completion_tokens,
                    {amount} as amount
             from cells r
             group by 1, 2, 3, 4, 5)
         select s.starts_at, u.id, k.id, m.alias, s.is_batch, s.requests, s.prompt_tokens, s.cache_read_tokens,
                s.cache_write_tokens, s.completion_tokens, s.amount
         from summed s
         left join users u on u.no = s.user_no
         left join api_keys k on k.no = s.key_no
         left join deployed_models m on m.no = s.model_no
         where s.requests <> 0
         order by s.starts_at, u.id, k.id, m.alias, s.model_no, s.is_batch
         limit {limit}",
        limit = MAX_ROWS.saturating_add(1),
        amount = if *with_amount {
            "(sum(r.amount_pico) * 0.000000000001)::numeric(28, 12)"
        } else {
            "null::numeric"
        },
        user = of(grouping.user, "r.user_no"),
        key = of(grouping.api_key, "r.key_no"),
        model = of(grouping.model, "r.model_no"),
        batch = match (grouping.batch, of_batches.is_some()) {
            (false, _) => "null::boolean",
            (true, false) => "r.key_no in (select no from batch_keys)",
            (true, true) => "r.is_batch",
        },
    );
    let mut rows: Vec<BucketRow> = Vec::new();
    let mut start = from;
    while start < until {
        let buckets = next_stretch(width, from, start, rows.len(), *grouping);
        if buckets == 0 {
            break;
        }
        let end = later(width, start, buckets).min(until);
        let read = tx.query(&sql, &cells.between(start, end).parameters()).await?;
        let read = read.iter().map(from_row).collect::<Result<Vec<_>, _>>()?;
        rows.extend(read);
        start = end;
    }
    whole_buckets(rows, start)
}

/// How many buckets to read next; none: the page is full. Where there may be thousands of groups in each, the first ones fill a page: then no
/// more are summed up than have their place in it, by how many rows those before came to.
fn next_stretch(
    width: BucketWidth,
    from: Timestamp,
    start: Timestamp,
    rows: usize,
    grouping: Grouping,
) -> i64 {
    let all = i64::MAX / width.seconds();
    let read = start.as_second().saturating_sub(from.as_second()) / width.seconds();
    let has_many = grouping.user || grouping.api_key;
    // Minutes are found by reading their whole days: once.
    if !has_many || width == BucketWidth::Minute {
        return all;
    }
    if read == 0 {
        return 1;
    }
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    let room = i64::try_from(PAGE_ROWS).unwrap_or(i64::MAX).saturating_sub(rows).max(0);
    room.saturating_mul(read).checked_div(rows).unwrap_or(all)
}

/// Takes off the bucket in which there was one row too many.
fn whole_buckets(mut rows: Vec<BucketRow>, until: Timestamp) -> Result<Buckets, StoreError> {
    let Some(first) = rows.first().map(|row| row.starts_at) else { return Ok(Buckets { rows, until }) };
    let of_first = rows.partition_point(|row| row.starts_at <= first);
    if of_first > MAX_ROWS {
        return Err(StoreError::refused(format!(
            "one bucket has more than {MAX_ROWS} groups; tell less apart, or ask for fewer of them"
        )));
    }
    let Some(cut) = rows.get(of_first.max(PAGE_ROWS)).map(|row| row.starts_at) else {
        return Ok(Buckets { rows, until });
    };
    rows.retain(|row| row.starts_at < cut);
    Ok(Buckets { rows, until: cut })
}

/// Keys for batches beside all others, where nobody is told apart: sums of those keys alone are kept, and all others are what is left of
/// everything.
#[derive(Debug, Clone, Copy)]
struct OfBatches {
    /// `None`: with both kinds of keys.
    wanted: Option<bool>,
}

impl OfBatches {
    /// `None`: it is not asked for, or more is.
    fn of(width: BucketWidth, query: &BucketQuery) -> Option<Self> {
        let BucketQuery { scope, users, api_keys, batch, grouping, .. } = query;
        let is_asked = grouping.batch || batch.is_some();
        let is_of_some =
            scope.is_some() || !users.is_empty() || !api_keys.is_empty() || grouping.user || grouping.api_key;
        (is_asked && !is_of_some && width != BucketWidth::Minute).then_some(Self { wanted: *batch })
    }

    /// As [`Cells::select`], with `is_batch`.
    fn select(self, cells: &Cells, width: BucketWidth, told: Told<'_>) -> String {
        let told = Told { owners: false, ..told };
        let rows = |table: &str, is_batch: bool, sign: &str| {
            format!(
                "select r.starts_at, 0 as user_no, 0 as key_no, r.model_no, {}, {is_batch} as is_batch from {table} r",
                columns("r", told.sums, sign)
            )
        };
        let select = |only| cells.select(width, told, only);
        let others = || {
            let everything = format!("({})", select(Only::All));
            [rows(&everything, false, ""), rows("of_batches", false, "-")]
        };
        let parts = match self.wanted {
            Some(true) => vec![rows("of_batches", true, "")],
            Some(false) => others().to_vec(),
            None => [vec![rows("of_batches", true, "")], others().to_vec()].concat(),
        };
        format!("with of_batches as materialized ({}) {}", select(Only::OfBatches), parts.join(" union all "))
    }
}

/// The beginning of the bucket that an instant lies in.
pub fn start_of_bucket(width: BucketWidth, at: Timestamp) -> Timestamp {
    let into = at.as_second().rem_euclid(width.seconds());
    Timestamp::from_second(at.as_second().saturating_sub(into)).unwrap_or(at)
}

/// The beginning of the bucket after so many others.
pub fn later(width: BucketWidth, from: Timestamp, buckets: i64) -> Timestamp {
    let seconds = width.seconds().saturating_mul(buckets);
    from.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

fn from_row(row: &Row) -> Result<BucketRow, StoreError> {
    Ok(BucketRow {
        starts_at: row.try_get(0)?,
        user_id: row.try_get::<_, Option<Uuid>>(1)?.map(UserId::from_uuid),
        api_key_id: row.try_get::<_, Option<Uuid>>(2)?.map(ApiKeyId::from_uuid),
        model: row.try_get(3)?,
        batch: row.try_get(4)?,
        requests: row.try_get(5)?,
        prompt_tokens: row.try_get(6)?,
        cache_read_tokens: row.try_get(7)?,
        cache_write_tokens: row.try_get(8)?,
        completion_tokens: row.try_get(9)?,
        amount: row.try_get::<_, Option<Decimal>>(10)?.map(Credits::try_from).transpose()?,
    })
}
