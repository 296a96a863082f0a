//! Rollups against records, and sums of closed hours against rollups, one partition at a time: the cells of a day fit a connection's memory, and several connections share the days.

use tokio_postgres::Row;
use tollgate_domain::UserId;
use uuid::Uuid;

use crate::closed_hours::{SUMS, every_grain};
use crate::{StoreError, Tx};

/// What a cell sums up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CellSums {
    /// Requests.
    pub requests: i64,
    /// Charged, in 10⁻¹² credit; as text, for a tampered one may fit no number of ours.
    pub amount_pico: String,
    /// All nine: requests, failed, unrated, prompt, completion, reasoning, cache read, cache write, pico.
    pub all: String,
}

/// A sum in `usage_rollups` that the records do not add up to.
#[derive(Debug, Clone)]
pub struct RollupDifference {
    /// The UTC day of the hour; as text, for a tampered time may be infinite.
    pub day: String,
    /// Start of the hour.
    pub hour: String,
    /// Who pays; 0 for none.
    pub user_no: i32,
    /// The user, where one has the number.
    pub user_id: Option<UserId>,
    /// The sums as stored.
    pub stored: CellSums,
    /// The same sums over the records.
    pub records: CellSums,
}

/// A partition of the records, and the rollups of its days.
#[derive(Debug, Clone)]
pub struct RollupShare {
    /// Quoted.
    table: String,
    /// The condition on `usage_rollups` that finds those of its days.
    hours: String,
}

/// Shares that together hold every record and every rollup, each once.
pub async fn rollup_shares(tx: &Tx) -> Result<Vec<RollupShare>, StoreError> {
    // What is in the default partition lies in days that no other one covers: PostgreSQL refuses to attach one for a day that is there.
    let rows = tx
        .query(
            r"with bounds as (
                 select relid, regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''(.*)''\) TO \(''(.*)''\)') as days
                   from pg_partition_tree('usage_records') join pg_class c on c.oid = relid where level = 1),
              ranges as (
                 select relid, format('hour >= %L::date::timestamp at time zone ''UTC'' and hour < %L::date::timestamp at time zone ''UTC''',
                                      days[1], days[2]) as hours
                   from bounds where days is not null)
              select relid::text, hours from ranges
              union all
              select relid::text, coalesce((select string_agg('not (' || hours || ')', ' and ') from ranges), 'true')
                from bounds where days is null",
            &[],
        )
        .await?;
    rows.iter().map(|row| Ok(RollupShare { table: row.try_get(0)?, hours: row.try_get(1)? })).collect()
}

