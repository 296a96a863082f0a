//! Who loses the power to make a way in for somebody else makes none that nobody is told of.

use std::sync::atomic::{AtomicBool, Ordering};

use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tollgate_admin::{AdminConfig, OidcConfig};
use tollgate_domain::{ApiKeyPurpose, Clock, UserId};
use tollgate_store::management::keys::{self, PlatformRole};
use tollgate_store::management::roles::{self, MadeKeys};
use tollgate_store::{StoreError, Tx};

use crate::house::{House, Reply, start};

const USERS: &str = "/admin/api/v1/users";
const KEYS: &str = "/admin/api/v1/api-keys";

/// Where a subject may be linked.
fn with_a_provider() -> AdminConfig {
    let oidc = OidcConfig {
        issuer: "https://login.test".to_owned(),
        client_id: "tollgate".to_owned(),
        ..OidcConfig::default()
    };
    AdminConfig { oidc, ..AdminConfig::default() }
}

/// The answer to a request that comes in while `taking` has done its work and not committed. It commits when the request stands behind a
/// lock, or has ended without one.
async fn while_taken_away(
    house: &House,
    taking: impl AsyncFn(&Tx) -> Result<(), StoreError>,
    request: impl Future<Output = Reply>,
) -> Reply {
    while_held(house, taking, request, || ()).await
}

/// As [`while_taken_away`]; `meanwhile` is done before it commits.
async fn while_held(
    house: &House,
    taking: impl AsyncFn(&Tx) -> Result<(), StoreError>,
    request: impl Future<Output = Reply>,
    meanwhile: impl Fn(),
) -> Reply {
    let (begun, has_ended) = (Notify::new(), AtomicBool::new(false));
    let taken = house.store.tx("taking", async |tx| {
        taking(&tx).await?;
        begun.notify_one();
        let waiting = "select exists (select from pg_locks l join pg_stat_activity a on a.pid = l.pid
                                      where a.datname = current_database() and not l.granted)";
        let is_waiting = async |tx: Tx| Ok(tx.query_one(waiting, &[]).await?.try_get::<_, bool>(0)?);
        loop {
            if has_ended.load(Ordering::SeqCst) || house.store.tx("waiting", is_waiting).await? {
                break;
            }
        }
        meanwhile();
        Ok(())
    });
    let reply = async {
        begun.notified().await;
        let reply = request.await;
        has_ended.store(true, Ordering::SeqCst);
        reply
    };
    let (taken, reply) = tokio::join!(taken, reply);
    taken.unwrap();
    reply
}

/// All that leads in as `other`, and their role.
async fn doors_of(house: &House, other: UserId) -> Vec<Value> {
    let sql = format!(
        "select (select count(*) from sign_in_codes where user_id = u.id and used_at is null) as links,
                (select count(*) from user_identities where user_id = u.id) as identities,
                (select count(*) from api_keys where user_id = u.id) as keys, role
         from users u where id = '{other}'"
    );
    house.rows(&sql).await
}

/// What makes a way in as `other`: method, path and body.
fn requests(other: UserId, others_key: &str) -> [(Method, String, Value); 5] {
    let key = json!({ "user_id": other, "purpose": "platform", "role": "manager" });
    [
        (Method::POST, format!("{USERS}/{other}/sign-in-links"), Value::Null),
        (Method::POST, format!("{USERS}/{other}/identities"), json!({ "subject": "ada, too" })),
        (Method::POST, KEYS.to_owned(), key),
        (Method::POST, format!("{KEYS}/{others_key}/rotate"), json!({ "overlap_seconds": 60 })),
        (Method::PUT, format!("{USERS}/{other}/role"), json!({ "role": "viewer" })),
    ]
}

#[tokio::test]
async fn what_a_manager_sends_who_is_demoted_meanwhile_is_refused_and_leaves_nothing() {
    let house = House::open_with(with_a_provider()).await;
    house.manager().await;
    let other = house.person("other", Some(PlatformRole::Manager)).await;
    let (others_key, _) = house.key(other, ApiKeyPurpose::Platform, Some(PlatformRole::Manager)).await;
    let before = doors_of(&house, other).await;
    for (no, (method, path, body)) in requests(other, &others_key.to_string()).into_iter().enumerate() {
        let ada = house.person(&format!("ada {no}"), Some(PlatformRole::Manager)).await;
        let session = house.signs_in(ada).await;
        let now = house.clock.now();
        let demote = async |tx: &Tx| {
            roles::set(tx, ada, None, MadeKeys::Keep, now, None, "test").await?;
            Ok(())
        };
        let reply = while_taken_away(&house, demote, house.write(method, &session, &path, &body)).await;
        assert_eq!(reply.problem(), (403, "forbidden".to_owned()), "{path}");
        assert_eq!(doors_of(&house, other).await, before, "{path}");
    }
}

