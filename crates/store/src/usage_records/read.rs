//! Rows coming out: to tell a replay from a conflict, to be rated later.

use tokio_postgres::Row;
use tollgate_domain::{CorrelationId, InstanceId, RecordDigest};
use uuid::Uuid;

use super::decode::{source, state};
use super::{RecordKey, UsageCounts, UsageRow};
use crate::{StoreError, Tx};

/// The raw digests of those of `keys` that are in the table.
pub async fn stored_digests(
    tx: &Tx,
    keys: &[RecordKey],
) -> Result<Vec<(RecordKey, RecordDigest)>, StoreError> {
    let days: Vec<_> = keys.iter().map(|key| key.day).collect();
    let instances: Vec<_> = keys.iter().map(|key| key.instance_no).collect();
    let correlations: Vec<_> = keys.iter().map(|key| key.correlation_id.get()).collect();
    let statement = tx
        .prepare_cached(
            "select r.day, r.instance_no, r.correlation_id, r.raw_digest
             from unnest($1::date[], $2::int[], $3::bigint[]) as k (day, instance_no, correlation_id)
             join usage_records r on r.day = k.day and r.instance_no = k.instance_no
                                 and r.correlation_id = k.correlation_id",
        )
        .await?;
    let rows = tx.query(&statement, &[&days, &instances, &correlations]).await?;
    rows.iter().map(|row| Ok((key(row)?, digest(row, 3)?))).collect()
}

/// The last number that a record of the instance has, in the books or in quarantine.
pub async fn last_correlation_id(tx: &Tx, instance: InstanceId) -> Result<Option<i64>, StoreError> {
    let sql = "select greatest(
                   (select max(correlation_id) from usage_records where instance_no = (select no from instances where id = $1)),
                   (select max(correlation_id) from quarantine where instance_id = $1))";
    Ok(tx.query_one(sql, &[&instance.as_uuid()]).await?.try_get(0)?)
}

/// Up to `limit` rows that wait for a price, in key order, behind `after`.
pub async fn unrated_page(
    tx: &Tx,
    after: Option<RecordKey>,
    limit: i64,
) -> Result<Vec<UsageRow>, StoreError> {
    let sql = select(
        "where r.state = 'u' and ($1::date is null or (r.day, r.instance_no, r.correlation_id) > ($1, $2, $3))
         order by r.day, r.instance_no, r.correlation_id limit $4",
    );
    let statement = tx.prepare_cached(&sql).await?;
    let day = after.map(|key| key.day);
    let instance = after.map(|key| key.instance_no);
    let correlation = after.map(|key| key.correlation_id.get());
    let rows = tx.query(&statement, &[&day, &instance, &correlation, &limit]).await?;
    rows.iter().map(read).collect()
}

/// The row of this identity, whatever its day: one probe of the primary key for each day that has sums, and the days beside them.
pub async fn find(
    tx: &Tx,
    instance: InstanceId,
    correlation: CorrelationId,
) -> Result<Option<UsageRow>, StoreError> {
    let sql = select(
        "join (select distinct ((hour at time zone 'UTC')::date + beside) as day
                 from (with recursive days as (
                           select date_trunc('day', min(hour), 'UTC') as hour from usage_rollups
                           union all
                           select date_trunc('day', (select min(r.hour) from usage_rollups r
                                                     where r.hour >= days.hour + interval '1 day'), 'UTC')
                             from days where days.hour is not null)
                       select hour from days where hour is not null) with_sums,
                      generate_series(-1, 1) as beside) days on r.day = days.day
         where r.instance_no = (select no from instances where id = $1) and r.correlation_id = $2",
    );
    let statement = tx.prepare_cached(&sql).await?;
    tx.query_opt(&statement, &[&instance.as_uuid(), &correlation.get()]).await?.as_ref().map(read).transpose()
}

/// How many rows wait for a price.
pub async fn count_unrated(tx: &Tx) -> Result<i64, StoreError> {
    let row = tx.query_one("select count(*) from usage_records where state = 'u'", &[]).await?;
    Ok(row.try_get(0)?)
}

fn select(condition: &str) -> String {
    format!(
        "select r.day, r.instance_no, r.correlation_id, r.requested_at, r.batch_created_at, r.amount_pico, r.raw_digest,
                r.rated_digest, r.user_no, r.key_no, r.model_no, r.tariff_no, r.pricing_epoch, r.dimensions_no,
                r.duration_ms, r.first_byte_ms, r.prompt_tokens, r.completion_tokens, r.total_tokens,
                coalesce(r.reasoning_tokens, 0), coalesce(r.cache_read_tokens, 0), coalesce(r.cache_write_5m_tokens, 0),
                coalesce(r.cache_write_1h_tokens, 0), coalesce(r.audio_input_tokens, 0),
                coalesce(r.audio_output_tokens, 0), coalesce(r.image_input_tokens, 0), r.status_code, r.flags, r.state,
                r.usage_source
         from usage_records r {condition}"
    )
}

fn read(row: &Row) -> Result<UsageRow, StoreError> {
    let counts = UsageCounts {
        prompt: row.try_get(16)?,
        completion: row.try_get(17)?,
        total: row.try_get(18)?,
        reasoning: row.try_get(19)?,
        cache_read: row.try_get(20)?,
        cache_write_5m: row.try_get(21)?,
        cache_write_1h: row.try_get(22)?,
        audio_input: row.try_get(23)?,
        audio_output: row.try_get(24)?,
        image_input: row.try_get(25)?,
    };
    Ok(UsageRow {
        key: key(row)?,
        requested_at: row.try_get(3)?,
        batch_created_at: row.try_get(4)?,
        amount_pico: row.try_get(5)?,
        raw_digest: digest(row, 6)?,
        rated_digest: digest(row, 7)?,
        user_no: row.try_get(8)?,
        key_no: row.try_get(9)?,
        model_no: row.try_get(10)?,
        tariff_no: row.try_get(11)?,
        pricing_epoch: row.try_get(12)?,
        dimensions_no: row.try_get(13)?,
        duration_ms: row.try_get(14)?,
        first_byte_ms: row.try_get(15)?,
        counts,
        status_code: row.try_get(26)?,
        flags: row.try_get(27)?,
        state: state(row.try_get::<_, i8>(28)?.cast_unsigned()),
        usage_source: source(row.try_get::<_, i8>(29)?.cast_unsigned()),
    })
}

fn key(row: &Row) -> Result<RecordKey, StoreError> {
    Ok(RecordKey {
        day: row.try_get(0)?,
        instance_no: row.try_get(1)?,
        correlation_id: CorrelationId::new(row.try_get(2)?),
    })
}

fn digest(row: &Row, at: usize) -> Result<RecordDigest, StoreError> {
    Ok(RecordDigest::from_bytes(row.try_get::<_, Uuid>(at)?.into_bytes()))
}
