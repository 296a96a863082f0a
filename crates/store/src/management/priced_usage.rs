//! What was used of one model, and charged, by the purpose of keys: from sums by day and by hour, for whoever asks what other prices would have come to.

use jiff::Timestamp;
use rust_decimal::Decimal;
use tokio_postgres::types::ToSql;
use tollgate_domain::{ApiKeyPurpose, Credits, ModelId, UsageSums, UserId};

use crate::closed_hours::SUMS;
use crate::utc::UtcMicros;
use crate::{StoreError, Tx, models};

/// Sums over requests by keys of one purpose that somebody pays for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PricedUsage {
    /// Of the keys.
    pub purpose: ApiKeyPurpose,
    /// What was used.
    pub sums: UsageSums,
    /// Requests that wait for a price.
    pub unrated_requests: i64,
    /// What the others were charged.
    pub charged: Credits,
}

/// Of a live model, in the hours that begin at `from` or later and before `until`. A key's purpose never changes; what was asked without a
/// known key nobody pays for.
///
/// Whole days come from the sums of closed hours, as far as they are closed; what is left of those, and what is before the first and behind the last
/// whole day, from hours. The transaction must have one snapshot.
pub async fn by_purpose(
    tx: &Tx,
    model: ModelId,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<PricedUsage>, StoreError> {
    let model = models::find(tx, &model.to_string()).await?;
    let days =
        "select date_trunc('day', $1::timestamptz - interval '1 microsecond', 'UTC') + interval '24 hours',
                       date_trunc('day', $2::timestamptz, 'UTC'), (select closed_until from usage_closing)";
    let row = tx.query_one(days, &[&from, &until]).await?;
    let (first_day, last_day): (Timestamp, Timestamp) = (row.try_get(0)?, row.try_get(1)?);
    let closed_until = row.try_get::<_, Option<UtcMicros>>(2)?.map_or(Timestamp::MIN, UtcMicros::timestamp);
    let before_days = first_day.min(until);
    // Neither is anything where there is no whole day.
    let (behind_days, open_days) = (last_day.max(before_days), closed_until.max(first_day));
    let columns = SUMS.map(|sum| format!("r.{sum}")).join(", ");
    let hours = |from: &str, until: &str| {
        format!(
            "select r.key_no, r.user_no, {columns} from usage_rollups r where r.model_no = $1 and r.hour >= {from} and r.hour < {until}"
        )
    };
    let parts = [
        format!("select r.key_no, r.user_no, {columns} from usage_sums r where r.grain = 4 and r.model_no = $1 and r.starts_at >= $5 and r.starts_at < $6"),
        hours("$2", "$7"),
        hours("$8", "$3"),
        hours("$9", "$6"),
    ]
    .join(" union all ");
    let sql = format!(
        "select k.purpose, sum(r.requests)::bigint, sum(r.failed_requests)::bigint, sum(r.unrated_requests)::bigint,
                sum(r.prompt_tokens)::bigint, sum(r.completion_tokens)::bigint, sum(r.reasoning_tokens)::bigint,
                sum(r.cache_read_tokens)::bigint, sum(r.cache_write_tokens)::bigint,
                (sum(r.amount_pico) * 0.000000000001)::numeric(28, 12)
         from ({parts}) r join api_keys k on k.no = r.key_no
         where r.user_no <> 0 and r.user_no <> (select no from users where id = $4)
         group by k.purpose having sum(r.requests) <> 0 order by k.purpose"
    );
    let system = UserId::SYSTEM.as_uuid();
    let values: [&(dyn ToSql + Sync); 9] =
        [&model.no, &from, &until, &system, &first_day, &last_day, &before_days, &behind_days, &open_days];
    let rows = tx.query(&sql, &values).await?;
    let usage = |row: &tokio_postgres::Row| {
        Ok(PricedUsage {
            purpose: ApiKeyPurpose::from_stored(row.try_get(0)?),
            sums: UsageSums {
                requests: row.try_get(1)?,
                failed_requests: row.try_get(2)?,
                prompt_tokens: row.try_get(4)?,
                completion_tokens: row.try_get(5)?,
                reasoning_tokens: row.try_get(6)?,
                cache_read_tokens: row.try_get(7)?,
                cache_write_tokens: row.try_get(8)?,
            },
            unrated_requests: row.try_get(3)?,
            charged: Credits::try_from(row.try_get::<_, Decimal>(9)?)?,
        })
    };
    rows.iter().map(usage).collect()
}
