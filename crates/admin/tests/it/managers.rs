//! There is always a manager who can come in without the server's own machine.

use http::Method;
use serde_json::{Value, json};
use tollgate_domain::{ApiKeyPurpose, UserId};
use tollgate_store::management::keys::PlatformRole;

use crate::house::House;

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
