//! A server that follows a killed one on the same data directory: what the dead one was lent is its own, when the books have what that one finished.

use http::StatusCode;
use rustix::process::Signal;
use serde_json::json;
use tollgate_testkit::{ScriptedUpstream, TestPostgres};
use uuid::Uuid;

use crate::{
    harness::{Place, chat, eventually, sql},
    leases::limited,
    processes::{address, serve, serve_with, signal},
};

/// Leases live longer than any test waits, so nothing comes back because one has run out.
const LONG: [(&str, &str); 1] = [("TOLLGATE_LEASES__LIFETIME_S", "3600")];

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_server_was_lent_is_its_successors_at_once_also_after_an_outage() {
    let upstream = ScriptedUpstream::start().await;
    let mut postgres = TestPostgres::private().await;
    let place = Place::on(&postgres.url());
    let (mut first, ready) = serve_with(&place, &LONG).await;
    let key = place.set_up("ada", "0.1", &upstream.base_url()).await;
    eventually("a request is served, and there is a lease", async || {
        chat(address(&ready), &key, "prompt=10 completion=5", false).await.status == StatusCode::OK
    })
    .await;
    // It holds three quarters of the money for a stream that does not end.
    let (at, streams) = (address(&ready), key.clone());
    let streaming = tokio::spawn(async move {
        limited(at, &streams, 2500, "prompt=10 completion=20 frames=8 stall=1", true).await
    });
    upstream.wait_for(|books| books.iter().any(|entry| entry.stream && entry.bytes_sent > 0)).await;
    postgres.stop().await;
    signal(&first, Signal::KILL);
    first.wait().await.unwrap();
    assert!(streaming.await.is_err(), "its client saw it end");

    let (second, ()) = tokio::join!(serve_with(&place, &LONG), async {
        // Without its database it knows no key, no price and no balance, and its port is closed.
        postgres.start_again().await;
    });
    let (mut second, ready) = second;
    let leased = "select count(*) from credit_leases where expires_at > now() + interval '10 minutes'";
    let sql = sql(&postgres.url()).await;
    eventually("three quarters of the money are there", async || {
        limited(address(&ready), &key, 2500, "prompt=10 completion=5", false).await.status == StatusCode::OK
    })
    .await;
    let leases: i64 = sql.query_one(leased, &[]).await.unwrap().get(0);
    assert_eq!(leases, 1, "its own, and no other");
    signal(&second, Signal::TERM);
    assert!(second.wait().await.unwrap().success());
    assert_eq!(place.cli("audit").await["ok"], json!(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_server_was_lent_is_nobodys_while_the_books_lack_what_it_finished() {
    let upstream = ScriptedUpstream::start().await;
    let place = Place::with_database().await;
    let (mut first, ready) = serve_with(&place, &LONG).await;
    let key = place.set_up("ada", "0.2", &upstream.base_url()).await;
    eventually("a request is served, and in the books", async || {
        chat(address(&ready), &key, "prompt=10 completion=5", false).await.status == StatusCode::OK
            && place.cli("balance ada").await["balance"] != json!("0.2")
    })
    .await;
    let blocker = sql(place.database_url()).await;
    blocker.batch_execute("begin; lock table usage_records in exclusive mode").await.unwrap();
    // 10 × 0.00001 + 3,000 × 0.00003 are owed, and not in the books.
    let owed = limited(address(&ready), &key, 3000, "prompt=10 completion=3000", false).await;
    assert_eq!(owed.status, StatusCode::OK, "{}", owed.text);
    signal(&first, Signal::KILL);
    first.wait().await.unwrap();

    let (mut second, ready) = serve_with(&place, &LONG).await;
    // Would fit into what the balance shows, and does not fit into what is left. Each of these waits for it, while former leases are looked at.
    for _ in 0..3 {
        let refused = limited(address(&ready), &key, 4500, "prompt=10 completion=4500", false).await;
        assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED, "{}", refused.text);
        assert!(refused.text.contains("credits_held"), "{}", refused.text);
        assert!(refused.headers.contains_key("retry-after"));
    }
    blocker.batch_execute("rollback").await.unwrap();
    eventually("what is left is there", async || {
        limited(address(&ready), &key, 3000, "prompt=10 completion=3000", false).await.status
            == StatusCode::OK
    })
    .await;
    signal(&second, Signal::TERM);
    assert!(second.wait().await.unwrap().success());
    let balance: f64 = place.cli("balance ada").await["balance"].as_str().unwrap().parse().unwrap();
    assert!(balance >= 0.0, "{balance}");
    assert_eq!(place.cli("audit").await["ok"], json!(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_of_a_killed_server_that_commits_after_its_successor_began_keeps_nothing_from_it() {
    let upstream = ScriptedUpstream::start().await;
    let place = Place::with_database().await;
    let (mut server, ready) = serve(&place).await;
    let key = place.set_up("ada", "0.1", &upstream.base_url()).await;
    eventually("a request is served, and there is a lease", async || {
        chat(address(&ready), &key, "prompt=10 completion=5", false).await.status == StatusCode::OK
    })
    .await;
    let sql = sql(place.database_url()).await;
    // As a frozen connection would bring it.
    sql.execute(
        "insert into credit_leases (user_no, epoch, instance_id, amount, needed, held, expires_at)
         select user_no, $1, instance_id, 0.09, 0, 0, now() + interval '1 hour' from credit_leases",
        &[&Uuid::new_v4()],
    )
    .await
    .unwrap();
    eventually("the money is there", async || {
        limited(address(&ready), &key, 2500, "prompt=10 completion=5", false).await.status == StatusCode::OK
    })
    .await;
    signal(&server, Signal::TERM);
    assert!(server.wait().await.unwrap().success());
    assert_eq!(place.cli("audit").await["ok"], json!(true));
}
