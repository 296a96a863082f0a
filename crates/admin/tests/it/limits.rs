//! Limits and spend caps: set, shown with what is used of them, taken away; and what of a balance is held.

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};
use tollgate_domain::{ApiKeyPurpose, Credential};
use tollgate_store::management::keys::PlatformRole;

use crate::house::{House, Tenant};
use crate::reports::Recorder;

async fn set(house: &House, key: &str, of: &str, body: Value) -> crate::house::Reply {
    house.write(Method::PATCH, key, &format!("/admin/api/v1/{of}/limits"), &body).await
}

async fn listed(house: &House, key: &str, query: &str) -> Vec<Value> {
    house.all(key, &format!("/admin/api/v1/limits?{query}"), 2).await
}

/// Requests that cost 1 for each prompt token, at the edges of the windows that Tuesday, the 24th of November 2026, is in.
async fn spend(house: &House, tenant: &Tenant, recorder: &mut Recorder) {
    let requests = [
        ("2026-11-24T23:59:59.999999Z", 1),
        ("2026-11-24T00:00:00Z", 2),
        ("2026-11-23T23:59:59.999999Z", 4),
        ("2026-11-23T00:00:00Z", 8),
        ("2026-11-22T23:59:59.999999Z", 16),
        ("2026-11-01T00:00:00Z", 32),
        ("2026-10-31T23:59:59.999999Z", 64),
        ("2026-11-25T00:00:00Z", 128),
    ];
    let records = requests.map(|(at, cost)| {
        let mut record = recorder.record(Credential::Key(tenant.key_id), "m", cost, 0);
        record.timestamp = at.parse::<Timestamp>().unwrap();
        record
    });
    house.enter(records.into()).await;
}

#[tokio::test]
async fn a_cap_is_shown_with_what_is_used_of_it_by_day_week_and_month() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    let (second_id, second) = house.key(ada.id, ApiKeyPurpose::Realtime, None).await;
    let second = Tenant { key_id: second_id, key: second, ..ada.clone() };
    house.model("m", "1", "1").await;
    let mut recorder = Recorder::new();
    spend(&house, &ada, &mut recorder).await;
    spend(&house, &second, &mut recorder).await;
    let caps = json!({ "daily_cap": "10", "weekly_cap": "100.000000000001", "monthly_cap": "1000" });
    let of_user = set(&house, &manager.key, &format!("users/{}", ada.id), caps.clone()).await.ok();
    let used = |limits: &Value| {
        ["daily", "weekly", "monthly"]
            .map(|window| limits[format!("{window}_used")].as_str().unwrap().to_owned())
    };
    // 128 is of tomorrow: the same week and month, and another day.
    assert_eq!(used(&of_user), ["6", "286", "382"]);
    assert_eq!(of_user["weekly_cap"], "100.000000000001");
    let of_key = set(&house, &manager.key, &format!("api-keys/{}", ada.key_id), caps).await.ok();
    assert_eq!(used(&of_key), ["3", "143", "191"]);
    // The same to whoever it is of, by the list and by the user.
    let account = house.get(&ada.key, &format!("/admin/api/v1/users/{}", ada.id)).await.ok();
    assert_eq!(account["limits"], of_user);
    let own = listed(&house, &ada.key, "").await;
    let whose: Vec<_> = own.iter().map(|row| (row["of"].as_str().unwrap(), &row["limits"])).collect();
    assert_eq!(whose, [("key", &of_key), ("user", &of_user)]);
    assert!(own.iter().all(|row| row["user_id"] == json!(ada.id)));
    let users = house.get(&manager.key, "/admin/api/v1/users").await.ok();
    let limits: Vec<_> = users["data"].as_array().unwrap().iter().map(|user| &user["limits"]).collect();
    assert_eq!(limits, [&of_user, &Value::Null]);
}

