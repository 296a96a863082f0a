//! The audit finds whatever was tampered with, whoever did it.

use tollgate_domain::{ApiKeyPurpose, Credential};
use tollgate_metering::audit::{self, AuditReport, Rule};
use tollgate_store::tariffs::WantedTariff;

use crate::books::{Books, Recorder, price};

/// Books with two users, charged, free and unrated records, and a price that changed; sound.
async fn open() -> Books {
    let books = Books::open().await;
    books.model("m").await;
    books.model("unpriced").await;
    books.tariff("m", price("0.001", "0.002")).await;
    let mut recorder = Recorder::new();
    let running = books.run();
    for user in ["ada", "bob"] {
        books.user(user, "100").await;
        let credential = Credential::Key(books.key(user, ApiKeyPurpose::Realtime).await);
        for _ in 0..5 {
            running.send(recorder.record(credential, "m", 100, 10)).await;
        }
        running.send(recorder.record(credential, "unpriced", 100, 10)).await;
    }
    running.send(recorder.record(Credential::None, "m", 100, 10)).await;
    books.wait_for_count("usage_records", 13).await;
    books.tariff("m", WantedTariff { valid_from: None, ..price("0.005", "0.005") }).await;
    running.stop().await.unwrap();
    let report = check(&books).await;
    assert!(report.ok(), "{report:#?}");
    assert_eq!((report.records, report.charged, report.free, report.unrated), (13, 10, 1, 2));
    books
}

async fn check(books: &Books) -> AuditReport {
    audit::audit(&books.store, &books.keys()).await.unwrap()
}

/// Does `sql` behind the triggers' back and returns the rules that the audit then finds broken.
async fn tampered(books: &Books, sql: &str) -> (AuditReport, Vec<Rule>) {
    books.execute(&format!("set local session_replication_role = replica; {sql}")).await;
    let report = check(books).await;
    assert!(!report.ok(), "{sql} went unnoticed");
    let mut rules: Vec<_> = report.findings.iter().map(|finding| finding.rule).collect();
    rules.dedup();
    (report, rules)
}

#[tokio::test]
async fn an_amount_that_was_lowered_is_found_with_its_user_and_day() {
    let books = open().await;
    let (report, rules) =
        tampered(&books, "update usage_records set amount_pico = amount_pico - 1 where correlation_id = 1")
            .await;
    for rule in [Rule::RowIsUntouched, Rule::AmountIsCharge, Rule::BalanceIsLedger, Rule::RollupIsRecords] {
        assert!(rules.contains(&rule), "{rule:?} in {report:#?}");
    }
    let ada = books.text("select id::text from users where name = 'ada'").await;
    let finding = report.findings.iter().find(|finding| finding.rule == Rule::AmountIsCharge).unwrap();
    assert_eq!(finding.user.unwrap().to_string(), ada);
    assert_eq!(finding.day.as_deref(), Some("2026-11-24"));
}

#[tokio::test]
async fn an_amount_that_was_lowered_with_balance_and_rollup_to_match_is_found() {
    let books = open().await;
    let (_, rules) = tampered(
        &books,
        "update usage_records set amount_pico = amount_pico - 1000 where correlation_id = 1;
         update user_balances set balance = balance + 0.000000001 where user_no = (select user_no from usage_records where correlation_id = 1);
         update usage_rollups set amount_pico = amount_pico - 1000 where (user_no, model_no) = (select user_no, model_no from usage_records where correlation_id = 1)",
    )
    .await;
    assert_eq!(rules, [Rule::RowIsUntouched, Rule::AmountIsCharge]);
}

#[tokio::test]
async fn tokens_that_cost_nothing_more_are_found_by_the_digest() {
    let books = open().await;
    // Clamped for pricing, so the charge stays the same: only the digest knows.
    let (_, rules) =
        tampered(&books, "update usage_records set total_tokens = 7 where correlation_id = 2").await;
    assert_eq!(rules, [Rule::RowIsUntouched]);
}

#[tokio::test]
async fn another_payer_is_found() {
    let books = open().await;
    let (_, rules) = tampered(
        &books,
        "update usage_records set user_no = (select no from users where name = 'bob') where correlation_id = 3",
    )
    .await;
    assert!(rules.contains(&Rule::PayerOwnsKey) && rules.contains(&Rule::BalanceIsLedger), "{rules:?}");
}

