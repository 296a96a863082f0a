//! Ledgers and the receipts of their entries: one running balance, whichever way it is looked at.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tollgate_domain::{ApiKeyPurpose, Credential, Credits};

use crate::house::{House, Tenant, start};
use crate::reports::{Recorder, filled, request_id};

fn credits(value: &Value) -> i128 {
    value.as_str().unwrap_or_else(|| panic!("{value} is no amount")).parse::<Credits>().unwrap().pico()
}

/// A movement of another time than now, which nothing but the database itself can make.
async fn granted_at(house: &House, tenant: &Tenant, amount: &str, at: Timestamp) {
    let sql = format!(
        "insert into credit_movements (id, user_id, type, amount, source_id, created_at)
         values (gen_random_uuid(), '{id}', 'purchase', {amount}, gen_random_uuid()::text, '{at}');
         update user_balances set balance = balance + {amount} where user_id = '{id}'",
        id = tenant.id
    );
    house.store.tx("granted", async |tx| Ok(tx.batch_execute(&sql).await?)).await.unwrap();
}

/// Each usage entry of the whole ledger, and whether its receipt says the same as the ledger. The list is newest first.
async fn receipts_agree(house: &House, tenant: &Tenant, every: usize) -> usize {
    let ledger = format!("/admin/api/v1/users/{}/ledger", tenant.id);
    let entries = house.all(&tenant.key, &ledger, 500).await;
    let mut compared = 0;
    for entry in entries.iter().step_by(every).filter(|entry| entry["type"] == "usage") {
        let id = entry["request_id"].as_str().unwrap();
        let receipt = house.get(&tenant.key, &format!("/admin/api/v1/receipts/{id}")).await.ok();
        assert_eq!(receipt["balance_after"], entry["balance_after"], "{entry}");
        let before = credits(&receipt["balance_before"]);
        assert_eq!(before - credits(&receipt["total"]), credits(&receipt["balance_after"]), "{entry}");
        compared += 1;
    }
    compared
}

#[tokio::test]
async fn the_balance_of_a_receipt_is_that_of_its_ledger_entry() {
    let house = House::open().await;
    let tenants = filled(&house).await;
    let (ada, bob) = (&tenants[0], &tenants[2]);
    house.grant(ada.id, "1000", "now").await;
    // Also at the very time of requests, at which they are ordered by id.
    let midnight = Timestamp::from_second(start().as_second() / 86_400 * 86_400).unwrap();
    for hours in [0, 5, 24, 48] {
        granted_at(&house, ada, "0.5", midnight.checked_sub(SignedDuration::from_hours(hours)).unwrap())
            .await;
    }
    assert!(receipts_agree(&house, ada, 3).await > 60);
    assert!(receipts_agree(&house, bob, 10).await > 20);
    // What comes late for an earlier time moves every balance after it, in both.
    let mut late = Recorder::new().record(Credential::Key(ada.key_id), "large", 1_000, 7);
    late.timestamp = midnight.checked_sub(SignedDuration::from_hours(30)).unwrap();
    let id = request_id(&late);
    house.enter(vec![late]).await;
    assert!(receipts_agree(&house, ada, 5).await > 30);
    let receipt = house.get(&ada.key, &format!("/admin/api/v1/receipts/{id}")).await.ok();
    assert_eq!(receipt["total"], "0.00257");
    assert!(receipt["balance_after"].is_string());
}

#[tokio::test]
async fn what_was_not_charged_has_no_balance_after_it() {
    let house = House::open().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    house.model("m", "0", "0").await;
    let mut recorder = Recorder::new();
    let records =
        ["m", "no such model"].map(|model| recorder.record(Credential::Key(ada.key_id), model, 10, 1));
    let ids = [request_id(&records[0]), request_id(&records[1])];
    house.enter(records.into()).await;
    for (id, state) in ids.iter().zip(["free", "unrated"]) {
        let receipt = house.get(&ada.key, &format!("/admin/api/v1/receipts/{id}")).await.ok();
        assert_eq!(
            (&receipt["state"], &receipt["balance_before"], &receipt["balance_after"]),
            (&json!(state), &Value::Null, &Value::Null)
        );
    }
}
