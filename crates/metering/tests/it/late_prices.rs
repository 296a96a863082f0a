//! Records without a price are kept, and charged once when a tariff for their time arrives.

use tollgate_domain::{ApiKeyPurpose, Clock, Credential};
use tollgate_metering::{AnalyticsConfig, audit, unrated};
use tollgate_store::tariffs::WantedTariff;

use crate::books::{Books, Recorder, price, start};

async fn assert_sound(books: &Books) {
    let report = audit::audit(&books.store, &books.keys()).await.unwrap();
    assert!(report.ok(), "{report:#?}");
}

#[tokio::test]
async fn two_raters_that_race_charge_each_record_once() {
    let books = Books::open().await;
    books.user("ada", "1000").await;
    books.model("m").await;
    let key = books.key("ada", ApiKeyPurpose::Realtime).await;
    let mut recorder = Recorder::new();
    let running = books.run();
    for _ in 0..2500 {
        running.send(recorder.record(Credential::Key(key), "m", 10, 10)).await;
    }
    running.stop().await.unwrap();
    assert_eq!(books.balance("ada").await.to_string(), "1000");
    assert_eq!(books.count("usage_records where state = 'u'").await, 2500);
    assert_sound(&books).await;
    books.tariff("m", price("0.001", "0.002")).await;
    let keys = books.keys();
    let rate = || unrated::rate_unrated(&books.store, &keys);
    let ratings = tokio::try_join!(rate(), rate(), rate(), rate()).unwrap();
    let rated: u64 = [ratings.0, ratings.1, ratings.2, ratings.3].iter().map(|rating| rating.rated).sum();
    assert_eq!(rated, 2500);
    assert_eq!(books.balance("ada").await.to_string(), "925");
    assert_eq!(books.count("usage_records where state = 'c'").await, 2500);
    assert_sound(&books).await;
    assert_eq!(unrated::rate_unrated(&books.store, &keys).await.unwrap().rated, 0);
}

#[tokio::test]
async fn a_clock_that_shows_a_day_without_a_partition_holds_up_no_late_price() {
    // There is no day after the one, and PostgreSQL has none as early as the other.
    for absurd in ["9999-12-30T22:00:00Z", "-009999-01-02T01:59:59Z"].map(|at| at.parse().unwrap()) {
        let books = Books::open().await;
        books.user("ada", "1").await;
        books.model("m").await;
        let key = books.key("ada", ApiKeyPurpose::Realtime).await;
        let right = books.clock.now();
        books.clock.set(absurd);
        let running = books.run();
        running.send(Recorder::new().record(Credential::Key(key), "m", 10, 10)).await;
        books.wait_for_count("usage_records where state = 'u'", 1).await;
        books.clock.set(right);
        books.tariff("m", price("0.001", "0.002")).await;
        books.clock.set(absurd);
        books.wait_for_count("usage_records where state = 'c'", 1).await;
        running.stop().await.unwrap();
        assert_sound(&books).await;
    }
}

#[tokio::test]
async fn a_running_batcher_rates_by_itself_and_tells_of_who_runs_dry() {
    let books = Books::open().await;
    books.user("ada", "0.01").await;
    let key = books.key("ada", ApiKeyPurpose::Realtime).await;
    let running = books.run();
    // The model does not exist yet either: it is found by the name that was asked for.
    running.send(Recorder::new().record(Credential::Key(key), "m", 10, 10)).await;
    books.wait_for_count("usage_records where state = 'u' and model_no is null", 1).await;
    books.model("m").await;
    books.tariff("m", price("0.001", "0.002")).await;
    books.wait_for_count("usage_records where state = 'c' and model_no is not null", 1).await;
    let registry = running.registry();
    running.stop().await.unwrap();
    assert_eq!(books.balance("ada").await.to_string(), "-0.02");
    let sent = crate::books::sample(&registry, "tollgate_sync_notifications_total{action=\"sent\"}");
    assert_eq!(sent, 1.0);
    assert_sound(&books).await;
}

