//! Who is linked, by whom, and what ends with a link.

use http::Method;
use serde_json::{Value, json};
use tollgate_domain::UserId;

use super::{Stage, USERS, refusal, session};

#[tokio::test]
async fn an_identity_that_nobody_linked_comes_in_as_nobody_and_makes_no_user() {
    let stage = Stage::open().await;
    let users = stage.house.rows("select id from users").await.len();
    assert_eq!(refusal(&stage.comes("a stranger", |_| {}).await), "oidc_not_linked");
    // The subject of another provider is somebody else.
    let ada = stage.house.person("ada", None).await;
    stage.link(ada, &json!({ "subject": "a stranger", "issuer": "https://another.test" })).await.ok();
    assert_eq!(refusal(&stage.comes("a stranger", |_| {}).await), "oidc_not_linked");
    // So is one that looks alike.
    stage.link(ada, &json!({ "subject": "Ada" })).await.ok();
    assert_eq!(refusal(&stage.comes("ada", |_| {}).await), "oidc_not_linked");
    session(&stage, &stage.comes("Ada", |_| {}).await).await;
    assert_eq!(stage.house.rows("select id from users").await.len(), users + 1);
}

#[tokio::test]
async fn a_session_through_the_provider_has_the_rights_of_its_user() {
    let stage = Stage::open().await;
    let vera = stage.linked("vera", "vera").await;
    let session = session(&stage, &stage.comes("vera", |_| {}).await).await;
    assert_eq!(stage.house.get(&session, USERS).await.problem().0, 403);
    let role = json!({ "role": "viewer" });
    stage.house.write(Method::PUT, &stage.manager.key, &format!("{USERS}/{vera}/role"), &role).await.ok();
    stage.house.get(&session, USERS).await.ok();
    // A change needs the token here, too.
    let cookie = session.split_once('|').unwrap().0;
    let out =
        stage.house.write(Method::DELETE, &format!("{cookie}|"), "/admin/api/v1/session", &Value::Null).await;
    assert_eq!(out.problem(), (403, "csrf".to_owned()));
    let out = stage.house.write(Method::DELETE, &session, "/admin/api/v1/session", &Value::Null).await;
    assert_eq!(out.status, 204);
    assert_eq!(stage.sessions().await, 0);
}

#[tokio::test]
async fn whoever_is_unlinked_is_out_at_once_and_does_not_come_in_again() {
    let stage = Stage::open().await;
    let ada = stage.linked("ada", "ada").await;
    let through = session(&stage, &stage.comes("ada", |_| {}).await).await;
    let by_link = stage.house.signs_in(ada).await;
    let path = format!("{USERS}/{ada}/identities");
    let id = stage.house.get(&stage.manager.key, &path).await.ok()["data"][0]["id"].clone();
    let identity = format!("{path}/{}", id.as_str().unwrap());
    let unlink =
        async || stage.house.write(Method::DELETE, &stage.manager.key, &identity, &Value::Null).await;
    // Not as another user's.
    let bob = stage.house.person("bob", None).await;
    let as_bobs = identity.replace(&ada.to_string(), &bob.to_string());
    assert_eq!(
        stage.house.write(Method::DELETE, &stage.manager.key, &as_bobs, &Value::Null).await.problem().0,
        404
    );
    stage.house.get(&through, "/admin/api/v1/session").await.ok();
    assert_eq!(unlink().await.status, 204);
    assert_eq!(unlink().await.problem().0, 404);
    assert_eq!(stage.house.get(&through, "/admin/api/v1/session").await.problem().0, 401);
    stage.house.get(&by_link, "/admin/api/v1/session").await.ok();
    assert_eq!(refusal(&stage.comes("ada", |_| {}).await), "oidc_not_linked");
    let log = stage
        .house
        .rows("select subject, before, after from audit_log where action = 'user.identity_unlink'")
        .await;
    assert_eq!((&log[0]["subject"], &log[0]["before"]["subject"]), (&json!("ada"), &json!("ada")));
    assert_eq!(log[0]["after"], json!({ "ended_sessions": 1 }));
}

#[tokio::test]
async fn a_deactivated_user_is_out_and_the_identity_may_become_anothers() {
    let stage = Stage::open().await;
    let ada = stage.linked("ada", "ada").await;
    let before = session(&stage, &stage.comes("ada", |_| {}).await).await;
    let sent = stage.go().await;
    stage.house.post(&stage.manager.key, &format!("{USERS}/{ada}/deactivate"), &Value::Null).await.ok();
    assert_eq!(stage.house.get(&before, "/admin/api/v1/session").await.problem().0, 401);
    // Also who was at the provider just then.
    let token = stage.key.sign(&stage.head(), &stage.claims(&sent, "ada"));
    assert_eq!(refusal(&stage.comes_with(&sent, token).await), "oidc_not_linked");
    assert_eq!(stage.link(ada, &json!({ "subject": "ada" })).await.problem().0, 404);
    let another = stage.linked("ada again", "ada").await;
    assert_ne!(ada, another);
    session(&stage, &stage.comes("ada", |_| {}).await).await;
}

#[tokio::test]
async fn an_identity_is_one_users_and_names_somebody() {
    let stage = Stage::open().await;
    let ada = stage.linked("ada", "ada").await;
    let bob = stage.house.person("bob", None).await;
    assert_eq!(stage.link(bob, &json!({ "subject": "ada" })).await.problem(), (409, "conflict".to_owned()));
    for body in [
        json!({}),
        json!({ "subject": "" }),
        json!({ "subject": "x".repeat(256) }),
        json!({ "subject": "a\nb" }),
        json!({ "subject": "x", "issuer": "" }),
        json!({ "subject": "x", "email": "x@example.com" }),
        json!({ "subject": "x", "user_id": ada }),
    ] {
        assert_eq!(stage.link(bob, &body).await.problem().0, 422, "{body}");
    }
    assert_eq!(stage.link(UserId::SYSTEM, &json!({ "subject": "x" })).await.problem().0, 404);
    assert_eq!(stage.link(UserId::generate(), &json!({ "subject": "x" })).await.problem().0, 404);
}

#[tokio::test]
async fn who_came_through_the_provider_sets_no_first_password_and_is_no_last_manager() {
    let stage = Stage::open().await;
    let boss = stage.linked("boss", "boss").await;
    let role = json!({ "role": "manager" });
    stage.house.write(Method::PUT, &stage.manager.key, &format!("{USERS}/{boss}/role"), &role).await.ok();
    let session = session(&stage, &stage.comes("boss", |_| {}).await).await;
    let password = json!({ "password": "correct horse battery", "current": null });
    let path = "/admin/api/v1/session/password";
    let set = stage.house.write(Method::PUT, &session, path, &password).await;
    assert_eq!(set.problem(), (403, "forbidden".to_owned()));
    // A way in that somebody else can close is none that lasts.
    let revoke = format!("/admin/api/v1/api-keys/{}/revoke", stage.manager.key_id);
    assert_eq!(stage.house.post(&session, &revoke, &Value::Null).await.problem().0, 409);
    let by_link = stage.house.signs_in(boss).await;
    assert_eq!(stage.house.write(Method::PUT, &by_link, path, &password).await.status, 204);
    stage.house.post(&by_link, &revoke, &Value::Null).await.ok();
}
