//! Limits and spend caps, set by the operator while gateways serve.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use tollgate_domain::{Clock, Credits, ManualClock, end_of_day, utc_day};
use tollgate_server::{App, SystemClock};
use tollgate_testkit::ScriptedUpstream;

use crate::harness::{Place, Reply, chat, eventually, metric, sql};

/// What one costs: 1,000 × 0.00001 + 500 × 0.00003.
const COSTS_0_025: &str = "prompt=1000 completion=500";

async fn status(address: SocketAddr, key: &str) -> StatusCode {
    chat(address, key, COSTS_0_025, false).await.status
}

fn code(reply: &Reply) -> Value {
    serde_json::from_str::<Value>(&reply.text).unwrap()["error"]["code"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_set_shown_and_cleared_and_reach_a_gateway_that_serves() {
    let upstream = ScriptedUpstream::start().await;
    let place = Place::with_database().await;
    let app = place.serve().await;
    let began = utc_day(SystemClock.now());
    let key = place.set_up("ada", "100", &upstream.base_url()).await;
    eventually("it serves", async || status(app.address(), &key).await == StatusCode::OK).await;

    let set = place.cli(&format!("limit set --key {} --requests-per-minute 1", &key[..10])).await;
    assert_eq!((&set["of"], &set["requests_per_minute"]), (&json!("key"), &json!(1)));
    place.cli("limit set --user ada --tokens-per-minute 1000000 --concurrent-requests 7").await;
    place.cli("limit set --model gpt-test --requests-per-minute 1000").await;
    let mut last = None;
    eventually("it is limited", async || {
        let reply = chat(app.address(), &key, COSTS_0_025, false).await;
        // It may hear of the one limit before it hears of the others.
        let is_limited = reply.status == StatusCode::TOO_MANY_REQUESTS
            && reply.headers.contains_key("x-ratelimit-limit-tokens");
        last = Some(reply);
        is_limited
    })
    .await;
    let reply = last.unwrap();
    assert_eq!(code(&reply), json!("rate_limit_exceeded"));
    assert_eq!(reply.headers["x-ratelimit-limit-requests"], "1");
    assert_eq!(reply.headers["x-ratelimit-limit-tokens"], "1000000");
    assert!(reply.headers.contains_key("retry-after"));

    let changed = place.cli("limit set --user ada --daily-cap 2.5").await;
    assert_eq!((&changed["concurrent_requests"], &changed["daily_cap"]), (&json!(7), &json!("2.5")));
    let shown = place.cli("limit show").await;
    let of: Vec<&Value> = shown.as_array().unwrap().iter().map(|limited| &limited["of"]).collect();
    assert_eq!(of, [&json!("key"), &json!("user"), &json!("model")]);
    let table = String::from_utf8(place.output("limit show --user ada").await.stdout).unwrap();
    assert!(table.contains("1000000") && table.contains(" of 2.5"), "{table}");
    let served = upstream.books().len();
    let spent = Credits::from_pico(i128::try_from(served).unwrap() * 25_000_000_000).unwrap();
    eventually("what was spent is shown", async || {
        // Where midnight has come meanwhile, the day began anew.
        let shown = place.cli("limit show --user ada").await;
        let shown = shown["spent"]["daily"].as_str().unwrap().parse::<Credits>().unwrap();
        shown == spent || utc_day(SystemClock.now()) != began
    })
    .await;
    let refused = place.cli_fails("limit set --model gpt-test --daily-cap 1").await;
    assert!(refused.contains("on a key or a user"), "{refused}");
    let refused = place.cli_fails("limit set --user nobody --daily-cap 1").await;
    assert!(refused.contains("does not exist"), "{refused}");

    place.cli("limit clear --user ada --tokens-per-minute --daily-cap").await;
    let left = place.cli("limit show --user ada").await;
    assert_eq!((&left["tokens_per_minute"], &left["concurrent_requests"]), (&Value::Null, &json!(7)));
    place.cli(&format!("limit clear --key {}", &key[..10])).await;
    eventually("it is limited no more", async || status(app.address(), &key).await == StatusCode::OK).await;
    assert_eq!(place.cli("limit show").await.as_array().unwrap().len(), 2);
    app.stop().await.unwrap();
    assert_eq!(place.cli("audit").await["ok"], json!(true));
}

/// Tariffs that are set now are in force then.
fn ten_seconds_before_a_midnight() -> (Timestamp, Timestamp) {
    let tomorrow = SystemClock.now() + Duration::from_hours(24);
    let midnight = end_of_day(utc_day(tomorrow));
    (midnight - Duration::from_secs(10), midnight)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cap_rolls_over_at_midnight_and_a_clock_set_back_finds_what_was_spent() {
    let upstream = ScriptedUpstream::start().await;
    let place = Place::with_database().await;
    let (before, midnight) = ten_seconds_before_a_midnight();
    let clock = Arc::new(ManualClock::new(before));
    let app = App::start(place.config(), Arc::clone(&clock) as Arc<dyn Clock>).await.unwrap();
    place.set_up("ada", "100", &upstream.base_url()).await;
    place.cli("limit set --user ada --daily-cap 0.05").await;
    // Whoever knows this key knows the cap.
    let key = place.new_key("ada").await;
    let ask = async || chat(app.address(), &key, COSTS_0_025, false).await;
    let mut served = 0;
    let spend_all = async |served: &mut u64, seconds: &str| {
        let mut last = None;
        eventually("the cap is reached", async || {
            let reply = ask().await;
            *served += u64::from(reply.status == StatusCode::OK);
            let is_reached = reply.status == StatusCode::PAYMENT_REQUIRED;
            last = Some(reply);
            is_reached
        })
        .await;
        let reply = last.unwrap();
        assert_eq!(code(&reply), json!("spend_cap_reached"), "{}", reply.text);
        assert_eq!(reply.headers["retry-after"], seconds, "{}", reply.text);
    };
    spend_all(&mut served, "10").await;
    assert_eq!(served, 2, "own requests count at once");
    eventually("they are in the books", async || place.cli("balance ada").await["balance"] == json!("99.95"))
        .await;
    spend_all(&mut served, "10").await;
    assert_eq!(served, 2, "and no more when they are in the books");

    clock.set(midnight);
    spend_all(&mut served, "86400").await;
    assert_eq!(served, 4, "the day is another one");
    clock.set(midnight - Duration::from_secs(5));
    spend_all(&mut served, "5").await;
    assert_eq!(served, 4, "the day is the one before, of which all was spent");

    // A cap that is raised while requests run, and one that is on the key.
    place.cli("limit set --user ada --daily-cap 100").await;
    eventually("it opens", async || ask().await.status == StatusCode::OK).await;
    place.cli(&format!("limit set --key {} --monthly-cap 0.01", &key[..10])).await;
    eventually("what it had spent before counts", async || {
        let reply = ask().await;
        reply.status == StatusCode::PAYMENT_REQUIRED
            && reply.text.contains("this key may spend 0.01 credits a month")
    })
    .await;
    assert!(
        metric(app.address(), r#"tollgate_gateway_limited_requests_total{limit="daily_cap",of="user"}"#)
            .await
            >= 4
    );
    assert!(
        metric(app.address(), r#"tollgate_gateway_limited_requests_total{limit="monthly_cap",of="key"}"#)
            .await
            >= 1
    );
    // What costs nothing passes.
    place.cli("tariff set gpt-test --input-price 0 --output-price 0").await;
    clock.set(midnight + Duration::from_secs(30));
    eventually("it is free", async || ask().await.status == StatusCode::OK).await;
    app.stop().await.unwrap();
    assert_eq!(place.cli("audit").await["ok"], json!(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_gateway_spends_another_counts_and_a_new_one_knows() {
    let upstream = ScriptedUpstream::start().await;
    let here = Place::with_database().await;
    let there = Place::beside(&here);
    let (first, second) = (here.serve().await, there.serve().await);
    here.set_up("ada", "100", &upstream.base_url()).await;
    here.cli("limit set --user ada --weekly-cap 0.05").await;
    let key = here.new_key("ada").await;
    for app in [&first, &second] {
        eventually("the key is known", async || {
            chat(app.address(), &key, "prompt=1 completion=0", false).await.status == StatusCode::OK
        })
        .await;
    }
    eventually("the first has spent it", async || {
        status(first.address(), &key).await == StatusCode::PAYMENT_REQUIRED
    })
    .await;
    let is_refused = async |address| {
        let reply = chat(address, &key, "prompt=1 completion=0", false).await;
        reply.status == StatusCode::PAYMENT_REQUIRED && code(&reply) == json!("spend_cap_reached")
    };
    let took = eventually("the second refuses", async || is_refused(second.address()).await).await;
    eprintln!("what one gateway spent was counted by the other after {took:?}");
    second.stop().await.unwrap();
    let second = there.serve().await;
    assert!(is_refused(second.address()).await, "from its first request on");
    first.stop().await.unwrap();
    second.stop().await.unwrap();
    assert_eq!(here.cli("audit").await["ok"], json!(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_do_not_wait_for_the_reading_of_what_was_spent() {
    let upstream = ScriptedUpstream::start().await;
    let place = Place::with_database().await;
    let app = place.serve().await;
    let first = place.set_up("ada", "100", &upstream.base_url()).await;
    place.cli("limit set --user ada --daily-cap 50").await;
    eventually("it serves", async || status(app.address(), &first).await == StatusCode::OK).await;
    // However much there is to read: here it never ends, and neither do flushes.
    let database = sql(place.database_url()).await;
    database.batch_execute("begin; lock table usage_rollups in access exclusive mode").await.unwrap();
    let second = place.new_key("ada").await;
    eventually("a new key is known", async || status(app.address(), &second).await == StatusCode::OK).await;
    database.batch_execute("rollback").await.unwrap();
    app.stop().await.unwrap();
    assert_eq!(place.cli("audit").await["ok"], json!(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_sdks_raise_their_own_exception_and_wait_as_they_are_told() {
    let Some(home) = crate::sdks::sdk_home("python") else { return };
    let upstream = ScriptedUpstream::start().await;
    let place = Place::with_database().await;
    place.set_up("ada", "1000", &upstream.base_url()).await;
    let mut keys = Vec::new();
    for _ in 0..2 {
        let key = place.new_key("ada").await;
        place.cli(&format!("limit set --key {} --requests-per-minute 20", &key[..10])).await;
        keys.push(key);
    }
    let app = place.serve().await;
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk/retry.py");
    let output = tokio::process::Command::new(home.join("bin/python"))
        .arg(script)
        .env("TOLLGATE_URL", format!("http://{}", app.address()))
        .env("TOLLGATE_OPENAI_KEY", &keys[0])
        .env("TOLLGATE_ANTHROPIC_KEY", &keys[1])
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    let said: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(said.len(), 2, "{stdout}");
    assert_eq!(said[0]["headers"]["x-ratelimit-limit-requests"], json!("20"), "{stdout}");
    assert_eq!(said[1]["headers"]["anthropic-ratelimit-requests-limit"], json!("20"), "{stdout}");
    for line in &said {
        let seconds: u64 = line["headers"]["retry-after"].as_str().unwrap().parse().unwrap();
        assert!((1..=3).contains(&seconds) && line["answered"].is_string(), "{line}");
    }
    app.stop().await.unwrap();
}
