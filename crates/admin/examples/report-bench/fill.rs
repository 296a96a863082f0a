//! A month as a large platform leaves it: every key asks a few of the models, each of them in about half of all hours.
//!
//! What each model costs changes once, within a day, of different days for most of them.
//!
//! The sums are written as they stand after that month, not request by request: what a report reads is sums.

use tollgate_store::{Store, StoreError};

/// How large the platform is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Requests of the month.
    pub(crate) requests: i64,
    pub(crate) users: i64,
    /// In all; each user has as many.
    pub(crate) keys: i64,
    pub(crate) models: i64,
    /// That each key asks.
    pub(crate) models_of_key: i64,
    /// Of the models, those that make embeddings.
    pub(crate) embedding_models: i64,
}

/// Days of the month.
pub(crate) const DAYS: i64 = 30;
/// Its first day.
pub(crate) const BEGIN: &str = "2026-10-24T00:00:00Z";
/// The requests of one sum are of so many tokens each.
const PROMPT_TOKENS: i64 = 1000;
/// And each cost so much, in 10⁻¹² credit.
pub(crate) const COST_PICO: i64 = 2_500_000_000;

/// Fills a fresh database. Returns how many hourly sums there are, and the requests in them.
pub(crate) async fn fill(store: &Store, shape: Shape) -> Result<(i64, i64), StoreError> {
    let Shape { requests, users, keys, models, models_of_key, embedding_models } = shape;
    let pairs = keys * models_of_key;
    let each = (requests / (pairs * DAYS * 24 / 2)).max(1);
    let sql = format!(
        "insert into users (id, name) select gen_random_uuid(), 'user ' || i from generate_series(1, {users}) i;
         insert into api_keys (id, digest, prefix, user_id, purpose)
             select gen_random_uuid(), sha256(('key ' || u.no || ' ' || i)::bytea), 'tg-' || u.no || '-' || i, u.id,
                    case when u.no % 5 = 0 then 'batch' else 'realtime' end
             from users u, generate_series(1, {keys} / {users}) i where u.name like 'user %' order by u.no, i;
         insert into inference_endpoints (id, name, base_url) values (gen_random_uuid(), 'upstream', 'http://upstream.test');
         insert into deployed_models (id, alias, endpoint_id, upstream_model)
             select gen_random_uuid(), 'model-' || i, e.id, 'm' from generate_series(1, {models}) i, inference_endpoints e order by i;
         insert into usage_dimensions (fingerprint, method, uri, request_model, response_type, outcome, access_source, request_origin)
             select gen_random_uuid(), 'POST', '/v1/' || v, m.alias,
                    case when m.no <= {embedding_models} then 'embedding' else 'chat_completion' end, 'completed', 'api_key', 'api'
             from deployed_models m, generate_series(1, 20) v;
         create temporary table pairs as
             select u.no as user_no, k.no as key_no, 1 + (k.no * 7 + i * 11) % {models} as model_no
             from api_keys k join users u on u.id = k.user_id, generate_series(1, {models_of_key}) i where k.prefix like 'tg-%-%';
         insert into usage_rollups (hour, user_no, key_no, model_no, requests, prompt_tokens, completion_tokens,
                                    cache_read_tokens, amount_pico)
             select timestamptz '{BEGIN}' + h * interval '1 hour', user_no, key_no, model_no, {each}, {each} * {PROMPT_TOKENS},
                    {each} * 500, {each} * 10, {each} * {COST_PICO}::numeric
             from generate_series(0, {DAYS} * 24 - 1) h, pairs where (key_no + model_no * 3 + h) % 2 = 0;
         drop table pairs;
         insert into model_costs (model_no, valid_from, input_price, output_price, cache_read_price)
             select no, '2020-01-01 00:00Z', 0.000001, 0.000001, 0 from deployed_models
             union all
             select no, timestamptz '{BEGIN}' + (no % 27) * interval '24 hours' + interval '14 hours', 0.0000005, 0.000001, null
             from deployed_models"
    );
    store.tx_unbounded("fill", async |tx| Ok(tx.batch_execute(&sql).await?)).await?;
    analyze(store).await?;
    count(store).await
}

/// How many hourly sums there are, and the requests in them.
pub(crate) async fn count(store: &Store) -> Result<(i64, i64), StoreError> {
    let count = "select count(*), coalesce(sum(requests), 0)::bigint from usage_rollups";
    let row = store.tx_unbounded("count", async |tx| Ok(tx.query_one(count, &[]).await?)).await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}

/// What autovacuum does on a server that runs.
pub(crate) async fn analyze(store: &Store) -> Result<(), StoreError> {
    let sql = "analyze usage_rollups, usage_sums, users, api_keys, deployed_models, usage_dimensions";
    store.tx_unbounded("analyze", async |tx| Ok(tx.batch_execute(sql).await?)).await
}
