//! What each provider's usage means, as a table.

use serde_json::json;
use tollgate_domain::{StatedUsage, UsageSource};

use super::{End, Extraction, NAME_LIMIT, stated_usage};
use crate::wire::Surface;

const CHAT: Surface = Surface::ChatCompletions;
const CLAUDE: Surface = Surface::AnthropicMessages;
const GEMINI: Surface = Surface::GeminiGenerate;

fn usage(prompt: i64, completion: i64, total: Option<i64>) -> StatedUsage {
    StatedUsage {
        prompt_tokens: Some(prompt),
        completion_tokens: Some(completion),
        total_tokens: total,
        ..StatedUsage::default()
    }
}

fn stated(surface: Surface, body: &serde_json::Value) -> Option<StatedUsage> {
    stated_usage(surface, body.to_string().as_bytes())
}

/// Reads a stream of documents.
fn stream(surface: Surface, documents: &[serde_json::Value]) -> Extraction {
    let mut extraction = Extraction::new(surface);
    for document in documents {
        extraction.document(None, document.to_string().as_bytes());
    }
    extraction
}

#[test]
fn chat_states_prompt_and_completion_and_their_parts() {
    let body = json!({"usage": {
        "prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150,
        "prompt_tokens_details": {"cached_tokens": 40, "audio_tokens": 7, "image_tokens": 5},
        "completion_tokens_details": {"reasoning_tokens": 30, "audio_tokens": 3, "accepted_prediction_tokens": 9},
    }});
    let expected = StatedUsage {
        cache_read_tokens: 40,
        audio_input_tokens: 7,
        image_input_tokens: 5,
        reasoning_tokens: 30,
        audio_output_tokens: 3,
        ..usage(100, 50, Some(150))
    };
    assert_eq!(stated(CHAT, &body), Some(expected));
}

#[test]
fn nothing_stated_is_unknown_and_not_zero() {
    for usage in [
        json!(null),
        json!({}),
        json!([]),
        json!("none"),
        json!({"prompt_tokens": null}),
        json!({"cost": 1.5}),
    ] {
        assert_eq!(stated(CHAT, &json!({"usage": usage, "choices": []})), None, "{usage}");
        assert_eq!(stated(CLAUDE, &json!({"usage": usage, "type": "message"})), None, "{usage}");
        assert_eq!(stated(Surface::Responses, &json!({"usage": usage})), None, "{usage}");
    }
    for body in [json!({}), json!([]), json!(null), json!({"usageMetadata": null})] {
        assert_eq!(stated(GEMINI, &body), None);
    }
    let zeros = json!({"usage": {"prompt_tokens": 0, "completion_tokens": 0}});
    assert_eq!(stated(CHAT, &zeros), Some(usage(0, 0, None)));
}

#[test]
fn strings_floats_unknown_fields_and_odd_details_are_read() {
    let body = json!({
        "choices": [{"finish_reason": "never_seen_before", "x": 1}],
        "usage": {
            "prompt_tokens": "100", "completion_tokens": 5.0, "total_tokens": "105", "new_field": {"a": []},
            "prompt_tokens_details": [], "completion_tokens_details": 7,
        },
    });
    assert_eq!(stated(CHAT, &body), Some(usage(100, 5, Some(105))));
    assert_eq!(stream(CHAT, &[body]).finish_reason.as_deref(), Some("never_seen_before"));
}

#[test]
fn negative_and_absurd_numbers_are_kept_as_stated() {
    let body = json!({"usage": {"prompt_tokens": -1, "completion_tokens": 1e30}});
    assert_eq!(stated(CHAT, &body), Some(usage(-1, i64::MAX, None)));
    let body =
        json!({"usage": {"input_tokens": i64::MAX, "output_tokens": -3, "cache_read_input_tokens": 5}});
    let expected = StatedUsage { cache_read_tokens: 5, ..usage(i64::MAX, -3, None) };
    assert_eq!(stated(CLAUDE, &body), Some(expected));
}

#[test]
fn the_missing_one_of_prompt_completion_and_total_follows_from_the_others() {
    for (stated_json, expected) in [
        (json!({"prompt_tokens": 3, "total_tokens": 10}), usage(3, 7, Some(10))),
        (json!({"completion_tokens": 7, "total_tokens": 10}), usage(3, 7, Some(10))),
    ] {
        assert_eq!(stated(CHAT, &json!({"usage": stated_json})), Some(expected));
    }
}

