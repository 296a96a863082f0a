//! Collecting: block for one record, drain what is waiting, hand over.
//!
//! Two batches start at least the flush interval apart; the first after a pause never waits. So a lone record is written at once,
//! and batches grow with the load by themselves.

use tokio::sync::{Mutex, mpsc};
use tokio::time::{Duration, Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::delivery::Queued;
use crate::metrics::Metrics;

/// The receiving end, shared by the flushers: one collects while the others write.
#[derive(Debug)]
pub(crate) struct Inbox {
    open: Mutex<Open>,
    batch_size: usize,
    interval: Duration,
    metrics: Metrics,
}

#[derive(Debug)]
struct Open {
    receiver: mpsc::Receiver<Queued>,
    last_start: Option<Instant>,
    is_closed: bool,
}

impl Inbox {
    pub(crate) fn new(
        receiver: mpsc::Receiver<Queued>,
        batch_size: usize,
        interval: Duration,
        metrics: Metrics,
    ) -> Self {
        let open = Mutex::new(Open { receiver, last_start: None, is_closed: false });
        Self { open, batch_size, interval, metrics }
    }

    /// The next batch, in the order of the channel; empty: everything that was sent or reserved has been handed out.
    ///
    /// From `shutdown` on the channel takes nothing new. What was sent before still comes, and so does what was
    /// reserved, as soon as it is sent or given back.
    pub(crate) async fn next_batch(&self, shutdown: &CancellationToken) -> Vec<Queued> {
        let mut open = self.open.lock().await;
        let mut batch = Vec::new();
        while batch.is_empty() && !open.is_closed {
            let Open { receiver, is_closed, .. } = &mut *open;
            tokio::select! {
                biased;
                () = shutdown.cancelled() => {
                    receiver.close();
                    *is_closed = true;
                }
                received = receiver.recv_many(&mut batch, self.batch_size) => {
                    if received == 0 {
                        // Every sender is gone.
                        return batch;
                    }
                }
            }
        }
        if batch.is_empty() {
            open.receiver.recv_many(&mut batch, self.batch_size).await;
        } else if let Some(at) = open.last_start.map(|last| last + self.interval)
            && !open.is_closed
        {
            sleep_until(at).await;
        }
        while batch.len() < self.batch_size
            && let Ok(queued) = open.receiver.try_recv()
        {
            batch.push(queued);
        }
        open.last_start = Some(Instant::now());
        self.metrics.queue_depth.set(i64::try_from(open.receiver.len()).unwrap_or(i64::MAX));
        batch
    }
}
