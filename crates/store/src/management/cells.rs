//! Where a report takes its sums from: of all that are kept, the fewest that can answer it.
//!
//! Sums of closed hours are kept by day and by fewer things (`usage_sums`, whose grains the migration names); hours after those, and whatever no
//! grain can answer, come from `usage_rollups`. Both are read in one snapshot, so what a report says is what the rollups say.

use jiff::Timestamp;
use tollgate_domain::{ApiKeyId, UserId};
use uuid::Uuid;

use super::usage::{BucketWidth, UsageKind};
use crate::{StoreError, Tx};

/// Which cells a report is about, by their numbers. Resolved once, so that the database plans with what it will really read.
#[derive(Debug)]
pub(super) struct Cells {
    from: Timestamp,
    until: Timestamp,
    closed_until: Option<Timestamp>,
    scope: Option<i32>,
    users: Option<Vec<i32>>,
    keys: Option<Vec<i32>>,
    models: Option<Vec<i32>>,
    batch: Option<bool>,
    is_embedding: Option<bool>,
    embedding_models: Vec<i32>,
}

/// What a report asks of. An empty list is no filter.
#[derive(Debug, Default)]
pub(super) struct Wanted<'a> {
    /// Only what this user pays for, whatever else is asked.
    pub(super) scope: Option<UserId>,
    pub(super) users: &'a [UserId],
    pub(super) keys: &'a [ApiKeyId],
    /// By alias.
    pub(super) models: &'a [String],
    pub(super) batch: Option<bool>,
    pub(super) kind: Option<UsageKind>,
}

/// What is told apart beside time, and what is read of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'a> {
    /// Users, keys, or anything that hangs on them.
    pub(super) owners: bool,
    pub(super) models: bool,
    /// Sums that somebody reads: the rest would be carried along for nothing.
    pub(super) sums: &'a [&'a str],
}

/// Which of the cells that are asked of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Only {
    All,
    /// Those whose number in this column is one of `$11`.
    OneOf(&'static str),
    /// Those of keys for batches, where no owner is told apart or asked for.
    OfBatches,
}

/// How many parameters [`Cells::parameters`] has: those of the caller come after.
pub(super) const PARAMETERS: usize = 10;

/// Numbers of models whose answers were only ever embeddings.
const EMBEDDING_MODELS: &str = "select m.no from deployed_models m
     join usage_dimensions d on d.request_model = m.alias
     where d.outcome in ('completed', 'drained')
     group by m.no having bool_and(d.response_type like 'embedding%')";

impl Cells {
    /// Looks up what is wanted. The transaction must be one of a single snapshot.
    pub(super) async fn find(tx: &Tx, wanted: &Wanted<'_>) -> Result<Self, StoreError> {
        let uuids = |ids: &mut dyn Iterator<Item = Uuid>| ids.collect::<Vec<_>>();
        let users = uuids(&mut wanted.users.iter().map(|user| user.as_uuid()));
        let keys = uuids(&mut wanted.keys.iter().map(|key| key.as_uuid()));
        let scope = wanted.scope.map(UserId::as_uuid);
        let embeddings = if wanted.kind.is_some() { EMBEDDING_MODELS } else { "select 0 where false" };
        let sql = format!(
            "select (select closed_until from usage_closing), (select no from users where id = $1),
                    array(select no from users where id = any($2)), array(select no from api_keys where id = any($3)),
                    array(select no from deployed_models where alias = any($4)), array({embeddings})"
        );
        let row = tx.query_one(&sql, &[&scope, &users, &keys, &wanted.models]).await?;
        let closed_until = row.try_get::<_, Option<crate::utc::UtcMicros>>(0)?;
        let only = |is_asked: bool, at: usize| is_asked.then(|| row.try_get::<_, Vec<i32>>(at)).transpose();
        Ok(Self {
            from: Timestamp::MIN,
            until: Timestamp::MIN,
            closed_until: closed_until.map(crate::utc::UtcMicros::timestamp),
            // Of a user who is not there is nothing, and no user has this number.
            scope: scope
                .map(|_| Ok::<_, StoreError>(row.try_get::<_, Option<i32>>(1)?.unwrap_or(-1)))
                .transpose()?,
            users: only(!users.is_empty(), 2)?,
            keys: only(!keys.is_empty(), 3)?,
            models: only(!wanted.models.is_empty(), 4)?,
            batch: wanted.batch,
            is_embedding: wanted.kind.map(|kind| kind == UsageKind::Embeddings),
            embedding_models: row.try_get(5)?,
        })
    }

