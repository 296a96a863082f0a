//! PostgreSQL goes away under load and comes back: clients notice nothing, and the books miss nothing.

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use serde_json::json;
use tokio::{task::JoinSet, time::Instant};
use tollgate_server::{App, SystemClock};
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
    let mut config = place.config();
    // The default is enough for the outage; not for a busy machine on which PostgreSQL takes long to start again.
    config.leases.lifetime_s = 150;
    let app = App::start(config, Arc::new(SystemClock)).await.unwrap();
    let address = app.address();

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
    let failed: Vec<_> = replies.iter().filter(|reply| reply.status != StatusCode::OK).collect();
    assert!(failed.is_empty(), "{} of {} requests failed: {:?}", failed.len(), replies.len(), failed.first());
    assert_eq!(upstream.books().len(), replies.len(), "each request went upstream once");

    let sql = sql(&postgres.url()).await;
    eventually("the batcher has caught up by itself", async || {
        let row = sql.query_one("select count(*) from usage_records", &[]).await.unwrap();
        row.get::<_, i64>(0) == i64::try_from(replies.len()).unwrap()
    })
    .await;
    // 10 × 0.00001 + 5 × 0.00003 = 0.00025 each.
    let micros = 1_000_000_000 - 250 * i64::try_from(replies.len()).unwrap();
    let row = sql
        .query_one("select (balance * 1000000)::bigint from user_balances join users on id = user_id where name = 'ada'", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), micros);
    assert_eq!(place.cli("audit").await["ok"], json!(true));
    app.stop().await.unwrap();
}
