//! When and what is estimated, as claims.

use bytes::Bytes;
use serde_json::{Value, json};
use tollgate_domain::{StatedUsage, UsageSource};

use super::{REQUEST_TEXT_LIMIT, RESPONSE_SAMPLE_LIMIT, RequestText};
use crate::usage::Observed;
use crate::usage::tap::{BodyEnd, ResponseHead, ResponseTap};
use crate::wire::Surface;

fn observe(surface: Surface, status: u16, content_type: &str, body: &str, end: BodyEnd) -> Observed {
    let head = ResponseHead { status, content_type: Some(content_type), ..ResponseHead::default() };
    let mut tap = ResponseTap::new(surface, head);
    tap.push(Bytes::copy_from_slice(body.as_bytes()));
    tap.finish(end).observed
}

fn json_body(surface: Surface, status: u16, body: &Value) -> Observed {
    observe(surface, status, "application/json", &body.to_string(), BodyEnd::Complete)
}

fn request(body: &Value) -> RequestText {
    let mut text = RequestText::default();
    text.push(body.to_string().as_bytes());
    text
}

fn estimated(mut observed: Observed, body: &Value) -> (i64, i64) {
    assert!(observed.wants_estimate());
    observed.estimate(&request(body), "gpt-4o");
    assert_eq!(observed.usage_source, UsageSource::Estimated);
    (observed.usage.prompt_tokens.unwrap(), observed.usage.completion_tokens.unwrap())
}

const CHAT: Surface = Surface::ChatCompletions;

#[test]
fn a_chat_without_usage_is_estimated_with_the_models_vocabulary() {
    let observed = json_body(
        CHAT,
        200,
        &json!({"choices": [{"message": {"content": "Hello! How can I help you today?"}}]}),
    );
    let asked = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hello world"}]});
    // "hello world" and its separator are 3 tokens, the message and the start of the answer 3 each; the answer
    // is 9.
    assert_eq!(estimated(observed, &asked), (9, 9));
}

#[test]
fn a_stream_that_was_cut_off_is_estimated_by_what_came() {
    let mut stream =
        String::from("data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n");
    for word in ["Hel", "lo!", " How", " can", " I", " help", " you", " today", "?"] {
        let chunk = json!({"id": "chatcmpl", "model": "m", "choices": [{"index": 0, "delta": {"content": word}}], "usage": null});
        stream.extend(["data: ", &chunk.to_string(), "\n\n"]);
    }
    stream += "data: {\"choices\":[{\"delta\":{\"cont";
    let observed = observe(CHAT, 200, "text/event-stream", &stream, BodyEnd::Cut);
    assert_eq!(observed.end, BodyEnd::Cut);
    assert_eq!(estimated(observed, &json!({"messages": []})).1, 9);
}

#[test]
fn what_we_cut_off_is_estimated_by_its_prompt_alone_where_no_answer_had_come() {
    let asked = json!({"messages": [{"role": "user", "content": "hello world"}]});
    for begun in ["", "{\"id\":\"chatcmpl\",", ": keep-alive\n\n"] {
        let observed = observe(CHAT, 200, "application/json", begun, BodyEnd::Abandoned);
        assert_eq!(estimated(observed, &asked), (9, 0), "{begun:?}");
        assert!(!observe(CHAT, 200, "application/json", begun, BodyEnd::Cut).wants_estimate());
    }
    assert_eq!(estimated(Observed::unanswered(CHAT, false), &asked), (9, 0));
    for (status, body) in [(500, ""), (200, "<html>"), (200, "{\"error\":{\"message\":\"no\"}}")] {
        assert!(!observe(CHAT, status, "", body, BodyEnd::Abandoned).wants_estimate(), "{body:?}");
    }
    assert!(!Observed::unanswered(Surface::PassThrough, false).wants_estimate());
}

