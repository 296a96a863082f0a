//! Usage over time as charts show it: the largest groups told apart, all others as one, in whole hours or days of UTC. From the hourly
//! sums; the answer is as large as its buckets × groups, a year of data or a minute.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tollgate_domain::{ApiKeyId, Credits, MoneyError, UserId};
use tollgate_store::management::bound_report;
use tollgate_store::management::series::{self, MAX_GROUPS, SeriesGroup, SeriesQuery, SeriesRow, Sums};
use tollgate_store::management::usage::{self as sums, BucketWidth};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app::Admin;
use crate::caller::Caller;
use crate::extract::Query;
use crate::problem::{Kind, Problem};

/// Most buckets of one answer: a month of hours, almost three years of days.
const MAX_BUCKETS: usize = 1_000;
/// Groups that are told apart when nothing was said.
const DEFAULT_TOP: u32 = 7;

/// How wide a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SeriesBucket {
    Hour,
    Day,
}

/// What is told apart.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SeriesBy {
    #[default]
    Nothing,
    User,
    Key,
    Model,
}

/// Which usage.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SeriesParameters {
    /// From the bucket of this instant on.
    since: Timestamp,
    /// To the end of the bucket just before this instant; now where it is left out.
    until: Option<Timestamp>,
    /// `hour` or `day`, of UTC. At most 1000 buckets.
    #[param(inline)]
    bucket: SeriesBucket,
    /// `nothing` (the default), `user`, `key` or `model`.
    #[serde(default)]
    #[param(inline)]
    group_by: SeriesBy,
    /// Only what this user pays for.
    user_id: Option<Uuid>,
    /// Only with this key.
    api_key_id: Option<Uuid>,
    /// Only for this model, by alias.
    model: Option<String>,
    /// How many groups are told apart, 7 when nothing is said: those that were charged most.
    #[param(minimum = 1, maximum = 20)]
    top: Option<u32>,
}

/// Usage over time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Series {
    bucket: SeriesBucket,
    /// When each bucket begins.
    starts: Vec<Timestamp>,
    /// What was charged most comes first; all others together last.
    groups: Vec<SeriesOfGroup>,
    total: SeriesSums,
}

/// One group over time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SeriesOfGroup {
    /// Of the user, key or model; `null` for requests without one, and for all others together.
    id: Option<Uuid>,
    /// `null` for requests without a user, key or model.
    name: Option<String>,
    /// The first characters of a key.
    prefix: Option<String>,
    /// It is all others together: so many groups. `null`: it is one group.
    others: Option<i64>,
    total: SeriesSums,
    /// For each bucket.
    requests: Vec<i64>,
    /// For each bucket: in and out.
    tokens: Vec<i64>,
    /// For each bucket, in credits.
    #[schema(value_type = Vec<String>)]
    amounts: Vec<Credits>,
}

/// Sums over all buckets.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub(crate) struct SeriesSums {
    requests: i64,
    failed_requests: i64,
    unrated_requests: i64,
    prompt_tokens: i64,
    completion_tokens: i64,
    /// Charged, in credits.
    #[schema(value_type = String, example = "1.25")]
    amount: Credits,
}

impl SeriesSums {
    fn add(&mut self, more: &Sums) -> Result<(), MoneyError> {
        self.requests = self.requests.saturating_add(more.requests);
        self.failed_requests = self.failed_requests.saturating_add(more.failed_requests);
        self.unrated_requests = self.unrated_requests.saturating_add(more.unrated_requests);
        self.prompt_tokens = self.prompt_tokens.saturating_add(more.prompt_tokens);
        self.completion_tokens = self.completion_tokens.saturating_add(more.completion_tokens);
        self.amount = self.amount.checked_add(more.amount)?;
        Ok(())
    }
}

/// Usage over time by user, key or model, in whole hours or days of UTC.
#[utoipa::path(get, path = "/admin/api/v1/usage-series", tag = "usage", params(SeriesParameters),
    responses((status = 200, description = "The sums of every bucket", body = Series)))]
pub(crate) async fn get(
    State(admin): State<Admin>,
    caller: Caller,
    Query(asked): Query<SeriesParameters>,
) -> Result<Json<Series>, Problem> {
    let Asked { bucket, width, starts, from, until, top, query } =
        Asked::of(asked, &caller, admin.clock().now())?;
    let read = async |tx| {
        bound_report(&tx).await?;
        series::series(&tx, width, from, until, &query).await
    };
    let rows = admin
        .reports()
        .run(caller.user_id, admin.store().tx_repeatable_read("admin_usage_series", read))
        .await?;
    let (groups, total) = collect(&starts, rows, top).map_err(|error| not_added_up(&error))?;
    Ok(Json(Series { bucket, starts, groups, total }))
}

