//! The network to the database can be taken away.

use std::time::Duration;

use tokio_postgres::NoTls;
use tollgate_testkit::{FaultProxy, TestDatabase};

#[tokio::test]
async fn a_frozen_line_answers_nothing_until_it_is_healed() {
    let database = TestDatabase::empty().await;
    let proxy = FaultProxy::start(database.url()).await;
    let (client, connection) = tokio_postgres::connect(&proxy.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    assert_eq!(client.query_one("select 1", &[]).await.unwrap().get::<_, i32>(0), 1);
    proxy.freeze();
    let mut query = std::pin::pin!(client.query_one("select 2", &[]));
    tokio::time::timeout(Duration::from_millis(100), query.as_mut()).await.unwrap_err();
    proxy.heal();
    assert_eq!(query.await.unwrap().get::<_, i32>(0), 2);
}

#[tokio::test]
async fn a_far_end_that_vanished_is_silent_for_ever_its_session_over_and_new_connections_work() {
    let database = TestDatabase::empty().await;
    let proxy = FaultProxy::start(database.url()).await;
    let (client, connection) = tokio_postgres::connect(&proxy.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    let pid: i32 = client.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
    proxy.vanish();
    let mut query = std::pin::pin!(client.query_one("select 2", &[]));
    let (other, connection) = tokio_postgres::connect(&proxy.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    let is_there = "select exists (select from pg_stat_activity where pid = $1)";
    while other.query_one(is_there, &[&pid]).await.unwrap().get(0) {}
    tokio::time::timeout(Duration::from_millis(100), query.as_mut()).await.unwrap_err();
}

#[tokio::test]
async fn a_cut_line_breaks_connections_old_and_new_until_it_is_healed() {
    let database = TestDatabase::empty().await;
    let proxy = FaultProxy::start(database.url()).await;
    let (client, connection) = tokio_postgres::connect(&proxy.url(), NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    proxy.cut();
    // The driver may see the end of the stream as an error or as a plain end; the client is closed either way.
    drop(driver.await.unwrap());
    assert!(client.is_closed());
    assert!(tokio_postgres::connect(&proxy.url(), NoTls).await.is_err());
    proxy.heal();
    assert!(tokio_postgres::connect(&proxy.url(), NoTls).await.is_ok());
}
