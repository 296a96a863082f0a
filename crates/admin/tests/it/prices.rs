//! Endpoints, models and prices; what waits for a price, and what the books refused.

use http::Method;
use serde_json::{Value, json};
use tollgate_domain::{ApiKeyPurpose, Credential};

use crate::house::House;
use crate::reports::Recorder;

#[tokio::test]
async fn a_model_is_offered_moved_priced_and_deleted() {
    let house = House::open().await;
    let manager = house.manager().await;
    let key = &manager.key;
    let endpoints = "/admin/api/v1/endpoints";
    let secret = "sk-upstream-credential";
    let new = json!({ "name": "up", "base_url": "https://up.test/", "credential": secret, "provider_name": "acme" });
    let up = house.post(key, endpoints, &new).await;
    assert_eq!(up.status, 201);
    assert_eq!(house.post(key, endpoints, &new).await.problem().0, 409);
    let up = up.json();
    assert_eq!((&up["base_url"], &up["auth_style"]), (&json!("https://up.test"), &json!("bearer")));
    let up_path = format!("{endpoints}/{}", up["id"].as_str().unwrap());
    let elsewhere = json!({ "base_url": "https://elsewhere.test" });
    let refused = house.write(Method::PATCH, key, &up_path, &elsewhere).await;
    assert_eq!(refused.problem(), (422, "invalid".to_owned()));
    assert!(refused.json()["detail"].as_str().unwrap().contains("credential anew"), "{refused:?}");
    let other =
        house.post(key, endpoints, &json!({ "name": "other", "base_url": "http://other.test" })).await.ok();
    assert_eq!(other["auth_style"], "none");

    let models = "/admin/api/v1/models";
    let model = house.post(key, models, &json!({ "alias": "m", "endpoint_id": up["id"] })).await.ok();
    let model_path = format!("{models}/{}", model["id"].as_str().unwrap());
    assert_eq!(house.write(Method::DELETE, key, &up_path, &Value::Null).await.problem().0, 409);
    let moved = json!({ "endpoint_id": other["id"], "upstream_model": "m-2" });
    let moved = house.write(Method::PATCH, key, &model_path, &moved).await.ok();
    assert_eq!((&moved["endpoint_name"], &moved["upstream_model"]), (&json!("other"), &json!("m-2")));
    let gone = house.write(Method::DELETE, key, &up_path, &Value::Null).await.ok();
    assert_eq!(gone["name"], "up");
    assert_eq!(house.get(key, &up_path).await.problem().0, 404);
    assert_eq!(house.write(Method::PATCH, key, &model_path, &json!({})).await.problem().0, 422);

    house.write(Method::DELETE, key, &model_path, &Value::Null).await.ok();
    assert_eq!(house.get(key, &model_path).await.problem().0, 404);
    // The credential is shown nowhere.
    for path in [endpoints, "/admin/api/v1/audit-log?limit=500"] {
        assert!(!house.get(key, path).await.ok().to_string().contains(secret));
    }
}

#[tokio::test]
async fn an_endpoint_that_no_gateway_could_use_is_refused() {
    let house = House::open().await;
    let manager = house.manager().await;
    let endpoints = "/admin/api/v1/endpoints";
    let bad = json!({ "name": "bad", "base_url": "http://unusable.test" });
    assert_eq!(house.post(&manager.key, endpoints, &bad).await.problem(), (422, "invalid".to_owned()));
    let good = json!({ "name": "good", "base_url": "http://usable.test" });
    let good = house.post(&manager.key, endpoints, &good).await.ok();
    let path = format!("{endpoints}/{}", good["id"].as_str().unwrap());
    let change = json!({ "base_url": "http://unusable.test" });
    assert_eq!(house.write(Method::PATCH, &manager.key, &path, &change).await.problem().0, 422);
    assert_eq!(house.get(&manager.key, &path).await.ok()["base_url"], "http://usable.test");
}

