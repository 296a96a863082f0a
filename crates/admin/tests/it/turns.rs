//! Reports take turns and read no more than they must: nobody's take the database from the rest. And nothing that waits for the database keeps the server from stopping.

use std::time::Duration;

use tollgate_domain::ApiKeyPurpose;

use crate::house::{House, PATIENCE};

const WAITING: &str =
    "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";

#[tokio::test]
async fn of_one_users_reports_one_is_read_at_a_time_and_another_users_beside_it() {
    let house = House::open().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    let bob = house.tenant("bob", ApiKeyPurpose::Realtime, None).await;
    let ledger = |id| format!("/admin/api/v1/users/{id}/ledger");
    // Whoever reads movements waits, so every ledger that is being read can be counted.
    let (held, release) = (tokio::sync::Notify::new(), tokio::sync::Notify::new());
    let holding = house.store.tx("hold", async |tx| {
        tx.execute("lock table credit_movements in access exclusive mode", &[]).await?;
        held.notify_one();
        release.notified().await;
        Ok(())
    });
    let until_wait = async |count: usize| {
        let waiting = async {
            while house.rows(WAITING).await.len() < count {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("reports that wait for the lock");
    };
    let asking = async {
        held.notified().await;
        let adas = ledger(ada.id);
        let ask = || house.get(&ada.key, &adas);
        let others = async {
            until_wait(1).await;
            let bobs = ledger(bob.id);
            let counting = async {
                until_wait(2).await;
                let waiting = house.rows(WAITING).await.len();
                release.notify_one();
                waiting
            };
            tokio::join!(house.get(&bob.key, &bobs), counting)
        };
        tokio::join!(ask(), ask(), ask(), others)
    };
    let (held, (first, second, third, (bobs, waiting))) = tokio::join!(holding, asking);
    held.unwrap();
    assert_eq!(waiting, 2, "ada's and bob's");
    bobs.ok();
    let statuses = [first, second, third].map(|reply| reply.status.as_u16());
    assert!(
        statuses.contains(&200) && statuses.iter().all(|status| [200, 429].contains(status)),
        "{statuses:?}"
    );
}

#[tokio::test]
async fn a_sweep_that_waits_for_the_database_does_not_keep_the_server_from_stopping() {
    let mut house = House::open().await;
    let store = house.store.clone();
    let (held, release) = (tokio::sync::Notify::new(), tokio::sync::Notify::new());
    let holding = store.tx("hold", async |tx| {
        tx.execute("lock table api_keys in access exclusive mode", &[]).await?;
        held.notify_one();
        release.notified().await;
        Ok(())
    });
    let stopping = async {
        held.notified().await;
        while house.rows(WAITING).await.is_empty() {
            tokio::task::yield_now().await;
        }
        // Less than the half minute after which the database would end the sweep by itself.
        let has_stopped = house.stops_within(Duration::from_secs(20)).await;
        release.notify_one();
        has_stopped
    };
    let (held, has_stopped) = tokio::join!(holding, stopping);
    held.unwrap();
    assert!(has_stopped);
}

#[tokio::test]
async fn one_tenants_sums_are_found_without_reading_everybodys() {
    let house = House::open().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    let fill = "insert into usage_rollups (hour, user_no, key_no, model_no, requests)
                select timestamptz '2026-11-20 00:00:00+00' + h * interval '1 hour', u, u, 1, 1
                from generate_series(0, 99) h, generate_series(1, 500) u;
                analyze usage_rollups";
    house.store.tx_unbounded("fill", async |tx| Ok(tx.batch_execute(fill).await?)).await.unwrap();
    let scans = async || {
        let sql = "select idx_scan from pg_stat_user_indexes where indexrelname = 'usage_rollups_user'";
        house.rows(sql).await[0]["idx_scan"].as_i64().unwrap()
    };
    let from = crate::house::start().as_second() / 86_400 * 86_400;
    for path in [
        "/api/v1/key".to_owned(),
        format!("/admin/api/v1/users/{}/usage", ada.id),
        format!("/v1/organization/usage/completions?start_time={from}"),
        format!("/v1/organization/costs?start_time={from}"),
    ] {
        let before = scans().await;
        house.get(&ada.key, &path).await.ok();
        // The database counts, and tells within seconds.
        let counted = async {
            while scans().await == before {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, counted)
            .await
            .unwrap_or_else(|_| panic!("{path} does not use the index"));
    }
}

#[tokio::test]
async fn a_report_of_very_many_rows_comes_in_more_pages_or_not_at_all() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    // On three days 6,000 keys, on the fourth 10,001; and one user's 10,001 hours.
    let no = format!("(select no from users where id = '{}')", ada.id);
    let fill = format!(
        "insert into usage_rollups (hour, user_no, key_no, model_no, requests)
         select timestamptz '2026-11-01 00:00:00+00' + d * interval '1 day', 0, k, 0, 1
         from generate_series(0, 3) d, generate_series(1, case when d = 3 then 10001 else 6000 end) k;
         insert into usage_rollups (hour, user_no, key_no, model_no, requests)
         select timestamptz '2020-01-01 00:00:00+00' + h * interval '1 hour', {no}, 1, 1, 1
         from generate_series(0, 10000) h"
    );
    house.store.tx_unbounded("fill", async |tx| Ok(tx.batch_execute(&fill).await?)).await.unwrap();
    let from = "2026-11-01T00:00:00Z".parse::<jiff::Timestamp>().unwrap().as_second();
    let path = |days: i64| {
        let end = from + days * 86_400;
        let usage = "/v1/organization/usage/completions";
        format!("{usage}?start_time={from}&end_time={end}&limit=31&group_by=api_key_id")
    };
    let (mut days, mut next) = (Vec::new(), String::new());
    loop {
        let page = house.get(&manager.key, &format!("{}{next}", path(3))).await.ok();
        let data = page["data"].as_array().unwrap();
        days.push(data.iter().map(|day| day["results"].as_array().unwrap().len()).collect::<Vec<_>>());
        let Some(place) = page["next_page"].as_str() else { break };
        next = format!("&page={place}");
    }
    assert_eq!(days, [[6_000], [6_000], [6_000]]);
    let one_day = format!("&start_time={}", from + 3 * 86_400);
    let fourth = path(4).replace(&format!("?start_time={from}"), "?limit=1").replace("&limit=31", &one_day);
    assert_eq!(house.get(&manager.key, &fourth).await.problem(), (422, "invalid".to_owned()));
    let hours = format!("/admin/api/v1/users/{}/usage?group_by=hour", ada.id);
    assert_eq!(house.get(&ada.key, &hours).await.problem(), (422, "invalid".to_owned()));
    let fewer = house.get(&ada.key, &format!("{hours}&since=2020-01-01T01:00:00Z")).await.ok();
    assert_eq!(fewer["data"].as_array().unwrap().len(), 10_000);
}
