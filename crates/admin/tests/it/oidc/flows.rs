//! The way there and back, and to which browser it belongs.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::Method;
use jiff::SignedDuration;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::provider::CLIENT_ID;
use super::{SIGN_IN, Stage, cookies, location, refusal, session};
use crate::house::start;

#[tokio::test]
async fn whom_the_provider_vouches_for_and_a_manager_has_linked_is_signed_in() {
    let stage = Stage::open().await;
    let methods = stage.get("/admin/api/v1/sign-in-methods", &[]).await.ok();
    assert_eq!(methods["oidc"], json!({ "name": "the company", "url": SIGN_IN }));
    let ada = stage.linked("ada", "ada at the company").await;
    // The browser has a session of somebody else. On the way back it is not sent along, and ends all the same.
    let bob = stage.house.person("bob", None).await;
    let before = stage.house.signs_in(bob).await;
    let sent = stage.go_with(&[("cookie", before.split_once('|').unwrap().0)]).await;
    let asked = |name: &str| sent.asked[name].as_str();
    assert_eq!((asked("response_type"), asked("client_id"), asked("scope")), ("code", CLIENT_ID, "openid"));
    assert_eq!((asked("code_challenge_method"), asked("tenant")), ("S256", "7"));
    let address = stage.house.request(&Method::GET, "").uri_ref().unwrap().authority().unwrap().to_string();
    let redirect_uri = format!("http://{address}/admin/api/v1/oidc/callback");
    assert_eq!(asked("redirect_uri"), redirect_uri);

    let token = stage.key.sign(&stage.head(), &stage.claims(&sent, "ada at the company"));
    let reply = stage.comes_with(&sent, token).await;
    let session = session(&stage, &reply).await;
    let said = stage.house.get(&session, "/admin/api/v1/session").await.ok();
    assert_eq!((&said["user"]["name"], &said["begun_by"]), (&json!("ada"), &json!("oidc")));
    let set = cookies(&reply);
    assert_eq!(set[0], "tollgate_oidc=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    assert!(set[1].ends_with("; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200"), "{}", set[1]);
    assert_eq!(stage.house.get(&before, "/admin/api/v1/session").await.problem().0, 401);

    // The code went with what only this browser's sign-in knows, under the name and the secret of this installation.
    let (authorization, form) = stage.provider.script(|script| script.exchanges.pop()).unwrap();
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"]));
    assert_eq!(challenge, asked("code_challenge"));
    assert_eq!((form["grant_type"].as_str(), form["code"].as_str()), ("authorization_code", "a code"));
    assert_eq!(form["redirect_uri"], redirect_uri);
    let basic = STANDARD.encode("tollgate+%26+co:s3cret%2Bof+the+client");
    assert_eq!(authorization.unwrap(), format!("Basic {basic}"));
    assert!(!form.contains_key("client_secret"));

    let log = "select actor, action, subject, after from audit_log where action in ('session.begin', 'user.identity_link') order by at desc";
    let log = stage.house.rows(log).await;
    let issuer = stage.provider.issuer();
    let how = json!({ "by": "oidc", "issuer": issuer, "subject": "ada at the company" });
    assert_eq!((&log[0]["actor"], &log[0]["after"]), (&json!(format!("user:{ada}")), &how));
    assert_eq!(log[2]["action"], "user.identity_link");
    assert_eq!(log[2]["actor"], format!("key:{}", stage.manager.key_id));
}

#[tokio::test]
async fn the_cookie_of_a_sign_in_comes_back_from_another_site_and_nothing_of_it_is_in_the_database() {
    let stage = Stage::open().await;
    let reply = stage.get(SIGN_IN, &[("sec-fetch-site", "same-origin")]).await;
    let set = cookies(&reply);
    assert!(set[0].starts_with("tollgate_oidc="), "{set:?}");
    assert!(set[0].ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=600"), "{set:?}");
    let to = location(&reply).to_owned();
    assert!(to.starts_with(stage.provider.issuer().strip_suffix("realms/staff").unwrap()), "{to}");
    let rows = stage
        .house
        .rows("select encode(digest, 'base64') as digest, replaces, expires_at from oidc_sign_ins")
        .await;
    assert_eq!(rows.len(), 1);
    let secret = reply.cookie().split_once('=').unwrap().1;
    let rows = json!(rows).to_string();
    let raw = STANDARD.encode(URL_SAFE_NO_PAD.decode(secret).unwrap());
    assert!(!rows.contains(secret) && !rows.contains(&raw) && !to.contains(secret));
    // From a page of another site it does not begin.
    for site in ["cross-site", "same-site"] {
        assert_eq!(refusal(&stage.get(SIGN_IN, &[("sec-fetch-site", site)]).await), "csrf");
    }
    assert_eq!(stage.house.rows("select 1 from oidc_sign_ins").await.len(), 1);
}

#[tokio::test]
async fn a_sign_in_comes_back_once_to_the_browser_that_began_it() {
    let stage = Stage::open().await;
    stage.linked("ada", "ada").await;
    let (ours, others) = (stage.go().await, stage.go().await);
    assert_ne!(ours.state(), others.state());
    assert_ne!(ours.asked["nonce"], others.asked["nonce"]);
    assert_ne!(ours.asked["code_challenge"], others.asked["code_challenge"]);
    let token = stage.key.sign(&stage.head(), &stage.claims(&ours, "ada"));
    stage.provider.script(|script| script.id_token.clone_from(&token));

    let without_cookie = stage.get(&format!("{}?{}", super::CALLBACK, ours.back()), &[]).await;
    assert_eq!(refusal(&without_cookie), "oidc_expired");
    for query in [
        others.back(),
        "code=x".to_owned(),
        "state=&code=x".to_owned(),
        format!("state={}&code=x", ours.asked["nonce"]),
        format!("{}&state={}", ours.back(), ours.state()),
        format!("{}&code=another", ours.back()),
    ] {
        let reply = stage.back(&ours, &query).await;
        assert_eq!(refusal(&reply), "oidc_expired", "{query}");
        // The one under way goes on: another site's page cannot end it.
        assert!(cookies(&reply).is_empty(), "{query}");
    }
    let both = format!("{}; {}", ours.cookie, others.cookie);
    let planted = super::Sent { cookie: both, ..ours.clone() };
    assert_eq!(refusal(&stage.back(&planted, &ours.back()).await), "oidc_expired");
    assert!(
        stage.provider.script(|script| script.exchanges.is_empty()),
        "no code was exchanged for any of these"
    );

    session(&stage, &stage.back(&ours, &ours.back()).await).await;
    // Again, with the same code and the same token, as whoever copied the address and the cookie would.
    assert_eq!(refusal(&stage.back(&ours, &ours.back()).await), "oidc_expired");
    assert_eq!(stage.provider.script(|script| script.exchanges.len()), 1);
    assert_eq!(stage.sessions().await, 1);
}

#[tokio::test]
async fn of_one_answer_that_comes_twice_at_once_one_signs_in() {
    let stage = Stage::open().await;
    stage.linked("ada", "ada").await;
    let sent = stage.go().await;
    let token = stage.key.sign(&stage.head(), &stage.claims(&sent, "ada"));
    stage.provider.script(|script| script.id_token = token);
    let query = sent.back();
    let (one, two) = tokio::join!(stage.back(&sent, &query), stage.back(&sent, &query));
    let mut led = [location(&one), location(&two)];
    led.sort_unstable();
    assert_eq!(led, ["/#/", "/#/sign-in?problem=oidc_expired"]);
    assert_eq!(stage.sessions().await, 1);
}

#[tokio::test]
async fn a_sign_in_that_takes_longer_than_ten_minutes_is_over() {
    let stage = Stage::open().await;
    stage.linked("ada", "ada").await;
    for (minutes, is_good) in [(9, true), (10, false)] {
        stage.house.clock.set(start());
        let sent = stage.go().await;
        stage.house.clock.set(start() + SignedDuration::from_mins(minutes));
        let token = stage.key.sign(&stage.head(), &stage.claims(&sent, "ada"));
        let reply = stage.comes_with(&sent, token).await;
        if is_good {
            session(&stage, &reply).await;
        } else {
            assert_eq!(refusal(&reply), "oidc_expired");
        }
    }
}

#[tokio::test]
async fn an_answer_of_another_provider_or_without_a_code_signs_nobody_in() {
    let stage = Stage::open().await;
    stage.linked("ada", "ada").await;
    let answer = async |answer: &str| {
        let sent = stage.go().await;
        let token = stage.key.sign(&stage.head(), &stage.claims(&sent, "ada"));
        stage.provider.script(|script| script.id_token = token);
        stage.back(&sent, &format!("state={}&{answer}", sent.state())).await
    };
    let issuer: String = form_urlencoded::byte_serialize(stage.provider.issuer().as_bytes()).collect();
    let declined = "error=access_denied&error_description=%3Cb%3Ehello%3C%2Fb%3E";
    assert_eq!(refusal(&answer(declined).await), "oidc_declined");
    assert_eq!(refusal(&answer("error=access_denied&code=x").await), "oidc_declined");
    assert_eq!(refusal(&answer("iss=https%3A%2F%2Fevil.test&code=x").await), "oidc_not_believed");
    assert_eq!(refusal(&answer("").await), "oidc_expired");
    assert_eq!(refusal(&answer(&format!("code={}", "x".repeat(9000))).await), "oidc_expired");
    assert!(stage.provider.script(|script| script.exchanges.is_empty()));
    session(&stage, &answer(&format!("iss={issuer}&code=x&return_to=https%3A%2F%2Fevil.test")).await).await;
    // A provider that says who it is must say it.
    let mut metadata = stage.provider.metadata();
    metadata["authorization_response_iss_parameter_supported"] = json!(true);
    stage.provider.script(|script| script.metadata = Some(metadata));
    stage.house.clock.set(start() + SignedDuration::from_mins(20));
    assert_eq!(refusal(&answer("code=x").await), "oidc_not_believed");
    session(&stage, &answer(&format!("iss={issuer}&code=x")).await).await;
}
