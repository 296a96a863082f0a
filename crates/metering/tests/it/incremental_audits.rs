//! The audit of what is new finds what goes wrong while it is new, and raises no alarm at what is right.

use tollgate_domain::{ApiKeyPurpose, Credential};
use tollgate_metering::audit::{Checked, Finding, IncrementalAudit, MAX_RECORDS, Pass, Reason, Rule};
use tollgate_metering::{AnalyticsConfig, unrated};
use tollgate_store::movements::{self, MovementKind, NewMovement};
use tollgate_testkit::TestPostgres;

use crate::books::{Books, Recorder, Running, price};

/// Books with a user, a key and a priced model; a batcher that runs; and an audit that has begun.
struct Desk {
    books: Books,
    running: Running,
    recorder: Recorder,
    credential: Credential,
    audit: IncrementalAudit,
    sent: i64,
}

impl Desk {
    async fn open() -> Self {
        let books = Books::open().await;
        books.model("m").await;
        books.model("unpriced").await;
        books.tariff("m", price("0.001", "0.002")).await;
        books.user("ada", "100").await;
        let credential = Credential::Key(books.key("ada", ApiKeyPurpose::Realtime).await);
        let audit = IncrementalAudit::new(books.store.clone(), books.keys());
        let running = books.run();
        let mut desk = Self { books, running, recorder: Recorder::new(), credential, audit, sent: 0 };
        assert_eq!(desk.begun().await, Reason::First);
        desk
    }

    async fn enter(&mut self, model: &str, records: i64) {
        for _ in 0..records {
            self.running.send(self.recorder.record(self.credential, model, 100, 10)).await;
        }
        self.sent += records;
        self.books.wait_for_count("usage_records", self.sent).await;
    }

    async fn checked(&mut self) -> Checked {
        checked(&mut self.audit).await
    }

    async fn begun(&mut self) -> Reason {
        match self.audit.pass().await.unwrap() {
            Pass::Began(reason) => reason,
            Pass::Checked(checked) => panic!("it did not begin anew: {checked:#?}"),
        }
    }

    /// A pass that must find nothing, in so many records.
    async fn is_right(&mut self, records: u64) {
        let checked = self.checked().await;
        assert_eq!((checked.records, checked.findings_in_all), (records, 0), "{checked:#?}");
    }

    /// Does `sql` behind the triggers' back.
    async fn tamper(&self, sql: &str) {
        self.books.execute(&format!("set local session_replication_role = replica; {sql}")).await;
    }

    async fn ada(&self) -> String {
        self.books.text("select id::text from users where name = 'ada'").await
    }
}

async fn checked(audit: &mut IncrementalAudit) -> Checked {
    match audit.pass().await.unwrap() {
        Pass::Checked(checked) => checked,
        Pass::Began(reason) => panic!("it began anew: {reason:?}"),
    }
}

fn rules(checked: &Checked) -> Vec<Rule> {
    let mut rules: Vec<Rule> = checked.findings.iter().map(|finding| finding.rule).collect();
    rules.dedup();
    rules
}

fn only(checked: &Checked) -> &Finding {
    assert_eq!(checked.findings_in_all, 1, "{checked:#?}");
    &checked.findings[0]
}

#[tokio::test]
async fn each_new_record_is_checked_once() {
    let mut desk = Desk::open().await;
    desk.is_right(0).await;
    desk.enter("m", 70).await;
    desk.is_right(70).await;
    desk.is_right(0).await;
    // More than goes by an array: by COPY, and in several runs, because another instance's ids lie between.
    let mut other = Recorder::new();
    for _ in 0..300 {
        desk.running.send(other.record(desk.credential, "m", 1, 1)).await;
    }
    desk.sent += 300;
    desk.enter("m", 300).await;
    desk.is_right(600).await;
}