pub(crate) fn not_added_up(error: &MoneyError) -> Problem {
    tracing::error!(%error, "sums of usage could not be added up");
    Problem::new(Kind::Internal, "the server's log says more")
}

/// What was asked for, checked, of rows that the caller may see.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) bucket: SeriesBucket,
    pub(crate) width: BucketWidth,
    /// When each bucket begins.
    pub(crate) starts: Vec<Timestamp>,
    /// When the first bucket begins.
    pub(crate) from: Timestamp,
    /// When the last one ends.
    pub(crate) until: Timestamp,
    /// The place of the last group that is told apart.
    pub(crate) top: i64,
    pub(crate) query: SeriesQuery,
}

impl Asked {
    pub(crate) fn of(asked: SeriesParameters, caller: &Caller, now: Timestamp) -> Result<Self, Problem> {
        let user = asked.user_id.map(UserId::from_uuid);
        if let Some(user) = user {
            caller.may_see(user)?;
        }
        let top = asked.top.unwrap_or(DEFAULT_TOP);
        if !(1..=MAX_GROUPS).contains(&top) {
            return Err(Problem::bad_request(format!("`top` is {top}; give 1 to {MAX_GROUPS}")));
        }
        let width = match asked.bucket {
            SeriesBucket::Hour => BucketWidth::Hour,
            SeriesBucket::Day => BucketWidth::Day,
        };
        let starts = starts(width, asked.since, asked.until.unwrap_or(now))?;
        let query = SeriesQuery {
            user: user.or(caller.scope()),
            api_key: asked.api_key_id.map(ApiKeyId::from_uuid),
            model: asked.model,
            group_by: match asked.group_by {
                SeriesBy::Nothing => SeriesGroup::Nothing,
                SeriesBy::User => SeriesGroup::User,
                SeriesBy::Key => SeriesGroup::Key,
                SeriesBy::Model => SeriesGroup::Model,
            },
            top,
        };
        let (Some(from), Some(last)) = (starts.first().copied(), starts.last().copied()) else {
            return Err(Problem::bad_request("there is no bucket between `since` and `until`"));
        };
        let until = sums::later(width, last, 1);
        Ok(Self { bucket: asked.bucket, width, starts, from, until, top: top.into(), query })
    }
}

fn starts(width: BucketWidth, since: Timestamp, until: Timestamp) -> Result<Vec<Timestamp>, Problem> {
    if until <= since {
        return Err(Problem::bad_request("`until` is not after `since`"));
    }
    let mut starts = Vec::new();
    let mut start = sums::start_of_bucket(width, since);
    while start < until {
        if starts.len() == MAX_BUCKETS {
            return Err(Problem::bad_request(format!(
                "there are more than {MAX_BUCKETS} buckets between `since` and `until`; take wider ones or a shorter time"
            )));
        }
        starts.push(start);
        let next = sums::later(width, start, 1);
        if next <= start {
            break;
        }
        start = next;
    }
    Ok(starts)
}

/// Rows by place, each spread over all buckets.
fn collect(
    starts: &[Timestamp],
    rows: Vec<SeriesRow>,
    top: i64,
) -> Result<(Vec<SeriesOfGroup>, SeriesSums), MoneyError> {
    let mut total = SeriesSums::default();
    let mut groups = std::collections::BTreeMap::<i64, SeriesOfGroup>::new();
    for row in rows {
        total.add(&row.sums)?;
        let group = groups.entry(row.place).or_insert_with(|| SeriesOfGroup {
            id: row.id,
            name: row.name,
            prefix: row.prefix,
            others: (row.place > top).then_some(row.groups),
            total: SeriesSums::default(),
            requests: vec![0; starts.len()],
            tokens: vec![0; starts.len()],
            amounts: vec![Credits::default(); starts.len()],
        });
        group.total.add(&row.sums)?;
        let Ok(at) = starts.binary_search(&row.starts_at) else { continue };
        if let (Some(requests), Some(tokens), Some(amount)) =
            (group.requests.get_mut(at), group.tokens.get_mut(at), group.amounts.get_mut(at))
        {
            *requests = row.sums.requests;
            *tokens = row.sums.prompt_tokens.saturating_add(row.sums.completion_tokens);
            *amount = row.sums.amount;
        }
    }
    Ok((groups.into_values().collect(), total))
}
