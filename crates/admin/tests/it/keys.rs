//! API keys: shown once, replaced with an overlap, ended; and what nobody gets by making one.

use http::Method;
use serde_json::{Value, json};
use tollgate_domain::ApiKeyPurpose;
use tollgate_store::management::keys::PlatformRole;

use crate::house::{House, PATIENCE};

const KEYS: &str = "/admin/api/v1/api-keys";

#[tokio::test]
async fn a_secret_is_shown_once_and_works() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    let new = json!({ "user_id": ada.id, "name": "laptop", "purpose": "platform" });
    let made = house.post(&manager.key, KEYS, &new).await;
    assert_eq!(made.status, 201);
    let made = made.json();
    let secret = made["secret"].as_str().unwrap();
    assert_eq!(made["user_name"], "ada");
    assert_eq!(made["created_by"], json!(manager.id));
    // It is good for something, and nothing shows it again.
    house.get(secret, KEYS).await.ok();
    let path = format!("{KEYS}/{}", made["id"].as_str().unwrap());
    for shown in [house.get(&manager.key, &path).await, house.get(&manager.key, KEYS).await] {
        assert!(!shown.ok().to_string().contains(secret));
    }
    // Not in the database either, in any column of any table.
    let tables = house
        .rows(
            "select quote_ident(table_name) as name from information_schema.tables
               where table_schema = 'public' and table_type = 'BASE TABLE'",
        )
        .await;
    assert!(tables.len() > 10);
    for table in tables {
        let name = table["name"].as_str().unwrap();
        let found = house
            .rows(&format!("select 1 from {name} t where strpos(t::text, '{secret}') > 0 limit 1"))
            .await;
        assert!(found.is_empty(), "{name}");
    }
}

#[tokio::test]
async fn a_replaced_key_and_its_successor_are_both_live_until_the_overlap_is_over() {
    let house = House::open().await;
    let manager = house.manager().await;
    let (old_id, old) = house.key(manager.id, ApiKeyPurpose::Platform, Some(PlatformRole::Viewer)).await;
    let rotate = format!("{KEYS}/{old_id}/rotate");
    let new = house.post(&manager.key, &rotate, &json!({ "overlap_seconds": 3600 })).await;
    assert_eq!(new.status, 201);
    let new = new.json();
    assert_eq!((&new["role"], &new["purpose"]), (&json!("viewer"), &json!("platform")));
    house.get(&old, KEYS).await.ok();
    house.get(new["secret"].as_str().unwrap(), KEYS).await.ok();
    // Once is enough.
    let again = house.post(&manager.key, &rotate, &json!({ "overlap_seconds": 0 })).await;
    assert_eq!(again.problem(), (409, "conflict".to_owned()));
    let old_key = house.get(&manager.key, &format!("{KEYS}/{old_id}")).await.ok();
    assert!(old_key["revoke_at"].is_string() && old_key["revoked_at"].is_null(), "{old_key}");
    // Without an overlap it ends now, for us at once and for the gateways when it is swept.
    let new_id = new["id"].as_str().unwrap();
    let path = format!("{KEYS}/{new_id}/rotate");
    house.post(&manager.key, &path, &json!({ "overlap_seconds": 0 })).await.ok();
    assert_eq!(house.get(new["secret"].as_str().unwrap(), KEYS).await.problem().0, 401);
    let swept = async {
        while house.get(&manager.key, &format!("{KEYS}/{new_id}")).await.ok()["revoked_at"].is_null() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, swept).await.expect("a replaced key is revoked when it is due");
    house.get(&old, KEYS).await.ok();
}

#[tokio::test]
async fn an_overlap_of_years_is_refused() {
    let house = House::open().await;
    let manager = house.manager().await;
    let path = format!("{KEYS}/{}/rotate", manager.key_id);
    let reply = house.post(&manager.key, &path, &json!({ "overlap_seconds": 2_678_401 })).await;
    assert_eq!(reply.problem(), (422, "invalid".to_owned()));
}

