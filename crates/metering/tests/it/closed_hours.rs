//! Sums of closed hours are the sums of their records, whatever comes late, and whoever closes hours meanwhile.

use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tollgate_domain::{ApiKeyPurpose, Clock, Credential, RawAnalyticsRecord};
use tollgate_metering::audit::Rule;
use tollgate_metering::{AnalyticsConfig, audit, unrated};
use tollgate_store::closed_hours;

use crate::books::{Books, Recorder, price, start};

/// Users with a key each, the second one's for batches, a model with a price and one without.
async fn open() -> (Books, Vec<Credential>) {
    let books = Books::open().await;
    books.model("m").await;
    books.model("unpriced").await;
    books.tariff("m", price("0.001", "0.002")).await;
    let mut credentials = vec![Credential::None];
    for (user, purpose) in [("ada", ApiKeyPurpose::Realtime), ("bob", ApiKeyPurpose::Batch)] {
        books.user(user, "100000").await;
        credentials.push(Credential::Key(books.key(user, purpose).await));
    }
    (books, credentials)
}

/// Of the three days before the present, with some in its own hour.
fn random_record(
    random: &mut StdRng,
    recorder: &mut Recorder,
    credentials: &[Credential],
) -> RawAnalyticsRecord {
    let credential = credentials[random.random_range(0..credentials.len())];
    let model = if random.random_bool(0.3) { "unpriced" } else { "m" };
    let mut record =
        recorder.record(credential, model, random.random_range(0..2_000), random.random_range(0..500));
    let back = match random.random_range(0..3) {
        0 => 0,
        1 => random.random_range(0..3 * 24) * 3_600_000_000,
        _ => random.random_range(0..3 * 86_400_000_000_i64) + 1,
    };
    record.timestamp = start().checked_sub(SignedDuration::from_micros(back)).unwrap();
    record
}

/// That the audit finds nothing, and that each day says what its records say.
async fn assert_sound(books: &Books) {
    let report = audit::audit(&books.store, &books.keys()).await.unwrap();
    assert!(report.ok(), "{report:#?}");
    for (grain, unit, owner, only) in [
        (4, "day", "coalesce", "true"),
        (5, "hour", "0 * coalesce", "key_no in (select no from api_keys where purpose = 'batch')"),
        (6, "day", "0 * coalesce", "key_no in (select no from api_keys where purpose = 'batch')"),
    ] {
        let sums = format!(
            "select starts_at, user_no, key_no, model_no, requests, unrated_requests, prompt_tokens, amount_pico
             from usage_sums where grain = {grain} and requests <> 0"
        );
        let records = format!(
            "select date_trunc('{unit}', requested_at, 'UTC'), {owner}(user_no, 0), {owner}(key_no, 0), coalesce(model_no, 0),
                    count(*), count(*) filter (where state = 'u'), coalesce(sum(prompt_tokens), 0), sum(amount_pico)
             from usage_records
             where date_trunc('hour', requested_at, 'UTC') < (select closed_until from usage_closing) and {only}
             group by 1, 2, 3, 4"
        );
        for (of, other) in [(&sums, &records), (&records, &sums)] {
            assert_eq!(books.count(&format!("({of} except all {other}) d")).await, 0, "{grain}");
        }
    }
}

/// Closes hours; `None`: it could not be done at this time, because a lock was held for long.
async fn close(books: &Books, now: Timestamp) -> Option<Timestamp> {
    let closed = closed_hours::close(&books.store, now).await.unwrap();
    closed.map(tollgate_store::utc::UtcMicros::timestamp)
}

fn hours_ago(hours: i64) -> Timestamp {
    start().checked_sub(SignedDuration::from_hours(hours)).unwrap()
}

#[tokio::test]
async fn late_records_and_late_prices_reach_the_sums_of_closed_hours() {
    let (books, credentials) = open().await;
    let mut random = StdRng::seed_from_u64(20_261_125);
    let mut recorder = Recorder::new();
    assert_eq!(close(&books, hours_ago(60)).await, Some(hours_ago(61)), "there was nothing to add up");
    for closes_at in [50, 30, 29, 7, 0, -5] {
        let running = books.run();
        for _ in 0..150 {
            running.send(random_record(&mut random, &mut recorder, &credentials)).await;
        }
        running.stop().await.unwrap();
        assert_sound(&books).await;
        // A quarter past the hour it is closed, and not before.
        let now = hours_ago(closes_at).checked_add(SignedDuration::from_mins(15)).unwrap();
        let before = now.checked_sub(SignedDuration::from_nanos(1)).unwrap();
        assert!(close(&books, before).await < Some(hours_ago(closes_at)));
        assert_eq!(close(&books, now).await, Some(hours_ago(closes_at)));
        assert_sound(&books).await;
    }
    assert!(books.count("usage_sums where unrated_requests > 0").await > 20);
    books.tariff("unpriced", price("0.01", "0.02")).await;
    let rated = unrated::rate_unrated(&books.store, &books.keys()).await.unwrap().rated;
    assert!(rated > 100, "{rated}");
    assert_eq!(books.count("usage_sums where unrated_requests > 0").await, 0);
    assert_sound(&books).await;
    assert_eq!(close(&books, hours_ago(40)).await, Some(hours_ago(-5)), "what is closed stays closed");
    assert_sound(&books).await;
}

