//! Every wire format, in its own words.

use serde_json::{Value, json};
use tollgate_testkit::{
    ScriptedUpstream,
    upstream::{Counts, Surface},
};

use crate::client::post;

/// A script that sets every count, and what it says in the common form.
const ALL_COUNTS: &str = "prompt=100 completion=50 reasoning=20 cache_read=30 cache_write_5m=7 cache_write_1h=5 audio_input=9 audio_output=4 image_input=6";

fn chat(stream: bool) -> String {
    json!({"model": "m", "stream": stream, "stream_options": {"include_usage": true}, "messages": []})
        .to_string()
}

#[tokio::test]
async fn chat_states_its_counts_whole_and_in_a_last_chunk_without_choices() {
    let upstream = ScriptedUpstream::start().await;
    let whole = post(&upstream, "/v1/chat/completions", ALL_COUNTS, chat(false)).await.json();
    let usage = json!({
        "prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150,
        "prompt_tokens_details": {"cached_tokens": 30, "audio_tokens": 9},
        "completion_tokens_details": {"reasoning_tokens": 20, "audio_tokens": 4, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
    });
    assert_eq!(whole["usage"], usage);
    let streamed = post(&upstream, "/v1/chat/completions", ALL_COUNTS, chat(true)).await;
    assert!(streamed.body.ends_with(b"data: [DONE]\n\n"));
    let events = streamed.events();
    let last = events.last().unwrap();
    assert_eq!((&last["usage"], &last["choices"]), (&usage, &json!([])));
    assert!(events[..events.len() - 1].iter().all(|event| event["usage"].is_null()));
    let text: String =
        events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(whole["choices"][0]["message"]["content"], text);
    // What the format cannot say is not in the books either.
    let said = Counts {
        prompt: 100,
        completion: 50,
        reasoning: 20,
        cache_read: 30,
        audio_input: 9,
        audio_output: 4,
        ..Counts::default()
    };
    for entry in upstream.settled(2).await {
        assert_eq!(entry.stated, Some(said));
        assert!(entry.usage_sent && entry.body_complete);
    }
}

#[tokio::test]
async fn a_chat_stream_that_was_not_asked_for_usage_states_none() {
    let upstream = ScriptedUpstream::start().await;
    let body = json!({"model": "m", "stream": true}).to_string();
    let answer = post(&upstream, "/v1/chat/completions", "completion=3", body).await;
    assert!(answer.events().iter().all(|event| event.get("usage").is_none()));
    let entry = upstream.settled(1).await.remove(0);
    assert_eq!((entry.stated, entry.usage_sent, entry.include_usage), (None, false, false));
}

#[tokio::test]
async fn the_usage_may_be_null_left_out_or_in_every_frame() {
    let upstream = ScriptedUpstream::start().await;
    let path = "/v1/chat/completions";
    assert_eq!(
        post(&upstream, path, "usage=null", chat(false)).await.json().get("usage"),
        Some(&Value::Null)
    );
    assert_eq!(post(&upstream, path, "usage=none", chat(false)).await.json().get("usage"), None);
    let every =
        post(&upstream, path, "usage=every prompt=10 completion=40 frames=4", chat(true)).await.events();
    let grown: Vec<_> =
        every.iter().filter_map(|event| event["usage"]["completion_tokens"].as_i64()).collect();
    assert_eq!(grown, [10, 20, 30, 40, 40]);
    let stated: Vec<_> =
        upstream.settled(3).await.iter().map(|entry| entry.stated.map(|it| it.completion)).collect();
    assert_eq!(stated, [None, None, Some(40)]);
}

#[tokio::test]
async fn anthropic_excludes_its_caches_from_the_input() {
    let upstream = ScriptedUpstream::start().await;
    let body = |stream: bool| json!({"model": "claude", "stream": stream}).to_string();
    let usage = post(&upstream, "/v1/messages", ALL_COUNTS, body(false)).await.json()["usage"].clone();
    assert_eq!(usage["input_tokens"], 100 - 30 - 7 - 5);
    assert_eq!(
        (&usage["cache_read_input_tokens"], &usage["cache_creation_input_tokens"]),
        (&json!(30), &json!(12))
    );
    let events = post(&upstream, "/v1/messages", ALL_COUNTS, body(true)).await.events();
    assert_eq!(events[0]["type"], "message_start");
    assert_eq!(events[0]["message"]["usage"]["input_tokens"], 58);
    let delta = events.iter().find(|event| event["type"] == "message_delta").unwrap();
    assert_eq!(delta["usage"]["output_tokens"], 50);
    assert_eq!(events.last().unwrap()["type"], "message_stop");
    let said = Counts {
        prompt: 100,
        completion: 50,
        cache_read: 30,
        cache_write_5m: 7,
        cache_write_1h: 5,
        ..Counts::default()
    };
    assert!(upstream.settled(2).await.iter().all(|entry| entry.stated == Some(said)));
}

#[tokio::test]
async fn gemini_has_thoughts_beside_candidates_and_streams_as_events_or_as_an_array() {
    let upstream = ScriptedUpstream::start().await;
    let path = |method: &str| format!("/v1beta/models/gemini-x:{method}");
    let whole = post(&upstream, &path("generateContent"), ALL_COUNTS, "{}").await.json();
    let usage = &whole["usageMetadata"];
    assert_eq!((&usage["candidatesTokenCount"], &usage["thoughtsTokenCount"]), (&json!(30), &json!(20)));
    let events = post(&upstream, &path("streamGenerateContent?alt=sse"), ALL_COUNTS, "{}").await.events();
    let array = post(&upstream, &path("streamGenerateContent"), ALL_COUNTS, "{}").await.json();
    assert_eq!(array.as_array().unwrap(), &events);
    let last = events.last().unwrap();
    assert_eq!((&last["usageMetadata"], &last["candidates"][0]["finishReason"]), (usage, &json!("STOP")));
    for entry in upstream.settled(3).await {
        assert_eq!(entry.model.as_deref(), Some("gemini-x"));
        assert_eq!(entry.stated.map(|it| (it.prompt, it.completion, it.reasoning)), Some((100, 50, 20)));
    }
}

#[tokio::test]
async fn responses_complete_with_the_usage() {
    let upstream = ScriptedUpstream::start().await;
    let events =
        post(&upstream, "/v1/responses", ALL_COUNTS, json!({"model": "m", "stream": true}).to_string()).await;
    let last = events.events().pop().unwrap();
    assert_eq!(last["type"], "response.completed");
    let whole = post(&upstream, "/v1/responses", ALL_COUNTS, json!({"model": "m"}).to_string()).await.json();
    assert_eq!(last["response"], whole);
    assert_eq!(whole["usage"]["output_tokens_details"]["reasoning_tokens"], 20);
}

#[tokio::test]
async fn the_small_surfaces_answer_with_what_they_count() {
    let upstream = ScriptedUpstream::start().await;
    let body = json!({"model": "m"}).to_string();
    let usage = async |path: &str| {
        post(&upstream, path, "prompt=12 completion=3", body.clone()).await.json()["usage"].clone()
    };
    assert_eq!(usage("/v1/embeddings").await, json!({"prompt_tokens": 12, "total_tokens": 12}));
    assert_eq!(usage("/v1/rerank").await, json!({"total_tokens": 12}));
    assert_eq!(usage("/v1/audio/transcriptions").await["input_tokens"], 12);
    assert_eq!(usage("/v1/completions").await["completion_tokens"], 3);
    assert_eq!(usage("/v1/whatever").await, Value::Null);
    let surfaces: Vec<_> = upstream.settled(5).await.iter().map(|entry| entry.surface).collect();
    let expected =
        [Surface::Embeddings, Surface::Rerank, Surface::Transcription, Surface::Completions, Surface::Other];
    assert_eq!(surfaces, expected);
}

#[tokio::test]
async fn a_multipart_form_names_its_model() {
    let upstream = ScriptedUpstream::start().await;
    let form = "--xyz\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper\r\n--xyz--\r\n";
    let request = http::Request::post(format!("{}/v1/audio/transcriptions", upstream.base_url()))
        .header("content-type", "multipart/form-data; boundary=xyz")
        .body(http_body_util::Full::<bytes::Bytes>::from(form))
        .unwrap();
    let client: hyper_util::client::legacy::Client<_, http_body_util::Full<bytes::Bytes>> =
        hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    client.request(request).await.unwrap();
    assert_eq!(upstream.settled(1).await[0].model.as_deref(), Some("whisper"));
}

#[tokio::test]
async fn every_liberty_of_an_event_stream_means_the_same() {
    let upstream = ScriptedUpstream::start().await;
    let stream = async |style: &str| {
        let script = format!("sse={style} prompt=3 completion=6");
        post(&upstream, "/v1/chat/completions", &script, chat(true)).await
    };
    let plain = stream("plain").await;
    for style in ["crlf", "cr", "nospace", "comments", "multiline"] {
        let other = stream(style).await;
        assert_ne!(other.body, plain.body, "{style}");
        assert_eq!(other.events(), plain.events(), "{style}");
    }
}

#[tokio::test]
async fn errors_have_the_shape_of_their_surface() {
    let upstream = ScriptedUpstream::start().await;
    let openai = post(&upstream, "/v1/chat/completions", "status=503", chat(true)).await;
    assert_eq!((openai.status, openai.json()["error"]["type"].as_str()), (503, Some("server_error")));
    let anthropic = post(&upstream, "/v1/messages", "status=429", "{}").await;
    assert_eq!(anthropic.json()["error"]["type"], "rate_limit_error");
    assert_eq!(anthropic.headers["retry-after"], "1");
    let gemini = post(&upstream, "/v1beta/models/g:generateContent", "status=429", "{}").await;
    assert_eq!(gemini.json()["error"]["code"], 429);
    let charged =
        post(&upstream, "/v1/chat/completions", "status=500 usage=even-in-error prompt=4", chat(false)).await;
    assert_eq!(charged.json()["usage"]["prompt_tokens"], 4);
    let html = post(&upstream, "/v1/chat/completions", "html", chat(false)).await;
    assert_eq!(
        (html.status, html.headers["content-type"].to_str().unwrap()),
        (200, "text/html; charset=utf-8")
    );
}
