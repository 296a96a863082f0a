//! Nothing is let go before the sink has it safe: no first byte before the admission, no last bytes before the record.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tollgate_domain::{Outcome, UsageSource};
use tollgate_gateway::recorder::{NoPlace, NotDurable};
use tollgate_testkit::upstream::{Recorded, Script, UsageMode};

use crate::hand_sink::HandSink;
use crate::house::{ALICE, House, Plan, Reply, credits, read, until_metric, user};

const CHAT: &str = "/v1/chat/completions";
const GEMINI: &str = "/v1beta/models/chat:generateContent";
/// A body that every surface takes.
const STREAM: &str =
    r#"{"model":"chat","stream":true,"messages":[],"contents":[],"input":"a","prompt":"a","max_tokens":8}"#;
const UNACCOUNTED: &str = "tollgate_gateway_unaccounted_requests_total";
const IN_TIME: Duration = Duration::from_secs(30);

async fn house_with(sink: &Arc<HandSink>) -> House {
    House::open_with(Plan { sink: Some(Arc::clone(sink) as _), ..Plan::default() }).await
}

/// A client that speaks HTTP/2 from the first byte.
fn http_2() -> Client<HttpConnector, Full<Bytes>> {
    Client::builder(TokioExecutor::new()).http2_only(true).build_http()
}

type Answer = JoinHandle<Response<Incoming>>;

/// Asks, and does not wait.
fn ask(house: &House, path: &str, body: &str) -> Answer {
    let request = house.post(path, ALICE).body(Full::from(body.to_owned())).unwrap();
    ask_by(&house.client, request)
}

fn ask_by(client: &Client<HttpConnector, Full<Bytes>>, request: Request<Full<Bytes>>) -> Answer {
    let answer = client.request(request);
    tokio::spawn(async move { answer.await.unwrap() })
}

async fn answered(answer: Answer) -> Response<Incoming> {
    tokio::time::timeout(IN_TIME, answer).await.expect("an answer comes in time").unwrap()
}

async fn reply(answer: Answer) -> Reply {
    read(answered(answer).await).await
}

/// Round trips through the whole house, on its one thread: what could have happened without being waited for has happened.
async fn turns(house: &House) {
    for _ in 0..20 {
        let request = Request::get(house.url("/v1/models")).header("x-api-key", ALICE);
        assert_eq!(house.send(request.body(Full::default()).unwrap()).await.status, StatusCode::OK);
    }
}

/// A body that is being read.
struct Reading {
    text: watch::Receiver<String>,
    end: JoinHandle<Result<(), hyper::Error>>,
}

impl Reading {
    fn of(response: Response<Incoming>) -> Self {
        let (sender, text) = watch::channel(String::new());
        let mut body = response.into_body();
        let end = tokio::spawn(async move {
            while let Some(frame) = body.frame().await {
                let chunk = frame?.into_data().expect("no trailers");
                sender.send_modify(|text| text.push_str(std::str::from_utf8(&chunk).expect("text")));
            }
            Ok(())
        });
        Self { text, end }
    }

    fn so_far(&self) -> String {
        self.text.borrow().clone()
    }

    async fn until(&mut self, is_met: impl Fn(&str) -> bool) {
        let met = tokio::time::timeout(IN_TIME, self.text.wait_for(|text| is_met(text))).await;
        drop(met.expect("it flows in time").expect("the body goes on"));
    }

    /// What came in all, and how it ended.
    async fn ended(self) -> (String, Result<(), hyper::Error>) {
        let end = tokio::time::timeout(IN_TIME, self.end).await.expect("it ends in time").unwrap();
        (self.text.borrow().clone(), end)
    }
}

/// Of a whole stream, what comes before the frame with the end marker.
fn before_end<'a>(whole: &'a str, marker: &str) -> &'a str {
    let marker = whole.find(marker).expect("the stream has its marker");
    let frame = whole[..marker].rfind("\n\n").map_or(0, |end| end + 2);
    &whole[..frame]
}

