//! One request's whole way: created by the command line, sent by HTTP, charged in the books, refused when dry.

use std::sync::Arc;

use http::StatusCode;
use serde_json::json;
use tollgate_domain::ManualClock;
use tollgate_server::App;
use tollgate_testkit::ScriptedUpstream;

use crate::harness::{Place, chat, eventually, get, get_with_key, sql};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_charged_to_the_last_digit_and_a_dry_account_is_refused_until_a_grant() {
    let upstream = ScriptedUpstream::start().await;
    let place = Place::with_database().await;
    let app = place.serve().await;
    let key = place.set_up("ada", "0.03", &upstream.base_url()).await;

    eventually("the new key is known", async || {
        get_with_key(app.address(), "/v1/models", &key).await.text.contains("gpt-test")
    })
    .await;
    for stream in [false, true] {
        let reply = chat(app.address(), &key, "prompt=1000 completion=500", stream).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
        assert!(reply.headers.contains_key("x-request-id"));
    }
    eventually("both requests are in the books", async || {
        place.cli("balance ada").await["balance"] == json!("-0.02")
    })
    .await;

    // 1,000 × 0.00001 + 500 × 0.00003 = 0.025, twice, from 0.03.
    let refused = chat(app.address(), &key, "prompt=1", false).await;
    assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED, "{}", refused.text);
    assert!(refused.text.contains("-0.02"), "says the balance: {}", refused.text);

    let granted = place.cli("credit grant ada 1 --source-id invoice-1").await;
    assert_eq!(granted["balance"], json!("0.98"));
    let waited = eventually("the grant is in force", async || {
        chat(app.address(), &key, "prompt=1 completion=1", false).await.status == StatusCode::OK
    })
    .await;
    assert!(waited.as_millis() < 1_000, "a grant is in force within a second, not {waited:?}");

    let again = place.cli("credit grant ada 1 --source-id invoice-1").await;
    assert_eq!(again["already"], json!(true), "the same source is entered once: {again}");

    let client = sql(place.database_url()).await;
    eventually("the last request is in the books", async || {
        place.cli("balance ada").await["balance"] == json!("0.97996")
    })
    .await;
    let rows = client
        .query(
            "select state, total_cost::text, prompt_tokens, completion_tokens, model, usage_source from http_analytics
             where total_cost > 0 order by timestamp",
            &[],
        )
        .await
        .unwrap();
    let rows: Vec<(String, String, i32, i32, String, String)> = rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4), row.get(5)))
        .collect();
    let charged = |amount: &str, prompt, completion| {
        (
            "charged".to_owned(),
            amount.to_owned(),
            prompt,
            completion,
            "gpt-test".to_owned(),
            "provider".to_owned(),
        )
    };
    assert_eq!(
        rows,
        [
            charged("0.025000000000", 1000, 500),
            charged("0.025000000000", 1000, 500),
            charged("0.000040000000", 1, 1)
        ]
    );

    let usage = place.cli("usage --user ada --group-by model").await;
    assert_eq!(usage[0]["amount"], json!("0.05004"), "{usage}");
    let ledger = place.cli("ledger ada").await;
    assert_eq!(ledger.as_array().unwrap().len(), 5, "two grants and three charges: {ledger}");
    assert_eq!(place.cli("audit").await["ok"], json!(true));
    assert_eq!(get(app.address(), "/readyz").await.status, StatusCode::OK);
    app.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_a_price_is_kept_unrated_and_charged_when_a_price_for_its_time_arrives() {
    let upstream = ScriptedUpstream::start().await;
    let place = Place::with_database().await;
    let app = place.serve().await;
    place.cli("user create ada --credits 1").await;
    place.cli(&format!("endpoint create up {}", upstream.base_url())).await;
    place.cli("model create gpt-test --endpoint up").await;
    let key = place.new_key("ada").await;
    eventually("the request is admitted", async || {
        chat(app.address(), &key, "prompt=1000 completion=500", false).await.status == StatusCode::OK
    })
    .await;
    let client = sql(place.database_url()).await;
    eventually("the record is unrated", async || {
        let row =
            client.query_one("select count(*) from usage_records where state = 'u'", &[]).await.unwrap();
        row.get::<_, i64>(0) == 1
    })
    .await;
    assert_eq!(place.cli("balance ada").await["balance"], json!("1"));

    let set =
        place.cli("tariff set gpt-test --input-price 0.00001 --output-price 0.00003 --valid-from 1h").await;
    assert_eq!(place.cli("balance ada").await["balance"], json!("0.975"), "{set}");
    assert_eq!(place.cli("audit").await["ok"], json!(true));
    app.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn records_and_prices_follow_the_clock_that_was_passed_in() {
    let upstream = ScriptedUpstream::start().await;
    let place = Place::with_database().await;
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    let clock = Arc::new(ManualClock::new(at("2020-05-01T18:29:59.999999Z")));
    let app = App::start(place.config(), Arc::<ManualClock>::clone(&clock)).await.unwrap();
    place.cli("user create ada --credits 1").await;
    place.cli(&format!("endpoint create up {}", upstream.base_url())).await;
    place.cli("model create gpt-test --endpoint up").await;
    let set = "tariff set gpt-test --output-price 0 --valid-from";
    place.cli(&format!("{set} 2020-05-01T18:30:00Z --input-price 0.2")).await;
    place.cli(&format!("{set} 2020-05-01T00:00:00Z --input-price 0.1")).await;
    let key = place.new_key("ada").await;
    eventually("the first request is served", async || {
        chat(app.address(), &key, "prompt=1 completion=1", false).await.status == StatusCode::OK
    })
    .await;
    clock.set(at("2020-05-01T18:30:00Z"));
    assert_eq!(chat(app.address(), &key, "prompt=1 completion=1", false).await.status, StatusCode::OK);
    app.stop().await.unwrap();

    let client = sql(place.database_url()).await;
    let rows = client
        .query("select \"timestamp\", total_cost::text from http_analytics order by correlation_id", &[])
        .await
        .unwrap();
    let rows: Vec<(jiff::Timestamp, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(
        rows,
        [
            (at("2020-05-01T18:29:59.999999Z"), "0.100000000000".to_owned()),
            (at("2020-05-01T18:30:00Z"), "0.200000000000".to_owned())
        ]
    );
}