#[tokio::test]
async fn only_what_is_named_changes_and_null_takes_a_limit_away() {
    let house = House::open().await;
    let manager = house.manager().await;
    let biller = house.tenant("biller", ApiKeyPurpose::Platform, Some(PlatformRole::BillingManager)).await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    house.model("m", "1", "1").await;
    let user = format!("users/{}", ada.id);
    let first =
        json!({ "requests_per_minute": 60, "tokens_per_minute": 5_000_000_000_i64, "daily_cap": "10" });
    let first = set(&house, &biller.key, &user, first).await.ok();
    assert_eq!(first["tokens_per_minute"], 5_000_000_000_i64);
    let second =
        set(&house, &manager.key, &user, json!({ "requests_per_minute": null, "concurrent_requests": 5 }))
            .await;
    let second = second.ok();
    assert_eq!(
        [
            &second["requests_per_minute"],
            &second["concurrent_requests"],
            &second["daily_cap"],
            &second["daily_used"]
        ],
        [&Value::Null, &json!(5), &json!("10"), &json!("0")]
    );
    for (body, status) in [
        (json!({}), 422),
        (json!({ "requests_per_minute": 0 }), 422),
        (json!({ "concurrent_requests": -1 }), 422),
        (json!({ "requests_per_minute": 3_000_000_000_i64 }), 422),
        (json!({ "daily_cap": "-1" }), 422),
        (json!({ "daily_cap": 1.5 }), 422),
        (json!({ "daily_cap": "0.0000000000001" }), 422),
        (json!({ "yearly_cap": "1" }), 422),
        (json!({ "daily_used": "0" }), 422),
        (json!({ "balance": "1000" }), 422),
    ] {
        assert_eq!(set(&house, &manager.key, &user, body.clone()).await.problem().0, status, "{body}");
    }
    let model = house.get(&manager.key, "/admin/api/v1/models").await.ok()["data"][0]["id"].clone();
    let model = format!("models/{}", model.as_str().unwrap());
    assert_eq!(set(&house, &manager.key, &model, json!({ "daily_cap": "1" })).await.problem().0, 422);
    assert_eq!(set(&house, &biller.key, &model, json!({ "requests_per_minute": 1 })).await.problem().0, 403);
    set(&house, &manager.key, &model, json!({ "requests_per_minute": 1000 })).await.ok();
    let all = listed(&house, &manager.key, "").await;
    assert_eq!(all.iter().map(|row| row["name"].as_str().unwrap()).collect::<Vec<_>>(), ["ada", "m"]);
    assert_eq!(listed(&house, &manager.key, "of=model").await, [all[1].clone()]);
    let of_model = format!("id={}", all[1]["id"].as_str().unwrap());
    assert_eq!(listed(&house, &manager.key, &of_model).await, [all[1].clone()]);
    assert_eq!(listed(&house, &ada.key, &of_model).await, Vec::<Value>::new());
    assert_eq!(house.get(&manager.key, "/admin/api/v1/limits?of=robot").await.problem().0, 400);
    // The last one taken away, there is nothing.
    let nothing = json!({ "tokens_per_minute": null, "concurrent_requests": null, "daily_cap": null });
    let none = set(&house, &manager.key, &user, nothing).await.ok();
    assert!(none.as_object().unwrap().values().all(Value::is_null), "{none}");
    assert_eq!(listed(&house, &manager.key, &format!("user_id={}", ada.id)).await, Vec::<Value>::new());
    let nowhere = "users/00000000-0000-4000-8000-000000000000";
    assert_eq!(set(&house, &manager.key, nowhere, json!({ "daily_cap": "1" })).await.problem().0, 404);
}

#[tokio::test]
async fn who_changed_a_limit_is_in_the_audit_log_with_before_and_after() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    let user = format!("users/{}", ada.id);
    set(&house, &manager.key, &user, json!({ "daily_cap": "10" })).await.ok();
    set(&house, &manager.key, &user, json!({ "daily_cap": "20" })).await.ok();
    // The same again is no change.
    set(&house, &manager.key, &user, json!({ "daily_cap": "20" })).await.ok();
    let log = house.get(&manager.key, "/admin/api/v1/audit-log?action=limit.set").await.ok();
    let log = log["data"].as_array().unwrap();
    assert_eq!(log.len(), 2, "{log:?}");
    assert_eq!((&log[0]["before"]["daily_cap"], &log[0]["after"]["daily_cap"]), (&json!("10"), &json!("20")));
    assert_eq!(log[0]["actor"], format!("key:{}", manager.key_id));
    assert_eq!(log[0]["subject"], "user ada");
}

