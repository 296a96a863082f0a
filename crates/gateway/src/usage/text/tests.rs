//! Which text is collected, as claims.

use serde_json::json;

use super::{Role, TextCollector};

fn collect(role: Role, limit: usize, json: &serde_json::Value, size: usize) -> TextCollector {
    let mut collector = TextCollector::new(role, limit);
    for chunk in json.to_string().as_bytes().chunks(size) {
        collector.push(chunk);
    }
    collector.finish();
    collector
}

fn text(role: Role, json: &serde_json::Value) -> String {
    let whole = collect(role, 10_000, json, usize::MAX);
    let cut = collect(role, 10_000, json, 1);
    assert_eq!(whole.text, cut.text);
    String::from_utf8(whole.text).unwrap()
}

#[test]
fn all_of_a_request_is_text_but_its_labels() {
    let body = json!({
        "model": "m", "messages": [
            {"role": "system", "content": "be \"kind\"\n"},
            {"role": "user", "content": [{"type": "text", "text": "hello é"}, {"type": "image_url", "image_url": {"url": "http://x"}}]},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "description": "does"}}], "metadata": {"a": "b"},
    });
    let mut lines: Vec<String> = text(Role::Request, &body).split('\n').map(str::to_owned).collect();
    lines.retain(|line| !line.is_empty());
    lines.sort();
    assert_eq!(lines, ["be \"kind\"", "does", "f", "hello é"]);
    assert_eq!(collect(Role::Request, 100, &body, 7).messages, 2);
}

#[test]
fn of_a_response_only_what_the_model_wrote_is_text() {
    let chat = json!({"id": "i", "model": "m", "choices": [{"message": {
        "role": "assistant", "content": "one", "reasoning": "two", "annotations": [{"text": "no"}],
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }, "logprobs": {"content": [{"token": "no", "text": "no"}]}, "finish_reason": "stop"}], "system_fingerprint": "no"});
    assert_eq!(text(Role::Response, &chat).len(), "onetwof{}".len());
    let claude = json!({"type": "message", "content": [{"type": "text", "text": "a"}, {"type": "tool_use", "id": "no", "name": "n", "input": {"q": ["x", {"y": "z"}]}}]});
    let mut letters: Vec<char> = text(Role::Response, &claude).chars().collect();
    letters.sort_unstable();
    assert_eq!(letters, ['a', 'n', 'x', 'z']);
    let gemini = json!({"candidates": [{"content": {"parts": [{"text": "a", "thoughtSignature": "no"}], "role": "model"}}]});
    assert_eq!(text(Role::Response, &gemini), "a");
}

#[test]
fn encoded_data_is_no_text() {
    let base64 = "iVBORw0KGgo".repeat(100);
    let body = json!({"messages": [{"content": base64, "data": format!("data:image/png;base64,{base64}"), "text": "kept"}]});
    assert_eq!(text(Role::Request, &body).trim(), "kept");
    let long = "words and words ".repeat(100);
    assert_eq!(text(Role::Request, &json!({"input": long})).trim(), long.trim());
}

#[test]
fn what_does_not_fit_is_measured() {
    let collector = collect(Role::Request, 10, &json!({"input": "some words here"}), 4);
    assert_eq!(collector.text, b"some words\n");
    assert_eq!(collector.beyond, " here\"".len() as u64);
}

#[test]
fn token_ids_count_one_by_one() {
    let collector = collect(Role::Request, 10, &json!({"input": [[1, 2, 3], [4]], "n": 5, "seed": [6]}), 3);
    assert_eq!(collector.token_ids, 4);
}

#[test]
fn a_document_that_is_no_json_or_ends_early_gives_what_it_had() {
    let mut collector = TextCollector::new(Role::Request, 100);
    collector.push(br#"{"input":"half a sent"#);
    collector.finish();
    assert_eq!(collector.text, b"half a sent\n");
    collector.next_document();
    collector.push(b"no json");
    collector.finish();
    assert_eq!(collector.text, b"half a sent\n");
}

#[test]
fn it_never_shows_what_it_holds() {
    let collector = collect(Role::Request, 100, &json!({"input": "a secret"}), 100);
    assert!(!format!("{collector:?}").contains("secret"));
}
