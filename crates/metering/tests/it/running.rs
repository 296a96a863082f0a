//! Starting, stopping, outages, depletion, metrics.

use std::time::{Duration, Instant};

use tollgate_domain::{ApiKeyPurpose, Credential};
use tollgate_metering::{AnalyticsConfig, RunError, audit};
use tollgate_store::notify::{Hint, Listener};
use tollgate_testkit::TestPostgres;

use crate::books::{Books, PATIENCE, Recorder, price, sample};

async fn open(users: &[(&str, &str)]) -> (Books, Vec<Credential>) {
    let books = Books::open().await;
    let credentials = fill(&books, users).await;
    (books, credentials)
}

async fn fill(books: &Books, users: &[(&str, &str)]) -> Vec<Credential> {
    books.model("m").await;
    books.tariff("m", price("0.001", "0.002")).await;
    let mut credentials = Vec::new();
    for (user, credits) in users {
        books.user(user, credits).await;
        credentials.push(Credential::Key(books.key(user, ApiKeyPurpose::Realtime).await));
    }
    credentials
}

async fn assert_sound(books: &Books) {
    let report = audit::audit(&books.store, &books.keys()).await.unwrap();
    assert!(report.ok(), "{report:#?}");
}

/// The next notification about balances, or `None` when there is none within `patience`.
async fn next_depletion(listener: &mut Listener, patience: Duration) -> Option<String> {
    let listening = async {
        loop {
            match listener.next().await {
                Hint::Notified(payload) if payload.starts_with("credits_transactions:") => return payload,
                _ => {}
            }
        }
    };
    tokio::time::timeout(patience, listening).await.ok()
}

async fn listen(books: &Books) -> Listener {
    let mut listener = Listener::start(&books.store);
    while listener.next().await != Hint::Connected {}
    listener
}

#[tokio::test]
async fn a_balance_that_is_overdrawn_is_told_at_once() {
    let (books, credentials) = open(&[("ada", "0.01")]).await;
    let mut listener = listen(&books).await;
    let running = books.run();
    let sent = Instant::now();
    running.send(Recorder::new().record(credentials[0], "m", 10, 10)).await;
    let payload = next_depletion(&mut listener, PATIENCE).await.expect("a notification");
    eprintln!("it was told after {:?}", sent.elapsed());
    let micros: i64 = payload.strip_prefix("credits_transactions:").unwrap().parse().unwrap();
    assert_eq!(micros, crate::books::start().as_microsecond());
    // Told once: what is below zero and falls further is nothing new.
    running.send(Recorder::new().record(credentials[0], "m", 10, 10)).await;
    books.wait_for_count("usage_records", 2).await;
    running.stop().await.unwrap();
    assert_eq!(books.balance("ada").await.to_string(), "-0.05");
    assert_eq!(next_depletion(&mut listener, Duration::from_millis(300)).await, None);
}

#[tokio::test]
async fn three_depletions_in_one_batch_make_one_notification() {
    let (books, credentials) =
        open(&[("ada", "0.01"), ("bob", "0.02"), ("eve", "0.03"), ("max", "100")]).await;
    let mut listener = listen(&books).await;
    // One batch, whatever the machine does: the records are there before the batcher runs.
    let (batcher, sender, registry) = books.batcher(AnalyticsConfig::default());
    let mut recorder = Recorder::new();
    for credential in credentials {
        sender.send(recorder.record(credential, "m", 10, 10)).await.unwrap();
    }
    let running = crate::books::Running::start(batcher, sender, registry);
    assert!(next_depletion(&mut listener, PATIENCE).await.is_some());
    let registry = running.registry();
    running.stop().await.unwrap();
    assert_eq!(next_depletion(&mut listener, Duration::from_millis(300)).await, None);
    assert_eq!(sample(&registry, "tollgate_sync_notifications_total{action=\"sent\"}"), 1.0);
    assert_eq!(sample(&registry, "tollgate_sync_notifications_total{action=\"allowed\"}"), 1.0);
    assert_sound(&books).await;
}

