//! Ledgers and the receipts of their entries: one running balance, whichever way it is looked at.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tollgate_domain::{ApiKeyPurpose, Credential, Credits};
use uuid::Uuid;

use crate::house::{House, Tenant, start};
use crate::reports::{Recorder, filled, request_id};

pub(crate) fn credits(value: &Value) -> i128 {
    value.as_str().unwrap_or_else(|| panic!("{value} is no amount")).parse::<Credits>().unwrap().pico()
}

/// A movement of another time than now, which nothing but the database itself can make.
pub(crate) async fn granted_at(house: &House, tenant: &Tenant, amount: &str, at: Timestamp) {
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

/// A user with a realtime key and one for batches, and requests by turns: of two batches that name themselves, of some that name none, and others.
pub(crate) struct Batches {
    pub(crate) owner: Tenant,
    pub(crate) batch_key: Tenant,
    pub(crate) named: [Uuid; 2],
}

pub(crate) async fn batches(house: &House, name: &str) -> Batches {
    let owner = house.tenant(name, ApiKeyPurpose::Realtime, None).await;
    let (key_id, key) = house.key(owner.id, ApiKeyPurpose::Batch, None).await;
    let batch_key = Tenant { key_id, key, ..owner.clone() };
    let named = [Uuid::new_v4(), Uuid::new_v4()];
    let mut recorder = Recorder::new();
    let mut records = Vec::new();
    for number in 0..120_i64 {
        let key = if number % 4 == 0 { owner.key_id } else { key_id };
        let model = if number % 8 < 5 { "large" } else { "small" };
        let mut record = recorder.record(Credential::Key(key), model, 100 + number, 10);
        record.timestamp = start().checked_sub(SignedDuration::from_secs(number * 97)).unwrap();
        record.batch.batch_id = match number % 4 {
            1 => Some(named[0]),
            2 => Some(named[1]),
            _ => None,
        };
        records.push(record);
    }
    house.enter(records).await;
    let ago = start().checked_sub(SignedDuration::from_secs(60 * 97)).unwrap();
    granted_at(house, &owner, "7", ago).await;
    house.grant(owner.id, "1", &format!("{name}'s grant")).await;
    Batches { owner, batch_key, named }
}

/// Which line an entry belongs in, by the rule as it is written; `None`: it stands by itself.
fn line_of(entry: &Value, of: &Batches) -> Option<String> {
    if entry["batch_id"].is_string() {
        return Some(format!("{} {} {}", entry["batch_id"], entry["api_key_id"], entry["model"]));
    }
    let is_batch = entry["api_key_id"] == json!(of.batch_key.key_id);
    let at = entry["created_at"].as_str().unwrap();
    is_batch.then(|| format!("{} {} {}", &at[..13], entry["api_key_id"], entry["model"]))
}

#[tokio::test]
async fn a_batch_is_one_line_that_opens_to_its_entries_and_the_balance_is_that_of_the_ledger() {
    let house = House::open().await;
    house.model("large", "0.001", "0.002").await;
    house.model("small", "0.0001", "0.0002").await;
    let ada = batches(&house, "ada").await;
    let ledger = format!("/admin/api/v1/users/{}/ledger", ada.owner.id);
    let key = &ada.owner.key;
    let filters =
        ["", "&model=large", "&search=105", "&since=2026-11-24T10:30:00Z&until=2026-11-24T11:40:00Z"];
    for filter in filters {
        let entries = house.all(key, &format!("{ledger}?type=usage{filter}"), 500).await;
        let mut expected: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
        for entry in &entries {
            let line = line_of(entry, &ada).unwrap_or_else(|| entry["id"].to_string());
            expected.entry(line).or_default().push(entry);
        }
        let lines = house.all(key, &format!("{ledger}?type=usage&in_lines=true{filter}"), 3).await;
        assert_eq!(lines.len(), expected.len(), "{filter}");
        for line in &lines {
            let inside = &expected[&line_of(line, &ada).unwrap_or_else(|| line["id"].to_string())];
            // It stands where its last entry does.
            assert_eq!((&line["id"], &line["created_at"]), (&inside[0]["id"], &inside[0]["created_at"]));
            assert_eq!(line["balance_after"], inside[0]["balance_after"], "{line}");
            assert_eq!(
                credits(&line["amount"]),
                inside.iter().map(|entry| credits(&entry["amount"])).sum::<i128>()
            );
            let Some(id) = line["line"]["id"].as_str() else {
                assert_eq!(&line, &inside[0]);
                continue;
            };
            assert_eq!(line["line"]["entries"], inside.len());
            assert_eq!(line["line"]["first_at"], inside[inside.len() - 1]["created_at"]);
            assert_eq!(line["request_id"], Value::Null);
            let opened = house.all(key, &format!("{ledger}?type=usage&line={id}{filter}"), 4).await;
            assert_eq!(opened.iter().collect::<Vec<_>>(), *inside, "{line}");
        }
        let places: Vec<_> = lines.iter().map(|line| line["created_at"].as_str().unwrap()).collect();
        assert!(places.is_sorted_by(|newer, older| newer >= older), "{places:?}");
    }
    // Two batches, two models each, and what names no batch by the hour; all of it is the balance.
    let lines = house.all(key, &format!("{ledger}?in_lines=true"), 500).await;
    for batch in ada.named {
        let of = |line: &&Value| line["batch_id"] == json!(batch);
        let models: Vec<_> = lines.iter().filter(of).map(|line| line["model"].as_str().unwrap()).collect();
        assert_eq!(models.len(), 2, "{models:?}");
    }
    let sum: i128 = lines.iter().map(|line| credits(&line["amount"])).sum();
    assert_eq!(
        (sum, &lines[0]["balance_after"]),
        (credits(&lines[0]["balance_after"]), &{
            house.get(key, &format!("/admin/api/v1/users/{}", ada.owner.id)).await.ok()["balance"].clone()
        })
    );
    // The movements stand among them, one by one.
    assert_eq!(lines.iter().filter(|line| line["type"] != "usage").count(), 2);
}

#[tokio::test]
async fn a_line_of_one_tenant_opens_nothing_of_another() {
    let house = House::open().await;
    house.model("large", "0.001", "0.002").await;
    house.model("small", "0.0001", "0.0002").await;
    let ada = batches(&house, "ada").await;
    let bob = batches(&house, "bob").await;
    let ledger = |of: &Batches| format!("/admin/api/v1/users/{}/ledger", of.owner.id);
    let bobs = house.get(&bob.owner.key, &format!("{}?in_lines=true&limit=5", ledger(&bob))).await.ok();
    let cursor = bobs["next_cursor"].as_str().unwrap();
    for line in bobs["data"].as_array().unwrap().iter().filter_map(|row| row["line"]["id"].as_str()) {
        let own = house.get(&ada.owner.key, &format!("{}?line={line}", ledger(&ada))).await.ok();
        assert_eq!(own["data"], json!([]));
        let his = house.get(&ada.owner.key, &format!("{}?line={line}", ledger(&bob))).await;
        assert_eq!(his.problem().0, 404);
    }
    let page = format!("{}?in_lines=true&limit=5&cursor={cursor}", ledger(&ada));
    assert_eq!(house.get(&ada.owner.key, &page).await.problem().0, 400);
    let adas = house.get(&ada.owner.key, &format!("{}?in_lines=true&limit=500", ledger(&ada))).await.ok();
    for secret in [bob.batch_key.key_id.to_string(), bob.named[0].to_string(), bob.named[1].to_string()] {
        assert!(!adas.to_string().contains(&secret));
    }
    // A line is opened, or lines are drawn: not both.
    let both = format!("{}?in_lines=true&line=x", ledger(&ada));
    assert_eq!(house.get(&ada.owner.key, &both).await.problem(), (400, "bad_request".to_owned()));
}
