//! The gateway's recorder over the batcher's channel: the one place where the two meet.

use std::sync::atomic::{AtomicI64, Ordering};

use tollgate_domain::{CorrelationId, InstanceId, RawAnalyticsRecord};
use tollgate_gateway::recorder::{Durable, Finished, NoPlace, RecordSink, RecordSlot};
use tollgate_metering::{AnalyticsPermit, AnalyticsSender};

/// Records go to the batcher of this process, and are gone with it.
#[derive(Debug)]
pub(super) struct BatcherSink {
    sender: AnalyticsSender,
    next_correlation_id: AtomicI64,
}

impl BatcherSink {
    pub(super) const fn new(sender: AnalyticsSender) -> Self {
        Self { sender, next_correlation_id: AtomicI64::new(1) }
    }
}

#[derive(Debug)]
struct Slot {
    permit: AnalyticsPermit,
    correlation_id: CorrelationId,
}

impl RecordSink for BatcherSink {
    fn instance_id(&self) -> InstanceId {
        self.sender.instance_id()
    }

    fn try_reserve(&self) -> Result<Box<dyn RecordSlot>, NoPlace> {
        let permit = self.sender.try_reserve().ok_or(NoPlace::Full)?;
        let correlation_id = CorrelationId::new(self.next_correlation_id.fetch_add(1, Ordering::Relaxed));
        Ok(Box::new(Slot { permit, correlation_id }))
    }
}

impl RecordSlot for Slot {
    fn correlation_id(&self) -> CorrelationId {
        self.correlation_id
    }

    fn admit(&mut self, _admitted: &RawAnalyticsRecord, _body_bytes: Option<u64>) -> Durable {
        Durable::already()
    }

    fn finish(self: Box<Self>, record: RawAnalyticsRecord) -> Finished {
        Finished { position: self.permit.send(record), durable: Durable::already() }
    }
}
