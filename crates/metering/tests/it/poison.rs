//! What the books cannot hold is set aside by name, and its neighbours are not held up.

use std::time::Instant;

use tollgate_domain::{ApiKeyId, ApiKeyPurpose, Credential, RawAnalyticsRecord};
use tollgate_metering::quarantine::{self, Replayed};
use tollgate_metering::{AnalyticsConfig, audit};

use crate::books::{Books, Recorder, price};

/// What is done to the one record of the batch.
type Spoil = fn(&mut RawAnalyticsRecord);

async fn open() -> (Books, Credential) {
    let books = Books::open().await;
    books.user("ada", "1000").await;
    books.model("m").await;
    books.tariff("m", price("0.0001", "0.0001")).await;
    let key = books.key("ada", ApiKeyPurpose::Realtime).await;
    (books, Credential::Key(key))
}

/// A key of ada's that the books did not know before.
async fn enter_key(books: &Books, key: ApiKeyId) {
    let sql = format!(
        "insert into api_keys (id, digest, prefix, user_id)
         select '{}', decode(repeat('ab', 32), 'hex'), 'tg-ab', id from users where name = 'ada'",
        key.as_uuid()
    );
    books.execute(&sql).await;
}

/// Sends a batch of 500 in which one record is spoilt; the others are in the books at once: within a second where the machine is not
/// busy with other tests, which is printed and not held against it.
async fn one_in_five_hundred(books: &Books, credential: Credential, spoil: Spoil, reason: &str) {
    let running = books.run();
    let mut recorder = Recorder::new();
    // Warmed up: connections, catalog and partitions are not what is measured.
    running.send(recorder.record(credential, "m", 10, 10)).await;
    books.wait_for_count("usage_records", 1).await;
    let mut records: Vec<_> = (0..500).map(|_| recorder.record(credential, "m", 10, 10)).collect();
    spoil(&mut records[250]);
    let spoilt = records[250].correlation_id.get();
    let started = Instant::now();
    for record in records {
        running.send(record).await;
    }
    books.wait_for_count("usage_records", 500).await;
    eprintln!("the others were in the books after {:?}", started.elapsed());
    books.wait_for_count("quarantine", 1).await;
    running.stop().await.unwrap();
    let entries = quarantine::list(&books.store, false, 10).await.unwrap();
    assert_eq!(entries[0].correlation_id.get(), spoilt);
    assert!(entries[0].reason.contains(reason), "{}", entries[0].reason);
    let request = entries[0].request.as_ref().unwrap();
    assert_eq!((request.user.as_deref(), request.model.as_deref()), (Some("ada"), Some("m")), "{request:?}");
    assert!(request.key_prefix.is_some() && request.completion_tokens == Some(10), "{request:?}");
    assert_eq!(books.count(&format!("usage_records where correlation_id = {spoilt}")).await, 0);
    assert_eq!(books.balance("ada").await.to_string(), "999", "500 records at 0.002");
    let report = audit::audit(&books.store, &books.keys()).await.unwrap();
    assert!(report.ok(), "{report:?}");
}

#[tokio::test]
async fn a_nul_in_the_model_name_is_set_aside_and_499_neighbours_commit() {
    let (books, credential) = open().await;
    let spoil: Spoil = |record| record.request_model = Some("m\0".to_owned());
    one_in_five_hundred(&books, credential, spoil, "request_model contains a NUL").await;
}

#[tokio::test]
async fn a_number_out_of_range_is_set_aside_and_499_neighbours_commit() {
    let (books, credential) = open().await;
    let spoil: Spoil = |record| record.usage.prompt_tokens = Some(1 << 40);
    one_in_five_hundred(&books, credential, spoil, "prompt_tokens of 1099511627776 is out of range").await;
}

#[tokio::test]
async fn what_only_postgresql_refuses_is_found_by_halving_the_batch() {
    let (books, credential) = open().await;
    books
        .execute("alter table usage_records add constraint usage_records_teapot check (status_code <> 418)")
        .await;
    let spoil: Spoil = |record| record.status_code = 418;
    one_in_five_hundred(&books, credential, spoil, "usage_records_teapot").await;
    let sqlstate = books.text("select sqlstate from quarantine").await;
    assert_eq!(sqlstate, "23514");
}

#[tokio::test]
async fn every_field_that_does_not_fit_is_named() {
    let (books, credential) = open().await;
    let running = books.run();
    let mut recorder = Recorder::new();
    let spoilt: [(Spoil, &str); 9] = [
        (|record| record.duration_ms = -1, "duration_ms of -1"),
        (
            |record| record.duration_to_first_byte_ms = Some(1 << 33),
            "duration_to_first_byte_ms of 8589934592",
        ),
        (|record| record.status_code = 1 << 20, "status_code of 1048576"),
        (|record| record.timestamp = "-009000-01-01T00:00:00Z".parse().unwrap(), "before 4713 BC"),
        (|record| record.usage.completion_tokens = Some(-5), "completion_tokens of -5"),
        (|record| record.usage.reasoning_tokens = i64::MAX, "reasoning_tokens of 9223372036854775807"),
        (|record| record.user_agent = Some("a\0b".to_owned()), "user_agent contains a NUL"),
        (|record| record.batch.custom_id = Some("\0".to_owned()), "custom_id contains a NUL"),
        (
            |record| record.credential = Credential::Key(tollgate_domain::ApiKeyId::generate()),
            "which is not in this database",
        ),
    ];
    for (spoil, _) in &spoilt {
        let mut record = recorder.record(credential, "m", 1, 1);
        spoil(&mut record);
        running.send(record).await;
    }
    assert_eq!(running.stop().await.unwrap().records, 9);
    for (number, (_, reason)) in (1..).zip(&spoilt) {
        let found =
            books.text(&format!("select reason from quarantine where correlation_id = {number}")).await;
        assert!(found.contains(reason), "{found}");
    }
    assert_eq!(books.count("usage_records").await, 0);
}

