//! PostgreSQL goes away under load and comes back: clients notice nothing, and the books miss nothing.

use std::{collections::BTreeMap, time::Duration};

use http::StatusCode;
use serde_json::json;
use tokio::{task::JoinSet, time::Instant};
use tollgate_testkit::{ScriptedUpstream, TestPostgres};

use crate::harness::{Place, chat, eventually, sql};

const OUTAGE: Duration = Duration::from_secs(30);
const BEFORE: Duration = Duration::from_secs(2);
const AFTER: Duration = Duration::from_secs(3);
/// 200 requests a second.
const PACE: Duration = Duration::from_millis(5);

#[tokio::test(flavor = "multi_thread")]
async fn thirty_seconds_without_postgresql_fail_no_request_and_lose_no_record() {
    let mut postgres = TestPostgres::private().await;
    let upstream = ScriptedUpstream::start().await;
    let place = Place::on(&postgres.url());
    let key = place.set_up("ada", "1000", &upstream.base_url()).await;
    // With the settings that everyone has: a lease outlives the outage by fourteen seconds.
    let app = place.serve().await;
    let address = app.address();
    eventually("a first request is served, and there is a lease", async || {
        chat(address, &key, "prompt=10 completion=5", false).await.status == StatusCode::OK
    })
    .await;
    let first = upstream.books().len();

    let started = Instant::now();
    let traffic = tokio::spawn(async move {
        let mut requests = JoinSet::new();
        let mut ticks = tokio::time::interval(PACE);
        while started.elapsed() < BEFORE + OUTAGE + AFTER {
            ticks.tick().await;
            let key = key.clone();
            let stream = requests.len() % 2 == 0;
            requests.spawn(async move { chat(address, &key, "prompt=10 completion=5", stream).await });
        }
        requests.join_all().await
    });
    tokio::time::sleep_until(started + BEFORE).await;
    postgres.stop().await;
    tokio::time::sleep_until(started + BEFORE + OUTAGE).await;
    postgres.start_again().await;

    let replies = traffic.await.unwrap();
    let mut failed: BTreeMap<&str, usize> = BTreeMap::new();
    for reply in replies.iter().filter(|reply| reply.status != StatusCode::OK) {
        *failed.entry(reply.text.as_str()).or_default() += 1;
    }
    assert!(failed.is_empty(), "of {} requests failed: {failed:?}", replies.len());
    let asked = replies.len() + first;
    assert_eq!(upstream.books().len(), asked, "each request went upstream once");

    let sql = sql(&postgres.url()).await;
    eventually("the batcher has caught up by itself", async || {
        let row = sql.query_one("select count(*) from usage_records", &[]).await.unwrap();
        row.get::<_, i64>(0) == i64::try_from(asked).unwrap()
    })
    .await;
    // 10 × 0.00001 + 5 × 0.00003 = 0.00025 each.
    let micros = 1_000_000_000 - 250 * i64::try_from(asked).unwrap();
    let row = sql
        .query_one("select (balance * 1000000)::bigint from user_balances join users on id = user_id where name = 'ada'", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), micros);
    assert_eq!(place.cli("audit").await["ok"], json!(true));
    app.stop().await.unwrap();
}
