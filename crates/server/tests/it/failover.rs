//! A standby takes the place of the primary, without its last commits: what a gateway remembers of the old one is forgotten.

use http::StatusCode;
use tollgate_testkit::{FailoverPair, FaultProxy, Replication, ScriptedUpstream};

use crate::harness::{Place, chat, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failover_that_lost_commits_a_gateway_forgets_what_was_lost() {
    let mut pair = FailoverPair::start(Replication::Asynchronous).await;
    let proxy = FaultProxy::start(&pair.primary_url()).await;
    let upstream = ScriptedUpstream::start().await;
    let place = Place::on(&proxy.url());
    let ada = place.set_up("ada", "0.0001", &upstream.base_url()).await;
    let app = place.serve().await;
    let until = async |key: &str, expected: StatusCode| {
        eventually(&format!("{expected}"), async || {
            chat(app.address(), key, "prompt=1 completion=1", false).await.status == expected
        })
        .await;
    };
    until(&ada, StatusCode::OK).await;
    until(&ada, StatusCode::PAYMENT_REQUIRED).await;
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
