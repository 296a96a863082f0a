//! The disk of the database is full: records wait until there is space.

use std::time::Instant;

use tokio_postgres::NoTls;
use tollgate_metering::AnalyticsConfig;
use tollgate_store::StoreConfig;
use tollgate_testkit::{CapturedLog, PrivatePostgres, SmallDisk, TestPostgres};

use crate::outages::{Site, assert_logged, wait_for_failures};

/// A fresh server with our schema takes about 60.
const DATA_MEGABYTES: u32 = 160;
/// Three files of write-ahead log.
const WAL_MEGABYTES: u32 = 50;

#[tokio::test]
async fn tables_that_cannot_grow_hold_up_records_and_lose_none() {
    let Some(disk) = SmallDisk::mount(DATA_MEGABYTES) else { return };
    let log = CapturedLog::start();
    let server = PrivatePostgres::start_on(disk).await;
    let url = server.url();
    let mut site = Site::open(url.clone(), &StoreConfig::new(url), AnalyticsConfig::default()).await;
    let disk = server.disk().unwrap();
    disk.fill();
    // More than fits into the pages that the tables have.
    site.send(5000).await;
    wait_for_failures(&site.running.registry(), 4).await;
    assert!(site.books.count("usage_records").await < 5001);
    disk.free();
    site.drained("tables out of disk", Instant::now()).await;
    assert_logged(&log, &["the disk of the database is full"]);
    site.close().await;
}

#[tokio::test]
async fn a_server_that_panics_for_want_of_space_comes_back_with_it_and_loses_none() {
    let Some(disk) = SmallDisk::mount(WAL_MEGABYTES) else { return };
    let log = CapturedLog::start();
    let mut server = TestPostgres::private().await;
    server.stop().await;
    server.move_wal_to(&disk);
    server.start_again().await;
    let url = server.url();
    let mut site = Site::open(url.clone(), &StoreConfig::new(url), AnalyticsConfig::default()).await;
    let registry = site.running.registry();
    let back_at = site
        .under_load(async {
            disk.fill();
            use_up_the_log(&server).await;
            wait_for_failures(&registry, 4).await;
            disk.free();
            Instant::now()
        })
        .await;
    site.drained("write-ahead log out of disk", back_at).await;
    let said = server.log();
    assert!(said.contains("PANIC") && said.contains("No space left on device"), "{said}");
    assert_logged(&log, &["the disk of the database is full", "cannot be reached", "crashed", "recovering"]);
    site.close().await;
}

/// Goes on to the next file of the log until there is none.
async fn use_up_the_log(server: &PrivatePostgres) {
    let (client, connection) = tokio_postgres::connect(&server.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    while client.batch_execute("select pg_switch_wal(); create temp table if not exists t ()").await.is_ok() {
    }
}
