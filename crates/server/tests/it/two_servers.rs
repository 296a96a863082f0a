//! Two servers on one database: what is done through one is in force at the other.

use std::{net::SocketAddr, time::Duration};

use http::StatusCode;
use tollgate_server::{App, SystemClock};
use tollgate_testkit::ScriptedUpstream;

use crate::harness::{Place, chat, eventually};

async fn status(address: SocketAddr, key: &str, script: &str) -> StatusCode {
    chat(address, key, script, false).await.status
}

/// How long it takes until `address` answers `expected` to a request that costs nothing worth mentioning.
async fn until(address: SocketAddr, key: &str, expected: StatusCode) -> Duration {
    eventually(&format!("{expected}"), async || {
        status(address, key, "prompt=1 completion=1").await == expected
    })
    .await
}

/// Prints how long each took. What is promised is a second, and two without notifications; a machine that runs other tests beside this one
/// may take longer, so what is asserted is that they arrive.
async fn changes_reach_the_other_server(listen: bool) {
    let upstream = ScriptedUpstream::start().await;
    let here = Place::with_database().await;
    let there = Place::beside(&here);
    let start = async |place: &Place| {
        let mut config = place.config();
        config.database.listen = listen;
        App::start(config, std::sync::Arc::new(SystemClock)).await.unwrap()
    };
    let first = start(&here).await;
    let second = start(&there).await;
    let key = here.set_up("ada", "0.001", &upstream.base_url()).await;
    until(second.address(), &key, StatusCode::OK).await;

    // A depletion through the first: 1,000 × 0.00001 + 1,000 × 0.00003 = 0.04. It may have to learn of the customer, and to wait for what the
    // second has leased.
    eventually("the first serves it", async || {
        status(first.address(), &key, "prompt=1000 completion=1000").await == StatusCode::OK
    })
    .await;
    let depleted = until(second.address(), &key, StatusCode::PAYMENT_REQUIRED).await;

    there.cli("credit grant ada 10 --source-id invoice-1").await;
    let granted = until(first.address(), &key, StatusCode::OK).await;
    until(second.address(), &key, StatusCode::OK).await;

    here.cli(&format!("key revoke {}", &key[..10])).await;
    let revoked = until(second.address(), &key, StatusCode::UNAUTHORIZED).await;
    eprintln!("a depletion took {depleted:?}, a grant {granted:?}, a revocation {revoked:?}");
    until(first.address(), &key, StatusCode::UNAUTHORIZED).await;

    first.stop().await.unwrap();
    second.stop().await.unwrap();
    assert_eq!(here.cli("audit").await["ok"], serde_json::json!(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn grants_depletions_and_revocations_reach_the_other_server() {
    changes_reach_the_other_server(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_notifications_the_poll_brings_them() {
    changes_reach_the_other_server(false).await;
}
