//! Other customers, who notice nothing: good requests at a constant rate, in equal parts at each gateway.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    load::{
        arrivals::{self, Sample, Samples},
        good::{Good, Mix},
    },
    stage::tollgate::Tollgate,
};

/// Requests under way. Dropped, they stop.
#[derive(Debug)]
pub(super) struct Traffic {
    samples: Samples,
    stop: CancellationToken,
    senders: JoinSet<()>,
}

impl Traffic {
    /// Sends `per_second` requests a second in all.
    pub(super) fn start(gateways: &[Tollgate], keys: &[String], per_second: f64) -> Self {
        let (samples, stop, mut senders) = (Samples::default(), CancellationToken::new(), JoinSet::new());
        #[expect(clippy::cast_precision_loss, reason = "a handful")]
        let each = per_second / gateways.len().max(1) as f64;
        for (number, gateway) in gateways.iter().enumerate() {
            let good = Arc::new(Good { url: gateway.url(), keys: keys.to_vec(), mix: Mix::Quick });
            // Each begins elsewhere, so that not all send the same at once.
            senders.spawn(arrivals::send(good, each, number * 1_000, samples.clone(), stop.clone()));
        }
        Self { samples, stop, senders }
    }

    /// Stops, waits for the answers, and tells how all requests went.
    pub(super) async fn stop(mut self) -> Vec<Sample> {
        self.stop.cancel();
        while self.senders.join_next().await.is_some() {}
        self.samples.take()
    }
}