/// Sums of the share that differ from its records. A sum of nothing and no sum are the same.
pub async fn rollup_differences(tx: &Tx, share: &RollupShare) -> Result<Vec<RollupDifference>, StoreError> {
    let of = |side: &str| SUMS.map(|sum| format!("coalesce({side}.{sum}, 0)")).join(", ");
    let (stored, records) = (of("s"), of("r"));
    let RollupShare { table, hours } = share;
    // `date_bin` is several times as quick as `date_trunc`, and counts from its origin up.
    let sql = format!(
        "with records as (
             select case when requested_at >= timestamptz '2000-01-01 00:00:00+00'
                         then date_bin('1 hour', requested_at, timestamptz '2000-01-01 00:00:00+00')
                         else date_trunc('hour', requested_at, 'UTC') end as hour,
                    coalesce(user_no, 0) as user_no, coalesce(key_no, 0) as key_no, coalesce(model_no, 0) as model_no,
                    count(*) as requests, count(*) filter (where flags & 2 <> 0) as failed_requests,
                    count(*) filter (where state = 'u') as unrated_requests, sum(prompt_tokens) as prompt_tokens,
                    sum(completion_tokens) as completion_tokens, sum(reasoning_tokens) as reasoning_tokens,
                    sum(cache_read_tokens) as cache_read_tokens,
                    coalesce(sum(cache_write_5m_tokens), 0) + coalesce(sum(cache_write_1h_tokens), 0) as cache_write_tokens,
                    sum(amount_pico) as amount_pico
               from {table} group by 1, 2, 3, 4),
         stored as (select * from usage_rollups where {hours})
         select coalesce(to_char(hour at time zone 'UTC', 'YYYY-MM-DD'), hour::text),
                coalesce(to_char(hour at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI\"Z\"'), hour::text), user_no, u.id,
                coalesce(s.requests, 0), coalesce(s.amount_pico, 0)::text, array[{stored}]::numeric[]::text,
                coalesce(r.requests, 0), coalesce(r.amount_pico, 0)::text, array[{records}]::numeric[]::text
           from records r full join stored s using (hour, user_no, key_no, model_no)
           left join users u on u.no = user_no
          where ({stored}) <> ({records})
          order by hour, user_no"
    );
    tx.query(&sql, &[]).await?.iter().map(difference).collect()
}

/// A sum of closed hours that the rollups do not add up to.
#[derive(Debug, Clone)]
pub struct ClosedDifference {
    /// The UTC day it is in; as text, for a tampered time may be infinite.
    pub day: String,
    /// Which sum it is, for people.
    pub sum: String,
    /// The user, where the sum is of one.
    pub user_id: Option<UserId>,
    /// The nine sums as stored.
    pub stored: String,
    /// The same over the rollups.
    pub rollups: String,
}

/// Sums of closed hours in the days of the share that differ from its rollups. A sum of nothing and no sum are the same.
pub async fn closed_differences(tx: &Tx, share: &RollupShare) -> Result<Vec<ClosedDifference>, StoreError> {
    let of = |side: &str| SUMS.map(|sum| format!("coalesce({side}.{sum}, 0)")).join(", ");
    let (stored, rollups) = (of("s"), of("r"));
    let hours = &share.hours;
    let grains = every_grain("cells");
    // Days have their hours in one share, and begin with an hour that is in it.
    let sql = format!(
        "with cells as materialized (
             select * from usage_rollups where ({hours}) and hour < (select closed_until from usage_closing)),
         rollups as ({grains}),
         stored as (select s.* from usage_sums s, lateral (select s.starts_at as hour) h where {hours})
         select coalesce(to_char(starts_at at time zone 'UTC', 'YYYY-MM-DD'), starts_at::text),
                format('grain %s, %s, user %s, key %s, model %s', grain, starts_at at time zone 'UTC', user_no, key_no, model_no),
                u.id, array[{stored}]::numeric[]::text, array[{rollups}]::numeric[]::text
           from rollups r full join stored s using (grain, starts_at, user_no, key_no, model_no)
           left join users u on u.no = user_no
          where ({stored}) <> ({rollups})
          order by starts_at, grain, user_no, key_no, model_no"
    );
    let difference = |row: &Row| {
        Ok(ClosedDifference {
            day: row.try_get(0)?,
            sum: row.try_get(1)?,
            user_id: row.try_get::<_, Option<Uuid>>(2)?.map(UserId::from_uuid),
            stored: row.try_get(3)?,
            rollups: row.try_get(4)?,
        })
    };
    tx.query(&sql, &[]).await?.iter().map(difference).collect()
}

fn difference(row: &Row) -> Result<RollupDifference, StoreError> {
    let sums = |at: usize| {
        Ok::<_, StoreError>(CellSums {
            requests: row.try_get(at)?,
            amount_pico: row.try_get(at + 1)?,
            all: row.try_get(at + 2)?,
        })
    };
    Ok(RollupDifference {
        day: row.try_get(0)?,
        hour: row.try_get(1)?,
        user_no: row.try_get(2)?,
        user_id: row.try_get::<_, Option<Uuid>>(3)?.map(UserId::from_uuid),
        stored: sums(4)?,
        records: sums(7)?,
    })
}
