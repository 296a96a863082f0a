//! The ends of time and of money.

use jiff::Timestamp;
use tollgate_domain::{ApiKeyPurpose, Credential};
use tollgate_metering::{audit, quarantine, unrated};
use tollgate_store::movements::{self, MovementKind, NewMovement};
use tollgate_store::tariffs::WantedTariff;

use crate::books::{Books, Recorder, price};

async fn assert_sound(books: &Books) {
    let report = audit::audit(&books.store, &books.keys()).await.unwrap();
    assert!(report.ok(), "{report:#?}");
}

/// A price from the first instant that a price may have.
fn from_1970(input: &str) -> WantedTariff {
    WantedTariff { valid_from: Some(Timestamp::UNIX_EPOCH), ..price(input, "0") }
}

#[tokio::test]
async fn a_record_of_any_time_is_kept_priced_and_audited() {
    let books = Books::open().await;
    books.user("ada", "1000").await;
    books.model("m").await;
    books.tariff("m", from_1970("0.001")).await;
    let credential = Credential::Key(books.key("ada", ApiKeyPurpose::Realtime).await);
    let mut recorder = Recorder::new();
    let running = books.run();
    let times = [
        ("-004712-01-01T00:00:00Z", "unrated"),
        ("0001-01-01T00:00:00Z", "unrated"),
        ("1969-12-31T23:59:59.999999Z", "unrated"),
        // Stored as the microsecond after it, and so it is priced.
        ("1969-12-31T23:59:59.9999995Z", "charged"),
        ("1970-01-01T00:00:00Z", "charged"),
        ("2023-11-16T18:30:00.123456789Z", "charged"),
        ("2026-11-24T23:59:59.999999999Z", "charged"),
        ("2026-11-25T00:00:00Z", "charged"),
        ("9999-12-30T22:00:00.999999999Z", "charged"),
    ];
    for (at, _) in times {
        let mut record = recorder.record(credential, "m", 1, 0);
        record.timestamp = at.parse().unwrap();
        running.send(record).await;
        // The same as the time of a batch.
        let mut record = recorder.record(credential, "m", 1, 0);
        record.batch.batch_created_at = Some(at.parse().unwrap());
        running.send(record).await;
    }
    running.stop().await.unwrap();
    assert_eq!(books.count("quarantine").await, 0);
    for (number, (at, state)) in (0..).zip(times) {
        for correlation_id in [2 * number + 1, 2 * number + 2] {
            let sql = format!("select state from http_analytics where correlation_id = {correlation_id}");
            assert_eq!(books.text(&sql).await, state, "{at}");
        }
    }
    assert_sound(&books).await;
}

#[tokio::test]
async fn a_balance_at_the_end_of_its_range_holds_up_nobody_else() {
    let books = Books::open().await;
    books.user("ada", "1000").await;
    books.user("bob", "1").await;
    books.model("m").await;
    books.tariff("m", price("0.001", "0")).await;
    let removal = NewMovement {
        user: "bob".to_owned(),
        kind: MovementKind::AdminRemoval,
        amount: "9999999999999999.999999999999".parse().unwrap(),
        source_id: "everything".to_owned(),
        description: String::new(),
    };
    books.store.tx("remove", async |tx| movements::apply(&tx, &removal, "test").await).await.unwrap();
    let mut keys = Vec::new();
    for user in ["ada", "bob"] {
        keys.push(Credential::Key(books.key(user, ApiKeyPurpose::Realtime).await));
    }
    let mut recorder = Recorder::new();
    let running = books.run();
    for number in 0..200 {
        // bob's 2000 thousandths pass what is left of the range, which is one credit.
        running.send(recorder.record(keys[number % 2], "m", 20, 0)).await;
    }
    running.stop().await.unwrap();
    assert_eq!(books.balance("ada").await.to_string(), "998");
    assert_eq!(books.balance("bob").await.to_string(), "-9999999999999999.999999999999");
    let waiting = quarantine::list(&books.store, false, 1000).await.unwrap();
    assert_eq!((waiting.len(), waiting[0].sqlstate.as_deref()), (50, Some("22003")), "what no longer fits");
    assert_sound(&books).await;
}

#[tokio::test]
async fn texts_that_are_too_long_are_cut_between_characters_and_the_audit_agrees() {
    let books = Books::open().await;
    books.user("ada", "1").await;
    books.model("m").await;
    books.tariff("m", price("0.001", "0")).await;
    let credential = Credential::Key(books.key("ada", ApiKeyPurpose::Batch).await);
    let mut recorder = Recorder::new();
    // Characters of one to four bytes, at every offset to the limits.
    let running = books.run();
    for (number, start) in ["", "a", "ab", "abc"].into_iter().enumerate() {
        let long = format!("{start}{}", "é€😀".repeat(400));
        let mut record = recorder.record(credential, "m", 1, 0);
        record.user_agent = Some(long.clone());
        record.finish_reason = Some(long.clone());
        record.response_model = Some(long.clone());
        record.batch.batch_completion_window = Some(long.clone());
        record.batch.batch_request_source = Some(long.clone());
        record.batch.custom_id = Some(long.clone());
        record.trace_id = Some(long);
        running.send(record).await;
        books.wait_for_count("usage_records", i64::try_from(number).unwrap() + 1).await;
    }
    running.stop().await.unwrap();
    let lengths = "select string_agg(distinct (octet_length(user_agent) between 253 and 256
                          and octet_length(custom_id) between 1021 and 1024)::text, ' ') from http_analytics";
    assert_eq!(books.text(lengths).await, "true");
    assert_eq!(books.balance("ada").await.to_string(), "0.996");
    assert_sound(&books).await;
}

#[tokio::test]
async fn a_late_price_that_one_account_cannot_pay_holds_up_nobody_else() {
    let books = Books::open().await;
    books.user("ada", "1000").await;
    books.user("bob", "0").await;
    books.model("m").await;
    let mut keys = Vec::new();
    for user in ["bob", "ada"] {
        keys.push(Credential::Key(books.key(user, ApiKeyPurpose::Realtime).await));
    }
    let removal = NewMovement {
        user: "bob".to_owned(),
        kind: MovementKind::AdminRemoval,
        amount: "9999999999999999.999999999999".parse().unwrap(),
        source_id: "everything".to_owned(),
        description: String::new(),
    };
    books.store.tx("remove", async |tx| movements::apply(&tx, &removal, "test").await).await.unwrap();
    let mut recorder = Recorder::new();
    let running = books.run();
    for number in 0..20 {
        running.send(recorder.record(keys[number % 2], "m", 1000, 0)).await;
    }
    running.stop().await.unwrap();
    books.tariff("m", price("0.001", "0")).await;
    let rating = unrated::rate_unrated(&books.store, &books.keys()).await.unwrap();
    assert_eq!((rating.rated, rating.left), (10, 10));
    assert_eq!(books.balance("ada").await.to_string(), "990");
    assert_sound(&books).await;
}