#[tokio::test]
async fn what_began_before_a_pass_and_commits_after_it_is_in_the_next() {
    let mut desk = Desk::open().await;
    desk.books.user("bob", "100").await;
    let bob = Credential::Key(desk.books.key("bob", ApiKeyPurpose::Realtime).await);
    let other = desk.books.run();
    // Bob's balance is held, so that the flush of his record waits with everything else already written.
    let (held, hold) = (tokio::sync::Notify::new(), tokio::sync::Notify::new());
    let holding = desk.books.store.tx("hold", async |tx| {
        tx.batch_execute(
            "select from user_balances where user_no = (select no from users where name = 'bob') for update",
        )
        .await?;
        held.notify_one();
        hold.notified().await;
        Ok(())
    });
    let meanwhile = async {
        held.notified().await;
        other.send(Recorder::new().record(bob, "m", 100, 10)).await;
        let waiting = "pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        desk.books.wait_for_count(waiting, 1).await;
        // Begun later, committed earlier.
        for _ in 0..5 {
            desk.running.send(desk.recorder.record(desk.credential, "m", 100, 10)).await;
        }
        desk.books.wait_for_count("usage_records", 5).await;
        let first = checked(&mut desk.audit).await;
        assert_eq!((first.records, first.findings_in_all), (5, 0), "{first:#?}");
        hold.notify_one();
    };
    let (holding, ()) = tokio::join!(holding, meanwhile);
    holding.unwrap();
    desk.books.wait_for_count("usage_records", 6).await;
    desk.is_right(1).await;
    other.stop().await.unwrap();
}

#[tokio::test]
async fn everything_that_rightly_moves_books_raises_no_alarm() {
    let mut desk = Desk::open().await;
    desk.enter("m", 3).await;
    desk.is_right(3).await;
    // Configuration: another user, key, price, model, and a combination of dimensions.
    desk.books.user("bob", "5").await;
    let bob = Credential::Key(desk.books.key("bob", ApiKeyPurpose::Realtime).await);
    desk.books.model("second").await;
    desk.books.tariff("second", price("0.01", "0.02")).await;
    desk.books.tariff("m", price("0.003", "0.004")).await;
    let mut record = desk.recorder.record(bob, "second", 7, 7);
    record.user_agent = Some("another".to_owned());
    desk.running.send(record).await;
    desk.sent += 1;
    // Movements of both signs, with nothing used and with something used.
    for (number, kind) in
        [MovementKind::Purchase, MovementKind::Expiry, MovementKind::Refund].into_iter().enumerate()
    {
        let new = NewMovement {
            user: if number == 0 { "bob" } else { "ada" }.to_owned(),
            kind,
            amount: "0.5".parse().unwrap(),
            source_id: format!("{number}"),
            description: String::new(),
        };
        desk.books.store.tx("movement", async |tx| movements::apply(&tx, &new, "test").await).await.unwrap();
    }
    // Records without a payer, of another day, and ones that are there already.
    desk.running.send(desk.recorder.record(Credential::None, "m", 100, 10)).await;
    let mut late = desk.recorder.record(desk.credential, "m", 100, 10);
    late.timestamp -= jiff::SignedDuration::from_hours(30);
    desk.running.send(late.clone()).await;
    desk.sent += 2;
    desk.enter("m", 1).await;
    desk.running.send(late).await;
    desk.enter("m", 1).await;
    desk.is_right(5).await;
}

#[tokio::test]
async fn late_prices_raise_no_alarm_whether_a_pass_saw_the_records_wait_or_not() {
    let mut desk = Desk::open().await;
    desk.enter("unpriced", 100).await;
    desk.is_right(100).await;
    // Some more that no pass sees before they have their price.
    desk.enter("unpriced", 50).await;
    desk.enter("m", 10).await;
    desk.books.tariff("unpriced", price("0.001", "0.001")).await;
    desk.books.wait_for_count("usage_records where state = 'c'", 160).await;
    unrated::rate_unrated(&desk.books.store, &desk.books.keys()).await.unwrap();
    // 100 that were rated, 50 that were written and rated, 10 others.
    desk.is_right(160).await;
    desk.enter("unpriced", 5).await;
    desk.is_right(5).await;
}

#[tokio::test]
async fn a_balance_that_is_changed_is_found_once_with_its_user() {
    let mut desk = Desk::open().await;
    desk.enter("m", 2).await;
    desk.is_right(2).await;
    desk.tamper("update user_balances set balance = balance + 0.000000000001 where balance > 0").await;
    let found = desk.checked().await;
    let finding = only(&found);
    assert_eq!(finding.rule, Rule::BalanceIsLedger);
    assert_eq!(finding.user.unwrap().to_string(), desk.ada().await);
    assert!(finding.what.contains("went down by -0.000000000001, the new records cost 0"), "{finding:?}");
    desk.enter("m", 1).await;
    desk.is_right(1).await;
}

