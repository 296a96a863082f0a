//! A COMMIT whose answer never comes: it happened, and nobody knows. What is written again must find itself.

use std::sync::Arc;

use tokio_postgres::NoTls;
use tokio_util::sync::CancellationToken;
use tollgate_domain::{ApiKeyPurpose, Credential};
use tollgate_metering::{AnalyticsConfig, audit};
use tollgate_store::StoreConfig;
use tollgate_store::pricing::PRICING_LOCK;
use tollgate_testkit::{Fate, FaultProxy, TestDatabase};

use crate::books::{Books, Recorder, Running, price, sample};
use crate::outages::{assert_exact, furnish, wait_for_failures};

/// One in `every`, in no pattern that flushers who take turns could fall into.
fn fate(number: u64, every: u64) -> Fate {
    let is_unlucky = (number.wrapping_mul(0x1e37_79b9_7f4a_7c15) >> 33).is_multiple_of(every);
    if is_unlucky { Fate::AnswerLost } else { Fate::Answered }
}

/// In every snapshot: everything up to the committed position is there, and the balance is what is there.
async fn watch(books: &Books, until: CancellationToken) -> u32 {
    let sql = "select coalesce(max(committed_position), 0),
                      (select count(*) from usage_records where correlation_id <= max(committed_position))
                        + (select count(*) from quarantine where correlation_id <= max(committed_position)),
                      (select sum(balance) from user_balances)
                        = 100000 - (select coalesce(sum(amount_pico), 0) from usage_records) * 0.000000000001
               from instances";
    let mut snapshots = 0;
    while !until.is_cancelled() {
        let (reached, there, agrees): (i64, i64, bool) = books
            .store
            .tx_repeatable_read("watch", async |tx| {
                let row = tx.query_one(sql, &[]).await?;
                Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
            })
            .await
            .unwrap();
        assert_eq!(there, reached, "everything up to the committed position is settled");
        assert!(agrees, "the balance is what the records say");
        snapshots += 1;
        tokio::task::yield_now().await;
    }
    snapshots
}

async fn play(config: AnalyticsConfig, every: u64, records: i64) {
    let books = Arc::new(Books::open().await);
    let line = FaultProxy::start(books.database_url().unwrap()).await;
    books.model("m").await;
    books.tariff("m", price("0.001", "0.002")).await;
    books.user("ada", "100000").await;
    let credential = Credential::Key(books.key("ada", ApiKeyPurpose::Realtime).await);
    // Something that only PostgreSQL refuses, so that batches are halved.
    books
        .execute("alter table usage_records add constraint usage_records_teapot check (status_code <> 418)")
        .await;
    let over_the_line = Books::at(line.url(), None);
    let running = over_the_line.run_with(config);
    let done = CancellationToken::new();
    let watching = tokio::spawn({
        let (books, done) = (Arc::clone(&books), done.clone());
        async move { watch(&books, done).await }
    });
    let mut recorder = Recorder::new();
    let mut set_aside = 0;
    for number in 1..=records {
        let mut record = recorder.record(credential, "m", 10, 10);
        if number % 397 == 0 {
            record.status_code = 418;
            set_aside += 1;
        } else if number % 211 == 0 {
            record.user_agent = Some("\0".to_owned());
            set_aside += 1;
        }
        record.batch.custom_id = (number % 3 == 0).then(|| format!("job {number}"));
        running.send(record).await;
        if number == 1 {
            // Partitions and numbers are made in several transactions; what is lost is answers of flushes.
            books.wait_for_count("usage_records", 1).await;
            line.decide_commits(move |number| fate(number, every));
        }
    }
    books.wait_for_count("usage_records", records - set_aside).await;
    books.wait_for_count("quarantine", set_aside).await;
    let registry = running.registry();
    let instance = running.sender.instance_id();
    running.stop().await.unwrap();
    done.cancel();
    assert!(watching.await.unwrap() > 0);
    assert!(line.lost() > 3, "answers were lost");
    let sample = |name| sample(&registry, name);
    assert!(sample("tollgate_credits_duplicates_total") > 0.0, "what was written again found itself");
    assert_eq!(sample("tollgate_analytics_conflicts_total"), 0.0);
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let counts = |name, expected: i64| assert_eq!(sample(name), expected as f64, "{name}");
    counts("tollgate_analytics_batched_records_total", records - set_aside);
    counts("tollgate_analytics_quarantined_records_total", set_aside);
    let reached = format!("select committed_position::text from instances where id = '{instance}'");
    assert_eq!(books.text(&reached).await, records.to_string(), "nothing is left pending");
    let spent = 3 * (records - set_aside);
    assert_eq!(books.balance("ada").await.pico(), (100_000 * 100 - i128::from(spent)) * 10_000_000_000);
    let report = audit::audit(&books.store, &books.keys()).await.unwrap();
    assert!(report.ok(), "{report:#?}");
}

