//! The gateway's recorder over the journal: the one place where the two meet.

use std::pin::Pin;

use tollgate_domain::{CorrelationId, InstanceId, RawAnalyticsRecord};
use tollgate_gateway::recorder::{self, Durable, Finished, NotDurable, RecordSink, RecordSlot};
use tollgate_metering::Journal;
use tollgate_metering::journal::{self, NoPlace, Pending, Place};

/// Records go into the journal, and outlive this process as far as it is durable.
#[derive(Debug)]
pub(super) struct JournalSink {
    journal: Journal,
    /// Whether there is anything to wait for.
    waits: bool,
}

impl JournalSink {
    pub(super) fn new(journal: Journal) -> Self {
        Self { waits: journal.is_durable(), journal }
    }
}

#[derive(Debug)]
struct Slot {
    place: Place,
    waits: bool,
}

impl RecordSink for JournalSink {
    fn instance_id(&self) -> InstanceId {
        self.journal.instance_id()
    }

    fn attend(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(journal::attend())
    }

    fn try_reserve(&self) -> Result<Box<dyn RecordSlot>, recorder::NoPlace> {
        match self.journal.try_reserve() {
            Ok(place) => Ok(Box::new(Slot { place, waits: self.waits })),
            Err(NoPlace::Full) => Err(recorder::NoPlace::Full),
            Err(NoPlace::Broken) => Err(recorder::NoPlace::Broken),
        }
    }
}

impl RecordSlot for Slot {
    fn correlation_id(&self) -> CorrelationId {
        self.place.correlation_id()
    }

    fn admit(&mut self, admitted: &RawAnalyticsRecord, body_bytes: Option<u64>) -> Durable {
        let pending = self.place.admit(admitted, body_bytes);
        durable(pending, self.waits)
    }

    fn withdraw(&mut self) -> bool {
        self.place.withdraw()
    }

    fn finish(self: Box<Self>, record: RawAnalyticsRecord) -> Finished {
        let (position, pending) = self.place.finish(record);
        Finished { position, durable: durable(pending, self.waits) }
    }
}

/// The spool has said why in the log, once.
fn durable(pending: Pending, waits: bool) -> Durable {
    if !waits && pending.is_taken() {
        return Durable::already();
    }
    Durable::when(async move { pending.durable().await.map_err(|_| NotDurable) })
}