#[tokio::test]
async fn hours_that_are_closed_under_flushes_lose_nothing() {
    let (books, credentials) = open().await;
    let mut random = StdRng::seed_from_u64(7);
    let mut recorder = Recorder::new();
    // Small batches from two flushers, so that many transactions are under way while hours are closed by two servers.
    let config = AnalyticsConfig {
        batch_size: 20,
        flushers: 2,
        shutdown_timeout_ms: 600_000,
        ..AnalyticsConfig::default()
    };
    let running = books.run_with(config);
    let feeding = async {
        for _ in 0..1_200 {
            running.send(random_record(&mut random, &mut recorder, &credentials)).await;
        }
        running.stop().await.unwrap();
    };
    let closing = async {
        for steps in (0..24).rev() {
            close(&books, hours_ago(3 * steps)).await;
        }
    };
    tokio::join!(feeding, closing, async {
        for steps in (0..14).rev() {
            close(&books, hours_ago(5 * steps)).await;
        }
    });
    assert_eq!(close(&books, hours_ago(0)).await, Some(hours_ago(1)));
    assert_eq!(books.count("usage_records").await, 1_200);
    assert_sound(&books).await;
}

#[tokio::test]
async fn nothing_is_closed_before_it_may_be() {
    let (books, credentials) = open().await;
    let running = books.run();
    running.send(Recorder::new().record(credentials[2], "m", 10, 10)).await;
    running.stop().await.unwrap();
    books.execute("update usage_closing set may_close_from = clock_timestamp() + interval '1 hour'").await;
    assert_eq!(close(&books, books.clock.now()).await, None);
    assert_eq!(books.count("usage_sums").await, 0);
    books.execute("update usage_closing set may_close_from = clock_timestamp()").await;
    assert_eq!(close(&books, hours_ago(-2)).await, Some(hours_ago(-1)));
    assert_eq!(books.count("usage_sums").await, 6, "one of each grain");
}

#[tokio::test]
async fn a_sum_of_closed_hours_that_was_edited_is_found_in_every_grain() {
    let (books, credentials) = open().await;
    let running = books.run();
    running.send(Recorder::new().record(credentials[2], "m", 10, 10)).await;
    running.stop().await.unwrap();
    close(&books, hours_ago(-2)).await;
    assert_sound(&books).await;
    let bob = books.text("select id::text from users where name = 'bob'").await;
    for grain in 1..=6 {
        let change = |by: i32| {
            format!("update usage_sums set prompt_tokens = prompt_tokens + ({by}) where grain = {grain}")
        };
        books.execute(&change(1)).await;
        let report = audit::audit(&books.store, &books.keys()).await.unwrap();
        let [finding] = &report.findings[..] else { panic!("{report:#?}") };
        assert_eq!((finding.rule, finding.day.as_deref()), (Rule::SumIsRollups, Some("2026-11-24")));
        assert_eq!(finding.user.map(|user| user.to_string()), matches!(grain, 3 | 4).then(|| bob.clone()));
        assert!(finding.what.contains(",11,") && finding.what.contains(",10,"), "{}", finding.what);
        books.execute(&change(-1)).await;
    }
    books.execute("delete from usage_sums where grain = 3").await;
    let report = audit::audit(&books.store, &books.keys()).await.unwrap();
    assert_eq!(report.findings_in_all, 1, "{report:#?}");
    // To begin anew mends it.
    books.execute("select reopen_usage_hours()").await;
    assert_eq!(books.count("usage_sums").await, 0);
    assert_sound(&books).await;
    assert_eq!(close(&books, hours_ago(-2)).await, Some(hours_ago(-1)));
    assert_eq!(books.count("usage_sums").await, 6);
    assert_sound(&books).await;
}
