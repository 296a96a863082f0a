//! There is always a manager who can come in without the server's own machine.

use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tollgate_admin::{AdminConfig, OidcConfig};
use tollgate_domain::{ApiKeyPurpose, UserId};
use tollgate_store::management::keys::PlatformRole;

use crate::house::{House, start};

const USERS: &str = "/admin/api/v1/users";

/// A manager who signs in, and the session.
async fn person(house: &House, name: &str, has_password: bool) -> (UserId, String) {
    let user = house.person(name, Some(PlatformRole::Manager)).await;
    let session = house.signs_in(user).await;
    if has_password {
        let body = json!({ "password": "correct horse battery", "current": null });
        let reply = house.write(Method::PUT, &session, "/admin/api/v1/session/password", &body).await;
        assert_eq!(reply.status, 204);
    }
    (user, session)
}

async fn set_role(house: &House, by: &str, user: UserId, role: Value) -> u16 {
    let path = format!("{USERS}/{user}/role");
    house.write(Method::PUT, by, &path, &json!({ "role": role })).await.status.as_u16()
}

#[tokio::test]
async fn the_last_manager_who_can_come_in_is_neither_demoted_nor_deactivated() {
    let house = House::open().await;
    let (boss, session) = person(&house, "boss", true).await;
    // Another manager who never set a password has no way in that lasts: a link is over in minutes.
    let (other, others) = person(&house, "other", false).await;
    for by in [&session, &others] {
        assert_eq!(set_role(&house, by, boss, Value::Null).await, 409);
        assert_eq!(set_role(&house, by, boss, json!("viewer")).await, 409);
        let deactivate = format!("{USERS}/{boss}/deactivate");
        assert_eq!(house.post(by, &deactivate, &Value::Null).await.problem(), (409, "conflict".to_owned()));
    }
    // Nothing of what was refused has happened.
    house.get(&session, USERS).await.ok();
    // The other one can go.
    assert_eq!(set_role(&house, &session, other, Value::Null).await, 200);
    // With a key that manages there is another way in; then the key is the last.
    let key = house.tenant("machine", ApiKeyPurpose::Platform, Some(PlatformRole::Manager)).await;
    assert_eq!(set_role(&house, &session, boss, Value::Null).await, 200);
    let revoke = format!("/admin/api/v1/api-keys/{}/revoke", key.key_id);
    assert_eq!(house.post(&key.key, &revoke, &Value::Null).await.problem().0, 409);
    assert_eq!(set_role(&house, &key.key, boss, json!("manager")).await, 200);
    house.post(&key.key, &revoke, &Value::Null).await.ok();
    assert_eq!(set_role(&house, &session, boss, Value::Null).await, 409);
}

#[tokio::test]
async fn of_two_managers_who_demote_each_other_at_once_one_stays() {
    let house = House::open().await;
    let (one, ones) = person(&house, "one", true).await;
    let (two, twos) = person(&house, "two", true).await;
    tokio::join!(set_role(&house, &ones, two, Value::Null), set_role(&house, &twos, one, Value::Null));
    assert_eq!(house.rows("select 1 from users where role = 'manager'").await.len(), 1);
}

#[tokio::test]
async fn the_system_user_gets_no_role_and_no_link() {
    let house = House::open().await;
    let manager = house.manager().await;
    assert_eq!(set_role(&house, &manager.key, UserId::SYSTEM, json!("manager")).await, 422);
    let path = format!("{USERS}/{}/sign-in-links", UserId::SYSTEM);
    assert_eq!(house.post(&manager.key, &path, &Value::Null).await.problem().0, 404);
}

/// Sets a role and says what became of keys: those that were revoked, and those that were made for others and are live.
async fn keys_after(house: &House, by: &str, user: UserId, body: &Value) -> (Value, Value) {
    let path = format!("{USERS}/{user}/role");
    let answer = house.write(Method::PUT, by, &path, body).await.ok();
    (answer["revoked_keys"].clone(), answer["made_keys"].clone())
}

