//! What the client gets, and what is recorded of it.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, StatusCode, Version, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tollgate_domain::{Credential, Outcome, RawAnalyticsRecord, UsageSource};
use tollgate_gateway::view::{OnDisconnect, OnMissingUsage};
use tollgate_testkit::upstream::{Counts, Encoding, Recorded, Script, Split, SseStyle, UsageMode};

use crate::house::{ALICE, House, Plan, chat_body, credits, key_id, raw_upstream, read, user};

const STREAM: &str = r#","stream":true"#;
const STREAM_WITH_USAGE: &str = r#","stream":true,"stream_options":{"include_usage":true}"#;

#[tokio::test]
async fn a_whole_response_has_its_cost_in_a_header_and_one_record() {
    let house = House::open().await;
    house.upstream.next(Script::tokens(1000, 500));
    let request = house
        .post("/v1/chat/completions", ALICE)
        .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .header("user-agent", "x".repeat(300))
        .body(chat_body("chat", ""))
        .unwrap();
    let reply = house.send(request).await;
    assert_eq!(reply.header("x-tollgate-cost"), Some("0.025"));
    let record = house.sink.one().await;
    assert_eq!(reply.header("x-request-id"), Some(format!("{}-1", record.instance_id).as_str()));
    assert_eq!((record.usage.prompt_tokens, record.usage.completion_tokens), (Some(1000), Some(500)));
    assert_eq!((record.usage_source, record.outcome), (UsageSource::Provider, Outcome::Completed));
    assert_eq!((record.method.as_str(), record.uri.as_str()), ("POST", "/v1/chat/completions"));
    assert_eq!((record.status_code, record.response_type.as_str()), (200, "chat_completion"));
    assert_eq!(record.timestamp, crate::house::NOW.parse().unwrap());
    assert_eq!(record.request_model.as_deref(), Some("chat"));
    assert_eq!(record.credential, Credential::Key(key_id("alice")));
    assert_eq!(record.trace_id.as_deref(), Some("0af7651916cd43dd8448eb211c80319c"));
    assert_eq!(record.user_agent.map(|agent| agent.len()), Some(200));
    assert_eq!(record.server_address.as_deref(), Some("127.0.0.1"));
    assert_eq!(record.server_port, Some(i32::from(house.upstream.address().port())));
    assert!(record.duration_to_first_byte_ms.is_some());
    assert_eq!(house.view.available(user("alice")), credits("9.975"));
}

#[tokio::test]
async fn a_stream_is_byte_for_byte_the_upstreams_however_it_is_cut() {
    let house = House::open().await;
    for (seed, sse) in [
        SseStyle::Plain,
        SseStyle::CrLf,
        SseStyle::Cr,
        SseStyle::NoSpace,
        SseStyle::Comments,
        SseStyle::MultiLine,
    ]
    .into_iter()
    .enumerate()
    {
        let script = Script { sse, ..Script::tokens(30, 8) };
        house.upstream.next(script.clone());
        let direct = Box::pin(stream(&house, &house.upstream.base_url(), STREAM_WITH_USAGE)).await;
        house.upstream.next(Script { split: Split::Random(seed as u64), ..script });
        let through = Box::pin(stream(&house, &house.url(""), STREAM_WITH_USAGE)).await;
        assert_eq!(without_varying(&through), without_varying(&direct), "{sse:?}");
        let record = house.sink.wait_for(seed + 1).await.pop().unwrap();
        assert_eq!((record.usage.prompt_tokens, record.usage.completion_tokens), (Some(30), Some(8)));
        assert_eq!(record.response_type, "chat_completion_stream");
    }
}

/// The upstream echoes the model's name, which is the alias where it is asked directly.
fn without_varying(body: &Bytes) -> String {
    String::from_utf8(body.to_vec()).unwrap().replace("upstream-chat", "chat")
}

async fn stream(house: &House, base: &str, more: &str) -> Bytes {
    let request = http::Request::post(format!("{base}/v1/chat/completions"))
        .header("authorization", format!("Bearer {ALICE}"))
        .body(chat_body("chat", more))
        .unwrap();
    let response = house.client.request(request).await.unwrap();
    assert!(response.headers()[header::CONTENT_TYPE].as_bytes().starts_with(b"text/event-stream"));
    response.into_body().collect().await.unwrap().to_bytes()
}