    /// The same cells from `from`, a bucket's beginning, until `until`, one too.
    pub(super) const fn between(&mut self, from: Timestamp, until: Timestamp) -> &Self {
        (self.from, self.until) = (from, until);
        self
    }

    /// All requests of the days that these instants lie in.
    pub(super) async fn requests_of_days(
        &self,
        tx: &Tx,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<i64, StoreError> {
        let sql = "with days as (select date_trunc('day', $1::timestamptz, 'UTC') as first,
                                        date_trunc('day', $2::timestamptz - interval '1 microsecond', 'UTC') + interval '24 hours' as last)
                   select coalesce(sum(requests), 0)::bigint from (
                       select requests from usage_sums, days where grain = 2 and starts_at >= first and starts_at < last
                       union all
                       select requests from usage_rollups, days
                       where hour >= greatest(first, coalesce($3::timestamptz, '-infinity')) and hour < last) r";
        Ok(tx.query_one(sql, &[&from, &until, &self.closed_until]).await?.try_get(0)?)
    }

    /// For `$1` to `$10` of [`Cells::select`].
    pub(super) fn parameters(&self) -> [&(dyn tokio_postgres::types::ToSql + Sync); PARAMETERS] {
        [
            &self.from,
            &self.until,
            &self.closed_until,
            &self.scope,
            &self.users,
            &self.keys,
            &self.models,
            &self.batch,
            &self.is_embedding,
            &self.embedding_models,
        ]
    }

    /// Whether what is asked of is everybody's, so that it needs no owners told apart.
    pub(super) const fn are_of_everyone(&self) -> bool {
        self.scope.is_none() && self.users.is_none() && self.keys.is_none() && self.batch.is_none()
    }

    /// A query of `starts_at` (of the bucket), `user_no`, `key_no`, `model_no` and the sums, of as few rows as can be told apart by what is
    /// `told`; each number that is neither told nor filtered by may be 0.
    pub(super) fn select(&self, width: BucketWidth, told: Told<'_>, only: Only) -> String {
        self.select_within(ASKED, width, told, only)
    }

    /// As [`Cells::select`], over all the time that is asked of at once: whole days as sums of days, and of hours only what is beside them.
    /// `starts_at` is of no use.
    pub(super) fn select_all(&self, told: Told<'_>) -> String {
        let stretch =
            |from: &str, until: &str, width| self.select_within([from, until], width, told, Only::All);
        let days_end = format!("greatest({LAST_DAY}, least({FIRST_DAY}, $2))");
        [
            stretch(FIRST_DAY, LAST_DAY, BucketWidth::Day),
            stretch("$1", &format!("least({FIRST_DAY}, $2)"), BucketWidth::Hour),
            stretch(&days_end, "$2", BucketWidth::Hour),
        ]
        .join(" union all ")
    }

    fn select_within(
        &self,
        [from, until]: [&str; 2],
        width: BucketWidth,
        told: Told<'_>,
        only: Only,
    ) -> String {
        let owners = told.owners || !self.are_of_everyone();
        let models = told.models || self.models.is_some();
        let interval = width.interval();
        if width == BucketWidth::Minute {
            return part("r.minute", told.sums, "", MINUTES, KIND, only);
        }
        let open = |first: &str| {
            let bucket = if width == BucketWidth::Day {
                format!("date_bin('{interval}', r.hour, timestamptz '2000-01-01 00:00:00+00')")
            } else {
                "r.hour".to_owned()
            };
            part(
                &bucket,
                told.sums,
                "",
                "usage_rollups r",
                &format!("r.hour >= {first} and r.hour < {until} and {KIND}"),
                only,
            )
        };
        let closed = |grain: u8, sign: &str, kind: &str| {
            let range =
                format!("r.grain = {grain} and r.starts_at >= {from} and r.starts_at < {until} and {kind}");
            // Grains that tell no keys apart are of all keys, or of those for batches alone.
            let only = if grain > 4 { Only::All } else { only };
            part("r.starts_at", told.sums, sign, "usage_sums r", &range, only)
        };
        // All hours of a day that has begun are in its sums as far as they are closed, so the open ones are what is missing of it.
        let rest = open(&format!("greatest({from}, coalesce($3::timestamptz, '-infinity'))"));
        if matches!(only, Only::OfBatches) {
            let grain = if width == BucketWidth::Day { 6 } else { 5 };
            return [closed(grain, "", KIND), rest].join(" union all ");
        }
        let parts = match (width, owners, models) {
            (BucketWidth::Minute | BucketWidth::Hour, true, _) => return open(from),
            (BucketWidth::Minute | BucketWidth::Hour, false, _) => vec![closed(1, "", KIND), rest],
            (BucketWidth::Day, false, _) => vec![closed(2, "", KIND), rest],
            (BucketWidth::Day, true, true) => vec![closed(4, "", KIND), rest],
            // Which models are of which kind changes, so no grain knows it. All requests less those of the few models that are of
            // the other kind.
            (BucketWidth::Day, true, false) => match self.is_embedding {
                None => vec![closed(3, "", "true"), rest],
                Some(true) => vec![closed(4, "", "r.model_no = any($10)"), rest],
                Some(false) if self.embedding_models.is_empty() => vec![closed(3, "", "true"), rest],
                Some(false) => vec![closed(3, "", "true"), closed(4, "-", "r.model_no = any($10)"), rest],
            },
        };
        parts.join(" union all ")
    }

