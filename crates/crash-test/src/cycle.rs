//! One cycle: everything up, load, one fault.

use std::time::Duration;

use anyhow::Context;
use rustix::process::Signal;
use tokio::time::{Instant, sleep};
use tollgate_failpoints::{Moment, Point};

use crate::{
    cluster::Cluster,
    gateway::{Started, is_abort},
    plan::{Cycle, Fault, GATEWAYS},
    random::Random,
};

/// Load goes on so long for a failpoint to be reached.
const FIRES_WITHIN: Duration = Duration::from_secs(8);
/// A server whose billing is dead must have ended so soon.
const ENDS_WITHIN: Duration = Duration::from_secs(20);
/// A server that goes on after one request's panic must be ready so soon.
const READY_WITHIN: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// The longest that clients go on after PostgreSQL was killed, before anything else happens, in milliseconds.
const WITHOUT_DATABASE_MS: u64 = 300;

/// Whether a failpoint was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached {
    Fired(Point),
    Missed(Point),
    /// The cycle had none.
    Nothing,
}

/// Runs it. What is wrong is noted in the cluster.
pub(crate) async fn run(cluster: &mut Cluster, cycle: &Cycle) -> anyhow::Result<Reached> {
    let victim = cycle.victim;
    let mut random = Random::of(cycle.random, 0);
    for index in 0..GATEWAYS {
        // One that is to be armed is started when it is.
        if index != victim || !matches!(cycle.fault, Fault::Point { .. }) {
            cluster.ensure_up(index).await?;
        }
    }
    cluster.database_is_shaken = false;
    cluster.load.flow();
    let load = Duration::from_millis(cycle.load_ms);
    match cycle.fault {
        Fault::Point { point, nth, panics } => {
            let action = if panics { "panic" } else { "abort" };
            let armed = format!("{}:{nth}:{action}", point.name());
            return at_point(cluster, victim, point, &armed, panics, load).await;
        }
        Fault::KillGateway => {
            sleep(load).await;
            cluster.kill(victim).await?;
        }
        Fault::KillStarting { after_ms } => {
            cluster.kill(victim).await?;
            cluster.spawn(victim, None)?;
            sleep(Duration::from_millis(after_ms)).await;
            cluster.kill(victim).await?;
        }
        Fault::Terminate => {
            sleep(load).await;
            cluster.terminate(victim).await?;
        }
        Fault::KillStopping { after_ms } => {
            sleep(load).await;
            cluster.gateway(victim)?.signal(Signal::TERM)?;
            sleep(Duration::from_millis(after_ms)).await;
            cluster.kill(victim).await?;
        }
        Fault::KillPostmaster => {
            sleep(load).await;
            kill_database(cluster, &mut random).await?;
        }
        Fault::KillBackend => {
            sleep(load).await;
            cluster.database_is_shaken = true;
            cluster.postgres.kill_one_process(&mut random)?;
            sleep(Duration::from_millis(random.below(WITHOUT_DATABASE_MS))).await;
        }
        Fault::KillGatewayAndPostmaster => {
            sleep(load).await;
            kill_database(cluster, &mut random).await?;
            cluster.kill(victim).await?;
        }
        Fault::KillEverything => {
            sleep(load).await;
            cluster.database_is_shaken = true;
            cluster.postgres.kill()?;
            for index in 0..GATEWAYS {
                cluster.gateway(index)?.signal(Signal::KILL)?;
            }
            for index in 0..GATEWAYS {
                cluster.kill(index).await?;
            }
        }
    }
    Ok(Reached::Nothing)
}

async fn kill_database(cluster: &mut Cluster, random: &mut Random) -> anyhow::Result<()> {
    cluster.database_is_shaken = true;
    cluster.postgres.kill()?;
    sleep(Duration::from_millis(random.below(WITHOUT_DATABASE_MS))).await;
    Ok(())
}