#[tokio::test]
async fn a_charge_that_did_not_reach_the_balance_is_found_with_user_and_day() {
    let mut desk = Desk::open().await;
    desk.enter("m", 4).await;
    desk.tamper("update user_balances set balance = balance + 0.12 where user_no = (select no from users where name = 'ada')")
        .await;
    let found = desk.checked().await;
    let finding = only(&found);
    assert_eq!(
        (finding.rule, finding.days.as_slice()),
        (Rule::BalanceIsLedger, &["2026-11-24".to_owned()][..])
    );
    assert_eq!(finding.user.unwrap().to_string(), desk.ada().await);
    // 4 × (100 × 0.001 + 10 × 0.002) = 0.48.
    assert!(finding.what.contains("went down by 0.36, the new records cost 0.48"), "{finding:?}");
}

#[tokio::test]
async fn a_rollup_that_misses_or_repeats_a_record_is_found_with_user_and_day() {
    let mut desk = Desk::open().await;
    desk.enter("m", 4).await;
    desk.tamper("update usage_rollups set requests = requests + 1").await;
    let found = desk.checked().await;
    let finding = only(&found);
    assert_eq!((finding.rule, finding.day.as_deref()), (Rule::RollupIsRecords, Some("2026-11-24")));
    assert_eq!(finding.user.unwrap().to_string(), desk.ada().await);
    assert!(finding.what.contains("says {5,0,0,400,40,"), "{finding:?}");
    assert!(finding.what.contains("is {4,0,0,400,40,"), "{finding:?}");
    // From there on it is known, and must move by what is new.
    desk.enter("m", 1).await;
    desk.is_right(1).await;
    desk.tamper("update usage_rollups set amount_pico = amount_pico - 1").await;
    desk.enter("m", 1).await;
    assert_eq!(rules(&desk.checked().await), [Rule::RollupIsRecords]);
    desk.tamper("delete from usage_rollups").await;
    desk.enter("m", 1).await;
    assert_eq!(rules(&desk.checked().await), [Rule::RollupIsRecords]);
}

#[tokio::test]
async fn a_record_that_is_changed_before_a_pass_saw_it_is_found_by_its_identity() {
    let mut desk = Desk::open().await;
    desk.enter("m", 5).await;
    desk.tamper("update usage_records set amount_pico = amount_pico - 1 where correlation_id = 3").await;
    let found = desk.checked().await;
    assert_eq!(
        rules(&found),
        [
            Rule::BalanceIsLedger,
            Rule::RowIsUntouched,
            Rule::AmountIsCharge,
            Rule::RollupIsRecords,
            Rule::RowsAgree
        ]
    );
    let finding = found.findings.iter().find(|finding| finding.rule == Rule::AmountIsCharge).unwrap();
    assert_eq!(finding.record.unwrap().correlation_id, 3);
    assert_eq!(finding.record.unwrap().instance, Some(desk.recorder.instance_id));
    assert_eq!(finding.day.as_deref(), Some("2026-11-24"));
    assert_eq!(finding.user.unwrap().to_string(), desk.ada().await);
}

#[tokio::test]
async fn a_record_that_is_removed_before_a_pass_saw_it_is_missed() {
    let mut desk = Desk::open().await;
    desk.enter("m", 5).await;
    desk.tamper("delete from usage_records where correlation_id = 3").await;
    let found = desk.checked().await;
    assert_eq!(rules(&found), [Rule::BalanceIsLedger, Rule::RollupIsRecords, Rule::RowsAgree]);
    let finding = found.findings.iter().find(|finding| finding.rule == Rule::RowsAgree).unwrap();
    assert!(finding.what.contains("are there as it wrote them"), "{finding:?}");
}