#[tokio::test]
async fn who_is_demoted_has_no_key_with_the_old_power_in_the_same_transaction() {
    let house = House::open().await;
    let boss = house.manager().await;
    let (ada, session) = person(&house, "ada", true).await;
    let platform = ApiKeyPurpose::Platform;
    let managing = house.key(ada, platform, Some(PlatformRole::Manager)).await;
    let viewing = house.key(ada, platform, Some(PlatformRole::Viewer)).await;
    let own = house.key(ada, platform, None).await;
    let requests = house.key(ada, ApiKeyPurpose::Realtime, None).await;
    let before = house.get(&managing.1, USERS).await;
    assert_eq!(before.status, 200);

    let (revoked, made) = keys_after(&house, &boss.key, ada, &json!({ "role": "viewer" })).await;
    assert_eq!((revoked, made), (json!([managing.0.to_string()]), json!([])));
    assert_eq!(house.get(&managing.1, USERS).await.problem().0, 401);
    for key in [&viewing.1, &session] {
        house.get(key, USERS).await.ok();
        assert_eq!(house.post(key, USERS, &json!({ "name": "x" })).await.problem().0, 403);
    }
    // A billing manager does not read the audit log, as a viewer does: neither includes the other.
    let (revoked, _) = keys_after(&house, &boss.key, ada, &json!({ "role": "billing_manager" })).await;
    assert_eq!(revoked, json!([viewing.0.to_string()]));
    let (revoked, _) = keys_after(&house, &boss.key, ada, &json!({ "role": null })).await;
    assert_eq!(revoked, json!([]));
    // What is the user's own was never the role's.
    for key in [&own.1, &requests.1] {
        house.get(key, &format!("{USERS}/{ada}")).await.ok();
    }
    let log =
        house.rows("select subject, actor from audit_log where action = 'key.revoke' order by at").await;
    let subjects: Vec<_> = log.iter().map(|entry| entry["subject"].clone()).collect();
    assert_eq!(subjects, [json!(managing.0.to_string()), json!(viewing.0.to_string())]);
    assert_eq!(log[0]["actor"], format!("key:{}", boss.key_id));
}

#[tokio::test]
async fn keys_that_a_demoted_manager_made_for_others_are_listed_and_revoked_when_asked() {
    let house = House::open().await;
    let boss = house.manager().await;
    let machine = house.tenant("machine", ApiKeyPurpose::Realtime, None).await;
    let (ada, session) = person(&house, "ada", true).await;
    let make = async |role: Value| {
        let body = json!({ "user_id": machine.id.to_string(), "purpose": "platform", "role": role });
        house.post(&session, "/admin/api/v1/api-keys", &body).await.ok()
    };
    let (managing, viewing, plain) =
        (make(json!("manager")).await, make(json!("viewer")).await, make(Value::Null).await);
    let by_the_boss = house.key(machine.id, ApiKeyPurpose::Platform, Some(PlatformRole::Manager)).await;

    let (revoked, made) = keys_after(&house, &boss.key, ada, &json!({ "role": "viewer" })).await;
    assert_eq!((revoked, made), (json!([]), json!([managing["id"]])));
    house.get(managing["secret"].as_str().unwrap(), USERS).await.ok();
    let listed = house.get(&boss.key, &format!("/admin/api/v1/api-keys?created_by={ada}")).await.ok();
    let listed: Vec<_> = listed["data"].as_array().unwrap().iter().map(|key| key["id"].clone()).collect();
    assert_eq!(listed, [&managing, &viewing, &plain].map(|key| key["id"].clone()));

    // The same role once more, now with them.
    let body = json!({ "role": "viewer", "revoke_made_keys": true });
    let (revoked, made) = keys_after(&house, &boss.key, ada, &body).await;
    assert_eq!((revoked, made), (json!([managing["id"]]), json!([])));
    assert_eq!(house.get(managing["secret"].as_str().unwrap(), USERS).await.problem().0, 401);
    for key in [viewing["secret"].as_str().unwrap(), &by_the_boss.1] {
        house.get(key, USERS).await.ok();
    }

    // And no role at all, in two steps, too.
    let (revoked, made) = keys_after(&house, &boss.key, ada, &json!({ "role": null })).await;
    assert_eq!((revoked, made), (json!([]), json!([viewing["id"]])));
    let body = json!({ "role": null, "revoke_made_keys": true });
    let (revoked, made) = keys_after(&house, &boss.key, ada, &body).await;
    assert_eq!((revoked, made), (json!([viewing["id"]]), json!([])));
    assert_eq!(house.get(viewing["secret"].as_str().unwrap(), USERS).await.problem().0, 401);
}

