//! Errors in the shape of the surface that was called, so that the official SDKs raise their own typed
//! exceptions.
//!
//! The OpenAI and Gemini SDKs choose the exception by the HTTP status, Anthropic's by status too, and shows
//! `error.type`; all three show the message. Sources: the vendors' error references.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Family, Surface};

impl Surface {
    /// The body of an error answer, JSON. `code` is our machine-readable name (`invalid_api_key`,
    /// `insufficient_credits`).
    pub fn error_body(self, status: u16, code: &str, message: &str) -> Bytes {
        Bytes::from(self.error_value(status, code, message).to_string())
    }

    /// An error inside an event stream that has begun: one whole frame, blank line included.
    ///
    /// The OpenAI SDKs raise on a data frame with an `error`; Anthropic's on `event: error`; Gemini's on an
    /// `error` chunk.
    pub fn error_frame(self, status: u16, code: &str, message: &str) -> Bytes {
        let value = self.error_value(status, code, message);
        Bytes::from(match (self, self.family()) {
            (_, Family::Anthropic) => format!("event: error\ndata: {value}\n\n"),
            (Self::Responses, _) => {
                let event = json!({"type": "error", "code": code, "message": message, "param": null});
                format!("event: error\ndata: {event}\n\n")
            }
            _ => format!("data: {value}\n\n"),
        })
    }

    fn error_value(self, status: u16, code: &str, message: &str) -> Value {
        match self.family() {
            Family::OpenAi => json!({
                "error": {"message": message, "type": openai_type(status), "param": null, "code": code}
            }),
            Family::Anthropic => json!({
                "type": "error", "error": {"type": anthropic_type(status), "message": message}
            }),
            Family::Gemini => json!({
                "error": {"code": status, "message": message, "status": gemini_status(status)}
            }),
        }
    }
}

const fn openai_type(status: u16) -> &'static str {
    match status {
        402 => "insufficient_quota",
        403 => "permission_error",
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

const fn anthropic_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        504 => "timeout_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

const fn gemini_status(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        402 => "FAILED_PRECONDITION",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        501 => "UNIMPLEMENTED",
        502 | 503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    }
}