#[tokio::test]
async fn what_is_sent_with_a_key_that_is_revoked_meanwhile_is_refused_and_leaves_nothing() {
    let house = House::open_with(with_a_provider()).await;
    house.manager().await;
    let other = house.person("other", Some(PlatformRole::Manager)).await;
    let (others_key, _) = house.key(other, ApiKeyPurpose::Platform, Some(PlatformRole::Manager)).await;
    let before = doors_of(&house, other).await;
    for (no, (method, path, body)) in requests(other, &others_key.to_string()).into_iter().enumerate() {
        let name = format!("machine {no}");
        let machine = house.tenant(&name, ApiKeyPurpose::Platform, Some(PlatformRole::Manager)).await;
        let revoke = async |tx: &Tx| {
            keys::revoke(tx, machine.key_id, "test").await?;
            Ok(())
        };
        let reply = while_taken_away(&house, revoke, house.write(method, &machine.key, &path, &body)).await;
        assert_eq!(reply.problem(), (403, "forbidden".to_owned()), "{path}");
        assert_eq!(doors_of(&house, other).await, before, "{path}");
    }
}

#[tokio::test]
async fn sessions_and_passwords_that_a_demoted_managers_links_led_to_are_listed_until_they_end() {
    let house = House::open().await;
    let boss = house.manager().await;
    let ada = house.person("ada", Some(PlatformRole::Manager)).await;
    let session = house.signs_in(ada).await;
    let other = house.person("other", Some(PlatformRole::Manager)).await;
    let viewer = house.person("viewer", Some(PlatformRole::Viewer)).await;
    let customer = house.person("customer", None).await;
    let come_in = async |by: &str, user: UserId| {
        let made = house.post(by, &format!("{USERS}/{user}/sign-in-links"), &Value::Null).await.ok();
        let (_, code) = made["url"].as_str().unwrap().split_once("code=").unwrap();
        house.sign_in(&json!({ "code": code })).await.session()
    };
    let set_password = async |session: &str, password: &str| {
        let body = json!({ "password": password });
        let reply = house.write(Method::PUT, session, "/admin/api/v1/session/password", &body).await;
        assert_eq!(reply.status, 204, "{reply:?}");
    };
    for (second, user) in (1..).zip([other, viewer, customer]) {
        house.clock.set(start() + SignedDuration::from_secs(second));
        let theirs = come_in(&session, user).await;
        if user != viewer {
            set_password(&theirs, "correct horse battery").await;
        }
    }
    let listed = |answer: &Value| (answer["made_sessions"].clone(), answer["made_passwords"].clone());
    let demote = async |role: Value| {
        let path = format!("{USERS}/{ada}/role");
        listed(&house.write(Method::PUT, &boss.key, &path, &json!({ "role": role })).await.ok())
    };
    assert_eq!(demote(json!("manager")).await, (json!([]), json!([])));
    assert_eq!(demote(json!("viewer")).await, (json!([other]), json!([other])));
    assert_eq!(demote(Value::Null).await, (json!([other, viewer]), json!([other])));
    // By the password, somebody comes in again: whoever set it may be the one.
    house.clock.set(start() + SignedDuration::from_hours(13));
    assert_eq!(demote(Value::Null).await, (json!([]), json!([other])));
    let by_password = json!({ "name": "other", "password": "correct horse battery" });
    house.sign_in(&by_password).await.ok();
    assert_eq!(demote(Value::Null).await, (json!([other]), json!([other])));
    // What is advised ends both.
    set_password(&come_in(&boss.key, other).await, "another horse battery").await;
    assert_eq!(demote(Value::Null).await, (json!([]), json!([])));
}

