//! Batch metadata: believed from a trusted key, ignored from every other.

use http::StatusCode;
use tollgate_domain::Batch;
use tollgate_testkit::upstream::Script;

use crate::house::{ALICE, House, RUNNER, chat_body, credits, user};

const HEADERS: [(&str, &str); 6] = [
    ("x-tollgate-batch-id", "01890a5d-ac96-774b-bcce-b302099a8057"),
    ("x-tollgate-batch-request-id", "01890a5d-ac96-774b-bcce-b302099a8058"),
    ("x-tollgate-custom-id", "line 7, für mich"),
    ("x-tollgate-batch-completion-window", "24h"),
    ("x-tollgate-batch-created-at", "2026-02-28T12:00:00.5Z"),
    ("x-tollgate-batch-request-source", "api"),
];

async fn send(house: &House, secret: &str, headers: &[(&str, &str)]) -> crate::house::Reply {
    let mut request = house.post("/v1/chat/completions", secret);
    for (name, value) in headers {
        request = request.header(*name, http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    house.send(request.body(chat_body("chat", "")).unwrap()).await
}

#[tokio::test]
async fn a_trusted_runners_batch_is_recorded_and_decides_the_price() {
    let house = House::open().await;
    house.upstream.usually(Script::tokens(1000, 500));
    let reply = send(&house, RUNNER, &HEADERS).await;
    // Half the realtime price, by the tariff of the window.
    assert_eq!(reply.header("x-tollgate-cost"), Some("0.0125"));
    let batch = house.sink.one().await.batch;
    let expected = Batch {
        batch_id: Some(HEADERS[0].1.parse().unwrap()),
        batch_request_id: Some(HEADERS[1].1.parse().unwrap()),
        custom_id: Some("line 7, für mich".to_owned()),
        batch_completion_window: Some("24h".to_owned()),
        batch_created_at: Some(HEADERS[4].1.parse().unwrap()),
        batch_request_source: Some("api".to_owned()),
    };
    assert_eq!(batch, expected);
    assert_eq!(house.view.available(user("runner")), credits("9.9875"));
}

#[tokio::test]
async fn seconds_since_1970_are_a_time_too() {
    let house = House::open().await;
    send(&house, RUNNER, &[("x-tollgate-batch-created-at", "1772280000")]).await;
    let created_at = house.sink.one().await.batch.batch_created_at;
    assert_eq!(created_at, Some("2026-02-28T12:00:00Z".parse().unwrap()));
}

#[tokio::test]
async fn from_an_untrusted_key_they_do_not_exist() {
    let house = House::open().await;
    house.upstream.usually(Script::tokens(1000, 500));
    let reply = send(&house, ALICE, &HEADERS).await;
    assert_eq!(reply.header("x-tollgate-cost"), Some("0.025"));
    assert_eq!(house.sink.one().await.batch, Batch::default());
    // Not even malformed.
    assert_eq!(send(&house, ALICE, &[("x-tollgate-batch-id", "nonsense")]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_malformed_one_is_400_and_named() {
    let house = House::open().await;
    for (name, value) in [
        ("x-tollgate-batch-id", "nonsense"),
        ("x-tollgate-batch-request-id", ""),
        ("x-tollgate-batch-completion-window", "a window"),
        ("x-tollgate-batch-created-at", "yesterday"),
        ("x-tollgate-batch-request-source", "a/b"),
        ("x-tollgate-custom-id", ""),
    ] {
        let reply = send(&house, RUNNER, &[(name, value)]).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST);
        assert!(reply.text().contains(name), "{}", reply.text());
    }
    let twice = [HEADERS[3], ("x-tollgate-batch-completion-window", "1h")];
    assert!(send(&house, RUNNER, &twice).await.text().contains("is given twice"));
    assert_eq!(house.sink.all(), []);
}
