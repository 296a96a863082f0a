//! Books as a busy month leaves them: through the batcher, in the order of time, over daily partitions.
//!
//! A few hundred customers, of whom some are much busier than others; streams, embeddings, batches; prices that changed while
//! records came; failures, estimates, and a model without a price.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use prometheus_client::registry::Registry;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio_util::sync::CancellationToken;
use tollgate_domain::{
    ApiKeyId, ApiKeyPurpose, Batch, Clock, CorrelationId, Credential, InstanceId, ManualClock, MasterKey,
    Outcome, PriceList, RawAnalyticsRecord, StatedUsage, UsageSource,
};
use tollgate_metering::{AnalyticsBatcher, AnalyticsConfig, AnalyticsSender, RecordKeys};
use tollgate_store::movements::{self, MovementKind, NewMovement};
use tollgate_store::reports::{self, GroupBy, UsageQuery};
use tollgate_store::tariffs::{self, WantedTariff};
use tollgate_store::users::{self, UserKind};
use tollgate_store::utc::UtcDay;
use tollgate_store::{Store, api_keys, endpoints, models, partitions};

const ACTOR: &str = "audit-bench";
const USERS: u32 = 300;
const MODELS: usize = 8;
const INSTANCES: usize = 3;
const BEGIN: &str = "2026-10-01T00:00:00Z";
const DAYS: i32 = 30;
const DAYS_I64: i64 = DAYS as i64;
/// How often prices change while records come.
const PRICE_CHANGES: u64 = 6;

type Failure = Box<dyn std::error::Error>;

/// Writes `rows` records over the month, unless there are that many already; whether it did.
pub(crate) async fn fill(store: &Store, master: &MasterKey, rows: u64) -> Result<bool, Failure> {
    let all = UsageQuery { user: None, group_by: GroupBy::Model, since: None, until: None };
    let there = store.tx("count", async |tx| reports::usage(&tx, &all).await).await?;
    if there.iter().map(|model| model.requests).sum::<i64>() >= i64::try_from(rows)? {
        return Ok(false);
    }
    let begin: Timestamp = BEGIN.parse()?;
    partitions::ensure(store, UtcDay::clamped(begin), DAYS).await?;
    let clock = Arc::new(ManualClock::new(begin));
    set_up(store, master, &clock).await?;
    write(store, master, &clock, (rows, SignedDuration::from_hours(24 * DAYS_I64)), PRICE_CHANGES).await?;
    Ok(true)
}

/// Writes `rows` records of the hour after the month, as a server does that is busy beside an audit.
pub(crate) async fn go_on(store: &Store, master: &MasterKey, rows: u64) -> Result<(), Failure> {
    let begin = BEGIN.parse::<Timestamp>()? + SignedDuration::from_hours(24 * DAYS_I64);
    let clock = Arc::new(ManualClock::new(begin));
    write(store, master, &clock, (rows, SignedDuration::from_hours(1)), 0).await
}

/// Writes so many records in so long a time, with so many changes of prices on the way.
async fn write(
    store: &Store,
    master: &MasterKey,
    clock: &Arc<ManualClock>,
    (rows, span): (u64, SignedDuration),
    price_changes: u64,
) -> Result<(), Failure> {
    let begin = clock.now();
    let config = AnalyticsConfig { flush_interval_ms: 0, ..AnalyticsConfig::default() };
    let mut registry = Registry::default();
    let keys = RecordKeys::derive(master);
    let (batcher, sender) =
        AnalyticsBatcher::new(store.clone(), config, Arc::clone(clock) as _, keys, &mut registry);
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(batcher.run(shutdown.clone()));
    let step = i64::try_from(span.as_micros())? / i64::try_from(rows)?.max(1);
    let between_changes = rows.checked_div(price_changes).map_or(u64::MAX, |rows| rows.max(1));
    let mut traffic = Traffic::new(customers(store).await?);
    for number in 0..rows {
        let at = begin + SignedDuration::from_micros(step * i64::try_from(number)?);
        if number > 0 && number.is_multiple_of(between_changes) {
            change_prices(store, clock, at, number).await?;
        }
        send(&sender, traffic.record(number, at)).await?;
    }
    shutdown.cancel();
    let drained = running.await??;
    if drained.records == rows { Ok(()) } else { Err("records are missing".into()) }
}

