//! What nobody gets by what a request says of itself: headers, fields that are not the caller's to set, and names with markup in them.

use http::Method;
use http_body_util::Full;
use serde_json::{Value, json};
use tollgate_domain::ApiKeyPurpose;

use crate::house::{House, Reply};

const USERS: &str = "/admin/api/v1/users";
const KEYS: &str = "/admin/api/v1/api-keys";

#[tokio::test]
async fn no_header_makes_a_caller_somebody_else() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Platform, None).await;
    let bob = house.tenant("bob", ApiKeyPurpose::Platform, None).await;
    let (managers, users) = (manager.id.to_string(), bob.id.to_string());
    let claims = [
        ("x-forwarded-user", managers.as_str()),
        ("x-remote-user", "the manager"),
        ("x-user-id", &managers),
        ("x-tollgate-user", &managers),
        ("x-tollgate-role", "manager"),
        ("x-role", "manager"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-real-ip", "127.0.0.1"),
        ("forwarded", "for=127.0.0.1;host=localhost"),
        ("x-original-url", "/admin/api/v1/session"),
        ("x-rewrite-url", "/admin/api/v1/session"),
    ];
    let ask = async |method: &Method, credential: Option<&str>, path: &str| {
        let mut request = house.request(method, path);
        if let Some(key) = credential {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        for (name, value) in claims {
            request = request.header(name, value);
        }
        house.send(request.body(Full::default()).unwrap()).await
    };
    assert_eq!(ask(&Method::GET, None, USERS).await.problem().0, 401);
    assert_eq!(ask(&Method::POST, Some(&ada.key), USERS).await.problem().0, 403);
    assert_eq!(ask(&Method::GET, Some(&ada.key), &format!("{USERS}/{users}")).await.problem().0, 404);
    let own = ask(&Method::GET, Some(&ada.key), &format!("{USERS}/{}", ada.id)).await.ok();
    assert_eq!(own["name"], "ada");

    // The method is the one on the request line.
    let overridden = house
        .request_by(&Method::GET, &manager.key, &format!("{USERS}/{users}"))
        .header("x-http-method-override", "DELETE")
        .header("x-method-override", "DELETE");
    assert_eq!(house.send(overridden.body(Full::default()).unwrap()).await.ok()["name"], "bob");
    assert_eq!(house.rows("select 1 from users where deleted_at is not null").await.len(), 0);
}

#[tokio::test]
async fn no_header_makes_tries_to_sign_in_those_of_another_address_or_links_lead_elsewhere() {
    let house = House::open().await;
    let manager = house.manager().await;
    let mut last = None;
    for guess in 0..51 {
        let elsewhere = format!("203.0.113.{guess}");
        let request = house
            .request(&Method::POST, "/admin/api/v1/session")
            .header("content-type", "application/json")
            .header("x-forwarded-for", &elsewhere)
            .header("x-real-ip", &elsewhere)
            .header("forwarded", format!("for={elsewhere}"));
        let body = json!({ "code": format!("guess {guess}") }).to_string();
        last = Some(house.send(request.body(Full::from(body)).unwrap()).await);
    }
    assert_eq!(last.unwrap().problem(), (429, "too_many_attempts".to_owned()));

    let path = format!("{USERS}/{}/sign-in-links", manager.id);
    let spoofed =
        [("x-forwarded-host", "evil.test"), ("x-host", "evil.test"), ("forwarded", "host=evil.test")];
    let link = house.write_with(Method::POST, &manager.key, &path, &Value::Null, &spoofed).await.ok();
    assert!(!link["url"].as_str().unwrap().contains("evil"), "{link}");
}

#[tokio::test]
async fn no_body_sets_a_role_a_balance_an_owner_or_an_id() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Platform, None).await;
    let id = ada.id.to_string();
    let fields = [
        ("role", json!("manager")),
        ("platform_role", json!("manager")),
        ("is_manager", json!(true)),
        ("balance", json!("1000")),
        ("low_balance", json!("1000")),
        ("id", json!(id)),
        ("owner", json!(id)),
        ("owner_id", json!(id)),
        ("created_by", json!(id)),
        ("created_at", json!("2020-01-01T00:00:00Z")),
        ("deleted_at", Value::Null),
        ("revoked_at", Value::Null),
        ("revoke_at", Value::Null),
        ("digest", json!("00")),
        ("secret", json!("tg-known")),
        ("prefix", json!("tg-known")),
        ("__proto__", json!({ "role": "manager" })),
        ("constructor", json!({ "role": "manager" })),
    ];
    let rotate = format!("{KEYS}/{}/rotate", ada.key_id);
    let credits = format!("{USERS}/{id}/credits");
    let role = format!("{USERS}/{id}/role");
    let good = [
        (Method::POST, USERS, json!({ "name": "new" })),
        (Method::POST, KEYS, json!({ "user_id": id })),
        (Method::POST, &rotate, json!({ "overlap_seconds": 60 })),
        (Method::POST, &credits, json!({ "type": "admin_grant", "amount": "1" })),
        (Method::PUT, &role, json!({ "role": "viewer" })),
        (Method::POST, "/admin/api/v1/models", json!({ "alias": "m", "endpoint_id": id })),
        (Method::POST, "/admin/api/v1/endpoints", json!({ "name": "e", "base_url": "http://up.test" })),
    ];
    let state = async || {
        house
            .rows(
                "select (select count(*) from users) as users, (select count(*) from api_keys) as keys,
                        (select count(*) from users where role is not null) as roles,
                        (select count(*) from credit_movements) as movements,
                        (select count(*) from inference_endpoints) as endpoints",
            )
            .await
    };
    let before = state().await;
    let mut refused = 0;
    for (method, path, body) in &good {
        for (name, value) in &fields {
            // A field that the route has is its own; the tests of roles are about it.
            let is_its_own = body.get(name).is_some() || (*path == KEYS && *name == "role");
            if is_its_own {
                continue;
            }
            let mut body = body.clone();
            body[*name] = value.clone();
            let headers = [("idempotency-key", "one key for all")];
            let reply = house.write_with(method.clone(), &manager.key, path, &body, &headers).await;
            assert_eq!(reply.problem(), (422, "invalid".to_owned()), "{method} {path} {body}");
            refused += 1;
        }
    }
    assert_eq!(refused, good.len() * fields.len() - 2);
    assert_eq!(state().await, before);
    // A field twice is not read as one or the other.
    let twice = format!(r#"{{"user_id":"{id}","user_id":"{}"}}"#, manager.id);
    let request =
        house.request_by(&Method::POST, &manager.key, KEYS).header("content-type", "application/json");
    let reply = house.send(request.body(Full::from(twice)).unwrap()).await;
    assert!([400, 422].contains(&reply.problem().0), "{reply:?}");
    assert_eq!(state().await, before);
}

