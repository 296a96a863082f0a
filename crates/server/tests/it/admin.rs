//! The management API of a running server: on a listener of its own, for keys that the command line made.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};
use tollgate_domain::Network;
use tollgate_server::{App, SystemClock};
use tollgate_testkit::ScriptedUpstream;

use crate::harness::{Place, chat, eventually, get_with_key, post_json, sql};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_set_up_by_the_api_serves_and_its_receipt_is_what_the_client_was_told() {
    let upstream = ScriptedUpstream::start().await;
    let place = Place::with_database().await;
    let mut config = place.config();
    // Where the upstream is: it is set through the API.
    config.admin.allowed_networks = vec!["127.0.0.0/8".parse::<Network>().unwrap()].into();
    let app = App::start(config, Arc::new(SystemClock)).await.unwrap();
    let admin = app.admin_address().unwrap();
    place.cli("user create boss").await;
    let make_manager = "key create --user boss --purpose platform --role manager";
    let made = place.cli(make_manager).await;
    let manager = made["secret"].as_str().unwrap();
    let post = async |path: &str, body: Value| {
        let reply = post_json(admin, &format!("/admin/api/v1{path}"), manager, &body).await;
        assert!(reply.status.is_success(), "{path}: {}", reply.text);
        serde_json::from_str::<Value>(&reply.text).unwrap()
    };
    let ada = post("/users", json!({ "name": "ada" })).await;
    let endpoint = post("/endpoints", json!({ "name": "up", "base_url": upstream.base_url() })).await;
    let model =
        json!({ "alias": "gpt-test", "endpoint_id": endpoint["id"], "upstream_model": "upstream-gpt" });
    post("/models", model).await;
    place.cli("tariff set gpt-test --input-price 0.00001 --output-price 0.00003").await;
    let credits = format!("/users/{}/credits", ada["id"].as_str().unwrap());
    post(&credits, json!({ "type": "admin_grant", "amount": "1" })).await;
    let key = post("/api-keys", json!({ "user_id": ada["id"] })).await;
    let key = key["secret"].as_str().unwrap();

    eventually("the new key is known", async || {
        get_with_key(app.address(), "/v1/models", key).await.text.contains("gpt-test")
    })
    .await;
    let reply = chat(app.address(), key, "prompt=1000 completion=500", false).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
    let id = reply.headers["x-request-id"].to_str().unwrap();
    let path = format!("/admin/api/v1/receipts/{id}");
    eventually("the receipt is there", async || {
        get_with_key(admin, &path, key).await.status == StatusCode::OK
    })
    .await;
    let receipt: Value = serde_json::from_str(&get_with_key(admin, &path, key).await.text).unwrap();
    assert_eq!((&receipt["total"], &receipt["state"]), (&json!("0.025"), &json!("charged")));
    assert_eq!(receipt["total"].as_str(), reply.headers["x-tollgate-cost"].to_str().ok());
    let credits = get_with_key(admin, "/api/v1/credits", key).await.text;
    assert_eq!(credits, r#"{"data":{"total_credits":1,"total_usage":0.025}}"#);

    // The dashboard is told how the gateway stands, by its own metrics.
    let status = get_with_key(admin, "/admin/api/v1/status", manager).await.text;
    let status: Value = serde_json::from_str(&status).unwrap();
    let gateway = &status["gateway"];
    assert_eq!(gateway["address"], app.address().to_string());
    assert_eq!((&gateway["is_ready"], &gateway["spool_is_sound"]), (&json!(true), &json!(true)), "{gateway}");
    for counted in ["ended_requests", "spool_limit_bytes", "snapshot_age_ms"] {
        assert!(gateway[counted].is_u64(), "{counted} in {gateway}");
    }
    assert!(gateway["ended_requests"].as_u64() >= Some(1), "{gateway}");
    assert!(gateway["spool_limit_bytes"].as_u64() >= Some(1), "{gateway}");

    // What the gateway could not use is refused by the gateway's own check.
    let bad =
        json!({ "name": "bad", "base_url": upstream.base_url(), "pass_through_paths": ["/v1/*/files"] });
    let refused = post_json(admin, "/admin/api/v1/endpoints", manager, &bad).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
    assert!(refused.text.contains("last segment"), "{}", refused.text);

    // Each listener has its own routes and none of the other's.
    for path in ["/admin/api/v1/users", "/admin/api/v1/openapi.json"] {
        let status = get_with_key(app.address(), path, key).await.status;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path} on the gateway's listener");
    }
    for path in ["/v1/models", "/metrics"] {
        let status = get_with_key(admin, path, manager).await.status;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path} on the management listener");
    }
    // The last manager stays, whoever would remove it and by what.
    let first = made["id"].as_str().unwrap();
    let error = place.cli_fails(&format!("key revoke {first}")).await;
    assert!(error.contains("last manager"), "{error}");
    place.cli(make_manager).await;
    place.cli(&format!("key revoke {first}")).await;

    let published = std::fs::read_to_string(place.data_dir().join("admin.addr")).unwrap();
    assert_eq!(published.trim(), admin.to_string());
    app.stop().await.unwrap();
    assert!(!place.data_dir().join("admin.addr").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_management_would_be_open_to_other_machines_does_not_start() {
    let place = Place::with_database().await;
    let mut config = place.config();
    config.admin.listen = "0.0.0.0:0".to_owned();
    let error = App::start(config.clone(), Arc::new(SystemClock)).await.unwrap_err();
    assert!(format!("{error:#}").contains("admin.tls_in_front"), "{error:#}");
    config.admin.tls_in_front = true;
    App::start(config.clone(), Arc::new(SystemClock)).await.unwrap().stop().await.unwrap();
    config.admin.listen = "off".to_owned();
    let app = App::start(config, Arc::new(SystemClock)).await.unwrap();
    assert_eq!(app.admin_address(), None);
    app.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_makes_a_manager_who_comes_in_by_a_link_once() {
    let place = Place::with_database().await;
    place.cli("user create boss").await;
    // Where no server runs, the link leads to where one would listen.
    let link = place.cli("user sign-in-link boss").await;
    assert!(link["url"].as_str().unwrap().starts_with("http://127.0.0.1:9080/#/sign-in?code="), "{link}");
    let app = place.serve().await;
    let admin = app.admin_address().unwrap();
    assert_eq!(place.cli("user role boss manager").await["role"], "manager");
    let link = place.cli("user sign-in-link boss").await;
    let code =
        link["url"].as_str().unwrap().strip_prefix(&format!("http://{admin}/#/sign-in?code=")).unwrap();
    assert!(link["expires_at"].is_string(), "{link}");
    let sign_in = async || post_json(admin, "/admin/api/v1/session", "", &json!({ "code": code })).await;
    let session = sign_in().await;
    assert_eq!(session.status, StatusCode::OK, "{}", session.text);
    let session: Value = serde_json::from_str(&session.text).unwrap();
    assert_eq!((&session["user"]["name"], &session["role"]), (&json!("boss"), &json!("manager")));
    assert_eq!(sign_in().await.status, StatusCode::UNAUTHORIZED);

    assert_eq!(place.cli("user role boss none").await["role"], Value::Null);
    for (line, said) in [
        ("user role boss god", "manager, billing_manager, viewer, none"),
        ("user role nobody viewer", "tollgate user create nobody"),
        ("user sign-in-link nobody", "tollgate user create nobody"),
        ("user sign-in-link system", "who could sign in"),
    ] {
        let error = place.cli_fails(line).await;
        assert!(error.contains(said), "{line}: {error}");
    }
    app.stop().await.unwrap();

    let mut command = place.command();
    command.env("TOLLGATE_ADMIN__PUBLIC_URL", "https://t.test/").args(["user", "sign-in-link", "boss"]);
    let output = command.output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with("https://t.test/#/sign-in?code=") && said.contains("boss"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_command_line_a_demotion_lists_what_was_made_for_others_and_revokes_keys_when_asked() {
    let place = Place::with_database().await;
    let ids =
        async |name: &str| place.cli(&format!("user create {name}")).await["id"].as_str().unwrap().to_owned();
    let (boss, ada) = (ids("boss").await, ids("ada").await);
    place.cli("key create --user boss --purpose platform --role manager").await;
    let made = place.cli("key create --user boss --purpose platform --role manager").await;
    for name in ["boss", "ada"] {
        place.cli(&format!("user role {name} manager")).await;
    }
    // As a manager makes them through the API: here the command line is nobody of the platform.
    let client = sql(place.database_url()).await;
    let key = made["id"].as_str().unwrap();
    client
        .batch_execute(&format!(
            "update api_keys set created_by = '{ada}' where id = '{key}';
             insert into user_identities (id, user_id, issuer, subject, created_at, linked_at, created_by)
                 values ('00000000-0000-4000-8000-000000000001', '{boss}', 'https://login.test', 'x', now(), now(), '{ada}');
             insert into sign_in_codes (digest, user_id, created_at, expires_at, created_by)
                 values (sha256('x'), '{boss}', now(), now() + interval '1 hour', '{ada}');
             insert into sessions (digest, user_id, began_by, created_at, last_seen_at, expires_at, link_made_by)
                 values (sha256('x'), '{boss}', 'code', now(), now(), now() + interval '1 hour', '{ada}');
             insert into user_passwords (user_id, phc, set_at, link_made_by)
                 values ('{boss}', '$argon2id$x', now(), '{ada}')"
        ))
        .await
        .unwrap();
    let text = String::from_utf8(place.output("user role ada none").await.stdout).unwrap();
    let said = [
        "ada has no role any more",
        key,
        "--revoke-made-keys",
        "tollgate user unlink",
        "nobody has used it",
        "somebody is signed in",
        "set the password",
    ];
    for said in said {
        assert!(text.contains(said), "{said}: {text}");
    }
    let listed = place.cli("user role ada none").await;
    assert_eq!(
        (&listed["role"], &listed["revoked_keys"], &listed["made_keys"]),
        (&Value::Null, &json!([]), &json!([key]))
    );
    let identity = json!([{ "id": "00000000-0000-4000-8000-000000000001", "user_id": boss }]);
    assert_eq!((&listed["made_identities"], &listed["made_sign_in_links"]), (&identity, &json!([boss])));
    assert_eq!((&listed["made_sessions"], &listed["made_passwords"]), (&json!([boss]), &json!([boss])));
    let revoked = place.cli("user role ada none --revoke-made-keys").await;
    assert_eq!((&revoked["revoked_keys"], &revoked["made_keys"]), (&json!([key]), &json!([])));
    let live = client.query("select 1 from api_keys where revoked_at is null", &[]).await.unwrap();
    assert_eq!(live.len(), 1);
    let again = place.cli("user role ada none --revoke-made-keys").await;
    assert_eq!((&again["revoked_keys"], &again["made_keys"]), (&json!([]), &json!([])));
}
