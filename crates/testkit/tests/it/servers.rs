//! What happens to a server happens when it is told to, and ends when it is told to.

use std::time::Duration;

use tokio_postgres::{Client, NoTls};
use tollgate_testkit::{FailoverPair, Fate, FaultProxy, Replication, SmallDisk, TestDatabase, TestPostgres};

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn count(client: &Client) -> i64 {
    client.query_one("select count(*) from t", &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_frozen_server_answers_neither_old_connections_nor_new_ones_until_it_is_thawed() {
    let server = TestPostgres::private().await;
    let client = connect(&server.url()).await;
    let frozen = server.freeze();
    let url = server.url();
    let mut query = std::pin::pin!(client.simple_query("select 1"));
    let mut connecting = std::pin::pin!(tokio_postgres::connect(&url, NoTls));
    tokio::time::timeout(Duration::from_millis(100), query.as_mut()).await.unwrap_err();
    assert!(tokio::time::timeout(Duration::from_millis(100), connecting.as_mut()).await.is_err());
    frozen.thaw();
    query.await.unwrap();
    assert!(connecting.await.is_ok());
}

#[tokio::test]
async fn a_lost_answer_is_a_commit_that_happened_and_a_lost_commit_is_none() {
    let database = TestDatabase::empty().await;
    let direct = connect(database.url()).await;
    direct.batch_execute("create table t (n int)").await.unwrap();
    let proxy = FaultProxy::start(database.url()).await;
    for (fate, there) in [(Fate::CommitLost, 0), (Fate::AnswerLost, 1), (Fate::Answered, 2)] {
        proxy.decide_commits(move |number| if number == 0 { fate } else { Fate::Answered });
        let client = connect(&proxy.url()).await;
        client.batch_execute("begin").await.unwrap();
        client.batch_execute("insert into t values (1)").await.unwrap();
        assert_eq!(client.batch_execute("commit").await.is_ok(), fate == Fate::Answered);
        assert_eq!(count(&direct).await, there, "{fate:?}");
    }
    assert_eq!(proxy.lost(), 2);
}

#[tokio::test]
async fn a_line_that_is_led_elsewhere_keeps_the_connections_that_are_open() {
    let (one, two) = (TestDatabase::empty().await, TestPostgres::private().await);
    connect(one.url()).await.batch_execute("create table t as select 1").await.unwrap();
    let proxy = FaultProxy::start(one.url()).await;
    let before = connect(&proxy.url()).await;
    proxy.lead_to(&two.url());
    assert_eq!(count(&before).await, 1);
    // The other server has no database of that name.
    assert!(tokio_postgres::connect(&proxy.url(), NoTls).await.is_err());
}

#[tokio::test]
async fn a_full_disk_refuses_what_needs_space_until_it_is_freed() {
    let Some(disk) = SmallDisk::mount(2) else { return };
    disk.fill();
    let write = || std::fs::write(disk.path().join("more"), vec![0; 1 << 20]);
    assert_eq!(write().unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    std::fs::remove_file(disk.path().join("more")).unwrap();
    disk.free();
    write().unwrap();
}

#[tokio::test]
async fn a_standby_that_is_promoted_has_all_but_what_was_held_back() {
    let mut pair = FailoverPair::start(Replication::Asynchronous).await;
    let primary = connect(&pair.primary_url()).await;
    primary.batch_execute("create table t (n int)").await.unwrap();
    primary.batch_execute("insert into t values (1)").await.unwrap();
    pair.wait_until_caught_up().await;
    let standby = connect(&pair.standby_url()).await;
    assert_eq!(count(&standby).await, 1);
    assert!(standby.batch_execute("insert into t values (2)").await.is_err(), "it is read-only");
    pair.hold_back().await;
    primary.batch_execute("insert into t values (2)").await.unwrap();
    pair.fail_over().await;
    assert!(primary.batch_execute("select 1").await.is_err(), "the primary is gone");
    assert_eq!(count(&standby).await, 1, "the second commit is lost");
    standby.batch_execute("insert into t values (3)").await.unwrap();
}

#[tokio::test]
async fn a_synchronous_commit_waits_for_the_standby() {
    let pair = FailoverPair::start(Replication::Synchronous).await;
    let primary = connect(&pair.primary_url()).await;
    primary.batch_execute("create table t (n int)").await.unwrap();
    pair.hold_back().await;
    let mut commit = std::pin::pin!(primary.batch_execute("insert into t values (1)"));
    tokio::time::timeout(Duration::from_millis(200), commit.as_mut()).await.unwrap_err();
    pair.let_through().await;
    commit.await.unwrap();
    pair.wait_until_caught_up().await;
    assert_eq!(count(&connect(&pair.standby_url()).await).await, 1);
}