#[tokio::test]
async fn a_record_that_is_forged_among_new_ones_is_found() {
    let mut desk = Desk::open().await;
    desk.enter("m", 5).await;
    desk.tamper(
        "delete from usage_records where correlation_id = 4;
         insert into usage_records select requested_at, 4, amount_pico, batch_created_at, raw_digest, rated_digest, day,
             instance_no, user_no, key_no, model_no, tariff_no, pricing_epoch, dimensions_no, duration_ms, first_byte_ms,
             prompt_tokens, completion_tokens, total_tokens, reasoning_tokens, cache_read_tokens, cache_write_5m_tokens,
             cache_write_1h_tokens, audio_input_tokens, audio_output_tokens, image_input_tokens, status_code, flags, state,
             usage_source from usage_records where correlation_id = 3",
    )
    .await;
    let found = desk.checked().await;
    let forged: Vec<_> =
        found.findings.iter().filter(|finding| finding.rule == Rule::RowIsUntouched).collect();
    assert_eq!(forged.len(), 2, "its digest, and its transaction: {found:#?}");
    assert!(forged.iter().all(|finding| finding.record.unwrap().correlation_id == 4));
}

#[tokio::test]
async fn more_than_a_pass_may_read_is_left_out_and_the_next_one_goes_on_from_there() {
    let mut desk = Desk::open().await;
    desk.enter("m", 5).await;
    // As a busier server would have left it.
    desk.books
        .execute(&format!(
            "update usage_commits set records = {}, xid = pg_current_xact_id() where records > 0",
            MAX_RECORDS + 1
        ))
        .await;
    assert_eq!(desk.begun().await, Reason::TooMuch);
    desk.enter("m", 5).await;
    desk.is_right(5).await;
}

#[tokio::test]
async fn more_transactions_than_the_ring_holds_are_left_out_and_the_next_pass_goes_on_from_there() {
    let mut desk = Desk::open().await;
    desk.enter("m", 5).await;
    // Others took their slots, and all of them were written over.
    desk.books.execute("select setval('usage_commits_no', nextval('usage_commits_no') + 65536)").await;
    assert_eq!(desk.begun().await, Reason::TooMuch);
    desk.enter("m", 5).await;
    desk.is_right(5).await;
}

#[tokio::test]
async fn a_database_that_was_started_again_is_begun_with_anew() {
    let mut postgres = TestPostgres::private().await;
    let books = Books::at(postgres.url(), None);
    books.store.migrate().await.unwrap();
    let mut audit = IncrementalAudit::new(books.store.clone(), books.keys());
    assert!(matches!(audit.pass().await.unwrap(), Pass::Began(Reason::First)));
    assert!(matches!(audit.pass().await.unwrap(), Pass::Checked(_)));
    postgres.stop().await;
    audit.pass().await.expect_err("no database, no verdict");
    postgres.start_again().await;
    // The pool may still hold a connection that it does not know to be dead.
    let reason = loop {
        match audit.pass().await {
            Ok(Pass::Began(reason)) => break reason,
            Ok(Pass::Checked(checked)) => panic!("ids of another server were compared: {checked:?}"),
            Err(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(reason, Reason::OtherServer);
    assert!(matches!(audit.pass().await.unwrap(), Pass::Checked(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passes_beside_flushers_that_overtake_each_other_see_every_record_once_and_raise_no_alarm() {
    const RECORDS: u64 = 4000;
    let desk = Desk::open().await;
    let Desk { books, mut recorder, credential, mut audit, .. } = desk;
    let busy = books.run_with(AnalyticsConfig {
        batch_size: 50,
        flushers: 4,
        flush_interval_ms: 0,
        ..AnalyticsConfig::default()
    });
    let sending = async {
        for _ in 0..RECORDS {
            busy.send(recorder.record(credential, "m", 1, 1)).await;
        }
    };
    let mut seen = 0;
    let passing = async {
        while seen < RECORDS {
            let found = checked(&mut audit).await;
            assert_eq!(found.findings_in_all, 0, "{found:#?}");
            seen += found.records;
        }
    };
    let both = Box::pin(async { tokio::join!(sending, passing) });
    tokio::time::timeout(crate::books::PATIENCE * 2, both).await.unwrap();
    busy.stop().await.unwrap();
    assert_eq!(checked(&mut audit).await.records, 0);
    assert_eq!(seen, RECORDS);
}
