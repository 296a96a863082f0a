//! Credits: each write counts once, whatever is sent again, at once or later.

use http::Method;
use serde_json::{Value, json};
use tollgate_domain::{ApiKeyPurpose, UserId};
use tollgate_store::management::keys::PlatformRole;

use crate::house::{House, Reply};

async fn enter(house: &House, key: &str, user: UserId, idempotency_key: &str, body: &Value) -> Reply {
    let path = format!("/admin/api/v1/users/{user}/credits");
    house.write_with(Method::POST, key, &path, body, &[("idempotency-key", idempotency_key)]).await
}

async fn balance(house: &House, key: &str, user: UserId) -> Value {
    house.get(key, &format!("/admin/api/v1/users/{user}")).await.ok()["balance"].clone()
}

#[tokio::test]
async fn credits_are_given_taken_and_set_right() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    let steps = [
        ("admin_grant", "10", "", 201, "10"),
        ("purchase", "0.000000000001", "invoice", 201, "10.000000000001"),
        ("admin_removal", "3.5", "by mistake", 201, "6.500000000001"),
        ("adjustment", "1", "", 422, "6.500000000001"),
        ("adjustment", "1", "the outage of Monday", 201, "7.500000000001"),
        ("expiry", "10", "", 201, "-2.499999999999"),
        ("usage", "10", "", 422, "-2.499999999999"),
        ("admin_grant", "-1", "", 422, "-2.499999999999"),
        ("admin_grant", "0", "", 422, "-2.499999999999"),
        ("admin_grant", "0.0000000000001", "", 422, "-2.499999999999"),
        ("admin_grant", "99999999999999999", "", 422, "-2.499999999999"),
    ];
    for (number, (kind, amount, reason, status, left)) in steps.into_iter().enumerate() {
        let body = json!({ "type": kind, "amount": amount, "reason": reason });
        let reply = enter(&house, &manager.key, ada.id, &format!("step-{number}"), &body).await;
        assert_eq!(reply.status, status, "{body}: {}", String::from_utf8_lossy(&reply.body));
        assert_eq!(balance(&house, &manager.key, ada.id).await, left, "{body}");
        if status == 201 {
            assert_eq!(reply.json()["balance"], left);
        }
    }
    // A number is no text: it would be read through a float.
    let body = json!({ "type": "admin_grant", "amount": 10.1 });
    assert_eq!(enter(&house, &manager.key, ada.id, "float", &body).await.problem().0, 422);
}

#[tokio::test]
async fn a_write_of_money_without_an_idempotency_key_is_400() {
    let house = House::open().await;
    let manager = house.manager().await;
    let path = format!("/admin/api/v1/users/{}/credits", manager.id);
    let body = json!({ "type": "admin_grant", "amount": "10" });
    let reply = house.post(&manager.key, &path, &body).await;
    assert_eq!(reply.problem(), (400, "idempotency_key_missing".to_owned()));
    assert!(reply.headers["link"].to_str().unwrap().contains("describedby"));
    for unreadable in ["", "\"\"", "a b", "\"half", &"x".repeat(256)] {
        assert_eq!(enter(&house, &manager.key, manager.id, unreadable, &body).await.problem().0, 400);
    }
    assert_eq!(balance(&house, &manager.key, manager.id).await, "0");
}

#[tokio::test]
async fn the_same_request_again_gets_the_first_answer_and_changes_nothing() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    let body = json!({ "type": "admin_grant", "amount": "10", "reason": "welcome" });
    let first = enter(&house, &manager.key, ada.id, "k-1", &body).await;
    house.grant(ada.id, "1", "between").await;
    // In quotes, as the draft has it, and with its fields in another order: the same.
    for again in ["k-1", "\"k-1\""] {
        let text = r#"{"reason":"welcome","amount":"10","type":"admin_grant"}"#;
        let reply = enter(&house, &manager.key, ada.id, again, &serde_json::from_str(text).unwrap()).await;
        assert_eq!(reply.headers["idempotency-replayed"], "true");
        assert_eq!((reply.status, reply.json()), (first.status, first.json()));
    }
    assert!(!first.headers.contains_key("idempotency-replayed"));
    assert_eq!(balance(&house, &manager.key, ada.id).await, "11");
}

#[tokio::test]
async fn a_retry_with_the_key_that_replaced_the_first_one_counts_once() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    let body = json!({ "type": "admin_grant", "amount": "10" });
    let first = enter(&house, &manager.key, ada.id, "k", &body).await;
    assert_eq!(first.status, 201);
    let rotate = format!("/admin/api/v1/api-keys/{}/rotate", manager.key_id);
    let new = house.post(&manager.key, &rotate, &json!({ "overlap_seconds": 0 })).await.ok();
    let new = new["secret"].as_str().unwrap();
    let again = enter(&house, new, ada.id, "k", &body).await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!((again.status, again.json()), (first.status, first.json()));
    // Also when the answer has been forgotten.
    let forget = async |tx: tollgate_store::Tx| Ok(tx.execute("delete from idempotency_keys", &[]).await?);
    assert_eq!(house.store.tx("forget", forget).await.unwrap(), 1);
    let late = enter(&house, new, ada.id, "k", &body).await;
    assert_eq!((late.status.as_u16(), &late.json()["id"]), (200, &first.json()["id"]));
    assert_eq!(balance(&house, new, ada.id).await, "10");
}

#[tokio::test]
async fn keys_that_differ_in_their_last_character_are_two_writes() {
    let house = House::open().await;
    let manager = house.manager().await;
    let body = json!({ "type": "admin_grant", "amount": "10" });
    let long = "x".repeat(254);
    for last in ["a", "b"] {
        assert_eq!(
            enter(&house, &manager.key, manager.id, &format!("{long}{last}"), &body).await.status,
            201
        );
    }
    assert_eq!(balance(&house, &manager.key, manager.id).await, "20");
}