#[tokio::test]
async fn usage_that_only_we_asked_for_is_withheld_and_recorded() {
    let house = House::open().await;
    house.upstream.usually(Script::tokens(30, 8));
    let asked = stream(&house, &house.url(""), STREAM_WITH_USAGE).await;
    let not_asked = stream(&house, &house.url(""), STREAM).await;
    assert!(asked.windows(13).any(|bytes| bytes == b"\"total_tokens"));
    assert!(!not_asked.windows(13).any(|bytes| bytes == b"\"total_tokens"));
    assert!(not_asked.ends_with(b"data: [DONE]\n\n"));
    // But for that one frame it is what the upstream sends to whoever asks.
    let direct = stream(&house, &house.upstream.base_url(), STREAM_WITH_USAGE).await;
    let expected: String = without_varying(&direct)
        .split_inclusive("\n\n")
        .filter(|frame| !frame.contains(r#""choices":[]"#))
        .collect();
    assert_eq!(without_varying(&not_asked), expected);
    let records = house.sink.wait_for(2).await;
    assert_eq!(records[1].usage.prompt_tokens, Some(30));
    assert_eq!(records[1].usage, records[0].usage);
}

#[tokio::test]
async fn a_compressed_response_passes_untouched_and_its_usage_is_read() {
    let house = House::open().await;
    for (index, encoding) in
        [Encoding::Gzip, Encoding::Br, Encoding::Zstd, Encoding::Deflate].into_iter().enumerate()
    {
        for (turn, more) in ["", STREAM_WITH_USAGE].into_iter().enumerate() {
            house.upstream.next(Script {
                encoding: Some(encoding),
                split: Split::Bytes(7),
                ..Script::tokens(1000, 500)
            });
            let request =
                house.post("/v1/chat/completions", ALICE).header("accept-encoding", encoding.as_str());
            let reply = house.send(request.body(chat_body("chat", more)).unwrap()).await;
            assert_eq!(reply.header("content-encoding"), Some(encoding.as_str()));
            let books = house.upstream.settled(index * 2 + turn + 1).await;
            assert_eq!(books.last().unwrap().bytes_sent, reply.body.len() as u64);
            let record = house.sink.wait_for(index * 2 + turn + 1).await.pop().unwrap();
            assert_eq!(record.usage.prompt_tokens, Some(1000), "{encoding:?}{more}");
            assert_eq!(record.outcome, Outcome::Completed);
        }
    }
}

#[tokio::test]
async fn the_cost_of_a_stream_is_a_trailer_for_those_who_take_trailers() {
    let house = House::open().await;
    house.upstream.usually(Script::tokens(1000, 500));
    let request = house.post("/v1/chat/completions", ALICE).header("te", "trailers");
    let reply = house.send(request.body(chat_body("chat", STREAM)).unwrap()).await;
    assert_eq!(reply.header("x-tollgate-cost"), None);
    assert_eq!(reply.trailers.unwrap()["x-tollgate-cost"], "0.025");
    let request = house.post("/v1/chat/completions", ALICE);
    let reply = house.send(request.body(chat_body("chat", STREAM)).unwrap()).await;
    assert!(reply.trailers.is_none());
}

#[tokio::test]
async fn what_the_upstream_says_of_itself_and_what_it_claims_of_us_stays_out() {
    let raw = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nset-cookie: a=b\r\n\
               alt-svc: h3=\":443\"\r\nx-tollgate-cost: 0\r\nx-request-id: req_theirs\r\nconnection: close, x-hop\r\n\
               x-hop: 1\r\nanthropic-ratelimit-requests-remaining: 9\r\n\r\n{}";
    let base_url = Some(crate::house::raw_upstream(raw).await);
    let house = House::open_with(Plan { base_url, ..Plan::default() }).await;
    let reply = house.chat(ALICE, "unpriced").await;
    for gone in ["set-cookie", "alt-svc", "x-tollgate-cost", "x-hop"] {
        assert_eq!(reply.header(gone), None, "{gone}");
    }
    assert_eq!(reply.header("anthropic-ratelimit-requests-remaining"), Some("9"));
    assert_eq!(reply.header("x-upstream-request-id"), Some("req_theirs"));
    assert_ne!(reply.header("x-request-id"), Some("req_theirs"));
}

#[tokio::test]
async fn what_the_upstream_may_not_say_in_its_head_it_may_not_say_in_its_trailers() {
    let raw = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\
               trailer: x-own\r\n\r\n2\r\n\n\n\r\n0\r\nx-own: 1\r\nset-cookie: a=b\r\nx-tollgate-balance: 9\r\n\
               x_tollgate_cost: 9\r\nx-tollgate-cost: 9\r\n\r\n";
    let base_url = Some(crate::house::raw_upstream(raw).await);
    let house = House::open_with(Plan { base_url, ..Plan::default() }).await;
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    // HTTP/2 has trailers whether they were announced or not.
    let request = house.post("/v1/chat/completions", ALICE).version(Version::HTTP_2).header("te", "trailers");
    let response = client.request(request.body(chat_body("chat", STREAM)).unwrap()).await.unwrap();
    let trailers = read(response).await.trailers.unwrap();
    assert_eq!(trailers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-own"]);
}

#[tokio::test]
async fn a_length_beside_chunks_neither_cuts_off_what_is_read_nor_splits_the_answer() {
    let body = r#"{"choices":[],"usage":{"prompt_tokens":1000,"completion_tokens":500}}"#;
    for fields in
        ["content-length: 5\r\ntransfer-encoding: chunked", "transfer-encoding: chunked\r\ncontent-length: 5"]
    {
        let raw = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{fields}\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        );
        let base_url = Some(crate::house::raw_upstream(&raw).await);
        let house = House::open_with(Plan { base_url, ..Plan::default() }).await;
        let reply = house.chat(ALICE, "chat").await;
        assert_eq!((reply.text(), reply.header("x-tollgate-cost")), (body, Some("0.025")));
        assert_eq!(house.sink.one().await.usage.completion_tokens, Some(500));
    }
}

#[tokio::test]
async fn a_redirection_is_passed_on_and_not_followed() {
    let raw = "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    let base_url = Some(crate::house::raw_upstream(raw).await);
    let house = House::open_with(Plan { base_url, ..Plan::default() }).await;
    let reply = house.chat(ALICE, "chat").await;
    assert_eq!(reply.status, StatusCode::TEMPORARY_REDIRECT);
    let record = house.sink.one().await;
    assert_eq!((record.status_code, record.usage_source), (307, UsageSource::None));
}

#[tokio::test]
async fn an_error_of_the_upstream_passes_and_is_free() {
    let house = House::open().await;
    house.upstream.next(Script { status: 429, ..Script::default() });
    let reply = house.chat(ALICE, "chat").await;
    assert_eq!((reply.status, reply.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, Some("1")));
    assert_eq!(reply.header("x-tollgate-cost"), Some("0"));
    let record = house.sink.one().await;
    assert_eq!((record.status_code, record.outcome), (429, Outcome::Failed));
    assert_eq!(house.view.available(user("alice")), credits("10"));
}

#[tokio::test]
async fn an_error_inside_a_stream_is_a_failure() {
    let house = House::open().await;
    house.upstream.next(Script { error_frame: Some(2), ..Script::default() });
    stream(&house, &house.url(""), STREAM).await;
    let record = house.sink.one().await;
    assert_eq!((record.status_code, record.outcome), (200, Outcome::Failed));
}

/// The record of a stream that breaks off after `cut` bytes.
async fn broken_off(house: &House, cut: usize) -> RawAnalyticsRecord {
    house.upstream.next(Script { cut: Some(cut), ..Script::tokens(10, 8) });
    let request = house.post("/v1/chat/completions", ALICE).body(chat_body("chat", STREAM)).unwrap();
    let response = house.client.request(request).await.unwrap();
    assert!(response.into_body().collect().await.is_err(), "a part must not look like the whole");
    let record = house.sink.one().await;
    assert_eq!((record.status_code, record.outcome), (200, Outcome::Failed));
    record
}

#[tokio::test]
async fn an_upstream_that_breaks_off_a_stream_before_its_content_breaks_the_clients_for_free() {
    let house = House::open().await;
    assert_eq!(broken_off(&house, 100).await.usage_source, UsageSource::None);
    assert_eq!(house.view.available(user("alice")), credits("10"));
}

#[tokio::test]
async fn what_came_of_a_stream_before_it_broke_is_estimated_and_paid() {
    let house = House::open().await;
    let record = broken_off(&house, 1000).await;
    assert_eq!((record.usage_source, record.usage.prompt_tokens), (UsageSource::Estimated, Some(8)));
    assert!(record.usage.completion_tokens.unwrap() > 0);
    assert!(house.view.available(user("alice")) < credits("9.99992"));
}

#[tokio::test]
async fn a_stream_that_breaks_before_any_of_it_was_passed_on_is_502_for_free() {
    // Announced to be short it is read ahead, for the sake of its cost header.
    let base_url = raw_upstream(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 5000\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"hello\"}}]}\n\n",
    );
    let house = House::open_with(Plan { base_url: Some(base_url.await), ..Plan::default() }).await;
    let request = house.post("/v1/chat/completions", ALICE).body(chat_body("chat", STREAM)).unwrap();
    assert_eq!(house.send(request).await.status, StatusCode::BAD_GATEWAY);
    let record = house.sink.one().await;
    assert_eq!((record.outcome, record.usage_source), (Outcome::Failed, UsageSource::None));
}

#[tokio::test]
async fn an_error_inside_a_stream_is_not_estimated() {
    let house = House::open().await;
    house.upstream.usually(Script { error_frame: Some(3), ..Script::tokens(10, 8) });
    stream(&house, &house.url(""), STREAM).await;
    let record = house.sink.one().await;
    assert_eq!((record.outcome, record.usage_source), (Outcome::Failed, UsageSource::None));
}

#[tokio::test]
async fn an_upstream_that_pauses_too_long_is_cut_off() {
    let mut plan = Plan::default();
    plan.config.upstream_idle_timeout_ms = 50;
    let house = House::open_with(plan).await;
    house.upstream.next(Script { stall: Some(2), ..Script::tokens(10, 8) });
    let request = house.post("/v1/chat/completions", ALICE).body(chat_body("chat", STREAM)).unwrap();
    let response = house.client.request(request).await.unwrap();
    assert!(response.into_body().collect().await.is_err());
    assert_eq!(house.sink.one().await.outcome, Outcome::Failed);
}

#[tokio::test]
async fn an_answer_that_never_ends_is_cut_off_and_paid_for_as_far_as_it_came() {
    let mut plan = Plan::default();
    plan.config.upstream_total_timeout_ms = 300;
    let house = House::open_with(plan).await;
    let endless = Some(10_000);
    house.upstream.next(Script {
        frames: endless,
        frame_delay: Duration::from_millis(10),
        ..Script::default()
    });
    let request = house.post("/v1/chat/completions", ALICE).body(chat_body("chat", STREAM)).unwrap();
    let response = house.client.request(request).await.unwrap();
    assert!(response.into_body().collect().await.is_err());
    let record = house.sink.one().await;
    assert_eq!((record.outcome, record.usage_source), (Outcome::Failed, UsageSource::Estimated));
}

#[tokio::test]
async fn usage_that_nobody_stated_is_estimated_unless_the_endpoint_says_otherwise() {
    let house = House::open().await;
    house.upstream.usually(Script { usage: UsageMode::Null, ..Script::default() });
    assert_eq!(house.chat(ALICE, "chat").await.status, StatusCode::OK);
    stream(&house, &house.url(""), STREAM).await;
    for record in house.sink.wait_for(2).await {
        assert_eq!(record.usage_source, UsageSource::Estimated);
        assert!(record.usage.prompt_tokens.unwrap() > 0 && record.usage.completion_tokens.unwrap() > 0);
    }
    let house = House::open_with(Plan {
        endpoint: |endpoint| endpoint.on_missing_usage = OnMissingUsage::Unrated,
        ..Plan::default()
    })
    .await;
    house.upstream.usually(Script { usage: UsageMode::Null, ..Script::default() });
    let reply = house.chat(ALICE, "chat").await;
    assert_eq!(reply.header("x-tollgate-cost"), None, "unknown is never zero");
    assert_eq!(house.sink.one().await.usage_source, UsageSource::None);
}

#[tokio::test]
async fn a_response_larger_than_what_is_read_ahead_streams_and_is_recorded() {
    let house = House::open().await;
    let words = "word ".repeat(100_000);
    let body = format!(
        r#"{{"object":"chat.completion","choices":[{{"index":0,"message":{{"role":"assistant","content":"{words}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":7,"completion_tokens":9,"total_tokens":16}}}}"#
    );
    let stated = Counts { prompt: 7, completion: 9, ..Counts::default() };
    house.upstream.record(
        "large",
        Recorded {
            status: 200,
            content_type: "application/json".to_owned(),
            body: Bytes::from(body.clone()),
            stated: Some(stated),
        },
    );
    house.upstream.usually(Script { replay: Some("large".to_owned()), ..Script::default() });
    let reply = house.chat(ALICE, "chat").await;
    assert_eq!(reply.body, body);
    assert_eq!(reply.header("x-tollgate-cost"), None);
    let record = house.sink.one().await;
    assert_eq!((record.usage.prompt_tokens, record.usage.completion_tokens), (Some(7), Some(9)));
    assert_eq!(record.outcome, Outcome::Completed);
}

#[tokio::test]
async fn a_body_that_trickles_flows_before_it_is_whole() {
    let house = House::open().await;
    // Forty pieces of a body of some hundred bytes, far slower than anyone reads ahead.
    let slow =
        Script { split: Split::Bytes(8), frame_delay: Duration::from_millis(60), ..Script::tokens(10, 8) };
    house.upstream.next(slow);
    let request = house.post("/v1/chat/completions", ALICE).body(chat_body("chat", "")).unwrap();
    let mut response = house.client.request(request).await.unwrap().into_body();
    response.frame().await.unwrap().unwrap();
    assert_eq!(house.sink.all(), [], "the first bytes came while the rest was on its way");
    response.collect().await.unwrap();
    assert_eq!(house.sink.one().await.usage.prompt_tokens, Some(10));
}

#[tokio::test]
async fn the_record_is_made_before_the_last_bytes_are_released() {
    let house = House::open_with(Plan {
        endpoint: |endpoint| endpoint.on_disconnect = OnDisconnect::Cancel,
        ..Plan::default()
    })
    .await;
    house.upstream.usually(Script { frame_delay: Duration::from_millis(2), ..Script::tokens(10, 8) });
    for path in ["/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages"] {
        let body = r#"{"model":"chat","stream":true,"messages":[],"input":"a","prompt":"a","max_tokens":8}"#;
        let request = house.post(path, ALICE).body(Full::from(body)).unwrap();
        let before = house.sink.all().len();
        let mut response = house.client.request(request).await.unwrap().into_body();
        let mut seen = Vec::new();
        while let Some(frame) = response.frame().await {
            seen.extend_from_slice(&frame.unwrap().into_data().unwrap());
            let text = String::from_utf8_lossy(&seen);
            if text.contains("[DONE]") || text.contains("message_stop") || text.contains("response.completed")
            {
                assert_eq!(
                    house.sink.all().len(),
                    before + 1,
                    "{path}: the end marker came before the record"
                );
            }
        }
        assert_eq!(house.sink.all().len(), before + 1);
    }
}

#[tokio::test]
async fn every_surface_is_metered() {
    let house = House::open().await;
    house.upstream.usually(Script::tokens(20, 10));
    let body = r#"{"model":"chat","input":"a","prompt":"a","query":"a","documents":["b"],"messages":[],"contents":[]}"#;
    let paths = [
        ("/v1/chat/completions", "chat_completion"),
        ("/v1/completions", "completion"),
        ("/v1/responses", "response"),
        ("/v1/embeddings", "embedding"),
        ("/v1/messages", "message"),
        ("/v1beta/models/chat:generateContent", "generate_content"),
        ("/v1beta/models/chat:streamGenerateContent", "generate_content_stream"),
        ("/v1beta/models/chat:streamGenerateContent?alt=sse", "generate_content_stream"),
    ];
    for (count, (path, response_type)) in paths.into_iter().enumerate() {
        let request = house.post(path, ALICE).body(Full::from(body)).unwrap();
        let response = house.client.request(request).await.unwrap();
        assert_eq!(read(response).await.status, StatusCode::OK);
        let record = house.sink.wait_for(count + 1).await.pop().unwrap();
        assert_eq!(record.response_type, response_type);
        assert_eq!(
            (record.usage.prompt_tokens, record.usage_source),
            (Some(20), UsageSource::Provider),
            "{path}"
        );
    }
}