/// The keys of all users, by user.
async fn customers(store: &Store) -> Result<Vec<Vec<ApiKeyId>>, Failure> {
    let keys = store.tx("list_keys", async |tx| api_keys::list(&tx, None).await).await?;
    Ok(keys
        .chunk_by(|a, b| a.user_id == b.user_id)
        .map(|keys| keys.iter().map(|key| key.id).collect())
        .collect())
}

async fn send(sender: &AnalyticsSender, record: RawAnalyticsRecord) -> Result<(), Failure> {
    // `send` would take a place from the channel for each record in turn; this waits only while it is full.
    match sender.try_reserve() {
        Some(place) => {
            place.send(record);
        }
        None => {
            sender.send(record).await?;
        }
    }
    Ok(())
}

/// Models with prices, and users with two keys each, of which every fifth user has one for batches.
async fn set_up(store: &Store, master: &MasterKey, clock: &ManualClock) -> Result<(), Failure> {
    for number in 0..MODELS {
        let alias = format!("model-{number}");
        let endpoint = endpoints::NewEndpoint::new(format!("up-{number}"), "http://upstream.test");
        let tariffs = prices(u64::try_from(number)?, None);
        store
            .tx("set_up_model", async |tx| {
                endpoints::create(&tx, master, &endpoint, ACTOR).await?;
                models::create(&tx, &alias, &endpoint.name, None, ACTOR).await?;
                // The last one stays without a price.
                if number + 1 < MODELS {
                    for tariff in &tariffs {
                        tariffs::set(&tx, &alias, tariff, clock, ACTOR).await?;
                    }
                }
                Ok(())
            })
            .await?;
    }
    for number in 0..USERS {
        let name = format!("user-{number}");
        let grant = NewMovement {
            user: name.clone(),
            kind: MovementKind::Purchase,
            amount: "1000000".parse()?,
            source_id: format!("invoice-{number}"),
            description: String::new(),
        };
        store
            .tx("set_up_user", async |tx| {
                users::create(&tx, &name, UserKind::Individual, ACTOR).await?;
                movements::apply(&tx, &grant, ACTOR).await?;
                for key in 0..2 {
                    let is_for_batches = key == 1 && number % 5 == 0;
                    let new = api_keys::NewApiKey {
                        user: name.clone(),
                        purpose: if is_for_batches { ApiKeyPurpose::Batch } else { ApiKeyPurpose::Realtime },
                        trusted: true,
                        name: String::new(),
                        created_by: None,
                    };
                    api_keys::create(&tx, master, &new, ACTOR).await?;
                }
                Ok(())
            })
            .await?;
    }
    Ok(())
}

/// Of realtime, of batches, and of batches that may take a day.
fn prices(level: u64, valid_from: Option<Timestamp>) -> [WantedTariff; 3] {
    let price = |micros: u64| format!("0.{micros:09}").parse().unwrap_or_default();
    let long_ago = valid_from.or_else(|| "2020-01-01T00:00:00Z".parse().ok());
    let list = |divisor: u64| PriceList {
        input_price: price((2_500 + 100 * level) / divisor),
        output_price: price((10_000 + 100 * level) / divisor),
        cache_read_price: Some(price((250 + 10 * level) / divisor)),
        cache_write_5m_price: Some(price((3_125 + 100 * level) / divisor)),
        ..PriceList::default()
    };
    let tariff = |purpose, window: Option<&str>, divisor| WantedTariff {
        purpose,
        completion_window: window.map(str::to_owned),
        prices: list(divisor),
        valid_from: long_ago,
    };
    [
        tariff(ApiKeyPurpose::Realtime, None, 1),
        tariff(ApiKeyPurpose::Batch, None, 2),
        tariff(ApiKeyPurpose::Batch, Some("24h"), 4),
    ]
}