    /// Whether [`Cells::select_priced`] has one row at most of each bucket, model and price: of hours of everybody, of which there are many.
    pub(super) fn are_single(&self, width: BucketWidth, owners: bool) -> bool {
        width == BucketWidth::Hour && !owners && self.are_of_everyone()
    }

    /// As [`Cells::select`], of hours or days, models told apart, with `priced_at`: an instant at which all of the row has the price that its model
    /// costs. Of a day in which that changes come the hours from the first change on, and the day less those; `has_mixed_days` says whether there
    /// are such days, and `mixed_days` must then be a table of them: `day`, `model_no`, and `changes_at`, the first change.
    pub(super) fn select_priced(
        &self,
        width: BucketWidth,
        told: Told<'_>,
        has_mixed_days: bool,
        only: Only,
    ) -> String {
        let read = told.sums;
        let owners = told.owners || !self.are_of_everyone();
        let sums = |grain: u8| {
            let range = format!("r.grain = {grain} and r.starts_at >= $1 and r.starts_at < $2");
            part("r.starts_at as priced_at, r.starts_at", read, "", "usage_sums r", &range, only)
        };
        let hours = |from: &str| {
            let bucket = if width == BucketWidth::Day { day_of("r.hour") } else { "r.hour".to_owned() };
            let range = format!("r.hour >= {from} and r.hour < $2");
            part(&format!("r.hour as priced_at, {bucket}"), read, "", "usage_rollups r", &range, only)
        };
        let rest = hours("greatest($1, coalesce($3::timestamptz, '-infinity'))");
        match (width, owners) {
            (BucketWidth::Minute | BucketWidth::Hour, true) => hours("$1"),
            (BucketWidth::Minute | BucketWidth::Hour, false) => {
                [sums(1), by_model(&rest, read)].join(" union all ")
            }
            (BucketWidth::Day, _) => {
                let days = sums(if owners { 4 } else { 2 });
                let days = if has_mixed_days { in_hours_where_mixed(&days, owners, read) } else { days };
                [days, rest].join(" union all ")
            }
        }
    }
}

/// Days, those in which their model's cost changes in parts: the hours from the first change on, and what is left of the day. Of most days that is the
/// fewer hours, and no day has to be left out. Every hour is found by the key of its day, one by one, never by reading all there are (`offset 0`).
fn in_hours_where_mixed(days: &str, owners: bool, read: &[&str]) -> String {
    let hour = if owners {
        "select r.* from usage_rollups r
         where r.hour = h and r.user_no = d.user_no and r.key_no = d.key_no and r.model_no = d.model_no and r.hour < $3"
    } else {
        "select r.* from usage_sums r
         where r.grain = 1 and r.starts_at = h and r.user_no = 0 and r.key_no = 0 and r.model_no = d.model_no"
    };
    let (added, taken_off) = (columns("r", read, ""), columns("r", read, "-"));
    let day = day_of("r.hour");
    format!(
        "(with of_days as materialized ({days}),
               of_hours as materialized (
                   select h as hour, r.user_no, r.key_no, r.model_no, {added}
                   from of_days d join mixed_days m on m.day = d.starts_at and m.model_no = d.model_no,
                        generate_series(m.changes_at, m.day + interval '23 hours', interval '1 hour') h, lateral ({hour} offset 0) r)
          select * from of_days
          union all
          select {day}, {day}, r.user_no, r.key_no, r.model_no, {taken_off} from of_hours r
          union all
          select r.hour, {day}, r.user_no, r.key_no, r.model_no, {added} from of_hours r)"
    )
}

