//! What runs beside the flushers: partitions ahead of the days, prices for what waits for one, gauges.

use std::sync::Arc;

use tokio::time::{Duration, Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tollgate_failpoints::{Point, hit};
use tollgate_store::utc::UtcDay;
use tollgate_store::{ServerRun, StoreError, epochs, quarantine, usage_records};

use crate::flush::Engine;
use crate::unrated;

/// How soon a new price reaches the records that wait for it: a look at one row each time.
const TICK: Duration = Duration::from_secs(1);
/// Gauges count rows by partial index: cheap, not free.
const GAUGES_INTERVAL: Duration = Duration::from_secs(10);

/// Making partitions again after the table was locked: each try may hold up flushes for its lock time-out.
const PARTITIONS_INTERVAL: Duration = Duration::from_mins(1);

/// Runs until `stop`. Failures pass: everything here is looked at again at the next tick.
pub(crate) async fn run(engine: Arc<Engine>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut house = House { partitions_made: None, partitions_at: None, rated_epoch: None, gauges_at: None };
    let mut is_failing = false;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        hit(Point::HousekeepingTurn);
        let kept = tokio::select! {
            () = stop.cancelled() => return,
            kept = house.keep(&engine) => kept,
        };
        match kept {
            Ok(()) => is_failing = false,
            Err(error) => {
                if !is_failing {
                    tracing::warn!(%error, "partitions, late prices and gauges wait for the database");
                }
                is_failing = true;
            }
        }
    }
}

struct House {
    partitions_made: Option<(ServerRun, UtcDay)>,
    partitions_at: Option<Instant>,
    rated_epoch: Option<(ServerRun, i32)>,
    gauges_at: Option<Instant>,
}

impl House {
    async fn keep(&mut self, engine: &Engine) -> Result<(), StoreError> {
        // What was done on one server may be undone on the next.
        let seen = engine.store.tx("read_epochs", async |tx| epochs::read(&tx).await).await?;
        let rated = (seen.server, seen.pricing);
        if self.rated_epoch != Some(rated) {
            let rating = unrated::rate_unrated(&engine.store, &engine.preparer.keys).await?;
            self.rated_epoch = Some(rated);
            engine.metrics.deduct(rating.charged);
            engine.depletions.report(&rating.balances);
        }
        if self.gauges_at.is_none_or(|at| at.elapsed() >= GAUGES_INTERVAL) {
            let (unrated, quarantined) = engine
                .store
                .tx("count_waiting", async |tx| {
                    Ok((usage_records::count_unrated(&tx).await?, quarantine::count(&tx).await?))
                })
                .await?;
            engine.metrics.unrated.set(unrated);
            engine.metrics.quarantined.set(quarantined);
            self.gauges_at = Some(Instant::now());
        }
        // Last: a clock that shows a day for which none can be made must hold up nothing else.
        let made = (seen.server, UtcDay::clamped(engine.clock.now()));
        let is_due = self.partitions_at.is_none_or(|at| at.elapsed() >= PARTITIONS_INTERVAL);
        if self.partitions_made != Some(made) && is_due {
            self.partitions_at = Some(Instant::now());
            if engine.make_partitions().await? {
                self.partitions_made = Some(made);
                self.partitions_at = None;
            }
        }
        Ok(())
    }
}
