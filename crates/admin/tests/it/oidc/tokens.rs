//! Which tokens are believed.

use serde_json::{Value, json};

use super::provider::{CLIENT_SECRET, Key, signed_by_hmac, unsigned};
use super::{KID, Stage, refusal, session};
use tollgate_domain::Clock;

#[tokio::test]
async fn a_token_by_a_private_key_of_the_provider_is_believed() {
    let mut stage = Stage::open().await;
    stage.linked("ada", "ada").await;
    for key in [Key::rsa(), Key::ec(), Key::ed()] {
        // Beside keys that are for something else, or of a kind that nobody knows yet.
        let others = json!([{ "kty": "post-quantum", "kid": KID }, { "kty": "RSA", "use": "enc", "kid": "x", "n": "AQAB", "e": "AQAB" }]);
        let keys = others.as_array().unwrap().iter().cloned().chain([key.jwk(KID)]).collect();
        stage.provider.script(|script| script.keys = keys);
        stage.key = key;
        session(&stage, &stage.comes("ada", |_| {}).await).await;
        let sent = stage.go().await;
        let claims = stage.claims(&sent, "ada");
        let token = stage.key.sign(&json!({ "alg": stage.key.alg() }), &claims);
        session(&stage, &stage.comes_with(&sent, token).await).await;
    }
    let now = stage.house.clock.now().as_second();
    let good: [fn(&mut Value, i64); 5] = [
        |claims, _| claims["aud"] = json!([claims["aud"]]),
        |claims, _| claims["azp"] = claims["aud"].clone(),
        |claims, _| {
            claims["azp"] = claims["aud"].clone();
            claims["aud"] = json!([claims["aud"], "another"]);
        },
        // Clocks differ a little.
        |claims, now| claims["iat"] = json!(now + 59),
        |claims, now| claims["exp"] = json!(now - 59),
    ];
    for change in good {
        session(&stage, &stage.comes("ada", |claims| change(claims, now)).await).await;
    }
}

#[tokio::test]
async fn a_token_with_a_wrong_claim_signs_nobody_in() {
    let stage = Stage::open().await;
    stage.linked("ada", "ada").await;
    let now = stage.house.clock.now().as_second();
    let issuer = stage.provider.issuer().to_owned();
    let client = stage.go().await.asked["client_id"].clone();
    let wrong = [
        ("iss", json!("https://evil.test")),
        ("iss", json!(format!("{issuer}/"))),
        ("iss", Value::Null),
        ("aud", json!("another client")),
        ("aud", json!([])),
        ("aud", json!([client, "another client"])),
        ("aud", Value::Null),
        ("azp", json!("another client")),
        ("exp", json!(now - 60)),
        ("exp", json!(i64::MIN)),
        ("exp", Value::Null),
        ("exp", json!("tomorrow")),
        ("iat", json!(now + 61)),
        ("iat", json!(now - 601)),
        ("iat", Value::Null),
        ("nbf", json!(now + 61)),
        ("nonce", json!("of another sign-in")),
        ("nonce", json!("")),
        ("nonce", Value::Null),
        ("sub", json!("")),
        ("sub", json!("x".repeat(256))),
        ("sub", json!("ada\u{0}")),
        ("sub", json!(7)),
        ("sub", Value::Null),
    ];
    for (claim, value) in wrong {
        let reply = stage
            .comes("ada", |claims| {
                if value.is_null() {
                    claims.as_object_mut().unwrap().remove(claim);
                } else {
                    claims[claim] = value.clone();
                }
            })
            .await;
        assert_eq!(refusal(&reply), "oidc_not_believed", "{claim}: {value}");
    }
    assert_eq!(stage.sessions().await, 0);
    session(&stage, &stage.comes("ada", |_| {}).await).await;
}

