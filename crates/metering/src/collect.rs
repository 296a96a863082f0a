//! Collecting: block for one record, take what is waiting, and make it ready while the batch before it is being written.
//!
//! Two batches start at least the flush interval apart, and the books rest as long as the flush before took, or 3 ms (20 at some
//! thousand records a second); the first after a pause never
//! waits. So a lone record is written at once, and batches grow with the load by themselves: one is closed when a flusher asks for it, or rather
//! when nothing more is waiting then.
//!
//! What is made ready ahead rests on what is known already; nothing here asks the database. Where something is not known, the flusher
//! looks it up.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::delivery::Queued;
use crate::flush::Engine;
use crate::prepare::Prepared;

/// Records that are made ready, or counted, at once: half a millisecond, after which others have their turn. Without that, whoever is
/// to answer PostgreSQL waits behind it: what was woken last on a thread is taken over by no other.
pub(crate) const PORTION: usize = 128;

/// The longest rest between two flushes. A transaction costs as much as the writing of a hundred records, so at some thousand a second it pays to
/// wait for more; and whoever waits for a balance does not notice.
const LONGEST_REST: Duration = Duration::from_millis(20);
/// The shortest, however fast the database is: what a flush costs is not its records, and nobody sees the difference.
const SHORTEST_REST: Duration = Duration::from_millis(3);
/// From so many records a second on the books rest as long as they may: a flush of more of them costs little more than one of few, and the
/// processor's time is better spent on requests.
const MANY_A_SECOND: f64 = 4_000.0;
/// With so many there is no rest: a further record in the batch makes none of them cheaper.
const ENOUGH: usize = 1_000;

/// Records to be written together.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// In the order of the channel.
    pub(crate) queued: Vec<Queued>,
    /// All of them, made ready; `None` where that was not possible yet.
    pub(crate) prepared: Option<Prepared>,
}

/// A flusher's end: where it asks for work.
#[derive(Debug, Clone)]
pub(crate) struct Inbox(mpsc::Sender<oneshot::Sender<Batch>>);

impl Inbox {
    /// The next batch; `None`: everything that was sent or reserved has been handed out.
    pub(crate) async fn next_batch(&self) -> Option<Batch> {
        let (answer, batch) = oneshot::channel();
        self.0.send(answer).await.ok()?;
        batch.await.ok()
    }
}

/// The receiving end of the channel.
#[derive(Debug)]
pub(crate) struct Collector {
    engine: Arc<Engine>,
    receiver: mpsc::Receiver<Queued>,
    idle: mpsc::Receiver<oneshot::Sender<Batch>>,
    /// When the batch before was handed over.
    last_start: Option<Instant>,
    /// Records came at [`MANY_A_SECOND`] since the batch before.
    comes_fast: bool,
    is_closed: bool,
}

impl Collector {
    pub(crate) fn new(engine: Arc<Engine>, receiver: mpsc::Receiver<Queued>) -> (Self, Inbox) {
        let (asking, idle) = mpsc::channel(1);
        (
            Self { engine, receiver, idle, last_start: None, comes_fast: false, is_closed: false },
            Inbox(asking),
        )
    }

    /// Hands out batches until everything that was sent or reserved has been.
    ///
    /// From `shutdown` on the channel takes nothing new. What was sent before still comes, and so does what was
    /// reserved, as soon as it is sent or given back.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        while let Some((flusher, batch)) = self.next(&shutdown).await {
            let now = Instant::now();
            self.comes_fast = self.last_start.is_some_and(|last| {
                let enough = MANY_A_SECOND * now.duration_since(last).as_secs_f64();
                u32::try_from(batch.queued.len()).is_ok_and(|count| f64::from(count) >= enough)
            });
            self.last_start = Some(now);
            let waiting = i64::try_from(self.receiver.len()).unwrap_or(i64::MAX);
            self.engine.metrics.queue_depth.set(waiting);
            if flusher.send(batch).is_err() {
                // The flusher is gone by a panic, and with it the batcher.
                return;
            }
        }
    }

    async fn next(&mut self, shutdown: &CancellationToken) -> Option<(oneshot::Sender<Batch>, Batch)> {
        let config = &self.engine.config;
        let (most, interval) = (config.batch_size, config.flush_interval());
        let mut batch = Batch::default();
        let mut flusher = None;
        let mut is_drained = false;
        loop {
            let count = batch.queued.len();
            let room = if is_drained { 0 } else { (most - count).min(PORTION) };
            let apart = if count < ENOUGH { interval.max(self.until_rested()) } else { interval };
            let due =
                self.last_start.filter(|_| !self.is_closed).map_or_else(Instant::now, |last| last + apart);
            tokio::select! {
                biased;
                () = shutdown.cancelled(), if !self.is_closed => {
                    self.receiver.close();
                    self.is_closed = true;
                }
                taken = self.receiver.recv_many(&mut batch.queued, room), if room > 0 => {
                    if taken > 0 {
                        self.engine.prepare_ahead(&mut batch, count);
                        yield_now().await;
                    } else if count == 0 {
                        return None;
                    } else {
                        is_drained = true;
                    }
                }
                asked = self.idle.recv(), if count > 0 && flusher.is_none() => flusher = Some(asked?),
                () = sleep_until(due), if flusher.is_some() => break,
            }
        }
        Some((flusher?, batch))
    }

    /// How long after the start of the last flush the next one is due, for the rest between them to be as long as it was.
    fn until_rested(&self) -> Duration {
        let took = Duration::from_micros(self.engine.last_flush_us.load(Ordering::Relaxed));
        if self.engine.config.flush_interval().is_zero() {
            Duration::ZERO
        } else {
            let shortest = if self.comes_fast { LONGEST_REST } else { SHORTEST_REST };
            took + took.clamp(shortest, LONGEST_REST)
        }
    }
}