#[tokio::test]
async fn the_last_manager_cannot_be_removed() {
    let house = House::open().await;
    let manager = house.manager().await;
    let own = format!("{KEYS}/{}/revoke", manager.key_id);
    assert_eq!(house.post(&manager.key, &own, &Value::Null).await.problem().0, 409);
    let deactivate = format!("/admin/api/v1/users/{}/deactivate", manager.id);
    assert_eq!(house.post(&manager.key, &deactivate, &Value::Null).await.problem().0, 409);
    house.get(&manager.key, "/admin/api/v1/users").await.ok();
    // With another one there it can.
    let other = house.tenant("another", ApiKeyPurpose::Platform, Some(PlatformRole::Manager)).await;
    house.post(&manager.key, &own, &Value::Null).await.ok();
    assert_eq!(house.get(&manager.key, "/admin/api/v1/users").await.problem().0, 401);
    let last = format!("{KEYS}/{}/revoke", other.key_id);
    assert_eq!(house.post(&other.key, &last, &Value::Null).await.problem().0, 409);
}

#[tokio::test]
async fn of_two_managers_who_remove_each_other_at_once_one_stays() {
    let house = House::open().await;
    let one = house.manager().await;
    let two = house.tenant("another", ApiKeyPurpose::Platform, Some(PlatformRole::Manager)).await;
    let (first, second) = (format!("{KEYS}/{}/revoke", two.key_id), format!("{KEYS}/{}/revoke", one.key_id));
    tokio::join!(house.post(&one.key, &first, &Value::Null), house.post(&two.key, &second, &Value::Null));
    let live =
        house.rows("select 1 from api_keys where platform_role = 'manager' and revoked_at is null").await;
    assert_eq!(live.len(), 1);
}

#[tokio::test]
async fn a_member_gets_no_more_power_than_it_has() {
    let house = House::open().await;
    house.manager().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Platform, None).await;
    let bob = house.tenant("bob", ApiKeyPurpose::Realtime, None).await;
    // Keys of its own user, which a manager gave power to.
    let (managing, _) = house.key(ada.id, ApiKeyPurpose::Platform, Some(PlatformRole::Manager)).await;
    for (body, status) in [
        (json!({ "purpose": "platform", "role": "manager" }), 403),
        (json!({ "purpose": "platform", "role": "viewer" }), 403),
        (json!({ "trusted": true }), 403),
        (json!({ "purpose": "batch" }), 403),
        (json!({ "purpose": "playground" }), 403),
        (json!({ "user_id": bob.id }), 404),
        (json!({ "purpose": "platform", "platform_role": "manager" }), 422),
        (json!({ "purpose": "platform", "created_by": bob.id }), 422),
    ] {
        assert_eq!(house.post(&ada.key, KEYS, &body).await.problem().0, status, "{body}");
    }
    let rotate = format!("{KEYS}/{managing}/rotate");
    assert_eq!(house.post(&ada.key, &rotate, &json!({ "overlap_seconds": 60 })).await.problem().0, 403);
    assert_eq!(
        house.post(&ada.key, &format!("{KEYS}/{managing}/revoke"), &Value::Null).await.problem().0,
        403
    );
    // What it may do works, and is its own user's.
    house.post(&ada.key, KEYS, &json!({ "purpose": "platform" })).await.ok();
    let made = house.post(&ada.key, KEYS, &json!({ "name": "mine" })).await.ok();
    assert_eq!(made["purpose"], "realtime");
    assert_eq!(
        (&made["user_id"], &made["role"], &made["trusted"]),
        (&json!(ada.id), &Value::Null, &json!(false))
    );
    let path = format!("{KEYS}/{}/revoke", made["id"].as_str().unwrap());
    house.post(&ada.key, &path, &Value::Null).await.ok();
}

#[tokio::test]
async fn only_a_platform_key_has_a_role() {
    let house = House::open().await;
    let manager = house.manager().await;
    let reply = house.post(&manager.key, KEYS, &json!({ "purpose": "realtime", "role": "viewer" })).await;
    assert_eq!(reply.problem(), (422, "invalid".to_owned()));
}

