//! Pages of a ledger that is written to while they are read: all of them are of the moment of the first.

use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tollgate_domain::{Credential, RawAnalyticsRecord};
use tollgate_store::StoreError;
use tollgate_store::management::ledger::{self, After, LedgerFilter, Moment};

use crate::house::{House, PATIENCE, start};
use crate::ledgers::{Batches, batches, credits, granted_at};
use crate::reports::Recorder;

async fn open() -> (House, Batches) {
    let house = House::open().await;
    house.model("large", "0.001", "0.002").await;
    house.model("small", "0.0001", "0.0002").await;
    let ada = batches(&house, "ada").await;
    (house, ada)
}

fn ledger_of(ada: &Batches) -> String {
    format!("/admin/api/v1/users/{}/ledger", ada.owner.id)
}

/// What the first named batch goes on with: requests at these seconds after the start, or before it.
fn goes_on(ada: &Batches, recorder: &mut Recorder, seconds: &[i64]) -> Vec<RawAnalyticsRecord> {
    let record = |seconds: &i64| {
        let mut record = recorder.record(Credential::Key(ada.batch_key.key_id), "large", 1, 1);
        record.batch.batch_id = Some(ada.named[0]);
        record.timestamp = start().checked_add(SignedDuration::from_secs(*seconds)).unwrap();
        record
    };
    seconds.iter().map(record).collect()
}

/// All rows, while `meanwhile` happens before each page but the first.
async fn read_while(
    house: &House,
    key: &str,
    path: String,
    mut meanwhile: impl AsyncFnMut(usize),
) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut page = house.get(key, &path).await.ok();
    for number in 1.. {
        rows.extend(page["data"].as_array().unwrap().iter().cloned());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        meanwhile(number).await;
        page = house.get(key, &format!("{path}&cursor={cursor}")).await.ok();
    }
    rows
}

/// Waits until the query counts so many.
async fn until(house: &House, count: &str, expected: i64) {
    let counted = async { while house.rows(count).await[0]["n"] != json!(expected) {} };
    tokio::time::timeout(PATIENCE, counted).await.expect(count);
}

/// The sum of a whole list is the balance, and so is what its newest row says.
async fn adds_up(house: &House, ada: &Batches, rows: &[Value]) {
    let user = house.get(&ada.owner.key, &format!("/admin/api/v1/users/{}", ada.owner.id)).await.ok();
    assert_eq!(rows.iter().map(|row| credits(&row["amount"])).sum::<i128>(), credits(&user["balance"]));
    assert_eq!(rows[0]["balance_after"], user["balance"]);
}

#[tokio::test]
async fn a_batch_that_goes_on_while_pages_are_read_is_in_them_as_it_was_at_the_first() {
    let (house, ada) = open().await;
    let mut recorder = Recorder::new();
    // The last one will be the newest; the others come late, for times between which pages end.
    let late = [-30, -400, -1_000, -2_500, -4_000, -6_000, -9_000, 60];
    for lines in ["in_lines=true", "in_lines=false"] {
        let path = format!("{}?{lines}", ledger_of(&ada));
        let whole = house.all(&ada.owner.key, &path, 500).await;
        adds_up(&house, &ada, &whole).await;
        let limit = whole.len().div_ceil(6);
        let read = read_while(&house, &ada.owner.key, format!("{path}&limit={limit}"), async |page| {
            house.enter(goes_on(&ada, &mut recorder, &late)).await;
            house.grant(ada.owner.id, "1", &format!("{lines} {page}")).await;
            let at = start().checked_sub(SignedDuration::from_secs(1_500)).unwrap();
            granted_at(&house, &ada.owner, "0.5", at).await;
        });
        assert_eq!(read.await, whole, "{lines}");
        // A list that begins now has it all.
        let now = house.all(&ada.owner.key, &path, 500).await;
        assert!(now.len() >= whole.len() + 10, "{} and {}", whole.len(), now.len());
        adds_up(&house, &ada, &now).await;
    }
}

#[tokio::test]
async fn what_began_to_be_written_before_the_first_page_and_commits_after_it_is_in_none() {
    let (house, ada) = open().await;
    let path = format!("{}?in_lines=true", ledger_of(&ada));
    let whole = house.all(&ada.owner.key, &path, 500).await;
    let records = goes_on(&ada, &mut Recorder::new(), &[-30, -4_000, 60]);
    // A flush that has written its records waits for the balance.
    let lock = format!("select from user_balances where user_id = '{}' for update", ada.owner.id);
    let blocking = house.blocking(&lock).await;
    let written = format!(
        "select count(*) as n from usage_records join api_keys k on k.no = key_no
         where k.id = '{}' and prompt_tokens = 1",
        ada.batch_key.key_id
    );
    let flush = async { house.enter(records).await };
    let read = async {
        let waits = "select count(*) as n from pg_stat_activity
                     where datname = current_database() and wait_event_type = 'Lock' and backend_xid is not null";
        until(&house, waits, 1).await;
        // Those that begin after it and commit before it are in the list: others' entries, and one of the user's own.
        batches(&house, "bob").await;
        let own = format!(
            "insert into credit_movements (id, user_id, type, amount, source_id, created_at)
             values (gen_random_uuid(), '{}', 'purchase', 0.25, 'in time', '2026-11-24T11:00:00Z')",
            ada.owner.id
        );
        house.store.tx("own", async |tx| Ok(tx.batch_execute(&own).await?)).await.unwrap();
        let seen = house.all(&ada.owner.key, &path, 500).await;
        assert_eq!(seen.len(), whole.len() + 1);
        let read = read_while(&house, &ada.owner.key, format!("{path}&limit=4"), async |page| {
            if page == 1 {
                blocking.batch_execute("rollback").await.unwrap();
                until(&house, &written, 3).await;
            }
        });
        assert_eq!(read.await, seen);
        seen
    };
    let ((), seen) = tokio::join!(flush, read);
    let now = house.all(&ada.owner.key, &path, 500).await;
    assert_ne!(now, seen);
    let total = |rows: &[Value]| rows.iter().map(|row| credits(&row["amount"])).sum::<i128>();
    // 1 × 0.001 + 1 × 0.002, three times.
    assert_eq!(total(&seen) - total(&now), credits(&json!("0.009")));
}