#[test]
fn every_surface_reads_its_own_answers() {
    let text = "Hello! How can I help you today?";
    let stream = |event: Value| format!("data: {event}\n\n");
    for (surface, content_type, body) in [
        (Surface::Completions, "application/json", json!({"choices": [{"text": text}]}).to_string()),
        (
            Surface::Responses,
            "application/json",
            json!({"status": "completed", "instructions": "no", "output": [{"content": [{"type": "output_text", "text": text}]}]}).to_string(),
        ),
        (
            Surface::Responses,
            "text/event-stream",
            stream(json!({"type": "response.output_text.delta", "delta": text}))
                + &stream(json!({"type": "response.output_text.done", "text": text}))
                + &stream(json!({"type": "response.completed", "response": {"output": [{"text": text}], "usage": null}})),
        ),
        (
            Surface::AnthropicMessages,
            "text/event-stream",
            stream(json!({"type": "message_start", "message": {"content": []}}))
                + &stream(json!({"type": "content_block_delta", "delta": {"type": "text_delta", "text": text}})),
        ),
        (
            Surface::GeminiStreamGenerate,
            "application/json",
            json!([{"candidates": [{"content": {"parts": [{"text": text}]}}]}]).to_string(),
        ),
    ] {
        let observed = observe(surface, 200, content_type, &body, BodyEnd::Complete);
        assert_eq!(estimated(observed, &json!({"input": ""})).1, 9, "{surface:?} {content_type}");
    }
}

#[test]
fn an_embedding_costs_its_prompt_alone() {
    let observed = json_body(Surface::Embeddings, 200, &json!({"data": [{"embedding": "AAAA"}]}));
    assert_eq!(estimated(observed, &json!({"input": [1, 2, 3, 4, 5]})), (5, 0));
}

#[test]
fn only_a_successful_answer_of_the_api_is_estimated() {
    let message = json!({"choices": [{"message": {"content": "x"}}]});
    assert!(json_body(CHAT, 200, &message).wants_estimate());
    for (why, observed) in [
        ("an error status", json_body(CHAT, 500, &message)),
        ("an error in a 200", json_body(CHAT, 200, &json!({"choices": [], "error": {"message": "m"}}))),
        ("an unrelated body", json_body(CHAT, 200, &json!({"method": "POST", "pathname": "/x"}))),
        ("plain text", observe(CHAT, 200, "text/plain", "method=POST", BodyEnd::Complete)),
        ("nothing", observe(CHAT, 200, "application/json", "", BodyEnd::Cut)),
        (
            "a queued answer",
            json_body(Surface::Responses, 200, &json!({"status": "queued", "output": [], "usage": null})),
        ),
        ("a stated usage", json_body(CHAT, 200, &json!({"choices": [], "usage": {"total_tokens": 1}}))),
        (
            "search units",
            json_body(
                Surface::Rerank,
                200,
                &json!({"results": [1], "meta": {"billed_units": {"search_units": 1}}}),
            ),
        ),
        ("another path", json_body(Surface::PassThrough, 200, &message)),
        (
            "an error in a stream",
            observe(
                CHAT,
                200,
                "text/event-stream",
                "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\nevent: error\ndata: {\"error\":{}}\n\n",
                BodyEnd::Complete,
            ),
        ),
    ] {
        let mut observed = observed;
        assert!(!observed.wants_estimate(), "{why}");
        let before = observed.usage;
        observed.estimate(&RequestText::default(), "gpt-4o");
        assert_eq!(observed.usage, before, "{why}");
    }
}

#[test]
fn the_vocabulary_follows_the_model() {
    let body = json!({"choices": [{"message": {"content": "今天天气怎么样？我想去公园散步。"}}]});
    let count = |model: &str| {
        let mut observed = json_body(CHAT, 200, &body);
        observed.estimate(&RequestText::default(), model);
        observed.usage.completion_tokens.unwrap()
    };
    assert!(count("gpt-4-turbo") > count("gpt-4o"));
    assert_eq!(count("openai/gpt-3.5-turbo"), count("gpt-4"));
    assert_eq!(count("gpt-4.1"), count("llama-3.3"));
}

#[test]
fn text_beyond_the_limits_counts_like_its_beginning() {
    let words = |bytes: usize| "some words ".repeat(bytes / 11);
    let tokens = |bytes: usize| {
        let observed = json_body(CHAT, 200, &json!({"choices": [{"message": {"content": words(bytes)}}]}));
        estimated(observed, &json!({"input": words(bytes)}))
    };
    let (prompt, completion) = tokens(RESPONSE_SAMPLE_LIMIT / 2);
    let times = 8;
    let (large_prompt, large_completion) = tokens(times * RESPONSE_SAMPLE_LIMIT / 2);
    assert!(times * RESPONSE_SAMPLE_LIMIT / 2 > REQUEST_TEXT_LIMIT);
    let factor = i64::try_from(times).unwrap();
    for (small, large) in [(prompt, large_prompt), (completion, large_completion)] {
        assert!((small * factor - large).abs() * 100 < large, "{small} and {large}");
    }
}