#[tokio::test]
async fn a_token_that_the_provider_did_not_sign_signs_nobody_in() {
    let stage = Stage::open().await;
    stage.linked("ada", "ada").await;
    let public = Key::rsa();
    let modulus = public.jwk(KID)["n"].as_str().unwrap().to_owned();
    stage.provider.script(|script| script.keys.push(public.jwk("a key of tomorrow")));
    let stranger = Key::ec();
    let forge = |claims: &Value| {
        let mut tampered = stage.key.sign(&stage.head(), claims);
        let signed = stage.key.sign(&stage.head(), &json!({ "sub": "ada" }));
        let (_, signature) = signed.rsplit_once('.').unwrap();
        tampered.truncate(tampered.rfind('.').unwrap() + 1);
        tampered += signature;
        let head = |changes: Value| {
            let mut head = stage.head();
            head.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            head
        };
        vec![
            unsigned(claims),
            signed_by_hmac(CLIENT_SECRET.as_bytes(), KID, claims),
            signed_by_hmac(modulus.as_bytes(), "a key of tomorrow", claims),
            signed_by_hmac(b"", KID, claims),
            // Another's key under the provider's name for its own; in the token itself; at an address that the token says.
            stranger.sign(&stage.head(), claims),
            stranger.sign(&head(json!({ "jwk": stranger.jwk("mine"), "kid": "mine" })), claims),
            stranger.sign(&head(json!({ "jku": "https://evil.test/keys", "kid": "mine" })), claims),
            // Its own key, for another algorithm.
            stage.key.sign(&head(json!({ "alg": "RS256" })), claims),
            stage.key.sign(&head(json!({ "alg": "none" })), claims),
            stage.key.sign(&head(json!({ "crit": ["exp"] })), claims),
            tampered,
            String::new(),
            "no.token".to_owned(),
            "a.b.c.d.e".to_owned(),
        ]
    };
    for nth in 0..forge(&json!({})).len() {
        let sent = stage.go().await;
        let token = forge(&stage.claims(&sent, "ada")).swap_remove(nth);
        assert_eq!(
            refusal(&stage.comes_with(&sent, token.clone()).await),
            "oidc_not_believed",
            "{nth}: {token}"
        );
    }
    assert_eq!(stage.sessions().await, 0);
    session(&stage, &stage.comes("ada", |_| {}).await).await;
}

#[tokio::test]
async fn a_key_that_the_provider_has_changed_is_read_anew_and_not_without_end() {
    let mut stage = Stage::open().await;
    stage.linked("ada", "ada").await;
    for _ in 0..3 {
        session(&stage, &stage.comes("ada", |_| {}).await).await;
    }
    let read = |stage: &Stage| stage.provider.script(|script| (script.key_reads, script.discoveries));
    assert_eq!(read(&stage), (1, 1), "what is known is not asked again");
    // Another key, by another name.
    let rotated = Key::ec();
    stage.provider.script(|script| script.keys = vec![rotated.jwk("tomorrow's")]);
    let sign = async |stage: &Stage, kid: &str| {
        let sent = stage.go().await;
        let token = rotated.sign(&json!({ "alg": "ES256", "kid": kid }), &stage.claims(&sent, "ada"));
        stage.comes_with(&sent, token).await
    };
    session(&stage, &sign(&stage, "tomorrow's").await).await;
    assert_eq!(read(&stage), (2, 2), "also where they are");
    // The one before is believed no more.
    assert_eq!(refusal(&stage.comes("ada", |_| {}).await), "oidc_not_believed");
    for _ in 0..20 {
        assert_eq!(refusal(&sign(&stage, "nobody's").await), "oidc_not_believed");
    }
    assert_eq!(read(&stage).0, 11, "one for the first, and ten searches in a quarter of an hour");
    session(&stage, &sign(&stage, "tomorrow's").await).await;
    // Later they are read by themselves, so that one that was withdrawn is not believed for ever.
    stage.key = rotated;
    stage.provider.script(|script| script.keys.clear());
    stage.house.clock.set(crate::house::start() + jiff::SignedDuration::from_mins(16));
    assert_eq!(refusal(&sign_by(&stage, "tomorrow's").await), "oidc_not_believed");
    assert_eq!(read(&stage), (12, 12));
}

async fn sign_by(stage: &Stage, kid: &str) -> crate::house::Reply {
    let sent = stage.go().await;
    let token = stage.key.sign(&json!({ "alg": "ES256", "kid": kid }), &stage.claims(&sent, "ada"));
    stage.comes_with(&sent, token).await
}

#[tokio::test]
async fn a_key_that_another_has_replaced_under_its_name_is_believed_no_more_and_the_other_at_once() {
    let mut stage = Stage::open().await;
    stage.linked("ada", "ada").await;
    session(&stage, &stage.comes("ada", |_| {}).await).await;
    let before = std::mem::replace(&mut stage.key, Key::ec());
    stage.provider.script(|script| script.keys = vec![stage.key.jwk(KID)]);
    session(&stage, &stage.comes("ada", |_| {}).await).await;
    let after = std::mem::replace(&mut stage.key, before);
    for _ in 0..20 {
        assert_eq!(refusal(&stage.comes("ada", |_| {}).await), "oidc_not_believed");
    }
    assert_eq!(stage.provider.script(|script| script.key_reads), 11, "ten searches in a quarter of an hour");
    stage.key = after;
    session(&stage, &stage.comes("ada", |_| {}).await).await;
}
