//! The audit of what is new, beside a running server: what its metrics and its log say.

use std::{process::Stdio, sync::Arc};

use http::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tollgate_server::{App, RunningApp, SystemClock};
use tollgate_testkit::{ScriptedUpstream, TestPostgres};

use crate::harness::{Place, chat, eventually, get, get_with_key, published, sql};

/// The value of a sample in `/metrics`.
async fn metric(address: std::net::SocketAddr, name: &str) -> f64 {
    let text = get(address, "/metrics").await.text;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {name} in\n{text}")).parse().unwrap()
}

/// A server that audits each second.
async fn serve(place: &Place) -> RunningApp {
    let mut config = place.config();
    config.audit.interval_s = 1;
    App::start(config, Arc::new(SystemClock)).await.unwrap()
}

const RIGHT: &str = "tollgate_audit_runs_total{outcome=\"right\"}";
const WRONG: &str = "tollgate_audit_runs_total{outcome=\"wrong\"}";
const FAILED: &str = "tollgate_audit_runs_total{outcome=\"failed\"}";
const DIFFERENCES: &str = "tollgate_audit_differences";
const RECORDS: &str = "tollgate_audit_records_total";

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_audited_within_seconds_and_what_is_wrong_stays_in_the_metrics() {
    let upstream = ScriptedUpstream::start().await;
    let place = Place::with_database().await;
    let key = place.set_up("ada", "1", &upstream.base_url()).await;
    let app = serve(&place).await;
    let address = app.address();
    for _ in 0..5 {
        let reply = chat(address, &key, "prompt=10 completion=5", false).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
    }
    eventually("five records are audited", async || metric(address, RECORDS).await >= 5.0).await;
    assert!(metric(address, RIGHT).await >= 1.0);
    assert!(metric(address, "tollgate_audit_last_success_timestamp_seconds").await > 1_700_000_000.0);
    assert!(metric(address, "tollgate_audit_duration_seconds_count").await >= 2.0);
    assert_eq!((metric(address, DIFFERENCES).await, metric(address, WRONG).await), (0.0, 0.0));

    let client = sql(place.database_url()).await;
    client.execute("update user_balances set balance = balance + 1 where balance > 0", &[]).await.unwrap();
    eventually("the difference is seen", async || metric(address, DIFFERENCES).await > 0.0).await;
    let passes = metric(address, RIGHT).await;
    eventually("and passes go on", async || metric(address, RIGHT).await > passes + 1.0).await;
    assert_eq!((metric(address, DIFFERENCES).await, metric(address, WRONG).await), (1.0, 1.0));
    // Whoever looks at the dashboard sees it too.
    place.cli("user create boss").await;
    let manager = place.cli("key create --user boss --purpose platform --role manager").await;
    let (admin, manager) = (app.admin_address().unwrap(), manager["secret"].as_str().unwrap());
    let status = get_with_key(admin, "/admin/api/v1/status", manager).await.text;
    let status: Value = serde_json::from_str(&status).unwrap();
    let audit = &status["gateway"]["audit"];
    assert_eq!(audit["differences"], json!(1), "{status}");
    assert!(audit["checked_records"].as_u64() >= Some(5), "{status}");
    assert!(audit["last_right_at"].as_str().is_some_and(|at| at > "2023"), "{status}");
    app.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_is_no_finding_and_the_audit_goes_on_when_it_is_back() {
    let mut postgres = TestPostgres::private().await;
    let place = Place::on(&postgres.url());
    let app = serve(&place).await;
    let address = app.address();
    eventually("it audits", async || metric(address, RIGHT).await >= 1.0).await;
    postgres.stop().await;
    eventually("a pass fails", async || metric(address, FAILED).await >= 1.0).await;
    postgres.start_again().await;
    let passes = metric(address, RIGHT).await;
    eventually("it audits again", async || metric(address, RIGHT).await > passes).await;
    assert_eq!((metric(address, DIFFERENCES).await, metric(address, WRONG).await), (0.0, 0.0));
    app.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interval_of_zero_is_no_audit_at_all() {
    let place = Place::with_database().await;
    let mut config = place.config();
    config.audit.interval_s = 0;
    let app = App::start(config, Arc::new(SystemClock)).await.unwrap();
    let metrics = get(app.address(), "/metrics").await.text;
    assert!(metrics.contains("tollgate_analytics") && !metrics.contains("tollgate_audit"), "{metrics}");
    place.cli("user create boss").await;
    let manager = place.cli("key create --user boss --purpose platform --role manager").await;
    let (admin, manager) = (app.admin_address().unwrap(), manager["secret"].as_str().unwrap());
    let status = get_with_key(admin, "/admin/api/v1/status", manager).await.text;
    let status: Value = serde_json::from_str(&status).unwrap();
    assert!(status["gateway"]["is_ready"].is_boolean() && status["gateway"]["audit"].is_null(), "{status}");
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_difference_is_logged_once_at_error_level_with_rule_user_and_what_differs() {
    let place = Place::with_database().await;
    let created = place.cli("user create ada --credits 10").await;
    let mut command = place.command();
    command.args(["serve", "--listen", "127.0.0.1:0"]).env("TOLLGATE_AUDIT__INTERVAL_S", "1");
    command.env("TOLLGATE_LOG__FORMAT", "json").stdout(Stdio::null()).stderr(Stdio::piped());
    let mut server = command.spawn().unwrap();
    let mut log = BufReader::new(server.stderr.take().unwrap()).lines();
    let address = published(&place.data_dir().join("listen.addr")).await.parse().unwrap();
    eventually("it audits", async || metric(address, RIGHT).await >= 1.0).await;
    let client = sql(place.database_url()).await;
    client.execute("update user_balances set balance = balance - 1 where balance = 10", &[]).await.unwrap();
    eventually("the difference is seen", async || metric(address, DIFFERENCES).await > 0.0).await;
    let passes = metric(address, RIGHT).await;
    eventually("and passes go on", async || metric(address, RIGHT).await > passes + 1.0).await;
    server.kill().await.unwrap();
    let mut errors = Vec::new();
    while let Some(line) = log.next_line().await.unwrap() {
        let line: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        if line["level"] == "ERROR" {
            errors.push(line);
        }
    }
    let [error] = &errors[..] else { panic!("{errors:#?}") };
    assert_eq!(error["message"], json!("the books are wrong"));
    assert_eq!((&error["rule"], &error["user"]), (&json!("BalanceIsLedger"), &created["id"]), "{created}");
    assert!(error["what"].as_str().unwrap().contains("went down by 1, the new records cost 0"), "{error}");
}