#[tokio::test]
async fn a_tariff_for_another_time_leaves_a_record_unrated() {
    let books = Books::open().await;
    books.user("ada", "10").await;
    books.model("m").await;
    let key = books.key("ada", ApiKeyPurpose::Realtime).await;
    let running = books.run();
    running.send(Recorder::new().record(Credential::Key(key), "m", 10, 10)).await;
    running.stop().await.unwrap();
    // Opens a second after the request.
    books.clock.set(start() + jiff::SignedDuration::from_secs(1));
    books.tariff("m", WantedTariff { valid_from: None, ..price("0.001", "0.002") }).await;
    let rating = unrated::rate_unrated(&books.store, &books.keys()).await.unwrap();
    assert_eq!((rating.rated, rating.left), (0, 1));
    assert_eq!(books.balance("ada").await.to_string(), "10");
    // Opens at its very instant.
    books.tariff("m", WantedTariff { valid_from: Some(start()), ..price("0.001", "0.002") }).await;
    let rating = unrated::rate_unrated(&books.store, &books.keys()).await.unwrap();
    assert_eq!((rating.rated, rating.left), (1, 0));
    assert_eq!(books.balance("ada").await.to_string(), "9.97");
    assert_sound(&books).await;
}

#[tokio::test]
async fn what_states_no_usage_stays_unrated_and_pays_the_price_of_a_request_where_there_is_one() {
    let books = Books::open().await;
    books.user("ada", "10").await;
    books.model("m").await;
    books.tariff("m", price("0.001", "0.002")).await;
    let key = books.key("ada", ApiKeyPurpose::Realtime).await;
    let mut recorder = Recorder::new();
    let mut silent = recorder.record(Credential::Key(key), "m", 0, 0);
    silent.usage = tollgate_domain::StatedUsage::default();
    silent.usage_source = tollgate_domain::UsageSource::None;
    let mut total_only = recorder.record(Credential::Key(key), "m", 0, 0);
    total_only.usage =
        tollgate_domain::StatedUsage { total_tokens: Some(500), ..tollgate_domain::StatedUsage::default() };
    let mut embedding = total_only.clone();
    embedding.correlation_id = tollgate_domain::CorrelationId::new(99);
    embedding.response_type = "embedding".to_owned();
    let running = books.run();
    for record in [silent, total_only, embedding] {
        running.send(record).await;
    }
    running.stop().await.unwrap();
    assert_eq!(
        books.text("select string_agg(state || ' ' || coalesce(prompt_tokens, -1), ', ' order by correlation_id) from http_analytics").await,
        "unrated -1, unrated -1, charged 500"
    );
    assert_eq!(books.balance("ada").await.to_string(), "9.5");
    assert_sound(&books).await;
}

#[tokio::test]
async fn prices_that_change_while_records_are_written_are_never_mixed_up() {
    let books = Books::open().await;
    books.user("ada", "1000000").await;
    books.model("m").await;
    books.tariff("m", price("0.001", "0.001")).await;
    let key = books.key("ada", ApiKeyPurpose::Realtime).await;
    let config =
        AnalyticsConfig { batch_size: 100, flushers: 2, flush_interval_ms: 0, ..AnalyticsConfig::default() };
    let running = books.run_with(config);
    let mut recorder = Recorder::new();
    // The clock follows the records: each is a second after the one before, and each price opens between two of them.
    let changes = 20;
    let per_price = 60;
    let mut expected = 0;
    for change in 0..changes {
        let opens = start() + jiff::SignedDuration::from_secs(change * per_price);
        books.clock.set(opens);
        let milli = 1 + change;
        let tariff = WantedTariff { valid_from: None, ..price(&format!("0.00{milli:02}"), "0") };
        books.tariff("m", tariff).await;
        for second in 0..per_price {
            let mut record = recorder.record(Credential::Key(key), "m", 1, 0);
            record.timestamp = opens + jiff::SignedDuration::from_secs(second);
            expected += milli;
            running.send(record).await;
        }
    }
    running.stop().await.unwrap();
    let spent = books
        .text("select trim_scale(1000000 - balance)::text from user_balances order by balance desc limit 1")
        .await;
    // In ten-thousandths of a credit.
    assert_eq!(spent.parse::<tollgate_domain::Credits>().unwrap().pico(), i128::from(expected) * 100_000_000);
    assert_sound(&books).await;
}