#[test]
fn an_embedding_that_states_only_a_total_means_the_prompt() {
    let lone = json!({"usage": {"total_tokens": 12}});
    assert_eq!(stated(Surface::Embeddings, &lone), Some(usage(12, 0, Some(12))));
    assert_eq!(stated(Surface::Rerank, &lone), Some(usage(12, 0, Some(12))));
    let both = json!({"usage": {"prompt_tokens": 12, "total_tokens": 12}});
    assert_eq!(stated(Surface::Embeddings, &both), Some(usage(12, 0, Some(12))));
}

#[test]
fn a_chat_that_states_only_a_total_says_not_how_it_divides() {
    // MiniMax's older chat models. Booked as a prompt it would be charged at the wrong price, as nothing for nothing.
    let lone = json!({"usage": {"total_tokens": 250}, "base_resp": {"status_code": 0, "status_msg": ""}});
    let expected = StatedUsage { total_tokens: Some(250), ..StatedUsage::default() };
    assert_eq!(stated(CHAT, &lone), Some(expected));
    assert_eq!(stated(Surface::PassThrough, &lone), Some(usage(250, 0, Some(250))), "an embedding, say");
}

#[test]
fn the_dialects_of_openais_family_are_known() {
    let cached = |cache_read_tokens| StatedUsage { cache_read_tokens, ..usage(100, 5, None) };
    for (name, body, expected) in [
        ("groq", json!({"x_groq": {"usage": {"prompt_tokens": 100, "completion_tokens": 5}}}), cached(0)),
        (
            "deepseek",
            json!({"usage": {"prompt_tokens": 100, "completion_tokens": 5, "prompt_cache_hit_tokens": 64}}),
            cached(64),
        ),
        (
            "moonshot",
            json!({"usage": {"prompt_tokens": 100, "completion_tokens": 5, "cached_tokens": 32}}),
            cached(32),
        ),
        (
            "vllm",
            json!({"usage": {"prompt_tokens": 100, "completion_tokens": 5, "num_cached_tokens": 32}}),
            cached(0),
        ),
        (
            "cohere",
            json!({"usage": {"tokens": {"input_tokens": 100, "output_tokens": 5}, "billed_units": {"input_tokens": 9.0}}}),
            cached(0),
        ),
        ("ollama", json!({"prompt_eval_count": 100, "eval_count": 5, "done_reason": "stop"}), cached(0)),
        ("bedrock", json!({"usage": {"inputTokens": 100, "outputTokens": 5}}), cached(0)),
        ("images", json!({"usage": {"input_tokens": 100, "output_tokens": 5}}), cached(0)),
        (
            "perplexity",
            json!({"usage": {"prompt_tokens": 100, "completion_tokens": 5, "reasoning_tokens": 4}}),
            StatedUsage { reasoning_tokens: 4, ..cached(0) },
        ),
        (
            "xai, whose reasoning is beside the completion",
            json!({"usage": {"prompt_tokens": 100, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 90}}}),
            StatedUsage { reasoning_tokens: 90, ..cached(0) },
        ),
    ] {
        assert_eq!(stated(CHAT, &body), Some(expected), "{name}");
    }
}

#[test]
fn cache_writes_in_openais_family_are_input_and_flagged() {
    for body in [
        json!({"usage": {"prompt_tokens": 9, "completion_tokens": 1, "prompt_tokens_details": {"cache_write_tokens": 8}}}),
        json!({"usage": {"input_tokens": 9, "output_tokens": 1, "input_tokens_details": {"cache_write_tokens": 8}}}),
    ] {
        let extraction = stream(CHAT, &[body]);
        assert_eq!(extraction.usage(), (usage(9, 1, None), UsageSource::Provider));
        assert!(extraction.flags.cache_write_as_input);
    }
    let none = json!({"usage": {"prompt_tokens": 9, "prompt_tokens_details": {"cache_write_tokens": 0}}});
    assert!(!stream(CHAT, &[none]).flags.cache_write_as_input);
}

