//! The capsule reader, as claims.

use serde_json::{Value, json};

use super::{CapsuleReader, Found, MEMBER_LIMIT};

/// All capsules of a body in chunks of a size.
fn capsules(body: &str, size: usize) -> Vec<Value> {
    let mut reader = CapsuleReader::default();
    let mut capsules = Vec::new();
    for chunk in body.as_bytes().chunks(size) {
        let mut at = 0;
        while let Some(found) = reader.feed(chunk, &mut at).unwrap() {
            if let Found::Document(position) = found {
                assert_eq!(chunk[position], b'}');
                capsules.push(serde_json::from_slice(reader.capsule()).unwrap());
            }
        }
    }
    capsules
}

fn check(body: &Value, expected: &[Value]) {
    for text in [body.to_string(), serde_json::to_string_pretty(body).unwrap()] {
        for size in [1, 3, 64, 1 << 20] {
            assert_eq!(capsules(&text, size), expected, "in chunks of {size}");
        }
    }
}

#[test]
fn only_what_matters_is_kept() {
    let body = json!({
        "id": "x", "model": "m", "object": "list", "data": [{"embedding": [0.25, -1e-3], "usage": {"no": 1}}],
        "usage": {"prompt_tokens": 3, "details": {"a": [1, null]}}, "text": "\"usage\":{}", "error": null,
    });
    let usage = json!({"prompt_tokens": 3, "details": {"a": [1, null]}});
    check(&body, &[json!({"model": "m", "data": "1", "usage": usage, "error": null})]);
}

#[test]
fn finish_reasons_are_taken_out_of_choices() {
    let body = json!({"choices": [
        {"message": {"content": "x", "finish_reason": "no"}, "finish_reason": "stop"}, 7, {"finish_reason": null}
    ], "candidates": [{"finishReason": "STOP", "content": {"parts": []}}], "messages": [{"usage": 1}]});
    let expected = json!({
        "choices": [{"finish_reason": "stop"}, {"finish_reason": null}], "candidates": [{"finishReason": "STOP"}]
    });
    check(&body, &[expected]);
}

#[test]
fn an_event_is_read_into_its_response() {
    let body = json!({"type": "response.completed", "response": {
        "instructions": "long", "model": "m", "output": [{"content": []}], "usage": {"input_tokens": 1}, "response": {"usage": 2}
    }});
    let response = json!({"model": "m", "output": "1", "usage": {"input_tokens": 1}});
    check(&body, &[json!({"type": "response.completed", "response": response})]);
}

#[test]
fn each_element_of_a_series_is_a_document() {
    let body = json!([{"usageMetadata": {"a": 1}}, {"x": [[{"usage": 1}]]}, {"modelVersion": "g"}]);
    check(&body, &[json!({"usageMetadata": {"a": 1}}), json!({}), json!({"modelVersion": "g"})]);
}

#[test]
fn documents_may_follow_one_another() {
    let body = "{\"model\":\"a\"}\n{\"model\":\"b\"} \n";
    for size in [1, 5, 100] {
        assert_eq!(capsules(body, size), [json!({"model": "a"}), json!({"model": "b"})]);
    }
}

#[test]
fn a_member_that_is_too_large_is_left_out_and_the_rest_is_kept() {
    let body = json!({"model": "m", "error": "x".repeat(MEMBER_LIMIT + 1), "usage": {"total_tokens": 1}});
    check(&body, &[json!({"model": "m", "usage": {"total_tokens": 1}})]);
    let mut reader = CapsuleReader::default();
    reader.feed(body.to_string().as_bytes(), &mut 0).unwrap();
    assert!(reader.left_out);
}

#[test]
fn a_document_that_was_cut_off_gives_what_it_had() {
    let body = r#"[{"model":"m","choices":[{"finish_reason":"stop","error":{"message":"ab"#;
    let mut reader = CapsuleReader::default();
    assert_eq!(reader.feed(body.as_bytes(), &mut 0), Ok(None));
    let capsule: Value = serde_json::from_slice(reader.unfinished().unwrap()).unwrap();
    assert_eq!(capsule, json!({"model": "m", "choices": [{"finish_reason": "stop"}]}));
    assert_eq!(CapsuleReader::default().unfinished(), None);
}
