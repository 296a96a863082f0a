//! The audit finds whatever was tampered with, whoever did it.

use tollgate_domain::{ApiKeyPurpose, Credential};
use tollgate_metering::AnalyticsConfig;
use tollgate_metering::audit::{self, AuditReport, Finding, Rule};
use tollgate_store::tariffs::WantedTariff;
use tollgate_store::{Store, StoreConfig};

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
    assert_eq!(finding.user_name.as_deref(), Some("ada"));
    assert_eq!(finding.day.as_deref(), Some("2026-11-24"));
    let record = finding.record.unwrap();
    assert_eq!((record.correlation_id, record.instance), (1, Some(report.instances[0].instance)));
    let [day] = &report.days[..] else { panic!("{report:#?}") };
    assert_eq!((day.user_name.as_deref(), &*day.day, day.records), (Some("ada"), "2026-11-24", 1));
    assert_eq!((&*day.amounts_off, &*day.rollup_amount_off), ("-0.000000000001", "0.000000000001"));
    assert_eq!(day.rollup_requests_off, 0);
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
    let finding = &report.findings[0];
    assert!(finding.what.contains("99.400000000001"), "{report:#?}");
    assert!(finding.what.contains(": 0.000000000001 too much; no day of the records differs"), "{finding:?}");
    assert_eq!((finding.user_name.as_deref(), finding.days.len()), (Some("bob"), 0));
    assert!(report.days.is_empty());
}