#[test]
fn cached_audio_counts_as_cache_and_not_as_audio_too() {
    let body = json!({"usage": {"input_tokens": 100, "output_tokens": 5, "input_token_details": {
        "cached_tokens": 60, "audio_tokens": 50, "cached_tokens_details": {"audio_tokens": 20}
    }}});
    let expected = StatedUsage { cache_read_tokens: 60, audio_input_tokens: 30, ..usage(100, 5, None) };
    assert_eq!(stated(Surface::PassThrough, &body), Some(expected));
}

#[test]
fn a_responses_stream_states_usage_inside_its_last_event() {
    for (kind, status, is_error) in [
        ("response.completed", "completed", false),
        ("response.incomplete", "incomplete", false),
        ("response.failed", "failed", true),
    ] {
        let mut extraction = Extraction::new(Surface::Responses);
        let created = json!({"type": "response.created", "response": {"status": "in_progress", "usage": null, "error": null}});
        assert_eq!(extraction.document(None, created.to_string().as_bytes()).end, End::No);
        let last = json!({"type": kind, "response": {
            "model": "gpt", "status": status, "error": null, "incomplete_details": null, "usage": {
                "input_tokens": 10, "input_tokens_details": {"cached_tokens": 4},
                "output_tokens": 6, "output_tokens_details": {"reasoning_tokens": 2}, "total_tokens": 16,
            },
        }});
        assert_eq!(extraction.document(Some(kind.as_bytes()), last.to_string().as_bytes()).end, End::Yes);
        let expected = StatedUsage { cache_read_tokens: 4, reasoning_tokens: 2, ..usage(10, 6, Some(16)) };
        assert_eq!(extraction.usage(), (expected, UsageSource::Provider));
        assert_eq!((extraction.is_error, extraction.finish_reason.as_deref()), (is_error, Some(status)));
        assert_eq!(extraction.model.as_deref(), Some("gpt"));
    }
    let incomplete =
        json!({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": [1]});
    assert_eq!(stream(Surface::Responses, &[incomplete]).finish_reason.as_deref(), Some("max_output_tokens"));
}

#[test]
fn cumulative_usage_counts_the_last_time() {
    let chunk = |prompt: i64, completion: i64| json!({"usage": {"prompt_tokens": prompt, "completion_tokens": completion}});
    let extraction = stream(
        CHAT,
        &[chunk(10, 1), chunk(10, 2), json!({"usage": null}), chunk(10, 3), json!({"usage": {}})],
    );
    assert_eq!(extraction.usage().0, usage(10, 3, None));
    // A later frame that leaves the details out does not take them back.
    let details = json!({"x_groq": {"usage": {"prompt_tokens": 1, "completion_tokens_details": {"reasoning_tokens": 9}}}});
    assert_eq!(stream(CHAT, &[details, chunk(10, 20)]).usage().0.reasoning_tokens, 9);
}

#[test]
fn anthropics_prompt_is_its_input_and_both_caches() {
    let body = json!({"type": "message", "model": "claude", "stop_reason": "end_turn", "usage": {
        "input_tokens": 10, "cache_read_input_tokens": 200, "cache_creation_input_tokens": 300, "output_tokens": 5,
        "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
        "output_tokens_details": {"thinking_tokens": 4}, "iterations": [{"input_tokens": 999}],
    }});
    let expected = StatedUsage {
        cache_read_tokens: 200,
        cache_write_5m_tokens: 100,
        cache_write_1h_tokens: 200,
        ..usage(510, 5, None)
    };
    assert_eq!(stated(CLAUDE, &body), Some(expected));
}

#[test]
fn a_cache_write_without_a_lifetime_lives_five_minutes() {
    let of = |usage: serde_json::Value| {
        let stated = stated(CLAUDE, &json!({"usage": usage})).unwrap();
        (stated.prompt_tokens.unwrap(), stated.cache_write_5m_tokens, stated.cache_write_1h_tokens)
    };
    let input = |rest: serde_json::Value| {
        let mut usage = json!({"input_tokens": 1, "output_tokens": 1});
        usage.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        usage
    };
    assert_eq!(of(input(json!({"cache_creation_input_tokens": 30}))), (31, 30, 0));
    assert_eq!(of(input(json!({"cache_creation_input_tokens": 30, "cache_creation": null}))), (31, 30, 0));
    let hour = json!({"ephemeral_1h_input_tokens": 30});
    assert_eq!(of(input(json!({"cache_creation_input_tokens": 30, "cache_creation": hour}))), (31, 0, 30));
    assert_eq!(of(input(json!({"cache_creation": hour}))), (31, 0, 30));
    assert_eq!(of(input(json!({"cache_creation_input_tokens": 50, "cache_creation": hour}))), (51, 20, 30));
    assert_eq!(of(input(json!({"cache_creation_input_tokens": -7}))), (-6, -7, 0));
}

#[test]
fn an_anthropic_stream_has_its_prompt_at_the_start_and_its_output_at_the_end() {
    let start = json!({"type": "message_start", "message": {"model": "claude", "usage": {
        "input_tokens": 10, "cache_read_input_tokens": 200, "cache_creation_input_tokens": 30, "output_tokens": 1,
        "cache_creation": {"ephemeral_1h_input_tokens": 30, "ephemeral_5m_input_tokens": 0},
    }}});
    let end = |usage: serde_json::Value| json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage});
    let expected = StatedUsage { cache_read_tokens: 200, cache_write_1h_tokens: 30, ..usage(240, 50, None) };
    for last in [
        json!({"output_tokens": 50}),
        json!({"output_tokens": 50, "input_tokens": null}),
        json!({"output_tokens": 50, "input_tokens": 0, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}),
        json!({"output_tokens": 50, "input_tokens": 10, "cache_read_input_tokens": 200, "cache_creation_input_tokens": 30}),
    ] {
        let extraction = stream(
            CLAUDE,
            &[start.clone(), json!({"type": "ping"}), end(last.clone()), json!({"type": "message_stop"})],
        );
        assert_eq!(extraction.usage(), (expected, UsageSource::Provider), "{last}");
        assert_eq!(extraction.finish_reason.as_deref(), Some("end_turn"));
        assert_eq!(extraction.model.as_deref(), Some("claude"));
    }
    // After a compaction the cache is stated again, as zero.
    let again = end(
        json!({"output_tokens": 8, "input_tokens": 181, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}),
    );
    assert_eq!(stream(CLAUDE, &[start, again]).usage().0.prompt_tokens, Some(181));
}