#[test]
fn an_estimate_states_no_parts() {
    let mut observed = json_body(CHAT, 200, &json!({"choices": [{"message": {"content": "x"}}]}));
    observed.estimate(&RequestText::default(), "gpt-4o");
    let expected = StatedUsage {
        prompt_tokens: Some(0),
        completion_tokens: Some(1),
        total_tokens: Some(1),
        ..StatedUsage::default()
    };
    assert_eq!(observed.usage, expected);
}

/// The events of a message, with the usage that Anthropic states at its beginning.
fn message(words: usize) -> String {
    let start = json!({"type": "message_start", "message": {"model": "claude", "usage":
        {"input_tokens": 25, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 0, "output_tokens": 1}}});
    let begin =
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}});
    let mut stream =
        format!("event: message_start\ndata: {start}\n\nevent: content_block_start\ndata: {begin}\n\n");
    for _ in 0..words {
        let delta = json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": " hello"}});
        stream.extend(["event: content_block_delta\ndata: ", &delta.to_string(), "\n\n"]);
    }
    stream
}

#[test]
fn of_a_message_that_breaks_off_the_beginning_states_the_prompt_and_not_the_completion() {
    for end in [BodyEnd::Cut, BodyEnd::Abandoned, BodyEnd::Complete] {
        let observed = observe(Surface::AnthropicMessages, 200, "text/event-stream", &message(300), end);
        assert!(observed.wants_estimate(), "{end:?}");
        let mut counted = observed.clone();
        counted.estimate(&request(&json!({"messages": []})), "claude-sonnet-4-5");
        assert_eq!(counted.usage_source, UsageSource::Estimated);
        assert_eq!((counted.usage.prompt_tokens, counted.usage.cache_read_tokens), (Some(1025), 1000));
        assert_eq!(counted.usage.completion_tokens, Some(300), "{end:?}");
        assert_eq!(counted.usage.total_tokens, Some(1325));
        // Where an operator wants no estimates it is unrated, not charged with one token.
        assert_eq!((observed.usage_source, observed.usage.completion_tokens), (UsageSource::None, None));
    }
}

#[test]
fn what_was_stated_of_all_that_came_is_no_estimate() {
    let delta = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 421}});
    let stated = message(300) + &format!("event: message_delta\ndata: {delta}\n\n");
    // vLLM, with usage in every chunk.
    let chunk = |tokens: u32| {
        json!({"choices": [{"index": 0, "delta": {"content": " hello"}}],
            "usage": {"prompt_tokens": 7, "completion_tokens": tokens, "total_tokens": 7 + tokens}})
    };
    let mut continuous = String::new();
    for tokens in 1..=421 {
        continuous.extend(["data: ", &chunk(tokens).to_string(), "\n\n"]);
    }
    for (surface, stream) in [(Surface::AnthropicMessages, stated), (CHAT, continuous + ": ping\n\n")] {
        let observed = observe(surface, 200, "text/event-stream", &stream, BodyEnd::Abandoned);
        assert_eq!(observed.usage_source, UsageSource::Provider, "{surface:?}");
        assert_eq!(observed.usage.completion_tokens, Some(421), "{surface:?}");
        assert!(!observed.wants_estimate(), "{surface:?}");
    }
}

#[test]
fn a_chunk_that_states_a_prompt_and_has_content_states_no_empty_completion() {
    let chunk = json!({"candidates": [{"content": {"parts": [{"text": " hello hello hello"}], "role": "model"}}],
        "usageMetadata": {"promptTokenCount": 25, "totalTokenCount": 25, "trafficType": "ON_DEMAND"}});
    let stream = format!("data: {chunk}\n\n").repeat(3);
    for traffic_alone in [false, true] {
        let stream = if traffic_alone {
            stream.replace(r#""promptTokenCount":25,"totalTokenCount":25,"#, "")
        } else {
            stream.clone()
        };
        let mut observed =
            observe(Surface::GeminiStreamGenerate, 200, "text/event-stream", &stream, BodyEnd::Cut);
        observed.estimate(&request(&json!({"contents": [{"parts": [{"text": "hello world"}]}]})), "gemini");
        assert_eq!(observed.usage_source, UsageSource::Estimated);
        assert_eq!(observed.usage.completion_tokens, Some(9));
        let prompt = observed.usage.prompt_tokens.unwrap();
        assert!(if traffic_alone { prompt > 0 && prompt < 25 } else { prompt == 25 }, "{prompt}");
    }
}
