//! A small batch in one statement writes what it would have written in several.

use jiff::{SignedDuration, Timestamp};
use prometheus_client::registry::Registry;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tollgate_domain::{ApiKeyPurpose, Credential, InstanceId, Outcome, RawAnalyticsRecord};
use tollgate_metering::{AnalyticsConfig, audit};
use tollgate_store::{Store, StoreConfig, closed_hours};
use uuid::Uuid;

use crate::books::{Books, Recorder, Running, metrics_text, price, start};

/// Everything that a flush writes, but for what is random or a time.
const WRITTEN: [&str; 6] = [
    "select row(day, instance_no, correlation_id, requested_at, amount_pico, user_no, key_no, model_no, tariff_no, pricing_epoch,
                duration_ms, first_byte_ms, prompt_tokens, completion_tokens, total_tokens, reasoning_tokens, cache_read_tokens,
                status_code, flags, state, usage_source, dimensions_no > 0)::text as line
     from usage_records",
    "select d::text from usage_details d",
    "select r::text from usage_rollups r",
    "select row(user_no, balance)::text from user_balances",
    "select row(no, committed_position)::text from instances",
    "select row(sum(records), sum(amount_pico))::text from usage_commits where not is_rating",
];

/// The same customers, keys and prices each time.
async fn open() -> (Books, Vec<Credential>) {
    let books = Books::open().await;
    books.model("m").await;
    books.model("unpriced").await;
    books.tariff("m", price("0.001", "0.002")).await;
    let mut credentials = vec![Credential::None];
    for (user, credits) in [("ada", "100000"), ("bob", "100000"), ("poor", "5")] {
        books.user(user, credits).await;
        credentials.push(Credential::Key(books.key(user, ApiKeyPurpose::Realtime).await));
    }
    (books, credentials)
}

fn random_record(
    random: &mut StdRng,
    recorder: &mut Recorder,
    credentials: &[Credential],
    at: Timestamp,
) -> RawAnalyticsRecord {
    // The last of them has little, and whoever is below zero is not like others either.
    let last = credentials.len() - 1;
    let credential = credentials[if random.random_bool(0.04) { last } else { random.random_range(0..last) }];
    let model = if random.random_bool(0.1) { "unpriced" } else { "m" };
    let (prompt, completion) = (random.random_range(0..2_000), random.random_range(0..500));
    let mut record = recorder.record(credential, model, prompt, completion);
    if random.random_bool(0.3) {
        record.usage.reasoning_tokens = completion / 2;
        record.usage.cache_read_tokens = prompt / 2;
    }
    if random.random_bool(0.2) {
        record.trace_id = Some(format!("trace {prompt}"));
    }
    if random.random_bool(0.1) {
        (record.status_code, record.outcome) = (502, Outcome::Failed);
    }
    // What was priced before its tariff was made was held at another price, if at all, and is not like others.
    record.timestamp = if random.random_bool(0.04) { hours_ago(random.random_range(0..48)) } else { at };
    record
}

fn hours_ago(hours: i64) -> Timestamp {
    start().checked_sub(SignedDuration::from_hours(hours)).unwrap()
}

/// What happens between the batches, the same each time.
async fn disturb(books: &Books, step: i64, running: &Running, first: &RawAnalyticsRecord) {
    match step {
        12 => books.tariff("m", price("0.003", "0.002")).await,
        // Somebody else's change of configuration.
        16 => drop(books.key("bob", ApiKeyPurpose::Batch).await),
        20 => {
            // The same identity with other contents: it is set aside, and each that comes then may be one of its kind.
            let mut other = first.clone();
            other.usage.prompt_tokens = Some(1);
            running.send(other).await;
            books.wait_for_count("quarantine", 1).await;
        }
        30 => books.execute("delete from quarantine").await,
        // Delivered again.
        40 => running.send(first.clone()).await,
        50 => drop(closed_hours::close(&books.store, start()).await.unwrap()),
        _ => {}
    }
}

/// Seventy batches of one to five records, and what they came to; and how many of them were one statement.
async fn history(flushers: usize, at: Timestamp) -> (Vec<String>, f64) {
    let (books, credentials) = open().await;
    let mut registry = Registry::default();
    books.store.register_metrics(&mut registry);
    let running = books.run_with(AnalyticsConfig { flushers, ..AnalyticsConfig::default() });
    let mut random = StdRng::seed_from_u64(20_261_126);
    let mut recorder = Recorder::of(InstanceId::from_uuid(Uuid::from_u128(7)));
    let mut first = None;
    let mut sent = 0;
    for step in 0..70 {
        for _ in 0..random.random_range(1..=5) {
            let record = random_record(&mut random, &mut recorder, &credentials, at);
            first.get_or_insert_with(|| record.clone());
            running.send(record).await;
            sent += 1;
        }
        // Each batch is in before the next, so that both histories are one.
        books.wait_for_count("usage_records", sent).await;
        disturb(&books, step, &running, first.as_ref().unwrap()).await;
    }
    running.stop().await.unwrap();
    let report = audit::audit(&books.store, &books.keys()).await.unwrap();
    assert!(report.ok(), "{report:#?}");
    let mut tables = Vec::new();
    for table in WRITTEN {
        let lines = format!("select string_agg(t.line, E'\\n' order by t.line) from ({table}) t (line)");
        tables.push(books.text(&lines).await);
    }
    (tables, at_once(&registry))
}