#[test]
fn geminis_thoughts_are_output_and_reasoning_and_its_tool_prompts_are_prompt() {
    let body = json!({"modelVersion": "gemini", "candidates": [{"finishReason": "STOP"}], "usageMetadata": {
        "promptTokenCount": 100, "toolUsePromptTokenCount": 20, "candidatesTokenCount": 30, "thoughtsTokenCount": 50,
        "cachedContentTokenCount": 60, "totalTokenCount": 200,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 40}, {"modality": "AUDIO", "tokenCount": 35}, {"modality": "IMAGE", "tokenCount": 25}, {"modality": "VIDEO"}],
        "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 5}],
        "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 11}],
    }});
    let expected = StatedUsage {
        reasoning_tokens: 50,
        cache_read_tokens: 60,
        audio_input_tokens: 30,
        image_input_tokens: 25,
        audio_output_tokens: 11,
        ..usage(120, 80, Some(200))
    };
    assert_eq!(stated(GEMINI, &body), Some(expected));
}

#[test]
fn gemini_leaves_zeros_out_so_a_later_usage_replaces_the_earlier_whole() {
    let chunk = |usage: serde_json::Value| json!({"candidates": [{"content": {"parts": [{"text": "x"}]}}], "usageMetadata": usage});
    let first = chunk(
        json!({"promptTokenCount": 9, "candidatesTokenCount": 21, "thoughtsTokenCount": 35, "totalTokenCount": 65}),
    );
    let last = chunk(json!({"promptTokenCount": 87, "thoughtsTokenCount": 78, "totalTokenCount": 165}));
    let bare = chunk(json!({"trafficType": "ON_DEMAND"}));
    let expected = StatedUsage { reasoning_tokens: 78, ..usage(87, 78, Some(165)) };
    assert_eq!(stream(GEMINI, &[bare.clone(), first, last, bare.clone()]).usage().0, expected);
    assert_eq!(stream(GEMINI, &[bare]).usage(), (usage(0, 0, None), UsageSource::Provider));
}

