//! Where a request's record goes, and the guarantee that it goes there exactly once.
//!
//! A place for the record is reserved at admission ([`RecordSink::try_reserve`]), so work that was admitted always fits. From
//! then on the request is in flight: whatever happens to it (answered, failed, abandoned, a panic), it
//! ends in exactly one record.
//!
//! A sink takes each request down twice, and says each time when that is safe ([`Durable`]):
//!
//! - its admission ([`RecordSlot::admit`]), which must be safe before the first byte of a response is let go. That overlaps the
//!   wait for the upstream. A request that ends before a byte was let go needs none any more ([`RecordSlot::withdraw`]);
//! - its record ([`RecordSlot::finish`]), which must be safe before the last bytes of a response are let go.
//!
//! Not guaranteed: what a sink makes of a process that dies between the two. That is its own promise.

mod durable;
mod in_flight;
mod kept;

use futures_util::future::BoxFuture;
use tollgate_domain::{CorrelationId, InstanceId, RawAnalyticsRecord};

pub use durable::{Durable, NotDurable};
pub(crate) use in_flight::{Admission, Ended, InFlight, Receipt, Recorded};
pub(crate) use kept::Kept;

/// Takes records. Implemented over a batcher's sender, over a spool, or in memory.
pub trait RecordSink: Send + Sync + std::fmt::Debug {
    /// Whose records these are; with their correlation id it identifies them.
    fn instance_id(&self) -> InstanceId;

    /// Is run on each thread that serves, for as long as that does: a sink can tell there of many records at once that they are safe.
    fn attend(&self) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }

    /// A place for one record and its number; why there is none, and then nothing is admitted.
    fn try_reserve(&self) -> Result<Box<dyn RecordSlot>, NoPlace>;
}

/// Why nothing can be admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoPlace {
    /// There is no room now; there will be.
    #[error("there is no room for one more record")]
    Full,
    /// Records cannot be kept any more until the operator acts.
    #[error("records cannot be kept any more")]
    Broken,
}

/// A reserved place for one record.
pub trait RecordSlot: Send + std::fmt::Debug {
    /// The number of the request: minted once, ever, for this instance.
    fn correlation_id(&self) -> CorrelationId;

    /// Takes down that the request was admitted, with all that is known of it; called once, before the request is sent, and
    /// never blocks. `body_bytes` is the declared length of the request's body. What it returns is awaited before the first
    /// byte of a response is let go.
    fn admit(&mut self, admitted: &RawAnalyticsRecord, body_bytes: Option<u64>) -> Durable;

    /// The request ends before anything of it was let go: takes the admission back where that saves work. `true`: only the record, which
    /// follows at once, is waited for; `false`: what [`RecordSlot::admit`] returned is to be awaited as well.
    fn withdraw(&mut self) -> bool {
        false
    }

    /// Takes the record; never blocks. The request has ended with it.
    fn finish(self: Box<Self>, record: RawAnalyticsRecord) -> Finished;
}

/// A record that was handed over.
#[derive(Debug)]
pub struct Finished {
    /// Dense, in the order in which records are taken over: what a snapshot of the balances includes is told by it.
    pub position: i64,
    /// Is awaited before the last bytes of the response are let go.
    pub durable: Durable,
}