fn at_once(registry: &Registry) -> f64 {
    let line =
        r#"tollgate_store_transaction_duration_seconds_count{name="flush_at_once",outcome="committed"}"#;
    let text = metrics_text(registry);
    text.lines().find_map(|found| found.strip_prefix(line)?.trim().parse().ok()).unwrap_or(0.0)
}

#[tokio::test]
async fn whatever_is_in_the_way_batches_of_one_statement_and_of_several_come_to_the_same() {
    #[expect(
        clippy::disallowed_methods,
        reason = "tariffs are made by the clock of this machine, and this is to be after them"
    )]
    let at = Timestamp::now().checked_add(SignedDuration::from_hours(2)).unwrap();
    let (in_one, at_once) = history(1, at).await;
    let (in_several, none) = history(2, at).await;
    assert!(at_once > 20.0, "{at_once} of 70 batches were one statement");
    assert!(none.abs() < 0.5, "several flushers take their turns, so {none} is too many");
    for (one, several) in in_one.iter().zip(&in_several) {
        assert_eq!(one, several);
    }
}

/// A customer, a key, a price of 0.001 for each token that is asked, and a batcher that has written a batch in one statement.
async fn one_customer() -> (Books, Credential, Recorder, Running, Registry, Timestamp) {
    let (books, credentials) = open().await;
    let mut registry = Registry::default();
    books.store.register_metrics(&mut registry);
    #[expect(
        clippy::disallowed_methods,
        reason = "tariffs are made by the clock of this machine, and this is to be after them"
    )]
    let at = Timestamp::now().checked_add(SignedDuration::from_hours(2)).unwrap();
    let running = books.run();
    let mut recorder = Recorder::new();
    // The first goes the longer way, which enters the instance.
    let mut sent = 0;
    while at_once(&registry) < 0.5 {
        let mut record = recorder.record(credentials[1], "m", 10, 0);
        record.timestamp = at;
        running.send(record).await;
        sent += 1;
        books.wait_for_count("usage_records", sent).await;
    }
    (books, credentials[1], recorder, running, registry, at)
}

fn other_store(books: &Books) -> Store {
    Store::connect(&StoreConfig::new(books.database_url().unwrap())).unwrap()
}

#[tokio::test]
async fn under_another_isolation_no_batch_is_one_statement_and_a_price_that_changes_meanwhile_holds() {
    let (books, credential, mut recorder, running, registry, at) = one_customer().await;
    let database = books.text("select current_database()").await;
    books
        .execute(&format!(
            "alter database \"{database}\" set default_transaction_isolation = 'repeatable read'"
        ))
        .await;
    let before = at_once(&registry);
    // What is open keeps the isolation that it has: from here on all of the batcher's are new.
    let other = other_store(&books);
    let end = "select count(pg_terminate_backend(pid)) from pg_stat_activity
               where datname = current_database() and pid <> pg_backend_pid()";
    other.tx("end", async |tx| Ok(tx.batch_execute(end).await?)).await.unwrap();
    let written = books.count("usage_records").await;
    for sent in written + 1..=written + 9 {
        let mut record = recorder.record(credential, "m", 10, 0);
        record.timestamp = at;
        running.send(record).await;
        books.wait_for_count("usage_records", sent).await;
    }
    running.stop().await.unwrap();
    assert!((at_once(&registry) - before).abs() < 0.5, "the isolation is not the one that it is written for");
    let report = audit::audit(&books.store, &books.keys()).await.unwrap();
    assert!(report.ok(), "{report:#?}");
}

#[tokio::test]
async fn while_somebody_holds_a_balance_a_batch_waits_and_is_entered_once() {
    let (books, credential, mut recorder, running, _registry, at) = one_customer().await;
    let holder = other_store(&books);
    let (written, balance) = (books.count("usage_records").await, books.balance("ada").await);
    let (let_go, is_let_go) = tokio::sync::oneshot::channel::<()>();
    let (held, is_held) = tokio::sync::oneshot::channel::<()>();
    let ends = std::sync::Mutex::new(Some((held, is_let_go)));
    let holding = async {
        holder
            .tx("hold", async |tx| {
                tx.batch_execute("select 1 from user_balances for update").await?;
                let (held, is_let_go) = ends.lock().unwrap().take().unwrap();
                held.send(()).unwrap();
                is_let_go.await.unwrap();
                Ok(())
            })
            .await
            .unwrap();
    };
    let flushing = async {
        is_held.await.unwrap();
        let mut record = recorder.record(credential, "m", 10, 0);
        record.timestamp = at;
        running.send(record).await;
        // The statement gives up its wait after two seconds, and the longer way waits in its place.
        let waits_in_a_transaction = "pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like 'select 1 from user_balances%'";
        books.wait_for_count(waits_in_a_transaction, 1).await;
        let_go.send(()).unwrap();
        books.wait_for_count("usage_records", written + 1).await;
    };
    tokio::join!(holding, flushing);
    running.stop().await.unwrap();
    let price = "0.01".parse().unwrap();
    assert_eq!(books.balance("ada").await, balance.checked_sub(price).unwrap());
    let report = audit::audit(&books.store, &books.keys()).await.unwrap();
    assert!(report.ok(), "{report:#?}");
}
