//! Without slow connections and with them, in turn.

use std::time::{Duration, Instant};

use tollgate_testkit::ProcessUse;

use super::{
    Options,
    holder::{Holder, Tallies},
};
use crate::{
    load::server::{Metrics, process_use},
    stage::{ask::Surface, tollgate::Tollgate, wait_for},
};

/// After the last slow connection was let go, before the next phase: what the gateway does about it is over.
const SETTLE: Duration = Duration::from_secs(2);
/// The gateway's memory and descriptors are looked at so often.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Whether slow connections are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum With {
    Nothing,
    SlowConnections,
}

/// A time during which nothing was changed.
#[derive(Debug)]
pub(super) struct Phase {
    pub(super) with: With,
    pub(super) from: Instant,
    pub(super) to: Instant,
    /// The gateway's process at its largest.
    pub(super) most: ProcessUse,
    /// Processor time of the gateway, in parts of one processor.
    pub(super) cpu: f64,
    /// Connections of clients that the gateway counted, at the end.
    pub(super) connections: f64,
}

/// All of them, in order, and what became of the slow connections of each round.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    pub(super) phases: Vec<Phase>,
    pub(super) tallies: Vec<Tallies>,
}

impl Rounds {
    /// Quiet, slow, quiet, slow, …, quiet.
    pub(super) async fn run(options: &Options, tollgate: &Tollgate, key: &str) -> anyhow::Result<Self> {
        let mut rounds = Self::default();
        let length = Duration::from_secs(options.seconds);
        let quiet = rounds.phase(With::Nothing, tollgate, length).await?;
        #[expect(clippy::cast_precision_loss, reason = "a number of connections")]
        let connections = options.connections as f64;
        for round in 1..=options.rounds {
            let opening = Instant::now();
            let model = Surface::Chat.model();
            let holder = Holder::open(tollgate.address(), key, model, options.connections).await?;
            println!(
                "   round {round}: {} slow connections are held, after {:.1} s",
                options.connections,
                opening.elapsed().as_secs_f64()
            );
            rounds.phase(With::SlowConnections, tollgate, length).await?;
            rounds.tallies.push(holder.close().await?);
            let most = quiet + SPARE.max(connections / 10.0);
            wait_for("the gateway to notice that slow clients have gone", async || {
                let metrics = Metrics::read(&tollgate.url()).await?;
                // What is still drained of their streams would slow the phase that is to be quiet.
                let is_over = metrics.get(CONNECTIONS) <= most && metrics.get(DRAINING) == 0.0;
                Ok(is_over.then_some(()))
            })
            .await?;
            tokio::time::sleep(SETTLE).await;
            rounds.phase(With::Nothing, tollgate, length).await?;
        }
        Ok(rounds)
    }

    /// Lets so much time pass; answers how many connections the gateway has then.
    async fn phase(&mut self, with: With, tollgate: &Tollgate, length: Duration) -> anyhow::Result<f64> {
        let from = Instant::now();
        let begin = process_use(tollgate)?;
        let mut most = begin;
        while from.elapsed() < length {
            tokio::time::sleep(LOOK_EVERY.min(length)).await;
            let now = process_use(tollgate)?;
            most.resident_bytes = most.resident_bytes.max(now.resident_bytes);
            most.descriptors = most.descriptors.max(now.descriptors);
            most.cpu_ms = now.cpu_ms;
        }
        let to = Instant::now();
        #[expect(clippy::cast_precision_loss, reason = "a share of time for people")]
        let cpu = (most.cpu_ms - begin.cpu_ms) as f64 / 1_000.0 / (to - from).as_secs_f64();
        let connections = Metrics::read(&tollgate.url()).await?.get(CONNECTIONS);
        self.phases.push(Phase { with, from, to, most, cpu, connections });
        Ok(connections)
    }
}

const CONNECTIONS: &str = "tollgate_gateway_connections";
const DRAINING: &str = "tollgate_gateway_draining";
/// Connections of good clients that may have come since; or a tenth of the slow ones, of whom each kind is a fifth. Good clients keep as many
/// as they ever needed at once, which is more where the machine was busy.
const SPARE: f64 = 32.0;
