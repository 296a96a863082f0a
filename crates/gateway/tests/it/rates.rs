//! Limits of requests and tokens a minute, of requests at once, and of money, as clients meet them.

use std::time::{Duration, Instant};

use http::StatusCode;
use insta::assert_snapshot;
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;
use tollgate_domain::utc_day;
use tollgate_gateway::limit::{Caps, Limits, Rates, Subject};
use tollgate_gateway::view::SpendingUpdate;
use tollgate_testkit::upstream::Script;

use crate::house::{
    ALICE, House, NOW, Plan, RUNNER, Reply, chat_body, credits, key_id, read, read_request, user,
};

const MESSAGES: &str = "/v1/messages";
const GEMINI: &str = "/v1beta/models/chat:generateContent";
const STREAM: &str = r#","stream":true"#;

fn rates(rates: Rates) -> Limits {
    Limits { rates, ..Limits::default() }
}

fn requests(limit: u32) -> Limits {
    rates(Rates { requests_per_minute: Some(limit), ..Rates::default() })
}

fn tokens(limit: u64) -> Limits {
    rates(Rates { tokens_per_minute: Some(limit), ..Rates::default() })
}

fn at_once(limit: u32) -> Limits {
    rates(Rates { concurrent_requests: Some(limit), ..Rates::default() })
}

async fn post(house: &House, path: &str, body: &str) -> Reply {
    house.send(house.post(path, ALICE).body(body.to_owned().into()).unwrap()).await
}

