//! Who takes part in a benchmark, and the records they cause: 1,000 users with two keys each, 50 models with tariffs, a tenth of all
//! requests in batches.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tollgate_domain::{
    ApiKeyId, ApiKeyPurpose, Batch, Clock, CorrelationId, Credential, InstanceId, MasterKey, ModelId,
    Outcome, PriceList, RawAnalyticsRecord, StatedUsage, UsageSource, truncate_to_micros,
};
use tollgate_metering::RecordKeys;
use tollgate_store::movements::{self, MovementKind, NewMovement};
use tollgate_store::tariffs::{self, WantedTariff};
use tollgate_store::users::{self, UserKind};
use tollgate_store::{Store, api_keys, endpoints, models};
use uuid::Uuid;

const USERS: usize = 1_000;
const KEYS_PER_USER: usize = 2;
const MODELS: usize = 50;
/// Of so many keys one is for batches.
const BATCH_KEY_EVERY: usize = 10;
/// The one who causes everything with `--hot-user`; the second key of this user is for batches.
const HOT_USER: usize = 4;
const WINDOW: &str = "24h";
const PROVIDERS: [(&str, &str); 3] = [
    ("openai", "api.openai.example"),
    ("anthropic", "api.anthropic.example"),
    ("google", "generative.example"),
];
const USER_AGENTS: [&str; 8] = [
    "OpenAI/Python 1.61.0",
    "OpenAI/Python 1.58.1",
    "AsyncOpenAI/Python 1.61.0",
    "OpenAI/JS 4.83.0",
    "Anthropic/Python 0.45.2",
    "LangChain/0.3.17",
    "litellm/1.59.8",
    "curl/8.9.1",
];
const ACTOR: &str = "bench";

/// The system's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "a benchmark runs in real time")]
    fn now(&self) -> Timestamp {
        truncate_to_micros(Timestamp::now())
    }
}

/// Whose requests there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mix {
    /// Models that one key uses.
    pub(crate) models_per_key: usize,
    /// One user causes everything.
    pub(crate) hot_user: bool,
}

/// Keys and models that are in the database.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) master: MasterKey,
    keys: Vec<ApiKeyId>,
    models: Vec<Model>,
}

#[derive(Debug)]
struct Model {
    id: ModelId,
    alias: String,
    /// As its responses call it.
    answers_as: String,
    host: &'static str,
    response_type: &'static str,
    uri: &'static str,
}

impl World {
    /// Puts everybody into the database.
    pub(crate) async fn create(store: &Store) -> anyhow::Result<Self> {
        let master = MasterKey::from_bytes([7; 32]);
        let models = create_models(store, &master).await?;
        let mut keys = Vec::with_capacity(USERS * KEYS_PER_USER);
        for user in 0..USERS {
            keys.extend(create_user(store, &master, user).await?);
        }
        Ok(Self { master, keys, models })
    }

    /// Keys of digests.
    pub(crate) fn record_keys(&self) -> RecordKeys {
        RecordKeys::derive(&self.master)
    }

    /// So many records, of no instance yet; the same for the same seed, but for their time.
    pub(crate) fn records(&self, mix: Mix, seed: u64, count: usize) -> Vec<RawAnalyticsRecord> {
        let mut random = SmallRng::seed_from_u64(seed);
        let now = SystemClock.now();
        (0..count).map(|_| self.record(mix, &mut random, now)).collect()
    }

    fn record(&self, mix: Mix, random: &mut SmallRng, timestamp: Timestamp) -> RawAnalyticsRecord {
        let at = if mix.hot_user {
            let is_batch = random.random_ratio(1, 10);
            HOT_USER * KEYS_PER_USER + usize::from(is_batch)
        } else {
            random.random_range(0..self.keys.len())
        };
        let model = &self.models[model_of(at, mix.models_per_key, random)];
        let is_batch = at % BATCH_KEY_EVERY == BATCH_KEY_EVERY - 1;
        let failed = random.random_ratio(1, 50);
        let streams = !is_batch && random.random_ratio(3, 5);
        let duration_ms = random.random_range(300..8_000);
        RawAnalyticsRecord {
            instance_id: InstanceId::from_uuid(Uuid::nil()),
            correlation_id: CorrelationId::new(0),
            timestamp,
            method: "POST".to_owned(),
            uri: model.uri.to_owned(),
            model_id: Some(model.id),
            request_model: Some(model.alias.clone()),
            response_model: (!failed).then(|| model.answers_as.clone()),
            status_code: if failed { 429 } else { 200 },
            duration_ms,
            duration_to_first_byte_ms: Some(duration_ms / 4),
            usage: if failed { StatedUsage::default() } else { usage(random) },
            usage_source: if failed { UsageSource::None } else { UsageSource::Provider },
            outcome: if failed { Outcome::Failed } else { Outcome::Completed },
            response_type: if streams {
                format!("{}_stream", model.response_type)
            } else {
                model.response_type.to_owned()
            },
            finish_reason: (!failed)
                .then(|| if random.random_ratio(1, 8) { "length" } else { "stop" }.to_owned()),
            // A customer uses one SDK, as a rule.
            user_agent: Some(USER_AGENTS[at % USER_AGENTS.len()].to_owned()),
            server_address: Some(model.host.to_owned()),
            server_port: Some(443),
            served_by: Some("gateway-1".to_owned()),
            credential: Credential::Key(self.keys[at]),
            batch: if is_batch { batch(at, random, timestamp) } else { Batch::default() },
            trace_id: None,
        }
    }
}

