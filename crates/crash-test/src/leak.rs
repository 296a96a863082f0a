//! What is held and leased when nobody asks for anything: nothing, whoever was killed before.

use std::time::Duration;

use anyhow::Context;
use serde_json::json;
use tokio::time::{Instant, sleep};
use tokio_postgres::Client;

use crate::{books, cluster::Cluster, plan::GATEWAYS, scene::USERS};

/// A gateway tells the books within half a second; those that settle a former life, when they have entered all of it. Less than a lease lives,
/// so that none is taken for given back that has only run out.
const SOON: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// After a cycle, with the clients resting: no gateway that lives holds anything, by its own word and by the books.
pub(crate) async fn nothing_is_held(cluster: &mut Cluster) -> anyhow::Result<()> {
    cluster.load.rest().await;
    let mut living = Vec::new();
    for index in 0..GATEWAYS {
        let gateway = cluster.gateway(index)?;
        if !gateway.serves() {
            continue;
        }
        if let Err(error) = gateway.holds_nothing(SOON).await {
            cluster.leaked(format!("gateway {index}: {error:#}"));
        }
        living.push(cluster.instances.get(index).cloned().context("every gateway has an instance")?);
    }
    let held = become_none(cluster, async |client| books::leases_with_holds(client, &living).await).await?;
    if held > 0 {
        cluster.leaked(format!("{held} leases of {living:?} say that something is held, and nothing is"));
    }
    Ok(())
}

/// At the end, when all gateways are up and idle: every lease goes back, and nothing is taken again while they stop.
pub(crate) async fn nothing_is_leased(cluster: &mut Cluster) -> anyhow::Result<()> {
    let idle = become_none(cluster, async |client| books::leases(client).await).await?;
    if idle > 0 {
        cluster.leaked(format!("{idle} leases were not given back although nobody used them"));
    }
    for index in 0..GATEWAYS {
        cluster.terminate(index).await?;
    }
    let data = cluster.gateway(0)?.data.clone();
    for user in USERS {
        let balance = cluster.program.ask(&data, &format!("balance {user}")).await?;
        for name in ["held", "leased"] {
            if balance.get(name) != Some(&json!("0")) {
                cluster.leaked(format!("{name} of {user} when nothing runs any more: {balance}"));
            }
        }
    }
    Ok(())
}

/// Counts again and again, until there are none or it has taken too long. The database may have been killed, and throw connections out.
async fn become_none(
    cluster: &Cluster,
    count: impl AsyncFn(&Client) -> anyhow::Result<i64>,
) -> anyhow::Result<i64> {
    let deadline = Instant::now() + SOON;
    let mut client = cluster.postgres.connect().await?;
    loop {
        match count(&client).await {
            Ok(0) => return Ok(0),
            Ok(some) if Instant::now() > deadline => return Ok(some),
            Ok(_) => {}
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => client = cluster.postgres.connect().await?,
        }
        sleep(LOOK_AGAIN).await;
    }
}