async fn chat_of_at_most(house: &House, max_tokens: u64) -> Reply {
    let body = chat_body("chat", &format!(r#","max_tokens":{max_tokens}"#));
    house.send(house.post("/v1/chat/completions", ALICE).body(body).unwrap()).await
}

#[tokio::test]
async fn beyond_its_requests_a_minute_a_key_is_429_in_every_shape_with_when_to_try_again() {
    let house = House::open().await;
    house.set_limits(|_| vec![(Subject::Key(key_id("alice")), requests(2))]);
    for remaining in ["1", "0"] {
        let reply = house.chat(ALICE, "chat").await;
        assert_eq!(reply.status, StatusCode::OK);
        assert_eq!(reply.header("x-ratelimit-limit-requests"), Some("2"));
        assert_eq!(reply.header("x-ratelimit-remaining-requests"), Some(remaining));
        assert!(reply.header("x-ratelimit-reset-requests").unwrap().ends_with('s'));
        assert_eq!(reply.header("x-ratelimit-limit-tokens"), None, "it has no such limit");
    }
    let reply = house.chat(ALICE, "chat").await;
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
    let seconds: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=30).contains(&seconds), "two a minute are one in half a minute: {seconds}");
    assert_eq!(reply.header("x-ratelimit-remaining-requests"), Some("0"));
    let error = &reply.json()["error"];
    assert_eq!((&error["code"], &error["type"]), (&"rate_limit_exceeded".into(), &"rate_limit_error".into()));
    let message = error["message"].as_str().unwrap();
    assert!(
        message.starts_with("Rate limit reached: this key may have 2 requests per minute. Try again in ")
    );

    let reply = post(&house, MESSAGES, r#"{"model":"chat","max_tokens":9,"messages":[]}"#).await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["type"]),
        (StatusCode::TOO_MANY_REQUESTS, &"rate_limit_error".into())
    );
    assert_eq!(reply.header("anthropic-ratelimit-requests-limit"), Some("2"));
    assert_eq!(reply.header("anthropic-ratelimit-requests-remaining"), Some("0"));
    // By the clock of the test, which stands at noon; all of it is there again within a minute.
    assert!(reply.header("anthropic-ratelimit-requests-reset").unwrap().starts_with("2026-03-01T12:0"));
    assert!(reply.header("retry-after").is_some() && reply.header("x-ratelimit-limit-requests").is_none());
    let reply = post(&house, GEMINI, "{}").await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["status"]),
        (StatusCode::TOO_MANY_REQUESTS, &"RESOURCE_EXHAUSTED".into())
    );

    assert_eq!(house.sink.all().len(), 2, "what was refused is not recorded");
    assert_eq!(
        house.metric(r#"tollgate_gateway_limited_requests_total{limit="requests_per_minute",of="key"}"#),
        Some(3)
    );
    assert_eq!(house.metric(r#"tollgate_gateway_requests_total{outcome="rate_limit_exceeded"}"#), Some(3));
    assert_eq!(house.metric("tollgate_gateway_limiter_entries"), Some(1));
}

#[tokio::test]
async fn a_key_without_limits_is_told_of_none_and_kept_no_count_of() {
    let house = House::open().await;
    house.set_limits(|_| vec![(Subject::Key(key_id("alice")), requests(1))]);
    let reply = house.chat(RUNNER, "chat").await;
    assert_eq!(reply.status, StatusCode::OK);
    let told = reply.headers.keys().any(|name| name.as_str().contains("ratelimit"));
    assert!(!told && house.metric("tollgate_gateway_limiter_entries") == Some(0), "{:?}", reply.headers);
}

#[tokio::test]
async fn who_has_a_cap_alone_is_not_counted_and_a_rate_that_is_put_on_later_begins_with_nothing_used() {
    let house = House::open().await;
    let caps = Caps { daily: Some(credits("1000")), ..Caps::default() };
    let capped = Limits { caps, ..Limits::default() };
    house.set_limits(|_| vec![(Subject::Key(key_id("alice")), capped)]);
    house.upstream.next(Script { prompt: Some(100_000), completion: Some(1), ..Script::default() });
    assert_eq!(house.chat(ALICE, "chat").await.status, StatusCode::OK);
    assert_eq!(house.metric("tollgate_gateway_limiter_entries"), Some(0));
    house.set_limits(|_| vec![(Subject::Key(key_id("alice")), Limits { caps, ..requests(10) })]);
    house.upstream.next(Script { prompt: Some(100_000), completion: Some(1), ..Script::default() });
    assert_eq!(house.chat(ALICE, "chat").await.status, StatusCode::OK);
    house.set_limits(|_| vec![(Subject::Key(key_id("alice")), Limits { caps, ..tokens(1_000) })]);
    let reply = house.chat(ALICE, "chat").await;
    assert_eq!((reply.status, reply.header("x-ratelimit-limit-tokens")), (StatusCode::OK, Some("1000")));
}

#[tokio::test]
async fn all_keys_of_a_user_and_all_users_of_a_model_share_its_limit() {
    let house = House::open().await;
    house.set_limits(|_| vec![(Subject::User(user("alice")), requests(1))]);
    assert_eq!(house.chat(ALICE, "chat").await.status, StatusCode::OK);
    assert_snapshot!(
        house.chat(ALICE, "free").await.text().split_once(" Try").unwrap().0,
        @r#"{"error":{"code":"rate_limit_exceeded","message":"Rate limit reached: this account may have 1 requests per minute."#
    );
    assert_eq!(house.chat(RUNNER, "chat").await.status, StatusCode::OK);

    house.set_limits(|config| {
        let chat = config.models.iter().find(|model| model.alias == "chat").unwrap();
        vec![(Subject::Model(chat.id), requests(1))]
    });
    assert_eq!(house.chat(RUNNER, "chat").await.status, StatusCode::OK);
    let refused = house.chat(ALICE, "chat").await;
    assert!(refused.text().contains("this model may have 1 requests per minute"), "{}", refused.text());
    assert_eq!(house.chat(ALICE, "free").await.status, StatusCode::OK);
}

#[tokio::test]
async fn tokens_are_taken_by_what_may_be_used_and_set_right_to_what_was() {
    let house = House::open().await;
    house.set_limits(|_| vec![(Subject::Key(key_id("alice")), tokens(10_000))]);
    house.upstream.next(Script { prompt: Some(100), completion: Some(50), ..Script::default() });
    let left = |reply: &Reply| reply.header("x-ratelimit-remaining-tokens").unwrap().parse::<u64>().unwrap();
    let reply = chat_of_at_most(&house, 9_000).await;
    assert_eq!(reply.header("x-ratelimit-limit-tokens"), Some("10000"));
    assert!((970..=1_000).contains(&left(&reply)), "9,000 and the prompt by its bytes: {}", left(&reply));
    // What was not used is there again: 150 were, and time brings these back.
    house.upstream.next(Script { prompt: Some(9_000), completion: Some(90_000), ..Script::default() });
    let reply = chat_of_at_most(&house, 800).await;
    assert!((9_000..=9_200).contains(&left(&reply)), "{}", left(&reply));
    // That one used more than it was taken for, and who comes next waits: eight minutes, which no test takes.
    let reply = chat_of_at_most(&house, 2_000).await;
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(reply.text().contains("this key may have 10000 tokens per minute"), "{}", reply.text());
}

#[tokio::test]
async fn a_request_that_asks_for_more_than_all_tokens_of_a_minute_passes_when_nothing_is_used() {
    let house = House::open().await;
    house.set_limits(|_| vec![(Subject::Key(key_id("alice")), tokens(1_000))]);
    house.upstream.next(Script { prompt: Some(1_000), completion: Some(9_000), ..Script::default() });
    assert_eq!(chat_of_at_most(&house, 128_000).await.status, StatusCode::OK);
    let reply = chat_of_at_most(&house, 128_000).await;
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
    // Ten times the limit were used, and all of it is to be there again.
    let seconds: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((300..=600).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn what_gemini_may_answer_is_taken_as_well() {
    for config in [
        r#"{"generationConfig":{"maxOutputTokens":400000,"responseSchema":{"maxOutputTokens":1}},"contents":[]}"#,
        r#"{"contents":[],"generation_config":{"max_output_tokens":400000}}"#,
    ] {
        let house = House::open().await;
        house.set_limits(|_| vec![(Subject::User(user("alice")), tokens(1_000_000))]);
        house.enrich("1000");
        let reply = post(&house, GEMINI, config).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
        let left: u64 = reply.header("x-ratelimit-remaining-tokens").unwrap().parse().unwrap();
        assert!((599_000..=600_000).contains(&left), "{left} after {config}");
    }
}

/// Streams until the test says that it ends.
const BEGINNING: &str = concat!(
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n",
    r#"data: {"id":"c","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":"hi"}}]}"#,
    "\n\n"
);
const END: &str = concat!(
    r#"data: {"id":"c","object":"chat.completion.chunk","model":"m","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#,
    "\n\ndata: [DONE]\n\n"
);

/// An upstream whose streams end once `true` is sent.
async fn upstream_that_ends_when_told() -> (String, watch::Sender<bool>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let told = watch::Sender::new(false);
    let tell = told.clone();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut told = told.subscribe();
            tokio::spawn(async move {
                read_request(&mut connection).await;
                connection.write_all(BEGINNING.as_bytes()).await?;
                drop(told.wait_for(|told| *told).await);
                connection.write_all(END.as_bytes()).await
            });
        }
    });
    (url, tell)
}

#[tokio::test]
async fn requests_at_once_are_limited_and_each_end_makes_room() {
    let (url, tell) = upstream_that_ends_when_told().await;
    let house = House::open_with(Plan { base_url: Some(url), ..Plan::default() }).await;
    house.set_limits(|_| vec![(Subject::Key(key_id("alice")), at_once(1))]);
    let stream = || house.post("/v1/chat/completions", ALICE).body(chat_body("chat", STREAM)).unwrap();
    let first = house.client.request(stream()).await.unwrap();
    assert_eq!(first.status(), StatusCode::OK);
    let second = house.chat(ALICE, "chat").await;
    assert_eq!(second.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(second.header("retry-after"), Some("1"));
    assert!(second.text().contains("this key may have 1 requests at once"), "{}", second.text());
    tell.send_replace(true);
    assert!(read(first).await.text().ends_with("data: [DONE]\n\n"));
    assert_eq!(house.send(stream()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_stream_counts_until_its_end_and_until_its_upstream_is_done_when_its_client_leaves() {
    let (url, tell) = upstream_that_ends_when_told().await;
    let house = House::open_with(Plan { base_url: Some(url), ..Plan::default() }).await;
    house.set_limits(|_| vec![(Subject::User(user("alice")), at_once(1))]);
    let stream = || house.post("/v1/chat/completions", ALICE).body(chat_body("chat", STREAM)).unwrap();
    let response = house.client.request(stream()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(house.chat(ALICE, "chat").await.status, StatusCode::TOO_MANY_REQUESTS);
    // It is read on to its usage without its client, and counts as long.
    drop(response);
    let deadline = Instant::now() + Duration::from_secs(30);
    while house.metric("tollgate_gateway_draining") != Some(1) {
        assert!(Instant::now() < deadline, "nobody saw that the client left");
        tokio::task::yield_now().await;
    }
    assert_eq!(house.chat(ALICE, "chat").await.status, StatusCode::TOO_MANY_REQUESTS);
    tell.send_replace(true);
    house.sink.wait_for(1).await;
    assert_eq!(house.send(stream()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_limit_that_changes_while_requests_run_counts_for_the_next_and_forgets_nothing() {
    let house = House::open().await;
    let set = |limit| house.set_limits(|_| vec![(Subject::Key(key_id("alice")), requests(limit))]);
    set(3);
    for _ in 0..3 {
        assert_eq!(house.chat(ALICE, "chat").await.status, StatusCode::OK);
    }
    assert_eq!(house.chat(ALICE, "chat").await.status, StatusCode::TOO_MANY_REQUESTS);
    set(5);
    let reply = house.chat(ALICE, "chat").await;
    assert_eq!((reply.status, reply.header("x-ratelimit-remaining-requests")), (StatusCode::OK, Some("1")));
    set(2);
    assert_eq!(house.chat(ALICE, "chat").await.status, StatusCode::TOO_MANY_REQUESTS);
    house.set_limits(|_| Vec::new());
    assert_eq!(house.chat(ALICE, "chat").await.status, StatusCode::OK);
}

#[tokio::test]
async fn limits_that_change_while_requests_run_count_those_that_run_and_give_back_what_they_took() {
    let (url, tell) = upstream_that_ends_when_told().await;
    let house = House::open_with(Plan { base_url: Some(url), ..Plan::default() }).await;
    let set = |concurrent_requests, tokens_per_minute| {
        let rates = Rates { concurrent_requests, tokens_per_minute, ..Rates::default() };
        house.set_limits(|_| vec![(Subject::Key(key_id("alice")), Limits { rates, ..Limits::default() })]);
    };
    let stream = || {
        let body = chat_body("chat", r#","stream":true,"max_tokens":6000"#);
        house.post("/v1/chat/completions", ALICE).body(body).unwrap()
    };
    set(Some(1), Some(20_000));
    let first = house.client.request(stream()).await.unwrap();
    assert_eq!(first.status(), StatusCode::OK);
    assert_eq!(house.send(stream()).await.status, StatusCode::TOO_MANY_REQUESTS);
    // Raised: the one that runs counts, and one more may come.
    set(Some(2), Some(20_000));
    let second = house.client.request(stream()).await.unwrap();
    assert_eq!(second.status(), StatusCode::OK);
    let refused = house.send(stream()).await;
    assert!(refused.text().contains("this key may have 2 requests at once"), "{}", refused.text());
    // Lowered below what runs: they go on, nobody else comes. Taken are 12,000 of 20,000 tokens, so 6,000 of 10,000.
    set(Some(1), Some(10_000));
    assert_eq!(house.send(stream()).await.status, StatusCode::TOO_MANY_REQUESTS);
    // Without a limit on how many run, that on tokens refuses.
    set(None, Some(10_000));
    let refused = house.send(stream()).await;
    assert!(refused.text().contains("this key may have 10000 tokens per minute"), "{}", refused.text());
    tell.send_replace(true);
    for running in [first, second] {
        assert!(read(running).await.text().ends_with("data: [DONE]\n\n"));
    }
    house.sink.wait_for(2).await;
    // Each used two, and gave back the rest; nothing runs any more.
    set(Some(1), Some(10_000));
    let last = house.send(stream()).await;
    assert_eq!(last.status, StatusCode::OK, "{}", last.text());
    let left: u64 = last.header("x-ratelimit-remaining-tokens").unwrap().parse().unwrap();
    assert!((3_900..=4_000).contains(&left), "{left}");
}

#[tokio::test]
async fn a_clock_that_is_set_back_or_forward_opens_no_rate_and_shuts_none() {
    let house = House::open().await;
    house.set_limits(|_| vec![(Subject::Key(key_id("alice")), requests(2))]);
    let now: jiff::Timestamp = NOW.parse().unwrap();
    assert_eq!(house.chat(ALICE, "chat").await.status, StatusCode::OK);
    house.clock.set(now - Duration::from_hours(1));
    assert_eq!(house.chat(ALICE, "chat").await.status, StatusCode::OK);
    for at in [now + Duration::from_hours(1), now - Duration::from_hours(25)] {
        house.clock.set(at);
        let refused = house.chat(ALICE, "chat").await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "at {at}");
        let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=30).contains(&seconds), "{seconds}");
    }
}

#[tokio::test]
async fn what_is_refused_for_want_of_room_takes_nothing_of_its_limits() {
    let house = House::open_with(Plan { capacity: 0, ..Plan::default() }).await;
    house.set_limits(|_| vec![(Subject::Key(key_id("alice")), requests(1))]);
    for _ in 0..3 {
        assert_eq!(house.chat(ALICE, "chat").await.status, StatusCode::SERVICE_UNAVAILABLE);
    }
}

#[tokio::test]
async fn a_spend_cap_is_402_in_every_shape_with_when_it_opens_again_and_what_is_free_passes() {
    let house = House::open().await;
    let caps = Caps { daily: Some(credits("1")), monthly: Some(credits("50")), ..Caps::default() };
    house.set_limits(|_| vec![(Subject::User(user("alice")), Limits { caps, ..Limits::default() })]);
    let today = utc_day(NOW.parse().unwrap());
    house.view.apply_spending(SpendingUpdate {
        full: true,
        spent: vec![(Subject::User(user("alice")), today, credits("1.5"))],
        committed_position: 0,
    });
    let reply = house.chat(ALICE, "chat").await;
    assert_eq!((reply.status, reply.header("retry-after")), (StatusCode::PAYMENT_REQUIRED, Some("43200")));
    assert_snapshot!(reply.text(), @r#"{"error":{"code":"spend_cap_reached","message":"Spend cap reached: this account may spend 1 credits a day (UTC) and has spent 1.5. It opens again at 2026-03-02T00:00:00Z.","param":null,"type":"insufficient_quota"}}"#);
    let reply = post(&house, MESSAGES, r#"{"model":"chat","max_tokens":9,"messages":[]}"#).await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["type"]),
        (StatusCode::PAYMENT_REQUIRED, &"billing_error".into())
    );
    let reply = post(&house, GEMINI, "{}").await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["status"]),
        (StatusCode::PAYMENT_REQUIRED, &"FAILED_PRECONDITION".into())
    );
    assert_eq!(house.chat(ALICE, "free").await.status, StatusCode::OK);
    assert_eq!(house.chat(RUNNER, "chat").await.status, StatusCode::OK);

    // Of two that are reached it says the one that opens last.
    house.view.apply_spending(SpendingUpdate {
        full: false,
        spent: vec![(Subject::User(user("alice")), today, credits("50"))],
        committed_position: 0,
    });
    let reply = house.chat(ALICE, "chat").await;
    assert!(
        reply
            .text()
            .contains("50 credits a month (UTC) and has spent 50. It opens again at 2026-04-01T00:00:00Z")
    );
    house.clock.set("2026-04-01T00:00:00Z".parse().unwrap());
    assert_eq!(house.chat(ALICE, "chat").await.status, StatusCode::OK);
    house.clock.set("2026-03-31T23:59:59Z".parse().unwrap());
    assert_eq!(house.chat(ALICE, "chat").await.header("retry-after"), Some("1"));
}