/// Of a key's models the first is used most.
fn model_of(key: usize, models_per_key: usize, random: &mut SmallRng) -> usize {
    let nth = match random.random_range(0..10) {
        0..7 => 0,
        _ => random.random_range(0..models_per_key.max(1)),
    };
    (key * 7 + nth * 13) % MODELS
}

fn usage(random: &mut SmallRng) -> StatedUsage {
    let prompt: i64 = random.random_range(40..6_000);
    let completion: i64 = random.random_range(5..1_200);
    let mut usage = StatedUsage {
        prompt_tokens: Some(prompt),
        completion_tokens: Some(completion),
        total_tokens: Some(prompt + completion),
        ..StatedUsage::default()
    };
    match random.random_range(0..20) {
        0..6 => usage.cache_read_tokens = prompt / 2,
        6 => usage.cache_write_5m_tokens = prompt / 3,
        _ => {}
    }
    if random.random_ratio(1, 5) {
        usage.reasoning_tokens = completion / 2;
    }
    usage
}

fn batch(key: usize, random: &mut SmallRng, timestamp: Timestamp) -> Batch {
    let job: u128 = random.random_range(0..20);
    let id = |of: u128| Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0000 | of);
    let key = u128::try_from(key).unwrap_or_default();
    Batch {
        batch_id: Some(id(key << 8 | job)),
        batch_request_id: Some(Uuid::from_u128(random.random())),
        custom_id: Some(format!("request-{}", random.random_range(0..1_000_000))),
        batch_completion_window: Some(WINDOW.to_owned()),
        batch_created_at: Some(timestamp - SignedDuration::from_mins(5)),
        batch_request_source: Some("api".to_owned()),
    }
}

async fn create_models(store: &Store, master: &MasterKey) -> anyhow::Result<Vec<Model>> {
    let mut models = Vec::with_capacity(MODELS);
    for (provider, host) in PROVIDERS {
        let mut endpoint = endpoints::NewEndpoint::new(provider, format!("https://{host}"));
        endpoint.provider_name = Some(provider.to_owned());
        store.tx("bench", async |tx| endpoints::create(&tx, master, &endpoint, ACTOR).await).await?;
    }
    for number in 0..MODELS {
        let (provider, host) = PROVIDERS[number % PROVIDERS.len()];
        let alias = format!("{provider}-model-{number:02}");
        let (realtime, batch) = prices(number)?;
        let created = store
            .tx("bench", async |tx| {
                let created = models::create(&tx, &alias, provider, None, ACTOR).await?;
                tariffs::replace(&tx, &alias, &[realtime.clone(), batch.clone()], &SystemClock, ACTOR)
                    .await?;
                Ok(created)
            })
            .await?;
        let is_message = provider == "anthropic";
        models.push(Model {
            id: created.id,
            answers_as: format!("{alias}-2026-01-15"),
            alias,
            host,
            response_type: if is_message { "message" } else { "chat_completion" },
            uri: if is_message { "/v1/messages" } else { "/v1/chat/completions" },
        });
    }
    Ok(models)
}

/// What a model costs interactively, and in a batch.
fn prices(model: usize) -> anyhow::Result<(WantedTariff, WantedTariff)> {
    let valid_from = Some("2020-01-01T00:00:00Z".parse()?);
    let price = |nano: usize| format!("0.{nano:09}").parse();
    let (input, output) = (150 + model * 61, 600 + model * 290);
    let prices = PriceList {
        input_price: price(input)?,
        output_price: price(output)?,
        cache_read_price: Some(price(input / 10)?),
        cache_write_5m_price: Some(price(input * 5 / 4)?),
        ..PriceList::default()
    };
    let realtime = WantedTariff { prices, valid_from, ..WantedTariff::default() };
    let half = PriceList {
        input_price: price(input / 2)?,
        output_price: price(output / 2)?,
        ..PriceList::default()
    };
    let batch = WantedTariff {
        purpose: ApiKeyPurpose::Batch,
        completion_window: Some(WINDOW.to_owned()),
        prices: half,
        valid_from,
    };
    Ok((realtime, batch))
}

async fn create_user(store: &Store, master: &MasterKey, number: usize) -> anyhow::Result<Vec<ApiKeyId>> {
    let name = format!("customer-{number:04}");
    let grant = NewMovement {
        user: name.clone(),
        kind: MovementKind::AdminGrant,
        amount: "1000000".parse()?,
        source_id: format!("first grant of {name}"),
        description: String::new(),
    };
    let keys = (0..KEYS_PER_USER).map(|key| {
        let is_batch = (number * KEYS_PER_USER + key) % BATCH_KEY_EVERY == BATCH_KEY_EVERY - 1;
        api_keys::NewApiKey {
            user: name.clone(),
            purpose: if is_batch { ApiKeyPurpose::Batch } else { ApiKeyPurpose::Realtime },
            trusted: is_batch,
            name: String::new(),
            created_by: None,
        }
    });
    let keys: Arc<[api_keys::NewApiKey]> = keys.collect();
    let created = store
        .tx("bench", async |tx| {
            users::create(&tx, &name, UserKind::Individual, ACTOR).await?;
            movements::apply(&tx, &grant, ACTOR).await?;
            let mut created = Vec::with_capacity(keys.len());
            for key in keys.iter() {
                created.push(api_keys::create(&tx, master, key, ACTOR).await?.key.id);
            }
            Ok(created)
        })
        .await?;
    Ok(created)
}
