//! Closes the hours that have ended, so that reports over weeks read sums of days. Each server runs one; they take turns.
//!
//! Nothing depends on it but how long reports take: what is not closed is read hour by hour, and is the same.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tollgate_domain::Clock;
use tollgate_store::{Store, closed_hours};

/// How often it is looked whether an hour has ended: a question of a millisecond, where none has.
const INTERVAL: Duration = Duration::from_mins(1);

/// Closes hours.
#[derive(Debug)]
pub(super) struct Closer {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl Closer {
    pub(super) const fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Closes hours until `shutdown`; what is interrupted is not done, and done by the next.
    pub(super) async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut is_failing = false;
        loop {
            let closed = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                closed = closed_hours::close(&self.store, self.clock.now()) => closed,
            };
            match closed {
                Ok(_) if is_failing => {
                    is_failing = false;
                    tracing::info!("hours that ended are closed again");
                }
                Err(error) if !is_failing => {
                    is_failing = true;
                    tracing::warn!(%error, "hours that ended could not be closed; until they are, reports over weeks take longer");
                }
                Ok(_) | Err(_) => {}
            }
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                () = sleep(INTERVAL) => {}
            }
        }
    }
}
