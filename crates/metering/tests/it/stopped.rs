//! PostgreSQL ends in each way that it can end in, and is started again: records wait, and are in the books soon after.

use std::time::Instant;

use tollgate_metering::AnalyticsConfig;
use tollgate_store::StoreConfig;
use tollgate_testkit::{CapturedLog, Halt, TestPostgres};

use crate::outages::{ENDS, Site, assert_logged, wait_for_failures};

/// Ends the server under load, `None`: in order. Starts it again when tries have failed at whatever they were at.
async fn away_and_back(fault: &str, how: Option<Halt>) {
    let log = CapturedLog::start();
    let mut server = TestPostgres::private().await;
    let url = server.url();
    let mut site = Site::open(url.clone(), &StoreConfig::new(url), AnalyticsConfig::default()).await;
    let registry = site.running.registry();
    let back_at = site
        .under_load(async {
            match how {
                None => server.stop().await,
                Some(how) => server.halt(how).await,
            }
            wait_for_failures(&registry, 4).await;
            server.start_again().await;
            Instant::now()
        })
        .await;
    site.drained(fault, back_at).await;
    assert_logged(&log, &ENDS);
    site.close().await;
}

#[tokio::test]
async fn a_server_that_is_stopped_in_order_loses_nothing_and_doubles_nothing() {
    away_and_back("fast shutdown", None).await;
}

#[tokio::test]
async fn a_server_that_is_stopped_at_once_loses_nothing_and_doubles_nothing() {
    away_and_back("immediate shutdown", Some(Halt::Immediate)).await;
}

#[tokio::test]
async fn a_server_whose_main_process_is_killed_loses_nothing_and_doubles_nothing() {
    away_and_back("kill -9 of the postmaster", Some(Halt::KillMain)).await;
}

#[tokio::test]
async fn a_server_whose_every_process_is_killed_loses_nothing_and_doubles_nothing() {
    away_and_back("kill -9 of every process", Some(Halt::Crash)).await;
}
