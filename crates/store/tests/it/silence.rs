//! A database that is away without a word: no wait is for ever, and no connection that hangs keeps its place in the pool.

use std::time::Duration;

use tollgate_store::notify::{Hint, Listener};
use tollgate_store::{ErrorClass, Store, StoreConfig, StoreError};
use tollgate_testkit::{FaultProxy, TestDatabase};

struct Line {
    store: Store,
    proxy: FaultProxy,
    _database: TestDatabase,
}

/// A store with a single connection, through a proxy.
async fn open() -> Line {
    let database = TestDatabase::create().await;
    let proxy = FaultProxy::start(database.url()).await;
    let mut config = StoreConfig::new(proxy.url());
    config.max_connections = 1;
    config.transaction_timeout = Duration::from_secs(2);
    Line { store: Store::connect(&config).unwrap(), proxy, _database: database }
}

/// Fails when it does not end.
async fn bounded<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_mins(1), Box::pin(wait)).await.unwrap()
}

#[tokio::test]
async fn a_connection_that_waited_and_leads_nowhere_is_replaced_before_anybody_hears_of_it() {
    let Line { store, proxy, _database } = open().await;
    store.ping().await.unwrap();
    proxy.vanish();
    bounded(store.ping()).await.unwrap();
    // Nor of one that has ended.
    proxy.cut();
    proxy.heal();
    bounded(store.ping()).await.unwrap();
}

#[tokio::test]
async fn a_new_connection_that_leads_nowhere_is_given_up_at_the_limit_and_keeps_no_place() {
    let Line { store, proxy, _database } = open().await;
    store.ping().await.unwrap();
    proxy.freeze();
    let error = bounded(store.ping()).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Retry);
    assert!(error.to_string().contains("it gave no connection"), "{error}");
    proxy.heal();
    bounded(store.ping()).await.unwrap();
}

#[tokio::test]
async fn a_transaction_whose_session_is_gone_is_given_up_though_it_has_no_limit() {
    let Line { store, proxy, _database } = open().await;
    let error = bounded(store.tx_unbounded("report", async |tx| {
        proxy.vanish();
        Ok(tx.batch_execute("select 1").await?)
    }))
    .await
    .unwrap_err();
    assert!(matches!(error, StoreError::Lost { name: "report" }), "{error}");
    assert_eq!(error.class(), ErrorClass::Retry);
    bounded(store.ping()).await.unwrap();
}

#[tokio::test]
async fn a_transaction_without_a_limit_is_given_up_when_nobody_answers() {
    let Line { store, proxy, _database } = open().await;
    let error = bounded(store.tx_unbounded("report", async |tx| {
        proxy.freeze();
        Ok(tx.batch_execute("select 1").await?)
    }))
    .await
    .unwrap_err();
    assert!(matches!(error, StoreError::Timeout { name: "report", .. }), "{error}");
    proxy.heal();
    bounded(store.ping()).await.unwrap();
}

#[tokio::test]
async fn a_transaction_without_a_limit_takes_as_long_as_it_takes_while_the_server_is_there() {
    let Line { store, proxy: _proxy, _database } = open().await;
    // Twice the limit of others, and two questions long.
    bounded(store.tx_unbounded("report", async |tx| Ok(tx.batch_execute("select pg_sleep(5)").await?)))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_server_that_takes_connections_and_says_nothing_is_given_up() {
    let Line { store, proxy, _database } = open().await;
    proxy.freeze();
    let both = Box::pin(async { tokio::join!(store.migrate(), store.ping()) });
    let (migrated, pinged) = bounded(both).await;
    for error in [migrated.unwrap_err(), pinged.unwrap_err()] {
        assert_eq!(error.class(), ErrorClass::Retry);
        assert!(error.to_string().contains("it gave no connection within 5s"), "{error}");
    }
    proxy.heal();
    bounded(store.ping()).await.unwrap();
}

#[tokio::test]
async fn a_host_that_takes_connections_and_says_nothing_does_not_keep_us_from_the_next() {
    let database = TestDatabase::create().await;
    let (silent, good) = (FaultProxy::start(database.url()).await, FaultProxy::start(database.url()).await);
    silent.freeze();
    let url = good.url().replace('@', &format!("@{},", silent.address()));
    let store = Store::connect(&StoreConfig::new(url)).unwrap();
    bounded(store.ping()).await.unwrap();
}

#[tokio::test]
async fn a_listener_whose_line_is_dead_connects_again() {
    let Line { store, proxy, _database } = open().await;
    let mut listener = Listener::start(&store);
    assert_eq!(bounded(listener.next()).await, Hint::Connected);
    proxy.vanish();
    assert_eq!(bounded(listener.next()).await, Hint::Connected);
    bounded(store.tx("notify", async |tx| Ok(tx.batch_execute("notify auth_config_changed, 'now'").await?)))
        .await
        .unwrap();
    assert_eq!(bounded(listener.next()).await, Hint::Notified("now".to_owned()));
}
