//! A soak in miniature: rounds of traffic with clients that leave and a database that goes away. What one round leaves behind shows after
//! several. `cargo soak` does it at half of capacity, for as long as one likes, and watches memory.

use std::{
    net::SocketAddr,
    ops::Range,
    time::{Duration, Instant},
};

use http::StatusCode;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::task::{JoinHandle, JoinSet};
use tollgate_testkit::{ProcessUse, ScriptedUpstream, TestPostgres};

use crate::{
    harness::{Place, chat, chat_and_leave, eventually, get, get_with_key, metric},
    processes::{address, serve_with, signal},
};

const ROUNDS: usize = 4;
const REQUESTS: usize = 240;
/// 200 requests a second.
const PACE: Duration = Duration::from_millis(5);
/// One request in so many loses its client.
const LEAVE_EVERY: usize = 12;
const CUSTOMERS: [&str; 2] = ["ada", "grace"];
/// Connections to the upstream go soon, and those to the database are few, so that nothing but a leak makes a difference.
const SETTINGS: [(&str, &str); 2] =
    [("TOLLGATE_GATEWAY__UPSTREAM_POOL_IDLE_MS", "300"), ("TOLLGATE_DATABASE__MAX_CONNECTIONS", "2")];

/// What must not grow from round to round.
#[derive(Debug, Clone, Copy)]
struct Has {
    descriptors: u64,
    threads: u64,
    tasks: i64,
}

#[tokio::test(flavor = "multi_thread")]
async fn rounds_of_traffic_leave_no_descriptor_no_task_no_thread_and_no_record_behind() {
    let mut postgres = TestPostgres::private().await;
    let upstream = ScriptedUpstream::start().await;
    let place = Place::on(&postgres.url());
    let (mut server, ready) = serve_with(&place, &SETTINGS).await;
    let (address, pid) = (address(&ready), server.id().unwrap());
    let mut keys = vec![place.set_up("ada", "1000", &upstream.base_url()).await];
    place.cli("user create grace --credits 1000").await;
    keys.push(place.new_key("grace").await);
    eventually("the gateway knows both", async || {
        let models = get_with_key(address, "/v1/models", &keys[1]).await;
        models.text.contains("gpt-test")
    })
    .await;

    let mut after_the_first = None;
    for round in 0..ROUNDS {
        let before = round * REQUESTS;
        // The database goes away in the middle of one half, and comes back in the middle of the other.
        let traffic = send(address, &keys, before..before + REQUESTS / 2);
        upstream.wait_for(|books| books.len() >= before + REQUESTS / 4).await;
        postgres.stop().await;
        traffic.await.unwrap();
        let traffic = send(address, &keys, before + REQUESTS / 2..before + REQUESTS);
        upstream.wait_for(|books| books.len() >= before + REQUESTS * 3 / 4).await;
        eventually("the spool fills", async || metric(address, "tollgate_spool_waiting_records").await > 0)
            .await;
        postgres.start_again().await;
        traffic.await.unwrap();
        eventually("everything of the round is over and in the books", async || is_over(address).await).await;
        if round == 0 {
            after_the_first = Some(once_it_becomes_no_less(address, pid).await);
        }
    }
    let first = after_the_first.unwrap();
    let mut last = first;
    // A leak of one in a hundred requests, or of one at each stop of the database, would come to more.
    eventually(&format!("the last round has left no more than the first: {first:?}"), async || {
        last = Has::now(address, pid).await;
        last.descriptors <= first.descriptors + 2
            && last.tasks <= first.tasks + 2
            && last.threads <= first.threads + 2
    })
    .await;

    let books = upstream.settled(ROUNDS * REQUESTS).await;
    signal(&server, Signal::TERM);
    assert!(server.wait().await.unwrap().success());
    for customer in CUSTOMERS {
        let mine = books.iter().filter(|entry| entry.tag.as_deref() == Some(customer));
        let stated: Vec<_> = mine.map(|entry| entry.stated.unwrap()).collect();
        let usage = place.cli(&format!("usage --user {customer}")).await;
        let expected = (
            stated.len(),
            stated.iter().map(|counts| counts.prompt).sum::<i64>(),
            stated.iter().map(|counts| counts.completion).sum::<i64>(),
        );
        let row = |name: &str| usage[0][name].clone();
        assert_eq!(
            (row("requests"), row("prompt_tokens"), row("completion_tokens")),
            (json!(expected.0), json!(expected.1), json!(expected.2)),
            "{customer}"
        );
        let millionths = 1_000_000_000 - 10 * expected.1 - 30 * expected.2;
        let balance: Value = place.cli(&format!("balance {customer}")).await;
        let expected = format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000);
        assert_eq!(balance["balance"], json!(expected.trim_end_matches('0').trim_end_matches('.')));
    }
    let audit = place.cli("audit").await;
    assert_eq!((&audit["ok"], &audit["records"]), (&json!(true), &json!(ROUNDS * REQUESTS)));
}

/// Requests at a constant rate: streams and whole answers in turn, from two customers, some of whom leave. It ends when all are answered.
fn send(address: SocketAddr, keys: &[String], numbers: Range<usize>) -> JoinHandle<()> {
    let keys = keys.to_vec();
    tokio::spawn(async move {
        let mut requests = JoinSet::new();
        let mut ticks = tokio::time::interval(PACE);
        for number in numbers {
            ticks.tick().await;
            let (key, customer) = (keys[number % 2].clone(), CUSTOMERS[number % 2]);
            let (prompt, completion) = (100 + number * 37 % 900, 5 + number * 53 % 300);
            let script = format!("prompt={prompt} completion={completion} tag={customer}");
            requests.spawn(async move {
                let status = if number.is_multiple_of(LEAVE_EVERY) {
                    chat_and_leave(address, &key, &format!("{script} frames=20 frame_delay_ms=10")).await
                } else {
                    chat(address, &key, &script, number % 4 < 2).await.status
                };
                assert_eq!(status, StatusCode::OK, "request {number}");
            });
        }
        requests.join_all().await;
    })
}

/// No request is in flight, no client is connected but the one that asks, and no record waits for the books.
async fn is_over(address: SocketAddr) -> bool {
    let text = get(address, "/metrics").await.text;
    let lines = [
        "\ntollgate_spool_waiting_records 0\n",
        "\ntollgate_gateway_in_flight 0\n",
        "\ntollgate_gateway_connections 1\n",
    ];
    lines.iter().all(|line| text.contains(line))
}

/// The least that it comes to. Connections to the upstream go once they were idle for a while: waits until nothing has become less for much
/// longer than that.
async fn once_it_becomes_no_less(address: SocketAddr, pid: u32) -> Has {
    let mut least = Has::now(address, pid).await;
    let mut since = Instant::now();
    eventually("what the round took is given back", async || {
        let now = Has::now(address, pid).await;
        if now.descriptors < least.descriptors || now.threads < least.threads || now.tasks < least.tasks {
            since = Instant::now();
        }
        least = Has {
            descriptors: least.descriptors.min(now.descriptors),
            threads: least.threads.min(now.threads),
            tasks: least.tasks.min(now.tasks),
        };
        since.elapsed() > Duration::from_secs(2)
    })
    .await;
    least
}

impl Has {
    async fn now(address: SocketAddr, pid: u32) -> Self {
        let of_process = ProcessUse::of(pid).unwrap();
        let tasks = metric(address, "tollgate_runtime_alive_tasks").await;
        Self { descriptors: of_process.descriptors, threads: of_process.threads, tasks }
    }
}
