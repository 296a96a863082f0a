//! The gateway's recorder over the batcher's channel: the one place where the two meet.

use tollgate_domain::{InstanceId, RawAnalyticsRecord};
use tollgate_gateway::recorder::{RecordSink, RecordSlot};
use tollgate_metering::{AnalyticsPermit, AnalyticsSender};

/// Records go to the batcher of this process.
#[derive(Debug)]
pub(super) struct BatcherSink(pub(super) AnalyticsSender);

#[derive(Debug)]
struct Slot(AnalyticsPermit);

impl RecordSink for BatcherSink {
    fn instance_id(&self) -> InstanceId {
        self.0.instance_id()
    }

    fn try_reserve(&self) -> Option<Box<dyn RecordSlot>> {
        self.0.try_reserve().map(|permit| Box::new(Slot(permit)) as Box<dyn RecordSlot>)
    }
}

impl RecordSlot for Slot {
    fn send(self: Box<Self>, record: RawAnalyticsRecord) -> i64 {
        self.0.send(record)
    }
}