#[tokio::test]
async fn a_list_of_prices_replaces_the_one_before_and_history_stays() {
    let house = House::open().await;
    let manager = house.manager().await;
    house.model("m", "0.1", "0.2").await;
    let model = house.get(&manager.key, "/admin/api/v1/models").await.ok()["data"][0]["id"].clone();
    let path = format!("/admin/api/v1/models/{}/tariffs", model.as_str().unwrap());
    let wanted = json!({ "tariffs": [
        { "prices": { "input_price": "0.1", "output_price": "0.3" } },
        { "purpose": "batch", "completion_window": "24h", "prices": { "input_price": "0.05", "output_price": "0.1" } },
    ]});
    let change = house.write(Method::PUT, &manager.key, &path, &wanted).await.ok();
    assert_eq!(
        (change["opened"].as_array().unwrap().len(), change["ended"].as_array().unwrap().len()),
        (2, 1)
    );
    assert_eq!(change["ended"][0]["valid_until"], change["at"]);
    let again = house.write(Method::PUT, &manager.key, &path, &wanted).await.ok();
    assert_eq!((&again["unchanged"], &again["opened"]), (&json!(2), &json!([])));
    let history = house.get(&manager.key, &path).await.ok();
    assert_eq!(history["data"].as_array().unwrap().len(), 3);
    for (bad, status) in [
        (json!({ "tariffs": [{ "prices": { "input_price": "-1", "output_price": "0" } }] }), 422),
        (json!({ "tariffs": [{ "prices": { "input_price": 0.1, "output_price": "0" } }] }), 422),
        (
            json!({ "tariffs": [{ "prices": { "input_price": "0.0000000000001", "output_price": "0" } }] }),
            422,
        ),
        (
            json!({ "tariffs": [{ "input_price": "1", "prices": { "input_price": "1", "output_price": "0" } }] }),
            422,
        ),
        (json!([]), 422),
    ] {
        assert_eq!(house.write(Method::PUT, &manager.key, &path, &bad).await.problem().0, status, "{bad}");
    }
    assert_eq!(house.get(&manager.key, &path).await.ok(), history);
}

#[tokio::test]
async fn what_waited_for_a_price_is_charged_when_it_comes() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    let endpoint = house
        .post(&manager.key, "/admin/api/v1/endpoints", &json!({ "name": "up", "base_url": "http://up.test" }))
        .await
        .ok();
    let new = json!({ "alias": "m", "endpoint_id": endpoint["id"] });
    let model = house.post(&manager.key, "/admin/api/v1/models", &new).await.ok();
    let mut recorder = Recorder::new();
    let credential = Credential::Key(ada.key_id);
    house.enter(vec![recorder.record(credential, "m", 10, 1), recorder.record(credential, "m", 20, 2)]).await;
    let waiting = house.get(&manager.key, "/admin/api/v1/unrated").await.ok();
    assert_eq!(waiting["data"].as_array().unwrap().len(), 1);
    let group = &waiting["data"][0];
    assert_eq!((&group["user_name"], &group["model"]), (&json!("ada"), &json!("m")));
    assert_eq!(
        (&group["requests"], &group["prompt_tokens"], &group["completion_tokens"]),
        (&json!(2), &json!(30), &json!(3))
    );
    let path = format!("/admin/api/v1/models/{}/tariffs", model["id"].as_str().unwrap());
    let wanted = json!({ "tariffs": [{ "valid_from": "2026-01-01T00:00:00Z",
                                       "prices": { "input_price": "0.1", "output_price": "1" } }] });
    let change = house.write(Method::PUT, &manager.key, &path, &wanted).await.ok();
    assert_eq!(
        (&change["rated_requests"], &change["charged"], &change["still_unrated"]),
        (&json!(2), &json!("6"), &json!(0))
    );
    assert_eq!(house.get(&manager.key, "/admin/api/v1/unrated").await.ok()["data"], json!([]));
    let account = house.get(&manager.key, &format!("/admin/api/v1/users/{}", ada.id)).await.ok();
    assert_eq!(account["balance"], "-6");
}

#[tokio::test]
async fn more_groups_without_a_price_than_are_listed_are_said_to_be_there() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    let mut recorder = Recorder::new();
    let mut record = |number: i32| recorder.record(Credential::Key(ada.key_id), &format!("m-{number}"), 1, 1);
    for (numbers, listed, has_more) in [(0..1_000, 1_000, false), (1_000..1_001, 1_000, true)] {
        house.enter(numbers.map(&mut record).collect()).await;
        let waiting = house.get(&manager.key, "/admin/api/v1/unrated").await.ok();
        assert_eq!(waiting["data"].as_array().unwrap().len(), listed);
        assert_eq!(waiting["has_more"], has_more);
    }
}

