//! A real service's hour of traffic, through HTTP, under a clock that follows the trace, with prices that change on the way.
//!
//! The oracle shares nothing with the product but the trace: it works in integers of 10⁻¹² credit, and chooses prices by the
//! clock alone.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, client::legacy::connect::HttpConnector, rt::TokioExecutor};
use jiff::Timestamp;
use serde_json::json;
use tollgate_domain::ManualClock;
use tollgate_metering::journal::DurabilitySetting;
use tollgate_server::App;
use tollgate_testkit::{
    ScriptedUpstream, shared_dir,
    trace::{TraceRequest, read_trace},
};

use crate::harness::{Place, eventually, sql};

/// From when on, and at how many pico-credits per input and output token.
const PRICES: [(&str, i128, i128); 3] = [
    ("2023-11-16T18:00:00Z", 2_500_000, 10_000_000),
    ("2023-11-16T18:30:00Z", 1_234_567, 7_654_321),
    ("2023-11-16T19:00:00Z", 3, 999_999_999_999),
];
const CUSTOMERS: usize = 3;
const CREDITS: i128 = 9_000_000;
const PICO: i128 = 1_000_000_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_of_real_traffic_is_charged_to_the_last_digit_across_two_price_changes() {
    let Some(shared) = shared_dir() else {
        eprintln!("skipped: the trace is not on this machine");
        return;
    };
    let trace = with_boundaries(read_trace(&shared));
    let upstream = ScriptedUpstream::start().await;
    let place = Place::with_database().await;
    place.cli(&format!("endpoint create up {}", upstream.base_url())).await;
    place.cli("model create m --endpoint up").await;
    for (from, input, output) in PRICES {
        let line = format!(
            "tariff set m --valid-from {from} --input-price {} --output-price {}",
            decimal(input),
            decimal(output)
        );
        place.cli(&line).await;
    }
    let mut keys = Vec::new();
    for customer in 0..CUSTOMERS {
        place.cli(&format!("user create customer-{customer} --credits {CREDITS}")).await;
        let key = place.cli(&format!("key create --user customer-{customer} --trusted")).await;
        keys.push(key["secret"].as_str().unwrap().to_owned());
    }
    let clock = Arc::new(ManualClock::new(trace[0].at));
    let mut config = place.config();
    // One request after the other, as the clock follows them: thousands of fsyncs would show nothing about prices.
    config.spool.durability = DurabilitySetting::Os;
    let app = App::start(config, clock.clone()).await.unwrap();

    let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let mut amounts = HashMap::new();
    let mut balances = [CREDITS * PICO; CUSTOMERS];
    for (index, line) in trace.iter().enumerate() {
        clock.set(line.at);
        let customer = index % CUSTOMERS;
        let body = json!({
            "model": "m",
            "stream": index % 2 == 0,
            "messages": [{ "role": "user", "content": "Say hello." }]
        });
        let request = Request::post(format!("http://{}/v1/chat/completions", app.address()))
            .header("authorization", format!("Bearer {}", keys[customer]))
            .header("content-type", "application/json")
            .header("x-tollgate-custom-id", index.to_string())
            .header("x-script", format!("prompt={} completion={}", line.prompt, line.completion))
            .body(Full::from(body.to_string()))
            .unwrap();
        let response = client.request(request).await.unwrap();
        let status = response.status();
        let text = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(status, StatusCode::OK, "request {index}: {text:?}");
        let amount = oracle(line);
        balances[customer] -= amount;
        amounts.insert(index.to_string(), amount);
    }

    let sql = sql(place.database_url()).await;
    eventually("every request is in the books", async || {
        let row = sql.query_one("select count(*) from http_analytics", &[]).await.unwrap();
        row.get::<_, i64>(0) == i64::try_from(trace.len()).unwrap()
    })
    .await;
    let rows = sql
        .query(
            "select custom_id, total_cost::text, \"timestamp\"::timestamptz, state from http_analytics",
            &[],
        )
        .await
        .unwrap();
    for row in rows {
        let custom_id: String = row.get(0);
        let expected = decimal(amounts.remove(&custom_id).unwrap());
        assert_eq!(row.get::<_, String>(1), expected, "the amount of request {custom_id}");
        let at: Timestamp = row.get(2);
        assert_eq!(at, trace[custom_id.parse::<usize>().unwrap()].at, "the time of request {custom_id}");
    }
    assert!(amounts.is_empty(), "requests without a row: {:?}", amounts.keys());
    for (customer, expected) in balances.into_iter().enumerate() {
        let query = "select balance::text from user_balances join users on id = user_id where name = $1";
        let row = sql.query_one(query, &[&format!("customer-{customer}")]).await.unwrap();
        assert_eq!(row.get::<_, String>(0), decimal(expected), "the balance of customer {customer}");
    }
    assert_eq!(place.cli("audit").await["ok"], json!(true));
    app.stop().await.unwrap();
}

/// The trace, and one request on each instant at which a price changes.
fn with_boundaries(mut trace: Vec<TraceRequest>) -> Vec<TraceRequest> {
    let all = trace.len();
    for (from, ..) in &PRICES[1..] {
        trace.push(TraceRequest { at: from.parse().unwrap(), prompt: 1_000, completion: 500 });
    }
    trace.sort_by_key(|line| line.at);
    assert_eq!(trace.len(), all + 2);
    trace
}

fn oracle(line: &TraceRequest) -> i128 {
    let (_, input, output) =
        PRICES.iter().rev().find(|(from, ..)| from.parse::<Timestamp>().unwrap() <= line.at).unwrap();
    i128::from(line.prompt) * input + i128::from(line.completion) * output
}

/// As PostgreSQL prints `numeric(28,12)`.
fn decimal(pico: i128) -> String {
    let sign = if pico < 0 { "-" } else { "" };
    let pico = pico.abs();
    format!("{sign}{}.{:012}", pico / PICO, pico % PICO)
}
