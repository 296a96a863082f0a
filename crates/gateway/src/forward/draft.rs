//! The record of a request as far as it is known when the request is admitted.

use http::header;
use tollgate_domain::{CorrelationId, Credential, Outcome, RawAnalyticsRecord, StatedUsage, UsageSource};

use super::text;
use crate::admit::{Caller, Destination};
use crate::exchange::CLIENT_CLOSED_REQUEST;
use crate::gateway::{Arrival, Inner};

/// How much of a `User-Agent` is recorded: it is a dimension, not a text.
const USER_AGENT_BYTES: usize = 200;

/// Writes down what is known. Its ending says that the client went away unanswered, until it is known better.
pub(crate) fn record(
    gateway: &Inner,
    arrival: &Arrival,
    caller: &Caller,
    destination: &Destination,
    correlation_id: CorrelationId,
    stream: bool,
) -> RawAnalyticsRecord {
    let Destination { surface, endpoint, model, template } = destination;
    RawAnalyticsRecord {
        instance_id: gateway.recorder.instance_id(),
        correlation_id,
        timestamp: arrival.at,
        method: arrival.method.to_string(),
        uri: template.clone(),
        model_id: model.as_ref().map(|model| model.entry.id),
        request_model: model.as_ref().map(|model| model.entry.alias.clone()),
        response_model: None,
        status_code: i32::from(CLIENT_CLOSED_REQUEST),
        duration_ms: 0,
        duration_to_first_byte_ms: None,
        usage: StatedUsage::default(),
        usage_source: UsageSource::None,
        outcome: Outcome::Cancelled,
        response_type: surface.response_type(stream).to_owned(),
        finish_reason: None,
        user_agent: text(&arrival.headers, &header::USER_AGENT)
            .map(|agent| truncated(agent, USER_AGENT_BYTES)),
        server_address: Some(endpoint.base.host().to_owned()),
        server_port: Some(i32::from(endpoint.base.port())),
        served_by: gateway.config.served_by.clone(),
        credential: Credential::Key(caller.key.id),
        batch: caller.batch.clone(),
        trace_id: text(&arrival.headers, "traceparent").and_then(trace_id),
    }
}

/// At most `bytes` bytes of a text, cut between characters.
fn truncated(text: &str, bytes: usize) -> String {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or_default().to_owned()
}

/// The trace of a W3C `traceparent`: `00-{32 hex}-{16 hex}-{2 hex}`; all zeros is none.
fn trace_id(traceparent: &str) -> Option<String> {
    let mut fields = traceparent.trim().split('-');
    let (version, trace) = (fields.next()?, fields.next()?);
    let hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let valid = version.len() == 2
        && version != "ff"
        && hex(version)
        && trace.len() == 32
        && hex(trace)
        && trace.bytes().any(|byte| byte != b'0');
    valid.then(|| trace.to_owned())
}

#[cfg(test)]
mod tests;
