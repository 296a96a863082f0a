//! Slow connections beside good requests, in miniature: `cargo slow-connections` measures what thousands of them cost.

use std::{collections::BTreeMap, process::Stdio, time::Duration};

use http::StatusCode;
use rustix::process::Signal;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tollgate_testkit::{
    ProcessUse, ScriptedUpstream,
    slow_clients::{SlowClients, SlowKind, SlowPlan, SlowTally, TAG},
};

use crate::{
    harness::{Place, chat, eventually, get, get_with_key, metric},
    processes::{address, serve_with, signal},
};

/// As many of each kind as of the next.
const CONNECTIONS: usize = 200;
const OF_A_KIND: usize = CONNECTIONS / SlowKind::ALL.len();
/// Time-outs short enough to be met in a test, long enough for good clients on a busy machine.
const SETTINGS: [(&str, &str); 5] = [
    ("TOLLGATE_GATEWAY__HEADER_READ_TIMEOUT_MS", "5000"),
    ("TOLLGATE_GATEWAY__BODY_READ_TIMEOUT_MS", "5000"),
    ("TOLLGATE_GATEWAY__CLIENT_WRITE_TIMEOUT_MS", "5000"),
    // Connections to the upstream go soon, so that nothing but a leak is left of them.
    ("TOLLGATE_GATEWAY__UPSTREAM_POOL_IDLE_MS", "500"),
    ("TOLLGATE_GATEWAY__DRAIN_MAX_BYTES", "65536"),
];
/// Connections to the database that may have come since: the pool's.
const DATABASE_CONNECTIONS: u64 = 8;

type Tallies = BTreeMap<SlowKind, SlowTally>;

#[tokio::test(flavor = "multi_thread")]
async fn good_requests_pass_by_slow_connections_which_their_time_outs_end_and_nothing_is_left_of_them() {
    let upstream = ScriptedUpstream::start().await;
    let place = Place::with_database().await;
    let (mut server, ready) = serve_with(&place, &SETTINGS).await;
    let address = address(&ready);
    let key = place.set_up("ada", "1000", &upstream.base_url()).await;
    // Each holds what its announced body may cost.
    place.cli(&format!("user create {TAG} --credits 100000000")).await;
    let slow_key = place.new_key(TAG).await;
    eventually("the gateway knows both", async || {
        let mut known = 0;
        for key in [&key, &slow_key] {
            known += usize::from(get_with_key(address, "/v1/models", key).await.text.contains("gpt-test"));
        }
        known == 2
    })
    .await;
    assert_eq!(chat(address, &key, "prompt=10 completion=5 tag=ada", true).await.status, StatusCode::OK);
    nothing_goes_on(address).await;
    let before = ProcessUse::of(server.id().unwrap()).unwrap();

    let plan = SlowPlan {
        address,
        key: slow_key,
        model: "gpt-test".to_owned(),
        pace: Duration::from_millis(50),
        opening_pace: Duration::from_millis(1),
    };
    let slow = SlowClients::open(&plan, CONNECTIONS);
    // On a slow machine some are ended, and opened anew, before the last is there.
    slow.wait_for(|tallies| tallies.values().all(|tally| tally.held + tally.ended >= OF_A_KIND)).await;
    eventually("the gateway holds them, too", async || {
        metric(address, "tollgate_gateway_connections").await >= i64::try_from(CONNECTIONS).unwrap()
    })
    .await;
    // Good requests all the time, until each slow connection has been ended once, or as many of its kind.
    let mut good = 1;
    let every_kind_was_ended = |tallies: &Tallies| tallies.values().all(|tally| tally.ended >= OF_A_KIND);
    eventually("every slow connection is ended", async || {
        for stream in [false, true] {
            let reply = chat(address, &key, "prompt=10 completion=5 tag=ada", stream).await;
            assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
            assert!(reply.text.contains("usage") || !stream);
            good += 1;
        }
        every_kind_was_ended(&slow.tallies())
    })
    .await;
    let tallies = slow.close().await;
    for (kind, tally) in &tallies {
        assert_eq!(tally.failed, 0, "{kind:?}: {:?}", tally.first_failure);
        let expected = if *kind == SlowKind::SlowBody { vec![408] } else { vec![] };
        assert_eq!(tally.answered.keys().copied().collect::<Vec<_>>(), expected, "{kind:?}: {tally:?}");
    }

    nothing_goes_on(address).await;
    eventually("no descriptor is left of them", async || {
        let now = ProcessUse::of(server.id().unwrap()).unwrap();
        now.descriptors <= before.descriptors + DATABASE_CONNECTIONS
    })
    .await;
    let of = |name: &str, books: &[tollgate_testkit::upstream::BookEntry]| {
        books.iter().filter(|entry| entry.tag.as_deref() == Some(name)).count()
    };
    let books = upstream.settled(good).await;
    assert_eq!(of("ada", &books), good);
    assert_eq!(of("ada", &books) + of(TAG, &books), books.len());
    // Not all of those that were ended had come to ask: on a slow machine some heads are late.
    assert!(of(TAG, &books) >= OF_A_KIND, "readers that do not read, and those that followed them");
    signal(&server, Signal::TERM);
    assert!(server.wait().await.unwrap().success());
    for name in ["ada", TAG] {
        let usage = place.cli(&format!("usage --user {name}")).await;
        assert_eq!(usage[0]["requests"], json!(of(name, &books)), "{name}: {usage}");
    }
    // 10 × 0.00001 + 5 × 0.00003 each.
    let millionths = 1_000_000_000 - 250 * u64::try_from(good).unwrap();
    let balance = place.cli("balance ada").await["balance"].as_str().unwrap().to_owned();
    let expected = format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000);
    assert_eq!(balance, expected.trim_end_matches('0').trim_end_matches('.'));
    assert_eq!(place.cli("audit").await["ok"], json!(true));
}

#[tokio::test]
async fn a_server_raises_its_limit_of_open_files_as_far_as_it_may() {
    let place = Place::with_database().await;
    let command = place.command();
    let command = command.as_std();
    let mut limited = tokio::process::Command::new("sh");
    limited.args(["-c", r#"ulimit -S -n 100; exec "$0" "$@""#]).arg(command.get_program());
    limited.args(command.get_args()).args(["serve", "--listen", "127.0.0.1:0", "--json"]);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited.stdout(Stdio::piped()).kill_on_drop(true);
    let mut server = limited.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).await.unwrap();
    assert!(line.contains("listen"), "{line}");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.id().unwrap())).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let [soft, hard] = files.split_whitespace().skip(3).take(2).collect::<Vec<_>>()[..] else {
        panic!("{files}")
    };
    assert_eq!(soft, hard, "{files}");
    assert_ne!(soft, "100");
    signal(&server, Signal::TERM);
    assert!(server.wait().await.unwrap().success());
}

/// Waits until the gateway has no request in flight, and no connection but the one that asks.
async fn nothing_goes_on(address: std::net::SocketAddr) {
    eventually("nothing goes on", async || {
        let text = get(address, "/metrics").await.text;
        text.contains("\ntollgate_gateway_in_flight 0\n")
            && text.contains("\ntollgate_gateway_connections 1\n")
    })
    .await;
}
