//! What `Store::tx` does when things go wrong.

use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tollgate_domain::Credits;
use tollgate_store::ledger::BalanceChange;
use tollgate_store::{ErrorClass, Store, StoreConfig, StoreError, ledger};

use crate::support::{Books, credits};

#[tokio::test]
async fn a_store_connects_only_when_it_is_used_and_then_says_retry() {
    let store = Store::connect(&StoreConfig::new("postgres://nobody@127.0.0.1:1/none")).unwrap();
    let error = store.ping().await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Retry);
    assert!(error.to_string().ends_with("is PostgreSQL up where `database.url` says?"), "{error}");
}

#[tokio::test]
async fn a_url_that_cannot_be_read_is_fatal_and_keeps_its_password() {
    let error =
        Store::connect(&StoreConfig::new("postgres://u:hunter2@h/db?no_such_option=1")).err().unwrap();
    assert_eq!(error.class(), ErrorClass::Fatal);
    assert!(error.to_string().contains("no_such_option"), "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[tokio::test]
async fn what_fails_leaves_nothing_behind_and_the_connection_goes_on() {
    let books = Books::open().await;
    let user = books.user("ada").await;
    let failed: Result<(), StoreError> = books
        .store
        .tx("half", async |tx| {
            ledger::apply_deltas(&tx, &[(user.no, credits("5"))]).await?;
            Err(StoreError::refused("no"))
        })
        .await;
    failed.unwrap_err();
    assert_eq!(
        books
            .text(
                "select balance::text from user_balances where balance <> 0 union all select 'none' limit 1"
            )
            .await
            .as_deref(),
        Some("none")
    );
}

#[tokio::test]
async fn a_deadlock_is_resolved_by_running_again() {
    let books = Books::open().await;
    books.user("a").await;
    books.user("b").await;
    let meeting = tokio::sync::Barrier::new(2);
    let runs = AtomicU32::new(0);
    let update = "update user_balances set balance = balance + 1
                  where user_no = (select no from users where name = $1)";
    // Each takes its first row, waits for the other, then wants the other's row.
    let cross = async |first: &str, second: &str| {
        let met = AtomicU32::new(0);
        books
            .store
            .tx("cross", async |tx| {
                runs.fetch_add(1, Ordering::SeqCst);
                tx.execute(update, &[&first]).await?;
                if met.fetch_add(1, Ordering::SeqCst) == 0 {
                    meeting.wait().await;
                }
                tx.execute(update, &[&second]).await?;
                Ok(())
            })
            .await
    };
    let (one, two) = tokio::join!(cross("a", "b"), cross("b", "a"));
    one.unwrap();
    two.unwrap();
    assert!(runs.load(Ordering::SeqCst) > 2, "one of them ran again");
    let sum = books.text("select sum(balance)::float8::text from user_balances").await;
    assert_eq!(sum.as_deref(), Some("4"));
}

#[tokio::test]
async fn a_killed_connection_is_retryable_and_the_next_transaction_gets_a_new_one() {
    let books = Books::open().await;
    let error = books
        .store
        .tx("killed", async |tx| {
            let pid: i32 = tx.query_one("select pg_backend_pid()", &[]).await?.try_get(0)?;
            kill(&books, pid).await;
            Ok(tx.batch_execute("select 1").await?)
        })
        .await
        .unwrap_err();
    assert_eq!(error.class(), ErrorClass::Retry, "{error}");
    for _ in 0..10 {
        books.store.ping().await.unwrap();
    }
}

async fn kill(books: &Books, pid: i32) {
    books
        .store
        .tx("kill", async |tx| {
            tx.execute("select pg_terminate_backend($1, 5000)", &[&pid]).await?;
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn work_that_borrows_runs_in_a_spawned_task() {
    async fn apply(store: &Store, deltas: &[(i32, Credits)]) -> Vec<BalanceChange> {
        store.tx("spawned", async |tx| ledger::apply_deltas(&tx, deltas).await).await.unwrap()
    }
    let books = Books::open().await;
    let user = books.user("ada").await;
    let store = books.store.clone();
    let deltas = vec![(user.no, credits("2")), (user.no, credits("0.5"))];
    let changes = tokio::spawn(async move { apply(&store, &deltas).await }).await.unwrap();
    assert_eq!(changes.len(), 1);
    assert_eq!((changes[0].before, changes[0].after), (credits("0"), credits("2.5")));
}

#[tokio::test]
async fn a_cancelled_transaction_rolls_back_and_its_connection_serves_nobody_else() {
    let books = Books::open().await;
    let user = books.user("ada").await;
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let sender = std::sync::Mutex::new(Some(sender));
    let work = books.store.tx("cancelled", async |tx| {
        ledger::apply_deltas(&tx, &[(user.no, credits("5"))]).await?;
        let pid: i32 = tx.query_one("select pg_backend_pid()", &[]).await?.try_get(0)?;
        sender.lock().unwrap().take().unwrap().send(pid).unwrap();
        std::future::pending::<Result<(), StoreError>>().await
    });
    let pid = tokio::select! {
        _ = work => panic!("it never ends"),
        pid = receiver => pid.unwrap(),
    };
    // The server ends the session; meanwhile others get other connections.
    let gone = format!("select count(*)::text from pg_stat_activity where pid = {pid}");
    while books.text(&gone).await.as_deref() != Some("0") {}
    assert_eq!(books.grant("ada", "1", "s").await.unwrap().balance, credits("1"));
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up_and_its_connection_closed() {
    let books =
        Books::open_with(|config| StoreConfig { transaction_timeout: Duration::from_millis(200), ..config })
            .await;
    let pid = AtomicI32::new(0);
    let error = books
        .store
        .tx("frozen", async |tx| {
            pid.store(tx.query_one("select pg_backend_pid()", &[]).await?.try_get(0)?, Ordering::SeqCst);
            Ok(tx.batch_execute("select pg_sleep(20)").await?)
        })
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Timeout { name: "frozen", .. }), "{error}");
    assert_eq!(error.class(), ErrorClass::Retry);
    let own = books.text("select pg_backend_pid()::text").await.unwrap();
    assert_ne!(own, pid.load(Ordering::SeqCst).to_string());
}

#[tokio::test]
async fn transactions_are_measured_by_name_and_outcome() {
    let books = Books::open().await;
    let mut registry = Registry::default();
    books.store.register_metrics(&mut registry);
    books.store.ping().await.unwrap();
    books.failure("select 1 / 0").await;
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    assert!(
        text.contains(
            r#"tollgate_store_transaction_duration_seconds_count{name="ping",outcome="committed"} 1"#
        )
    );
    assert!(text.contains(r#"{name="statement",outcome="failed"} 1"#), "{text}");
}

#[tokio::test]
async fn pooled_sessions_have_a_statement_timeout_and_unbounded_ones_have_none() {
    let books = Books::open().await;
    assert_eq!(books.text("select current_setting('statement_timeout')").await.as_deref(), Some("30s"));
    let unbounded: String = books
        .store
        .tx_unbounded("unbounded", async |tx| {
            Ok(tx.query_one("select current_setting('statement_timeout')", &[]).await?.try_get(0)?)
        })
        .await
        .unwrap();
    assert_eq!(unbounded, "0");
    assert_eq!(books.text("select current_setting('statement_timeout')").await.as_deref(), Some("30s"));
}
