//! `tollgate audit` goes along the audit log to its end, and looks for an end that was noted.

use serde_json::{Value, json};
use tollgate_testkit::TestPostgres;

use crate::{
    deploy::run_client,
    harness::{Place, sql},
};

/// As somebody does who has every right: without triggers.
async fn tamper(place: &Place, statements: &str) {
    let client = sql(place.database_url()).await;
    client.batch_execute(&format!("set session_replication_role = replica; {statements}")).await.unwrap();
}

/// What an audit finds, which must be wrong.
async fn findings(place: &Place, arguments: &str) -> Value {
    let output = place.output(&format!("audit {arguments} --json")).await;
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["ok"], json!(false));
    report["findings"].clone()
}

#[tokio::test]
async fn an_audit_names_the_first_broken_entry_and_misses_an_end_that_was_noted() {
    let place = Place::with_database().await;
    for user in ["ada", "bob", "cleo"] {
        place.cli(&format!("user create {user}")).await;
    }
    let noted = place.cli("audit").await["audit_log_head"].as_str().unwrap().to_owned();
    place.cli("user create dan").await;
    assert_eq!(place.cli(&format!("audit --noted-head {noted}")).await["audit_log_entries"], json!(4));
    let said = place.output("audit").await;
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains("The audit log has 4 entries, and ends with 4:"), "{said}");
    let refused = place.cli_fails("audit --noted-head 4").await;
    assert!(refused.contains("a number, a colon and 64 hexadecimal digits"), "{refused}");

    let third = "(select entry_id from audit_log_chain where no = 3)";
    tamper(&place, &format!("update audit_log set actor = 'nobody' where id = {third}")).await;
    let found = findings(&place, "").await;
    assert_eq!((&found[0]["rule"], found.as_array().unwrap().len()), (&json!("audit_log_is_chain"), 1));
    assert!(found[0]["what"].as_str().unwrap().starts_with("entry 3 (user.create cleo, "), "{found}");

    // Made good again, and cut off before what was noted, without a trace.
    tamper(
        &place,
        &format!(
            "update audit_log set actor = 'cli' where id = {third};
             delete from audit_log where id in (select entry_id from audit_log_chain where no > 2);
             delete from audit_log_chain where no > 2;
             update audit_log_head set (no, digest) = (select no, digest from audit_log_chain where no = 2)"
        ),
    )
    .await;
    assert_eq!(place.cli("audit").await["ok"], json!(true), "a chain alone cannot show it");
    let found = findings(&place, &format!("--noted-head {noted}")).await;
    let what = found[0]["what"].as_str().unwrap();
    assert_eq!(what, "the end is missing: entry 3 was noted, and the log ends with 2");
}

#[tokio::test]
async fn a_log_that_came_back_from_a_dump_is_the_chain_that_it_was_and_goes_on() {
    let place = Place::with_database().await;
    for user in ["ada", "bob"] {
        place.cli(&format!("user create {user} --credits 10")).await;
    }
    let noted = place.cli("audit").await["audit_log_head"].as_str().unwrap().to_owned();
    let dump = place.directory.path().join("books.dump");
    let dump = dump.to_str().unwrap();
    if !run_client("pg_dump", &["-Fc", "-f", dump, place.database_url()]).await {
        return;
    }
    let fresh = TestPostgres::private().await;
    assert!(run_client("pg_restore", &["--no-owner", "--exit-on-error", "-d", &fresh.url(), dump]).await);
    let mut restored = place;
    restored.use_database(&fresh.url());
    assert_eq!(restored.cli(&format!("audit --noted-head {noted}")).await["audit_log_head"], json!(noted));
    restored.cli("user create cleo").await;
    let report = restored.cli(&format!("audit --noted-head {noted}")).await;
    assert_ne!(report["audit_log_head"], json!(noted));
    let refused = sql(&fresh.url()).await.batch_execute("delete from audit_log_chain").await;
    assert!(refused.is_err(), "the restored triggers guard it");
}
