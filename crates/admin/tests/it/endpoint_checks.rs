//! Checks of endpoints: who may make one, how often, and what is told of it. That a check is a real request past the guard of all others
//! is shown where gateways are tested.

use std::sync::{Arc, Mutex};

use jiff::SignedDuration;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tollgate_admin::{EndpointChecked, EndpointState, UpstreamCheck};
use tollgate_domain::Clock;
use tollgate_store::snapshot::ConfigEndpoint;

use crate::house::{House, Reply, Tenant};

const SECRET: &str = "sk-of-the-upstream";

/// A gateway that answers this, and what it was asked to check.
fn gateway(answer: EndpointChecked) -> (UpstreamCheck, Arc<Mutex<Vec<ConfigEndpoint>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&asked);
    let check: UpstreamCheck = Arc::new(move |endpoint| {
        kept.lock().unwrap().push(endpoint);
        let answer = answer.clone();
        Box::pin(async move { answer })
    });
    (check, asked)
}

fn found(state: EndpointState) -> EndpointChecked {
    EndpointChecked {
        state,
        asked: Some("GET /v1/models".to_owned()),
        status: None,
        latency_ms: 12,
        models: None,
        said: None,
    }
}

async fn endpoint(house: &House, manager: &Tenant) -> String {
    let new = json!({ "name": "up", "base_url": "https://up.test", "credential": SECRET });
    let made = house.post(&manager.key, "/admin/api/v1/endpoints", &new).await.ok();
    format!("/admin/api/v1/endpoints/{}/check", made["id"].as_str().unwrap())
}

fn later(house: &House, seconds: i64) {
    house.clock.set(house.clock.now().checked_add(SignedDuration::from_secs(seconds)).unwrap());
}

async fn check(house: &House, manager: &Tenant, path: &str) -> Reply {
    house.post(&manager.key, path, &Value::Null).await
}

#[tokio::test]
async fn a_check_asks_with_the_endpoints_own_credential_and_tells_nothing_of_it() {
    let house = House::open().await;
    let manager = house.manager().await;
    let path = endpoint(&house, &manager).await;
    let well = EndpointChecked { status: Some(200), models: Some(42), ..found(EndpointState::Well) };
    let (gateway, asked) = gateway(well);
    house.admin.check_endpoints_by(gateway);
    let reply = check(&house, &manager, &path).await.ok();
    assert_eq!(
        reply,
        json!({
            "state": "well", "detail": "It answers, and takes the credential.", "is_reached": true,
            "is_credential_accepted": true, "asked": "GET /v1/models", "status": 200, "latency_ms": 12, "models": 42, "said": null,
        })
    );
    let asked = asked.lock().unwrap();
    let secret = asked[0].secret.as_ref().map(|secret| secret.expose_secret().to_owned());
    assert_eq!((asked.len(), asked[0].endpoint.public_only, secret.as_deref()), (1, true, Some(SECRET)));
}

#[tokio::test]
async fn an_endpoint_that_is_not_well_is_an_answer_in_plain_words() {
    for (state, status, is_accepted, words) in [
        (EndpointState::CredentialRefused, Some(401), json!(false), "refuses the credential"),
        (EndpointState::AddressRefused, None, Value::Null, "admin.allowed_networks"),
        (EndpointState::UnknownName, None, Value::Null, "spelling"),
        (EndpointState::TimedOut, None, Value::Null, "ten seconds"),
        (EndpointState::NoList, Some(404), Value::Null, "no list of models"),
    ] {
        let house = House::open().await;
        let manager = house.manager().await;
        let path = endpoint(&house, &manager).await;
        house.admin.check_endpoints_by(gateway(EndpointChecked { status, ..found(state) }).0);
        let reply = check(&house, &manager, &path).await.ok();
        assert!(reply["detail"].as_str().unwrap().contains(words), "{reply}");
        assert_eq!(
            (&reply["is_credential_accepted"], &reply["is_reached"]),
            (&is_accepted, &json!(status.is_some()))
        );
    }
}

#[tokio::test]
async fn endpoints_are_checked_so_often_in_a_minute_and_no_more() {
    let house = House::open().await;
    let manager = house.manager().await;
    let path = endpoint(&house, &manager).await;
    let (gateway, asked) = gateway(found(EndpointState::Well));
    house.admin.check_endpoints_by(gateway);
    for second in 0..20 {
        check(&house, &manager, &path).await.ok();
        if second == 9 {
            later(&house, 30);
        }
    }
    let refused = check(&house, &manager, &path).await;
    assert_eq!(refused.problem(), (429, "too_many_checks".to_owned()));
    assert_eq!(refused.headers["retry-after"], "31");
    later(&house, 30);
    for _ in 0..10 {
        check(&house, &manager, &path).await.ok();
    }
    assert_eq!(check(&house, &manager, &path).await.status, 429);
    // A clock that is set back shuts nobody out.
    let past = house.clock.now().checked_sub(SignedDuration::from_hours(1)).unwrap();
    house.clock.set(past);
    check(&house, &manager, &path).await.ok();
    assert_eq!(asked.lock().unwrap().len(), 31);
}

#[tokio::test]
async fn without_a_gateway_nothing_is_checked_and_what_is_not_there_is_404() {
    let house = House::open().await;
    let manager = house.manager().await;
    let path = endpoint(&house, &manager).await;
    assert_eq!(check(&house, &manager, &path).await.problem(), (409, "conflict".to_owned()));
    let (gateway, asked) = gateway(found(EndpointState::Well));
    house.admin.check_endpoints_by(gateway);
    let nowhere = "/admin/api/v1/endpoints/00000000-0000-4000-8000-000000000000/check";
    assert_eq!(check(&house, &manager, nowhere).await.problem().0, 404);
    assert!(asked.lock().unwrap().is_empty());
}
