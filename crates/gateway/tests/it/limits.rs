//! Bounds on what one client can take, and that nothing leaks where they are met.

use std::time::Duration;

use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tollgate_testkit::upstream::{Recorded, Script};

use crate::house::{ALICE, House, MemorySink, Plan, chat_body, until_metric};

async fn raw(house: &House, bytes: &str) -> String {
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_head_is_dropped() {
    let mut plan = Plan::default();
    plan.config.header_read_timeout_ms = 50;
    let house = House::open_with(plan).await;
    // Nothing, less than tells HTTP/1 from HTTP/2, and half a head.
    for sent in ["", "P", "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\n"] {
        let answer = tokio::time::timeout(Duration::from_secs(10), raw(&house, sent)).await;
        assert!(!answer.expect("the connection is closed").contains("200 OK"), "{sent:?}");
    }
    // On a busy machine a connection of the house's own may be silent for so long as well.
    let given_up = house.metric("tollgate_gateway_connections_given_up_total{reason=\"silent\"}");
    assert!(given_up >= Some(3), "{given_up:?}");
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_body_is_408() {
    let mut plan = Plan::default();
    plan.config.body_read_timeout_ms = 50;
    let house = House::open_with(plan).await;
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-api-key: {ALICE}\r\ncontent-length: 100\r\n\r\n{{\"mod"
    );
    assert!(raw(&house, &head).await.starts_with("HTTP/1.1 408"));
    assert_eq!(house.sink.all(), []);
}

#[tokio::test]
async fn a_client_that_sends_its_body_byte_by_byte_is_408_however_short_its_pauses() {
    let mut plan = Plan::default();
    plan.config.body_read_timeout_ms = 300;
    let house = House::open_with(plan).await;
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-api-key: {ALICE}\r\ncontent-length: 1000000\r\n\r\n{{"
    );
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let mut answer = [0; 12];
    let sending = async {
        // Until the connection is closed: what was answered is read all the same.
        while writer.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = sending => unreachable!(),
        answered = tokio::time::timeout(Duration::from_secs(30), reader.read_exact(&mut answer)) => {
            answered.expect("it is not waited for any longer").unwrap();
        }
    }
    assert_eq!(&answer, b"HTTP/1.1 408");
    assert_eq!(house.sink.all(), []);
}

#[tokio::test]
async fn requests_beyond_the_limit_in_flight_are_503_and_room_comes_back() {
    let mut plan = Plan::default();
    plan.config.max_in_flight = 2;
    let house = House::open_with(plan).await;
    let slow = Script { delay: Duration::from_millis(200), ..Script::default() };
    house.upstream.next(slow.clone());
    house.upstream.next(slow);
    let third = async {
        house.upstream.wait_for(|books| books.len() == 2).await;
        house.chat(ALICE, "chat").await
    };
    let (first, second, third) = tokio::join!(house.chat(ALICE, "chat"), house.chat(ALICE, "chat"), third);
    assert_eq!((first.status, second.status), (StatusCode::OK, StatusCode::OK));
    assert_eq!(third.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(house.chat(ALICE, "chat").await.status, StatusCode::OK);
    until_metric(&house, "tollgate_gateway_in_flight", 0).await;
    assert_eq!(house.metric("tollgate_gateway_admitted_total"), Some(3));
}

#[tokio::test]
async fn a_refused_client_that_sends_on_still_reads_its_answer() {
    let mut plan = Plan::default();
    plan.config.max_body_bytes = 1024;
    let house = House::open_with(plan).await;
    let body = format!(r#"{{"model":"chat","pad":"{}"}}"#, "x".repeat(4 * 1024 * 1024));
    let request = house.post("/v1/chat/completions", "tg-nobody").body(body.clone().into()).unwrap();
    // The connection may break later, the answer is there, and says so.
    if let Ok(answer) = house.client.request(request).await {
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(answer.headers()["connection"], "close");
    }
    for _ in 0..3 {
        let request = house.post("/v1/chat/completions", ALICE).body(chat_body("nothing", "")).unwrap();
        assert_eq!(house.send(request).await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_client_that_stops_reading_counts_as_gone() {
    let mut plan = Plan::default();
    plan.config.client_write_timeout_ms = 100;
    let house = House::open_with(plan).await;
    let stream =
        format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n", "x".repeat(60_000));
    let answer = Recorded {
        status: 200,
        content_type: "text/event-stream".to_owned(),
        body: stream.repeat(600).into(),
        stated: None,
    };
    house.upstream.record("endless", answer);
    house.upstream.usually(Script { replay: Some("endless".to_owned()), ..Script::default() });
    let body = r#"{"model":"chat","stream":true}"#;
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nx-api-key: {ALICE}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut connection = TcpStream::connect(house.address).await.unwrap();
    connection.write_all(head.as_bytes()).await.unwrap();
    // 36 MB fit into no socket's buffer. Nothing is read, and the connection stays open.
    let record = house.sink.one().await;
    assert_eq!(record.outcome.as_str(), "cancelled", "one more megabyte is drained, then it is cut off");
    let reset = connection.ready(tokio::io::Interest::ERROR);
    let reset = tokio::time::timeout(Duration::from_secs(30), reset).await;
    reset.expect("it is reset: nothing of it is left with the kernel").unwrap();
    assert_eq!(house.metric("tollgate_gateway_connections_given_up_total{reason=\"unread\"}"), Some(1));
    until_metric(&house, "tollgate_gateway_in_flight", 0).await;
}

#[tokio::test]
async fn a_panic_on_the_path_is_500_in_shape_and_ends_one_request_alone() {
    let house = House::open_with(Plan { capacity: MemorySink::PANICS, ..Plan::default() }).await;
    for _ in 0..2 {
        let reply = house.chat(ALICE, "chat").await;
        assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(reply.json()["error"]["code"], "internal_error");
    }
    assert_eq!(house.metric("tollgate_gateway_panics_total"), Some(2));
    assert_eq!(house.chat("tg-nobody", "chat").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_client_that_stalls_in_the_middle_of_a_large_body_is_408_and_recorded() {
    let mut plan = Plan::default();
    plan.config.body_read_timeout_ms = 100;
    let house = House::open_with(plan).await;
    let begun = format!(r#"{{"model":"chat","messages":["{}"#, "x".repeat(200_000));
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-api-key: {ALICE}\r\ncontent-length: 1000000\r\n\r\n{begun}"
    );
    assert!(raw(&house, &head).await.starts_with("HTTP/1.1 408"));
    assert_eq!(house.sink.one().await.status_code, 408);
    assert_eq!(house.upstream.books(), []);
}
