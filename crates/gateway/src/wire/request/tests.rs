//! The request splicer, as claims.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{RequestError, RequestFacts, RequestSplicer, Rewrite, VALUE_LIMIT};
use crate::wire::Surface;
use crate::wire::json::JsonError;
use crate::wire::json::tests::{any_json, cut};

const INJECT: Rewrite<'static> = Rewrite { model: Some("up/stream"), inject_usage: true };

/// Adapts a body given in chunks, calling `rewrite` as soon as the model is known.
fn adapt(
    surface: Surface,
    chunks: &[impl AsRef<[u8]>],
    rewrite: Rewrite<'_>,
) -> Result<(Bytes, RequestFacts), RequestError> {
    let mut splicer = RequestSplicer::new(surface);
    let mut out = Vec::new();
    let mut pushed = 0_i64;
    for chunk in chunks {
        pushed += i64::try_from(chunk.as_ref().len()).unwrap();
        splicer.push(Bytes::copy_from_slice(chunk.as_ref()))?;
        if splicer.model().is_some() {
            splicer.rewrite(rewrite)?;
        } else {
            assert!(splicer.take().is_empty(), "nothing flows before the model is known");
        }
        out.extend_from_slice(&splicer.take().into_bytes());
    }
    splicer.finish()?;
    splicer.rewrite(rewrite)?;
    out.extend_from_slice(&splicer.take().into_bytes());
    assert_eq!(splicer.held_len(), 0);
    assert_eq!(pushed + splicer.length_change(), i64::try_from(out.len()).unwrap());
    Ok((Bytes::from(out), splicer.facts().clone()))
}

fn adapted(body: &str) -> String {
    let whole = adapt(Surface::ChatCompletions, &[body], INJECT).unwrap();
    let bytes: Vec<[u8; 1]> = body.bytes().map(|byte| [byte]).collect();
    let byte_by_byte = adapt(Surface::ChatCompletions, &bytes, INJECT).unwrap();
    assert_eq!(whole, byte_by_byte);
    String::from_utf8(whole.0.to_vec()).unwrap()
}

fn refused(body: &str) -> RequestError {
    let error = adapt(Surface::ChatCompletions, &[body], INJECT).unwrap_err();
    let bytes: Vec<[u8; 1]> = body.bytes().map(|byte| [byte]).collect();
    assert_eq!(adapt(Surface::ChatCompletions, &bytes, INJECT).unwrap_err(), error);
    error
}

