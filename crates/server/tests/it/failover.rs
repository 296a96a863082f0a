//! A standby takes the place of the primary, without its last commits: what a gateway remembers of the old one is forgotten.

use http::StatusCode;
use tollgate_testkit::{FailoverPair, FaultProxy, Replication, ScriptedUpstream};

use crate::harness::{Place, chat, eventually, sql};

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failover_that_lost_commits_a_gateway_forgets_what_was_lost() {
    let mut pair = FailoverPair::start(Replication::Asynchronous).await;
    let proxy = FaultProxy::start(&pair.primary_url()).await;
    let upstream = ScriptedUpstream::start().await;
    let place = Place::on(&proxy.url());
    let ada = place.set_up("ada", "0.0001", &upstream.base_url()).await;
    let app = place.serve().await;
    let status = async |key: &str, script: &str| chat(app.address(), key, script, false).await.status;
    // Requests that cost nothing, so that it is not a charge that brings the new balance.
    let until = async |key: &str, expected: StatusCode| {
        let free = "prompt=0 completion=0";
        eventually(&format!("{expected}"), async || status(key, free).await == expected).await;
    };
    until(&ada, StatusCode::OK).await;
    assert_eq!(status(&ada, "prompt=100 completion=0").await, StatusCode::OK);
    until(&ada, StatusCode::PAYMENT_REQUIRED).await;
    // The gateway knew before the books did.
    let primary = sql(&pair.primary_url()).await;
    eventually("the charge is in the books", async || {
        let row =
            primary.query_one("select count(*) from user_balances where balance < 0", &[]).await.unwrap();
        row.get::<_, i64>(0) == 1
    })
    .await;
    pair.wait_until_caught_up().await;
    pair.hold_back().await;

    // A grant and a customer that the gateway knows of, and the standby does not.
    place.cli("credit grant ada 1000 --source-id lost").await;
    until(&ada, StatusCode::OK).await;
    place.cli("user create bob --credits 10").await;
    let bob = place.new_key("bob").await;
    until(&bob, StatusCode::OK).await;
    pair.fail_over().await;
    proxy.lead_to(&pair.standby_url());

    until(&ada, StatusCode::PAYMENT_REQUIRED).await;
    until(&bob, StatusCode::UNAUTHORIZED).await;
    place.cli("credit grant ada 1000 --source-id again").await;
    until(&ada, StatusCode::OK).await;
    app.stop().await.unwrap();
}
