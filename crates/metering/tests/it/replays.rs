//! However often a record comes, it has one effect.

use proptest::prelude::*;
use tollgate_domain::{ApiKeyPurpose, Credential, RawAnalyticsRecord};
use tollgate_metering::{AnalyticsConfig, audit};

use crate::books::{Books, Recorder, price};

async fn open(users: &[&str]) -> (Books, Vec<Credential>) {
    let books = Books::open().await;
    books.model("m").await;
    books.tariff("m", price("0.001", "0.002")).await;
    let mut credentials = Vec::new();
    for user in users {
        books.user(user, "1000").await;
        credentials.push(Credential::Key(books.key(user, ApiKeyPurpose::Realtime).await));
    }
    (books, credentials)
}

async fn send_all(books: &Books, records: impl IntoIterator<Item = RawAnalyticsRecord>) {
    let running = books.run();
    for record in records {
        running.send(record).await;
    }
    running.stop().await.unwrap();
}

async fn assert_sound(books: &Books) {
    let report = audit::audit(&books.store, &books.keys()).await.unwrap();
    assert!(report.ok(), "{report:#?}");
}

#[tokio::test]
async fn a_large_batch_that_was_written_before_changes_nothing() {
    let (books, credentials) = open(&["ada"]).await;
    let mut recorder = Recorder::new();
    let records: Vec<_> = (0..600).map(|_| recorder.record(credentials[0], "m", 10, 10)).collect();
    send_all(&books, records.clone()).await;
    assert_eq!(books.balance("ada").await.to_string(), "982");
    // The same again and half as many new ones: the new ones count, the others do not.
    let new: Vec<_> = (0..300).map(|_| recorder.record(credentials[0], "m", 10, 10)).collect();
    send_all(&books, new.into_iter().chain(records)).await;
    assert_eq!(books.balance("ada").await.to_string(), "973");
    assert_eq!(books.count("usage_records").await, 900);
    assert_sound(&books).await;
}

#[tokio::test]
async fn the_same_record_twice_in_one_batch_is_one() {
    let (books, credentials) = open(&["ada"]).await;
    let record = Recorder::new().record(credentials[0], "m", 10, 10);
    let running = books.run();
    for _ in 0..5 {
        running.send(record.clone()).await;
    }
    books.wait_for_count("usage_records", 1).await;
    running.stop().await.unwrap();
    assert_eq!(books.balance("ada").await.to_string(), "999.97");
    assert_sound(&books).await;
}

#[tokio::test]
async fn the_same_identity_with_other_contents_is_quarantined_and_never_overwritten() {
    let (books, credentials) = open(&["ada"]).await;
    let record = Recorder::new().record(credentials[0], "m", 10, 10);
    let mut other = record.clone();
    other.usage.prompt_tokens = Some(11);
    let mut third = record.clone();
    third.finish_reason = Some("length".to_owned());
    // Against the books, and within one batch.
    send_all(&books, [record.clone()]).await;
    let running = books.run();
    for record in [other.clone(), record.clone(), third, other] {
        running.send(record).await;
    }
    books.wait_for_count("quarantine", 2).await;
    running.stop().await.unwrap();
    assert_eq!(books.text("select prompt_tokens::text from usage_records").await, "10");
    assert_eq!(books.balance("ada").await.to_string(), "999.97");
    assert!(books.text("select min(reason) from quarantine").await.contains("other contents"));
    assert_sound(&books).await;
}

