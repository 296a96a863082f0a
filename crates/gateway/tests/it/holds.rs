//! Streams that outgrow what they hold: they go on, or are cut off, as their owner's policy says.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::Full;
use tollgate_domain::{Outcome, UsageSource};
use tollgate_gateway::view::{Holds, OnDisconnect, WhenSpent};
use tollgate_testkit::upstream::{Script, Split};

use crate::house::{ALICE, House, Plan, Reply, credits, raw_upstream, user};

/// Tokens of each answer, one a frame. At 0.00003 they cost 0.012.
const TOKENS: i64 = 400;
/// A streamed question of each family, without a limit: its path, and its body.
const QUESTIONS: [(&str, &str); 4] = [
    ("/v1/chat/completions", r#"{"model":"chat","stream":true,"messages":[{"role":"user","content":"hi"}]}"#),
    ("/v1/responses", r#"{"model":"chat","stream":true,"input":"hi"}"#),
    ("/v1/messages", r#"{"model":"chat","stream":true,"messages":[{"role":"user","content":"hi"}]}"#),
    (
        "/v1beta/models/chat:streamGenerateContent?alt=sse",
        r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#,
    ),
];

async fn house(when_spent: WhenSpent, balance: &str) -> House {
    let house = House::open_with(Plan { when_spent, ..Plan::default() }).await;
    house.enrich(balance);
    let frames = usize::try_from(TOKENS).unwrap();
    house.upstream.usually(bit_by_bit(frames, TOKENS));
    house
}

/// Frames that come one by one, as models make them.
fn bit_by_bit(frames: usize, tokens: i64) -> Script {
    let frame_delay = Duration::from_millis(1);
    Script { frames: Some(frames), frame_delay, ..Script::tokens(10, tokens) }
}

async fn ask(house: &House, (path, body): (&str, &'static str)) -> Reply {
    let request = house.post(path, ALICE).body(Full::new(Bytes::from(body))).unwrap();
    house.send(request).await
}

#[tokio::test]
async fn a_stream_that_outgrows_the_money_goes_on_where_the_policy_says_so() {
    for question in QUESTIONS {
        let house = house(WhenSpent::Finish, "0.004").await;
        let reply = ask(&house, question).await;
        assert_eq!(reply.status, StatusCode::OK);
        let record = house.sink.one().await;
        assert_eq!((record.outcome, record.usage.completion_tokens), (Outcome::Completed, Some(TOKENS)));
        // 0.004 − 10 × 0.00001 − 400 × 0.00003: it held all that there was, and cost 0.0081 more.
        assert_eq!(house.view.available(user("alice")), credits("-0.0081"), "{}", question.0);
        assert_eq!(house.view.exposure().overrun, credits("0.0081"));
        assert_eq!(house.view.holds(), Holds::default());
    }
}

#[tokio::test]
async fn a_stream_that_outgrows_the_money_is_cut_off_with_the_error_of_its_api_where_the_policy_says_so() {
    for (question, error) in QUESTIONS.into_iter().zip([
        r#"data: {"error":{"#,
        "event: error\ndata: {\"",
        r#"event: error
data: {"error":{"message":"#,
        r#"data: {"error":{"code":402,"#,
    ]) {
        let house = house(WhenSpent::Cut, "0.004").await;
        let reply = ask(&house, question).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", question.0);
        let text = reply.text();
        let frames: Vec<&str> = text.split("\n\n").filter(|frame| !frame.is_empty()).collect();
        let last = frames.last().unwrap();
        assert!(last.starts_with(error) && last.contains("Insufficient credits"), "{}: {last}", question.0);
        // Whole frames before it, and not nearly all of them.
        assert!(text.ends_with("\n\n") && frames.len() < 300, "{}: {} frames", question.0, frames.len());
        let record = house.sink.one().await;
        assert_eq!((record.outcome, record.usage_source), (Outcome::Cancelled, UsageSource::Estimated));
        let written = record.usage.completion_tokens.unwrap();
        assert!((1..300).contains(&written), "{}: {written} tokens", question.0);
        // What came is paid.
        assert!(house.view.available(user("alice")) < credits("0.004"));
        assert_eq!(house.view.holds(), Holds::default());
        assert_eq!(house.metric("tollgate_gateway_cut_for_credits_total"), Some(1));
    }
}

#[tokio::test]
async fn a_stream_of_announced_length_that_is_cut_off_ends_with_its_error_all_the_same() {
    let frame = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word\"}}]}\n\n";
    let stream = frame.repeat(2000);
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {}\r\n\r\n",
        stream.len()
    );
    let base_url = raw_upstream(&format!("{head}{stream}")).await;
    let plan = Plan { when_spent: WhenSpent::Cut, base_url: Some(base_url), ..Plan::default() };
    let house = House::open_with(plan).await;
    house.enrich("0.004");
    let reply = ask(&house, QUESTIONS[0]).await;
    assert_eq!((reply.status, reply.header("content-length")), (StatusCode::OK, None));
    let text = reply.text();
    assert!(text.len() < stream.len() && text.ends_with("\n\n"));
    assert!(text.rsplit("data: ").any(|frame| frame.contains("Insufficient credits")), "{text}");
}

#[tokio::test]
async fn an_answer_that_is_no_stream_is_never_cut_off_however_little_it_holds() {
    // Of less than the prompt costs it holds all.
    let house = house(WhenSpent::Cut, "0.00001").await;
    let frame_delay = Duration::from_millis(20);
    house.upstream.usually(Script { split: Split::Bytes(100), frame_delay, ..Script::tokens(10, TOKENS) });
    let reply = house.chat(ALICE, "chat").await;
    assert_eq!(
        (reply.status, reply.json()["usage"]["completion_tokens"].as_i64()),
        (StatusCode::OK, Some(TOKENS))
    );
    assert_eq!(house.sink.one().await.outcome, Outcome::Completed);
}

#[tokio::test]
async fn a_stream_holds_more_as_it_goes_while_there_is_money() {
    let house = house(WhenSpent::Cut, "1").await;
    // More than the 4,096 that a request without a limit holds at first.
    house.upstream.usually(Script { split: Split::Bytes(20_000), ..bit_by_bit(6000, 6000) });
    let reply = ask(&house, QUESTIONS[0]).await;
    assert!(reply.text().ends_with("data: [DONE]\n\n"));
    // 10 × 0.00001 + 6,000 × 0.00003.
    assert_eq!(house.view.available(user("alice")), credits("0.8199"));
    assert_eq!(house.view.exposure().overrun, credits("0"));
}

#[tokio::test]
async fn an_answer_within_its_clients_limit_is_never_cut_off() {
    let house = house(WhenSpent::Cut, "0.014").await;
    let body =
        r#"{"model":"chat","stream":true,"max_tokens":400,"messages":[{"role":"user","content":"hi"}]}"#;
    let reply = ask(&house, ("/v1/chat/completions", body)).await;
    assert!(reply.text().ends_with("data: [DONE]\n\n"), "{}", reply.text());
}

/// The guess of an answer's length is in tokens and goes by frames, of which most may be what stands around a word.
#[tokio::test]
async fn a_short_answer_in_many_frames_is_not_taken_for_one_beyond_its_limit() {
    for (path, body) in [
        (
            QUESTIONS[0].0,
            r#"{"model":"chat","stream":true,"max_tokens":2,"messages":[{"role":"user","content":"hi"}]}"#,
        ),
        (
            QUESTIONS[2].0,
            r#"{"model":"chat","stream":true,"max_tokens":2,"messages":[{"role":"user","content":"hi"}]}"#,
        ),
        (
            QUESTIONS[3].0,
            r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}],"generationConfig":{"maxOutputTokens":2}}"#,
        ),
    ] {
        // A byte of the body is a token at most: 0.00001 for each, and 0.00006 for the answer. No more is there.
        let balance = format!("0.{:05}", body.len() + 6);
        let house = house(WhenSpent::Cut, &balance).await;
        house.upstream.usually(bit_by_bit(8, 2));
        assert_eq!(ask(&house, (path, body)).await.status, StatusCode::OK, "{path}");
        let record = house.sink.one().await;
        assert_eq!((record.outcome, record.usage.completion_tokens), (Outcome::Completed, Some(2)), "{path}");
    }
}

#[tokio::test]
async fn what_is_held_for_one_is_not_there_for_another() {
    let house = House::open_with(Plan {
        endpoint: |endpoint| endpoint.on_disconnect = OnDisconnect::Cancel,
        ..Plan::default()
    })
    .await;
    house.enrich("0.004");
    house.upstream.next(Script { stall: Some(1), frames: Some(2), ..Script::tokens(10, 2) });
    let request = house.post(QUESTIONS[0].0, ALICE).body(Full::new(Bytes::from(QUESTIONS[0].1))).unwrap();
    let stalled = house.client.request(request).await.unwrap();
    let refused = ask(&house, QUESTIONS[0]).await;
    assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED);
    assert_eq!(refused.json()["error"]["code"], "credits_held");
    assert!(refused.header("retry-after").is_some());
    drop(stalled);
    house.sink.one().await;
    assert_eq!(house.view.holds(), Holds::default());
}
