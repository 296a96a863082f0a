//! What of a request says how much it may cost: limits, and how many answers are asked for.
//!
//! Upstreams take more than the documentation of their APIs: `5.0` for 5, `"5"` for 5. What is read here is what all take alike; of
//! anything else ([`Unclear`]) the caller reckons with whatever it may be.

use serde::de::IgnoredAny;

use crate::wire::Surface;

/// Not what all upstreams take alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unclear;

/// Whether upstreams of a surface heed this one of `max_tokens` (0), `max_completion_tokens` (1), `max_output_tokens` (2).
pub(super) const fn is_heeded(surface: Surface, which: u8) -> bool {
    match surface {
        Surface::ChatCompletions => which <= 1,
        Surface::Completions | Surface::AnthropicMessages => which == 0,
        Surface::Responses => which == 2,
        _ => false,
    }
}

/// A count, rounded up; nothing of a null.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "within the range that is checked before"
)]
pub(super) fn count(value: &[u8]) -> Result<Option<u64>, Unclear> {
    let stated: Option<serde_json::Number> = serde_json::from_slice(value).map_err(|_| Unclear)?;
    let Some(stated) = stated else { return Ok(None) };
    if let Some(count) = stated.as_u64() {
        return Ok(Some(count));
    }
    let count = stated.as_f64().ok_or(Unclear)?.ceil();
    if (0.0..=f64::from(u32::MAX)).contains(&count) { Ok(Some(count as u64)) } else { Err(Unclear) }
}

/// What Gemini calls its limits.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct GenerationConfig {
    #[serde(rename = "maxOutputTokens", alias = "max_output_tokens")]
    max_output_tokens: Option<serde_json::Value>,
    #[serde(rename = "candidateCount", alias = "candidate_count")]
    candidate_count: Option<serde_json::Value>,
}

/// The limit of each answer, and how many are asked for. A key that comes twice is an error, however it is written.
pub(super) fn generation_config(value: &[u8]) -> Result<(Option<u64>, Option<u64>), Unclear> {
    let config: Option<GenerationConfig> = serde_json::from_slice(value).map_err(|_| Unclear)?;
    let config = config.unwrap_or_default();
    // Google's APIs take a number in a string as well.
    let number = |value: Option<serde_json::Value>| match value {
        Some(serde_json::Value::String(text)) => text.parse().map(Some).map_err(|_| Unclear),
        Some(value) => count(value.to_string().as_bytes()),
        None => Ok(None),
    };
    Ok((number(config.max_output_tokens)?, number(config.candidate_count)?))
}

/// How many prompts an array of them is. One of tokens is an array of numbers.
pub(super) fn prompts(value: &[u8]) -> Result<u64, Unclear> {
    if is_null(value) {
        return Ok(1);
    }
    let all: Vec<IgnoredAny> = serde_json::from_slice(value).map_err(|_| Unclear)?;
    let first = value.iter().skip(1).find(|byte| !byte.is_ascii_whitespace());
    let is_one = first.is_some_and(u8::is_ascii_digit);
    Ok(if is_one { 1 } else { u64::try_from(all.len()).unwrap_or(u64::MAX).max(1) })
}

pub(super) fn is_null(value: &[u8]) -> bool {
    value == b"null"
}

#[cfg(test)]
mod tests;