#[tokio::test]
async fn what_is_priced_while_pages_are_read_is_in_the_next_list() {
    let (house, ada) = open().await;
    let manager = house.manager().await;
    let endpoint = json!({ "name": "late", "base_url": "http://late.test" });
    let endpoint = house.post(&manager.key, "/admin/api/v1/endpoints", &endpoint).await.ok();
    let new = json!({ "alias": "late", "endpoint_id": endpoint["id"] });
    let model = house.post(&manager.key, "/admin/api/v1/models", &new).await.ok();
    let mut waiting = Recorder::new().record(Credential::Key(ada.owner.key_id), "late", 10, 1);
    waiting.timestamp = start().checked_sub(SignedDuration::from_secs(5_000)).unwrap();
    house.enter(vec![waiting]).await;
    let path = format!("{}?in_lines=true", ledger_of(&ada));
    let whole = house.all(&ada.owner.key, &path, 500).await;
    let tariffs = format!("/admin/api/v1/models/{}/tariffs", model["id"].as_str().unwrap());
    let wanted = json!({ "tariffs": [{ "valid_from": "2026-01-01T00:00:00Z",
                                       "prices": { "input_price": "0.1", "output_price": "1" } }] });
    let read = read_while(&house, &ada.owner.key, format!("{path}&limit=4"), async |page| {
        if page == 1 {
            let change = house.write(Method::PUT, &manager.key, &tariffs, &wanted).await.ok();
            assert_eq!(change["rated_requests"], json!(1));
        }
    });
    assert_eq!(read.await, whole);
    let now = house.all(&ada.owner.key, &path, 500).await;
    assert_eq!(now.len(), whole.len() + 1);
    adds_up(&house, &ada, &now).await;
}

#[tokio::test]
async fn a_ledger_has_what_the_view_has() {
    let (house, ada) = open().await;
    let view = format!(
        "select id, created_at, transaction_type, source_id, description, batch_id, api_key_id, model, amount::text
         from credits_transactions where user_id = '{}' order by created_at desc, id collate \"C\" desc",
        ada.owner.id
    );
    let view = house.rows(&view).await;
    let entries = house.all(&ada.owner.key, &ledger_of(&ada), 50).await;
    assert_eq!(entries.len(), view.len());
    for (entry, row) in entries.iter().zip(&view) {
        for name in ["id", "source_id", "description", "batch_id", "api_key_id", "model"] {
            assert_eq!(entry[name], row[name], "{name}");
        }
        assert_eq!(entry["type"], row["transaction_type"]);
        assert_eq!(credits(&entry["amount"]).abs(), credits(&row["amount"]));
        let instant = |at: &Value| at.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        assert_eq!(instant(&entry["created_at"]), instant(&row["created_at"]));
    }
}

#[tokio::test]
async fn a_list_that_began_at_another_server_is_begun_anew() {
    let (house, ada) = open().await;
    let filter = LedgerFilter::default();
    let page = async |after: Option<&After>| {
        let read = async |tx| ledger::page(&tx, ada.owner.id, &filter, after, 4).await;
        house.store.tx_repeatable_read("page", read).await
    };
    let (first, moment) = page(None).await.unwrap();
    let behind = first.rows[3].place();
    let after = After { behind: behind.clone(), moment: moment.clone() };
    assert_eq!(page(Some(&after)).await.unwrap().1, moment);
    let mut elsewhere = json!(moment);
    elsewhere["server"] = json!(1);
    let elsewhere: Moment = serde_json::from_value(elsewhere).unwrap();
    let refused = page(Some(&After { behind, moment: elsewhere })).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::Refused(why) if why.contains("begin without a cursor")),
        "{refused}"
    );
}

#[tokio::test]
async fn a_list_whose_rows_were_written_anew_is_refused_and_not_shown_without_them() {
    let (house, ada) = open().await;
    for table in ["credit_movements", "usage_records"] {
        for filter in ["in_lines=true", "in_lines=false", "type=usage"] {
            let path = format!("{}?{filter}&limit=2", ledger_of(&ada));
            let first = house.get(&ada.owner.key, &path).await.ok();
            let next = format!("{path}&cursor={}", first["next_cursor"].as_str().unwrap());
            let second = house.get(&ada.owner.key, &next).await.ok();
            // As a migration may: all rows are the same as before, and of its own transaction.
            let column = filter.replace('=', "_");
            let rewrite =
                format!("alter table {table} add column {column}_new uuid default gen_random_uuid()");
            house.store.tx("rewrite", async |tx| Ok(tx.batch_execute(&rewrite).await?)).await.unwrap();
            let refused = house.get(&ada.owner.key, &next).await;
            assert_eq!(refused.status.as_u16(), 422, "{table} {filter}");
            let problem = refused.json();
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains("begin without a cursor"), "{detail}");
            // A list that begins now has the same rows.
            let again = house.get(&ada.owner.key, &path).await.ok();
            assert_eq!(again["data"], first["data"]);
            let next = format!("{path}&cursor={}", again["next_cursor"].as_str().unwrap());
            let again = house.get(&ada.owner.key, &next).await.ok();
            assert_eq!(again["data"], second["data"]);
        }
    }
}