/// A life that is armed, from its start to its end.
async fn at_point(
    cluster: &mut Cluster,
    victim: usize,
    point: Point,
    armed: &str,
    panics: bool,
    load: Duration,
) -> anyhow::Result<Reached> {
    match point.moment() {
        Moment::Starting | Moment::Recovering => {
            // The life before it leaves something to recover.
            cluster.ensure_up(victim).await?;
            sleep(load).await;
            cluster.kill(victim).await?;
        }
        Moment::Serving | Moment::Billing | Moment::Stopping => cluster.terminate(victim).await?,
    }
    cluster.spawn(victim, Some(armed))?;
    let started = cluster.started(victim).await?;
    if let Started::Ended(status) = started {
        return judge_end(cluster, victim, point, panics, status);
    }
    if point.moment() == Moment::Stopping {
        sleep(load).await;
        cluster.gateway(victim)?.signal(Signal::TERM)?;
    }
    if !panics {
        return match cluster.gateway(victim)?.ends_within(FIRES_WITHIN).await? {
            Some(status) => {
                cluster.note_end(victim, status);
                judge_end(cluster, victim, point, panics, status)
            }
            None => not_reached(cluster, victim, point).await,
        };
    }
    let said = format!("failpoint {}: panic", point.name());
    let deadline = Instant::now() + FIRES_WITHIN;
    let log = cluster.gateway(victim)?.log();
    while !std::fs::read_to_string(&log).context("the log of a gateway")?.contains(&said) {
        if Instant::now() > deadline {
            return not_reached(cluster, victim, point).await;
        }
        sleep(LOOK_AGAIN).await;
    }
    after_panic(cluster, victim, point).await
}

/// A panic on the path of one request is that request's. One of what brings requests into the books ends the server.
async fn after_panic(cluster: &mut Cluster, victim: usize, point: Point) -> anyhow::Result<Reached> {
    let log = cluster.gateway(victim)?.log();
    if point.moment() == Moment::Serving {
        let deadline = Instant::now() + READY_WITHIN;
        while !cluster.gateway(victim)?.is_ready().await {
            if Instant::now() > deadline {
                cluster.fault(format!(
                    "gateway {victim} is not ready after a panic at {}: {}",
                    point.name(),
                    log.display()
                ));
                cluster.kill(victim).await?;
                break;
            }
            sleep(LOOK_AGAIN).await;
        }
        return Ok(Reached::Fired(point));
    }
    if let Some(status) = cluster.gateway(victim)?.ends_within(ENDS_WITHIN).await? {
        cluster.note_end(victim, status);
        if status.success() {
            let point = point.name();
            cluster.fault(format!("gateway {victim} calls its end after a panic at {point} a success"));
        }
    } else {
        let (point, log) = (point.name(), log.display());
        cluster.fault(format!("gateway {victim} lives on {ENDS_WITHIN:?} after a panic at {point}: {log}"));
        cluster.kill(victim).await?;
    }
    Ok(Reached::Fired(point))
}

/// An armed life has ended: it must be the failpoint's doing.
fn judge_end(
    cluster: &mut Cluster,
    victim: usize,
    point: Point,
    panics: bool,
    status: std::process::ExitStatus,
) -> anyhow::Result<Reached> {
    let is_ours = if panics { !status.success() && !is_abort(status) } else { is_abort(status) };
    if is_ours {
        return Ok(Reached::Fired(point));
    }
    if !status.success() {
        let logs = cluster.gateway(victim)?.log();
        cluster.fault(format!(
            "gateway {victim} was to end at {} and ended otherwise ({status}): {}",
            point.name(),
            logs.display()
        ));
    }
    Ok(Reached::Missed(point))
}

/// It must not be reached in a later cycle.
async fn not_reached(cluster: &mut Cluster, victim: usize, point: Point) -> anyhow::Result<Reached> {
    cluster.kill(victim).await?;
    Ok(Reached::Missed(point))
}