#[tokio::test]
async fn a_key_that_belongs_to_another_request_is_422() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    let body = json!({ "type": "admin_grant", "amount": "10" });
    enter(&house, &manager.key, ada.id, "k", &body).await.ok();
    let more = json!({ "type": "admin_grant", "amount": "11" });
    for (user, body) in [(ada.id, &more), (manager.id, &body)] {
        let reply = enter(&house, &manager.key, user, "k", body).await;
        assert_eq!(reply.problem(), (422, "idempotency_key_reused".to_owned()));
    }
    // Another caller's key of the same name is another key.
    let biller = house.tenant("biller", ApiKeyPurpose::Platform, Some(PlatformRole::BillingManager)).await;
    assert_eq!(enter(&house, &biller.key, ada.id, "k", &more).await.status, 201);
    assert_eq!(balance(&house, &manager.key, ada.id).await, "21");
}

#[tokio::test]
async fn while_the_first_request_has_not_ended_the_second_is_409() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    let body = json!({ "type": "admin_grant", "amount": "10" });
    // Somebody holds the balance, so the first request waits in the middle of its transaction.
    let (held, release) = (tokio::sync::Notify::new(), tokio::sync::Notify::new());
    let sql = format!("select 1 from user_balances where user_id = '{}' for update", ada.id);
    let holding = house.store.tx("hold", async |tx| {
        tx.execute(&sql, &[]).await?;
        held.notify_one();
        release.notified().await;
        Ok(())
    });
    let trying = async {
        held.notified().await;
        let first = enter(&house, &manager.key, ada.id, "k", &body);
        let second = async {
            // It waits for the lock: then it has the key.
            let waiting = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
            while house.rows(waiting).await.is_empty() {
                tokio::task::yield_now().await;
            }
            let second = enter(&house, &manager.key, ada.id, "k", &body).await;
            release.notify_one();
            second
        };
        tokio::join!(first, second)
    };
    let (held, (first, second)) = tokio::join!(holding, trying);
    held.unwrap();
    assert_eq!(second.problem(), (409, "idempotency_key_in_use".to_owned()));
    assert_eq!(first.status, 201);
    assert_eq!(balance(&house, &manager.key, ada.id).await, "10");
}

#[tokio::test]
async fn a_hundred_of_one_request_at_once_count_once() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    let body = json!({ "type": "admin_grant", "amount": "10" });
    let mut tries = tokio::task::JoinSet::new();
    let house = std::sync::Arc::new(house);
    for _ in 0..100 {
        let (house, manager, body) = (std::sync::Arc::clone(&house), manager.clone(), body.clone());
        tries.spawn(async move { enter(&house, &manager.key, ada.id, "storm", &body).await.status.as_u16() });
    }
    let statuses = tries.join_all().await;
    assert!(statuses.iter().all(|status| [201, 409, 503].contains(status)), "{statuses:?}");
    assert_eq!(balance(&house, &manager.key, ada.id).await, "10");
    assert_eq!(house.rows("select 1 from credit_movements").await.len(), 1);
}

#[tokio::test]
async fn what_was_refused_may_be_tried_again_under_its_key() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    let taken = json!({ "type": "admin_grant", "amount": "10", "source_id": "invoice 7" });
    enter(&house, &manager.key, manager.id, "a", &taken).await.ok();
    let conflict = enter(&house, &manager.key, ada.id, "b", &taken).await;
    assert_eq!(conflict.problem(), (409, "conflict".to_owned()));
    let body = json!({ "type": "admin_grant", "amount": "10", "source_id": "invoice 8" });
    assert_eq!(enter(&house, &manager.key, ada.id, "b", &body).await.status, 201);
}

#[tokio::test]
async fn a_source_id_counts_once_under_whatever_key() {
    let house = House::open().await;
    let manager = house.manager().await;
    let body = json!({ "type": "purchase", "amount": "10", "source_id": "invoice 7" });
    assert_eq!(enter(&house, &manager.key, manager.id, "a", &body).await.status, 201);
    let again = enter(&house, &manager.key, manager.id, "b", &body).await;
    assert_eq!(again.status, 200);
    assert_eq!(again.json()["balance"], "10");
}

#[tokio::test]
async fn who_did_it_is_in_the_audit_log() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    let body = json!({ "type": "adjustment", "amount": "10", "reason": "because" });
    enter(&house, &manager.key, ada.id, "k", &body).await.ok();
    let log = house.get(&manager.key, "/admin/api/v1/audit-log?action=credit.").await.ok();
    let entry = &log["data"][0];
    assert_eq!(entry["actor"], format!("key:{}", manager.key_id));
    assert_eq!((&entry["action"], &entry["subject"]), (&json!("credit.adjustment"), &json!("ada")));
    assert_eq!(entry["after"]["movement"]["description"], "because");
    // Of all entries the last one: what the log ends with, to be noted elsewhere.
    let head = house.get(&manager.key, "/admin/api/v1/audit-log/head").await.ok();
    assert_eq!((&head["no"], &head["digest"]), (&entry["no"], &entry["digest"]));
    assert_eq!(head["head"], format!("{}:{}", entry["no"], entry["digest"].as_str().unwrap()));
    let before = house.get(&manager.key, "/admin/api/v1/audit-log?limit=500").await.ok();
    let numbers: Vec<_> =
        before["data"].as_array().unwrap().iter().map(|entry| entry["no"].as_i64().unwrap()).collect();
    assert!(numbers.iter().rev().copied().eq(1..=head["no"].as_i64().unwrap()), "{numbers:?}");
}