fn config(batch_size: usize, flushers: usize) -> AnalyticsConfig {
    AnalyticsConfig {
        batch_size,
        flushers,
        flush_interval_ms: 0,
        retry_base_delay_ms: 1,
        ..AnalyticsConfig::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_flushes_whose_commit_was_not_answered_are_charged_once() {
    play(config(20, 3), 3, 1500).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_flushes_whose_commit_was_not_answered_are_charged_once() {
    play(config(300, 2), 2, 3000).await;
}

/// The fate of every COMMIT, by its number, until the line is healed.
type Fates = fn(u64) -> Fate;

/// One batch of `records`, each of whose COMMITs meets its fate, at least six of them in a row.
async fn one_batch(records: u32, fates: Fates, is_there: bool) {
    let database = TestDatabase::create().await;
    let line = FaultProxy::start(database.url()).await;
    let books = Books::at(database.url().to_owned(), None);
    let credential = furnish(&books).await;
    let config = AnalyticsConfig { retry_base_delay_ms: 1, ..AnalyticsConfig::default() };
    let (batcher, sender, registry) = Books::on(&StoreConfig::new(line.url()), None).batcher(config);
    let mut recorder = Recorder::new();
    for _ in 0..records {
        sender.send(recorder.record(credential, "m", 10, 10)).await.unwrap();
    }
    // Its transaction is held until everything that comes before it is done, so that it is the one that meets its fate. The
    // other that waits for this lock is the batcher's look at late prices.
    let (holder, connection) = tokio_postgres::connect(database.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    holder.batch_execute(&format!("select pg_advisory_lock({PRICING_LOCK})")).await.unwrap();
    let running = Running::start(batcher, sender, registry);
    let waiting = "pg_locks where locktype = 'advisory' and not granted
                   and database = (select oid from pg_database where datname = current_database())";
    books.wait_for_count(waiting, 2).await;
    line.decide_commits(fates);
    holder.batch_execute(&format!("select pg_advisory_unlock({PRICING_LOCK})")).await.unwrap();
    wait_for_failures(&running.registry(), 6).await;
    line.heal();
    books.wait_for_count("usage_records", i64::from(records)).await;
    let registry = running.registry();
    running.stop().await.unwrap();
    assert!(line.lost() >= 6, "{} were lost", line.lost());
    assert_eq!(sample(&registry, "tollgate_analytics_batch_records_count"), 1.0, "it was one batch");
    assert_eq!(sample(&registry, "tollgate_analytics_conflicts_total"), 0.0);
    let found = sample(&registry, "tollgate_credits_duplicates_total");
    assert_eq!(
        found,
        if is_there { f64::from(records) } else { 0.0 },
        "what was there before it was confirmed"
    );
    // All of it is counted, by whatever try it came into the books.
    assert_eq!(sample(&registry, "tollgate_analytics_batched_records_total"), f64::from(records));
    assert_eq!(sample(&registry, "tollgate_analytics_lag_seconds_count"), f64::from(records));
    let deducted = sample(&registry, "tollgate_credits_deducted_total");
    assert!((deducted - 0.03 * f64::from(records)).abs() < 1e-6, "{deducted}");
    assert_exact(&books, i64::from(records)).await;
}

#[tokio::test]
async fn a_commit_that_is_never_answered_six_times_in_a_row_is_one_charge() {
    // By arrays, and by COPY.
    for records in [5, 4000] {
        one_batch(records, |_| Fate::AnswerLost, true).await;
    }
}

#[tokio::test]
async fn a_commit_that_never_arrives_six_times_in_a_row_is_one_charge() {
    for records in [5, 4000] {
        one_batch(records, |_| Fate::CommitLost, false).await;
    }
}

#[tokio::test]
async fn a_commit_that_is_lost_and_then_not_answered_in_turn_is_one_charge() {
    let in_turn = |number: u64| if number.is_multiple_of(2) { Fate::CommitLost } else { Fate::AnswerLost };
    for records in [5, 4000] {
        one_batch(records, in_turn, true).await;
    }
}
