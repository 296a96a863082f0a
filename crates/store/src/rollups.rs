//! `usage_rollups`: sums per user × key × model × hour, which equal the records at all times a reader can see.

use rust_decimal::Decimal;
use tokio_postgres::types::ToSql;

use crate::utc::UtcMicros;
use crate::{StoreError, Tx};

/// What a sum is of. 0 stands for none. The order of the fields is the order of the primary key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RollupKey {
    /// Start of the hour.
    pub hour: UtcMicros,
    /// Who pays.
    pub user_no: i32,
    /// With which key.
    pub key_no: i32,
    /// For which model.
    pub model_no: i32,
}

/// What is added to a sum; below zero where an unrated record moves from one to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RollupDelta {
    /// Requests in all.
    pub requests: i64,
    /// Of these, failed.
    pub failed_requests: i64,
    /// Of these, waiting for a price.
    pub unrated_requests: i64,
    /// Prompt tokens as stated.
    pub prompt_tokens: i64,
    /// Completion tokens as stated.
    pub completion_tokens: i64,
    /// Reasoning tokens as stated.
    pub reasoning_tokens: i64,
    /// Cached prompt tokens as stated.
    pub cache_read_tokens: i64,
    /// Prompt tokens written to a cache, of both lifetimes.
    pub cache_write_tokens: i64,
    /// Charged, in 10⁻¹² credit. A flush of 10,000 records at the largest amount is within 2⁷⁷.
    pub amount_pico: i128,
}

/// Adds the deltas. They must be sorted by key and each key be there once: rows are locked in this order everywhere.
pub async fn apply(tx: &Tx, deltas: &[(RollupKey, RollupDelta)]) -> Result<(), StoreError> {
    if deltas.is_empty() {
        return Ok(());
    }
    let statement = tx
        .prepare_cached(&format!(
            "insert into usage_rollups as r
                 (hour, user_no, key_no, model_no, requests, failed_requests, unrated_requests, prompt_tokens,
                  completion_tokens, reasoning_tokens, cache_read_tokens, cache_write_tokens, amount_pico)
             select * from {UNNEST}
             on conflict (hour, user_no, key_no, model_no) do update set
                 requests = r.requests + excluded.requests,
                 failed_requests = r.failed_requests + excluded.failed_requests,
                 unrated_requests = r.unrated_requests + excluded.unrated_requests,
                 prompt_tokens = r.prompt_tokens + excluded.prompt_tokens,
                 completion_tokens = r.completion_tokens + excluded.completion_tokens,
                 reasoning_tokens = r.reasoning_tokens + excluded.reasoning_tokens,
                 cache_read_tokens = r.cache_read_tokens + excluded.cache_read_tokens,
                 cache_write_tokens = r.cache_write_tokens + excluded.cache_write_tokens,
                 amount_pico = r.amount_pico + excluded.amount_pico"
        ))
        .await?;
    tx.execute(&statement, &Columns::of(deltas)?.parameters()).await?;
    Ok(())
}

/// Deltas as arrays of columns: `$1` to `$13` of [`UNNEST`].
pub(crate) struct Columns {
    hours: Vec<UtcMicros>,
    numbers: [Vec<i32>; 3],
    counts: [Vec<i64>; 8],
    amounts: Vec<Decimal>,
}

/// The rows again, in their order.
pub(crate) const UNNEST: &str = "unnest($1::timestamptz[], $2::int[], $3::int[], $4::int[], $5::bigint[], $6::bigint[], $7::bigint[],
            $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::numeric[])
     as d (hour, user_no, key_no, model_no, requests, failed_requests, unrated_requests, prompt_tokens, completion_tokens,
           reasoning_tokens, cache_read_tokens, cache_write_tokens, amount_pico)";

impl Columns {
    pub(crate) fn of(deltas: &[(RollupKey, RollupDelta)]) -> Result<Self, StoreError> {
        let number = |value: fn(&RollupKey) -> i32| deltas.iter().map(|(key, _)| value(key)).collect();
        let count = |value: fn(&RollupDelta) -> i64| deltas.iter().map(|(_, delta)| value(delta)).collect();
        let amount = |delta: &RollupDelta| Decimal::try_from_i128_with_scale(delta.amount_pico, 0);
        Ok(Self {
            hours: deltas.iter().map(|(key, _)| key.hour).collect(),
            numbers: [number(|key| key.user_no), number(|key| key.key_no), number(|key| key.model_no)],
            counts: [
                count(|delta| delta.requests),
                count(|delta| delta.failed_requests),
                count(|delta| delta.unrated_requests),
                count(|delta| delta.prompt_tokens),
                count(|delta| delta.completion_tokens),
                count(|delta| delta.reasoning_tokens),
                count(|delta| delta.cache_read_tokens),
                count(|delta| delta.cache_write_tokens),
            ],
            amounts: deltas
                .iter()
                .map(|(_, delta)| amount(delta))
                .collect::<Result<_, _>>()
                .map_err(|_| StoreError::Corrupt("a sum of charges is past 2^96 pico-credits".to_owned()))?,
        })
    }

    pub(crate) fn parameters(&self) -> [&(dyn ToSql + Sync); 13] {
        let [users, keys, models] = &self.numbers;
        let [requests, failed, unrated, prompt, completion, reasoning, read, written] = &self.counts;
        [
            &self.hours,
            users,
            keys,
            models,
            requests,
            failed,
            unrated,
            prompt,
            completion,
            reasoning,
            read,
            written,
            &self.amounts,
        ]
    }
}

/// The sums of these cells, of those that are there. What fits no number of ours is the largest one.
pub async fn read(tx: &Tx, keys: &[RollupKey]) -> Result<Vec<(RollupKey, RollupDelta)>, StoreError> {
    fn column<T>(keys: &[RollupKey], value: impl Fn(&RollupKey) -> T) -> Vec<T> {
        keys.iter().map(value).collect()
    }
    let rows = tx
        .query(
            "select r.hour, r.user_no, r.key_no, r.model_no, r.requests, r.failed_requests, r.unrated_requests,
                    r.prompt_tokens, r.completion_tokens, r.reasoning_tokens, r.cache_read_tokens, r.cache_write_tokens,
                    r.amount_pico::text
             from unnest($1::timestamptz[], $2::int[], $3::int[], $4::int[]) as k (hour, user_no, key_no, model_no)
             join usage_rollups r using (hour, user_no, key_no, model_no)",
            &[
                &column(keys, |key| key.hour),
                &column(keys, |key| key.user_no),
                &column(keys, |key| key.key_no),
                &column(keys, |key| key.model_no),
            ],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let key = RollupKey {
                hour: row.try_get(0)?,
                user_no: row.try_get(1)?,
                key_no: row.try_get(2)?,
                model_no: row.try_get(3)?,
            };
            let sums = RollupDelta {
                requests: row.try_get(4)?,
                failed_requests: row.try_get(5)?,
                unrated_requests: row.try_get(6)?,
                prompt_tokens: row.try_get(7)?,
                completion_tokens: row.try_get(8)?,
                reasoning_tokens: row.try_get(9)?,
                cache_read_tokens: row.try_get(10)?,
                cache_write_tokens: row.try_get(11)?,
                amount_pico: row.try_get::<_, &str>(12)?.parse().unwrap_or(i128::MAX),
            };
            Ok((key, sums))
        })
        .collect()
}

/// The last hour that has a sum.
pub async fn newest_hour(tx: &Tx) -> Result<Option<UtcMicros>, StoreError> {
    Ok(tx.query_one("select max(hour) from usage_rollups", &[]).await?.try_get(0)?)
}