#[tokio::test]
async fn a_record_that_was_deleted_is_found() {
    let books = open().await;
    let (report, rules) = tampered(&books, "delete from usage_records where correlation_id = 4").await;
    assert_eq!(rules, [Rule::BalanceIsLedger, Rule::RollupIsRecords]);
    let balance = &report.findings[0];
    assert_eq!(
        (balance.user_name.as_deref(), &balance.days[..]),
        (Some("ada"), &["2026-11-24".to_owned()][..])
    );
    assert!(
        balance.what.ends_with(": 0.12 too little; what differs in the records is on 2026-11-24"),
        "{balance:?}"
    );
    let [day] = &report.days[..] else { panic!("{report:#?}") };
    assert_eq!((day.records, day.rollup_requests_off, &*day.rollup_amount_off), (0, 1, "0.12"));
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
async fn a_movement_that_was_forged_with_its_entry_in_the_audit_log_and_the_balance_is_found_by_the_chain() {
    for sql in [
        "insert into audit_log (id, actor, action, subject, after)
             select gen_random_uuid(), 'cli', action, subject,
                    jsonb_set(jsonb_set(after, '{movement,id}', '\"00000000-0000-0000-0000-00000000000a\"'), '{movement,source_id}', '\"forged\"')
             from audit_log where action like 'credit.%' and subject = 'bob';
         insert into credit_movements (id, user_id, type, amount, source_id)
             select '00000000-0000-0000-0000-00000000000a', user_id, type, amount, 'forged' from credit_movements
             where user_id = (select id from users where name = 'bob');
         update user_balances set balance = balance + 100 where user_no = (select no from users where name = 'bob')",
        "update credit_movements set amount = amount + 50 where user_id = (select id from users where name = 'bob');
         update audit_log set after = jsonb_set(after, '{movement,amount}', '\"150\"') where action like 'credit.%' and subject = 'bob';
         update user_balances set balance = balance + 50 where user_no = (select no from users where name = 'bob')",
    ] {
        let books = open().await;
        let (_, rules) = tampered(&books, sql).await;
        assert_eq!(rules, [Rule::AuditLogIsChain], "{sql}");
    }
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

#[tokio::test]
async fn of_many_days_and_users_only_those_that_differ_are_named() {
    let books = Books::open().await;
    books.model("m").await;
    books.tariff("m", price("0.001", "0.002")).await;
    let mut recorder = Recorder::new();
    let running = books.run();
    for user in ["ada", "bob"] {
        books.user(user, "100").await;
        let credential = Credential::Key(books.key(user, ApiKeyPurpose::Realtime).await);
        for day in 0..5 {
            for _ in 0..3 {
                let mut record = recorder.record(credential, "m", 100, 10);
                record.timestamp -= jiff::SignedDuration::from_hours(24 * day);
                running.send(record).await;
            }
        }
    }
    books.wait_for_count("usage_records", 30).await;
    running.stop().await.unwrap();
    // Today's records have a partition of their own, the others share the default one. One amount is raised, one record is gone.
    let (report, _) = tampered(
        &books,
        "update usage_records set amount_pico = amount_pico + 7 where correlation_id = 4;
         delete from usage_records where correlation_id = 23",
    )
    .await;
    let days: Vec<_> = report.days.iter().map(|day| (day.user_name.as_deref().unwrap(), &*day.day)).collect();
    assert_eq!(days, [("bob", "2026-11-22"), ("ada", "2026-11-23")]);
    let balances = report.findings.iter().filter(|finding| finding.rule == Rule::BalanceIsLedger);
    let balances: Vec<_> =
        balances.map(|finding| (finding.user_name.as_deref().unwrap(), &*finding.days[0])).collect();
    assert_eq!(balances, [("ada", "2026-11-23"), ("bob", "2026-11-22")]);
}

#[tokio::test]
async fn a_record_whose_state_is_none_is_found_whatever_became_of_the_constraints() {
    let books = open().await;
    books.execute("alter table usage_records drop constraint usage_records_state").await;
    let (report, _) = tampered(&books, "update usage_records set state = 'x' where correlation_id = 5").await;
    let found: Vec<&Finding> =
        report.findings.iter().filter(|finding| finding.rule == Rule::StateIsOne).collect();
    assert!(found[0].what.contains("1 records are in the state `x`"), "{found:?}");
    assert_eq!(found[1].record.unwrap().correlation_id, 5);
    let (report, _) = tampered(&books, "update usage_records set state = 'f' where correlation_id = 5").await;
    let found = report.findings.iter().find(|finding| finding.rule == Rule::StateIsOne).unwrap();
    assert!(found.what.contains("have an amount that none there has"), "{found:?}");
}

#[tokio::test]
async fn times_and_days_past_every_calendar_are_findings_and_no_failure() {
    let books = open().await;
    let (report, rules) =
        tampered(&books, "update usage_records set requested_at = 'infinity' where correlation_id = 1").await;
    assert!(rules.contains(&Rule::RowIsUntouched) && rules.contains(&Rule::RollupIsRecords), "{report:#?}");
    assert!(report.days.iter().any(|day| day.day == "infinity"), "{:#?}", report.days);
    tampered(
        &books,
        "update usage_records set day = '-infinity', requested_at = '294276-12-31' where correlation_id = 1",
    )
    .await;
}

#[tokio::test]
async fn a_store_of_one_connection_is_audited_too() {
    let books = open().await;
    let config =
        StoreConfig { max_connections: 1, ..StoreConfig::new(books.database_url().unwrap().to_owned()) };
    let store = Store::connect(&config).unwrap();
    let report = audit::audit(&store, &books.keys()).await.unwrap();
    assert!(report.ok() && report.records == 13, "{report:#?}");
}

#[tokio::test]
async fn each_instance_is_told_with_what_it_has_in_the_books() {
    let books = Books::open().await;
    let (mut one, mut two) = (Recorder::new(), Recorder::new());
    let running = books.run();
    for _ in 0..3 {
        running.send(one.record(Credential::None, "m", 1, 1)).await;
    }
    running.send(two.record(Credential::None, "m", 1, 1)).await;
    running.send(two.record(Credential::None, "a NUL: \0", 1, 1)).await;
    let writer = running.sender.instance_id();
    running.stop().await.unwrap();
    let report = check(&books).await;
    assert!(report.ok(), "{report:#?}");
    let of = |id| {
        let instance = report.instances.iter().find(|instance| instance.instance == id).unwrap();
        (instance.records, instance.quarantined, instance.committed_position)
    };
    assert_eq!((of(one.instance_id), of(two.instance_id), of(writer)), ((3, 0, 0), (1, 1, 0), (0, 0, 5)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn audits_beside_a_batcher_that_writes_see_one_moment_each() {
    let books = open().await;
    let key = books.key("ada", ApiKeyPurpose::Realtime).await;
    let busy = books.run_with(AnalyticsConfig {
        batch_size: 20,
        flush_interval_ms: 0,
        ..AnalyticsConfig::default()
    });
    let stop = tokio_util::sync::CancellationToken::new();
    let mut recorder = Recorder::new();
    let sending = async {
        while !stop.is_cancelled() {
            busy.send(recorder.record(Credential::Key(key), "m", 3, 3)).await;
        }
    };
    let auditing = async {
        let mut counts = Vec::new();
        while counts.len() < 10 {
            let report = check(&books).await;
            assert!(report.ok(), "{report:#?}");
            counts.push(report.records);
        }
        stop.cancel();
        counts
    };
    let ((), counts) = tokio::join!(sending, auditing);
    busy.stop().await.unwrap();
    assert!(counts.is_sorted() && counts[0] < counts[9], "it wrote while it was audited: {counts:?}");
}
