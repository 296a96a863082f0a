//! Whether an upstream can be reached and takes its credential, told without a request that anybody pays for.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tollgate_domain::Network;
use tollgate_gateway::view::{AuthStyle, EndpointEntry, OnDisconnect, OnMissingUsage};
use tollgate_gateway::{GatewayConfig, UpstreamCheck, UpstreamState};

use crate::house::{House, Plan, raw_upstream};

const SECRET: &str = "sk-of-the-upstream";

fn entry(base_url: String) -> EndpointEntry {
    EndpointEntry {
        id: uuid::Uuid::new_v4().to_string().parse().unwrap(),
        name: "up".to_owned(),
        base_url,
        provider_name: None,
        auth_style: AuthStyle::Bearer,
        secret: Some(SECRET.into()),
        inject_usage: true,
        on_disconnect: OnDisconnect::Drain,
        on_missing_usage: OnMissingUsage::Estimate,
        path_templates: std::collections::BTreeMap::new(),
        pass_through_paths: Vec::new(),
        public_only: false,
    }
}

fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn check_of(raw: &str) -> UpstreamCheck {
    let house = House::open().await;
    let found = house.gateway.check_upstream(entry(raw_upstream(raw).await)).await;
    assert!(house.sink.all().is_empty(), "nothing is recorded");
    found
}

#[tokio::test]
async fn an_upstream_that_lists_its_models_is_well() {
    let found = check_of(&answer("200 OK", r#"{"object":"list","data":[{"id":"a"},{"id":"b"}]}"#)).await;
    assert_eq!((found.state, found.status, found.models), (UpstreamState::Well, Some(200), Some(2)));
    assert_eq!((found.asked.as_deref(), found.said), (Some("GET /v1/models"), None));
    assert!(found.latency > Duration::ZERO);
}

#[tokio::test]
async fn a_credential_that_is_refused_is_told_in_the_upstreams_first_words_without_it() {
    let refusal = r#"{"error":{"message":"Incorrect API key provided","code":"invalid_api_key"}}"#;
    let found = check_of(&answer("401 Unauthorized", refusal)).await;
    assert_eq!((found.state, found.status), (UpstreamState::CredentialRefused, Some(401)));
    assert_eq!(found.said.as_deref(), Some("Incorrect API key provided"));
    let echo = format!(r#"{{"error":{{"message":"{SECRET} is no key"}}}}"#);
    assert_eq!(check_of(&answer("401 Unauthorized", &echo)).await.said, None);
}

#[tokio::test]
async fn what_is_no_api_is_told_from_one_that_fails_and_a_redirection_is_not_followed() {
    let page = check_of(&answer("200 OK", "<html>It works</html>")).await;
    assert_eq!((page.state, page.models), (UpstreamState::NoList, None));
    let failing = check_of(&answer("503 Service Unavailable", "{}")).await;
    assert_eq!(failing.state, UpstreamState::Failing);
    let inside = House::open().await;
    let away = format!(
        "HTTP/1.1 302 Found\r\nlocation: {}/v1/models\r\ncontent-length: 0\r\n\r\n",
        inside.upstream.base_url()
    );
    assert_eq!(check_of(&away).await.state, UpstreamState::NoList);
    assert!(inside.upstream.books().is_empty());
}

/// Answers whatever comes first as plain HTTP.
async fn speaks_no_tls() -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut hello = [0; 1];
            connection.read_exact(&mut hello).await.unwrap();
            connection.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn why_nothing_answered_is_told_apart() {
    let house = House::open().await;
    // A port that was free a moment ago.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let plain = speaks_no_tls().await;
    for (url, state) in [
        (format!("http://{closed}"), UpstreamState::Unreachable),
        ("http://no-such-name.invalid".to_owned(), UpstreamState::UnknownName),
        (format!("https://{plain}"), UpstreamState::TlsFailed),
        ("not a url".to_owned(), UpstreamState::Unusable),
    ] {
        let found = house.gateway.check_upstream(entry(url.clone())).await;
        assert_eq!((found.state, found.status), (state, None), "{url}");
    }
    assert!(check_of("").await.status.is_none());
}

#[tokio::test]
async fn an_endpoint_that_may_lead_to_public_addresses_alone_is_not_connected_to_elsewhere() {
    let there = raw_upstream(&answer("200 OK", r#"{"data":[]}"#)).await;
    let port = there.rsplit(':').next().unwrap();
    for (networks, state) in [
        (&["10.0.0.0/8"][..], UpstreamState::AddressRefused),
        (&["127.0.0.0/8", "::1/128"], UpstreamState::Well),
    ] {
        let networks: Vec<Network> = networks.iter().map(|text| text.parse().unwrap()).collect();
        let config = GatewayConfig { allowed_networks: networks.into(), ..GatewayConfig::default() };
        let house = House::open_with(Plan { config, ..Plan::default() }).await;
        for url in [there.clone(), format!("http://localhost:{port}")] {
            let guarded = EndpointEntry { public_only: true, ..entry(url.clone()) };
            assert_eq!(house.gateway.check_upstream(guarded).await.state, state, "{url}");
        }
    }
}
