//! Endpoints that may lead to the public internet and to opened networks alone.

use http::StatusCode;
use tollgate_domain::{Network, Outcome};
use tollgate_gateway::GatewayConfig;

use crate::house::{ALICE, House, Plan, raw_upstream};

fn guarded(networks: &[&str]) -> Plan {
    let networks: Vec<Network> = networks.iter().map(|text| text.parse().unwrap()).collect();
    Plan {
        config: GatewayConfig { allowed_networks: networks.into(), ..GatewayConfig::default() },
        endpoint: |endpoint| endpoint.public_only = true,
        ..Plan::default()
    }
}

#[tokio::test]
async fn an_endpoint_that_leads_to_loopback_is_not_connected_to_and_its_request_is_recorded_as_failed() {
    // The scripted upstream listens on 127.0.0.1: it is there, and would answer.
    let house = House::open_with(guarded(&["10.0.0.0/8"])).await;
    let reply = house.chat(ALICE, "chat").await;
    assert_eq!(reply.status, StatusCode::BAD_GATEWAY, "{}", reply.text());
    assert_eq!(reply.json()["error"]["code"], "upstream_unreachable");
    // What the gateway knows of its network is for its log.
    assert!(!reply.text().contains("127.0.0.1"), "{}", reply.text());
    assert_eq!(house.sink.one().await.outcome, Outcome::Failed);
    assert!(house.upstream.books().is_empty());
}

#[tokio::test]
async fn a_network_that_the_operator_has_opened_is_connected_to() {
    let house = House::open_with(guarded(&["127.0.0.0/8"])).await;
    assert_eq!(house.chat(ALICE, "chat").await.status, StatusCode::OK);
    house.upstream.settled(1).await;
}

#[tokio::test]
async fn a_redirection_to_where_it_may_not_lead_is_passed_on_and_not_followed() {
    let inside = House::open().await;
    let raw = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: {}/v1/chat/completions\r\ncontent-length: 0\r\n\r\n",
        inside.upstream.base_url()
    );
    let base_url = Some(raw_upstream(&raw).await);
    let house = House::open_with(Plan { base_url, ..guarded(&["127.0.0.0/8"]) }).await;
    let reply = house.chat(ALICE, "chat").await;
    assert_eq!(reply.status, StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(house.sink.one().await.status_code, 307);
    assert!(inside.upstream.books().is_empty());
}
