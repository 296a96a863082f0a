//! A standby takes the place of the primary, without its last commits: what a gateway remembers of the old one is forgotten.

use http::StatusCode;
use tollgate_testkit::{FailoverPair, FaultProxy, Replication, ScriptedUpstream};

use crate::harness::{Place, chat, eventually, sql};

/// Transactions whose numbers the new primary hands out again: more than this test makes on it before its end.
const LOST_TRANSACTIONS: usize = 300;

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failover_that_lost_commits_a_gateway_follows_the_new_primary() {
    let mut pair = FailoverPair::start(Replication::Asynchronous).await;
    let proxy = FaultProxy::start(&pair.primary_url()).await;
    let upstream = ScriptedUpstream::start().await;
    let place = Place::on(&proxy.url());
    let ada = place.set_up("ada", "1000", &upstream.base_url()).await;
    let app = place.serve().await;
    let status = async |key: &str| chat(app.address(), key, "prompt=1 completion=1", false).await.status;
    eventually("ada is served", async || status(&ada).await == StatusCode::OK).await;
    pair.wait_until_caught_up().await;
    pair.hold_back().await;

    let primary = sql(&pair.primary_url()).await;
    for _ in 0..LOST_TRANSACTIONS {
        primary.batch_execute("select pg_current_xact_id()").await.unwrap();
    }
    place.cli("user create bob --credits 10").await;
    let bob = place.new_key("bob").await;
    // So the gateway has read beyond all of these.
    eventually("bob is served", async || status(&bob).await == StatusCode::OK).await;
    pair.fail_over().await;
    proxy.lead_to(&pair.standby_url());

    eventually("bob, who is lost, is not", async || status(&bob).await == StatusCode::UNAUTHORIZED).await;
    place.cli("credit remove ada 1000 --source-id chargeback").await;
    eventually("ada has nothing left", async || status(&ada).await == StatusCode::PAYMENT_REQUIRED).await;
    app.stop().await.unwrap();
}
