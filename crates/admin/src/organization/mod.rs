//! OpenAI's `GET /v1/organization/usage/{completions,embeddings}` and `/v1/organization/costs`, in their exact envelope, from sums; and the other kinds
//! of usage, which are not told apart here.
//!
//! Buckets begin at whole minutes, hours and days of UTC: `start_time` is taken back to the beginning of its bucket, `end_time` on to the
//! end of its own. Hours and days are read from sums, a month of ten million requests in less than a tenth of a second. Minutes are read from
//! the requests of their days, and refused where these are more than a million; nothing is ever guessed. There are no
//! projects and no service tiers here: grouped by, they are `null`; asked for by id, they are refused.

mod costs;
mod others;
mod query;
mod usage;

pub(crate) use costs::{__path_costs, costs};
pub(crate) use others::{__path_others, others};
pub(crate) use usage::{__path_completions, __path_embeddings, completions, embeddings};

use jiff::Timestamp;
use serde::Serialize;
use tollgate_store::management::bound_report;
use tollgate_store::management::usage::{self as sums, BucketRow, BucketWidth};
use utoipa::ToSchema;

use self::query::Asked;
use crate::app::Admin;
use crate::caller::Caller;
use crate::page::List;
use crate::problem::Problem;

/// One page of buckets.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BucketPage<T> {
    /// Always `page`.
    object: &'static str,
    data: Vec<Bucket<T>>,
    has_more: bool,
    /// Send it as `page`, with the same parameters.
    next_page: Option<String>,
}

/// The sums of one stretch of time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Bucket<T> {
    /// Always `bucket`.
    object: &'static str,
    /// In Unix seconds.
    start_time: i64,
    /// In Unix seconds; the first that belongs to the next bucket.
    end_time: i64,
    /// One for each group that has requests; none where there were none.
    results: Vec<T>,
}

/// Where a page of buckets begins and ends at the latest, and how it goes on.
#[derive(Debug)]
struct Stretch<'a> {
    list: List<'a>,
    from: Timestamp,
    /// Of this page.
    until: Timestamp,
    /// Of all that was asked for.
    end: Timestamp,
}

impl<'a> Stretch<'a> {
    fn of(admin: &'a Admin, caller: &Caller, name: &str, asked: &Asked) -> Result<Self, Problem> {
        let Asked { start, end, width, limit, page, filter } = asked;
        let first = sums::start_of_bucket(*width, *start);
        let end = end.unwrap_or_else(|| admin.clock().now());
        // The bucket of the last instant that belongs to what was asked for is the last one.
        let last_instant = end.checked_sub(jiff::SignedDuration::from_nanos(1)).unwrap_or(end);
        let end = sums::later(*width, sums::start_of_bucket(*width, last_instant), 1);
        // Without an `end_time` the place stays good while time goes on.
        let list = List::new(admin, name, caller.scope(), &(start, width, filter));
        let from = match list.place::<i64>(page.as_deref())? {
            Some(seconds) => Timestamp::from_second(seconds).unwrap_or(first),
            None => first,
        };
        let until = sums::later(*width, from, (*limit).into()).min(end);
        Ok(Self { list, from, until, end })
    }

    /// The page with these buckets, which end there.
    fn page<T>(&self, until: Timestamp, data: Vec<Bucket<T>>) -> Result<BucketPage<T>, Problem> {
        let has_more = until < self.end;
        let next_page = has_more.then(|| self.list.cursor(&until.as_second())).transpose()?;
        Ok(BucketPage { object: "page", data, has_more, next_page })
    }
}

/// Reads the buckets that were asked for.
async fn page<T>(
    admin: &Admin,
    caller: &Caller,
    name: &str,
    mut asked: Asked,
    result: impl Fn(BucketRow) -> Result<T, Problem>,
) -> Result<BucketPage<T>, Problem> {
    asked.filter.scope = caller.scope();
    let stretch = Stretch::of(admin, caller, name, &asked)?;
    let (width, from, filter) = (asked.width, stretch.from, &asked.filter);
    let read = async |tx| {
        bound_report(&tx).await?;
        sums::buckets(&tx, width, from, stretch.until, filter).await
    };
    let read = admin
        .reports()
        .run(caller.user_id, admin.store().tx_repeatable_read("admin_usage_buckets", read))
        .await?;
    // Sooner than was asked for where there were too many rows.
    let sums::Buckets { rows, until } = read;
    stretch.page(until, fill(width, from, until, rows, result)?)
}

/// Every bucket, also those without rows.
fn fill<T>(
    width: BucketWidth,
    from: Timestamp,
    until: Timestamp,
    rows: Vec<BucketRow>,
    result: impl Fn(BucketRow) -> Result<T, Problem>,
) -> Result<Vec<Bucket<T>>, Problem> {
    let mut rows = rows.into_iter().peekable();
    let mut buckets = Vec::new();
    let mut start = from;
    while start < until {
        let mut results = Vec::new();
        while let Some(row) = rows.next_if(|row| row.starts_at <= start) {
            results.push(result(row)?);
        }
        let end = sums::later(width, start, 1);
        let (start_time, end_time) = (start.as_second(), end.as_second());
        buckets.push(Bucket { object: "bucket", start_time, end_time, results });
        if end <= start {
            break;
        }
        start = end;
    }
    Ok(buckets)
}