#[tokio::test]
async fn content_flows_and_the_end_marker_waits_until_the_record_is_safe() {
    let sink = HandSink::of_records();
    let house = house_with(&sink).await;
    let mut count = 0;
    for (path, marker) in [
        (CHAT, "[DONE]"),
        ("/v1/completions", "[DONE]"),
        ("/v1/responses", "response.completed"),
        ("/v1/messages", "message_stop"),
        ("/v1beta/models/chat:streamGenerateContent?alt=sse", "finishReason"),
    ] {
        // With usage, and with an estimate of it.
        for usage in [UsageMode::Normal, UsageMode::None] {
            house.upstream.usually(Script { usage, ..Script::tokens(10, 8) });
            let whole = ask(&house, path, STREAM);
            sink.records(count + 1).await;
            sink.tell_record(count, Ok(()));
            let whole = reply(whole).await.text().to_owned();
            let flowing = before_end(&whole, marker);
            assert!(!flowing.is_empty(), "{path}");

            let mut reading = Reading::of(answered(ask(&house, path, STREAM)).await);
            sink.records(count + 2).await;
            reading.until(|text| text == flowing).await;
            turns(&house).await;
            assert_eq!(reading.so_far(), flowing, "{path}");
            sink.tell_record(count + 1, Ok(()));
            let (text, end) = reading.ended().await;
            assert!(end.is_ok());
            assert_eq!(text, whole, "{path}");
            count += 2;
        }
    }
    assert_eq!(house.metric(UNACCOUNTED), Some(0));
}