#[tokio::test]
async fn a_key_that_is_revoked_has_no_limits_and_gets_none() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    let key = format!("api-keys/{}", ada.key_id);
    set(&house, &manager.key, &key, json!({ "requests_per_minute": 1 })).await.ok();
    house.post(&manager.key, &format!("/admin/api/v1/{key}/revoke"), &Value::Null).await.ok();
    assert_eq!(listed(&house, &manager.key, "").await, Vec::<Value>::new());
    assert_eq!(set(&house, &manager.key, &key, json!({ "requests_per_minute": 1 })).await.problem().0, 422);
}

#[tokio::test]
async fn what_live_leases_hold_is_not_available() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    house.grant(ada.id, "10", "a").await;
    let leases = format!(
        "insert into credit_leases (user_no, epoch, instance_id, amount, needed, held, expires_at)
         select u.no, gen_random_uuid(), gen_random_uuid(), amount, amount, held, clock_timestamp() + expires
         from users u, (values (2.5, 1.000000000001, interval '1 hour'), (1, 0.5, interval '1 hour'),
                               (4, 4, interval '-1 hour')) l (amount, held, expires)
         where u.id = '{}'",
        ada.id
    );
    house.store.tx("lease", async |tx| Ok(tx.batch_execute(&leases).await?)).await.unwrap();
    for key in [&ada.key, &manager.key] {
        let account = house.get(key, &format!("/admin/api/v1/users/{}", ada.id)).await.ok();
        assert_eq!(
            [&account["balance"], &account["held"], &account["leased"], &account["available"]],
            [&json!("10"), &json!("1.500000000001"), &json!("3.5"), &json!("8.499999999999")]
        );
    }
    let listed = house.get(&manager.key, "/admin/api/v1/users?search=ada").await.ok();
    assert_eq!(listed["data"][0]["available"], "8.499999999999");
    let other = house.get(&manager.key, "/admin/api/v1/users?search=manager").await.ok();
    assert_eq!([&other["data"][0]["held"], &other["data"][0]["leased"]], [&json!("0"), &json!("0")]);
}

#[tokio::test]
async fn two_tenants_never_see_each_others_limits() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Platform, None).await;
    let bob = house.tenant("bob", ApiKeyPurpose::Platform, None).await;
    house.model("m", "1", "1").await;
    let model = house.get(&manager.key, "/admin/api/v1/models").await.ok()["data"][0]["id"].clone();
    for of in [
        format!("users/{}", ada.id),
        format!("users/{}", bob.id),
        format!("api-keys/{}", ada.key_id),
        format!("api-keys/{}", bob.key_id),
        format!("models/{}", model.as_str().unwrap()),
    ] {
        set(&house, &manager.key, &of, json!({ "requests_per_minute": 7 })).await.ok();
    }
    let person = house.signs_in(ada.id).await;
    for key in [&ada.key, &person] {
        for query in ["", "of=user", "of=key", "of=model", &format!("user_id={}", ada.id)] {
            let rows = listed(&house, key, query).await;
            assert!(rows.iter().all(|row| row["user_id"] == json!(ada.id)), "{query}: {rows:?}");
            assert_eq!(rows.is_empty(), query == "of=model", "{query}");
        }
        let his = house.get(key, &format!("/admin/api/v1/limits?user_id={}", bob.id)).await;
        let nobodys =
            house.get(key, "/admin/api/v1/limits?user_id=00000000-0000-4000-8000-000000000000").await;
        assert_eq!((his.problem().0, his.json()), (404, nobodys.json()));
        for of in [format!("users/{}", ada.id), format!("api-keys/{}", ada.key_id)] {
            assert_eq!(set(&house, key, &of, json!({ "requests_per_minute": null })).await.problem().0, 403);
        }
    }
    let page = house.get(&bob.key, "/admin/api/v1/limits?limit=1").await.ok();
    let cursor = page["next_cursor"].as_str().unwrap();
    let stolen = house.get(&ada.key, &format!("/admin/api/v1/limits?limit=1&cursor={cursor}")).await;
    assert_eq!(stolen.problem().0, 400);
    assert_eq!(listed(&house, &manager.key, "").await.len(), 5);
}