#[test]
fn rerank_is_read_from_whoever_answers() {
    let rerank = Surface::Rerank;
    let results = json!([{"index": 0}]);
    let jina = json!({"results": results, "usage": {"total_tokens": 40, "prompt_tokens": 40}});
    assert_eq!(stated(rerank, &jina), Some(usage(40, 0, Some(40))));
    let cohere = json!({"results": results, "meta": {"tokens": {"input_tokens": 30, "output_tokens": 0}, "billed_units": {"search_units": 1}}});
    assert_eq!(stated(rerank, &cohere), Some(usage(30, 0, None)));
    let billed = json!({"results": results, "meta": {"billed_units": {"input_tokens": 25.0}}});
    assert_eq!(stated(rerank, &billed), Some(usage(25, 0, None)));
    let units = stream(rerank, &[json!({"results": results, "meta": {"billed_units": {"search_units": 1}}})]);
    assert_eq!(units.usage().1, UsageSource::None);
    assert!(units.billed_otherwise, "search units are a price of their own, not a reason to estimate");
}

#[test]
fn errors_are_told_whatever_their_shape() {
    for (surface, document) in [
        (CHAT, json!({"error": {"message": "m"}})),
        (CHAT, json!({"error": "m"})),
        (CHAT, json!({"choices": [{"error": {"code": 502}, "finish_reason": "error"}]})),
        (CHAT, json!({"x_groq": {"error": "over capacity"}})),
        (Surface::Responses, json!({"type": "error", "message": "m"})),
        (
            Surface::Responses,
            json!({"type": "response.failed", "response": {"error": {"code": "server_error"}}}),
        ),
        (CLAUDE, json!({"type": "error", "error": {"type": "overloaded_error"}})),
        (GEMINI, json!({"error": {"code": 503}})),
    ] {
        assert!(stream(surface, std::slice::from_ref(&document)).is_error, "{document}");
    }
    let mut named = Extraction::new(CHAT);
    named.document(Some(b"error"), b"{}");
    assert!(named.is_error);
    for (surface, document) in [
        (CHAT, json!({"error": null, "choices": []})),
        (Surface::Responses, json!({"error": null, "status": "completed", "output": [1]})),
        (CLAUDE, json!({"type": "message", "content": []})),
    ] {
        assert!(!stream(surface, std::slice::from_ref(&document)).is_error, "{document}");
    }
}

#[test]
fn usage_beside_broken_content_is_still_read() {
    let frame = br#"{"choices":[{"delta":{"content":"\ud83d"},"finish_reason":"length"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}"#;
    let mut extraction = Extraction::new(CHAT);
    extraction.document(None, frame);
    assert_eq!(extraction.usage().0, usage(3, 4, None));
    assert_eq!(extraction.finish_reason.as_deref(), Some("length"));
    assert!(extraction.flags.malformed);
}

#[test]
fn usage_beside_a_broken_name_is_still_read() {
    for (name, read) in [
        (br"\ud800".as_slice(), "\u{fffd}"),
        (br"a\\\uDFFFb", "a\\\u{fffd}b"),
        (br"\\ud800\ud800", "\\ud800\u{fffd}"),
        (b"a\xffb", "a\u{fffd}b"),
        (b"a\x01\nb", "a  b"),
    ] {
        let frame =
            [br#"{"model":""#, name, br#"","usage":{"prompt_tokens":3,"completion_tokens":4},"choices":[]}"#];
        let mut extraction = Extraction::new(CHAT);
        extraction.document(None, &frame.concat());
        assert_eq!((extraction.usage().0, extraction.model.as_deref()), (usage(3, 4, None), Some(read)));
        assert!(extraction.flags.malformed);
    }
}

#[test]
fn names_are_cut_so_that_a_provider_cannot_fill_the_books() {
    let document = json!({"model": "é".repeat(500), "choices": [{"finish_reason": "r".repeat(500)}]});
    let extraction = stream(CHAT, &[document]);
    assert_eq!(extraction.model.unwrap().len(), NAME_LIMIT);
    assert_eq!(extraction.finish_reason.unwrap().len(), NAME_LIMIT);
}
