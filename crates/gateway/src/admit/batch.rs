//! What a trusted batch runner says of a request, in `x-tollgate-*` headers.
//!
//! They decide prices (the completion window, the time), so they are read from a trusted key only, and a malformed one is
//! refused: a batch job priced by a guess would be found out too late.

use http::HeaderMap;
use jiff::Timestamp;
use tollgate_domain::{Batch, truncate_to_micros};

/// What all our own headers start with.
pub(crate) const HEADER_PREFIX: &str = "x-tollgate-";

/// Longest `custom_id`. OpenAI's batch files allow 512 characters.
const CUSTOM_ID_BYTES: usize = 512;
/// Longest window or source; `24h` and `frontend` are typical.
const NAME_BYTES: usize = 32;

/// A header that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the header `{header}` {wrong}")]
pub(crate) struct BadBatchHeader {
    header: &'static str,
    wrong: &'static str,
}

/// Reads the batch headers of a trusted client.
pub(crate) fn parse(headers: &HeaderMap) -> Result<Batch, BadBatchHeader> {
    Ok(Batch {
        batch_id: read(headers, "x-tollgate-batch-id", "must be a UUID", |text| text.parse().ok())?,
        batch_request_id: read(headers, "x-tollgate-batch-request-id", "must be a UUID", |text| {
            text.parse().ok()
        })?,
        custom_id: read(headers, "x-tollgate-custom-id", "must be 1 to 512 bytes of text", |text| {
            (!text.is_empty() && text.len() <= CUSTOM_ID_BYTES).then(|| text.to_owned())
        })?,
        batch_completion_window: read(
            headers,
            "x-tollgate-batch-completion-window",
            "must be a window such as 24h",
            name,
        )?,
        batch_created_at: read(
            headers,
            "x-tollgate-batch-created-at",
            "must be a time such as 2026-01-31T12:00:00Z, or seconds since 1970",
            time,
        )?,
        batch_request_source: read(
            headers,
            "x-tollgate-batch-request-source",
            "must be a name such as api or frontend",
            name,
        )?,
    })
}

fn read<T>(
    headers: &HeaderMap,
    header: &'static str,
    wrong: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, BadBatchHeader> {
    let mut values = headers.get_all(header).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(BadBatchHeader { header, wrong: "is given twice" });
    }
    let text = std::str::from_utf8(value.as_bytes()).ok();
    let parsed = text.and_then(|text| parse(text.trim()));
    parsed.map(Some).ok_or(BadBatchHeader { header, wrong })
}

fn name(text: &str) -> Option<String> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    (plain && !text.is_empty() && text.len() <= NAME_BYTES).then(|| text.to_owned())
}

fn time(text: &str) -> Option<Timestamp> {
    let at = match text.parse::<i64>() {
        Ok(seconds) => Timestamp::from_second(seconds).ok(),
        Err(_) => text.parse().ok(),
    };
    at.map(truncate_to_micros)
}

#[cfg(test)]
mod tests;
