//! Sessions: what begins them, what ends them, and who cannot use one that is not theirs.

use http::Method;
use http_body_util::Full;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tollgate_admin::AdminConfig;
use tollgate_domain::ApiKeyPurpose;
use tollgate_store::management::keys::PlatformRole;

use crate::house::{House, start};

const SESSION: &str = "/admin/api/v1/session";
const USERS: &str = "/admin/api/v1/users";

fn later(minutes: i64) -> Timestamp {
    start() + SignedDuration::from_mins(minutes)
}

#[tokio::test]
async fn a_session_says_who_is_signed_in_and_a_key_is_no_session() {
    let house = House::open().await;
    let ada = house.person("ada", Some(PlatformRole::Viewer)).await;
    let session = house.signs_in(ada).await;
    let said = house.get(&session, SESSION).await.ok();
    assert_eq!(said["user"], json!({ "id": ada, "name": "ada" }));
    assert_eq!((&said["role"], &said["has_password"]), (&json!("viewer"), &json!(false)));
    assert_eq!(said["expires_at"], json!(later(12 * 60)));
    assert_eq!(session.split_once('|').unwrap().1, said["csrf_token"].as_str().unwrap());
    let methods = house
        .send(house.request(&Method::GET, "/admin/api/v1/sign-in-methods").body(Full::default()).unwrap());
    assert_eq!(methods.await.ok(), json!({ "password": true, "oidc": null }));
    let manager = house.manager().await;
    assert_eq!(house.get(&manager.key, SESSION).await.problem().0, 403);
}

#[tokio::test]
async fn who_signs_in_gets_a_new_session_whatever_the_browser_had_before() {
    let house = House::open().await;
    let ada = house.person("ada", None).await;
    let sign_in_with = async |cookie: &str| {
        let code = house.code(ada).await;
        let request = house.request(&Method::POST, SESSION).header("cookie", cookie);
        let request = request.header("content-type", "application/json");
        house.send(request.body(Full::from(json!({ "code": code }).to_string())).unwrap()).await
    };
    // One that somebody planted does not become a session.
    let planted = "tollgate_session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let first = sign_in_with(planted).await;
    assert_ne!(first.cookie(), planted);
    assert_eq!(house.get(&format!("{planted}|"), SESSION).await.problem().0, 401);
    // One that was somebody's ends.
    let second = sign_in_with(first.cookie()).await;
    assert_ne!(second.cookie(), first.cookie());
    assert_eq!(house.get(&first.session(), SESSION).await.problem().0, 401);
    house.get(&second.session(), SESSION).await.ok();
    assert_eq!(house.rows("select 1 from sessions").await.len(), 1);
}

