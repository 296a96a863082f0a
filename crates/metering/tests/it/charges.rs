//! What a record costs whom, to the last digit.

use tollgate_domain::{ApiKeyPurpose, Credential, UserId};
use tollgate_store::tariffs::WantedTariff;

use crate::books::{Books, Recorder, price};

#[tokio::test]
async fn a_thousand_and_five_hundred_tokens_take_exactly_their_price() {
    let books = Books::open().await;
    books.user("ada", "10").await;
    books.model("m").await;
    books.tariff("m", price("0.00001", "0.00003")).await;
    let key = books.key("ada", ApiKeyPurpose::Realtime).await;
    let running = books.run();
    running.send(Recorder::new().record(Credential::Key(key), "m", 1000, 500)).await;
    running.stop().await.unwrap();
    assert_eq!(books.balance("ada").await.to_string(), "9.975");
    assert_eq!(
        books
            .text("select trim_scale(total_cost) || ' ' || state || ' ' || access_source from http_analytics")
            .await,
        "0.025 charged api_key"
    );
    assert_eq!(
        books.text("select description from credits_transactions where transaction_type = 'usage'").await,
        "API usage: m (1000 input + 500 output tokens)"
    );
}

#[tokio::test]
async fn each_purpose_pays_its_own_price_and_a_batch_without_one_pays_realtime() {
    let books = Books::open().await;
    for user in ["batch", "realtime", "other"] {
        books.user(user, "1").await;
    }
    books.model("m").await;
    books.model("without").await;
    // 1,000 tokens cost 0.20, with a window of 24 hours 0.10; the other model has one price, 0.30.
    books.tariff("m", price("0.0001", "0.0001")).await;
    let batch = WantedTariff {
        purpose: ApiKeyPurpose::Batch,
        completion_window: Some("24h".to_owned()),
        ..price("0.00005", "0.00005")
    };
    books.tariff("m", batch).await;
    books.tariff("without", price("0.00015", "0.00015")).await;
    let running = books.run();
    let mut recorder = Recorder::new();
    let of = async |user, purpose| Credential::Key(books.key(user, purpose).await);
    let mut cheap = recorder.record(of("batch", ApiKeyPurpose::Batch).await, "m", 1000, 1000);
    cheap.batch.batch_completion_window = Some("24h".to_owned());
    let dear = recorder.record(of("realtime", ApiKeyPurpose::Realtime).await, "m", 1000, 1000);
    let mut fallen_back = recorder.record(of("other", ApiKeyPurpose::Batch).await, "without", 1000, 1000);
    fallen_back.batch.batch_completion_window = Some("24h".to_owned());
    for record in [cheap, dear, fallen_back] {
        running.send(record).await;
    }
    running.stop().await.unwrap();
    assert_eq!(books.balance("batch").await.to_string(), "0.9");
    assert_eq!(books.balance("realtime").await.to_string(), "0.8");
    assert_eq!(books.balance("other").await.to_string(), "0.7");
    assert_eq!(books.count("http_analytics where request_origin = 'batch'").await, 2);
}

#[tokio::test]
async fn without_a_tariff_the_balance_stays_and_there_is_no_entry() {
    let books = Books::open().await;
    books.user("ada", "10").await;
    books.model("m").await;
    let key = books.key("ada", ApiKeyPurpose::Realtime).await;
    let running = books.run();
    let mut recorder = Recorder::new();
    running.send(recorder.record(Credential::Key(key), "m", 1000, 500)).await;
    running.send(recorder.record(Credential::Key(key), "nobody has this", 1000, 500)).await;
    running.stop().await.unwrap();
    assert_eq!(books.balance("ada").await.to_string(), "10");
    assert_eq!(books.count("http_analytics where state = 'unrated'").await, 2);
    assert_eq!(books.count("credits_transactions where transaction_type = 'usage'").await, 0);
}

#[tokio::test]
async fn a_record_without_a_known_key_makes_a_row_and_no_entry() {
    let books = Books::open().await;
    books.model("m").await;
    books.tariff("m", price("0.00001", "0.00003")).await;
    let running = books.run();
    let mut recorder = Recorder::new();
    running.send(recorder.record(Credential::None, "m", 1000, 500)).await;
    let unknown = Credential::Digest(books.master.key_digest("tg-nobody"));
    running.send(recorder.record(unknown, "m", 1000, 500)).await;
    running.stop().await.unwrap();
    assert_eq!(
        books.text("select string_agg(access_source || ' ' || state, ', ' order by correlation_id) from http_analytics").await,
        "unauthenticated free, unknown_api_key free"
    );
    assert_eq!(books.count("credits_transactions").await, 0);
}

#[tokio::test]
async fn the_digest_of_a_live_key_charges_its_owner_and_that_of_a_revoked_one_nobody() {
    let books = Books::open().await;
    books.user("ada", "10").await;
    books.model("m").await;
    books.tariff("m", price("0.001", "0.001")).await;
    let (live, secret) = books.key_and_secret("ada", ApiKeyPurpose::Realtime).await;
    let (revoked, old_secret) = books.key_and_secret("ada", ApiKeyPurpose::Realtime).await;
    books.revoke(revoked).await;
    let running = books.run();
    let mut recorder = Recorder::new();
    running.send(recorder.record(Credential::Digest(books.master.key_digest(&secret)), "m", 1000, 0)).await;
    running
        .send(recorder.record(Credential::Digest(books.master.key_digest(&old_secret)), "m", 1000, 0))
        .await;
    // The owner of the key that a record was admitted with pays, also when it has been revoked since.
    running.send(recorder.record(Credential::Key(revoked), "m", 1000, 0)).await;
    running.stop().await.unwrap();
    assert_eq!(books.balance("ada").await.to_string(), "8");
    let by_key = books.count(&format!("http_analytics where api_key_id = '{live}'")).await;
    assert_eq!(by_key, 1);
    assert_eq!(books.count("http_analytics where access_source = 'unknown_api_key'").await, 1);
}

#[tokio::test]
async fn the_system_user_is_recorded_and_never_charged() {
    let books = Books::open().await;
    books.model("m").await;
    books.tariff("m", price("0.001", "0.001")).await;
    let key = books.key(&UserId::SYSTEM.to_string(), ApiKeyPurpose::Realtime).await;
    let running = books.run();
    running.send(Recorder::new().record(Credential::Key(key), "m", 1000, 0)).await;
    running.stop().await.unwrap();
    assert_eq!(books.count("http_analytics where state = 'free' and total_cost = 0").await, 1);
    assert_eq!(books.count("credits_transactions").await, 0);
    assert_eq!(books.balance("system").await.to_string(), "0");
}