#[tokio::test]
async fn a_charge_past_what_a_row_holds_is_set_aside() {
    let (books, credential) = open().await;
    books.model("dear").await;
    books.tariff("dear", price("9000000", "0")).await;
    let running = books.run();
    running.send(Recorder::new().record(credential, "dear", 2_000_000_000, 0)).await;
    running.stop().await.unwrap();
    let reason = books.text("select reason from quarantine").await;
    assert!(reason.contains("the most that one request may cost"), "{reason}");
}

#[tokio::test]
async fn a_mended_record_is_replayed_once_under_its_first_identity() {
    let (books, credential) = open().await;
    books
        .execute("alter table usage_records add constraint usage_records_teapot check (status_code <> 418)")
        .await;
    let running = books.run_with(AnalyticsConfig::default());
    let mut record = Recorder::new().record(credential, "m", 10, 10);
    record.status_code = 418;
    running.send(record.clone()).await;
    running.stop().await.unwrap();
    let id = quarantine::list(&books.store, false, 10).await.unwrap()[0].id;
    let refused = quarantine::replay(&books.store, &books.keys(), id, "test").await.unwrap_err();
    assert!(refused.to_string().contains("usage_records_teapot"), "{refused}");
    assert_eq!(books.count("quarantine").await, 1, "what is refused again stays");
    books.execute("alter table usage_records drop constraint usage_records_teapot").await;
    assert_eq!(quarantine::replay(&books.store, &books.keys(), id, "test").await.unwrap(), Replayed::Entered);
    assert_eq!(books.count("quarantine").await, 0);
    assert_eq!(books.balance("ada").await.to_string(), "999.998");
    assert!(quarantine::replay(&books.store, &books.keys(), id, "test").await.is_err());
    // The gateway's own replay of it changes nothing either.
    let running = books.run();
    running.send(record).await;
    running.stop().await.unwrap();
    assert_eq!(books.balance("ada").await.to_string(), "999.998");
    assert_eq!(books.count("usage_records").await, 1);
}

#[tokio::test]
async fn a_record_that_is_written_off_stays_to_be_seen_and_is_never_replayed() {
    let (books, credential) = open().await;
    let running = books.run();
    let mut record = Recorder::new().record(credential, "m", 10, 10);
    let key = ApiKeyId::generate();
    record.credential = Credential::Key(key);
    running.send(record.clone()).await;
    running.stop().await.unwrap();
    let id = quarantine::list(&books.store, false, 10).await.unwrap()[0].id;
    quarantine::write_off(&books.store, id, "grace", "test").await.unwrap();
    assert!(quarantine::list(&books.store, false, 10).await.unwrap().is_empty());
    let seen = quarantine::list(&books.store, true, 10).await.unwrap();
    assert_eq!(seen[0].written_off_by.as_deref(), Some("grace"));
    assert!(quarantine::replay(&books.store, &books.keys(), id, "test").await.is_err());
    assert!(quarantine::write_off(&books.store, id, "grace", "test").await.is_err());
    // Nor when it is delivered again to books that would take it now, among others.
    enter_key(&books, key).await;
    let running = books.run();
    let mut recorder = Recorder::of(record.instance_id);
    recorder.record(credential, "m", 10, 10);
    running.send(record.clone()).await;
    running.send(record).await;
    for _ in 0..100 {
        running.send(recorder.record(credential, "m", 10, 10)).await;
    }
    running.stop().await.unwrap();
    assert_eq!(books.count("usage_records").await, 100);
    assert_eq!(books.count("quarantine").await, 1);
    assert_eq!(books.balance("ada").await.to_string(), "999.8");
    assert!(audit::audit(&books.store, &books.keys()).await.unwrap().ok());
}

#[tokio::test]
async fn a_record_that_is_delivered_again_to_books_that_take_it_leaves_quarantine() {
    let (books, credential) = open().await;
    let mut recorder = Recorder::new();
    let running = books.run();
    let mut records: Vec<_> = (0..100).map(|_| recorder.record(credential, "m", 10, 10)).collect();
    let key = ApiKeyId::generate();
    for record in &mut records[..3] {
        record.credential = Credential::Key(key);
    }
    for record in &records {
        running.send(record.clone()).await;
    }
    running.stop().await.unwrap();
    assert_eq!(books.count("quarantine").await, 3);
    enter_key(&books, key).await;
    for _ in 0..2 {
        let running = books.run();
        for record in &records {
            running.send(record.clone()).await;
        }
        running.stop().await.unwrap();
        assert_eq!((books.count("usage_records").await, books.count("quarantine").await), (100, 0));
        assert_eq!(books.balance("ada").await.to_string(), "999.8");
    }
    assert!(audit::audit(&books.store, &books.keys()).await.unwrap().ok());
}