#[tokio::test]
async fn a_deactivated_user_is_out_and_stays_in_the_books() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Platform, None).await;
    house.grant(ada.id, "5", "first").await;
    house.get(&ada.key, "/api/v1/credits").await.ok();
    let path = format!("/admin/api/v1/users/{}/deactivate", ada.id);
    let gone = house.post(&manager.key, &path, &Value::Null).await.ok();
    assert_eq!(gone["balance"], "5");
    assert!(gone["deactivated_at"].is_string());
    assert_eq!(house.get(&ada.key, "/api/v1/credits").await.problem().0, 401);
    assert_eq!(house.post(&manager.key, &path, &Value::Null).await.ok(), gone);
    let listed = |query: &'static str| house.get(&manager.key, query);
    let names = |page: Value| page["data"].as_array().unwrap().len();
    assert_eq!(names(listed("/admin/api/v1/users?search=ada").await.ok()), 0);
    assert_eq!(names(listed("/admin/api/v1/users?search=ADA&with_deactivated=true").await.ok()), 1);
    let new = json!({ "user_id": ada.id });
    assert_eq!(house.post(&manager.key, KEYS, &new).await.problem().0, 404);
    let nobody = format!("/admin/api/v1/users/{}/deactivate", uuid::Uuid::nil());
    assert_eq!(house.write(Method::POST, &manager.key, &nobody, &Value::Null).await.problem().0, 422);
}

#[tokio::test]
async fn no_key_is_made_for_a_user_who_is_deactivated_meanwhile() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    // The deactivation has the user's row, and has seen which keys there are, when the key is made.
    let (held, release) = (tokio::sync::Notify::new(), tokio::sync::Notify::new());
    let deactivating = house.store.tx("deactivate", async |tx| {
        tollgate_store::management::accounts::deactivate(&tx, ada.id, "test").await?;
        held.notify_one();
        release.notified().await;
        Ok(())
    });
    let making = async {
        held.notified().await;
        let new = json!({ "user_id": ada.id });
        let made = house.post(&manager.key, KEYS, &new);
        let letting_go = async {
            let waiting = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
            while house.rows(waiting).await.is_empty() {
                tokio::task::yield_now().await;
            }
            release.notify_one();
        };
        tokio::join!(made, letting_go).0
    };
    let (deactivated, made) = tokio::join!(deactivating, making);
    deactivated.unwrap();
    assert_eq!(made.problem().0, 404);
    let live = format!("select 1 from api_keys where user_id = '{}' and revoked_at is null", ada.id);
    assert!(house.rows(&live).await.is_empty());
}

#[tokio::test]
async fn a_key_that_replaces_another_has_its_limits_caps_and_purpose_and_says_who_saw_its_secret() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Platform, None).await;
    let limits = json!({ "requests_per_minute": 7, "tokens_per_minute": 900, "concurrent_requests": 3, "daily_cap": "1.5",
                         "weekly_cap": "6.000000000001", "monthly_cap": "20" });
    for purpose in
        [ApiKeyPurpose::Realtime, ApiKeyPurpose::Batch, ApiKeyPurpose::Playground, ApiKeyPurpose::Platform]
    {
        let (id, _) = house.key(ada.id, purpose, None).await;
        let set = format!("{KEYS}/{id}/limits");
        house.write(Method::PATCH, &manager.key, &set, &limits).await.ok();
        // By the manager; and by its own user, where that may make such keys.
        let by = if purpose == ApiKeyPurpose::Realtime { &ada } else { &manager };
        let reply =
            house.post(&by.key, &format!("{KEYS}/{id}/rotate"), &json!({ "overlap_seconds": 60 })).await.ok();
        assert_eq!((&reply["purpose"], &reply["user_id"]), (&json!(purpose), &json!(ada.id)));
        let new = house.get(&manager.key, &format!("{KEYS}/{}", reply["id"].as_str().unwrap())).await.ok();
        let seen_by = if by.id == ada.id { Value::Null } else { json!(manager.id) };
        assert_eq!(new["created_by"], seen_by, "{new}");
        let limits_of = async |key: &Value| {
            let all = house.all(&manager.key, "/admin/api/v1/limits", 50).await;
            let mut found: Vec<_> = all.into_iter().filter(|limits| limits["id"] == *key).collect();
            found.pop().unwrap()["limits"].clone()
        };
        let (old, new) = (limits_of(&json!(id)).await, limits_of(&reply["id"]).await);
        for (name, value) in limits.as_object().unwrap() {
            assert_eq!((&old[name], &new[name]), (value, value), "{name}");
        }
    }
}
