//! A provider that fails keeps nobody waiting and nobody out who has a password.

use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::provider::Failure;
use super::{Stage, cookies, refusal, session};
use crate::house::start;

#[tokio::test]
async fn a_provider_that_fails_is_told_and_passwords_go_on() {
    let stage = Stage::open().await;
    let ada = stage.linked("ada", "ada").await;
    let by_link = stage.house.signs_in(ada).await;
    let password = json!({ "password": "correct horse battery", "current": null });
    let path = "/admin/api/v1/session/password";
    assert_eq!(stage.house.write(Method::PUT, &by_link, path, &password).await.status, 204);
    let by_password = json!({ "name": "ada", "password": "correct horse battery" });
    let failures = [Failure::Error, Failure::Redirect, Failure::Large, Failure::Nonsense, Failure::Silence];
    for failure in failures {
        stage.provider.script(|script| script.fails = Some(failure));
        let reply = stage.get(super::SIGN_IN, &[]).await;
        assert_eq!(refusal(&reply), "oidc_provider", "{failure:?}");
        assert!(cookies(&reply).is_empty());
        stage.house.sign_in(&by_password).await.ok();
    }
    // On the way back, too.
    for failure in [Failure::Error, Failure::Redirect, Failure::Large, Failure::Nonsense] {
        stage.provider.script(|script| script.fails = None);
        let sent = stage.go().await;
        stage.provider.script(|script| script.fails = Some(failure));
        assert_eq!(refusal(&stage.back(&sent, &sent.back()).await), "oidc_provider", "{failure:?}");
    }
    stage.provider.script(|script| script.fails = None);
    session(&stage, &stage.comes("ada", |_| {}).await).await;
}

#[tokio::test]
async fn tries_that_went_nowhere_are_not_counted_and_those_that_failed_keep_nobody_from_a_password() {
    let stage = Stage::open().await;
    let ada = stage.linked("ada", "ada").await;
    stage.provider.script(|script| script.fails = Some(Failure::Error));
    for _ in 0..60 {
        assert_eq!(refusal(&stage.get(super::SIGN_IN, &[]).await), "oidc_provider");
    }
    stage.provider.script(|script| script.fails = None);
    for second in 0..60 {
        stage.house.clock.set(start() + SignedDuration::from_secs(second));
        session(&stage, &stage.comes("ada", |_| {}).await).await;
    }
    for _ in 0..50 {
        stage.go().await;
    }
    assert_eq!(refusal(&stage.get(super::SIGN_IN, &[]).await), "too_many_attempts");
    stage.house.signs_in(ada).await;
    stage.house.clock.set(start() + SignedDuration::from_mins(16));
    session(&stage, &stage.comes("ada", |_| {}).await).await;
}

#[tokio::test]
async fn nothing_secret_goes_where_it_is_not_protected() {
    let wrong = [
        ("issuer", json!("https://another.test")),
        ("authorization_endpoint", json!("http://evil.test/authorize")),
        ("authorization_endpoint", json!("javascript:alert(1)")),
        ("authorization_endpoint", Value::Null),
    ];
    for (field, value) in wrong {
        let stage = Stage::open().await;
        let mut metadata = stage.provider.metadata();
        metadata[field] = value.clone();
        stage.provider.script(|script| script.metadata = Some(metadata));
        assert_eq!(refusal(&stage.get(super::SIGN_IN, &[]).await), "oidc_provider", "{field}: {value}");
    }
    for field in ["token_endpoint", "jwks_uri"] {
        for url in ["http://192.0.2.1/x", "file:///etc/passwd", "http://127.0.0.1.evil.test/", "//evil.test"]
        {
            let stage = Stage::open().await;
            stage.linked("ada", "ada").await;
            let mut metadata = stage.provider.metadata();
            metadata[field] = json!(url);
            stage.provider.script(|script| script.metadata = Some(metadata));
            assert_eq!(refusal(&stage.comes("ada", |_| {}).await), "oidc_provider", "{field}: {url}");
        }
    }
}

#[tokio::test]
async fn a_secret_or_an_authority_that_cannot_be_read_is_known_before_anybody_leaves() {
    let nowhere = Some(std::path::PathBuf::from("/nowhere/at/all"));
    let without_secret = Stage::open_with(|oidc| oidc.client_secret_file.clone_from(&nowhere)).await;
    assert_eq!(refusal(&without_secret.get(super::SIGN_IN, &[]).await), "oidc_provider");
    let without_authority = Stage::open_with(|oidc| oidc.ca_file = nowhere).await;
    assert_eq!(refusal(&without_authority.get(super::SIGN_IN, &[]).await), "oidc_provider");
    // A port that nobody listens on.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let away = Stage::open_with(|oidc| oidc.issuer = issuer).await;
    assert_eq!(refusal(&away.get(super::SIGN_IN, &[]).await), "oidc_provider");
}