#[tokio::test]
async fn a_change_by_cookie_needs_the_token_of_its_own_session() {
    let house = House::open().await;
    let manager = house.person("boss", Some(PlatformRole::Manager)).await;
    let (one, other) = (house.signs_in(manager).await, house.signs_in(manager).await);
    let (cookie, token) = one.split_once('|').unwrap();
    let others_token = other.split_once('|').unwrap().1;
    let create = async |headers: &[(&str, &str)]| {
        let mut request = house.request(&Method::POST, USERS).header("content-type", "application/json");
        for (name, value) in headers.iter().chain([&("cookie", cookie)]) {
            request = request.header(*name, *value);
        }
        house.send(request.body(Full::from(r#"{"name":"made"}"#)).unwrap()).await
    };
    let name = "x-csrf-token";
    let address = house.request(&Method::GET, "").uri_ref().unwrap().authority().unwrap().to_string();
    for headers in [
        vec![],
        vec![(name, "")],
        vec![(name, "wrong")],
        vec![(name, others_token)],
        vec![(name, token), (name, token)],
        // The right one, from a page of somebody else.
        vec![(name, token), ("sec-fetch-site", "cross-site")],
        vec![(name, token), ("sec-fetch-site", "same-site")],
        vec![(name, token), ("origin", "https://evil.test")],
        vec![(name, token), ("origin", "null")],
    ] {
        assert_eq!(create(&headers).await.problem(), (403, "csrf".to_owned()), "{headers:?}");
    }
    assert!(house.rows("select 1 from users where name = 'made'").await.is_empty());
    create(&[(name, token), ("sec-fetch-site", "same-origin")]).await.ok();
    let own = format!("http://{address}");
    assert_eq!(create(&[(name, token), ("origin", &own)]).await.problem().0, 409, "it is made already");
    // To sign somebody else in by a page of one's own is refused as well.
    let code = house.code(manager).await;
    let request = house.request(&Method::POST, SESSION).header("sec-fetch-site", "cross-site");
    let request = request.header("content-type", "application/json");
    let reply = house.send(request.body(Full::from(json!({ "code": code }).to_string())).unwrap()).await;
    assert_eq!(reply.problem(), (403, "csrf".to_owned()));
    house.sign_in(&json!({ "code": code })).await.ok();
}

#[tokio::test]
async fn signing_out_ends_the_session_in_the_database() {
    let house = House::open().await;
    let ada = house.person("ada", None).await;
    let (one, two) = (house.signs_in(ada).await, house.signs_in(ada).await);
    let reply = house.write(Method::DELETE, &one, SESSION, &Value::Null).await;
    assert_eq!(reply.status, 204);
    assert!(reply.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(house.rows("select 1 from sessions").await.len(), 1);
    assert_eq!(house.get(&one, SESSION).await.problem(), (401, "unauthenticated".to_owned()));
    house.get(&two, SESSION).await.ok();
    // Everywhere: hers and nobody else's.
    let three = house.signs_in(ada).await;
    let bob = house.person("bob", None).await;
    let bobs = house.signs_in(bob).await;
    assert_eq!(house.write(Method::DELETE, &two, "/admin/api/v1/sessions", &Value::Null).await.status, 204);
    for ended in [&two, &three] {
        assert_eq!(house.get(ended, SESSION).await.problem().0, 401);
    }
    house.get(&bobs, SESSION).await.ok();
}

#[tokio::test]
async fn a_session_ends_when_nothing_is_asked_in_it_and_at_the_latest_after_twelve_hours() {
    let house = House::open().await;
    let ada = house.person("ada", None).await;
    let (idle, busy) = (house.signs_in(ada).await, house.signs_in(ada).await);
    for minutes in [100, 200, 300, 400, 500, 600, 700, 719] {
        house.clock.set(later(minutes));
        house.get(&busy, SESSION).await.ok();
    }
    assert_eq!(house.get(&idle, SESSION).await.problem().0, 401);
    // To the minute, and no finer.
    let seen = house
        .rows("select last_seen_at from sessions where last_seen_at = date_trunc('minute', last_seen_at)")
        .await;
    assert!(!seen.is_empty());
    house.clock.set(later(720));
    assert_eq!(house.get(&busy, SESSION).await.problem().0, 401);
}

#[tokio::test]
async fn a_role_that_changes_is_in_force_at_the_next_request() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.person("ada", None).await;
    let session = house.signs_in(ada).await;
    let role = async |role: Value| {
        let path = format!("{USERS}/{ada}/role");
        house.write(Method::PUT, &manager.key, &path, &json!({ "role": role })).await.ok()
    };
    assert_eq!(house.get(&session, USERS).await.problem().0, 403);
    assert_eq!(role(json!("viewer")).await["role"], "viewer");
    house.get(&session, USERS).await.ok();
    assert_eq!(house.post(&session, USERS, &json!({ "name": "x" })).await.problem().0, 403);
    role(json!("manager")).await;
    house.post(&session, USERS, &json!({ "name": "x" })).await.ok();
    assert_eq!(house.get(&session, SESSION).await.ok()["role"], "manager");
    role(Value::Null).await;
    assert_eq!(house.get(&session, USERS).await.problem().0, 403);
    let log =
        house.rows("select actor, before, after from audit_log where action = 'user.role' order by at").await;
    assert_eq!(log.len(), 3, "{log:?}");
    assert_eq!(log[2]["before"], json!({ "role": "manager" }));
    // What no role is, and nothing at all, are refused.
    for body in [json!({ "role": "god" }), json!({}), json!({ "role": "viewer", "name": "x" })] {
        let path = format!("{USERS}/{ada}/role");
        assert_eq!(house.write(Method::PUT, &manager.key, &path, &body).await.problem().0, 422, "{body}");
    }
    // What a person does is in the log under their name.
    let made = house.rows("select actor from audit_log where action = 'user.create' and subject = 'x'").await;
    assert_eq!(made[0]["actor"], format!("user:{ada}"));
}

#[tokio::test]
async fn a_deactivated_user_is_out_at_once_and_does_not_come_in_again() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.person("ada", Some(PlatformRole::Viewer)).await;
    let session = house.signs_in(ada).await;
    let password = json!({ "password": "correct horse battery", "current": null });
    let path = "/admin/api/v1/session/password";
    assert_eq!(house.write(Method::PUT, &session, path, &password).await.status, 204);
    let code = house.code(ada).await;
    house.post(&manager.key, &format!("{USERS}/{ada}/deactivate"), &Value::Null).await.ok();
    assert_eq!(house.get(&session, SESSION).await.problem().0, 401);
    assert_eq!(house.sign_in(&json!({ "code": code })).await.problem().0, 401);
    let by_password = json!({ "name": "ada", "password": "correct horse battery" });
    assert_eq!(house.sign_in(&by_password).await.problem(), (401, "wrong_credentials".to_owned()));
    let left =
        "select 1 from sessions union all select 1 from sign_in_codes union all select 1 from user_passwords";
    assert!(house.rows(left).await.is_empty());
    let link = format!("{USERS}/{ada}/sign-in-links");
    assert_eq!(house.post(&manager.key, &link, &Value::Null).await.problem().0, 404);
}

#[tokio::test]
async fn no_session_begins_for_a_user_who_is_deactivated_meanwhile() {
    let house = House::open().await;
    house.manager().await;
    let ada = house.person("ada", None).await;
    let code = house.code(ada).await;
    let (held, release) = (tokio::sync::Notify::new(), tokio::sync::Notify::new());
    let deactivating = house.store.tx("deactivate", async |tx| {
        tollgate_store::management::accounts::deactivate(&tx, ada, "test").await?;
        held.notify_one();
        release.notified().await;
        Ok(())
    });
    let signing_in = async {
        held.notified().await;
        let body = json!({ "code": code });
        let signed_in = house.sign_in(&body);
        let letting_go = async {
            let waiting = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
            while house.rows(waiting).await.is_empty() {
                tokio::task::yield_now().await;
            }
            release.notify_one();
        };
        tokio::join!(signed_in, letting_go).0
    };
    let (deactivated, signed_in) = tokio::join!(deactivating, signing_in);
    deactivated.unwrap();
    assert_eq!(signed_in.problem().0, 401);
    assert!(house.rows("select 1 from sessions").await.is_empty());
}

#[tokio::test]
async fn the_cookie_is_for_no_script_and_no_other_site_and_behind_tls_for_no_other_host() {
    let house = House::open().await;
    let ada = house.person("ada", None).await;
    let code = house.code(ada).await;
    let reply = house.sign_in(&json!({ "code": code })).await;
    let cookie = reply.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("tollgate_session="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200"), "{cookie}");

    let behind_tls = AdminConfig { tls_in_front: true, ..AdminConfig::default() };
    let house = House::open_with(behind_tls).await;
    let ada = house.person("ada", None).await;
    let code = house.code(ada).await;
    let reply = house.sign_in(&json!({ "code": code })).await;
    let cookie = reply.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-tollgate_session="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200; Secure"), "{cookie}");
    house.get(&reply.session(), SESSION).await.ok();
    // Without the prefix another host of the domain may have set it.
    let bare = reply.session().replace("__Host-", "");
    assert_eq!(house.get(&bare, SESSION).await.problem().0, 401);
}

#[tokio::test]
async fn a_session_has_no_more_rights_than_its_user_whose_key_may_have_more() {
    let house = House::open().await;
    let boss = house.tenant("boss", ApiKeyPurpose::Platform, Some(PlatformRole::Manager)).await;
    let session = house.signs_in(boss.id).await;
    assert_eq!(house.get(&session, USERS).await.problem().0, 403, "the role is the key's and not the user's");
    // A key is what somebody sends on purpose: beside one, the cookie is not looked at.
    let cookie = session.split_once('|').unwrap().0;
    let request = house.request_by(&Method::GET, &boss.key, USERS).header("cookie", cookie);
    house.send(request.body(Full::default()).unwrap()).await.ok();
}

#[tokio::test]
async fn a_code_is_as_good_as_before_where_its_session_could_not_begin() {
    let house = House::open().await;
    let ada = house.person("ada", None).await;
    let code = house.code(ada).await;
    let change = async |sql: &str| {
        house.store.tx("change", async |tx| Ok(tx.batch_execute(sql).await?)).await.unwrap();
    };
    // The database takes no session, once the code is used up.
    change(
        "create function refuse_session() returns trigger language plpgsql as $$ begin raise exception 'none today'; end $$;
         create trigger refuse before insert on sessions for each row execute function refuse_session()",
    )
    .await;
    let sign_in = json!({ "code": code });
    assert!(house.sign_in(&sign_in).await.status.is_server_error());
    change("drop trigger refuse on sessions").await;
    house.sign_in(&sign_in).await.session();
    assert_eq!(house.sign_in(&sign_in).await.problem().0, 401);
}

#[tokio::test]
async fn of_more_sessions_than_one_user_may_have_those_that_began_last_stay_also_where_all_began_at_one_instant()
 {
    let house = House::open().await;
    let ada = house.person("ada", None).await;
    let mut sessions = Vec::new();
    for _ in 0..25 {
        sessions.push(house.signs_in(ada).await);
    }
    let mut live = Vec::new();
    for session in &sessions {
        live.push(house.get(session, SESSION).await.status == 200);
    }
    assert_eq!(live, [[false; 5].as_slice(), &[true; 20]].concat());
}
