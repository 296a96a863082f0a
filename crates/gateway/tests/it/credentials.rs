//! Where a key may stand, and that none ever reaches an upstream.

use http::{Request, StatusCode};
use http_body_util::Full;
use tollgate_gateway::view::AuthStyle;

use crate::house::{ALICE, House, Plan, RUNNER, UPSTREAM_SECRET, chat_body};

/// Every spelling of a key that is accepted: headers, and a path with its query.
fn spellings() -> Vec<(Vec<(&'static str, String)>, String)> {
    let path = "/v1/chat/completions".to_owned();
    let header = |name, value: String| (vec![(name, value)], path.clone());
    vec![
        header("authorization", format!("Bearer {ALICE}")),
        header("Authorization", format!("bearer   {ALICE} ")),
        header("X-API-Key", ALICE.to_owned()),
        header("api-key", ALICE.to_owned()),
        header("x-goog-api-key", ALICE.to_owned()),
        (vec![], format!("{path}?key={ALICE}&alt=json")),
        (vec![], format!("{path}?alt=json&%6b%65y={}", ALICE.replace('-', "%2D"))),
        (vec![("x-api-key", ALICE.to_owned()), ("api-key", ALICE.to_owned())], format!("{path}?key={ALICE}")),
    ]
}

#[tokio::test]
async fn a_key_is_accepted_in_every_spelling_and_reaches_no_upstream() {
    let house = House::open().await;
    house.upstream.set_canary(ALICE);
    let spellings = spellings();
    for (headers, path) in &spellings {
        let mut request = Request::post(house.url(path));
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let reply = house.send(request.body(chat_body("chat", "")).unwrap()).await;
        assert_eq!(reply.status, StatusCode::OK, "{headers:?} {path}");
    }
    for entry in house.upstream.settled(spellings.len()).await {
        assert!(!entry.canary_seen, "{:?} {}", entry.headers, entry.uri);
        assert!(!entry.uri.contains("key") && !entry.uri.contains("%6b"), "{}", entry.uri);
        for name in ["x-api-key", "api-key", "x-goog-api-key", "proxy-authorization"] {
            assert_eq!(entry.header(name), None);
        }
        assert_eq!(entry.header("authorization"), Some(format!("Bearer {UPSTREAM_SECRET}").as_str()));
    }
}

#[tokio::test]
async fn a_key_that_hides_elsewhere_or_is_someone_elses_is_removed_as_well() {
    let house = House::open().await;
    let request = house
        .post(
            &format!("/v1/chat/completions?access_token=other&api_key=x&q=a;key=other&note={ALICE}&keep=1"),
            ALICE,
        )
        .header("proxy-authorization", "Basic abc")
        .header("x-note", format!("my key is {ALICE}"))
        .header("referer", format!("https://a.example/?key={ALICE}"))
        .body(chat_body("chat", ""))
        .unwrap();
    house.upstream.set_canary(ALICE);
    assert_eq!(house.send(request).await.status, StatusCode::OK);
    let books = house.upstream.settled(1).await;
    assert!(!books[0].canary_seen, "{:?} {}", books[0].headers, books[0].uri);
    assert_eq!(books[0].uri, "/v1/chat/completions?keep=1");
    assert_eq!((books[0].header("x-note"), books[0].header("proxy-authorization")), (None, None));
}

#[tokio::test]
async fn an_upstream_gets_its_own_credential_the_way_it_wants() {
    for (change, name, value) in [
        (style(AuthStyle::XApiKey), "x-api-key", UPSTREAM_SECRET),
        (style(AuthStyle::ApiKey), "api-key", UPSTREAM_SECRET),
        (style(AuthStyle::XGoogApiKey), "x-goog-api-key", UPSTREAM_SECRET),
    ] {
        let house = House::open_with(Plan { endpoint: change, ..Plan::default() }).await;
        assert_eq!(house.chat(ALICE, "chat").await.status, StatusCode::OK);
        let books = house.upstream.settled(1).await;
        assert_eq!((books[0].header(name), books[0].header("authorization")), (Some(value), None));
    }
    let house = House::open_with(Plan { endpoint: style(AuthStyle::None), ..Plan::default() }).await;
    assert_eq!(house.chat(ALICE, "chat").await.status, StatusCode::OK);
    let entry = house.upstream.settled(1).await.remove(0);
    assert!(entry.headers.iter().all(|(_, value)| !value.contains(UPSTREAM_SECRET)));
}

fn style(style: AuthStyle) -> fn(&mut tollgate_gateway::view::EndpointEntry) {
    match style {
        AuthStyle::Bearer => |endpoint| endpoint.auth_style = AuthStyle::Bearer,
        AuthStyle::XApiKey => |endpoint| endpoint.auth_style = AuthStyle::XApiKey,
        AuthStyle::ApiKey => |endpoint| endpoint.auth_style = AuthStyle::ApiKey,
        AuthStyle::XGoogApiKey => |endpoint| endpoint.auth_style = AuthStyle::XGoogApiKey,
        AuthStyle::None => |endpoint| endpoint.auth_style = AuthStyle::None,
    }
}

#[tokio::test]
async fn our_own_headers_reach_no_upstream_from_anyone() {
    let house = House::open().await;
    for secret in [ALICE, RUNNER] {
        let request = house
            .post("/v1/chat/completions", secret)
            .header("x-tollgate-custom-id", "mine")
            .header("X-Tollgate-Anything", "1")
            .body(chat_body("chat", ""))
            .unwrap();
        assert_eq!(house.send(request).await.status, StatusCode::OK);
    }
    for entry in house.upstream.settled(2).await {
        assert!(
            entry.headers.iter().all(|(name, _)| !name.starts_with("x-tollgate-")),
            "{:?}",
            entry.headers
        );
    }
}

#[tokio::test]
async fn no_answer_of_ours_repeats_a_key() {
    let house = House::open().await;
    for path in ["/v1/chat/completions", "/v1/messages", "/v1beta/models/chat:generateContent"] {
        let request =
            Request::post(house.url(&format!("{path}?key=tg-canary"))).body(Full::default()).unwrap();
        let reply = house.send(request).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
        assert!(!reply.text().contains("canary") && !format!("{:?}", reply.headers).contains("canary"));
    }
}