#[tokio::test]
async fn a_demotion_that_would_revoke_the_last_managers_key_changes_nothing() {
    let house = House::open().await;
    // Comes in by a link and manages by a key; there is nobody else.
    let (ada, session) = person(&house, "ada", false).await;
    let key = house.key(ada, ApiKeyPurpose::Platform, Some(PlatformRole::Manager)).await;
    assert_eq!(set_role(&house, &session, ada, json!("viewer")).await, 409);
    assert_eq!(set_role(&house, &session, ada, Value::Null).await, 409);
    house.get(&key.1, USERS).await.ok();
    assert_eq!(house.get(&session, "/admin/api/v1/session").await.ok()["role"], "manager");
    let log = house.rows("select action from audit_log where action in ('key.revoke')").await;
    assert_eq!(log.len(), 0, "{log:?}");
}

#[tokio::test]
async fn a_machines_key_keeps_its_role_because_its_user_never_had_one() {
    let house = House::open().await;
    let boss = house.manager().await;
    let machine = house.tenant("machine", ApiKeyPurpose::Platform, Some(PlatformRole::Manager)).await;
    for role in [Value::Null, json!("viewer")] {
        let (revoked, made) = keys_after(&house, &boss.key, machine.id, &json!({ "role": role })).await;
        assert_eq!((revoked, made), (json!([]), json!([])));
    }
    house.get(&machine.key, USERS).await.ok();
}

#[tokio::test]
async fn identities_and_unused_links_that_a_demoted_manager_made_for_others_are_listed() {
    let config = AdminConfig {
        oidc: OidcConfig {
            issuer: "https://login.test".to_owned(),
            client_id: "tollgate".to_owned(),
            ..OidcConfig::default()
        },
        ..AdminConfig::default()
    };
    let house = House::open_with(config).await;
    let boss = house.manager().await;
    let (ada, session) = person(&house, "ada", true).await;
    let (other, _) = person(&house, "other", true).await;
    let viewer = house.person("viewer", Some(PlatformRole::Viewer)).await;
    let customer = house.person("customer", None).await;
    let link = async |by: &str, user: UserId, subject: &str| {
        house.post(by, &format!("{USERS}/{user}/identities"), &json!({ "subject": subject })).await.ok()["id"]
            .clone()
    };
    let sign_in_link = async |by: &str, user: UserId| {
        let made = house.post(by, &format!("{USERS}/{user}/sign-in-links"), &Value::Null).await.ok();
        made["url"].as_str().unwrap().split_once("code=").unwrap().1.to_owned()
    };
    let of_other = link(&session, other, "ada, too").await;
    let of_viewer = link(&session, viewer, "viewer").await;
    for (by, user, subject) in
        [(&session, ada, "ada"), (&session, customer, "customer"), (&boss.key, other, "other")]
    {
        link(by, user, subject).await;
    }
    for user in [other, viewer, customer, ada] {
        sign_in_link(&session, user).await;
    }
    let made = async |role: Value| {
        let path = format!("{USERS}/{ada}/role");
        let answer = house.write(Method::PUT, &boss.key, &path, &json!({ "role": role })).await.ok();
        (answer["made_identities"].clone(), answer["made_sign_in_links"].clone())
    };
    let identity = |id: &Value, user: UserId| json!({ "id": id, "user_id": user });
    assert_eq!(made(json!("manager")).await, (json!([]), json!([])));
    assert_eq!(made(json!("viewer")).await, (json!([identity(&of_other, other)]), json!([other])));
    let both = json!([identity(&of_other, other), identity(&of_viewer, viewer)]);
    assert_eq!(made(Value::Null).await, (both, json!([other, viewer])));
    // What was ended, used, or made anew by somebody else is listed no more.
    let unlink = format!("{USERS}/{other}/identities/{}", of_other.as_str().unwrap());
    assert_eq!(house.write(Method::DELETE, &boss.key, &unlink, &Value::Null).await.status, 204);
    sign_in_link(&boss.key, other).await;
    assert_eq!(made(Value::Null).await, (json!([identity(&of_viewer, viewer)]), json!([viewer])));
    house.clock.set(start() + SignedDuration::from_mins(16));
    assert_eq!(made(Value::Null).await, (json!([identity(&of_viewer, viewer)]), json!([])));
}
