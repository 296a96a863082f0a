//! Clients that leave: the upstream is read to its usage and charged, or cut off and estimated.

use std::time::Duration;

use futures_util::StreamExt;
use http::Version;
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tollgate_domain::{Outcome, RawAnalyticsRecord, UsageSource};
use tollgate_gateway::view::{EndpointEntry, OnDisconnect, OnMissingUsage};
use tollgate_testkit::upstream::{Script, Split};

use crate::house::{ALICE, House, Plan, chat_body, credits, until_metric, user};

const STREAM: &str = r#","stream":true"#;

/// Starts a stream, reads its first bytes, and leaves.
async fn leave_in_the_middle(house: &House, more: &str) {
    let request = house.post("/v1/chat/completions", ALICE).body(chat_body("chat", more)).unwrap();
    let mut response = house.client.request(request).await.unwrap();
    response.frame().await.unwrap().unwrap();
}

/// Sends a request and leaves before there is an answer.
async fn leave_at_once(house: &House) {
    let request = house.post("/v1/chat/completions", ALICE).body(chat_body("chat", "")).unwrap();
    let answer = house.client.request(request);
    tokio::select! {
        _ = answer => panic!("the upstream answers later"),
        books = house.upstream.wait_for(|books| books.len() == 1) => drop(books),
    }
}

fn slow() -> Script {
    Script { frame_delay: Duration::from_millis(5), ..Script::tokens(1000, 500) }
}

