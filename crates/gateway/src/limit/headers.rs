//! What a client is told of its limits, in the headers of the API that it speaks.
//!
//! OpenAI's are `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`, with the time until all of it is there again as Go writes
//! durations (`6m0s`); Anthropic's are `anthropic-ratelimit-{requests,tokens}-{limit,remaining,reset}`, with the time at which. Gemini
//! has none of its own and gets OpenAI's. Sources: the vendors' references on rate limits.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use jiff::Timestamp;

use super::{Level, Told};
use crate::wire::{Family, Surface};

/// What an upstream tells of limits is about the account that we have with it.
const OF_UPSTREAMS: [&str; 2] = ["x-ratelimit-", "anthropic-ratelimit-"];

type Names = [HeaderName; 3];

static OPENAI_REQUESTS: Names = [
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
];
static OPENAI_TOKENS: Names = [
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
];
static ANTHROPIC_REQUESTS: Names = [
    HeaderName::from_static("anthropic-ratelimit-requests-limit"),
    HeaderName::from_static("anthropic-ratelimit-requests-remaining"),
    HeaderName::from_static("anthropic-ratelimit-requests-reset"),
];
static ANTHROPIC_TOKENS: Names = [
    HeaderName::from_static("anthropic-ratelimit-tokens-limit"),
    HeaderName::from_static("anthropic-ratelimit-tokens-remaining"),
    HeaderName::from_static("anthropic-ratelimit-tokens-reset"),
];

impl Told {
    /// Writes how the limits stand, in place of what an upstream said of its own.
    pub(crate) fn write(&self, headers: &mut HeaderMap, surface: Surface) {
        let (requests, tokens) = match surface.family() {
            Family::Anthropic => (&ANTHROPIC_REQUESTS, &ANTHROPIC_TOKENS),
            Family::OpenAi | Family::Gemini => (&OPENAI_REQUESTS, &OPENAI_TOKENS),
        };
        let is_theirs = |name: &&HeaderName| OF_UPSTREAMS.iter().any(|of| name.as_str().starts_with(of));
        let theirs: Vec<HeaderName> = headers.keys().filter(is_theirs).cloned().collect();
        for name in theirs {
            headers.remove(name);
        }
        for (names, level) in [(requests, self.standing.requests), (tokens, self.standing.tokens)] {
            let Some(Level { limit, remaining, full_in }) = level else { continue };
            let reset = match surface.family() {
                Family::Anthropic => instant(self.at, full_in),
                Family::OpenAi | Family::Gemini => span(full_in),
            };
            let [limit_name, remaining_name, reset_name] = names;
            headers.insert(limit_name, HeaderValue::from(limit));
            headers.insert(remaining_name, HeaderValue::from(remaining));
            if let Ok(reset) = HeaderValue::try_from(reset) {
                headers.insert(reset_name, reset);
            }
        }
    }
}

/// Writes after how many seconds, at least one, to try again.
pub(crate) fn retry_after(headers: &mut HeaderMap, wait: Duration) {
    let seconds = wait.as_millis().div_ceil(1000).max(1);
    headers.insert(header::RETRY_AFTER, HeaderValue::from(u64::try_from(seconds).unwrap_or(u64::MAX)));
}

/// As Go writes it, rounded up to milliseconds: `120ms`, `7.66s`, `6m0s`, `1h0m0s`.
pub(super) fn span(time: Duration) -> String {
    let millis = time.as_nanos().div_ceil(1_000_000);
    if millis == 0 {
        return "0s".to_owned();
    }
    if millis < 1000 {
        return format!("{millis}ms");
    }
    let (seconds, fraction) = (millis / 1000, millis % 1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:03}") };
    let fraction = fraction.trim_end_matches('0');
    match (hours, minutes) {
        (0, 0) => format!("{seconds}{fraction}s"),
        (0, _) => format!("{minutes}m{seconds}{fraction}s"),
        _ => format!("{hours}h{minutes}m{seconds}{fraction}s"),
    }
}

/// The time after `wait`, rounded up to seconds, as RFC 3339 writes it.
fn instant(at: Timestamp, wait: Duration) -> String {
    let wait = i128::try_from(wait.as_nanos()).unwrap_or(i128::MAX);
    let seconds =
        at.as_nanosecond().saturating_add(wait).saturating_add(999_999_999).div_euclid(1_000_000_000);
    let seconds = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    seconds.unwrap_or(at).to_string()
}