async fn change_prices(
    store: &Store,
    clock: &ManualClock,
    at: Timestamp,
    number: u64,
) -> Result<(), Failure> {
    clock.set(at);
    for model in 0..MODELS - 1 {
        let alias = format!("model-{model}");
        for tariff in prices(number % 97 + u64::try_from(model)?, Some(at)) {
            store
                .tx("change_prices", async |tx| tariffs::set(&tx, &alias, &tariff, clock, ACTOR).await)
                .await?;
        }
    }
    Ok(())
}

/// Makes records.
struct Traffic {
    random: StdRng,
    customers: Vec<Vec<ApiKeyId>>,
    instances: [InstanceId; INSTANCES],
    minted: [i64; INSTANCES],
}

impl Traffic {
    fn new(customers: Vec<Vec<ApiKeyId>>) -> Self {
        let instances = std::array::from_fn(|_| InstanceId::generate());
        Self { random: StdRng::seed_from_u64(1), customers, instances, minted: [0; INSTANCES] }
    }

    fn record(&mut self, number: u64, at: Timestamp) -> RawAnalyticsRecord {
        let random = &mut self.random;
        // Busy customers are rare: the logarithm of the rank is uniform.
        let ranks = f64::from(USERS);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and the number of users"
        )]
        let rank = (ranks.powf(random.random::<f64>()) as usize - 1).min(self.customers.len() - 1);
        let key_number = usize::from(random.random_bool(0.3));
        let is_batch = key_number == 1 && rank.is_multiple_of(5);
        // Each customer has a few models, and now and then asks for the one without a price.
        let model = if random.random_bool(0.003) {
            MODELS - 1
        } else {
            (rank + random.random_range(0..3)) % (MODELS - 1)
        };
        let alias = format!("model-{model}");
        let is_stream = random.random_bool(0.6);
        let is_failed = random.random_bool(0.01);
        let is_estimated = random.random_bool(0.005);
        let prompt = random.random_range(20..8_000_i64);
        let completion = random.random_range(1..1_500_i64);
        let cached = if random.random_bool(0.4) { prompt / 2 } else { 0 };
        let usage = StatedUsage {
            prompt_tokens: Some(prompt),
            completion_tokens: Some(completion),
            total_tokens: Some(prompt + completion),
            cache_read_tokens: cached,
            reasoning_tokens: if random.random_bool(0.2) { completion / 3 } else { 0 },
            ..StatedUsage::default()
        };
        let instance = usize::try_from(number).unwrap_or(0) % INSTANCES;
        self.minted[instance] += 1;
        RawAnalyticsRecord {
            instance_id: self.instances[instance],
            correlation_id: CorrelationId::new(self.minted[instance]),
            timestamp: at,
            method: "POST".to_owned(),
            uri: "/v1/chat/completions".to_owned(),
            model_id: None,
            request_model: Some(alias),
            response_model: Some(format!("provider-{model}-2026-09-01")),
            status_code: if is_failed { 500 } else { 200 },
            duration_ms: random.random_range(200..30_000),
            duration_to_first_byte_ms: is_stream.then(|| random.random_range(80..2_000)),
            usage: if is_failed { StatedUsage::default() } else { usage },
            usage_source: match (is_failed, is_estimated) {
                (true, _) => UsageSource::None,
                (false, true) => UsageSource::Estimated,
                (false, false) => UsageSource::Provider,
            },
            outcome: if is_failed { Outcome::Failed } else { Outcome::Completed },
            response_type: if is_stream { "chat_completion_stream" } else { "chat_completion" }.to_owned(),
            finish_reason: Some(if random.random_bool(0.1) { "length" } else { "stop" }.to_owned()),
            user_agent: Some(format!("openai-python/1.{}", rank % 12)),
            server_address: Some("upstream.test".to_owned()),
            server_port: Some(443),
            served_by: Some(format!("gateway-{instance}")),
            credential: Credential::Key(self.customers[rank][key_number]),
            batch: Batch {
                custom_id: is_batch.then(|| format!("request-{number}")),
                batch_completion_window: (is_batch && random.random_bool(0.5)).then(|| "24h".to_owned()),
                batch_created_at: is_batch.then(|| at - SignedDuration::from_secs(600)),
                ..Batch::default()
            },
            trace_id: None,
        }
    }
}