#[tokio::test]
async fn a_client_without_a_secret_and_a_provider_that_takes_forms_alone_are_served() {
    let stage = Stage::open_with(|oidc| oidc.client_secret_file = None).await;
    stage.linked("ada", "ada").await;
    session(&stage, &stage.comes("ada", |_| {}).await).await;
    let (authorization, form) = stage.provider.script(|script| script.exchanges.pop()).unwrap();
    assert_eq!((authorization, form["client_id"].as_str()), (None, super::CLIENT_ID));
    assert!(!form.contains_key("client_secret"));

    let stage = Stage::open().await;
    stage.linked("ada", "ada").await;
    let mut metadata = stage.provider.metadata();
    metadata["token_endpoint_auth_methods_supported"] = json!(["client_secret_post", "private_key_jwt"]);
    stage.provider.script(|script| script.metadata = Some(metadata));
    session(&stage, &stage.comes("ada", |_| {}).await).await;
    let (authorization, form) = stage.provider.script(|script| script.exchanges.pop()).unwrap();
    assert_eq!((authorization, form["client_secret"].as_str()), (None, super::CLIENT_SECRET));
}

#[tokio::test]
async fn without_a_provider_nobody_comes_that_way() {
    let house = crate::house::House::open().await;
    for path in [super::SIGN_IN, super::CALLBACK] {
        assert_eq!(house.get("", path).await.problem(), (404, "not_found".to_owned()));
    }
    let manager = house.manager().await;
    let path = format!("{}/{}/identities", super::USERS, manager.id);
    assert_eq!(house.post(&manager.key, &path, &json!({ "subject": "x" })).await.problem().0, 422);
    let named = json!({ "subject": "x", "issuer": "https://login.example.com" });
    assert_eq!(house.post(&manager.key, &path, &named).await.status, 201);
}

#[tokio::test]
async fn tries_that_the_provider_failed_on_the_way_back_are_not_counted() {
    let stage = Stage::open().await;
    stage.linked("ada", "ada").await;
    for _ in 0..60 {
        stage.provider.script(|script| script.fails = None);
        let sent = stage.go().await;
        stage.provider.script(|script| script.fails = Some(Failure::Error));
        assert_eq!(refusal(&stage.back(&sent, &sent.back()).await), "oidc_provider");
    }
    stage.provider.script(|script| script.fails = None);
    session(&stage, &stage.comes("ada", |_| {}).await).await;
    // Each is given back once: what comes back again does not give back more.
    let sent = stage.go().await;
    stage.provider.script(|script| script.fails = Some(Failure::Error));
    assert_eq!(refusal(&stage.back(&sent, &sent.back()).await), "oidc_provider");
    assert_eq!(refusal(&stage.back(&sent, &sent.back()).await), "oidc_expired");
    // And one that the provider did its part in counts.
    stage.provider.script(|script| script.fails = None);
    for _ in 0..50 {
        assert_eq!(refusal(&stage.comes("a stranger", |_| {}).await), "oidc_not_linked");
    }
    assert_eq!(refusal(&stage.get(super::SIGN_IN, &[]).await), "too_many_attempts");
}

#[tokio::test]
async fn a_provider_that_has_moved_is_asked_anew_where_it_is_after_one_failure() {
    let stage = Stage::open().await;
    stage.linked("ada", "ada").await;
    let mut gone = stage.provider.metadata();
    let elsewhere = gone["token_endpoint"].as_str().unwrap().replace("/token", "/gone");
    gone["token_endpoint"] = json!(elsewhere);
    stage.provider.script(|script| script.metadata = Some(gone));
    assert_eq!(refusal(&stage.comes("ada", |_| {}).await), "oidc_provider");
    stage.provider.script(|script| script.metadata = None);
    session(&stage, &stage.comes("ada", |_| {}).await).await;
    // A token that is not believed says nothing of where the provider is.
    let discoveries = stage.provider.script(|script| script.discoveries);
    assert_eq!(
        refusal(&stage.comes("ada", |claims| claims["aud"] = json!("another")).await),
        "oidc_not_believed"
    );
    session(&stage, &stage.comes("ada", |_| {}).await).await;
    assert_eq!(stage.provider.script(|script| script.discoveries), discoveries);
}
