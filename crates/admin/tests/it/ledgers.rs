//! Ledgers and the receipts of their entries: one running balance, whichever way it is looked at.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tollgate_domain::{ApiKeyPurpose, Credential, Credits};
use tollgate_metering::RecordKeys;
use tollgate_metering::unrated::rate_unrated;
use uuid::Uuid;

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

/// A user with a realtime key and one for batches, and requests by turns: of two batches that name themselves, of some that name none, and others.
struct Batches {
    owner: Tenant,
    batch_key: Tenant,
    named: [Uuid; 2],
}

async fn batches(house: &House, name: &str) -> Batches {
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

/// Where the line of these entries, the newest first, stands: of a batch at the first of them, of an hour at its beginning.
fn stands_at(inside: &[&Value], of: &Batches) -> String {
    let first = inside[inside.len() - 1];
    let at = first["created_at"].as_str().unwrap();
    let is_of_an_hour = first["batch_id"].is_null() && line_of(first, of).is_some();
    if is_of_an_hour { format!("{}:00:00Z", &at[..13]) } else { at.to_owned() }
}

#[tokio::test]
async fn a_batch_is_one_line_that_opens_to_its_entries_and_the_balance_is_that_of_the_ledger() {
    let house = House::open().await;
    house.model("large", "0.001", "0.002").await;
    house.model("small", "0.0001", "0.0002").await;
    let ada = batches(&house, "ada").await;
    let ledger = format!("/admin/api/v1/users/{}/ledger", ada.owner.id);
    let key = &ada.owner.key;
    for filter in
        ["", "&model=large", "&search=LARGE", "&since=2026-11-24T10:30:00Z&until=2026-11-24T11:40:00Z"]
    {
        // A filter is held against the row, so what is in a line is all of it.
        let entries = house.all(key, &format!("{ledger}?type=usage"), 500).await;
        let mut expected: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
        for entry in &entries {
            let line = line_of(entry, &ada).unwrap_or_else(|| entry["id"].to_string());
            expected.entry(line).or_default().push(entry);
        }
        expected.retain(|_, inside| {
            let at = stands_at(inside, &ada);
            !filter.contains("since")
                || ("2026-11-24T10:30".."2026-11-24T11:40").contains(&&*at[..16].to_owned())
        });
        expected.retain(|_, inside| {
            filter.is_empty() || filter.contains("since") || inside[0]["model"] == "large"
        });
        let lines = house.all(key, &format!("{ledger}?type=usage&in_lines=true{filter}"), 3).await;
        assert_eq!(lines.len(), expected.len(), "{filter}");
        for line in &lines {
            let Some(id) = line["line"]["id"].as_str() else {
                assert_eq!(line, expected[&line["id"].to_string()][0]);
                continue;
            };
            let opened = house.all(key, &format!("{ledger}?line={id}"), 4).await;
            let inside = &expected[&line_of(&opened[0], &ada).unwrap()];
            assert_eq!(opened.iter().collect::<Vec<_>>(), *inside, "{line}");
            assert_eq!(line["created_at"], stands_at(inside, &ada));
            // After its last entry this was left, whatever stands between.
            assert_eq!(line["balance_after"], inside[0]["balance_after"], "{line}");
            assert_eq!(
                credits(&line["amount"]),
                inside.iter().map(|entry| credits(&entry["amount"])).sum::<i128>()
            );
            assert_eq!(line["line"]["entries"], inside.len());
            assert_eq!(line["line"]["first_at"], inside[inside.len() - 1]["created_at"]);
            assert_eq!(line["line"]["last_at"], inside[0]["created_at"]);
            assert_eq!(line["request_id"], Value::Null);
            let elsewhere = format!("{ledger}?line={id}&since=2027-01-01T00:00:00Z");
            assert_eq!(house.get(key, &elsewhere).await.ok()["data"], json!([]));
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
    let user = house.get(key, &format!("/admin/api/v1/users/{}", ada.owner.id)).await.ok();
    assert_eq!(sum, credits(&user["balance"]));
    // The movements stand among them, one by one.
    assert_eq!(lines.iter().filter(|line| line["type"] != "usage").count(), 2);
}

/// What tells one row of a list of lines from another, however it grows.
fn name_of(row: &Value) -> String {
    row["id"].to_string()
}

#[tokio::test]
async fn every_line_is_in_the_pages_once_whatever_is_entered_while_they_are_read() {
    let house = House::open().await;
    house.model("large", "0.001", "0.002").await;
    house.model("small", "0.0001", "0.0002").await;
    let ada = batches(&house, "ada").await;
    let ledger = format!("/admin/api/v1/users/{}/ledger?in_lines=true", ada.owner.id);
    let whole = house.all(&ada.owner.key, &ledger, 500).await;
    let named: Vec<_> = whole.iter().map(name_of).collect();
    let mut recorder = Recorder::new();
    let mut pages = vec![house.get(&ada.owner.key, &format!("{ledger}&limit=3")).await.ok()];
    let mut seconds = 0;
    while let Some(cursor) = pages[pages.len() - 1]["next_cursor"].as_str() {
        // Every line goes on after each page: with what begins now, with what began before everything else and comes late, and in its own hour.
        seconds += 1;
        let mut more = Vec::new();
        for (batch, model) in
            ada.named.iter().map(Some).chain([None]).flat_map(|batch| [(batch, "large"), (batch, "small")])
        {
            for from_start in [60 + seconds, -50 * 97 + seconds, -119 * 97 - seconds] {
                let mut record = recorder.record(Credential::Key(ada.batch_key.key_id), model, 1, 1);
                record.batch.batch_id = batch.copied();
                record.timestamp = start().checked_add(SignedDuration::from_secs(from_start)).unwrap();
                more.push(record);
            }
        }
        house.enter(more).await;
        let next = house.get(&ada.owner.key, &format!("{ledger}&limit=3&cursor={cursor}")).await.ok();
        pages.push(next);
    }
    let rows: Vec<_> = pages.iter().flat_map(|page| page["data"].as_array().unwrap()).map(name_of).collect();
    let seen: Vec<_> = rows.iter().filter(|name| named.contains(name)).cloned().collect();
    assert_eq!(seen, named);
    // And what it holds now is what is in the books.
    let lines = house.all(&ada.owner.key, &ledger, 3).await;
    let sum: i128 = lines.iter().map(|line| credits(&line["amount"])).sum();
    let user = house.get(&ada.owner.key, &format!("/admin/api/v1/users/{}", ada.owner.id)).await.ok();
    assert_eq!(sum, credits(&user["balance"]));
    let differing = house.rows(LINES_DIFFER).await;
    assert_eq!(differing, Vec::<Value>::new());
}

/// Lines that are not what the charges in them add up to.
const LINES_DIFFER: &str = "select * from (
        select user_no, batch_id, key_no, model_no, min(requested_at) as first_at, max(requested_at) as last_at,
               count(*) as entries, sum(amount_pico) as pico
        from usage_records join usage_details using (day, instance_no, correlation_id)
        where batch_id is not null and amount_pico > 0 group by 1, 2, 3, 4) charges
    full join batch_lines l using (user_no, batch_id, key_no, model_no, first_at, last_at, entries)
    where pico is distinct from l.amount_pico";

#[tokio::test]
async fn a_charge_that_had_no_price_joins_its_line_when_it_gets_one() {
    let house = House::open().await;
    house.model("large", "0.001", "0.002").await;
    house.model("small", "0.0001", "0.0002").await;
    let ada = batches(&house, "ada").await;
    let mut late = Recorder::new().record(Credential::Key(ada.batch_key.key_id), "late", 10, 10);
    late.batch.batch_id = Some(ada.named[0]);
    late.trace_id = Some("0af7651916cd43dd8448eb211c80319c".to_owned());
    house.enter(vec![late]).await;
    let ledger = format!("/admin/api/v1/users/{}/ledger?in_lines=true&model=late", ada.owner.id);
    assert_eq!(house.all(&ada.owner.key, &ledger, 500).await, Vec::<Value>::new());
    house.model("late", "0.5", "0").await;
    let keys = RecordKeys::derive(&house.master);
    assert_eq!(rate_unrated(&house.store, &keys).await.unwrap().rated, 1);
    let lines = house.all(&ada.owner.key, &ledger, 500).await;
    assert_eq!(
        (lines.len(), &lines[0]["amount"], &lines[0]["line"]["entries"]),
        (1, &json!("-5"), &json!(1))
    );
    assert_eq!(house.rows(LINES_DIFFER).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_ledger_in_pages_of_any_size_is_the_sum_of_everything_before_each_entry() {
    let house = House::open().await;
    let tenants = filled(&house).await;
    let ada = &tenants[0];
    house.grant(ada.id, "1000", "now").await;
    for hours in [0, 5, 24, 48, 500] {
        granted_at(&house, ada, "0.5", start().checked_sub(SignedDuration::from_hours(hours)).unwrap()).await;
    }
    // The slow way: the whole ledger, added up.
    let slow = format!(
        "select id, (sum(case when transaction_type = 'usage' then -amount else amount * movement_sign(transaction_type) end)
                         over (order by created_at, id collate \"C\"))::text as balance, model, api_key_id, description
         from credits_transactions where user_id = '{}' order by created_at desc, id collate \"C\" desc", ada.id);
    let slow = house.rows(&slow).await;
    assert!(slow.len() > 200);
    let ledger = format!("/admin/api/v1/users/{}/ledger", ada.id);
    let other_key = tenants[1].key_id;
    for (filter, limit) in [
        (String::new(), 7),
        (String::new(), 500),
        ("?model=small".to_owned(), 5),
        (format!("?api_key_id={other_key}"), 9),
        ("?search=LARGE%20(1".to_owned(), 2),
        ("?type=purchase".to_owned(), 2),
    ] {
        let meets = |row: &&Value| match filter.split_once('=') {
            Some(("?model", model)) => row["model"] == model,
            Some(("?api_key_id", key)) => row["api_key_id"] == key,
            Some(("?search", _)) => row["description"].as_str().unwrap().contains("large (1"),
            Some(_) => {
                !row["id"].as_str().unwrap().starts_with("usage:") && row["balance"] != slow[0]["balance"]
            }
            None => true,
        };
        let expected: Vec<_> =
            slow.iter().filter(meets).map(|row| (row["id"].clone(), credits(&row["balance"]))).collect();
        let paged = house.all(&ada.key, &format!("{ledger}{filter}"), limit).await;
        let paged: Vec<_> =
            paged.iter().map(|row| (row["id"].clone(), credits(&row["balance_after"]))).collect();
        assert!(!expected.is_empty() && paged == expected, "{filter}: {paged:?} is not {expected:?}");
    }
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