#[tokio::test]
async fn two_batchers_that_replay_the_same_stream_charge_it_once() {
    let (books, credentials) = open(&["ada", "bob", "eve"]).await;
    let mut recorder = Recorder::new();
    let records: Vec<_> = (0..2000)
        .map(|number| recorder.record(credentials[number % credentials.len()], "m", 10, 10))
        .collect();
    let config = AnalyticsConfig { batch_size: 150, flushers: 2, ..AnalyticsConfig::default() };
    let (one, two) = (books.run_with(config.clone()), books.run_with(config));
    let forwards = async {
        for record in records.clone() {
            one.send(record).await;
        }
    };
    let backwards = async {
        for record in records.iter().rev().cloned() {
            two.send(record).await;
        }
    };
    tokio::join!(forwards, backwards);
    let duplicates = "tollgate_credits_duplicates_total";
    let written = "tollgate_analytics_batched_records_total";
    books.wait_for_count("usage_records", 2000).await;
    let (one_instance, two_instance) = (one.sender.instance_id(), two.sender.instance_id());
    let metrics = [one.registry(), two.registry()];
    one.stop().await.unwrap();
    two.stop().await.unwrap();
    let sum = |sample| metrics.iter().map(|registry| crate::books::sample(registry, sample)).sum::<f64>();
    assert_eq!((sum(written), sum(duplicates)), (2000.0, 2000.0));
    for instance in [one_instance, two_instance] {
        let reached = books
            .text(&format!("select committed_position::text from instances where id = '{instance}'"))
            .await;
        assert_eq!(reached, "2000", "everything of each stream is settled");
    }
    let left = books.text("select trim_scale(sum(balance))::text from user_balances").await;
    assert_eq!(left, "2940");
    assert_sound(&books).await;
}

/// Prompt, completion, and whether it is bob's.
type Records = Vec<(i64, i64, bool)>;
/// Index of a record, and whether the second batcher gets it.
type Sends = Vec<(usize, bool)>;

/// An instance's records, and which of them are sent in which order, how often, by which of two batchers.
fn plan() -> impl Strategy<Value = (Records, Sends)> {
    let records = prop::collection::vec((0..5000_i64, 0..5000_i64, any::<bool>()), 1..40);
    records.prop_flat_map(|records| {
        let sends =
            prop::collection::vec((0..records.len(), any::<bool>()), records.len()..records.len() * 4);
        (Just(records), sends)
    })
}

#[test]
fn replays_in_any_order_any_number_of_times_have_one_effect() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (books, credentials) = runtime.block_on(open(&["ada", "bob"]));
    let mut expected = [1_000_000_i64, 1_000_000];
    let cases = ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(cases);
    let totals = std::cell::RefCell::new(&mut expected);
    runner
        .run(&plan(), |(records, sends)| {
            let mut recorder = Recorder::new();
            let records: Vec<_> = records
                .iter()
                .map(|(prompt, completion, is_bob)| {
                    (
                        usize::from(*is_bob),
                        prompt + 2 * completion,
                        recorder.record(credentials[usize::from(*is_bob)], "m", *prompt, *completion),
                    )
                })
                .collect();
            let mut sent = vec![false; records.len()];
            runtime.block_on(async {
                let batchers = [
                    books.run(),
                    books.run_with(AnalyticsConfig { batch_size: 3, ..AnalyticsConfig::default() }),
                ];
                for (index, second) in sends {
                    sent[index] = true;
                    batchers[usize::from(second)].send(records[index].2.clone()).await;
                }
                for batcher in batchers {
                    batcher.stop().await.unwrap();
                }
                for ((user, cost, _), _) in records.iter().zip(&sent).filter(|(_, sent)| **sent) {
                    totals.borrow_mut()[*user] -= cost;
                }
                let totals = **totals.borrow();
                for (name, total) in ["ada", "bob"].iter().zip(totals) {
                    let balance = books.balance(name).await;
                    // A thousandth of a credit a token.
                    assert_eq!(balance.pico(), i128::from(total) * 1_000_000_000, "{name}");
                }
                let settled = records.iter().zip(&sent).filter(|(_, sent)| **sent).count();
                let instance = recorder.instance_id;
                let rows = format!(
                    "usage_records r join instances i on i.no = r.instance_no where i.id = '{instance}'"
                );
                assert_eq!(books.count(&rows).await, i64::try_from(settled).unwrap());
            });
            Ok(())
        })
        .unwrap();
    runtime.block_on(assert_sound(&books));
}