#[tokio::test]
async fn what_a_manager_made_for_others_is_listed_where_the_manager_is_deactivated() {
    let house = House::open_with(with_a_provider()).await;
    let boss = house.manager().await;
    let ada = house.person("ada", Some(PlatformRole::Manager)).await;
    let session = house.signs_in(ada).await;
    let other = house.person("other", Some(PlatformRole::Manager)).await;
    let viewer = house.person("viewer", Some(PlatformRole::Viewer)).await;
    let post = async |path: String, body: Value| house.post(&session, &path, &body).await.ok();
    let key = json!({ "user_id": other, "purpose": "platform", "role": "viewer" });
    let key = post(KEYS.to_owned(), key).await["id"].clone();
    let identity =
        post(format!("{USERS}/{other}/identities"), json!({ "subject": "ada, too" })).await["id"].clone();
    post(format!("{USERS}/{other}/sign-in-links"), Value::Null).await;
    let link = post(format!("{USERS}/{viewer}/sign-in-links"), Value::Null).await;
    let (_, code) = link["url"].as_str().unwrap().split_once("code=").unwrap();
    house.sign_in(&json!({ "code": code })).await.ok();

    // Also when it is asked again.
    for _ in 0..2 {
        let answer = house.post(&boss.key, &format!("{USERS}/{ada}/deactivate"), &Value::Null).await.ok();
        assert!(answer["deactivated_at"].is_string(), "{answer}");
        assert_eq!(answer["made_keys"], json!([key]));
        assert_eq!(answer["made_identities"], json!([{ "id": identity, "user_id": other }]));
        assert_eq!(answer["made_sign_in_links"], json!([other]));
        assert_eq!((&answer["made_sessions"], &answer["made_passwords"]), (&json!([viewer]), &json!([])));
    }
}

#[tokio::test]
async fn what_waited_until_its_session_had_ended_by_the_clock_is_refused_and_leaves_nothing() {
    let house = House::open_with(with_a_provider()).await;
    let other = house.person("other", Some(PlatformRole::Manager)).await;
    let (others_key, _) = house.key(other, ApiKeyPurpose::Platform, Some(PlatformRole::Manager)).await;
    let before = doors_of(&house, other).await;
    let ada = house.person("ada", Some(PlatformRole::Manager)).await;
    for (method, path, body) in requests(other, &others_key.to_string()) {
        let session = house.signs_in(ada).await;
        let end = house.clock.now() + SignedDuration::from_hours(2);
        let hold = async |tx: &Tx| {
            tx.execute("select 1 from users where id = $1 for update", &[&other.as_uuid()]).await?;
            Ok(())
        };
        let request = house.write(method, &session, &path, &body);
        let reply = while_held(&house, hold, request, || house.clock.set(end)).await;
        assert_eq!(reply.problem(), (403, "forbidden".to_owned()), "{path}");
        assert_eq!(doors_of(&house, other).await, before, "{path}");
    }
}

#[tokio::test]
async fn what_a_manager_made_as_somebody_else_by_a_link_is_listed_when_that_session_has_ended() {
    let house = House::open_with(with_a_provider()).await;
    let boss = house.manager().await;
    let ada = house.person("ada", Some(PlatformRole::Manager)).await;
    let other = house.person("other", Some(PlatformRole::Manager)).await;
    let come_in = async |by: &str| {
        let made = house.post(by, &format!("{USERS}/{other}/sign-in-links"), &Value::Null).await.ok();
        let (_, code) = made["url"].as_str().unwrap().split_once("code=").unwrap();
        house.sign_in(&json!({ "code": code })).await.session()
    };
    let session = house.signs_in(ada).await;
    let as_other = come_in(&session).await;
    let key = json!({ "user_id": other, "purpose": "platform", "role": "manager" });
    let key = house.post(&as_other, KEYS, &key).await.ok()["id"].clone();
    let path = format!("{USERS}/{other}/identities");
    let identity = house.post(&as_other, &path, &json!({ "subject": "ada, too" })).await.ok()["id"].clone();
    let again = come_in(&as_other).await;
    // Which ends the session before.
    let body = json!({ "password": "correct horse battery" });
    let reply = house.write(Method::PUT, &again, "/admin/api/v1/session/password", &body).await;
    assert_eq!(reply.status, 204, "{reply:?}");

    let path = format!("{USERS}/{ada}/role");
    let answer = house.write(Method::PUT, &boss.key, &path, &json!({ "role": null })).await.ok();
    assert_eq!(answer["made_keys"], json!([key]));
    assert_eq!(answer["made_identities"], json!([{ "id": identity, "user_id": other }]));
    assert_eq!((&answer["made_sessions"], &answer["made_passwords"]), (&json!([other]), &json!([other])));
    let revoke = json!({ "role": null, "revoke_made_keys": true });
    let answer = house.write(Method::PUT, &boss.key, &path, &revoke).await.ok();
    assert_eq!((&answer["revoked_keys"], &answer["made_keys"]), (&json!([key]), &json!([])));
}
