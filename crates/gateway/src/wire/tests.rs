//! Surfaces and their errors, as claims.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Pieces, Surface};

fn value(bytes: &Bytes) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

#[test]
fn an_openai_error_has_message_type_param_and_code() {
    let body = Surface::ChatCompletions.error_body(401, "invalid_api_key", "no such \"key\"");
    let expected = json!({"error": {
        "message": "no such \"key\"", "type": "invalid_request_error", "param": null, "code": "invalid_api_key"
    }});
    assert_eq!(value(&body), expected);
}

#[test]
fn an_anthropic_error_names_the_type_that_its_status_stands_for() {
    for (status, kind) in [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "request_too_large"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (503, "overloaded_error"),
    ] {
        let body = Surface::AnthropicMessages.error_body(status, "code", "m");
        assert_eq!(value(&body), json!({"type": "error", "error": {"type": kind, "message": "m"}}));
    }
}

#[test]
fn a_gemini_error_repeats_the_status_as_number_and_as_name() {
    for (status, name) in [
        (400, "INVALID_ARGUMENT"),
        (401, "UNAUTHENTICATED"),
        (403, "PERMISSION_DENIED"),
        (404, "NOT_FOUND"),
        (429, "RESOURCE_EXHAUSTED"),
        (500, "INTERNAL"),
        (503, "UNAVAILABLE"),
    ] {
        let body = Surface::GeminiGenerate.error_body(status, "code", "m");
        assert_eq!(value(&body), json!({"error": {"code": status, "message": "m", "status": name}}));
    }
}

#[test]
fn an_error_frame_is_one_whole_frame_even_with_line_breaks_in_the_message() {
    for surface in Surface::ALL {
        let frame = surface.error_frame(502, "upstream_failed", "one\ntwo\r\nthree");
        let text = std::str::from_utf8(&frame).unwrap();
        assert!(text.ends_with("\n\n"), "{surface:?}");
        assert_eq!(text.matches("\n\n").count(), 1, "{surface:?}");
        let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        let parsed: Value = serde_json::from_str(data).unwrap();
        assert!(parsed.get("error").is_some() || parsed["type"] == "error", "{surface:?}");
    }
}

#[test]
fn every_surface_has_its_own_route_and_a_response_type() {
    let mut routes: Vec<&str> = Surface::ALL.iter().map(|surface| surface.route_template()).collect();
    routes.sort_unstable();
    routes.dedup();
    assert_eq!(routes.len(), Surface::ALL.len());
    assert_eq!(Surface::ChatCompletions.response_type(true), "chat_completion_stream");
    assert_eq!(Surface::Embeddings.response_type(false), "embedding");
}

#[test]
fn pieces_come_out_in_order_and_without_empty_ones() {
    let mut pieces = Pieces::new();
    for part in ["", "a", "", "bc", "d"] {
        pieces.push(Bytes::from_static(part.as_bytes()));
    }
    assert_eq!(pieces.len(), 4);
    let parts: Vec<Bytes> = pieces.clone().into_iter().collect();
    assert_eq!(parts, ["a", "bcd"], "tiny ones are put together");
    assert_eq!(pieces.into_bytes(), "abcd");
}

#[test]
fn pieces_never_show_what_they_hold() {
    let mut pieces = Pieces::new();
    pieces.push(Bytes::from_static(b"a secret"));
    assert_eq!(format!("{pieces:?}"), "Pieces(8 bytes)");
}
