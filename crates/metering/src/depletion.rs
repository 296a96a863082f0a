//! Telling the gateways that somebody ran dry: after the commit, coalesced, at most once per interval.
//!
//! Leading and trailing edge: the first depletion after a pause is told at once, those that follow within the interval are told
//! together at its end. Only crossings from above zero to zero or less are told: that is what admission turns on, and what
//! must be quick. Every other change reaches the gateways by their poll, each second. A notification that cannot be
//! sent is dropped for the same reason: it is a hint.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;
use tokio::time::{Duration, Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tollgate_domain::Clock;
use tollgate_store::ledger::BalanceChange;
use tollgate_store::{Store, StoreError, notify};

use crate::metrics::Metrics;

/// Where flushes and raters report depleted balances.
#[derive(Debug)]
pub(crate) struct Depletions {
    is_due: AtomicBool,
    wake: Notify,
    metrics: Metrics,
}

impl Depletions {
    pub(crate) fn new(metrics: Metrics) -> Self {
        Self { is_due: AtomicBool::new(false), wake: Notify::new(), metrics }
    }

    /// Call after the commit. However many balances were depleted, they are one notification.
    pub(crate) fn report(&self, balances: &[BalanceChange]) {
        if balances.iter().any(BalanceChange::depleted) {
            if self.is_due.swap(true, Ordering::SeqCst) {
                self.metrics.notifications_rate_limited.inc();
            }
            self.wake.notify_one();
        }
    }

    /// Sends what is reported until `stop`, and then what is still due.
    pub(crate) async fn run(
        self: Arc<Self>,
        store: Store,
        clock: Arc<dyn Clock>,
        interval: Duration,
        stop: CancellationToken,
    ) {
        let mut next_at: Option<Instant> = None;
        loop {
            tokio::select! {
                () = self.wake.notified() => {}
                () = stop.cancelled() => break,
            }
            if !self.is_due.load(Ordering::SeqCst) {
                // A wake-up whose reason went out with the notification before.
                continue;
            }
            match next_at.filter(|at| *at > Instant::now()) {
                None => self.metrics.notifications_allowed.inc(),
                Some(at) => {
                    let counted = self.metrics.notifications_rate_limited.inc();
                    tokio::select! {
                        () = sleep_until(at) => counted,
                        () = stop.cancelled() => break,
                    }
                }
            };
            if self.send_if_due(&store, clock.as_ref()).await {
                next_at = Some(Instant::now() + interval);
            }
        }
        self.send_if_due(&store, clock.as_ref()).await;
    }

    async fn send_if_due(&self, store: &Store, clock: &dyn Clock) -> bool {
        // Before sending: what is reported from here on may not be in what the gateways then read.
        if !self.is_due.swap(false, Ordering::SeqCst) {
            return false;
        }
        let epoch_micros = clock.now().as_microsecond();
        let sent = send(store, epoch_micros).await;
        match sent {
            Ok(()) => {
                self.metrics.notifications_sent.inc();
            }
            Err(error) => {
                tracing::warn!(%error, "gateways could not be told of a depleted balance; they see it when they poll");
            }
        }
        true
    }
}

async fn send(store: &Store, epoch_micros: i64) -> Result<(), StoreError> {
    store.tx("notify_balances", async |tx| notify::notify_balances(&tx, epoch_micros).await).await
}
