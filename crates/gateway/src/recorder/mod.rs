//! Where a request's record goes, and the guarantee that it goes there exactly once.
//!
//! A place for the record is reserved at admission ([`RecordSink::try_reserve`]), so work that was admitted always fits. From
//! then on the request is in flight: whatever happens to it (answered, failed, abandoned, a panic), it
//! ends in exactly one record.

mod in_flight;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tollgate_domain::{CorrelationId, InstanceId, RawAnalyticsRecord};

pub(crate) use in_flight::{Admission, Ended, InFlight, Receipt};

/// Takes records. Implemented over a batcher's sender, over a spool, or in memory.
pub trait RecordSink: Send + Sync + std::fmt::Debug {
    /// Whose records these are; with their correlation id it identifies them.
    fn instance_id(&self) -> InstanceId;

    /// A place for one record; `None` when there is none, and then nothing is admitted.
    fn try_reserve(&self) -> Option<Box<dyn RecordSlot>>;
}

/// A reserved place for one record.
pub trait RecordSlot: Send + std::fmt::Debug {
    /// Takes the record. Never blocks. Returns its position: dense, in the order in which records are taken over.
    fn send(self: Box<Self>, record: RawAnalyticsRecord) -> i64;
}

/// Mints identities and hands out places.
#[derive(Debug)]
pub(crate) struct Recorder {
    sink: Arc<dyn RecordSink>,
    next_correlation_id: AtomicI64,
}

impl Recorder {
    pub(crate) fn new(sink: Arc<dyn RecordSink>) -> Self {
        Self { sink, next_correlation_id: AtomicI64::new(1) }
    }

    pub(crate) fn instance_id(&self) -> InstanceId {
        self.sink.instance_id()
    }

    pub(crate) fn try_reserve(&self) -> Option<Box<dyn RecordSlot>> {
        self.sink.try_reserve()
    }

    /// The next number of this instance. Only an admitted request takes one.
    pub(crate) fn mint(&self) -> CorrelationId {
        CorrelationId::new(self.next_correlation_id.fetch_add(1, Ordering::Relaxed))
    }
}
