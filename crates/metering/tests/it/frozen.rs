//! PostgreSQL stops where it is and says nothing: connections stay open, new ones are taken by the kernel and never answered. No wait
//! may be for ever, and nobody has to help when it goes on.

use std::time::{Duration, Instant};

use tollgate_metering::{AnalyticsConfig, RunError};
use tollgate_store::StoreConfig;
use tollgate_testkit::{CapturedLog, FaultProxy, TestPostgres};

use crate::books::Books;
use crate::outages::{Site, assert_logged, wait_for_failures};

#[tokio::test]
async fn a_server_that_was_frozen_for_a_moment_goes_on_where_it_was() {
    let server = TestPostgres::private().await;
    let url = server.url();
    let line = StoreConfig::new(url.clone());
    let mut site = Site::open(url.clone(), &line, AnalyticsConfig::default()).await;
    let held = site.send_and_hold(3000, &url).await;
    let frozen = server.freeze();
    site.send(3000).await;
    frozen.thaw();
    let back_at = Instant::now();
    held.let_go().await;
    site.drained("frozen for a moment", back_at).await;
    let failures = site.running.metric("tollgate_analytics_batch_retries_total{outcome=\"retry\"}");
    assert_eq!(failures, 0.0, "nothing was given up");
    site.close().await;
}

#[tokio::test]
async fn a_server_that_stays_frozen_is_given_up_and_drained_when_it_goes_on() {
    let log = CapturedLog::start();
    let server = TestPostgres::private().await;
    let mut line = StoreConfig::new(server.url());
    line.transaction_timeout = Duration::from_secs(2);
    // A connection that hangs and keeps its place would be the end of a pool of two.
    line.max_connections = 2;
    let mut site = Site::open(server.url(), &line, AnalyticsConfig::default()).await;
    let registry = site.running.registry();
    let held = site.send_and_hold(500, &server.url()).await;
    let frozen = server.freeze();
    // The transaction that was under way, and one that got no connection.
    wait_for_failures(&registry, 2).await;
    frozen.thaw();
    let back_at = Instant::now();
    held.let_go().await;
    site.drained("frozen until it was given up", back_at).await;
    assert_logged(&log, &["the database has not answered", "gave no connection"]);
    site.close().await;
}

#[tokio::test]
async fn a_host_that_vanished_without_a_word_is_given_up_for_the_one_that_took_its_place() {
    let server = TestPostgres::private().await;
    let proxy = FaultProxy::start(&server.url()).await;
    let line = StoreConfig::new(proxy.url());
    let mut site = Site::open(server.url(), &line, AnalyticsConfig::default()).await;
    let direct = Books::at(server.url(), None);
    // Each time the connections that wait in the pool lead nowhere too.
    for _ in 0..3 {
        let back_at = site
            .under_load(async {
                direct.wait_for_more_than("usage_records", direct.count("usage_records").await).await;
                let before = direct.count("usage_records").await;
                proxy.vanish();
                let back_at = Instant::now();
                // A connection that waited in the pool is given up before anything was begun on it, and no try has failed.
                direct.wait_for_more_than("usage_records", before + 1).await;
                back_at
            })
            .await;
        site.drained("host vanished", back_at).await;
    }
    site.close().await;
}

#[tokio::test]
async fn a_shutdown_while_the_server_is_frozen_ends_in_time() {
    let server = TestPostgres::private().await;
    let url = server.url();
    let config = AnalyticsConfig { shutdown_timeout_ms: 200, ..AnalyticsConfig::default() };
    let mut site = Site::open(url.clone(), &StoreConfig::new(url), config).await;
    let frozen = server.freeze();
    site.send(7).await;
    let ended = tokio::time::timeout(Duration::from_secs(20), site.running.stop()).await;
    let lost = ended.unwrap().unwrap_err();
    assert!(matches!(lost, RunError::Lost { records: 7 }), "{lost:?}");
    frozen.thaw();
}
