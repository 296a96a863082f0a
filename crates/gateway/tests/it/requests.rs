//! What the upstream gets: the alias spliced, everything else as the client sent it.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{Full, StreamBody};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tollgate_domain::{Outcome, UsageSource};
use tollgate_testkit::upstream::Script;

use crate::house::{ALICE, House, Plan, Reply, UPSTREAM_SECRET, chat_body, read, read_request};

#[tokio::test]
async fn the_alias_is_spliced_in_the_body_and_no_other_byte_changes() {
    let house = House::open().await;
    let body = "{ \"messages\" : [ {\"content\":\"\\u0068i  \\ud83d\\ude00\",\"role\":\"user\"} ],\n\t\"model\":\"chat\" , \"seed\":1.50 }";
    let request = house.post("/v1/chat/completions", ALICE).body(Full::from(body)).unwrap();
    assert_eq!(house.send(request).await.status, StatusCode::OK);
    let books = house.upstream.settled(1).await;
    let expected = body.replace("\"chat\"", "\"upstream-chat\"");
    assert_eq!(books[0].body, expected);
    assert_eq!(books[0].header("content-length"), Some(expected.len().to_string().as_str()));
    assert_eq!(books[0].uri, "/v1/chat/completions");
}

#[tokio::test]
async fn the_alias_is_spliced_in_the_path() {
    let house = House::open().await;
    let path = "/v1beta/models/chat:streamGenerateContent?alt=sse";
    let request = house.post(path, ALICE).body(Full::from(r#"{"contents":[]}"#)).unwrap();
    assert_eq!(house.send(request).await.status, StatusCode::OK);
    let books = house.upstream.settled(1).await;
    assert_eq!(books[0].uri, "/v1beta/models/upstream-chat:streamGenerateContent?alt=sse");
    assert_eq!(books[0].body, r#"{"contents":[]}"#);
    let record = house.sink.one().await;
    assert_eq!(record.uri, "/v1beta/models/{model}:streamGenerateContent");
    assert_eq!(record.request_model.as_deref(), Some("chat"));
}

#[tokio::test]
async fn nothing_that_would_leave_the_usage_out_of_geminis_answer_is_forwarded() {
    let house = House::open().await;
    let path = "/v1beta/models/chat:streamGenerateContent?%66ields=candidates&alt=sse&$alt=proto&prettyPrint=0&callback=f&a;$fields=x";
    let request = house.post(path, ALICE).header("X-Goog-FieldMask", "candidates");
    let body = Full::from(r#"{"contents":[]}"#);
    assert_eq!(house.send(request.body(body).unwrap()).await.status, StatusCode::OK);
    let books = house.upstream.settled(1).await;
    assert_eq!(books[0].uri, "/v1beta/models/upstream-chat:streamGenerateContent?alt=sse&prettyPrint=0");
    assert_eq!(books[0].header("x-goog-fieldmask"), None);
    // The same words mean nothing elsewhere.
    let elsewhere = house.post("/v1/chat/completions?fields=a", ALICE);
    let elsewhere = elsewhere.body(chat_body("chat", "")).unwrap();
    assert_eq!(house.send(elsewhere).await.status, StatusCode::OK);
    assert_eq!(house.upstream.settled(2).await[1].uri, "/v1/chat/completions?fields=a");
}

#[tokio::test]
async fn a_path_prefix_and_a_path_template_lead_to_the_upstream() {
    let house = House::open_with(Plan {
        endpoint: |endpoint| {
            endpoint.base_url.push_str("/openai/v1/");
            endpoint.path_templates.insert(
                "/v1/embeddings".to_owned(),
                "/deployments/{model}/embeddings?api-version=2024-10-21".to_owned(),
            );
        },
        ..Plan::default()
    })
    .await;
    assert_eq!(house.chat(ALICE, "chat").await.status, StatusCode::OK);
    let embed = house.post("/v1/embeddings?api-version=mine&trace=1", ALICE);
    let body = Full::from(r#"{"model":"chat","input":"a"}"#);
    assert_eq!(house.send(embed.body(body).unwrap()).await.status, StatusCode::OK);
    let books = house.upstream.settled(2).await;
    // The version stands in the base URL and in the route: it counts once.
    assert_eq!(books[0].uri, "/openai/v1/chat/completions");
    assert_eq!(
        books[1].uri,
        "/openai/v1/deployments/upstream-chat/embeddings?api-version=2024-10-21&trace=1"
    );
}

#[tokio::test]
async fn usage_is_asked_for_in_a_stream_that_did_not_and_encoding_is_refused_then() {
    let house = House::open().await;
    let stream = |more: &str| {
        let request = house.post("/v1/chat/completions", ALICE).header("accept-encoding", "gzip, br, dcb");
        request.body(chat_body("chat", more)).unwrap()
    };
    house.send(stream(r#","stream":true"#)).await;
    house.send(stream(r#","stream":true,"stream_options":{"include_usage":true}"#)).await;
    house.send(stream("")).await;
    let books = house.upstream.settled(3).await;
    assert!(books[0].include_usage && books[1].include_usage && !books[2].include_usage);
    assert_eq!(books[0].header("accept-encoding"), Some("identity"));
    // What the client takes and we can read.
    assert_eq!(books[1].header("accept-encoding"), Some("gzip, br"));
}

#[tokio::test]
async fn hop_by_hop_headers_stay_and_others_pass() {
    let house = House::open().await;
    let request = house
        .post("/v1/chat/completions", ALICE)
        .header("connection", "keep-alive, x-secret-hop")
        .header("x-secret-hop", "1")
        .header("keep-alive", "timeout=5")
        .header("te", "trailers")
        .header("x-forwarded-for", "10.0.0.1")
        .header("openai-organization", "org-1")
        .header("cookie", "session=1")
        .header("openai-beta", "assistants=v2")
        .header("user-agent", "a-client/1.0")
        .body(chat_body("chat", ""))
        .unwrap();
    assert_eq!(house.send(request).await.status, StatusCode::OK);
    let books = house.upstream.settled(1).await;
    for gone in
        ["connection", "x-secret-hop", "keep-alive", "te", "x-forwarded-for", "openai-organization", "cookie"]
    {
        assert_eq!(books[0].header(gone), None, "{gone}");
    }
    assert_eq!(books[0].header("openai-beta"), Some("assistants=v2"));
    assert_eq!(books[0].header("user-agent"), Some("a-client/1.0"));
    assert_eq!(books[0].header("authorization"), Some(format!("Bearer {UPSTREAM_SECRET}").as_str()));
    assert_eq!(house.sink.one().await.user_agent.as_deref(), Some("a-client/1.0"));
}

#[tokio::test]
async fn a_listed_path_is_passed_through_and_recorded_by_its_template() {
    let house = House::open().await;
    let get = Request::get(house.url("/v1/files/abc?purpose=x")).header("x-api-key", ALICE);
    let reply = house.send(get.body(Full::default()).unwrap()).await;
    assert_eq!(reply.status, StatusCode::OK);
    let books = house.upstream.settled(1).await;
    assert_eq!((books[0].method.as_str(), books[0].uri.as_str()), ("GET", "/v1/files/abc?purpose=x"));
    let record = house.sink.one().await;
    assert_eq!((record.uri.as_str(), record.method.as_str()), ("/v1/files/{id}", "GET"));
    assert_eq!((record.model_id, record.usage_source), (None, UsageSource::None));
    for path in ["/v1/files/..", "/v1/files/%2e%2E", "/v1/files/a/b", "/v1/files/a%2fb", "/v1/files"] {
        let get = Request::get(house.url(path)).header("x-api-key", ALICE).body(Full::default()).unwrap();
        assert_eq!(house.send(get).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

/// A client that sends `frames` one by one, without a length.
async fn send_in_frames(house: &House, frames: Vec<Bytes>) -> Reply {
    let frames = futures_util::stream::iter(
        frames.into_iter().map(|frame| Ok::<_, std::convert::Infallible>(http_body::Frame::data(frame))),
    );
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = house.post("/v1/chat/completions", ALICE).body(StreamBody::new(frames)).unwrap();
    read(client.request(request).await.unwrap()).await
}

#[tokio::test]
async fn a_large_body_goes_with_its_length_as_soon_as_that_cannot_change() {
    let house = House::open().await;
    let words = "word ".repeat(100_000);
    let cases = [
        ("/v1/messages", format!(r#"{{"model":"chat","messages":["{words}"],"stream":true}}"#), true),
        ("/v1/embeddings", format!(r#"{{"model":"chat","input":"{words}"}}"#), true),
        (
            "/v1/chat/completions",
            format!(r#"{{"model":"chat","stream":false,"messages":["{words}"]}}"#),
            true,
        ),
        (
            "/v1/chat/completions",
            format!(r#"{{"model":"chat","stream":true,"stream_options":{{}},"messages":["{words}"]}}"#),
            true,
        ),
        // All of it is held, so all of it is known.
        ("/v1/chat/completions", format!(r#"{{"stream":true,"messages":["{words}"],"model":"chat"}}"#), true),
        // Usage may have to be asked for at the end.
        ("/v1/chat/completions", format!(r#"{{"model":"chat","messages":["{words}"]}}"#), false),
        (
            "/v1/chat/completions",
            format!(r#"{{"model":"chat","stream":true,"messages":["{words}"]}}"#),
            false,
        ),
    ];
    for (count, (path, body, has_length)) in cases.into_iter().enumerate() {
        let request = house.post(path, ALICE).body(Full::from(body.clone())).unwrap();
        assert_eq!(house.send(request).await.status, StatusCode::OK);
        let entry = house.upstream.settled(count + 1).await.pop().unwrap();
        let mut expected = body.replace(r#""chat""#, r#""upstream-chat""#);
        if body.contains("stream_options") {
            expected = expected.replace("{}", r#"{"include_usage":true}"#);
        } else if path.starts_with("/v1/chat") && body.contains(r#""stream":true"#) {
            expected.pop();
            expected += r#","stream_options":{"include_usage":true}}"#;
        }
        assert_eq!(entry.body_sha256, sha256(&expected), "{count}");
        let length = has_length.then(|| expected.len().to_string());
        assert_eq!(entry.header("content-length"), length.as_deref(), "{count}");
    }
}

#[tokio::test]
async fn a_large_body_of_known_length_that_turns_out_malformed_never_arrives_whole() {
    let house = House::open().await;
    let body = format!(r#"{{"model":"chat","input":"{}"#, "word ".repeat(100_000));
    let reply = house.send(house.post("/v1/embeddings", ALICE).body(Full::from(body)).unwrap()).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert_eq!(house.sink.one().await.status_code, 400);
    assert_eq!(house.upstream.books(), []);
}

#[tokio::test]
async fn a_big_body_streams_through_while_little_of_it_is_held() {
    let mut plan = Plan::default();
    // Far less than the body: what is let go is no longer held.
    plan.config.held_body_bytes = 1024 * 1024;
    let house = House::open_with(plan).await;
    let mut frames = vec![Bytes::from_static(br#"{"model":"chat","messages":[{"role":"user","content":""#)];
    frames.extend((0..320).map(|_| Bytes::from(vec![b'a'; 64 * 1024])));
    frames.push(Bytes::from_static(br#""}]}"#));
    let expected: usize = frames.iter().map(Bytes::len).sum();
    assert_eq!(send_in_frames(&house, frames.clone()).await.status, StatusCode::OK);
    let books = house.upstream.settled(1).await;
    assert_eq!(books[0].model.as_deref(), Some("upstream-chat"));
    assert!(expected > 20 * 1024 * 1024);
    // The same with the model at its end has to be held, and does not fit.
    let mut late = vec![Bytes::from_static(br#"{"messages":[{"role":"user","content":""#)];
    late.extend(frames.drain(1..321));
    late.push(Bytes::from_static(br#""}],"model":"chat"}"#));
    assert_eq!(send_in_frames(&house, late).await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_body_that_grows_too_large_on_its_way_is_413_and_recorded_as_failed() {
    let mut plan = Plan::default();
    plan.config.max_body_bytes = 1024 * 1024;
    let house = House::open_with(plan).await;
    let mut frames = vec![Bytes::from_static(br#"{"model":"chat","messages":[{"role":"user","content":""#)];
    frames.extend((0..32).map(|_| Bytes::from(vec![b'a'; 64 * 1024])));
    let reply = send_in_frames(&house, frames).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(reply.json()["error"]["message"], "The request body is larger than 1048576 bytes.");
    let record = house.sink.one().await;
    assert_eq!((record.status_code, record.outcome), (413, Outcome::Failed));
}

#[tokio::test]
async fn a_connection_that_breaks_after_a_request_was_written_is_502_and_the_request_is_sent_once() {
    let house = House::open().await;
    // The first one leaves a connection in the pool, on which the second one breaks.
    assert_eq!(house.chat(ALICE, "chat").await.status, StatusCode::OK);
    house.upstream.next(Script { drop: true, ..Script::default() });
    let reply = house.chat(ALICE, "chat").await;
    assert_eq!(reply.status, StatusCode::BAD_GATEWAY);
    insta::assert_snapshot!(reply.text(), @r#"{"error":{"code":"upstream_unreachable","message":"scripted could not be reached or broke off. The request was not repeated.","param":null,"type":"server_error"}}"#);
    let records = house.sink.wait_for(2).await;
    assert_eq!((records[1].status_code, records[1].outcome), (502, Outcome::Failed));
    assert_eq!(records[1].usage_source, UsageSource::None);
    assert_eq!(house.upstream.settled(2).await.len(), 2, "one arrival each");
    // And the one after it is served.
    assert_eq!(house.chat(ALICE, "chat").await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_upstream_that_reads_half_a_request_and_hangs_up_sees_it_once() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    let arrivals = tokio::spawn(async move {
        let mut arrivals = 0;
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}";
        // One whole exchange, then a hang-up in the middle of the second on the same connection; then count what else comes.
        let (mut connection, _) = listener.accept().await.unwrap();
        read_request(&mut connection).await;
        connection.write_all(answer.as_bytes()).await.unwrap();
        arrivals += 1;
        connection.read_exact(&mut [0; 10]).await.unwrap();
        arrivals += 1;
        drop(connection);
        while let Ok(Ok(_)) = tokio::time::timeout(Duration::from_millis(300), listener.accept()).await {
            arrivals += 1;
        }
        arrivals
    });
    let house = House::open_with(Plan { base_url: Some(base_url), ..Plan::default() }).await;
    assert_eq!(house.chat(ALICE, "chat").await.status, StatusCode::OK);
    assert_eq!(house.chat(ALICE, "chat").await.status, StatusCode::BAD_GATEWAY);
    assert_eq!(arrivals.await.unwrap(), 2);
    assert_eq!(house.sink.wait_for(2).await.len(), 2);
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_502_in_every_shape_and_recorded() {
    let base_url = Some("http://127.0.0.1:1".to_owned());
    let house = House::open_with(Plan { base_url, ..Plan::default() }).await;
    for path in ["/v1/chat/completions", "/v1/messages", "/v1beta/models/chat:generateContent"] {
        let reply = house.send(house.post(path, ALICE).body(chat_body("chat", "")).unwrap()).await;
        assert_eq!(reply.status, StatusCode::BAD_GATEWAY);
        assert!(reply.json()["error"]["message"].as_str().unwrap().contains("could not be reached"));
    }
    let records = house.sink.wait_for(3).await;
    assert!(records.iter().all(|record| record.status_code == 502 && record.outcome == Outcome::Failed));
    assert_eq!(house.view.pending(), crate::house::credits("0"));
}

#[tokio::test]
async fn an_upstream_that_takes_too_long_is_504() {
    let mut plan = Plan::default();
    plan.config.upstream_response_timeout_ms = 50;
    let house = House::open_with(plan).await;
    house.upstream.next(Script { delay: Duration::from_secs(30), ..Script::default() });
    let reply = house.chat(ALICE, "chat").await;
    assert_eq!(reply.status, StatusCode::GATEWAY_TIMEOUT);
    insta::assert_snapshot!(reply.text(), @r#"{"error":{"code":"upstream_timeout","message":"scripted did not answer in time. The request was not repeated.","param":null,"type":"server_error"}}"#);
    assert_eq!(house.sink.one().await.status_code, 504);
}

fn form(fields: &[(&str, &str)]) -> String {
    let part = |(name, value): &(&str, &str)| {
        format!("--xyz\r\nContent-Disposition: form-data; {name}\r\n\r\n{value}\r\n")
    };
    let parts: Vec<String> = fields.iter().map(part).collect();
    parts.concat() + "--xyz--\r\n"
}

async fn send_form(house: &House, path: &str, body: String) -> StatusCode {
    let request = Request::post(house.url(path))
        .header("x-api-key", ALICE)
        .header("content-type", "multipart/form-data; boundary=xyz")
        .body(Full::from(body))
        .unwrap();
    house.send(request).await.status
}

#[tokio::test]
async fn the_alias_is_spliced_in_a_form_and_chooses_the_model() {
    let house = House::open().await;
    let audio = "\u{1}RIFF ".repeat(50_000);
    for (count, fields) in [
        [("name=\"model\"", "chat"), ("name=\"file\"; filename=\"a.wav\"", audio.as_str())],
        [("name=\"file\"; filename=\"a.wav\"", audio.as_str()), ("name=\"model\"", "chat")],
    ]
    .into_iter()
    .enumerate()
    {
        let body = form(&fields);
        let expected = body.replace("\r\nchat\r\n", "\r\nupstream-chat\r\n");
        assert_eq!(send_form(&house, "/v1/audio/transcriptions", body).await, StatusCode::OK);
        let entry = house.upstream.settled(count + 1).await.pop().unwrap();
        assert_eq!(entry.body_sha256, sha256(&expected));
        assert_eq!(entry.header("content-length"), Some(expected.len().to_string().as_str()));
        let record = house.sink.wait_for(count + 1).await.pop().unwrap();
        assert_eq!(record.request_model.as_deref(), Some("chat"));
        assert_eq!(record.uri, "/v1/audio/transcriptions");
    }
    let unknown = form(&[("name=\"model\"", "nothing")]);
    assert_eq!(send_form(&house, "/v1/audio/transcriptions", unknown).await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_form_without_a_model_goes_to_the_first_endpoint_that_lists_the_path() {
    let house = House::open().await;
    let body = form(&[("name=\"purpose\"", "batch")]);
    assert_eq!(send_form(&house, "/v1/files/upload", body).await, StatusCode::OK);
    let record = house.sink.one().await;
    assert_eq!((record.model_id, record.request_model), (None, None));
}

fn sha256(text: &str) -> String {
    use sha2::{Digest, Sha256};

    let bytes: Vec<String> =
        Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.concat()
}