#[tokio::test]
async fn markup_in_a_name_comes_back_as_text_in_json_that_no_browser_takes_for_a_page() {
    let house = House::open().await;
    let manager = house.manager().await;
    let key = &manager.key;
    let name = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'`&lt;";
    let is_text = |reply: &Reply, kind: &str| {
        assert_eq!(reply.headers["content-type"], kind);
        assert_eq!(reply.headers["x-content-type-options"], "nosniff");
        let policy = reply.headers["content-security-policy"].to_str().unwrap();
        // Scripts fall under the default.
        assert!(policy.contains("default-src 'self'") && !policy.contains("script-src"), "{policy}");
    };
    let ok = async |path: &str, body: Value| {
        let reply = house.post(key, path, &body).await;
        is_text(&reply, "application/json");
        reply.ok()
    };
    let user = ok(USERS, json!({ "name": name })).await;
    let made = ok(KEYS, json!({ "user_id": user["id"], "name": name })).await;
    let endpoints = "/admin/api/v1/endpoints";
    let endpoint =
        ok(endpoints, json!({ "name": name, "base_url": "http://up.test", "provider_name": name })).await;
    let models = "/admin/api/v1/models";
    let model =
        ok(models, json!({ "alias": name, "endpoint_id": endpoint["id"], "upstream_model": name })).await;
    let credits = format!("{USERS}/{}/credits", user["id"].as_str().unwrap());
    let grant = json!({ "type": "admin_grant", "amount": "1", "reason": name });
    let granted = house.write_with(Method::POST, key, &credits, &grant, &[("idempotency-key", "a")]).await;
    is_text(&granted, "application/json");
    assert_eq!(granted.status, 201);
    for (got, field) in [
        (&user, "name"),
        (&made, "name"),
        (&endpoint, "name"),
        (&endpoint, "provider_name"),
        (&model, "alias"),
    ] {
        assert_eq!(got[field], name, "as it was given, neither changed nor doubly escaped");
    }
    let ledger = format!("{USERS}/{}/ledger", user["id"].as_str().unwrap());
    for path in [USERS, KEYS, endpoints, models, "/admin/api/v1/audit-log", &ledger] {
        let reply = house.get(key, path).await;
        is_text(&reply, "application/json");
        let text = serde_json::to_string(name).unwrap();
        let body = String::from_utf8(reply.body.to_vec()).unwrap();
        assert!(body.contains(&text), "{path} does not show {text}: {body}");
    }
    // Also where a problem says it again.
    let again = house.post(key, USERS, &json!({ "name": name })).await;
    assert_eq!(again.problem(), (409, "conflict".to_owned()));
    is_text(&again, "application/problem+json");
    let unknown = house.get(key, &format!("{USERS}?%3Cscript%3Ealert(1)%3C/script%3E=1")).await;
    assert_eq!(unknown.problem().0, 400);
    is_text(&unknown, "application/problem+json");
}

#[tokio::test]
async fn into_a_new_platform_leads_no_password_key_or_link_until_the_command_line_makes_one() {
    let house = House::open().await;
    let ways = "select 'password' from user_passwords union all select 'key' from api_keys union all select 'link' from sign_in_codes
                union all select 'session' from sessions union all select 'identity' from user_identities
                union all select 'role' from users where role is not null";
    assert_eq!(house.rows(ways).await, Vec::<Value>::new());
    for (name, password) in [
        ("system", ""),
        ("system", "system"),
        ("admin", "admin"),
        ("admin", "password"),
        ("tollgate", "tollgate"),
        ("root", ""),
    ] {
        let sign_in = house.sign_in(&json!({ "name": name, "password": password })).await;
        assert_eq!(sign_in.problem(), (401, "wrong_credentials".to_owned()), "{name}");
    }
}
