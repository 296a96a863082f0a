//! A sink whose test says, one by one, when what it was given is safe.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};
use tollgate_domain::{CorrelationId, InstanceId, RawAnalyticsRecord};
use tollgate_gateway::recorder::{Durable, Finished, NoPlace, NotDurable, RecordSink, RecordSlot};

/// What it was given and has not been told of.
type Waiting = Option<oneshot::Sender<Result<(), NotDurable>>>;

/// Takes everything, and keeps quiet about whether it is safe until its test speaks.
#[derive(Debug)]
pub(crate) struct HandSink {
    instance: InstanceId,
    next_correlation_id: AtomicI64,
    holds_admissions: bool,
    gives_back: bool,
    refuses: Mutex<Option<NoPlace>>,
    handed: Arc<watch::Sender<Handed>>,
}

#[derive(Debug, Default)]
struct Handed {
    admissions: Vec<(Admission, Waiting)>,
    records: Vec<(RawAnalyticsRecord, Waiting)>,
}

/// An admission as it was handed over.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    pub(crate) record: RawAnalyticsRecord,
    pub(crate) body_bytes: Option<u64>,
}

impl HandSink {
    /// Waits to be told of admissions and records.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            instance: InstanceId::generate(),
            next_correlation_id: AtomicI64::new(1),
            holds_admissions: true,
            gives_back: false,
            refuses: Mutex::new(None),
            handed: Arc::new(watch::Sender::new(Handed::default())),
        })
    }

    /// Waits to be told of records; admissions are safe at once.
    pub(crate) fn of_records() -> Arc<Self> {
        let sink = Arc::into_inner(Self::new()).expect("nobody else has it");
        Arc::new(Self { holds_admissions: false, ..sink })
    }

    /// Waits to be told of admissions and records; of an admission that is taken back, nobody asks any more.
    pub(crate) fn that_gives_back() -> Arc<Self> {
        let sink = Arc::into_inner(Self::new()).expect("nobody else has it");
        Arc::new(Self { gives_back: true, ..sink })
    }

    /// Has no place from now on.
    pub(crate) fn refuse(&self, why: NoPlace) {
        *self.refuses.lock() = Some(why);
    }

    /// The admissions once there are `count`.
    pub(crate) async fn admissions(&self, count: usize) -> Vec<Admission> {
        self.once(|handed| handed.admissions.len() >= count).await;
        self.handed.borrow().admissions.iter().map(|(admission, _)| admission.clone()).collect()
    }

    /// The records once there are `count`.
    pub(crate) async fn records(&self, count: usize) -> Vec<RawAnalyticsRecord> {
        self.once(|handed| handed.records.len() >= count).await;
        self.handed.borrow().records.iter().map(|(record, _)| record.clone()).collect()
    }

    async fn once(&self, is_met: impl Fn(&Handed) -> bool) {
        let mut handed = self.handed.subscribe();
        let met = tokio::time::timeout(Duration::from_secs(30), handed.wait_for(is_met)).await;
        drop(met.expect("it is handed over in time").expect("the sink lives"));
    }

    /// Says what became of the admission of that index, for which the gateway is still waiting.
    pub(crate) fn tell_admission(&self, index: usize, result: Result<(), NotDurable>) {
        self.tell(result, |handed| handed.admissions[index].1.take());
    }

    /// Says what became of the record of that index, for which the gateway is still waiting.
    pub(crate) fn tell_record(&self, index: usize, result: Result<(), NotDurable>) {
        self.tell(result, |handed| handed.records[index].1.take());
    }

    fn tell(&self, result: Result<(), NotDurable>, of: impl FnOnce(&mut Handed) -> Waiting) {
        let mut waiting = None;
        self.handed.send_modify(|handed| waiting = of(handed));
        waiting.expect("it is told once").send(result).expect("the gateway waits for it");
    }
}

impl RecordSink for HandSink {
    fn instance_id(&self) -> InstanceId {
        self.instance
    }

    fn try_reserve(&self) -> Result<Box<dyn RecordSlot>, NoPlace> {
        if let Some(why) = *self.refuses.lock() {
            return Err(why);
        }
        let correlation_id = CorrelationId::new(self.next_correlation_id.fetch_add(1, Ordering::Relaxed));
        let (holds_admissions, gives_back) = (self.holds_admissions, self.gives_back);
        let handed = Arc::clone(&self.handed);
        Ok(Box::new(HandSlot { correlation_id, holds_admissions, gives_back, handed }))
    }
}

#[derive(Debug)]
struct HandSlot {
    correlation_id: CorrelationId,
    holds_admissions: bool,
    gives_back: bool,
    handed: Arc<watch::Sender<Handed>>,
}

impl RecordSlot for HandSlot {
    fn correlation_id(&self) -> CorrelationId {
        self.correlation_id
    }

    fn admit(&mut self, admitted: &RawAnalyticsRecord, body_bytes: Option<u64>) -> Durable {
        let admission = Admission { record: admitted.clone(), body_bytes };
        let (waiting, durable) = told_later();
        let waiting = self.holds_admissions.then_some(waiting);
        self.handed.send_modify(|handed| handed.admissions.push((admission, waiting)));
        if self.holds_admissions { durable } else { Durable::already() }
    }

    fn withdraw(&mut self) -> bool {
        self.gives_back
    }

    fn finish(self: Box<Self>, record: RawAnalyticsRecord) -> Finished {
        let (waiting, durable) = told_later();
        let mut position = 0;
        self.handed.send_modify(|handed| {
            handed.records.push((record, Some(waiting)));
            position = i64::try_from(handed.records.len()).expect("few");
        });
        Finished { position, durable }
    }
}

fn told_later() -> (oneshot::Sender<Result<(), NotDurable>>, Durable) {
    let (tell, told) = oneshot::channel();
    (tell, Durable::when(async move { told.await.unwrap_or(Err(NotDurable)) }))
}
