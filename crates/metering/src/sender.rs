//! The way in: a bounded channel whose records are numbered in the order in which they lie in it.
//!
//! A position names a record's place in this sender's stream. The batcher commits the highest position below which everything is in
//! the books beside the balances, so that a gateway knows which of its requests a balance includes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tollgate_domain::{InstanceId, RawAnalyticsRecord};

use crate::delivery::{Queued, Reach};

/// A record's place in the stream of one sender: 1, 2, 3, … without gaps.
pub type Position = i64;

/// What sender, permits and batcher share.
#[derive(Debug)]
pub(crate) struct Stream {
    instance_id: InstanceId,
    /// The last position handed out. Numbering and pushing happen under this one lock, or the order would be two orders.
    last: Mutex<Position>,
    /// The batcher has ended: what comes now is lost, and counted.
    ended: AtomicBool,
    unaccounted: Gauge,
}

impl Stream {
    pub(crate) fn instance_id(&self) -> InstanceId {
        self.instance_id
    }

    /// From here on nobody takes a record. Returns the last position that was handed out before: what comes later counts itself.
    pub(crate) fn end(&self) -> Position {
        let last = self.last.lock();
        self.ended.store(true, Ordering::SeqCst);
        *last
    }
}

/// Ends the stream with the batcher, also with one whose future is dropped.
#[derive(Debug)]
pub(crate) struct EndOnDrop(pub(crate) Arc<Stream>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Sends records to the batcher. Cheap to clone; all clones feed one stream.
#[derive(Debug, Clone)]
pub struct AnalyticsSender {
    stream: Arc<Stream>,
    channel: mpsc::Sender<Queued>,
}

/// The batcher takes no more records. Holds the one that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the analytics batcher is shutting down and takes no more records; this one was not taken")]
pub struct Closed(pub Box<RawAnalyticsRecord>);

impl AnalyticsSender {
    pub(crate) fn new(
        instance_id: InstanceId,
        capacity: usize,
        unaccounted: Gauge,
    ) -> (Self, Arc<Stream>, mpsc::Receiver<Queued>) {
        let (channel, receiver) = mpsc::channel(capacity);
        let stream =
            Arc::new(Stream { instance_id, last: Mutex::new(0), ended: AtomicBool::new(false), unaccounted });
        (Self { stream: Arc::clone(&stream), channel }, stream, receiver)
    }

    pub(crate) fn weak_channel(&self) -> mpsc::WeakSender<Queued> {
        self.channel.downgrade()
    }

    /// The stream that positions count in; also the instance under which new records should be minted.
    pub fn instance_id(&self) -> InstanceId {
        self.stream.instance_id
    }

    /// Sends a record, waiting while the channel is full.
    pub async fn send(&self, record: RawAnalyticsRecord) -> Result<Position, Closed> {
        match self.channel.clone().reserve_owned().await {
            Ok(place) => Ok(AnalyticsPermit { stream: Arc::clone(&self.stream), place }.send(record)),
            Err(_) => Err(Closed(Box::new(record))),
        }
    }

    /// Reserves a place without waiting. `None`: the channel is full, or the batcher is shutting down.
    ///
    /// Reserve before work begins that must be recorded: what was reserved is waited for at shutdown.
    pub fn try_reserve(&self) -> Option<AnalyticsPermit> {
        let place = self.channel.clone().try_reserve_owned().ok()?;
        Some(AnalyticsPermit { stream: Arc::clone(&self.stream), place })
    }

    /// Whether the batcher takes no more records.
    pub fn is_closed(&self) -> bool {
        self.channel.is_closed()
    }

    /// Records and reservations that are in the channel now.
    pub fn queued(&self) -> usize {
        self.channel.max_capacity().saturating_sub(self.channel.capacity())
    }
}

/// A reserved place. Dropped unused, it gives the place back.
#[derive(Debug)]
pub struct AnalyticsPermit {
    stream: Arc<Stream>,
    place: mpsc::OwnedPermit<Queued>,
}

impl AnalyticsPermit {
    /// Sends the record, without waiting.
    pub fn send(self, record: RawAnalyticsRecord) -> Position {
        let mut last = self.stream.last.lock();
        *last = last.saturating_add(1);
        let position = *last;
        let channel = self.place.send(Queued {
            generation: 0,
            index: position,
            ended_at: Instant::now(),
            record,
            reach: Reach { position, mark: None },
            spooled: None,
        });
        // Under the lock: a record is either among those that the batcher counts when it ends, or counts itself.
        let has_ended = self.stream.ended.load(Ordering::SeqCst);
        drop(last);
        drop(channel);
        if has_ended {
            self.stream.unaccounted.inc();
            tracing::error!(position, "a record came after the batcher had ended, and is lost");
        }
        position
    }
}
