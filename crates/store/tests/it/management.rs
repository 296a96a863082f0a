//! What the management API asks of the store.

use std::time::Duration;

use tollgate_store::{StoreError, management};

use crate::support::Books;

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
