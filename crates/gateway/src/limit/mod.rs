//! Limits: how many requests and tokens a minute, and how many requests at once; for a key, for a user, for a model. And how much a key
//! or a user may spend ([`Caps`]), which is told by what was spent, in [`crate::view`], and not here.
//!
//! All that a request meets are decided together, in memory: it passes all of them, or takes from none. Requests are taken when
//! they are admitted, and stay taken. Tokens are taken by an estimate when the request is admitted (`estimate`), so that many at once
//! do not pass on the same room, and set right to what was used when it ends; one that used more leaves less than nothing, and who
//! comes next waits for it. A limit is what may be used at once, and what comes back, evenly, in a minute.
//!
//! No more is taken than the limit, so that nobody shuts out all others for longer than a minute by asking for more.
//!
//! Guarantee: a request counts as running from its admission until its end, once, also when it panics or is dropped. What was taken for a
//! request that is refused after all is given back. A limit that changes counts from the next request on; what was used stays used, and of
//! a limit that is lowered the same part. A limit that is put on anew begins with nothing used.
//!
//! Not guaranteed: anything across gateways. Each has the whole limit for itself. And a gateway that starts anew has forgotten.

mod bucket;
mod caps;
mod headers;
mod limiter;
mod metrics;

use std::time::Duration;

use jiff::Timestamp;
use tollgate_domain::{ApiKeyId, ModelId, UserId};

pub(crate) use self::caps::CapReached;
pub use self::caps::Caps;
pub(crate) use self::headers::retry_after;
pub(crate) use self::limiter::{Limiter, Passed};

/// Bytes of a request's body for one token of its prompt: about what English text in JSON takes.
const BYTES_PER_TOKEN: u64 = 4;
/// When one of the requests that run may have ended: nobody knows, so soon.
const CONCURRENCY_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Whom a limit is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// One API key.
    Key(ApiKeyId),
    /// All keys of a user together.
    User(UserId),
    /// Everyone's requests for a model together.
    Model(ModelId),
}

impl Subject {
    /// What kind it is; also the label of metrics.
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Self::Key(_) => "key",
            Self::User(_) => "user",
            Self::Model(_) => "model",
        }
    }

    /// As it is named to the client.
    pub(crate) const fn to_client(self) -> &'static str {
        match self {
            Self::Key(_) => "this key",
            Self::User(_) => "this account",
            Self::Model(_) => "this model",
        }
    }
}

/// The limits of one subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Of its requests.
    pub rates: Rates,
    /// Of its money. A model spends none.
    pub caps: Caps,
}

/// How much may be asked, and how fast. `None` is without limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rates {
    /// Requests a minute.
    pub requests_per_minute: Option<u32>,
    /// Tokens of prompts and answers a minute.
    pub tokens_per_minute: Option<u64>,
    /// Requests at once.
    pub concurrent_requests: Option<u32>,
}

impl Rates {
    /// Whether there is any.
    pub(crate) const fn is_any(&self) -> bool {
        self.requests_per_minute.is_some()
            || self.tokens_per_minute.is_some()
            || self.concurrent_requests.is_some()
    }
}

/// The rates that one request has to keep: of its key, its user and its model.
pub(crate) type Limited = [Option<(Subject, Rates)>; 3];

/// What a request is taken to use before it has used it: its prompt by its bytes, and as much of an answer as it allows, as OpenAI does.
/// Where it sets no limit to its answer, nothing is taken for it: it counts when it is there.
pub(crate) fn estimate(body_bytes: u64, max_output_tokens: Option<u64>) -> u64 {
    body_bytes.div_ceil(BYTES_PER_TOKEN).saturating_add(max_output_tokens.unwrap_or(0))
}

/// Which limit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Requests,
    Tokens,
    Concurrency,
}

impl What {
    /// The label of metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests_per_minute",
            Self::Tokens => "tokens_per_minute",
            Self::Concurrency => "concurrent_requests",
        }
    }

    const fn to_client(self) -> &'static str {
        match self {
            Self::Requests => "requests per minute",
            Self::Tokens => "tokens per minute",
            Self::Concurrency => "requests at once",
        }
    }
}

/// A limit that a request would exceed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Rate limit reached: {} may have {limit} {}. Try again in {}.", .subject.to_client(), .what.to_client(), headers::span(*.retry_after))]
pub(crate) struct Exceeded {
    pub(crate) subject: Subject,
    pub(crate) what: What,
    pub(crate) limit: u64,
    /// After which it would pass, if nobody else came.
    pub(crate) retry_after: Duration,
    pub(crate) standing: Standing,
}

/// How its limits stand after a request: of those on requests, and of those on tokens, the one with the least left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Standing {
    requests: Option<Level>,
    tokens: Option<Level>,
}

/// How one limit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Level {
    limit: u64,
    remaining: u64,
    /// Until all of it is there again.
    full_in: Duration,
}

impl Level {
    fn least(self, other: Option<Self>) -> Option<Self> {
        other.filter(|other| other.remaining <= self.remaining).or(Some(self))
    }
}

/// What clients are told, at the time it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) standing: Standing,
    pub(crate) at: Timestamp,
}

#[cfg(test)]
mod tests;
