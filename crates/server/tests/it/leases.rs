//! Credits that gateways hold and lease: one balance at several gateways, a gateway that dies, a database that is away.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tollgate_server::{App, RunningApp, SystemClock};
use tollgate_testkit::{ScriptedUpstream, TestPostgres};

use crate::{
    harness::{Place, Reply, chat, eventually, get, sql},
    processes::{address, serve_with, signal},
};

/// The shortest life of a lease, in seconds.
const SHORT: u32 = 5;

async fn start(place: &Place, lifetime_s: u32) -> RunningApp {
    let mut config = place.config();
    config.leases.lifetime_s = lifetime_s;
    App::start(config, Arc::new(SystemClock)).await.unwrap()
}

/// A chat with a limit: at 0.00001 / 0.00003.
pub(crate) async fn limited(address: SocketAddr, key: &str, limit: u64, script: &str, stream: bool) -> Reply {
    let body = json!({
        "model": "gpt-test", "max_tokens": limit, "stream": stream,
        "messages": [{ "role": "user", "content": format!("[[script {script}]]") }]
    });
    let request = Request::post(format!("http://{address}/v1/chat/completions"))
        .header("authorization", format!("Bearer {key}"))
        .body(Full::new(Bytes::from(body.to_string())))
        .unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let (parts, body) = client.request(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(body.to_vec()).unwrap();
    Reply { status: parts.status, headers: parts.headers, text }
}

async fn until(address: SocketAddr, key: &str, expected: StatusCode) {
    eventually(&format!("{expected}"), async || {
        limited(address, key, 1, "prompt=1 completion=1", false).await.status == expected
    })
    .await;
}

async fn credits(place: &Place, column: &str) -> f64 {
    place.cli("balance ada").await[column].as_str().unwrap().parse().unwrap()
}

/// A gauge in credits.
async fn gauge(address: SocketAddr, name: &str) -> f64 {
    let text = get(address, "/metrics").await.text;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_balance_at_two_gateways_is_used_up_and_not_overdrawn() {
    let upstream = ScriptedUpstream::start().await;
    let here = Place::with_database().await;
    let there = Place::beside(&here);
    let (first, second) = (start(&here, 55).await, start(&there, 55).await);
    let key = here.set_up("ada", "0.2", &upstream.base_url()).await;
    for app in [&first, &second] {
        until(app.address(), &key, StatusCode::OK).await;
    }
    let addresses = [first.address(), second.address()];
    let mut clients = JoinSet::new();
    for client in 0..16_usize {
        let key = key.clone();
        clients.spawn(async move {
            // 10 × 0.00001 + 20 × 0.00003 at most 0.002 each, until there is less than that.
            for turn in 0.. {
                let address = addresses[(client + turn) % 2];
                let reply = limited(address, &key, 20, "prompt=10 completion=20", client % 3 == 0).await;
                // Of a database on a busy machine no answer may come in time.
                let asks_again = ["credits_held", "credits_unconfirmed"];
                match reply.status {
                    StatusCode::OK => {}
                    _ if asks_again.iter().any(|code| reply.text.contains(code)) => {}
                    StatusCode::PAYMENT_REQUIRED => return,
                    status => panic!("{status}: {}", reply.text),
                }
            }
        });
    }
    clients.join_all().await;
    for app in [first, second] {
        assert!(gauge(app.address(), "tollgate_holds").await < 0.5);
        app.stop().await.unwrap();
    }
    let left = credits(&here, "balance").await;
    // Of each request at most its body and its limit are held, which is 0.0023.
    assert!((0.0..0.003).contains(&left), "{left}");
    assert_eq!(here.cli("audit").await["ok"], json!(true));
    let sql = sql(here.database_url()).await;
    let leases: String = sql
        .query_one("select coalesce(string_agg(l::text, '; '), '') from credit_leases l", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(leases, "", "everything was given back");
    let fallen: i64 =
        sql.query_one("select count(*) from credit_overdrafts where fallen > 0", &[]).await.unwrap().get(0);
    assert_eq!(fallen, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_gateway_had_is_there_for_others_when_its_lease_has_run_out() {
    let upstream = ScriptedUpstream::start().await;
    let here = Place::with_database().await;
    let there = Place::beside(&here);
    let app = start(&here, SHORT).await;
    let key = here.set_up("ada", "0.1", &upstream.base_url()).await;
    until(app.address(), &key, StatusCode::OK).await;
    let settings = [("TOLLGATE_LEASES__LIFETIME_S", "5")];
    let (mut other, ready) = serve_with(&there, &settings).await;
    // It holds nearly everything for a stream that does not end.
    let (stuck, stuck_key) = (address(&ready), key.clone());
    let streaming = tokio::spawn(async move {
        // On a busy machine the first gateway may not have given its room back in time.
        let script = "prompt=10 completion=20 frames=8 stall=1";
        while limited(stuck, &stuck_key, 2500, script, true).await.status != StatusCode::OK {}
    });
    eventually("it is held, and the books know", async || credits(&here, "held").await > 0.07).await;
    let refused = limited(app.address(), &key, 2500, "prompt=10 completion=20", false).await;
    assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED, "{}", refused.text);
    assert!(refused.text.contains("credits_held"), "{}", refused.text);

    signal(&other, Signal::KILL);
    other.wait().await.unwrap();
    let killed = Instant::now();
    eventually("the money is back", async || {
        limited(app.address(), &key, 2500, "prompt=10 completion=20", false).await.status == StatusCode::OK
    })
    .await;
    eprintln!("back after {:?}, of {SHORT} s", killed.elapsed());
    streaming.abort();

    // A new life settles what it left behind.
    let (mut other, _) = serve_with(&there, &settings).await;
    signal(&other, Signal::TERM);
    assert!(other.wait().await.unwrap().success());
    app.stop().await.unwrap();
    assert_eq!(here.cli("audit").await["ok"], json!(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_database_a_gateway_spends_its_leases_and_then_says_why_it_stops() {
    let mut postgres = TestPostgres::private().await;
    let upstream = ScriptedUpstream::start().await;
    let place = Place::on(&postgres.url());
    let key = place.set_up("ada", "1000", &upstream.base_url()).await;
    // Long enough for PostgreSQL to stop on a busy machine, and over before patience is.
    let app = start(&place, 20).await;
    until(app.address(), &key, StatusCode::OK).await;
    postgres.stop().await;
    assert_eq!(
        limited(app.address(), &key, 5, "prompt=10 completion=5", false).await.status,
        StatusCode::OK,
        "from the lease"
    );
    until(app.address(), &key, StatusCode::SERVICE_UNAVAILABLE).await;
    let refused = limited(app.address(), &key, 5, "prompt=10 completion=5", false).await;
    assert!(refused.text.contains("credits_unconfirmed"), "{}", refused.text);
    assert!(refused.headers.contains_key("retry-after"));
    postgres.start_again().await;
    until(app.address(), &key, StatusCode::OK).await;
    app.stop().await.unwrap();
    assert_eq!(place.cli("audit").await["ok"], json!(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn balance_tells_what_is_held_and_leased_and_gives_it_back_at_the_end() {
    let upstream = ScriptedUpstream::start().await;
    let place = Place::with_database().await;
    let app = place.serve().await;
    let key = place.set_up("ada", "1", &upstream.base_url()).await;
    until(app.address(), &key, StatusCode::OK).await;
    let address = app.address();
    let streaming = tokio::spawn(async move {
        limited(address, &key, 1000, "prompt=10 completion=1000 frames=8 frame_delay_ms=1000", true).await
    });
    eventually("it is held", async || gauge(address, "tollgate_held_credits").await >= 0.03).await;
    let mut seen = Value::Null;
    eventually("and the books know", async || {
        seen = place.cli("balance ada").await;
        seen["held"] != json!("0")
    })
    .await;
    let amount = |name: &str| seen[name].as_str().unwrap().parse::<f64>().unwrap();
    assert!(amount("held") >= 0.03 && amount("leased") >= amount("held"), "{seen}");
    assert!((amount("available") - (amount("balance") - amount("held"))).abs() < 1e-9, "{seen}");
    assert_eq!(streaming.await.unwrap().status, StatusCode::OK);
    eventually("nothing is held", async || place.cli("balance ada").await["held"] == json!("0")).await;
    app.stop().await.unwrap();
    assert_eq!(place.cli("balance ada").await["leased"], json!("0"));
    let all = place.cli("balance").await;
    assert_eq!(all.as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn balance_tells_as_held_what_is_expected_and_not_the_hundreds_of_times_as_much_that_a_limit_allows() {
    let upstream = ScriptedUpstream::start().await;
    let place = Place::with_database().await;
    let app = place.serve().await;
    let key = place.set_up("ada", "100", &upstream.base_url()).await;
    until(app.address(), &key, StatusCode::OK).await;
    let address = app.address();
    // So it is known how long answers are: 0.0013 each.
    for _ in 0..6 {
        let reply = limited(address, &key, 32_000, "prompt=10 completion=40", false).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
    }
    let script = "prompt=10 completion=40 frames=8 frame_delay_ms=1000";
    let streaming = tokio::spawn(async move { limited(address, &key, 32_000, script, true).await });
    eventually("it is held", async || gauge(address, "tollgate_holds").await > 0.5).await;
    eventually("and the books know", async || credits(&place, "held").await > 0.0).await;
    // 32,000 × 0.00003 are set aside.
    assert!(gauge(address, "tollgate_held_at_most_credits").await >= 0.96);
    let (held, leased) = (credits(&place, "held").await, credits(&place, "leased").await);
    assert!(held <= 0.0039 && leased >= 0.96, "{held} of {leased}: no more than three times the charge");
    assert_eq!(streaming.await.unwrap().status, StatusCode::OK);
    app.stop().await.unwrap();
    assert_eq!(place.cli("audit").await["ok"], json!(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_raised_while_a_request_runs_is_for_those_that_begin_later() {
    let upstream = ScriptedUpstream::start().await;
    let place = Place::with_database().await;
    let app = place.serve().await;
    let key = place.set_up("ada", "10", &upstream.base_url()).await;
    until(app.address(), &key, StatusCode::OK).await;
    let (address, running) = (app.address(), key.clone());
    let streaming = tokio::spawn(async move {
        limited(
            address,
            &running,
            1000,
            "tag=old prompt=1000 completion=1000 frames=8 frame_delay_ms=200",
            true,
        )
        .await
    });
    upstream.wait_for(|books| books.iter().any(|entry| entry.bytes_sent > 0 && entry.stream)).await;
    place.cli("tariff set gpt-test --input-price 0.0001 --output-price 0.0003").await;
    let spent = 10.0 - credits(&place, "balance").await;
    assert_eq!(streaming.await.unwrap().status, StatusCode::OK);
    eventually("it is charged at the price of its beginning", async || {
        // 1,000 × 0.00001 + 1,000 × 0.00003, beside what was spent before.
        let charged = 10.0 - credits(&place, "balance").await - spent;
        (charged - 0.04).abs() < 0.0001
    })
    .await;
    let before = credits(&place, "balance").await;
    // The gateway, too: it holds and debits by the new price as soon as it knows it.
    eventually("the next costs ten times as much", async || {
        let had = credits(&place, "balance").await;
        assert_eq!(chat(address, &key, "prompt=1000 completion=1000", false).await.status, StatusCode::OK);
        let mut now = had;
        eventually("it is in the books", async || {
            now = credits(&place, "balance").await;
            now < had
        })
        .await;
        (had - now - 0.4).abs() < 0.001
    })
    .await;
    assert!(before > credits(&place, "balance").await);
    app.stop().await.unwrap();
    assert_eq!(place.cli("audit").await["ok"], json!(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_changed_while_a_gateway_runs_is_in_force_for_the_next_stream() {
    let upstream = ScriptedUpstream::start().await;
    let place = Place::with_database().await;
    let app = place.serve().await;
    let key = place.set_up("ada", "0.01", &upstream.base_url()).await;
    until(app.address(), &key, StatusCode::OK).await;
    assert_eq!(place.cli("user set ada --when-spent cut").await["when_spent"], json!("cut"));
    let address = app.address();
    let script = "prompt=10 completion=2000 frames=2000 frame_delay_ms=1";
    eventually("a stream that outgrows the money is cut off", async || {
        let reply = chat(address, &key, script, true).await;
        let is_cut = reply.text.contains("is cut off here") && !reply.text.contains("[DONE]");
        if !is_cut {
            place.cli(&format!("credit grant ada 0.07 --source-id {}", uuid::Uuid::new_v4())).await;
        }
        is_cut
    })
    .await;
    app.stop().await.unwrap();
    let audit = place.cli("audit").await;
    assert_eq!(audit["ok"], json!(true), "{audit}");
}
