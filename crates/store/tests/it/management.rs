//! What the management API asks of the store.

use std::time::Duration;

use jiff::SignedDuration;
use tollgate_domain::ApiKeyPurpose;
use tollgate_store::api_keys::NewApiKey;
use tollgate_store::management::{self, keys};
use tollgate_store::{StoreError, snapshot};

use crate::support::{ACTOR, Books};

#[tokio::test]
async fn a_gateway_is_told_beforehand_when_a_replaced_key_ends() {
    let books = Books::open().await;
    books.user("ada").await;
    let new = NewApiKey { user: "ada".to_owned(), purpose: ApiKeyPurpose::Realtime, ..NewApiKey::default() };
    let old = books
        .store
        .tx("create", async |tx| keys::create(&tx, &books.master, &new, None, None, ACTOR).await)
        .await
        .unwrap();
    let before = snapshot::load_config(&books.store, &books.master).await.unwrap();
    let overlap = SignedDuration::from_hours(1);
    let id = old.key.id;
    let rotate = async |tx| {
        keys::rotate(&tx, &books.master, id, overlap, None, ACTOR).await?;
        keys::find(&tx, id, None).await
    };
    let replaced = books.store.tx("rotate", rotate).await.unwrap();
    let config = snapshot::load_config(&books.store, &books.master).await.unwrap();
    assert!(config.config_epoch > before.config_epoch, "gateways look again");
    let end = |config: &snapshot::Config| {
        config.keys.iter().map(|key| (key.id == id, key.revoked, key.revoke_at)).collect::<Vec<_>>()
    };
    assert_eq!(end(&before), [(true, false, None)]);
    assert!(replaced.revoke_at.is_some());
    assert_eq!(config.keys.len(), 2);
    assert!(end(&config).contains(&(true, false, replaced.revoke_at)), "{:?}", end(&config));
    assert!(end(&config).contains(&(false, false, None)), "{:?}", end(&config));
}

#[tokio::test]
async fn a_report_ends_soon_after_its_caller_has_gone() {
    let books = Books::open().await;
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let sender = std::sync::Mutex::new(Some(sender));
    let report = books.store.tx_repeatable_read("report", async |tx| {
        management::bound_report(&tx).await?;
        // Nothing but that the caller has gone ends it.
        tx.batch_execute("set local statement_timeout = 0").await?;
        let pid: i32 = tx.query_one("select pg_backend_pid()", &[]).await?.try_get(0)?;
        sender.lock().unwrap().take().unwrap().send(pid).unwrap();
        tx.batch_execute("select pg_sleep(3600)").await?;
        Ok::<_, StoreError>(())
    });
    let until = async |pid: i32, count: &str| {
        let asleep = format!(
            "select count(*)::text from pg_stat_activity
             where pid = {pid} and state = 'active' and query like '%pg_sleep%'"
        );
        while books.text(&asleep).await.as_deref() != Some(count) {}
    };
    let running = async {
        let pid = receiver.await.unwrap();
        until(pid, "1").await;
        pid
    };
    let pid = tokio::select! {
        _ = report => panic!("it sleeps for an hour"),
        pid = running => pid,
    };
    tokio::time::timeout(Duration::from_mins(1), until(pid, "0")).await.expect("the query has ended");
}