#[tokio::test]
async fn a_stream_without_an_end_marker_ends_when_the_record_is_safe() {
    let sink = HandSink::of_records();
    let house = house_with(&sink).await;
    house.upstream.usually(Script { no_end: true, ..Script::tokens(10, 8) });
    let mut reading = Reading::of(answered(ask(&house, CHAT, STREAM)).await);
    sink.records(1).await;
    reading.until(|text| text.contains(r#""finish_reason":"stop""#)).await;
    turns(&house).await;
    assert!(!reading.end.is_finished());
    sink.tell_record(0, Ok(()));
    reading.ended().await.1.unwrap();
}

#[tokio::test]
async fn a_whole_answer_waits_for_its_record_however_long_that_takes() {
    let sink = HandSink::of_records();
    let house = house_with(&sink).await;
    house.upstream.next(Script::tokens(1000, 500));
    let waiting = ask(&house, CHAT, r#"{"model":"chat","messages":[]}"#);
    sink.records(1).await;
    turns(&house).await;
    assert!(!waiting.is_finished());
    // Another request passes the time in which a body is read ahead.
    house.upstream.next(Script { delay: Duration::from_millis(1200), ..Script::default() });
    let other = ask(&house, CHAT, r#"{"model":"chat","messages":[]}"#);
    sink.records(2).await;
    turns(&house).await;
    assert!(!waiting.is_finished());
    sink.tell_record(0, Ok(()));
    sink.tell_record(1, Ok(()));
    let whole = reply(waiting).await;
    assert_eq!((whole.status, whole.header("x-tollgate-cost")), (StatusCode::OK, Some("0.025")));
    assert_eq!(reply(other).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_last_bytes_of_a_large_answer_wait_for_its_record() {
    let sink = HandSink::of_records();
    let house = house_with(&sink).await;
    let file = Recorded {
        status: 200,
        content_type: "text/plain".to_owned(),
        body: "x".repeat(100_000).into(),
        stated: None,
    };
    house.upstream.record("file", file);
    // One whose last brace is its end marker, and one that only its length ends.
    let scripts = [
        (CHAT, Script { reply: Some("x".repeat(100_000)), ..Script::default() }),
        ("/v1/files/a", Script { replay: Some("file".to_owned()), ..Script::default() }),
    ];
    for (index, (path, script)) in scripts.into_iter().enumerate() {
        house.upstream.next(script);
        let response = answered(ask(&house, path, r#"{"model":"chat","messages":[]}"#)).await;
        let length: usize = response.headers()["content-length"].to_str().unwrap().parse().unwrap();
        let mut reading = Reading::of(response);
        sink.records(index + 1).await;
        reading.until(|text| text.len() > 10_000).await;
        turns(&house).await;
        assert!(reading.so_far().len() < length, "{path}");
        sink.tell_record(index, Ok(()));
        let (text, end) = reading.ended().await;
        end.unwrap();
        assert_eq!(text.len(), length);
    }
}

#[tokio::test]
async fn the_first_byte_waits_for_the_admission_while_the_upstream_has_been_asked() {
    let sink = HandSink::new();
    let house = house_with(&sink).await;
    let waiting = ask(&house, CHAT, STREAM);
    let admission = sink.admissions(1).await.remove(0);
    assert_eq!(admission.body_bytes, Some(STREAM.len() as u64));
    assert_eq!((admission.record.outcome, admission.record.status_code), (Outcome::Cancelled, 499));
    assert_eq!(admission.record.request_model.as_deref(), Some("chat"));
    house.upstream.settled(1).await;
    turns(&house).await;
    assert!(!waiting.is_finished());
    sink.tell_admission(0, Ok(()));
    let response = answered(waiting).await;
    let request_id = format!("{}-{}", admission.record.instance_id, admission.record.correlation_id);
    assert_eq!(response.headers()["x-request-id"], request_id.as_str());
    let reading = Reading::of(response);
    assert_eq!(sink.records(1).await[0].correlation_id, admission.record.correlation_id);
    sink.tell_record(0, Ok(()));
    reading.ended().await.1.unwrap();
}

#[tokio::test]
async fn an_admission_that_is_lost_is_503_in_shape_and_cuts_the_upstream_off() {
    let sink = HandSink::new();
    let house = house_with(&sink).await;
    for (index, (path, code)) in [
        (CHAT, r#""code":"records_unavailable""#),
        ("/v1/messages", r#""type":"overloaded_error""#),
        ("/v1beta/models/chat:streamGenerateContent?alt=sse", r#""status":"UNAVAILABLE""#),
    ]
    .into_iter()
    .enumerate()
    {
        house.upstream.next(Script { stall: Some(2), ..Script::tokens(10, 8) });
        let waiting = ask(&house, path, STREAM);
        house.upstream.wait_for(|books| books.len() > index && books[index].bytes_sent > 0).await;
        sink.admissions(index + 1).await;
        sink.tell_admission(index, Err(NotDurable));
        let refused = reply(waiting).await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.header("retry-after"), Some("30"));
        assert!(refused.text().contains(code), "{}", refused.text());
        // It would go on for ever; that it has ended is our doing.
        assert!(!house.upstream.settled(index + 1).await[index].body_complete);
        let records = sink.records(index + 1).await;
        assert_eq!(records.len(), index + 1);
        let record = &records[index];
        assert_eq!((record.outcome, record.status_code), (Outcome::Failed, 503));
        assert_eq!((record.usage_source, record.usage.completion_tokens), (UsageSource::None, None));
    }
    assert_eq!(house.view.available(user("alice")), credits("10"));
    assert_eq!(house.metric(UNACCOUNTED), Some(0), "nobody was served");
    until_metric(&house, "tollgate_gateway_in_flight", 0).await;
}

#[tokio::test]
async fn a_small_answer_whose_admission_is_taken_back_waits_for_its_record_alone() {
    let sink = HandSink::that_gives_back();
    let house = house_with(&sink).await;
    house.upstream.next(Script::tokens(1000, 500));
    let waiting = ask(&house, CHAT, r#"{"model":"chat","messages":[]}"#);
    // Nobody has said, or ever says, that the admission is safe.
    assert_eq!(sink.records(1).await[0].outcome, Outcome::Completed);
    turns(&house).await;
    assert!(!waiting.is_finished());
    sink.tell_record(0, Ok(()));
    let whole = reply(waiting).await;
    assert_eq!((whole.status, whole.header("x-tollgate-cost")), (StatusCode::OK, Some("0.025")));

    let waiting = ask(&house, CHAT, r#"{"model":"chat","messages":[]}"#);
    sink.records(2).await;
    sink.tell_record(1, Err(NotDurable));
    assert_eq!(reply(waiting).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(house.metric(UNACCOUNTED), Some(1));
    until_metric(&house, "tollgate_gateway_in_flight", 0).await;
}

#[tokio::test]
async fn a_small_answer_makes_its_record_when_its_admission_is_safe_also_without_its_client() {
    let sink = HandSink::new();
    let house = house_with(&sink).await;
    for (index, usage) in [UsageMode::Normal, UsageMode::None].into_iter().enumerate() {
        house.upstream.next(Script { usage, ..Script::tokens(1000, 500) });
        let waiting = ask(&house, CHAT, r#"{"model":"chat","messages":[]}"#);
        sink.admissions(index + 1).await;
        house.upstream.settled(index + 1).await;
        turns(&house).await;
        assert_eq!(sink.records(index).await.len(), index, "its end is not known to be one");
        waiting.abort();
        turns(&house).await;
        assert_eq!(sink.records(index).await.len(), index);
        sink.tell_admission(index, Ok(()));
        let record = sink.records(index + 1).await.remove(index);
        assert_eq!((record.outcome, record.status_code), (Outcome::Completed, 200));
        assert_eq!(record.usage_source == UsageSource::Provider, usage == UsageMode::Normal);
        sink.tell_record(index, Ok(()));
    }
    until_metric(&house, "tollgate_gateway_in_flight", 0).await;
    assert_eq!(house.metric(UNACCOUNTED), Some(0));
}

#[tokio::test]
async fn a_small_answer_whose_admission_is_lost_is_503_and_costs_nothing() {
    let sink = HandSink::new();
    let house = house_with(&sink).await;
    house.upstream.next(Script::tokens(1000, 500));
    let waiting = ask(&house, CHAT, r#"{"model":"chat","messages":[]}"#);
    sink.admissions(1).await;
    house.upstream.settled(1).await;
    turns(&house).await;
    assert!(!waiting.is_finished());
    sink.tell_admission(0, Err(NotDurable));
    let refused = reply(waiting).await;
    assert_eq!((refused.status, refused.header("x-tollgate-cost")), (StatusCode::SERVICE_UNAVAILABLE, None));
    let record = sink.records(1).await.remove(0);
    assert_eq!((record.outcome, record.status_code), (Outcome::Failed, 503));
    assert_eq!(record.usage_source, UsageSource::None);
    assert_eq!(house.view.available(user("alice")), credits("10"));
    assert_eq!(house.metric(UNACCOUNTED), Some(0), "nobody was served");
}

#[tokio::test]
async fn a_record_that_is_lost_breaks_the_stream_off_and_is_counted() {
    let sink = HandSink::of_records();
    let house = house_with(&sink).await;
    let clients = [(house.client.clone(), Version::HTTP_11), (http_2(), Version::HTTP_2)];
    let mut count = 0;
    for (client, version) in clients {
        for usage in [UsageMode::Normal, UsageMode::None] {
            house.upstream.next(Script { usage, ..Script::tokens(10, 8) });
            let request = house.post(CHAT, ALICE).version(version).body(Full::from(STREAM)).unwrap();
            let mut reading = Reading::of(answered(ask_by(&client, request)).await);
            sink.records(count + 1).await;
            reading.until(|text| text.contains(r#""finish_reason":"stop""#)).await;
            sink.tell_record(count, Err(NotDurable));
            let (text, end) = reading.ended().await;
            assert!(end.is_err(), "{version:?}: a clean end");
            assert!(!text.contains("[DONE]"));
            count += 1;
            assert_eq!(house.metric(UNACCOUNTED), i64::try_from(count).ok());
        }
    }
}

#[tokio::test]
async fn a_record_that_is_lost_breaks_off_a_large_answer_before_its_length() {
    let sink = HandSink::of_records();
    let house = house_with(&sink).await;
    house.upstream.next(Script { reply: Some("x".repeat(100_000)), ..Script::default() });
    let reading = Reading::of(answered(ask(&house, CHAT, r#"{"model":"chat","messages":[]}"#)).await);
    sink.records(1).await;
    sink.tell_record(0, Err(NotDurable));
    assert!(reading.ended().await.1.is_err());
    assert_eq!(house.metric(UNACCOUNTED), Some(1));
}

#[tokio::test]
async fn a_record_that_is_lost_makes_a_whole_answer_503_in_shape() {
    let sink = HandSink::of_records();
    let house = house_with(&sink).await;
    for (index, (path, code)) in [
        (CHAT, r#""code":"records_unavailable""#),
        ("/v1/messages", r#""type":"overloaded_error""#),
        (GEMINI, r#""status":"UNAVAILABLE""#),
    ]
    .into_iter()
    .enumerate()
    {
        let waiting = ask(&house, path, r#"{"model":"chat","messages":[],"contents":[]}"#);
        sink.records(index + 1).await;
        sink.tell_record(index, Err(NotDurable));
        let refused = reply(waiting).await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.header("x-tollgate-cost"), None);
        assert!(refused.header("x-request-id").is_some());
        assert!(refused.text().contains(code), "{}", refused.text());
    }
    assert_eq!(house.metric(UNACCOUNTED), Some(3));
}

#[tokio::test]
async fn an_error_of_ours_waits_for_admission_and_record_and_is_503_without() {
    let sink = HandSink::new();
    let house = house_with(&sink).await;
    house.upstream.usually(Script { drop: true, ..Script::default() });
    let ask = || ask(&house, CHAT, r#"{"model":"chat","messages":[]}"#);
    // Kept; its admission lost; its record lost.
    let told = [
        (Ok(()), Some(Ok(())), StatusCode::BAD_GATEWAY),
        (Err(NotDurable), None, StatusCode::SERVICE_UNAVAILABLE),
        (Ok(()), Some(Err(NotDurable)), StatusCode::SERVICE_UNAVAILABLE),
    ];
    for (index, (admission, record, status)) in told.into_iter().enumerate() {
        let waiting = ask();
        assert_eq!(sink.records(index + 1).await[index].outcome, Outcome::Failed);
        turns(&house).await;
        assert!(!waiting.is_finished());
        sink.tell_admission(index, admission);
        if let Some(record) = record {
            turns(&house).await;
            assert!(!waiting.is_finished());
            sink.tell_record(index, record);
        }
        assert_eq!(reply(waiting).await.status, status);
    }
    assert_eq!(house.metric(UNACCOUNTED), Some(1));
}

#[tokio::test]
async fn a_request_that_cannot_be_sent_waits_for_its_record_too() {
    let sink = HandSink::of_records();
    let house = House::open_with(Plan {
        endpoint: |endpoint| {
            endpoint.path_templates.insert(CHAT.to_owned(), "/no address".to_owned());
        },
        sink: Some(Arc::clone(&sink) as _),
        ..Plan::default()
    })
    .await;
    for (index, (result, status)) in
        [(Ok(()), StatusCode::BAD_GATEWAY), (Err(NotDurable), StatusCode::SERVICE_UNAVAILABLE)]
            .into_iter()
            .enumerate()
    {
        let waiting = ask(&house, CHAT, r#"{"model":"chat","messages":[]}"#);
        sink.records(index + 1).await;
        turns(&house).await;
        assert!(!waiting.is_finished());
        sink.tell_record(index, result);
        assert_eq!(reply(waiting).await.status, status);
    }
    assert_eq!(house.upstream.books(), []);
}

#[tokio::test]
async fn a_client_that_leaves_while_the_record_is_being_kept_makes_one_and_its_loss_is_counted() {
    let sink = HandSink::of_records();
    let house = house_with(&sink).await;
    for (index, body) in [STREAM, r#"{"model":"chat","messages":[]}"#].into_iter().enumerate() {
        // A client of its own, whose connection ends with it.
        let client = Client::builder(TokioExecutor::new()).build_http();
        let request = house.post(CHAT, ALICE).body(Full::<Bytes>::from(body)).unwrap();
        let answer = client.request(request);
        let left = tokio::spawn(async move { answer.await.unwrap().collect().await.map(drop) });
        sink.records(index + 1).await;
        turns(&house).await;
        let connections = house.metric("tollgate_gateway_connections").unwrap();
        left.abort();
        drop((left.await, client));
        until_metric(&house, "tollgate_gateway_connections", connections - 1).await;
        sink.tell_record(index, Err(NotDurable));
        until_metric(&house, UNACCOUNTED, i64::try_from(index + 1).unwrap()).await;
        assert_eq!(sink.records(index + 1).await.len(), index + 1);
        assert_eq!(sink.records(index + 1).await[index].outcome, Outcome::Completed);
    }
    until_metric(&house, "tollgate_gateway_in_flight", 0).await;
}

#[tokio::test]
async fn a_client_that_leaves_before_the_admission_is_safe_is_drained_into_one_record() {
    let sink = HandSink::new();
    let house = house_with(&sink).await;
    house.upstream.next(Script::tokens(1000, 500));
    let waiting = ask(&house, CHAT, STREAM);
    sink.admissions(1).await;
    house.upstream.wait_for(|books| books.len() == 1 && books[0].bytes_sent > 0).await;
    turns(&house).await;
    waiting.abort();
    let records = sink.records(1).await;
    assert_eq!((records[0].outcome, records[0].status_code), (Outcome::Drained, 200));
    assert_eq!(records[0].usage.completion_tokens, Some(500));
    sink.tell_admission(0, Ok(()));
    turns(&house).await;
    sink.tell_record(0, Ok(()));
    turns(&house).await;
    assert_eq!(sink.records(1).await.len(), 1);
    assert_eq!(house.metric(UNACCOUNTED), Some(0));
}

#[tokio::test]
async fn what_waits_for_the_sink_counts_as_in_flight_and_shutdown_waits_for_it() {
    let sink = HandSink::of_records();
    let mut plan = Plan { sink: Some(Arc::clone(&sink) as _), ..Plan::default() };
    plan.config.max_in_flight = 1;
    let mut house = House::open_with(plan).await;
    let body = r#"{"model":"chat","messages":[]}"#;
    let waiting = ask(&house, CHAT, body);
    sink.records(1).await;
    assert_eq!(reply(ask(&house, CHAT, body)).await.status, StatusCode::SERVICE_UNAVAILABLE);
    sink.tell_record(0, Ok(()));
    assert_eq!(reply(waiting).await.status, StatusCode::OK);

    let left = ask(&house, CHAT, body);
    sink.records(2).await;
    left.abort();
    let connections = house.metric("tollgate_gateway_connections").unwrap();
    until_metric(&house, "tollgate_gateway_connections", connections - 1).await;
    let server = house.server.take().unwrap();
    house.shutdown.cancel();
    until_metric(&house, "tollgate_gateway_connections", 0).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!server.is_finished());
    sink.tell_record(1, Ok(()));
    tokio::time::timeout(IN_TIME, server).await.expect("it ends in time").unwrap();
}

#[tokio::test]
async fn a_sink_without_room_and_one_that_is_broken_refuse_in_their_own_words() {
    let sink = HandSink::new();
    let house = house_with(&sink).await;
    let mut broken = Vec::new();
    for (why, retry_after, code) in
        [(NoPlace::Full, "2", "overloaded"), (NoPlace::Broken, "30", "records_unavailable")]
    {
        sink.refuse(why);
        broken.clear();
        for path in [CHAT, "/v1/messages", GEMINI] {
            let refused = reply(ask(&house, path, r#"{"model":"chat"}"#)).await;
            assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(refused.header("retry-after"), Some(retry_after));
            broken.push(refused.text().to_owned());
        }
        assert!(broken[0].contains(&format!(r#""code":"{code}""#)), "{broken:?}");
        let label = format!(r#"tollgate_gateway_requests_total{{outcome="{code}"}}"#);
        assert_eq!(house.metric(&label), Some(3));
        // The guards before it come first all the same.
        assert_eq!(house.chat(crate::house::BROKE, "chat").await.status, StatusCode::PAYMENT_REQUIRED);
    }
    insta::assert_snapshot!(broken.join("\n"), @r#"
    {"error":{"code":"records_unavailable","message":"The gateway cannot keep the records of what it serves, so it serves nothing. Its operator finds the reason in its log.","param":null,"type":"server_error"}}
    {"error":{"message":"The gateway cannot keep the records of what it serves, so it serves nothing. Its operator finds the reason in its log.","type":"overloaded_error"},"type":"error"}
    {"error":{"code":503,"message":"The gateway cannot keep the records of what it serves, so it serves nothing. Its operator finds the reason in its log.","status":"UNAVAILABLE"}}
    "#);
    assert_eq!(house.upstream.books(), []);
    assert_eq!(house.metric("tollgate_gateway_admitted_total"), Some(0));
}