#[tokio::test]
async fn a_client_that_leaves_a_stream_is_charged_what_the_drained_upstream_states() {
    let house = House::open().await;
    house.upstream.usually(slow());
    leave_in_the_middle(&house, STREAM).await;
    let record = house.sink.one().await;
    assert_eq!((record.outcome, record.usage_source), (Outcome::Drained, UsageSource::Provider));
    assert_eq!((record.usage.prompt_tokens, record.usage.completion_tokens), (Some(1000), Some(500)));
    assert_eq!(record.status_code, 200);
    assert_eq!(house.view.available(user("alice")), credits("9.975"));
    assert!(house.upstream.settled(1).await[0].usage_sent);
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_is_charged_too() {
    let house = House::open().await;
    house.upstream.usually(Script { delay: Duration::from_millis(100), ..Script::tokens(1000, 500) });
    leave_at_once(&house).await;
    let record = house.sink.one().await;
    assert_eq!((record.outcome, record.status_code), (Outcome::Drained, 200));
    assert_eq!(record.usage.completion_tokens, Some(500));
}

/// A client that leaves an upstream which never answers; `drain_timeout_ms` is short.
async fn left_unanswered(endpoint: fn(&mut EndpointEntry)) -> (House, RawAnalyticsRecord) {
    let mut plan = Plan { endpoint, ..Plan::default() };
    plan.config.drain_timeout_ms = 50;
    let house = House::open_with(plan).await;
    house.upstream.usually(Script { delay: Duration::from_hours(1), ..Script::default() });
    leave_at_once(&house).await;
    let record = house.sink.one().await;
    assert_eq!((record.outcome, record.status_code), (Outcome::Cancelled, 499));
    assert_eq!(record.response_type, "chat_completion");
    (house, record)
}

#[tokio::test]
async fn a_client_that_leaves_an_upstream_without_an_answer_pays_for_its_prompt() {
    for policy in [
        |_: &mut EndpointEntry| {},
        |entry: &mut EndpointEntry| {
            entry.on_disconnect = OnDisconnect::Cancel;
        },
    ] {
        let (house, record) = left_unanswered(policy).await;
        assert_eq!(record.usage_source, UsageSource::Estimated);
        // "hi" and its separator are 2 tokens, the message and the start of the answer 3 each.
        assert_eq!((record.usage.prompt_tokens, record.usage.completion_tokens), (Some(8), Some(0)));
        assert_eq!(house.view.available(user("alice")), credits("9.99992"));
    }
}

#[tokio::test]
async fn without_estimates_an_unanswered_request_states_nothing() {
    let (house, record) =
        left_unanswered(|endpoint| endpoint.on_missing_usage = OnMissingUsage::Unrated).await;
    assert_eq!((record.usage_source, record.usage.prompt_tokens), (UsageSource::None, None));
    assert_eq!(house.view.available(user("alice")), credits("10"));
}

#[tokio::test]
async fn a_stream_that_is_cut_off_before_its_first_content_pays_for_its_prompt() {
    let mut plan = Plan::default();
    plan.config.drain_timeout_ms = 50;
    let house = House::open_with(plan).await;
    house.upstream.usually(Script { stall: Some(0), ..Script::default() });
    let request = house.post("/v1/chat/completions", ALICE).body(chat_body("chat", STREAM)).unwrap();
    drop(house.client.request(request).await.unwrap());
    let record = house.sink.one().await;
    assert_eq!((record.outcome, record.usage_source), (Outcome::Cancelled, UsageSource::Estimated));
    assert_eq!((record.usage.prompt_tokens, record.usage.completion_tokens), (Some(8), Some(0)));
    assert_eq!(record.response_type, "chat_completion_stream");
}

#[tokio::test]
async fn what_is_drained_counts_as_in_flight() {
    let mut plan = Plan::default();
    plan.config.max_in_flight = 1;
    let house = House::open_with(plan).await;
    house.upstream.usually(Script { stall: Some(2), ..Script::tokens(10, 8) });
    leave_in_the_middle(&house, STREAM).await;
    while house.metric("tollgate_gateway_draining") != Some(1) {
        tokio::task::yield_now().await;
    }
    assert_eq!(house.metric("tollgate_gateway_in_flight"), Some(1));
    assert_eq!(house.chat(ALICE, "chat").await.status, 503);
}

#[tokio::test]
async fn draining_ends_at_its_time_limit_and_is_estimated() {
    let mut plan = Plan::default();
    plan.config.drain_timeout_ms = 50;
    let house = House::open_with(plan).await;
    house.upstream.usually(Script { stall: Some(3), ..Script::tokens(10, 8) });
    leave_in_the_middle(&house, STREAM).await;
    let record = house.sink.one().await;
    assert_eq!((record.outcome, record.usage_source), (Outcome::Cancelled, UsageSource::Estimated));
    assert!(record.usage.completion_tokens.unwrap() > 0);
    until_metric(&house, "tollgate_gateway_in_flight", 0).await;
}

#[tokio::test]
async fn draining_ends_at_its_size_limit() {
    let mut plan = Plan::default();
    plan.config.drain_max_bytes = 200;
    let house = House::open_with(plan).await;
    house.upstream.usually(Script { frames: Some(50), ..slow() });
    leave_in_the_middle(&house, STREAM).await;
    let record = house.sink.one().await;
    assert_eq!((record.outcome, record.usage_source), (Outcome::Cancelled, UsageSource::Estimated));
    assert!(!house.upstream.settled(1).await[0].body_complete);
}

#[tokio::test]
async fn an_endpoint_may_cut_off_instead() {
    let house = House::open_with(Plan {
        endpoint: |endpoint| endpoint.on_disconnect = OnDisconnect::Cancel,
        ..Plan::default()
    })
    .await;
    house.upstream.usually(Script { stall: Some(3), ..Script::tokens(1000, 500) });
    leave_in_the_middle(&house, STREAM).await;
    let record = house.sink.one().await;
    assert_eq!((record.outcome, record.usage_source), (Outcome::Cancelled, UsageSource::Estimated));
    assert!(!house.upstream.settled(1).await[0].usage_sent);
}

#[tokio::test]
async fn what_a_message_states_at_its_beginning_is_not_taken_for_its_end() {
    let house = House::open_with(Plan {
        endpoint: |endpoint| endpoint.on_disconnect = OnDisconnect::Cancel,
        ..Plan::default()
    })
    .await;
    let words = 12;
    house.upstream.usually(Script { stall: Some(words + 2), frames: Some(40), ..Script::tokens(1000, 500) });
    let request = house.post("/v1/messages", ALICE).body(chat_body("chat", STREAM)).unwrap();
    let mut response = house.client.request(request).await.unwrap();
    let mut seen = String::new();
    while seen.matches("content_block_delta").count() < words {
        let frame = response.frame().await.unwrap().unwrap();
        seen += std::str::from_utf8(frame.data_ref().unwrap()).unwrap();
    }
    assert!(seen.contains(r#""output_tokens":1"#), "{seen}");
    drop(response);
    let record = house.sink.one().await;
    assert_eq!((record.outcome, record.usage_source), (Outcome::Cancelled, UsageSource::Estimated));
    assert_eq!(record.usage.prompt_tokens, Some(1000), "as it was stated");
    assert!(record.usage.completion_tokens.unwrap() >= 6, "{:?}", record.usage);
}

#[tokio::test]
async fn an_upstream_that_breaks_while_it_is_drained_has_failed() {
    let house = House::open().await;
    house.upstream.usually(Script { cut: Some(700), ..slow() });
    leave_in_the_middle(&house, STREAM).await;
    assert_eq!(house.sink.one().await.outcome, Outcome::Failed);
}

#[tokio::test]
async fn shutdown_lets_a_stream_end_and_cuts_off_one_that_does_not() {
    let mut plan = Plan::default();
    plan.config.shutdown_timeout_ms = 300;
    let mut house = House::open_with(plan).await;
    house.upstream.next(Script { frame_delay: Duration::from_millis(10), ..Script::tokens(10, 8) });
    house.upstream.next(Script { stall: Some(2), ..Script::tokens(10, 8) });
    let mut streams = Vec::new();
    for _ in 0..2 {
        let request = house.post("/v1/chat/completions", ALICE).body(chat_body("chat", STREAM)).unwrap();
        let mut response = house.client.request(request).await.unwrap().into_body();
        response.frame().await.unwrap().unwrap();
        streams.push(response);
    }
    house.shutdown.cancel();
    let stalled = streams.pop().unwrap().collect();
    let ending = streams.pop().unwrap().collect();
    let (ending, stalled) = tokio::join!(ending, stalled);
    assert!(ending.unwrap().to_bytes().ends_with(b"data: [DONE]\n\n"));
    assert!(stalled.is_err());
    house.server.take().unwrap().await.unwrap();
    let mut outcomes: Vec<_> = house.sink.all().iter().map(|record| record.outcome.as_str()).collect();
    outcomes.sort_unstable();
    assert_eq!(outcomes, ["cancelled", "completed"]);
}

#[tokio::test]
async fn a_request_without_an_answer_that_our_own_end_cuts_off_costs_its_client_nothing() {
    let mut plan = Plan::default();
    plan.config.shutdown_timeout_ms = 50;
    let mut house = House::open_with(plan).await;
    house.upstream.usually(Script { delay: Duration::from_hours(1), ..Script::default() });
    let request = house.post("/v1/chat/completions", ALICE).body(chat_body("chat", "")).unwrap();
    let waiting = tokio::spawn(house.client.request(request));
    drop(house.upstream.wait_for(|books| books.len() == 1).await);
    house.shutdown.cancel();
    assert!(waiting.await.unwrap().is_err(), "its connection is cut off");
    house.server.take().unwrap().await.unwrap();
    let record = house.sink.one().await;
    assert_eq!((record.outcome, record.status_code), (Outcome::Interrupted, 500));
    assert_eq!((record.usage_source, record.usage.prompt_tokens), (UsageSource::None, None));
    assert_eq!(house.view.available(user("alice")), credits("10"));
}

#[tokio::test]
async fn a_client_that_leaves_with_its_body_half_sent_is_not_charged() {
    let house = House::open().await;
    let mut connection = TcpStream::connect(house.address).await.unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nx-api-key: {ALICE}\r\ncontent-length: 1000000\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    let begun = format!(r#"{{"model":"chat","messages":[{{"role":"user","content":"{}"#, "x".repeat(200_000));
    connection.write_all(begun.as_bytes()).await.unwrap();
    while house.metric("tollgate_gateway_in_flight") != Some(1) {
        tokio::task::yield_now().await;
    }
    drop(connection);
    let record = house.sink.one().await;
    assert_eq!((record.outcome, record.status_code), (Outcome::Cancelled, 499));
    assert_eq!(record.usage_source, UsageSource::None);
    assert_eq!(house.view.available(user("alice")), credits("10"));
    assert_eq!(house.upstream.books(), [], "half a request is none");
}

#[tokio::test]
async fn a_client_of_http_2_that_resets_its_stream_is_drained_and_its_connection_lives_on() {
    let house = House::open().await;
    house.upstream.next(slow());
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let request = |more: &str| {
        house
            .post("/v1/chat/completions", ALICE)
            .version(Version::HTTP_2)
            .body(chat_body("chat", more))
            .unwrap()
    };
    let mut response = client.request(request(STREAM)).await.unwrap();
    response.frame().await.unwrap().unwrap();
    drop(response);
    assert_eq!(client.request(request("")).await.unwrap().status(), 200);
    let mut outcomes: Vec<_> =
        house.sink.wait_for(2).await.iter().map(|record| record.outcome.as_str()).collect();
    outcomes.sort_unstable();
    assert_eq!(outcomes, ["completed", "drained"]);
    assert_eq!(house.metric("tollgate_gateway_connections"), Some(1));
}

/// Clients at a time.
const AT_ONCE: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_clients_do_each_admitted_request_makes_one_record() {
    let mut plan = Plan::default();
    plan.config.drain_timeout_ms = 200;
    let house = House::open_with(plan).await;
    let scripts = [
        slow(),
        Script { delay: Duration::from_millis(3), ..Script::default() },
        Script { stall: Some(2), ..Script::default() },
        Script { cut: Some(150), ..Script::default() },
        Script { drop: true, ..Script::default() },
        Script { status: 500, ..Script::default() },
    ];
    // How long an answer takes here and now, with as many at a time.
    let started = tokio::time::Instant::now();
    house.upstream.usually(slow());
    futures_util::future::join_all((0..AT_ONCE).map(|_| house.chat(ALICE, "chat"))).await;
    let undisturbed = started.elapsed();
    let requests = (0..300_u64).map(|index| {
        let house = &house;
        let mut script = scripts[usize::try_from(index).unwrap() % scripts.len()].clone();
        script.split = Split::Random(index);
        async move {
            house.upstream.next(script);
            let more = if index % 4 == 0 { "" } else { STREAM };
            let request = house.post("/v1/chat/completions", ALICE).body(chat_body("chat", more)).unwrap();
            // Patience from none to twice what it takes, spread by a number prime to the count of scripts.
            let patience =
                undisturbed.mul_f64(f64::from(u32::try_from(index * 7919 % 1000).unwrap()) / 500.0);
            let exchange = async {
                if let Ok(response) = house.client.request(request).await {
                    drop(response.into_body().collect().await);
                }
            };
            drop(tokio::time::timeout(patience, exchange).await);
        }
    });
    futures_util::stream::iter(requests).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    // Connections that were let go may still bring a request.
    house.shutdown.cancel();
    let mut house = house;
    house.server.take().unwrap().await.unwrap();
    let records = house.sink.all();
    assert_eq!(house.metric("tollgate_gateway_admitted_total"), i64::try_from(records.len()).ok());
    until_metric(&house, "tollgate_gateway_in_flight", 0).await;
    assert!(records.len() > 100, "{}", records.len());
    let mut numbers: Vec<i64> = records.iter().map(|record| record.correlation_id.get()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=i64::try_from(records.len()).unwrap()).collect::<Vec<_>>());
    let kinds: std::collections::BTreeSet<_> = records.iter().map(|record| record.outcome.as_str()).collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["cancelled", "completed", "drained", "failed"]);
}