fn day_of(column: &str) -> String {
    format!("date_bin('24 hours', {column}, timestamptz '2000-01-01 00:00:00+00')")
}

/// The time that is asked of.
const ASKED: [&str; 2] = ["$1", "$2"];
/// The first whole day of that.
const FIRST_DAY: &str =
    "(date_trunc('day', $1::timestamptz - interval '1 microsecond', 'UTC') + interval '24 hours')";
/// The end of the last one.
const LAST_DAY: &str = "date_trunc('day', $2::timestamptz, 'UTC')";

/// Of the kind that is asked for.
const KIND: &str = "($9::boolean is null or $9 = (r.model_no = any($10::int[])))";

/// Requests as if each were a sum of one minute. A record's day is that of its time, so the days are those of the minutes.
const MINUTES: &str = "(select date_bin('1 minute', requested_at, timestamptz '1970-01-01 00:00:00+00') as minute,
            coalesce(user_no, 0) as user_no, coalesce(key_no, 0) as key_no, coalesce(model_no, 0) as model_no, 1 as requests,
            (flags & 2 <> 0)::integer as failed_requests, (state = 'u')::integer as unrated_requests, coalesce(prompt_tokens, 0) as prompt_tokens,
            coalesce(completion_tokens, 0) as completion_tokens, coalesce(reasoning_tokens, 0) as reasoning_tokens,
            coalesce(cache_read_tokens, 0) as cache_read_tokens,
            coalesce(cache_write_5m_tokens, 0)::bigint + coalesce(cache_write_1h_tokens, 0) as cache_write_tokens, amount_pico
     from usage_records
     where day >= ($1::timestamptz at time zone 'UTC')::date and day <= (($2::timestamptz - interval '1 microsecond') at time zone 'UTC')::date
       and requested_at >= $1 and requested_at < $2) r";

/// Hours that tell owners apart, with those summed up.
fn by_model(hours: &str, read: &[&str]) -> String {
    format!(
        "select r.priced_at, r.starts_at, 0, 0, r.model_no, {} from ({hours}) r group by r.priced_at, r.starts_at, r.model_no",
        added_up("r", read)
    )
}

/// These sums of rows of a table; taken off, if `sign` is `-`.
pub(super) fn columns(table: &str, sums: &[&str], sign: &str) -> String {
    sums.iter().map(|sum| format!("{sign}{table}.{sum} as {sum}")).collect::<Vec<_>>().join(", ")
}

/// These sums of a group of them.
pub(super) fn added_up(table: &str, sums: &[&str]) -> String {
    let added_up = sums.iter().map(|sum| match *sum {
        "amount_pico" => format!("sum({table}.{sum}) as {sum}"),
        _ => format!("sum({table}.{sum})::bigint as {sum}"),
    });
    added_up.collect::<Vec<_>>().join(", ")
}

fn part(starts_at: &str, read: &[&str], sign: &str, table: &str, range: &str, only: Only) -> String {
    let sums = columns("r", read, sign);
    // Every parameter is named in every part, so that each has its type in each query.
    format!(
        "select {starts_at} as starts_at, r.user_no, r.key_no, r.model_no, {sums}
         from {table}
         where {range} and {filters} and ($3::timestamptz is null or true) and ($9::boolean is null or true)
           and ($10::int[] is null or true)",
        filters = filters("r", only)
    )
}

/// What is asked of, of the rows of `table`.
fn filters(table: &str, only: Only) -> String {
    let only = match only {
        Only::All => String::new(),
        Only::OfBatches => {
            format!(" and {table}.key_no in (select no from api_keys where purpose = 'batch')")
        }
        Only::OneOf(column) => format!(" and {table}.{column} = any($11::int[])"),
    };
    format!(
        "($4::int is null or {table}.user_no = $4) and ($5::int[] is null or {table}.user_no = any($5))
         and ($6::int[] is null or {table}.key_no = any($6)) and ($7::int[] is null or {table}.model_no = any($7))
         and ($8::boolean is null or $8 = ({table}.key_no in (select no from api_keys where purpose = 'batch'))){only}"
    )
}