#[tokio::test]
async fn depletions_within_the_interval_are_told_at_its_end() {
    let (books, credentials) = open(&[("ada", "0.01"), ("bob", "0.01"), ("eve", "0.01")]).await;
    let mut listener = listen(&books).await;
    let config =
        AnalyticsConfig { balance_notification_interval_milliseconds: 1500, ..AnalyticsConfig::default() };
    let running = books.run_with(config);
    let mut recorder = Recorder::new();
    let sent = Instant::now();
    running.send(recorder.record(credentials[0], "m", 10, 10)).await;
    assert!(next_depletion(&mut listener, PATIENCE).await.is_some(), "the first is told at once");
    for (count, credential) in [(2, credentials[1]), (3, credentials[2])] {
        running.send(recorder.record(credential, "m", 10, 10)).await;
        books.wait_for_count("usage_records", count).await;
    }
    assert!(next_depletion(&mut listener, PATIENCE).await.is_some(), "the others at the end of the interval");
    assert!(sent.elapsed() >= Duration::from_millis(1500), "{:?}", sent.elapsed());
    assert_eq!(next_depletion(&mut listener, Duration::from_millis(300)).await, None);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn records_sent_before_shutdown_are_all_there_after_it() {
    let (books, credentials) = open(&[("ada", "1000")]).await;
    let running = books.run();
    let mut recorder = Recorder::new();
    for _ in 0..3000 {
        running.send(recorder.record(credentials[0], "m", 10, 10)).await;
    }
    // A reservation made before shutdown is waited for; nothing new is taken.
    let permit = running.sender.try_reserve().expect("there is room");
    let sender = running.sender.clone();
    let last = recorder.record(credentials[0], "m", 10, 10);
    let refused = recorder.record(credentials[0], "m", 10, 10);
    let stopping = tokio::spawn(running.stop());
    while !sender.is_closed() {
        tokio::task::yield_now().await;
    }
    assert!(sender.try_reserve().is_none());
    let error = sender.send(refused.clone()).await.unwrap_err();
    assert_eq!(*error.0, refused, "the record comes back");
    assert!(!stopping.is_finished());
    assert_eq!(permit.send(last), 3001);
    assert_eq!(stopping.await.unwrap().unwrap().records, 3001);
    assert_eq!(books.count("usage_records").await, 3001);
    let reached = books.text("select max(committed_position)::text from instances").await;
    assert_eq!(reached, "3001");
    assert_sound(&books).await;
}

#[tokio::test]
async fn a_shutdown_without_a_database_ends_in_time_and_says_what_is_lost() {
    let books = Books::at("postgres://nobody@127.0.0.1:1/none".to_owned(), None);
    let config = AnalyticsConfig { shutdown_timeout_ms: 200, ..AnalyticsConfig::default() };
    let running = books.run_with(config);
    let mut recorder = Recorder::new();
    for _ in 0..7 {
        running.send(recorder.record(Credential::None, "m", 10, 10)).await;
    }
    let registry = running.registry();
    let lost = running.stop().await.unwrap_err();
    assert!(matches!(lost, RunError::Lost { records: 7 }), "{lost:?}");
    assert_eq!(sample(&registry, "tollgate_analytics_unaccounted"), 7.0);
}

#[tokio::test]
async fn a_reservation_that_is_never_used_ends_the_wait_at_the_time_out_and_is_named() {
    let (books, credentials) = open(&[("ada", "1000")]).await;
    let running = books.run_with(AnalyticsConfig { shutdown_timeout_ms: 300, ..AnalyticsConfig::default() });
    let mut recorder = Recorder::new();
    running.send(recorder.record(credentials[0], "m", 10, 10)).await;
    books.wait_for_count("usage_records", 1).await;
    let permit = running.sender.try_reserve().expect("there is room");
    let registry = running.registry();
    let reserved = running.stop().await.unwrap_err();
    assert!(matches!(reserved, RunError::Reserved { reservations: 1 }), "{reserved:?}");
    assert_eq!(sample(&registry, "tollgate_analytics_unaccounted"), 0.0);
    // It comes after all: too late, and counted.
    permit.send(recorder.record(credentials[0], "m", 10, 10));
    assert_eq!(sample(&registry, "tollgate_analytics_unaccounted"), 1.0);
}

#[tokio::test]
async fn a_record_that_comes_after_a_batcher_that_was_dropped_is_counted_as_lost() {
    let books = Books::open().await;
    let (batcher, sender, registry) = books.batcher(AnalyticsConfig::default());
    let permit = sender.try_reserve().expect("there is room");
    let running = tokio::spawn(batcher.run(tokio_util::sync::CancellationToken::new()));
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    permit.send(Recorder::new().record(Credential::None, "m", 10, 10));
    assert_eq!(sample(&registry, "tollgate_analytics_unaccounted"), 1.0);
}

#[tokio::test]
async fn a_postgresql_that_is_killed_again_and_again_charges_each_record_once() {
    let server = TestPostgres::private().await;
    let books = Books::at(server.url(), None);
    books.store.migrate().await.unwrap();
    let credentials = fill(&books, &[("ada", "1000"), ("bob", "1000")]).await;
    let config = AnalyticsConfig { batch_size: 50, flushers: 2, ..AnalyticsConfig::default() };
    let running = books.run_with(config);
    let mut recorder = Recorder::new();
    let mut killed = Vec::new();
    for number in 0..3000_usize {
        running.send(recorder.record(credentials[number % 2], "m", 10, 10)).await;
        if number % 1000 == 500 {
            // In the middle of the flushes, whichever statement they are at, COMMIT included.
            books.wait_for_more_than("usage_records", i64::try_from(number).unwrap() / 2).await;
            let pid = server.pid().to_string();
            assert!(std::process::Command::new("kill").args(["-9", &pid]).status().unwrap().success());
            killed.push(pid);
        }
    }
    books.wait_for_count("usage_records", 3000).await;
    running.stop().await.unwrap();
    killed.dedup();
    assert_eq!(killed.len(), 3, "each time another server was killed");
    assert_eq!(books.balance("ada").await.to_string(), "955");
    assert_eq!(books.balance("bob").await.to_string(), "955");
    assert_sound(&books).await;
}

#[tokio::test]
async fn records_wait_out_a_stopped_postgresql_and_none_is_lost() {
    let mut server = TestPostgres::private().await;
    let books = Books::at(server.url(), None);
    books.store.migrate().await.unwrap();
    let credentials = fill(&books, &[("ada", "1000")]).await;
    let running = books.run();
    let mut recorder = Recorder::new();
    running.send(recorder.record(credentials[0], "m", 10, 10)).await;
    books.wait_for_count("usage_records", 1).await;
    server.stop().await;
    for _ in 0..500 {
        running.send(recorder.record(credentials[0], "m", 10, 10)).await;
    }
    let retries = "tollgate_analytics_batch_retries_total{outcome=\"retry\"}";
    while running.metric(retries) < 2.0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    server.start_again().await;
    books.wait_for_count("usage_records", 501).await;
    assert!(running.metric("tollgate_analytics_batch_retries_total{outcome=\"success\"}") >= 1.0);
    running.stop().await.unwrap();
    assert_eq!(books.balance("ada").await.to_string(), "984.97");
    assert_sound(&books).await;
}

#[tokio::test]
async fn a_sender_waits_while_the_channel_is_full_and_a_reservation_is_refused() {
    let (books, credentials) = open(&[("ada", "1000")]).await;
    let config = AnalyticsConfig { channel_capacity: 2, ..AnalyticsConfig::default() };
    let (batcher, sender, registry) = books.batcher(config);
    let mut recorder = Recorder::new();
    let held = sender.try_reserve().expect("there is room");
    sender.send(recorder.record(credentials[0], "m", 10, 10)).await.unwrap();
    assert!(sender.try_reserve().is_none());
    assert_eq!(sender.queued(), 2);
    let waiting = tokio::spawn({
        let (sender, record) = (sender.clone(), recorder.record(credentials[0], "m", 10, 10));
        async move { sender.send(record).await }
    });
    drop(held);
    assert_eq!(waiting.await.unwrap(), Ok(2), "a reservation given back takes no position");
    let running = crate::books::Running::start(batcher, sender, registry);
    assert_eq!(running.stop().await.unwrap().records, 2);
}

#[tokio::test]
async fn old_records_lie_in_the_default_partition_and_todays_in_a_partition_of_their_own() {
    let (books, credentials) = open(&[("ada", "1000")]).await;
    let running = books.run();
    let mut recorder = Recorder::new();
    running.send(recorder.record(credentials[0], "m", 10, 10)).await;
    let mut old = recorder.record(credentials[0], "m", 10, 10);
    old.timestamp = "2023-11-16T18:30:00Z".parse().unwrap();
    running.send(old).await;
    running.stop().await.unwrap();
    assert_eq!(books.count("usage_records_2026_11_24").await, 1);
    assert_eq!(books.count("usage_records_default").await, 1);
    assert_sound(&books).await;
}

#[tokio::test]
async fn metrics_have_the_names_and_edges_that_dashboards_expect() {
    let (books, credentials) = open(&[("ada", "1000")]).await;
    let running = books.run();
    let mut recorder = Recorder::new();
    running.send(recorder.record(credentials[0], "m", 1000, 11)).await;
    let mut failed = recorder.record(credentials[0], "m", 5, 0);
    failed.status_code = 500;
    running.send(failed).await;
    running.send(recorder.record(credentials[0], "what the client made up", 5, 5)).await;
    books.wait_for_count("usage_records", 3).await;
    let registry = running.registry();
    running.stop().await.unwrap();
    let text = crate::books::metrics_text(&registry);
    assert!(!text.contains("made up"), "{text}");
    let labels = "gen_ai_operation_name=\"chat\",gen_ai_provider_name=\"acme\",gen_ai_request_model=\"m\"";
    for (name, value) in [
        ("tollgate_analytics_batched_records_total".to_owned(), 3.0),
        ("tollgate_credits_deducted_total".to_owned(), 1.027),
        ("tollgate_analytics_lag_seconds_count".to_owned(), 3.0),
        (
            format!("gen_ai_client_token_usage_bucket{{le=\"256.0\",{labels},gen_ai_token_type=\"input\"}}"),
            1.0,
        ),
        (
            format!("gen_ai_client_token_usage_bucket{{le=\"1024.0\",{labels},gen_ai_token_type=\"input\"}}"),
            2.0,
        ),
        (
            format!("gen_ai_server_request_duration_seconds_bucket{{le=\"0.64\",{labels},error_type=\"\"}}"),
            0.0,
        ),
        (
            format!("gen_ai_server_request_duration_seconds_bucket{{le=\"1.28\",{labels},error_type=\"\"}}"),
            1.0,
        ),
        (format!("gen_ai_server_request_duration_seconds_count{{{labels},error_type=\"500\"}}"), 1.0),
        (format!("gen_ai_server_time_to_first_token_seconds_bucket{{le=\"0.25\",{labels}}}"), 1.0),
        // A second for ten tokens after the first.
        (format!("gen_ai_server_time_per_output_token_seconds_bucket{{le=\"0.075\",{labels}}}"), 0.0),
        (format!("gen_ai_server_time_per_output_token_seconds_bucket{{le=\"0.1\",{labels}}}"), 1.0),
    ] {
        let found = sample(&registry, &name);
        assert!((found - value).abs() < 1e-9, "{name} is {found}, not {value}");
    }
}
