//! docs/UPGRADE.md on backups: what comes back from a dump and a spool, and what does not.

use std::{fs, path::Path, sync::Arc};

use http::StatusCode;
use serde_json::json;
use tollgate_server::{App, RunningApp, SystemClock};
use tollgate_testkit::{ScriptedUpstream, TestPostgres};

use super::{balance, request_log, run_client};
use crate::harness::{Place, chat, eventually, metric, sql};

/// What a request costs that is made here: 1,000 × 0.00001 + 500 × 0.00003 = 0.025.
const SCRIPT: &str = "prompt=1000 completion=500";

/// A server that does not wait long for a database that is away, and audits each second.
async fn serve(place: &Place) -> RunningApp {
    let mut config = place.config();
    config.analytics.shutdown_timeout_ms = 300;
    config.audit.interval_s = 1;
    App::start(config, Arc::new(SystemClock)).await.unwrap()
}

async fn served(app: &RunningApp, key: &str, count: usize) {
    for _ in 0..count {
        eventually("a request is served", async || {
            chat(app.address(), key, SCRIPT, false).await.status == StatusCode::OK
        })
        .await;
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Three more passes of the running audit.
async fn audited(app: &RunningApp) {
    const RIGHT: &str = "tollgate_audit_runs_total{outcome=\"right\"}";
    let before = metric(app.address(), RIGHT).await;
    eventually("new records are audited", async || {
        metric(app.address(), RIGHT).await >= before + 3
            || metric(app.address(), "tollgate_audit_differences").await > 0
    })
    .await;
    assert_eq!(metric(app.address(), "tollgate_audit_differences").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_dump_gets_from_the_spool_what_it_lacks_once() {
    let upstream = ScriptedUpstream::start().await;
    let mut postgres = TestPostgres::private().await;
    // The server that is backed up has seen many transactions, the one that it is restored to has seen none.
    let burn = "do $$ begin for i in 1..20000 loop begin perform pg_current_xact_id(); exception when others then null; end; end loop; end $$";
    sql(&postgres.url()).await.batch_execute(burn).await.unwrap();
    let mut place = Place::on(&postgres.url());
    let app = serve(&place).await;
    let key = place.set_up("ada", "1", &upstream.base_url()).await;
    served(&app, &key, 2).await;
    eventually("two are in the books", async || balance(&place, "ada").await == json!("0.95")).await;

    let dump = place.directory.path().join("books.dump");
    let dump = dump.to_str().unwrap();
    if !run_client("pg_dump", &["-Fc", "-f", dump, &postgres.url()]).await {
        return;
    }
    served(&app, &key, 1).await;
    eventually("one more is in the books, and not in the dump", async || {
        balance(&place, "ada").await == json!("0.925")
    })
    .await;
    postgres.stop().await;
    // And two that no database ever had.
    served(&app, &key, 2).await;
    app.stop().await.unwrap();

    let fresh = TestPostgres::private().await;
    assert!(run_client("pg_restore", &["--no-owner", "--exit-on-error", "-d", &fresh.url(), dump]).await);
    let restored = request_log(&fresh.url()).await;
    assert_eq!(restored.len(), 2, "{restored:#?}");
    place.use_database(&fresh.url());
    assert_eq!(place.cli("audit").await["ok"], json!(true), "the dump by itself is right");
    let app = serve(&place).await;
    eventually("what the dump lacks is entered", async || balance(&place, "ada").await == json!("0.875"))
        .await;
    served(&app, &key, 1).await;
    eventually("and what comes", async || balance(&place, "ada").await == json!("0.85")).await;
    audited(&app).await;
    app.stop().await.unwrap();

    let entered = request_log(&fresh.url()).await;
    assert_eq!(entered.len(), upstream.books().len(), "each once: {entered:#?}");
    assert!(restored.iter().all(|row| entered.contains(row)), "what was restored is as it was");
    assert_eq!(place.cli("audit").await["ok"], json!(true));
    assert_eq!(place.cli("spool status").await["waiting_records"], json!(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_spool_beside_newer_books_charges_nothing_twice_and_takes_new_requests() {
    let upstream = ScriptedUpstream::start().await;
    let place = Place::with_database().await;
    let app = serve(&place).await;
    let key = place.set_up("ada", "1", &upstream.base_url()).await;
    served(&app, &key, 2).await;
    // Whatever is only in the spool that is thrown away is lost, which is another test.
    eventually("they are in the books", async || balance(&place, "ada").await == json!("0.95")).await;
    app.stop().await.unwrap();
    let (spool, older) = (place.data_dir().join("spool"), place.directory.path().join("older"));
    copy(&spool, &older);
    let app = serve(&place).await;
    served(&app, &key, 3).await;
    eventually("they are as well", async || balance(&place, "ada").await == json!("0.875")).await;
    app.stop().await.unwrap();

    fs::remove_dir_all(&spool).unwrap();
    copy(&older, &spool);
    let app = serve(&place).await;
    served(&app, &key, 2).await;
    eventually("what comes is entered", async || balance(&place, "ada").await == json!("0.825")).await;
    audited(&app).await;
    app.stop().await.unwrap();
    assert_eq!(request_log(place.database_url()).await.len(), 7);
    assert_eq!(place.cli("quarantine list").await, json!([]));
    assert_eq!(place.cli("audit").await["ok"], json!(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_spool_the_books_are_right_and_lack_what_only_the_spool_had() {
    let upstream = ScriptedUpstream::start().await;
    let mut postgres = TestPostgres::private().await;
    let place = Place::on(&postgres.url());
    let app = serve(&place).await;
    let key = place.set_up("ada", "1", &upstream.base_url()).await;
    served(&app, &key, 1).await;
    eventually("it is in the books", async || balance(&place, "ada").await == json!("0.975")).await;
    postgres.stop().await;
    served(&app, &key, 1).await;
    app.stop().await.unwrap();
    postgres.start_again().await;

    fs::remove_dir_all(place.data_dir().join("spool")).unwrap();
    let app = serve(&place).await;
    served(&app, &key, 1).await;
    eventually("what comes is entered", async || balance(&place, "ada").await == json!("0.95")).await;
    app.stop().await.unwrap();
    assert_eq!((request_log(&postgres.url()).await.len(), upstream.books().len()), (2, 3));
    assert_eq!(place.cli("audit").await["ok"], json!(true), "nothing is left that could tell of it");
}