#[tokio::test]
async fn a_refused_record_is_seen_replayed_or_given_up_by_name() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    house.model("m", "0.1", "0.2").await;
    let mut recorder = Recorder::new();
    let credential = Credential::Key(ada.key_id);
    let good = recorder.record(credential, "m", 10, 10);
    let mut other = good.clone();
    other.usage.prompt_tokens = Some(11);
    // The same identity with other contents, twice over: the books have one and refuse the others.
    let mut third = good.clone();
    third.usage.prompt_tokens = Some(12);
    house.enter(vec![good]).await;
    house.enter(vec![other]).await;
    house.enter(vec![third]).await;
    let list = house.get(&manager.key, "/admin/api/v1/quarantine").await.ok();
    let list = list["data"].as_array().unwrap();
    assert_eq!(list.len(), 2);
    assert_eq!(list[0]["request"]["user"], "ada");
    let path = |entry: &Value, what: &str| {
        format!("/admin/api/v1/quarantine/{}/{what}", entry["id"].as_str().unwrap())
    };
    // It still differs from what the books have.
    assert_eq!(house.post(&manager.key, &path(&list[0], "replay"), &Value::Null).await.problem().0, 422);
    let off = house.post(&manager.key, &path(&list[0], "write-off"), &Value::Null).await.ok();
    assert_eq!(off["written_off_by"], format!("key:{}", manager.key_id));
    assert_eq!(house.post(&manager.key, &path(&list[0], "write-off"), &Value::Null).await.problem().0, 404);
    let count = async |query: &str| {
        let path = format!("/admin/api/v1/quarantine{query}");
        house.get(&manager.key, &path).await.ok()["data"].as_array().unwrap().len()
    };
    assert_eq!((count("").await, count("?with_written_off=true").await), (1, 2));
    // Who gave it up is in the log of changes; what was refused again changed nothing.
    let log = house.get(&manager.key, "/admin/api/v1/audit-log?action=quarantine.").await.ok();
    let log = log["data"].as_array().unwrap();
    assert_eq!(log.len(), 1, "{log:?}");
    assert_eq!((&log[0]["action"], &log[0]["subject"]), (&json!("quarantine.write_off"), &list[0]["id"]));
    assert_eq!(log[0]["actor"], format!("key:{}", manager.key_id));
    assert_eq!(log[0]["before"]["reason"], list[0]["reason"]);
}

#[tokio::test]
async fn a_mended_record_is_replayed_and_charged_once_and_the_log_says_by_whom() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    house.model("m", "0.1", "0.2").await;
    let alter = async |change: &str| {
        let sql = format!("alter table usage_records {change}");
        house.store.tx("alter", async |tx| Ok(tx.batch_execute(&sql).await?)).await.unwrap();
    };
    alter("add constraint usage_records_teapot check (status_code <> 418)").await;
    let mut record = Recorder::new().record(Credential::Key(ada.key_id), "m", 10, 10);
    record.status_code = 418;
    house.enter(vec![record]).await;
    let waiting = house.get(&manager.key, "/admin/api/v1/quarantine").await.ok();
    let id = waiting["data"][0]["id"].as_str().unwrap().to_owned();
    let replay = format!("/admin/api/v1/quarantine/{id}/replay");
    assert!(!house.post(&manager.key, &replay, &Value::Null).await.status.is_success());
    alter("drop constraint usage_records_teapot").await;
    let replayed = house.post(&manager.key, &replay, &Value::Null).await.ok();
    assert_eq!(replayed, json!({ "id": id, "outcome": "entered" }));
    assert_eq!(house.post(&manager.key, &replay, &Value::Null).await.problem().0, 404);
    assert_eq!(house.get(&manager.key, "/admin/api/v1/quarantine").await.ok()["data"], json!([]));
    let account = house.get(&manager.key, &format!("/admin/api/v1/users/{}", ada.id)).await.ok();
    assert_eq!(account["balance"], "-3");
    let log = house.get(&manager.key, "/admin/api/v1/audit-log?action=quarantine.replay").await.ok();
    let log = log["data"].as_array().unwrap();
    assert_eq!(log.len(), 1, "{log:?}");
    assert_eq!((&log[0]["subject"], &log[0]["after"]["outcome"]), (&json!(id), &json!("entered")));
    assert_eq!(log[0]["actor"], format!("key:{}", manager.key_id));
}
