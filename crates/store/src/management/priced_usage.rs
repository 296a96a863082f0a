//! What was used of one model, and charged, by the purpose of keys: from the hourly sums, for whoever asks what other prices would have come to.

use jiff::Timestamp;
use rust_decimal::Decimal;
use tollgate_domain::{ApiKeyPurpose, Credits, ModelId, UsageSums, UserId};

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
pub async fn by_purpose(
    tx: &Tx,
    model: ModelId,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<PricedUsage>, StoreError> {
    let model = models::find(tx, &model.to_string()).await?;
    let sql = "select k.purpose, sum(r.requests)::bigint, sum(r.failed_requests)::bigint, sum(r.unrated_requests)::bigint,
                      sum(r.prompt_tokens)::bigint, sum(r.completion_tokens)::bigint, sum(r.reasoning_tokens)::bigint,
                      sum(r.cache_read_tokens)::bigint, sum(r.cache_write_tokens)::bigint,
                      (sum(r.amount_pico) * 0.000000000001)::numeric(28, 12)
               from usage_rollups r join api_keys k on k.no = r.key_no
               where r.model_no = $1 and r.hour >= $2 and r.hour < $3
                 and r.user_no <> 0 and r.user_no <> (select no from users where id = $4)
               group by k.purpose having sum(r.requests) <> 0 order by k.purpose";
    let rows = tx.query(sql, &[&model.no, &from, &until, &UserId::SYSTEM.as_uuid()]).await?;
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
