//! Who sends what: customers, models with prices, and the requests, each decided by the seed and its number.

use tollgate_testkit::{OraclePrices, upstream::Counts};

use crate::random::Random;

/// What everybody has at first: more than a run can spend.
pub(crate) const CREDITS: &str = "1000000000";
pub(crate) const USERS: [&str; 3] = ["ada", "grace", "barbara"];

/// A model and its prices.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Model {
    pub(crate) alias: &'static str,
    pub(crate) input: &'static str,
    pub(crate) output: &'static str,
    pub(crate) cache_read: Option<&'static str>,
    pub(crate) surface: Surface,
}

/// How a model is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    Chat,
    Messages,
    Embeddings,
}

pub(crate) const MODELS: [Model; 4] = [
    Model {
        alias: "gpt-crash",
        input: "0.0000025",
        output: "0.00001",
        cache_read: Some("0.00000125"),
        surface: Surface::Chat,
    },
    Model {
        alias: "claude-crash",
        input: "0.000003",
        output: "0.000015",
        cache_read: Some("0.0000003"),
        surface: Surface::Messages,
    },
    Model { alias: "free-crash", input: "0", output: "0", cache_read: None, surface: Surface::Chat },
    Model {
        alias: "embed-crash",
        input: "0.00000002",
        output: "0",
        cache_read: None,
        surface: Surface::Embeddings,
    },
];

impl Model {
    /// What so many tokens cost, by the harness's own arithmetic.
    pub(crate) fn cost(&self, counts: &Counts) -> String {
        let prices = OraclePrices {
            input: self.input,
            output: self.output,
            cache_read: self.cache_read,
            ..OraclePrices::default()
        };
        tollgate_testkit::oracle_charge(counts, &prices)
    }

    pub(crate) fn named(alias: &str) -> Option<&'static Self> {
        MODELS.iter().find(|model| model.alias == alias)
    }
}

/// When the client goes away by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// It stays.
    Endless,
    /// So long after it has sent its request.
    Milliseconds(u64),
    /// When the first bytes are there.
    FirstBytes,
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) number: u64,
    /// Of its `traceparent`, by which three books are joined.
    pub(crate) trace: String,
    pub(crate) user: usize,
    pub(crate) model: &'static Model,
    pub(crate) stream: bool,
    pub(crate) script: String,
    pub(crate) patience: Patience,
}

impl Request {
    /// Request `number` of a seed.
    pub(crate) fn new(seed: u64, number: u64) -> Self {
        let mut random = Random::of(seed, number.wrapping_add(1));
        let user = usize::try_from(random.below(USERS.len() as u64)).unwrap_or(0);
        let index = usize::try_from(random.below(MODELS.len() as u64)).unwrap_or(0);
        let model = MODELS.get(index).unwrap_or(&MODELS[0]);
        let stream = model.surface != Surface::Embeddings && random.below(3) > 0;
        let prompt = random.between(1, 5_000);
        let mut words = vec![format!("prompt={prompt}"), format!("delay_ms={}", random.below(15))];
        if model.surface != Surface::Embeddings {
            words.push(format!("completion={}", random.between(1, 2_000)));
            if random.below(3) == 0 {
                words.push(format!("cache_read={}", random.below(prompt)));
            }
        }
        if stream {
            words.push(format!("frames={}", random.between(1, 6)));
            words.push(format!("frame_delay_ms={}", random.below(8)));
        }
        let mut patience = Patience::Endless;
        match random.below(20) {
            0 => words.push("status=500".to_owned()),
            1 => words.push("status=429".to_owned()),
            2 => words.push("usage=none".to_owned()),
            3 => words.push("cut=150".to_owned()),
            4 => words.push("drop".to_owned()),
            5 => patience = Patience::Milliseconds(random.below(20)),
            6 | 7 if stream => patience = Patience::FirstBytes,
            _ => {}
        }
        Self { number, trace: trace(seed, number), user, model, stream, script: words.join(" "), patience }
    }

    /// Path and body.
    pub(crate) fn ask(&self) -> (&'static str, String) {
        let text = format!("Request {}. [[script {}]]", self.number, self.script);
        let message = serde_json::json!([{ "role": "user", "content": text }]);
        let model = self.model.alias;
        let (path, body) = match self.model.surface {
            Surface::Chat => (
                "/v1/chat/completions",
                serde_json::json!({ "model": model, "stream": self.stream, "messages": message }),
            ),
            Surface::Messages => (
                "/v1/messages",
                serde_json::json!({
                    "model": model, "stream": self.stream, "max_tokens": 4096, "messages": message
                }),
            ),
            Surface::Embeddings => ("/v1/embeddings", serde_json::json!({ "model": model, "input": text })),
        };
        (path, body.to_string())
    }

    /// What the end of a whole stream looks like.
    pub(crate) fn end_marker(&self) -> Option<&'static str> {
        match self.model.surface {
            Surface::Chat if self.stream => Some("[DONE]"),
            Surface::Messages if self.stream => Some("message_stop"),
            _ => None,
        }
    }
}

/// The trace of request `number`; they rise with the numbers.
pub(crate) fn trace(seed: u64, number: u64) -> String {
    format!("{:016x}{:016x}", seed | 1, number)
}
