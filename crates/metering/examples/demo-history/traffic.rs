//! What was asked, hour by hour: more by day than by night, less at weekends, more from week to week.

use std::collections::{BTreeMap, HashMap};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tollgate_domain::{
    ApiKeyId, Batch, CorrelationId, Credential, InstanceId, Outcome, RawAnalyticsRecord, StatedUsage,
    UsageSource,
};
use uuid::Uuid;

/// One of the demo's customers: those that ask while somebody looks on, and some who do not.
#[derive(Debug)]
pub(crate) struct Customer {
    pub(crate) name: &'static str,
    /// Requests of a weekday in the middle of the history.
    per_day: f64,
    hours: &'static [f64; 24],
    /// Whether it asks at weekends as on other days.
    rests: bool,
    /// What it asks for, the most often asked first.
    models: &'static [Model],
    /// Its requests are of batches that may take a day.
    is_batch: bool,
    /// What it has left beyond what it had before.
    pub(crate) left: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Model {
    Gpt,
    Claude,
    Gemini,
    Embed,
}

const OFFICE: [f64; 24] = [
    1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 4.0, 8.0, 14.0, 18.0, 20.0, 19.0, 15.0, 18.0, 20.0, 19.0, 16.0, 12.0, 8.0,
    6.0, 5.0, 4.0, 2.0, 1.0,
];
const NIGHT: [f64; 24] = [
    16.0, 30.0, 40.0, 34.0, 18.0, 6.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0,
    2.0, 3.0, 5.0, 8.0,
];
const EVENING: [f64; 24] = [
    8.0, 5.0, 3.0, 2.0, 1.0, 1.0, 2.0, 4.0, 5.0, 6.0, 6.0, 7.0, 8.0, 8.0, 9.0, 10.0, 12.0, 14.0, 18.0, 20.0,
    20.0, 18.0, 14.0, 10.0,
];

/// The first three are `cargo demo`'s own.
pub(crate) const CUSTOMERS: [Customer; 6] = [
    Customer {
        name: "acme",
        per_day: 150.0,
        hours: &OFFICE,
        rests: true,
        models: &[Model::Gpt, Model::Claude, Model::Gemini],
        is_batch: false,
        left: "0",
    },
    Customer {
        name: "globex",
        per_day: 120.0,
        hours: &NIGHT,
        rests: false,
        models: &[Model::Gpt, Model::Embed],
        is_batch: true,
        left: "0",
    },
    Customer {
        name: "initech",
        per_day: 40.0,
        hours: &EVENING,
        rests: false,
        models: &[Model::Claude, Model::Gpt],
        is_batch: false,
        left: "0",
    },
    Customer {
        name: "hooli",
        per_day: 240.0,
        hours: &OFFICE,
        rests: true,
        models: &[Model::Claude, Model::Gpt, Model::Gemini],
        is_batch: false,
        left: "120",
    },
    // Soon without credits.
    Customer {
        name: "umbrella",
        per_day: 30.0,
        hours: &OFFICE,
        rests: true,
        models: &[Model::Gpt],
        is_batch: false,
        left: "0.41",
    },
    Customer {
        name: "wayne",
        per_day: 80.0,
        hours: &EVENING,
        rests: false,
        models: &[Model::Embed, Model::Gemini],
        is_batch: false,
        left: "35",
    },
];

/// What a history is made from.
pub(crate) struct History<'a> {
    keys: &'a HashMap<&'static str, ApiKeyId>,
    from: Timestamp,
    until: Timestamp,
    random: StdRng,
    instance: InstanceId,
    made: Made,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Made {
    /// In the order of time.
    pub(crate) records: Vec<RawAnalyticsRecord>,
    /// What each customer's requests cost at most, in whole credits.
    pub(crate) most_credits: BTreeMap<&'static str, u64>,
}

impl<'a> History<'a> {
    pub(crate) fn new(
        keys: &'a HashMap<&'static str, ApiKeyId>,
        from: Timestamp,
        until: Timestamp,
        seed: u64,
    ) -> Self {
        let instance = InstanceId::from_uuid(Uuid::from_u128(
            0xde30_0000_0000_4000_8000_0000_0000_0000 + u128::from(seed),
        ));
        Self { keys, from, until, random: StdRng::seed_from_u64(seed), instance, made: Made::default() }
    }

    /// Makes it.
    pub(crate) fn make(mut self) -> Made {
        let hours = (self.until.as_second() - self.from.as_second()) / 3600;
        let mut micros: BTreeMap<&'static str, u64> = BTreeMap::new();
        for hour in 0..hours {
            let start = self.from + SignedDuration::from_hours(hour);
            for customer in &CUSTOMERS {
                for _ in 0..self.count(customer, start, hour, hours) {
                    let at = start + SignedDuration::from_micros(self.random.random_range(0..3_600_000_000));
                    let record = self.record(customer, at);
                    *micros.entry(customer.name).or_default() += most_microcredits(&record.usage);
                    self.made.records.push(record);
                }
            }
        }
        self.made.records.sort_by_key(|record| record.timestamp);
        for (number, record) in (1..).zip(&mut self.made.records) {
            record.correlation_id = CorrelationId::new(number);
        }
        // A credit more, so that nobody is ever without.
        self.made.most_credits =
            micros.into_iter().map(|(name, micros)| (name, micros / 1_000_000 + 1)).collect();
        self.made
    }

