//! How long a month of ten million requests takes to sum up, and one of a million to be shown. What it sums up is held
//! against what was filled in; how long it took is printed and held against nobody, so it runs only when asked for.

use std::time::Instant;

use serde_json::Value;
use tollgate_domain::{ApiKeyPurpose, Credential};

use crate::house::House;
use crate::reports::{Recorder, request_id};

const REQUESTS: i64 = 10_000_000;

#[tokio::test]
#[ignore = "a measurement: cargo nextest run -p tollgate-admin --run-ignored only a_month --no-capture"]
async fn a_month_of_ten_million_requests() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    for alias in ["large", "small", "tiny"] {
        house.model(alias, "0.001", "0.002").await;
    }
    for users in [20, 200] {
        let cells = users * 3 * 30 * 24;
        let each = REQUESTS / i64::from(cells);
        let fill = format!(
            "truncate usage_rollups;
             insert into usage_rollups
                 (hour, user_no, key_no, model_no, requests, prompt_tokens, completion_tokens, cache_read_tokens, amount_pico)
             select timestamptz '2026-10-24 00:00:00+00' + h * interval '1 hour', u, u, m, {each}, 1000, 500, 10, 25000000
             from generate_series(0, 30 * 24 - 1) h, generate_series(1, {users}) u, generate_series(1, 3) m;
             analyze usage_rollups"
        );
        house.store.tx_unbounded("fill", async |tx| Ok(tx.batch_execute(&fill).await?)).await.unwrap();
        let from = "2026-10-24T00:00:00Z".parse::<jiff::Timestamp>().unwrap().as_second();
        let to = from + 30 * 86_400;
        let usage = format!("/v1/organization/usage/completions?start_time={from}&end_time={to}");
        for (key, path) in [
            (&manager.key, format!("{usage}&limit=31")),
            (&manager.key, format!("{usage}&limit=31&group_by=model")),
            (&manager.key, format!("{usage}&limit=31&group_by=user_id")),
            (&manager.key, format!("{usage}&limit=168&bucket_width=1h&group_by=model")),
            (
                &manager.key,
                format!("/v1/organization/costs?start_time={from}&end_time={to}&limit=31&group_by=line_item"),
            ),
            (&ada.key, format!("{usage}&limit=31&group_by=model")),
        ] {
            let mut took = Vec::new();
            for _ in 0..7 {
                let asked = Instant::now();
                let page = house.get(key, &path).await.ok();
                took.push(asked.elapsed());
                assert!(page["data"].as_array().is_some_and(|data| data.len() >= 30), "{page}");
            }
            took.sort();
            // As fast as it may be, it is of use only when it is right.
            let page = house.get(key, &path).await.ok();
            let results = || {
                page["data"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .flat_map(|bucket| bucket["results"].as_array().unwrap())
            };
            let is_adas = key == &ada.key;
            let tenants = if is_adas { 1 } else { users };
            // A page of 168 hours is a week, every other the whole month.
            let hours = if path.contains("1h") { 168 } else { 30 * 24 };
            let sums = i64::from(tenants * 3 * hours);
            if path.contains("costs") {
                let charged: f64 = results().map(|result| result["amount"]["value"].as_f64().unwrap()).sum();
                let expected = 0.000_025 * f64::from(tenants * 3 * hours);
                assert!((charged - expected).abs() < 1e-6, "{path}: {charged}, not {expected}");
            } else {
                let requests: i64 =
                    results().map(|result: &Value| result["num_model_requests"].as_i64().unwrap()).sum();
                assert_eq!(requests, sums * each, "{path}");
            }
            eprintln!("{cells} cells: median {:?} of 7, {path}", took[3]);
        }
    }
}

#[tokio::test]
#[ignore = "a measurement: cargo nextest run -p tollgate-admin --run-ignored only a_receipt_on --no-capture"]
async fn a_receipt_on_a_day_of_a_million_requests() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    house.model("m", "0.001", "0.002").await;
    let mut recorder = Recorder::new();
    let record = recorder.record(Credential::Key(ada.key_id), "m", 10, 1);
    let id = request_id(&record);
    house.enter(vec![record]).await;
    // A thousand users with a thousand requests each, through the day that the one is in the middle of.
    let fill = "insert into usage_records
            (requested_at, correlation_id, amount_pico, raw_digest, rated_digest, day, instance_no, user_no, key_no, model_no,
             tariff_no, pricing_epoch, dimensions_no, duration_ms, prompt_tokens, completion_tokens, status_code, state, usage_source)
        select r.day + n * interval '86.4 milliseconds', n + 1000, 7, r.raw_digest, r.rated_digest, r.day, r.instance_no,
               case n % 1000 when 0 then r.user_no else -(n % 1000)::integer end, r.key_no, r.model_no, r.tariff_no,
               r.pricing_epoch, r.dimensions_no, 100, 10, 1, 200, 'c', 'p'
        from usage_records r, generate_series(0, 999999) n;
        insert into usage_rollups (hour, user_no, key_no, model_no, requests, amount_pico)
        select date_trunc('hour', requested_at), user_no, key_no, model_no, count(*), sum(amount_pico)
        from usage_records where correlation_id >= 1000 group by 1, 2, 3, 4 on conflict do nothing;
        analyze usage_records";
    house.store.tx_unbounded("fill", async |tx| Ok(tx.batch_execute(fill).await?)).await.unwrap();
    for (what, path) in [
        ("receipt", format!("/admin/api/v1/receipts/{id}")),
        ("ledger's first page", format!("/admin/api/v1/users/{}/ledger", ada.id)),
        ("ledger's first page in lines", format!("/admin/api/v1/users/{}/ledger?in_lines=true", ada.id)),
    ] {
        let mut took = Vec::new();
        for _ in 0..7 {
            let asked = Instant::now();
            house.get(&manager.key, &path).await.ok();
            took.push(asked.elapsed());
        }
        took.sort();
        eprintln!("a million records: median {:?} of 7, {what}", took[3]);
    }
    let receipt = house.get(&manager.key, &format!("/admin/api/v1/receipts/{id}")).await.ok();
    // Back from a balance that knows of the one alone, by what this user's 500 later ones cost.
    assert_eq!(receipt["balance_after"], "-0.0119999965");
}
