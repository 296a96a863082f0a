//! Who gets through which door: every role at every route.

use std::collections::BTreeSet;

use http::Method;
use http_body_util::Full;
use serde_json::Value;
use tollgate_admin::{Access, MAX_BODY_BYTES, Means, OPENAPI_PATH, Role, doors};
use tollgate_domain::{ApiKeyPurpose, UserId};
use tollgate_store::management::keys::PlatformRole;

use crate::house::House;

/// A path with something in the place of its parameters. Whatever is there, it is no tenant's.
fn filled(path: &str) -> String {
    path.replace("{request_id}", "nothing")
        .replace("{file}", "index.html")
        .replace("{kind}", "images")
        .split('/')
        .map(|part| if part.starts_with('{') { "00000000-0000-4000-8000-000000000000" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

/// Somebody of each role by each means.
struct Someone {
    role: Role,
    means: Means,
    user: UserId,
    credential: String,
}

async fn one_of_each(house: &House) -> Vec<Someone> {
    let platform = ApiKeyPurpose::Platform;
    let mut all = Vec::new();
    for (role, purpose, platform_role) in [
        (Role::Manager, platform, Some(PlatformRole::Manager)),
        (Role::BillingManager, platform, Some(PlatformRole::BillingManager)),
        (Role::Viewer, platform, Some(PlatformRole::Viewer)),
        (Role::Member, platform, None),
        (Role::KeyOwner, ApiKeyPurpose::Realtime, None),
    ] {
        let tenant = house.tenant(&format!("{role:?} by key"), purpose, platform_role).await;
        all.push(Someone { role, means: Means::Key, user: tenant.id, credential: tenant.key });
        if role != Role::KeyOwner {
            let user = house.person(&format!("{role:?}, a person"), platform_role).await;
            let credential = house.signs_in(user).await;
            all.push(Someone { role, means: Means::Session, user, credential });
        }
    }
    all
}

#[tokio::test]
async fn every_role_passes_every_door_that_names_it_and_no_other_by_key_and_by_session() {
    let house = House::open().await;
    let mut callers = one_of_each(&house).await;
    assert_eq!(callers.len(), 2 * Role::ALL.len() - 1);
    for (method, path, access) in doors() {
        for Someone { role, means, user, credential } in &mut callers {
            let request = house.request_by(&method, credential, &filled(&path));
            let reply = house.send(request.body(Full::default()).unwrap()).await;
            let is_refused = reply.status == 403;
            let who = format!("{role:?} by {means:?}, {method} {path}: {}", reply.status);
            assert_eq!(is_refused, !access.lets_in(*role, *means), "{who}");
            // Signing in without a body is no way to sign in.
            assert!(reply.status != 401 && reply.status.as_u16() < 500, "{who}");
            if is_refused {
                assert_eq!(reply.problem(), (403, "forbidden".to_owned()));
            }
            if *means == Means::Session && method == Method::DELETE && path.contains("/session") {
                *credential = house.signs_in(*user).await;
            }
        }
    }
}

#[tokio::test]
async fn nobody_passes_without_a_live_key() {
    let house = House::open().await;
    let manager = house.manager().await;
    let gone = house.key(manager.id, ApiKeyPurpose::Platform, Some(PlatformRole::Manager)).await;
    let path = format!("/admin/api/v1/api-keys/{}/revoke", gone.0);
    house.post(&manager.key, &path, &Value::Null).await.ok();
    let key = |key: &str| vec![("authorization", format!("Bearer {key}"))];
    let credentials = [
        vec![],
        key(&gone.1),
        key("tg-0000000000000000000000000000000000000000000000000000000000000000"),
        key(""),
        vec![("authorization", format!("Basic {}", manager.key))],
        vec![("authorization", manager.key.clone())],
        vec![("authorization", format!("Bearer {}", manager.key)), ("x-api-key", "tg-another".to_owned())],
        vec![("cookie", format!("key={}", manager.key))],
        vec![("cookie", format!("tollgate_session={}", manager.key))],
        vec![("cookie", "tollgate_session=one; tollgate_session=another".to_owned())],
    ];
    for (method, path, access) in doors().into_iter().filter(|(_, _, access)| *access != Access::Public) {
        for credential in &credentials {
            let mut request = house.request(&method, &filled(&path));
            for (name, value) in credential {
                request = request.header(*name, value);
            }
            let reply = house.send(request.body(Full::default()).unwrap()).await;
            assert_eq!(reply.problem(), (401, "unauthenticated".to_owned()), "{method} {path} {access:?}");
            assert_eq!(reply.headers["www-authenticate"], "Bearer");
        }
    }
}

#[tokio::test]
async fn a_key_is_taken_from_either_header_and_the_same_one_from_both() {
    let house = House::open().await;
    let manager = house.manager().await;
    for headers in [
        vec![("x-api-key", manager.key.clone())],
        vec![("authorization", format!("bearer {}", manager.key))],
        vec![("authorization", format!("Bearer {}", manager.key)), ("x-api-key", manager.key.clone())],
    ] {
        let mut request = house.request(&Method::GET, "/admin/api/v1/users");
        for (name, value) in &headers {
            request = request.header(*name, value);
        }
        house.send(request.body(Full::default()).unwrap()).await.ok();
    }
}

#[tokio::test]
async fn what_a_route_does_not_read_is_refused_by_every_route() {
    let house = House::open().await;
    let manager = house.manager().await;
    let document = house.get("", OPENAPI_PATH).await.ok();
    let said = serde_json::json!({ "reason": "somebody meant something by it" });
    let person = house.person("a person", None).await;
    let session = house.signs_in(person).await;
    let mut without_body = 0;
    for (method, path, access) in doors().into_iter().filter(|(_, _, access)| *access != Access::Public) {
        let credential = if access == Access::SignedIn { &session } else { &manager.key };
        let unknown = format!("{}?colour=red", filled(&path));
        let reply = house.write(method.clone(), credential, &unknown, &Value::Null).await;
        assert_eq!(reply.problem(), (400, "bad_request".to_owned()), "{method} {path}");
        let operation = &document["paths"][&path][method.as_str().to_lowercase()];
        if operation["requestBody"].is_null() {
            without_body += 1;
            let reply = house.write(method.clone(), credential, &filled(&path), &said).await;
            assert_eq!(reply.problem(), (422, "invalid".to_owned()), "{method} {path}");
        }
    }
    assert!(without_body > 25, "{without_body}");
    // A body that says nothing is none.
    let revoke = format!("/admin/api/v1/api-keys/{}/revoke", manager.key_id);
    for nothing in [Value::Null, serde_json::json!({})] {
        assert_eq!(house.post(&manager.key, &revoke, &nothing).await.problem().0, 409);
    }
}

#[tokio::test]
async fn the_document_has_every_route_and_nothing_else() {
    let house = House::open().await;
    let document = house.get("", OPENAPI_PATH).await.ok();
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            documented.insert((method.to_uppercase(), path.clone()));
        }
    }
    let routes: BTreeSet<_> =
        doors().into_iter().map(|(method, path, _)| (method.to_string(), path)).collect();
    assert_eq!(documented, routes);
    assert!(routes.len() > 35, "{}", routes.len());
    // Every reference leads to something.
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "two operations are called {name}");
            let is_public = doors().iter().any(|(of, at, access)| {
                of.as_str() == method.to_uppercase() && at == path && *access == Access::Public
            });
            assert_eq!(operation["security"].is_array(), !is_public, "{method} {path}");
            // To sign in, nobody has to be signed in, and may be refused all the same.
            let is_sign_in = path == "/admin/api/v1/session" && method == "post";
            assert_eq!(
                operation["responses"]["401"].is_object(),
                !is_public || is_sign_in,
                "{method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn swagger_ui_comes_with_the_program() {
    let house = House::open().await;
    let leads = house.get("", "/admin/api/v1/docs").await;
    assert_eq!(leads.status, 303);
    let page = house.get("", leads.headers["location"].to_str().unwrap()).await;
    assert_eq!(page.status, 200);
    assert!(page.headers["content-type"].to_str().unwrap().starts_with("text/html"));
    for file in [
        "swagger-ui-bundle.js",
        "swagger-ui.css",
        "swagger-ui-standalone-preset.js",
        "swagger-initializer.js",
    ] {
        let reply = house.get("", &format!("/admin/api/v1/docs/{file}")).await;
        assert_eq!(reply.status, 200, "{file}");
        assert!(!reply.body.is_empty());
    }
    let start = house.get("", "/admin/api/v1/docs/swagger-initializer.js").await;
    let start = String::from_utf8_lossy(&start.body);
    assert!(start.contains(OPENAPI_PATH), "{start}");
    // It asks nobody else what they think of the document.
    assert!(start.contains(r#""validatorUrl": "none""#) && !start.contains("://"), "{start}");
    assert_eq!(house.get("", "/admin/api/v1/docs/../../etc/passwd").await.status, 404);
    assert_eq!(house.get("", "/admin/api/v1/docs/..%2f..%2fCargo.toml").await.status, 404);
}

#[tokio::test]
async fn every_error_is_a_problem_and_says_nothing_of_what_is_inside() {
    let house = House::open().await;
    let manager = house.manager().await;
    let key = &manager.key;
    let users = "/admin/api/v1/users";
    assert_eq!(house.get(key, "/admin/api/v1/nothing").await.problem(), (404, "not_found".to_owned()));
    let wrong = house.write(Method::PUT, key, users, &Value::Null).await;
    assert_eq!(wrong.problem(), (405, "method_not_allowed".to_owned()));
    let allowed = wrong.headers["allow"].to_str().unwrap();
    assert!(allowed.contains("GET") && allowed.contains("POST"), "{allowed}");
    let body = |text: &'static str, kind: &'static str| {
        let request = house.request(&Method::POST, users).header("authorization", format!("Bearer {key}"));
        house.send(request.header("content-type", kind).body(Full::from(text)).unwrap())
    };
    let json = "application/json";
    assert_eq!(body("{", json).await.problem(), (400, "bad_request".to_owned()));
    assert_eq!(body("{\"name\":\"a\"}", "text/plain").await.problem().0, 415);
    for (text, code) in [
        ("{\"name\":\"a\",\"balance\":\"1000\"}", (422, "invalid")),
        ("{\"name\":\"a\",\"is_manager\":true}", (422, "invalid")),
        ("{\"name\":7}", (422, "invalid")),
        ("{}", (422, "invalid")),
        ("[]", (422, "invalid")),
        ("{\"name\":\"a\\u0000b\"}", (422, "invalid")),
        ("{\"name\":\"\"}", (422, "invalid")),
        ("{\"name\":\"the manager\"}", (409, "conflict")),
    ] {
        let (status, said) = body(text, json).await.problem();
        assert_eq!((status, said.as_str()), code, "{text}");
    }
    for query in ["colour=red", "limit=0", "limit=501", "limit=x", "cursor=x", "kind=robot", "search=%00"] {
        let (status, _) = house.get(key, &format!("{users}?{query}")).await.problem();
        assert!(status == 400 || status == 422, "{query}: {status}");
    }
    assert_eq!(house.get(key, "/admin/api/v1/users/bob").await.problem().0, 404);
}

#[tokio::test]
async fn a_body_past_the_limit_is_refused_and_not_read() {
    let house = House::open().await;
    let manager = house.manager().await;
    let name = "a".repeat(MAX_BODY_BYTES);
    let reply = house.post(&manager.key, "/admin/api/v1/users", &serde_json::json!({ "name": name })).await;
    assert_eq!(reply.problem(), (413, "too_large".to_owned()));
}

#[tokio::test]
async fn responses_are_kept_by_nobody_and_shown_by_no_other_site() {
    let house = House::open().await;
    let manager = house.manager().await;
    for path in ["/admin/api/v1/users", "/admin/api/v1/nothing", OPENAPI_PATH] {
        let reply = house.get(&manager.key, path).await;
        assert_eq!(reply.headers["cache-control"], "no-store", "{path}");
        assert_eq!(reply.headers["x-content-type-options"], "nosniff");
        assert_eq!(reply.headers["x-frame-options"], "DENY");
        assert_eq!(reply.headers["referrer-policy"], "no-referrer");
        assert_eq!(reply.headers["cross-origin-opener-policy"], "same-origin");
        let policy = reply.headers["content-security-policy"].to_str().unwrap();
        let directives: Vec<&str> = policy.split(';').map(str::trim).collect();
        for directive in
            ["default-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "object-src 'none'"]
        {
            assert!(directives.contains(&directive), "{directive} in {policy}");
        }
        // Scripts fall under the default: files of our own, none in a page.
        assert!(!policy.contains("script-src"), "{policy}");
    }
}