    /// How many requests of a customer come in an hour.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a handful of requests")]
    fn count(&mut self, customer: &Customer, start: Timestamp, hour: i64, hours: i64) -> i64 {
        let time = start.to_zoned(TimeZone::UTC);
        let of_day = usize::try_from(time.hour()).unwrap_or(0);
        let share = customer.hours.get(of_day).copied().unwrap_or(0.0) / customer.hours.iter().sum::<f64>();
        let is_weekend = time.weekday().to_monday_zero_offset() >= 5;
        let rest = if is_weekend && customer.rests { 0.25 } else { 1.0 };
        let growth = 0.6 + 0.8 * hour as f64 / hours as f64;
        let noise = self.random.random_range(0.7..1.3);
        let expected = customer.per_day * share * rest * growth * noise;
        expected.floor() as i64 + i64::from(self.random.random_bool(expected.fract()))
    }

    fn record(&mut self, customer: &Customer, at: Timestamp) -> RawAnalyticsRecord {
        let random = &mut self.random;
        // The first model most often, each further one half as often.
        let mut models = customer.models.iter();
        let model = models
            .find(|_| random.random_bool(0.6))
            .or(customer.models.last())
            .copied()
            .unwrap_or(Model::Gpt);
        let is_embedding = model == Model::Embed;
        let is_stream = !is_embedding && !customer.is_batch && random.random_bool(0.6);
        let is_failed = random.random_bool(0.012);
        let prompt =
            if is_embedding { random.random_range(100..4_000) } else { random.random_range(150..3_500_i64) };
        let completion = random.random_range(40..900_i64);
        let is_cached = matches!(model, Model::Gpt | Model::Claude) && random.random_bool(0.35);
        let usage = StatedUsage {
            prompt_tokens: Some(prompt),
            completion_tokens: (!is_embedding).then_some(completion),
            total_tokens: Some(if is_embedding { prompt } else { prompt + completion }),
            cache_read_tokens: if is_cached { prompt * 3 / 5 } else { 0 },
            reasoning_tokens: if model == Model::Gpt && random.random_bool(0.2) { completion / 3 } else { 0 },
            ..StatedUsage::default()
        };
        let (alias, upstream, uri, kind) = model.names();
        let duration_ms = random.random_range(300..9_000);
        RawAnalyticsRecord {
            instance_id: self.instance,
            correlation_id: CorrelationId::new(0),
            timestamp: at,
            method: "POST".to_owned(),
            uri: uri.to_owned(),
            model_id: None,
            request_model: Some(alias.to_owned()),
            response_model: Some(upstream.to_owned()),
            status_code: if is_failed { 503 } else { 200 },
            duration_ms,
            duration_to_first_byte_ms: Some(duration_ms / 6),
            usage: if is_failed { StatedUsage::default() } else { usage },
            usage_source: if is_failed { UsageSource::None } else { UsageSource::Provider },
            outcome: if is_failed { Outcome::Failed } else { Outcome::Completed },
            response_type: if is_stream { format!("{kind}_stream") } else { kind.to_owned() },
            finish_reason: (!is_failed && !is_embedding).then(|| "stop".to_owned()),
            user_agent: Some(if customer.is_batch { "batches/2.1" } else { "openai-python/2.8" }.to_owned()),
            server_address: Some("127.0.0.1".to_owned()),
            server_port: Some(443),
            served_by: Some("demo".to_owned()),
            credential: self.keys.get(customer.name).map_or(Credential::None, |key| Credential::Key(*key)),
            batch: Batch {
                batch_completion_window: customer.is_batch.then(|| "24h".to_owned()),
                batch_created_at: customer.is_batch.then(|| at - SignedDuration::from_mins(20)),
                ..Batch::default()
            },
            trace_id: None,
        }
    }
}

impl Model {
    /// As customers and upstream call it, how it is asked, and what it answers.
    const fn names(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::Gpt => ("gpt-demo", "upstream-gpt", "/v1/chat/completions", "chat_completion"),
            Self::Claude => ("claude-demo", "upstream-claude", "/v1/messages", "message"),
            Self::Gemini => (
                "gemini-demo",
                "upstream-gemini",
                "/v1beta/models/{model}:generateContent",
                "generate_content",
            ),
            Self::Embed => ("embed-demo", "upstream-embed", "/v1/embeddings", "embedding"),
        }
    }
}

/// At the dearest price that the demo's models ever had, and more than that: in millionths of a credit.
fn most_microcredits(usage: &StatedUsage) -> u64 {
    const MICROS_PER_TOKEN_IN: i64 = 8;
    const MICROS_PER_TOKEN_OUT: i64 = 40;
    let (tokens_in, tokens_out) = (usage.prompt_tokens.unwrap_or(0), usage.completion_tokens.unwrap_or(0));
    u64::try_from(tokens_in * MICROS_PER_TOKEN_IN + tokens_out * MICROS_PER_TOKEN_OUT).unwrap_or(0)
}