#[test]
fn the_model_is_replaced_wherever_it_stands_and_nothing_else() {
    for (body, expected) in [
        (r#"{"model":"m","messages":[]}"#, r#"{"model":"up/stream","messages":[]}"#),
        (
            r#"{"messages":[{"model":"no"}], "model" : "m" }"#,
            r#"{"messages":[{"model":"no"}], "model" : "up/stream" }"#,
        ),
        ("{\n\t\"mod\\u0065l\":\"\\u006d\"\n}\n", "{\n\t\"mod\\u0065l\":\"up/stream\"\n}\n"),
        (r#"{"x":"model","model":"m","y":1e5}"#, r#"{"x":"model","model":"up/stream","y":1e5}"#),
    ] {
        assert_eq!(adapted(body), expected);
    }
}

#[test]
fn the_upstreams_name_is_escaped() {
    let rewrite = Rewrite { model: Some("a\"\\\n"), inject_usage: false };
    let (body, _) = adapt(Surface::ChatCompletions, &[r#"{"model":"m"}"#], rewrite).unwrap();
    assert_eq!(body, r#"{"model":"a\"\\\n"}"#);
}

#[test]
fn without_a_new_name_the_body_stays_as_it_is() {
    let body = r#"{ "stream":true, "model" :"m" }"#;
    let (out, facts) = adapt(Surface::ChatCompletions, &[body], Rewrite::default()).unwrap();
    assert_eq!(out, body);
    assert_eq!(facts.model.as_deref(), Some("m"));
    assert!(!facts.injected_usage);
}

#[test]
fn a_key_that_only_some_decoders_take_for_ours_is_refused() {
    let misspelled = |key| RequestError::MisspelledKey { key };
    for (body, error) in [
        (r#"{"model":"m","Model":"dear"}"#, RequestError::DuplicateKey { key: "model" }),
        (r#"{"MODEL":"dear","model":"m"}"#, misspelled("model")),
        (r#"{"\u004dodel":"m"}"#, misspelled("model")),
        (r#"{"model":"m","Stream":true}"#, misspelled("stream")),
        ("{\"model\":\"m\",\"\u{17f}tream\":true}", misspelled("stream")),
        (r#"{"model":"m","\u017Ftream":true}"#, misspelled("stream")),
        ("{\"model\":\"m\",\"max_to\u{212a}ens\":9}", misspelled("max_tokens")),
        (
            r#"{"model":"m","stream":true,"stream_options":{"Include_Usage":false}}"#,
            misspelled("include_usage"),
        ),
        (
            r#"{"model":"m","stream":true,"stream_options":{"include_usage":true,"INCLUDE_USAGE":false}}"#,
            RequestError::DuplicateKey { key: "include_usage" },
        ),
    ] {
        assert_eq!(refused(body), error, "{body}");
    }
    for body in [r#"{"model":"m","Models":1,"Other":1}"#, r#"{"model":"m","x":{"Model":"n"}}"#] {
        adapt(Surface::ChatCompletions, &[body], INJECT).unwrap();
    }
    // What is only passed through may mean something else by it, as long as it does not name two.
    adapt(Surface::PassThrough, &[r#"{"Model":"a car"}"#], INJECT).unwrap();
    let two = [r#"{"Model":"dear","model":"m"}"#];
    assert_eq!(
        adapt(Surface::PassThrough, &two, INJECT).unwrap_err(),
        RequestError::DuplicateKey { key: "model" }
    );
}

#[test]
fn a_stream_that_asks_for_no_usage_is_made_to() {
    for (body, expected) in [
        (
            r#"{"model":"m","stream":true}"#,
            r#"{"model":"up/stream","stream":true,"stream_options":{"include_usage":true}}"#,
        ),
        (
            r#"{"stream":true,"model":"m" } "#,
            r#"{"stream":true,"model":"up/stream" ,"stream_options":{"include_usage":true}} "#,
        ),
        (
            r#"{"model":"m","stream":true,"stream_options":{}}"#,
            r#"{"model":"up/stream","stream":true,"stream_options":{"include_usage":true}}"#,
        ),
        (
            r#"{"model":"m","stream_options":null,"x":[1],"stream":true}"#,
            r#"{"model":"up/stream","stream_options":{"include_usage":true},"x":[1],"stream":true}"#,
        ),
        (
            r#"{"stream_options":{"a": 1},"stream":true,"model":"m"}"#,
            r#"{"stream_options":{"include_usage":true,"a": 1},"stream":true,"model":"up/stream"}"#,
        ),
        (
            r#"{"model":"m","stream":true,"stream_options":{"a":{"include_usage":false},"include_usage" : false}}"#,
            r#"{"model":"up/stream","stream":true,"stream_options":{"a":{"include_usage":false},"include_usage" : true}}"#,
        ),
        (
            r#"{"model":"m","stream":true,"stream_options":{"include\u005fusage":null}}"#,
            r#"{"model":"up/stream","stream":true,"stream_options":{"include\u005fusage":true}}"#,
        ),
    ] {
        assert_eq!(adapted(body), expected);
        let (_, facts) = adapt(Surface::ChatCompletions, &[body], INJECT).unwrap();
        assert!(facts.injected_usage);
        assert_ne!(facts.include_usage, Some(true));
    }
}

#[test]
fn a_boolean_that_only_lenient_upstreams_read_hides_no_stream_from_us() {
    for (stream, usage) in [("1", "0"), (r#""true""#, r#""no""#), (r#""ON""#, "0.0"), ("1.0", r#""False""#)] {
        let body =
            format!(r#"{{"model":"m","stream":{stream},"stream_options":{{"include_usage":{usage}}}}}"#);
        let expected =
            format!(r#"{{"model":"up/stream","stream":{stream},"stream_options":{{"include_usage":true}}}}"#);
        assert_eq!(adapted(&body), expected);
        let (_, facts) = adapt(Surface::ChatCompletions, &[&body], INJECT).unwrap();
        assert_eq!((facts.stream, facts.injected_usage), (Some(true), true), "{body}");
    }
    let body = r#"{"model":"m","background":"true"}"#;
    assert_eq!(adapt(Surface::Responses, &[body], INJECT).unwrap_err(), RequestError::Background);
}

#[test]
fn stream_options_too_long_to_read_are_refused_where_usage_depends_on_them() {
    let padding = " ".repeat(VALUE_LIMIT);
    let body =
        format!(r#"{{"model":"m","stream":true,"stream_options":{{{padding}"include_usage":false}}}}"#);
    assert_eq!(refused(&body), RequestError::StreamOptionsTooLong);
    assert!(adapt(Surface::Responses, &[&body], INJECT).is_ok());
}

#[test]
fn what_already_asks_for_usage_or_is_no_stream_is_left_alone() {
    for body in [
        r#"{"model":"up/stream","stream":true,"stream_options":{"include_usage":true}}"#,
        r#"{"model":"up/stream","stream":false,"stream_options":{}}"#,
        r#"{"model":"up/stream","stream_options":{}}"#,
        r#"{"model":"up/stream","stream":null}"#,
        r#"{"model":"up/stream","stream":"false"}"#,
        r#"{"model":"up/stream","stream":0}"#,
        r#"{"model":"up/stream","stream":"perhaps"}"#,
        r#"{"model":"up/stream"}"#,
        r#"{"model":"up/stream","stream":true,"stream_options":{"include_usage":"yes"}}"#,
        r#"{"model":"up/stream","stream":true,"stream_options":{"include_usage":"perhaps"}}"#,
        r#"{"model":"up/stream","stream":true,"stream_options":7}"#,
    ] {
        assert_eq!(adapted(body), body);
        let (_, facts) = adapt(Surface::ChatCompletions, &[body], INJECT).unwrap();
        assert!(!facts.injected_usage, "{body}");
    }
}

#[test]
fn only_chat_and_completions_get_stream_options() {
    let body = r#"{"model":"m","stream":true}"#;
    for surface in Surface::ALL {
        let (out, facts) = adapt(surface, &[body], Rewrite { model: None, inject_usage: true }).unwrap();
        assert_eq!(facts.injected_usage, surface.has_include_usage());
        assert_eq!(out != body, surface.has_include_usage());
    }
}

#[test]
fn facts_are_read_from_the_top_level_only() {
    let body = json!({
        "messages": [{"stream": true, "max_tokens": 9}], "model": "m", "max_tokens": 5, "max_completion_tokens": 7,
        "n": 3, "stream": false, "background": false, "stream_options": {"include_usage": false},
    });
    let (_, facts) = adapt(Surface::ChatCompletions, &[body.to_string()], Rewrite::default()).unwrap();
    let expected = RequestFacts {
        model: Some("m".into()),
        stream: Some(false),
        include_usage: Some(false),
        background: Some(false),
        max_tokens: Some(7),
        choices: Some(3),
        prompts: None,
        is_unclear: false,
        injected_usage: false,
    };
    assert_eq!(facts, expected);
}

#[test]
fn geminis_limits_are_read_from_its_generation_config() {
    let schema = json!({"type": "string", "description": "x".repeat(10_000)});
    let config = json!({"maxOutputTokens": 50, "candidateCount": 2, "responseSchema": schema});
    let body = json!({"contents": [{"maxOutputTokens": 9}], "generationConfig": config}).to_string();
    for size in [1, 100, body.len()] {
        let chunks: Vec<&[u8]> = body.as_bytes().chunks(size).collect();
        let (_, facts) = adapt(Surface::GeminiGenerate, &chunks, Rewrite::default()).unwrap();
        assert_eq!((facts.max_tokens, facts.choices), (Some(50), Some(2)));
    }
}

#[test]
fn the_most_that_gemini_may_answer_is_read_in_all_spellings_that_google_takes() {
    for (config, expected) in [
        (r#"{"maxOutputTokens":500}"#, (Some(500), false)),
        (r#"{"max_output_tokens": "500" ,"topK":1}"#, (Some(500), false)),
        (r#"{"max\u004futputTokens":500}"#, (Some(500), false)),
        (r#"{"maxOutputTokens":-1}"#, (None, true)),
        (r#"{"maxOutputTokens":{"maxOutputTokens":500}}"#, (None, true)),
        ("500", (None, true)),
    ] {
        let body = format!(r#"{{"contents":[],"generationConfig":{config},"x":1}}"#);
        let (out, facts) = adapt(Surface::GeminiGenerate, &[body.as_str()], INJECT).unwrap();
        assert_eq!((&out[..], facts.max_tokens, facts.is_unclear), (body.as_bytes(), expected.0, expected.1));
        let chat = body.replacen('{', r#"{"model":"m","#, 1);
        let (_, facts) = adapt(Surface::ChatCompletions, &[chat], Rewrite::default()).unwrap();
        assert_eq!((facts.max_tokens, facts.is_unclear), (None, false), "elsewhere it means nothing");
    }
}

#[test]
fn what_multiplies_the_cost_of_a_completion_is_seen() {
    let facts = |surface, body: &str| adapt(surface, &[body.to_owned()], Rewrite::default()).unwrap().1;
    for (fields, expected) in [
        (r#""prompt":["a","b"],"n":2,"best_of":4"#, (Some(4), Some(2), false)),
        (r#""prompt":"a [","n":5.0"#, (Some(5), None, false)),
        (r#""prompt":[[1,2],[3]]"#, (None, Some(2), false)),
        (r#""n":"5""#, (None, None, true)),
        (r#""n":2,"n":3"#, (Some(3), None, false)),
    ] {
        let facts = facts(Surface::Completions, &format!(r#"{{"model":"m","max_tokens":9,{fields}}}"#));
        assert_eq!((facts.choices, facts.prompts, facts.is_unclear), expected, "{fields}");
        assert_eq!(facts.max_tokens, Some(9));
    }
}

#[test]
fn what_has_no_bound_in_the_request_is_told() {
    let unclear =
        |surface, body: &str| adapt(surface, &[body.to_owned()], Rewrite::default()).unwrap().1.is_unclear;
    for (surface, body, expected) in [
        (Surface::Responses, r#"{"model":"m","input":"a"}"#, false),
        (Surface::Responses, r#"{"model":"m","previous_response_id":null}"#, false),
        (Surface::Responses, r#"{"model":"m","previous_response_id":"resp_1"}"#, true),
        (Surface::Responses, r#"{"model":"m","conversation":{"id":"conv_1"}}"#, true),
        (Surface::Responses, r#"{"model":"m","prompt":{"id":"pmpt_1"}}"#, true),
        (Surface::ChatCompletions, r#"{"model":"m","prompt":{"id":"pmpt_1"}}"#, false),
        (Surface::GeminiGenerate, r#"{"cachedContent":"cachedContents/1"}"#, true),
        (
            Surface::GeminiGenerate,
            r#"{"generationConfig":{"maxOutputTokens":9},"generationConfig":{"maxOutputTokens":1}}"#,
            true,
        ),
        (Surface::ChatCompletions, r#"{"model":"m","max_tokens":"9"}"#, true),
    ] {
        assert_eq!(unclear(surface, body), expected, "{body}");
    }
}

#[test]
fn a_limit_that_the_surface_does_not_heed_is_none() {
    for (surface, expected) in [
        (Surface::ChatCompletions, 2),
        (Surface::Completions, 1),
        (Surface::AnthropicMessages, 1),
        (Surface::Responses, 3),
    ] {
        let body = r#"{"model":"m","max_tokens":1,"max_completion_tokens":2,"max_output_tokens":3}"#;
        let (_, facts) = adapt(surface, &[body.to_owned()], Rewrite::default()).unwrap();
        assert_eq!(facts.max_tokens, Some(expected), "{surface:?}");
    }
}

#[test]
fn bodies_that_cannot_be_taken_are_refused_by_name() {
    assert_eq!(refused(""), RequestError::Empty);
    assert_eq!(refused(" \n"), RequestError::Empty);
    assert_eq!(refused("[1]"), RequestError::NotAnObject);
    assert_eq!(refused("\"model\""), RequestError::NotAnObject);
    assert_eq!(refused("{}"), RequestError::ModelMissing);
    assert_eq!(refused(r#"{"model":""}"#), RequestError::ModelMissing);
    assert_eq!(refused(r#"{"model":7}"#), RequestError::ModelNotAString);
    assert_eq!(refused(r#"{"model":null}"#), RequestError::ModelNotAString);
    assert_eq!(refused(r#"{"model":["m"]}"#), RequestError::ModelNotAString);
    assert_eq!(refused(r#"{"model":"\ud800"}"#), RequestError::ModelNotAString);
    assert_eq!(refused(r#"{"model":"m""#), RequestError::InvalidJson(JsonError::Incomplete));
    assert_eq!(
        refused(r#"{"model":"m",}"#),
        RequestError::InvalidJson(JsonError::Unexpected { position: 13 })
    );
    assert_eq!(refused(&format!(r#"{{"model":"{}"}}"#, "m".repeat(3000))), RequestError::ModelTooLong);
    assert_eq!(
        refused(&format!(r#"{{"x":{}1{},"model":"m"}}"#, "[".repeat(2000), "]".repeat(2000))),
        RequestError::InvalidJson(JsonError::TooDeep)
    );
}

#[test]
fn a_key_given_twice_is_refused_because_parsers_differ_on_it() {
    for (body, key) in [
        (r#"{"model":"a","model":"b"}"#, "model"),
        (r#"{"model":"a","messages":[],"mode\u006c":"b"}"#, "model"),
        (r#"{"model":"a","stream":false,"stream":true}"#, "stream"),
        (r#"{"model":"a","stream_options":{},"stream_options":{}}"#, "stream_options"),
        (
            r#"{"model":"a","stream":true,"stream_options":{"include_usage":true,"include_usage":false}}"#,
            "include_usage",
        ),
    ] {
        assert_eq!(refused(body), RequestError::DuplicateKey { key });
    }
}

#[test]
fn a_background_response_is_refused() {
    let body = r#"{"model":"m","background":true}"#;
    assert_eq!(adapt(Surface::Responses, &[body], INJECT).unwrap_err(), RequestError::Background);
    assert!(adapt(Surface::Responses, &[r#"{"model":"m","background":false}"#], INJECT).is_ok());
}

#[test]
fn a_gemini_body_needs_no_model_and_keeps_one_that_it_has() {
    let body = r#"{"contents":[],"model":"models/x"}"#;
    let (out, facts) = adapt(Surface::GeminiGenerate, &[body], INJECT).unwrap();
    assert_eq!(out, body);
    assert_eq!(facts.model, None);
}

#[test]
fn bytes_flow_as_soon_as_the_model_is_known() {
    let mut splicer = RequestSplicer::new(Surface::ChatCompletions);
    splicer.push(Bytes::from_static(b"{\"stream\":true,\"model\":\"m\"")).unwrap();
    assert_eq!(splicer.model(), Some("m"));
    assert!(splicer.take().is_empty());
    splicer.rewrite(INJECT).unwrap();
    assert_eq!(splicer.take().into_bytes(), "{\"stream\":true,\"model\":\"up/stream\"");
    splicer.push(Bytes::from_static(b",\"messages\":[{\"content\":\"half a")).unwrap();
    assert_eq!(splicer.take().into_bytes(), ",\"messages\":[{\"content\":\"half a");
    assert_eq!(splicer.held_len(), 0);
}

#[test]
fn a_splicer_never_shows_the_prompt() {
    let mut splicer = RequestSplicer::new(Surface::ChatCompletions);
    splicer.push(Bytes::from_static(b"{\"messages\":\"the secret\"")).unwrap();
    assert!(!format!("{splicer:?} {:?}", splicer.facts()).contains("secret"));
}

proptest! {
    /// The adapted body is the original one with only `model` and `stream_options` changed, in whatever chunks
    /// it came.
    #[test]
    fn nothing_but_the_model_and_stream_options_changes(
        mut members in prop::collection::vec((any::<String>(), any_json()), 0..6),
        model in "[ -~é\u{1F600}]{1,12}",
        position in any::<prop::sample::Index>(),
        stream in prop::option::of(any::<bool>()),
        options in prop::option::of(prop_oneof![
            Just(json!(null)), Just(json!({})), Just(json!({"include_usage": false})),
            Just(json!({"include_usage": true})), Just(json!({"x": [{}], "include_usage": null})), Just(json!({"x": "}"})),
        ]),
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        pretty: bool,
    ) {
        let ours = ["model", "stream", "stream_options", "background", "max_tokens", "max_completion_tokens", "max_output_tokens"];
        members.retain(|(key, _)| !ours.contains(&key.as_str()));
        let mut insert = |key: &str, value| {
            let index = position.index(members.len() + 1);
            members.insert(index, (key.to_owned(), value));
        };
        insert("model", json!(model.clone()));
        if let Some(stream) = stream { insert("stream", json!(stream)) }
        if let Some(options) = options.clone() { insert("stream_options", options) }
        // A map loses duplicate keys, and the order that matters here, so the text is put together by hand.
        let space = if pretty { "\n  " } else { "" };
        let text: Vec<String> = members.iter().map(|(key, value)| format!("{space}{}:{space}{value}", json!(key))).collect();
        let text = format!("{{{}{space}}}", text.join(","));
        let (out, facts) = adapt(Surface::ChatCompletions, &cut(text.as_bytes(), &places), INJECT).unwrap();

        let mut expected: Map<String, Value> = serde_json::from_str(&text).unwrap();
        expected.insert("model".into(), json!("up/stream"));
        let asked = options.as_ref().is_some_and(|options| options["include_usage"] == json!(true));
        if stream == Some(true) {
            let merged = expected.entry("stream_options").or_insert(json!({}));
            if merged.is_null() { *merged = json!({}) }
            merged["include_usage"] = json!(true);
        }
        prop_assert_eq!(serde_json::from_slice::<Value>(&out).unwrap(), Value::Object(expected));
        prop_assert_eq!(facts.injected_usage, stream == Some(true) && !asked);
        prop_assert_eq!(facts.model, Some(model));
    }
}
