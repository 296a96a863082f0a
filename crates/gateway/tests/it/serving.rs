//! HTTP itself: the versions clients speak, and concurrency.

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, StatusCode, Version};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tollgate_testkit::upstream::Script;

use crate::house::{ALICE, House, chat_body, credits, until_metric, user};

#[tokio::test]
async fn a_client_of_http_1_0_is_served() {
    let house = House::open().await;
    let body = r#"{"model":"chat","messages":[]}"#;
    let request = format!(
        "POST /v1/chat/completions HTTP/1.0\r\nx-api-key: {ALICE}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = tokio::net::TcpStream::connect(house.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.0 200 OK"), "{answer}");
    assert!(answer.contains("\"usage\""));
}

#[tokio::test]
async fn a_client_of_http_2_in_clear_text_is_served_with_its_trailers() {
    let house = House::open().await;
    house.upstream.usually(Script::tokens(1000, 500));
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let request = Request::post(house.url("/v1/chat/completions"))
        .version(Version::HTTP_2)
        .header("x-api-key", ALICE)
        .header("te", "trailers")
        .body(chat_body("chat", r#","stream":true"#))
        .unwrap();
    let response = client.request(request).await.unwrap();
    assert_eq!((response.status(), response.version()), (StatusCode::OK, Version::HTTP_2));
    let body = response.into_body().collect().await.unwrap();
    assert_eq!(body.trailers().unwrap()["x-tollgate-cost"], "0.025");
    assert!(body.to_bytes().ends_with(b"data: [DONE]\n\n"));
}

#[tokio::test]
async fn an_empty_answer_ends_at_once() {
    let raw = "HTTP/1.1 204 No Content\r\n\r\n";
    let base_url = Some(crate::house::raw_upstream(raw).await);
    let house = House::open_with(crate::house::Plan { base_url, ..crate::house::Plan::default() }).await;
    let request = Request::delete(house.url("/v1/files/a")).header("x-api-key", ALICE);
    let reply = house.send(request.body(http_body_util::Full::default()).unwrap()).await;
    assert_eq!(reply.status, StatusCode::NO_CONTENT);
    assert_eq!(house.sink.one().await.outcome.as_str(), "completed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_admitted_request_makes_one_record_with_a_number_of_its_own() {
    let house = House::open().await;
    // Without a limit each holds what a long answer would cost.
    house.enrich("1000");
    house.upstream.usually(Script::tokens(100, 10));
    let replies = join_all((0..200).map(|index| {
        let more = if index % 2 == 0 { "" } else { r#","stream":true"# };
        house.send(house.post("/v1/chat/completions", ALICE).body(chat_body("chat", more)).unwrap())
    }));
    assert!(replies.await.iter().all(|reply| reply.status == StatusCode::OK));
    let records = house.sink.wait_for(200).await;
    let mut numbers: Vec<i64> = records.iter().map(|record| record.correlation_id.get()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=200).collect::<Vec<_>>());
    // 100 × 0.00001 + 10 × 0.00003, two hundred times.
    assert_eq!(house.view.available(user("alice")), credits("999.74"));
    until_metric(&house, "tollgate_gateway_in_flight", 0).await;
}

/// Of the answer's body over HTTP/1, the chunks that the client gets.
async fn chunks(house: &House) -> Vec<Bytes> {
    let request =
        house.post("/v1/chat/completions", ALICE).body(chat_body("chat", r#","stream":true"#)).unwrap();
    let mut body = house.client.request(request).await.unwrap().into_body();
    let mut chunks = Vec::new();
    while let Some(frame) = body.frame().await {
        chunks.extend(frame.unwrap().into_data().ok());
    }
    chunks
}

#[tokio::test]
async fn the_chunks_of_a_stream_that_are_here_together_go_on_together() {
    const FRAME: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" token\"}}]}\n\n";
    let ended = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\
                 \"usage\":{\"prompt_tokens\":1,\"completion_tokens\":50}}\n\ndata: [DONE]\n\n";
    let frames = [FRAME; 50].into_iter().chain([ended]);
    let coded = frames.clone().fold(String::new(), |coded, frame| {
        let length = frame.len();
        format!("{coded}{length:x}\r\n{frame}\r\n")
    });
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let base_url = Some(crate::house::raw_upstream(&format!("{head}{coded}0\r\n\r\n")).await);
    let house = House::open_with(crate::house::Plan { base_url, ..crate::house::Plan::default() }).await;
    let chunks = chunks(&house).await;
    assert!(chunks.concat() == frames.collect::<String>().as_bytes(), "the answer is another");
    assert_eq!(chunks[0], FRAME, "the first token waits for no other");
    // The usage and the end marker wait for the record. The rest is one write, or two where it did not come at once.
    assert!(chunks.len() < 10, "{} chunks", chunks.len());
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_is_told_to_go_on_or_refused_before_it_sends() {
    let house = House::open().await;
    let body = r#"{"model":"chat","messages":[]}"#;
    for (key, first, last) in [(ALICE, "100 Continue", "200 OK"), ("tg-nobody", "401 Unauthorized", "401")] {
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nx-api-key: {key}\r\nexpect: 100-continue\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = tokio::net::TcpStream::connect(house.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
        }
        assert!(
            answer.starts_with(format!("HTTP/1.1 {first}").as_bytes()),
            "{:?}",
            String::from_utf8_lossy(&answer)
        );
        if key == ALICE {
            stream.write_all(body.as_bytes()).await.unwrap();
        }
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(String::from_utf8_lossy(&answer).contains(last));
    }
    assert_eq!(house.upstream.settled(1).await[0].header("expect"), None);
}
