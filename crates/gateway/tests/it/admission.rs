//! Each way of being refused, in its order and in the shape of each surface.

use http::{Method, Request, StatusCode};
use http_body_util::Full;
use insta::assert_snapshot;

use crate::house::{ALICE, BROKE, ENDED, ENDING, House, PLATFORM, Plan, REVOKED, chat_body, credits, user};

async fn refused(house: &House, path: &str, secret: &str, body: &str) -> String {
    let request = house.post(path, secret).body(Full::from(body.to_owned())).unwrap();
    let reply = house.send(request).await;
    format!("{} {}", reply.status.as_u16(), reply.text())
}

const GEMINI: &str = "/v1beta/models/chat:generateContent";

#[tokio::test]
async fn a_request_without_a_key_is_401() {
    let house = House::open().await;
    let request = Request::post(house.url("/v1/chat/completions")).body(chat_body("chat", "")).unwrap();
    let reply = house.send(request).await;
    assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert!(reply.header("x-request-id").is_some());
    assert_snapshot!(format!("{} {}", reply.status, reply.text()), @r#"401 Unauthorized {"error":{"code":"missing_api_key","message":"No API key was given. Send it as `Authorization: Bearer …`, `x-api-key`, `api-key` or `x-goog-api-key`.","param":null,"type":"invalid_request_error"}}"#);
    assert_eq!(house.metric(r#"tollgate_gateway_requests_total{outcome="missing_api_key"}"#), Some(1));
}

#[tokio::test]
async fn an_unknown_key_is_401_in_every_shape() {
    let house = House::open().await;
    let body = r#"{"model":"chat"}"#;
    assert_snapshot!(refused(&house, "/v1/chat/completions", "tg-nobody", body).await, @r#"401 {"error":{"code":"invalid_api_key","message":"The API key is not valid: it does not exist or has been revoked.","param":null,"type":"invalid_request_error"}}"#);
    assert_snapshot!(refused(&house, "/v1/messages", "tg-nobody", body).await, @r#"401 {"error":{"message":"The API key is not valid: it does not exist or has been revoked.","type":"authentication_error"},"type":"error"}"#);
    assert_snapshot!(refused(&house, GEMINI, "tg-nobody", "{}").await, @r#"401 {"error":{"code":401,"message":"The API key is not valid: it does not exist or has been revoked.","status":"UNAUTHENTICATED"}}"#);
    assert_eq!(house.metric(r#"tollgate_gateway_requests_total{outcome="invalid_api_key"}"#), Some(3));
}

#[tokio::test]
async fn a_revoked_key_is_as_unknown_as_any_other() {
    let house = House::open().await;
    let unknown = refused(&house, "/v1/chat/completions", "tg-nobody", "{}").await;
    assert_eq!(refused(&house, "/v1/chat/completions", REVOKED, "{}").await, unknown);
}

#[tokio::test]
async fn a_replaced_key_is_admitted_until_its_overlap_is_over() {
    let house = House::open().await;
    let unknown = refused(&house, "/v1/chat/completions", "tg-nobody", "{}").await;
    assert_eq!(refused(&house, "/v1/chat/completions", ENDED, "{}").await, unknown);
    assert_eq!(house.chat(ENDING, "chat").await.status, StatusCode::OK);
}

#[tokio::test]
async fn two_different_keys_are_401_and_one_key_twice_is_one_key() {
    let house = House::open().await;
    let twice = |second: &str| {
        house
            .post("/v1/chat/completions", ALICE)
            .header("x-api-key", second)
            .body(chat_body("chat", ""))
            .unwrap()
    };
    let reply = house.send(twice(BROKE)).await;
    assert_snapshot!(format!("{} {}", reply.status, reply.text()), @r#"401 Unauthorized {"error":{"code":"conflicting_api_keys","message":"The request carries two different API keys. Send one.","param":null,"type":"invalid_request_error"}}"#);
    assert_eq!(house.send(twice(ALICE)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_platform_key_is_403_in_every_shape() {
    let house = House::open().await;
    let body = r#"{"model":"chat"}"#;
    assert_snapshot!(refused(&house, "/v1/chat/completions", PLATFORM, body).await, @r#"403 {"error":{"code":"platform_key","message":"This is a platform key: it manages the platform and calls no model. Use a key for realtime, batch or playground use.","param":null,"type":"permission_error"}}"#);
    assert_snapshot!(refused(&house, "/v1/messages", PLATFORM, body).await, @r#"403 {"error":{"message":"This is a platform key: it manages the platform and calls no model. Use a key for realtime, batch or playground use.","type":"permission_error"},"type":"error"}"#);
    assert_snapshot!(refused(&house, GEMINI, PLATFORM, "{}").await, @r#"403 {"error":{"code":403,"message":"This is a platform key: it manages the platform and calls no model. Use a key for realtime, batch or playground use.","status":"PERMISSION_DENIED"}}"#);
}

#[tokio::test]
async fn an_unknown_model_is_404_in_every_shape() {
    let house = House::open().await;
    let body = r#"{"model":"nothing"}"#;
    assert_snapshot!(refused(&house, "/v1/chat/completions", ALICE, body).await, @r#"404 {"error":{"code":"model_not_found","message":"The model `nothing` does not exist here. `GET /v1/models` lists those that do.","param":null,"type":"invalid_request_error"}}"#);
    assert_snapshot!(refused(&house, "/v1/responses", ALICE, body).await, @r#"404 {"error":{"code":"model_not_found","message":"The model `nothing` does not exist here. `GET /v1/models` lists those that do.","param":null,"type":"invalid_request_error"}}"#);
    assert_snapshot!(refused(&house, "/v1/messages", ALICE, body).await, @r#"404 {"error":{"message":"The model `nothing` does not exist here. `GET /v1/models` lists those that do.","type":"not_found_error"},"type":"error"}"#);
    assert_snapshot!(refused(&house, "/v1beta/models/nothing:generateContent", ALICE, "{}").await, @r#"404 {"error":{"code":404,"message":"The model `nothing` does not exist here. `GET /v1/models` lists those that do.","status":"NOT_FOUND"}}"#);
}

#[tokio::test]
async fn an_unknown_route_is_404_and_only_for_those_with_a_key() {
    let house = House::open().await;
    assert_snapshot!(refused(&house, "/v1/threads", ALICE, "{}").await, @r#"404 {"error":{"code":"unknown_route","message":"There is no such route. See the documentation for the paths that this gateway serves.","param":null,"type":"invalid_request_error"}}"#);
    assert_snapshot!(refused(&house, "/v1beta/models/chat:countTokens", ALICE, "{}").await, @r#"404 {"error":{"code":404,"message":"There is no such route. See the documentation for the paths that this gateway serves.","status":"NOT_FOUND"}}"#);
    assert!(refused(&house, "/v1/threads", "tg-nobody", "{}").await.starts_with("401"));
}

#[tokio::test]
async fn an_empty_balance_is_402_in_every_shape_and_says_what_to_do() {
    let house = House::open().await;
    let body = r#"{"model":"chat"}"#;
    assert_snapshot!(refused(&house, "/v1/chat/completions", BROKE, body).await, @r#"402 {"error":{"code":"insufficient_credits","message":"Insufficient credits: the balance is 0. Add credits to this account to go on.","param":null,"type":"insufficient_quota"}}"#);
    assert_snapshot!(refused(&house, "/v1/messages", BROKE, body).await, @r#"402 {"error":{"message":"Insufficient credits: the balance is 0. Add credits to this account to go on.","type":"billing_error"},"type":"error"}"#);
    assert_snapshot!(refused(&house, GEMINI, BROKE, "{}").await, @r#"402 {"error":{"code":402,"message":"Insufficient credits: the balance is 0. Add credits to this account to go on.","status":"FAILED_PRECONDITION"}}"#);
    assert_eq!(house.metric(r#"tollgate_gateway_requests_total{outcome="insufficient_credits"}"#), Some(3));
}

#[tokio::test]
async fn an_empty_balance_may_use_a_free_model_and_no_unpriced_one() {
    let house = House::open().await;
    assert_eq!(house.chat(BROKE, "free").await.status, StatusCode::OK);
    assert_eq!(house.chat(BROKE, "unpriced").await.status, StatusCode::PAYMENT_REQUIRED);
}

#[tokio::test]
async fn the_order_is_key_then_model_then_balance_then_size_then_room() {
    let mut plan = Plan { capacity: 0, ..Plan::default() };
    plan.config.max_body_bytes = 100;
    let house = House::open_with(plan).await;
    let (small, large) = (String::new(), "x".repeat(200));
    let body = |model: &str, pad: &str| format!(r#"{{"model":"{model}","pad":"{pad}"}}"#);
    let status = async |secret, body: String| {
        let answer = refused(&house, "/v1/chat/completions", secret, &body).await;
        answer.split(' ').next().unwrap().to_owned()
    };
    assert_eq!(status("tg-nobody", body("nothing", &large)).await, "401");
    assert_eq!(status(BROKE, body("nothing", &large)).await, "404");
    assert_eq!(status(BROKE, body("chat", &large)).await, "402");
    assert_eq!(status(ALICE, body("chat", &large)).await, "413");
    assert_eq!(status(ALICE, body("chat", &small)).await, "503");
}

#[tokio::test]
async fn a_body_too_large_is_413_in_every_shape() {
    let mut plan = Plan::default();
    plan.config.max_body_bytes = 64;
    let house = House::open_with(plan).await;
    let body = format!(r#"{{"model":"chat","pad":"{}"}}"#, "x".repeat(100));
    assert_snapshot!(refused(&house, "/v1/chat/completions", ALICE, &body).await, @r#"413 {"error":{"code":"body_too_large","message":"The request body is larger than 64 bytes.","param":null,"type":"invalid_request_error"}}"#);
    assert_snapshot!(refused(&house, "/v1/messages", ALICE, &body).await, @r#"413 {"error":{"message":"The request body is larger than 64 bytes.","type":"request_too_large"},"type":"error"}"#);
    assert_snapshot!(refused(&house, GEMINI, ALICE, &body).await, @r#"413 {"error":{"code":413,"message":"The request body is larger than 64 bytes.","status":"INVALID_ARGUMENT"}}"#);
}

#[tokio::test]
async fn no_room_for_a_record_is_503_with_retry_after() {
    let house = House::open_with(Plan { capacity: 0, ..Plan::default() }).await;
    let reply = house.chat(ALICE, "chat").await;
    assert_eq!(reply.header("retry-after"), Some("2"));
    assert_snapshot!(format!("{} {}", reply.status, reply.text()), @r#"503 Service Unavailable {"error":{"code":"overloaded","message":"The gateway is at its limit of requests in flight. Try again in a moment.","param":null,"type":"server_error"}}"#);
    let body = r#"{"model":"chat"}"#;
    assert_snapshot!(refused(&house, "/v1/messages", ALICE, body).await, @r#"503 {"error":{"message":"The gateway is at its limit of requests in flight. Try again in a moment.","type":"overloaded_error"},"type":"error"}"#);
    assert_snapshot!(refused(&house, GEMINI, ALICE, "{}").await, @r#"503 {"error":{"code":503,"message":"The gateway is at its limit of requests in flight. Try again in a moment.","status":"UNAVAILABLE"}}"#);
}

#[tokio::test]
async fn other_methods_are_405_and_say_which_one_is_right() {
    let house = House::open().await;
    for (method, path, allow) in [
        (Method::OPTIONS, "/v1/chat/completions", "POST"),
        (Method::GET, "/v1/messages", "POST"),
        (Method::HEAD, "/v1/models", "GET"),
        (Method::DELETE, "/v1/models", "GET"),
        (Method::OPTIONS, "/v1/elsewhere", "GET, POST, PUT, PATCH, DELETE"),
    ] {
        let request = Request::builder().method(method).uri(house.url(path)).body(Full::default()).unwrap();
        let reply = house.send(request).await;
        assert_eq!((reply.status, reply.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, Some(allow)));
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_400_and_says_why() {
    let house = House::open().await;
    for (path, body) in [
        ("/v1/chat/completions", ""),
        ("/v1/chat/completions", "{"),
        ("/v1/chat/completions", r#"{"messages":[]}"#),
        ("/v1/chat/completions", r#"{"model":"chat","model":"free"}"#),
        ("/v1/responses", r#"{"model":"chat","background":true}"#),
    ] {
        let answer = refused(&house, path, ALICE, body).await;
        assert!(answer.starts_with("400 "), "{body}: {answer}");
    }
    assert_snapshot!(refused(&house, "/v1/responses", ALICE, r#"{"model":"chat","background":true}"#).await, @r#"400 {"error":{"code":"background_not_supported","message":"\"background\": true is not supported: leave it out and stream the response instead.","param":null,"type":"invalid_request_error"}}"#);
    let packed = house.post("/v1/chat/completions", ALICE).header("content-encoding", "gzip");
    let reply = house.send(packed.body(chat_body("chat", "")).unwrap()).await;
    assert_eq!(reply.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn nothing_that_is_refused_is_recorded_or_reaches_the_upstream() {
    let house = House::open().await;
    for (secret, body) in [
        ("tg-nobody", r#"{"model":"chat"}"#),
        (PLATFORM, r#"{"model":"chat"}"#),
        (ALICE, r#"{"model":"nothing"}"#),
        (BROKE, r#"{"model":"chat"}"#),
        (ALICE, "not JSON"),
    ] {
        refused(&house, "/v1/chat/completions", secret, body).await;
    }
    assert_eq!(house.sink.all(), []);
    assert_eq!(house.upstream.books(), []);
    assert_eq!(house.metric("tollgate_gateway_admitted_total"), Some(0));
}

#[tokio::test]
async fn a_balance_that_reaches_zero_refuses_the_next_request_at_once() {
    let house = House::open().await;
    // 1,000,000 tokens at 0.00001 are all of the ten credits.
    house.upstream.next(tollgate_testkit::upstream::Script::tokens(1_000_000, 0));
    let reply = house.chat(ALICE, "chat").await;
    assert_eq!((reply.status, reply.header("x-tollgate-cost")), (StatusCode::OK, Some("10")));
    assert_eq!(house.view.available(user("alice")), credits("0"));
    assert_eq!(house.view.pending(), credits("10"));
    assert_eq!(house.chat(ALICE, "chat").await.status, StatusCode::PAYMENT_REQUIRED);
    assert_eq!(house.sink.all().len(), 1);
}
