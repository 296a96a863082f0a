//! Charges that stand by themselves, and lines of one hour: read from the records of those days that have some, from new to old.

use jiff::{SignedDuration, Timestamp};

use super::{Asked, RunningEntry, from_row};
use crate::utc::UtcDay;
use crate::{StoreError, Tx};

/// Where few of the requests that were looked at meet the filter, the next days are this many times as many requests, so that what is read more
/// than once is little beside the rest.
const GROWTH: i64 = 4;

/// Adds to `rows` those that meet the filter, as far back as the page needs them.
pub(super) async fn add(tx: &Tx, asked: &Asked<'_>, rows: &mut Vec<RunningEntry>) -> Result<(), StoreError> {
    let wanted = usize::try_from(asked.rows).unwrap_or(usize::MAX);
    let after = |at: Timestamp| UtcDay::clamped(at).plus(1);
    let ends = [asked.behind.map(|place| after(place.at)), asked.until.map(after)];
    let mut end = ends.into_iter().flatten().min();
    let mut requests = asked.rows;
    loop {
        let Days { days, are_last } = days(tx, asked, end, requests).await?;
        let Some(first) = days.iter().min().copied() else { return Ok(()) };
        rows.extend(of_days(tx, asked, &days).await?);
        let known = rows.iter().filter(|row| UtcDay::clamped(row.entry.created_at) >= first).count();
        if are_last || known >= wanted {
            return Ok(());
        }
        end = Some(first);
        requests = requests.saturating_mul(GROWTH);
    }
}

/// Days with charges.
struct Days {
    days: Vec<UtcDay>,
    /// There are none before them.
    are_last: bool,
}

/// The last days before `end` that have charges, as many as hold so many requests. Each hourly sum has one charge at least.
async fn days(tx: &Tx, asked: &Asked<'_>, end: Option<UtcDay>, requests: i64) -> Result<Days, StoreError> {
    let sql = "with cells as (
                   select hour, requests from usage_rollups
                   where user_no = $1 and amount_pico > 0
                     and ($2::date is null or hour < $2::timestamp at time zone 'UTC')
                     and ($3::date is null or hour >= $3::timestamp at time zone 'UTC')
                     and ($4::int is null or key_no = $4) and ($5::int[] is null or model_no = any($5))
                   order by hour desc limit $6),
               counted as (
                   select hour, coalesce(sum(requests) over (order by hour desc rows between unbounded preceding and 1 preceding), 0) < $6 as is_read
                   from cells)
               select array(select distinct (hour at time zone 'UTC')::date from counted where is_read),
                      coalesce((select count(*) < $6 and bool_and(is_read) from counted), true)";
    let since = asked.since.map(UtcDay::clamped);
    let row = tx
        .query_one(sql, &[&asked.user_no, &end, &since, &asked.key_no, &asked.model_nos, &requests])
        .await?;
    Ok(Days { days: row.try_get(0)?, are_last: row.try_get(1)? })
}

/// What tells one line of an hour from another, with the hour first.
const HOUR_LINE: &str = "extract(epoch from hour)::bigint || '-'
    || md5(extract(epoch from hour)::bigint || '/' || coalesce(key_no, 0) || '/' || coalesce(model_no, 0))";

/// The rows of these days.
async fn of_days(tx: &Tx, asked: &Asked<'_>, days: &[UtcDay]) -> Result<Vec<RunningEntry>, StoreError> {
    let described = "select 'usage:' || source_id as id, requested_at as at, amount_pico, source_id,
                'API usage: ' || coalesce(model, 'unknown model') || ' (' || coalesce(prompt_tokens, 0) || ' input + '
                    || coalesce(completion_tokens, 0) || ' output tokens)' as description,
                batch_id, key_no, model, instance_no, correlation_id, null::text as line, 1::bigint as entries,
                requested_at as first_at, requested_at as last_at
         from charges";
    let found = if asked.in_lines {
        format!(
            "{described} where batch_id is null and not is_hourly
             union all
             select 'line:' || line, hour, amount_pico, line,
                    'Batch usage: ' || coalesce(model, 'unknown model') || ' (' || entries || ' requests)',
                    null, key_no, model, null, null, line, entries, first_at, last_at
             from (select *, {HOUR_LINE} as line
                   from (select hour, key_no, model_no, model, sum(amount_pico) as amount_pico, count(*) as entries,
                                min(requested_at) as first_at, max(requested_at) as last_at
                         from charges where is_hourly group by 1, 2, 3, 4) hours) lines"
        )
    } else {
        format!("{described} where $6::uuid is null or batch_id = $6")
    };
    let sql = format!(
        "with charges as (
             select r.day || '/' || r.instance_no || '/' || r.correlation_id as source_id, r.requested_at, r.instance_no, r.correlation_id,
                    r.amount_pico, r.prompt_tokens, r.completion_tokens, r.key_no, r.model_no, x.batch_id,
                    date_trunc('hour', r.requested_at, 'UTC') as hour, coalesce(m.alias, d.request_model) as model,
                    x.batch_id is null and coalesce(r.key_no = any($5), false) as is_hourly
             from usage_records r
             join usage_dimensions d on d.no = r.dimensions_no
             left join deployed_models m on m.no = r.model_no
             left join usage_details x
                    on x.day = r.day and x.instance_no = r.instance_no and x.correlation_id = r.correlation_id
             where r.day = any($1) and r.user_no = $2 and r.amount_pico > 0
               and ($3::int is null or r.key_no = $3) and ($4::int[] is null or r.model_no = any($4))),
         found as ({found})
         select f.id, at, 'usage' as type, (amount_pico * -0.000000000001)::numeric(28, 12) as amount, source_id, description, batch_id,
                k.id as api_key_id, model, i.id || '-' || correlation_id as request_id, line, entries, first_at, last_at
         from (select * from found
               where ($6::uuid is null or batch_id = $6)
                 and ($7::text is null or strpos(lower(description), lower($7)) > 0 or strpos(lower(source_id), lower($7)) > 0)
                 and ($8::timestamptz is null or at >= $8) and ($9::timestamptz is null or at < $9)
                 and ($10::timestamptz is null or (at, id collate \"C\") < ($10, $11::text collate \"C\"))
                 and ($12::text is null or id in (select 'usage:' || source_id from charges where is_hourly and {HOUR_LINE} = $12))
               order by at desc, id collate \"C\" desc limit $13) f
         left join api_keys k on k.no = f.key_no
         left join instances i on i.no = f.instance_no"
    );
    let keys_for_batches = "select array(select no from api_keys where user_id = $1 and purpose = 'batch')";
    let keys: Vec<i32> = tx.query_one(keys_for_batches, &[&asked.user.as_uuid()]).await?.try_get(0)?;
    let rows = tx
        .query(
            &sql,
            &[
                &days,
                &asked.user_no,
                &asked.key_no,
                &asked.model_nos,
                &keys,
                &asked.batch,
                &asked.search,
                &asked.since,
                &asked.until,
                &asked.behind.map(|place| place.at),
                &asked.behind.map(|place| place.id.as_str()),
                &asked.hour_line,
                &asked.rows,
            ],
        )
        .await?;
    rows.iter().map(from_row).collect()
}

/// The hour of a line of one; `None`: it is a line of another kind.
pub(super) fn hour_of(line: &str) -> Option<Timestamp> {
    let (seconds, _) = line.rsplit_once('-')?;
    Timestamp::from_second(seconds.parse().ok()?).ok()
}

/// When the hour that begins then ends.
pub(super) fn end_of_hour(hour: Timestamp) -> Timestamp {
    hour.checked_add(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MAX)
}