#[tokio::test]
async fn a_balance_that_was_raised_is_found() {
    let books = open().await;
    let (report, rules) = tampered(
        &books,
        "update user_balances set balance = balance + 0.000000000001
         where user_no = (select no from users where name = 'bob')",
    )
    .await;
    assert_eq!(rules, [Rule::BalanceIsLedger]);
    assert!(report.findings[0].what.contains("99.400000000001"), "{report:#?}");
}

#[tokio::test]
async fn a_record_that_was_deleted_is_found() {
    let books = open().await;
    let (_, rules) = tampered(&books, "delete from usage_records where correlation_id = 4").await;
    assert_eq!(rules, [Rule::BalanceIsLedger, Rule::RollupIsRecords]);
}

#[tokio::test]
async fn a_tariff_whose_price_was_edited_is_found() {
    let books = open().await;
    let (_, rules) =
        tampered(&books, "update model_tariffs set input_price = 0.0005 where input_price = 0.001").await;
    assert_eq!(rules, [Rule::AmountIsCharge]);
}

#[tokio::test]
async fn a_window_or_purpose_that_was_edited_is_found() {
    let books = open().await;
    let (_, rules) = tampered(&books, "update usage_dimensions set api_key_purpose = 'batch'").await;
    assert_eq!(rules, [Rule::DimensionsAreUntouched]);
}

#[tokio::test]
async fn a_movement_that_was_edited_is_found() {
    let books = open().await;
    let (_, rules) = tampered(&books, "update credit_movements set amount = amount + 1").await;
    assert_eq!(rules, [Rule::BalanceIsLedger, Rule::RowsAgree]);
}

#[tokio::test]
async fn a_rollup_that_was_edited_is_found() {
    let books = open().await;
    let (_, rules) = tampered(&books, "update usage_rollups set prompt_tokens = prompt_tokens + 1").await;
    assert_eq!(rules, [Rule::RollupIsRecords]);
}

#[tokio::test]
async fn records_cannot_be_changed_without_disabling_the_triggers() {
    let books = open().await;
    for sql in [
        "update usage_records set amount_pico = 1 where correlation_id = 1",
        "update usage_records set state = 'f', amount_pico = 0 where correlation_id = 1",
        "update usage_records set state = 'f', prompt_tokens = 1 where state = 'u'",
        "update usage_records set state = 'f', user_no = null where state = 'u'",
        "delete from usage_records",
        "truncate usage_records",
        "truncate usage_records_2026_11_24",
        "truncate usage_details_default",
        "update usage_dimensions set uri = ''",
        "delete from credit_movements",
    ] {
        let refused =
            books.store.tx("refused", async |tx| Ok(tx.batch_execute(sql).await?)).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{sql}: {refused}");
    }
    assert!(check(&books).await.ok());
}

#[tokio::test]
async fn a_movement_that_was_forged_edited_or_removed_with_its_balance_is_found() {
    for sql in [
        "insert into credit_movements (id, user_id, type, amount, source_id)
             select gen_random_uuid(), id, 'purchase', 50, 'forged' from users where name = 'bob';
         update user_balances set balance = balance + 50 where user_no = (select no from users where name = 'bob')",
        "update credit_movements set amount = amount + 50 where user_id = (select id from users where name = 'bob');
         update user_balances set balance = balance + 50 where user_no = (select no from users where name = 'bob')",
        "update user_balances set balance = balance - 100 where user_no = (select no from users where name = 'bob');
         delete from credit_movements where user_id = (select id from users where name = 'bob')",
        "update credit_movements set user_id = (select id from users where name = 'ada') where user_id = (select id from users where name = 'bob');
         update user_balances set balance = balance - 100 where user_no = (select no from users where name = 'bob');
         update user_balances set balance = balance + 100 where user_no = (select no from users where name = 'ada')",
    ] {
        let books = open().await;
        let (_, rules) = tampered(&books, sql).await;
        assert_eq!(rules, [Rule::RowsAgree], "{sql}");
    }
}
