//! Who is known by an address that a manager wrote down: the first who comes with it, where the provider has verified it, and nobody after.

use http::Method;
use serde_json::{Value, json};

use super::{Stage, USERS, refusal, session};

const ADDRESS: &str = "Ada@Example.com";

async fn trusting() -> Stage {
    Stage::open_with(|oidc| oidc.link_by_email = true).await
}

fn says(email: &str, verified: impl Into<Value>) -> impl FnOnce(&mut Value) {
    let verified = verified.into();
    move |claims| {
        claims["email"] = json!(email);
        claims["email_verified"] = verified;
    }
}

#[tokio::test]
async fn the_first_who_comes_with_a_verified_address_is_linked_and_nobody_after() {
    let stage = trusting().await;
    let ada = stage.house.person("ada", None).await;
    let awaited = stage.link(ada, &json!({ "email": ADDRESS })).await.ok();
    assert_eq!((&awaited["subject"], &awaited["linked_at"]), (&Value::Null, &Value::Null));
    assert_eq!(awaited["email"], "ada@example.com");
    assert_eq!(stage.go().await.asked["scope"], "openid email");
    // Whoever may write addresses as they like at the provider does not get in by hers.
    for verified in [json!(false), json!("true"), json!(1), Value::Null] {
        assert_eq!(refusal(&stage.comes("mallory", says(ADDRESS, verified)).await), "oidc_not_linked");
    }
    assert_eq!(
        refusal(&stage.comes("mallory", says("ada@example.com.evil.test", true)).await),
        "oidc_not_linked"
    );
    session(&stage, &stage.comes("sub of ada", says("ada@EXAMPLE.com", true)).await).await;
    let path = format!("{USERS}/{ada}/identities");
    let known = stage.house.get(&stage.manager.key, &path).await.ok();
    assert_eq!(
        (&known["data"][0]["id"], &known["data"][0]["subject"]),
        (&awaited["id"], &json!("sub of ada"))
    );
    assert_eq!(known["data"][0]["last_sign_in_at"], known["data"][0]["linked_at"]);
    let log = stage
        .house
        .rows("select actor, after from audit_log where action = 'user.identity_link' order by at")
        .await;
    assert_eq!(log[1]["actor"], format!("user:{ada}"));
    assert_eq!(
        (&log[1]["after"]["subject"], &log[1]["after"]["email"]),
        (&json!("sub of ada"), &json!("ada@example.com"))
    );

    // Her subject is what counts from now on: by another address, or by none.
    session(&stage, &stage.comes("sub of ada", says("married@example.com", false)).await).await;
    session(&stage, &stage.comes("sub of ada", |_| {}).await).await;
    // Whoever gets the address after her is somebody else.
    assert_eq!(refusal(&stage.comes("her successor", says(ADDRESS, true)).await), "oidc_not_linked");
    // Whoever was unlinked does not come back by it.
    let identity = format!("{path}/{}", awaited["id"].as_str().unwrap());
    assert_eq!(
        stage.house.write(Method::DELETE, &stage.manager.key, &identity, &Value::Null).await.status,
        204
    );
    assert_eq!(refusal(&stage.comes("sub of ada", says(ADDRESS, true)).await), "oidc_not_linked");
    assert_eq!(stage.sessions().await, 0);
}

#[tokio::test]
async fn an_address_that_the_token_does_not_say_is_asked_for_only_where_it_matters() {
    let stage = trusting().await;
    let ada = stage.house.person("ada", None).await;
    stage.link(ada, &json!({ "email": ADDRESS })).await.ok();
    let userinfo = |value: Value| stage.provider.script(|script| script.userinfo = value);
    userinfo(json!({ "sub": "somebody else", "email": ADDRESS, "email_verified": true }));
    assert_eq!(refusal(&stage.comes("sub of ada", |_| {}).await), "oidc_not_believed");
    userinfo(json!({ "sub": "sub of ada", "email": ADDRESS, "email_verified": false }));
    assert_eq!(refusal(&stage.comes("sub of ada", |_| {}).await), "oidc_not_linked");
    userinfo(json!({ "sub": "sub of ada" }));
    assert_eq!(refusal(&stage.comes("sub of ada", |_| {}).await), "oidc_not_linked");
    userinfo(json!({ "sub": "sub of ada", "email": ADDRESS, "email_verified": true }));
    session(&stage, &stage.comes("sub of ada", |_| {}).await).await;
    let asked = stage.provider.script(|script| std::mem::take(&mut script.userinfo_tokens));
    assert_eq!(asked, ["Bearer an access token"; 4]);
    session(&stage, &stage.comes("sub of ada", |_| {}).await).await;
    assert!(stage.provider.script(|script| script.userinfo_tokens.is_empty()), "she is known");
}

#[tokio::test]
async fn without_trust_in_addresses_none_links_anybody() {
    let stage = Stage::open().await;
    let ada = stage.house.person("ada", None).await;
    assert_eq!(stage.link(ada, &json!({ "email": ADDRESS })).await.problem(), (422, "invalid".to_owned()));
    // Also not one that was written down while they were trusted.
    let issuer = stage.provider.issuer();
    let write = format!(
        "insert into user_identities (id, user_id, issuer, email, created_at)
         values ('{}', '{ada}', '{issuer}', 'ada@example.com', now())",
        uuid::Uuid::new_v4()
    );
    let write = async |tx: tollgate_store::Tx| Ok(tx.execute(&write, &[]).await?);
    stage.house.store.tx("write", write).await.unwrap();
    assert_eq!(refusal(&stage.comes("sub of ada", says(ADDRESS, true)).await), "oidc_not_linked");
    assert!(stage.provider.script(|script| script.userinfo_tokens.is_empty()));
}

#[tokio::test]
async fn one_address_awaits_one_user_and_must_be_one() {
    let stage = trusting().await;
    let (ada, bob) = (stage.house.person("ada", None).await, stage.house.person("bob", None).await);
    stage.link(ada, &json!({ "email": ADDRESS })).await.ok();
    let again = stage.link(bob, &json!({ "email": "ada@example.com" })).await;
    assert_eq!(again.problem(), (409, "conflict".to_owned()));
    for email in
        ["", " ada@example.com", "ada", "@example.com", "ada@", "a@b@c", "a da@example.com", "ada@\u{7}"]
    {
        assert_eq!(stage.link(bob, &json!({ "email": email })).await.problem().0, 422, "{email:?}");
    }
    // Of another provider nothing is trusted here.
    let other = json!({ "email": "bob@example.com", "issuer": "https://another.test" });
    assert_eq!(stage.link(bob, &other).await.problem().0, 422);
}
