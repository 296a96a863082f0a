//! The cached view, and what is remembered beside it: exact where it must be, and asked for no more than needed.

use std::sync::Arc;

use jiff::SignedDuration;
use prometheus_client::registry::Registry;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tollgate_domain::{ApiKeyId, ApiKeyPurpose, Credential, PriceList};
use tollgate_metering::{AnalyticsConfig, audit, unrated};
use tollgate_store::ErrorClass;
use tollgate_store::tariffs::{self, WantedTariff};

use crate::books::{Books, Recorder, price, sample, start};

#[tokio::test]
async fn a_key_and_a_model_made_a_moment_ago_are_found() {
    let books = Books::open().await;
    let running = books.run();
    let mut recorder = Recorder::new();
    running.send(recorder.record(Credential::None, "m", 1, 1)).await;
    books.wait_for_count("usage_records", 1).await;
    for number in 0..5_i32 {
        let (user, model) = (format!("user-{number}"), format!("model-{number}"));
        books.user(&user, "1").await;
        books.model(&model).await;
        books.tariff(&model, price("0.1", "0")).await;
        let (key, secret) = books.key_and_secret(&user, ApiKeyPurpose::Realtime).await;
        let credential = if number % 2 == 0 {
            Credential::Key(key)
        } else {
            Credential::Digest(books.master.key_digest(&secret))
        };
        running.send(recorder.record(credential, &model, 3, 0)).await;
        books.wait_for_count("usage_records", i64::from(number) + 2).await;
        assert_eq!(books.balance(&user).await.to_string(), "0.7");
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_flood_of_unknown_credentials_reads_the_catalog_once() {
    let books = Books::open().await;
    let mut registry = Registry::default();
    books.store.register_metrics(&mut registry);
    let running = books.run_with(AnalyticsConfig { flush_interval_ms: 0, ..AnalyticsConfig::default() });
    let mut recorder = Recorder::new();
    for number in 0..50 {
        let unknown = Credential::Digest(books.master.key_digest(&format!("tg-{number}")));
        running.send(recorder.record(unknown, &format!("no such model {number}"), 1, 1)).await;
        books.wait_for_count("usage_records", number + 1).await;
    }
    running.stop().await.unwrap();
    let loads =
        "tollgate_store_transaction_duration_seconds_count{name=\"load_catalog\",outcome=\"committed\"}";
    // The flusher's, and the rater's at the start.
    assert!(sample(&registry, loads) <= 2.0, "{}", sample(&registry, loads));
}

#[tokio::test]
async fn partitions_are_made_ahead_of_the_days() {
    let books = Books::open().await;
    let running = books.run();
    books.wait_for_count("pg_class where relname = 'usage_records_2026_11_27'", 1).await;
    books.clock.set(start() + SignedDuration::from_hours(24 * 30));
    books.wait_for_count("pg_class where relname = 'usage_details_2026_12_27'", 1).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_locked_table_holds_up_its_partition_and_not_the_books() {
    let books = Books::open().await;
    books.user("ada", "1").await;
    books.model("m").await;
    books.tariff("m", price("0.1", "0")).await;
    let key = books.key("ada", ApiKeyPurpose::Realtime).await;
    let running = books.run();
    // As an audit or a backup holds it.
    books
        .store
        .tx_unbounded("backup", async |tx| {
            tx.batch_execute("lock table usage_records_default in access share mode").await?;
            running.send(Recorder::new().record(Credential::Key(key), "m", 3, 0)).await;
            books.wait_for_count("usage_records", 1).await;
            Ok(())
        })
        .await
        .unwrap();
    running.stop().await.unwrap();
    assert_eq!(books.balance("ada").await.to_string(), "0.7");
}

#[tokio::test]
async fn a_row_whose_day_got_its_partition_while_it_was_written_is_tried_again_and_not_set_aside() {
    let books = Books::open().await;
    let running = books.run();
    books.wait_for_count("pg_class where relname = 'usage_records_2026_11_27'", 1).await;
    running.send(Recorder::new().record(Credential::None, "m", 3, 0)).await;
    books.wait_for_count("usage_records", 1).await;
    running.stop().await.unwrap();
    // What PostgreSQL says then, it says also of a row that is put where it does not belong.
    let misplaced = "insert into usage_records_default (requested_at, correlation_id, amount_pico, raw_digest, rated_digest, day,
             instance_no, pricing_epoch, dimensions_no, duration_ms, status_code, state, usage_source)
         select requested_at, correlation_id + 1, amount_pico, raw_digest, rated_digest, day, instance_no, pricing_epoch,
             dimensions_no, duration_ms, status_code, state, usage_source from usage_records";
    let written = books.store.tx("misplace", async |tx| Ok(tx.batch_execute(misplaced).await?)).await;
    let error = written.unwrap_err();
    assert_eq!(error.sqlstate(), Some("23514"), "{error}");
    assert_eq!(error.class(), ErrorClass::Retry, "{error}");
}

/// The auditor selects each tariff again as it was known at the record's pricing epoch. Whatever prices are changed to, and whenever
/// the records come, it must come to what the flush came to.
#[tokio::test]
async fn the_audit_agrees_with_every_history_of_prices() {
    let books = Arc::new(Books::open().await);
    books.user("ada", "1000000").await;
    books.model("m").await;
    let purposes = [ApiKeyPurpose::Realtime, ApiKeyPurpose::Batch];
    let keys: Vec<ApiKeyId> =
        [books.key("ada", purposes[0]).await, books.key("ada", purposes[1]).await].to_vec();
    let windows = [None, Some("24h".to_owned())];
    let running = books.run();
    let mut random = StdRng::seed_from_u64(20_261_124);
    let mut recorder = Recorder::new();
    let mut now = start();
    for _ in 0..60 {
        // Prices are changed from machines whose clocks disagree, so it also goes back.
        now += SignedDuration::from_secs(random.random_range(-60..100));
        books.clock.set(now);
        let around = |random: &mut StdRng| now + SignedDuration::from_secs(random.random_range(-300..300));
        let mut wanted: Vec<WantedTariff> = (0..random.random_range(1..4))
            .map(|_| WantedTariff {
                purpose: purposes[random.random_range(0..2)],
                completion_window: windows[random.random_range(0..2)].clone(),
                prices: PriceList {
                    input_price: format!("0.00{}", random.random_range(0..10)).parse().unwrap(),
                    ..PriceList::default()
                },
                valid_from: random.random_bool(0.6).then(|| around(&mut random)),
            })
            .collect();
        let changed = books
            .store
            .tx("change", async |tx| match wanted.as_slice() {
                [one] => tariffs::set(&tx, "m", one, books.clock.as_ref(), "test").await,
                several => tariffs::replace(&tx, "m", several, books.clock.as_ref(), "test").await,
            })
            .await;
        // Two of the same opening are refused; anything else must do.
        assert!(changed.is_ok() || wanted.len() > 1, "{changed:?}");
        wanted.clear();
        for _ in 0..10 {
            let key = keys[random.random_range(0..2)];
            let mut record = recorder.record(Credential::Key(key), "m", random.random_range(0..100), 0);
            record.timestamp = around(&mut random);
            record.batch.batch_completion_window = windows[random.random_range(0..2)].clone();
            running.send(record).await;
        }
        if random.random_bool(0.2) {
            unrated::rate_unrated(&books.store, &books.keys()).await.unwrap();
        }
    }
    running.stop().await.unwrap();
    let report = audit::audit(&books.store, &books.keys()).await.unwrap();
    assert!(report.ok(), "{report:#?}");
    assert_eq!(report.records, 600);
    assert!(report.charged > 200 && report.free > 5, "{report:?}");
}
