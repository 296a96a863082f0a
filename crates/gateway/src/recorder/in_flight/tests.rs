//! Claims: one record, whatever happens.

use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tollgate_domain::{
    ApiKeyId, ApiKeyPurpose, Batch, CorrelationId, Credential, InstanceId, KeyDigest, ModelId, PriceList,
    PricePerToken, StatedUsage, Tariff, TariffId, UsageSource, UserId,
};

use super::*;
use crate::hold::Estimate;
use crate::recorder::Durable;
use crate::view::{BalanceUpdate, Holds, WhenSpent};

#[derive(Debug)]
struct Slot(Arc<Mutex<Vec<RawAnalyticsRecord>>>);

impl RecordSlot for Slot {
    fn correlation_id(&self) -> CorrelationId {
        CorrelationId::new(1)
    }

    fn admit(&mut self, _admitted: &RawAnalyticsRecord, _body_bytes: Option<u64>) -> Durable {
        Durable::already()
    }

    fn finish(self: Box<Self>, record: RawAnalyticsRecord) -> Finished {
        self.0.lock().push(record);
        Finished { position: 1, durable: Durable::already() }
    }
}

fn record() -> RawAnalyticsRecord {
    RawAnalyticsRecord {
        instance_id: InstanceId::generate(),
        correlation_id: CorrelationId::new(1),
        timestamp: Timestamp::UNIX_EPOCH,
        method: "POST".to_owned(),
        uri: "/v1/messages".to_owned(),
        model_id: None,
        request_model: None,
        response_model: None,
        status_code: 499,
        duration_ms: 0,
        duration_to_first_byte_ms: None,
        usage: StatedUsage::default(),
        usage_source: UsageSource::None,
        outcome: Outcome::Cancelled,
        response_type: "message".to_owned(),
        finish_reason: None,
        user_agent: None,
        server_address: None,
        server_port: None,
        served_by: None,
        credential: Credential::None,
        batch: Batch::default(),
        trace_id: None,
    }
}

const ESTIMATE: Estimate = Estimate {
    expected: Credits::ZERO,
    expected_tokens: 0,
    most: Credits::ZERO,
    prompt: Credits::ZERO,
    per_token: PricePerToken::ZERO,
    is_bounded: true,
};

fn in_flight() -> (InFlight, Arc<Mutex<Vec<RawAnalyticsRecord>>>, Arc<Metrics>) {
    let records = Arc::new(Mutex::new(Vec::new()));
    let metrics = Arc::new(Metrics::default());
    let key = KeyEntry {
        id: ApiKeyId::generate(),
        digest: KeyDigest::from_bytes([0; 32]),
        user: UserId::generate(),
        purpose: ApiKeyPurpose::Realtime,
        trusted: false,
        revoked: false,
        when_spent: WhenSpent::Finish,
        revoke_at: None,
    };
    let view = Arc::new(LiveView::new());
    let balances = vec![(key.user, Credits::from_pico(100).unwrap())];
    view.apply_balances(BalanceUpdate { full: true, balances, committed_position: 0 });
    let in_flight = InFlight::new(Admission {
        slot: Box::new(Slot(Arc::clone(&records))),
        record: record(),
        body_bytes: None,
        started: Instant::now(),
        hold: view.hold(key.user, ESTIMATE, WhenSpent::Finish).unwrap(),
        view: Arc::clone(&view),
        metrics: Arc::clone(&metrics),
        key: Arc::new(key),
        model: None,
        learned: Arc::default(),
        permit: Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap(),
        token: TaskTracker::new().token(),
        passed: Passed::nothing(),
    });
    (in_flight, records, metrics)
}

#[test]
fn one_that_is_finished_and_then_dropped_makes_one_record() {
    let (mut in_flight, records, metrics) = in_flight();
    in_flight.answered(200);
    drop(in_flight.finish(&Ended { outcome: Outcome::Completed, observed: None }));
    let records = records.lock();
    assert_eq!(records.len(), 1);
    assert_eq!((records[0].status_code, records[0].outcome), (200, Outcome::Completed));
    assert_eq!(metrics.in_flight.get(), 0);
}

#[test]
fn one_that_is_dropped_was_interrupted_by_our_own_end() {
    let (in_flight, records, metrics) = in_flight();
    assert_eq!(metrics.in_flight.get(), 1);
    drop(in_flight);
    let records = records.lock();
    assert_eq!((records[0].status_code, records[0].outcome), (500, Outcome::Interrupted));
    assert_eq!(metrics.in_flight.get(), 0);
}

#[test]
fn however_one_ends_it_holds_nothing_afterwards() {
    let (one, ..) = in_flight();
    let view = Arc::clone(&one.view);
    assert_eq!(view.holds().count, 1);
    drop(one.finish(&Ended { outcome: Outcome::Completed, observed: None }));
    assert_eq!(view.holds().count, 0);
    let (other, ..) = in_flight();
    let view = Arc::clone(&other.view);
    drop(other);
    assert_eq!(view.holds(), Holds::default());
}

#[test]
fn one_in_whose_path_there_was_a_panic_has_failed() {
    let (in_flight, records, _) = in_flight();
    let result = catch_unwind(AssertUnwindSafe(move || {
        let _held = in_flight;
        panic!("a mistake in the path");
    }));
    assert!(result.is_err());
    let records = records.lock();
    assert_eq!((records.len(), records[0].outcome), (1, Outcome::Failed));
}

#[test]
fn a_total_that_nobody_split_has_no_cost_to_claim_but_for_an_embedding() {
    let (in_flight, _, _) = in_flight();
    let tariff = Tariff {
        id: TariffId::generate(),
        model: ModelId::generate(),
        purpose: ApiKeyPurpose::Realtime,
        completion_window: None,
        prices: PriceList { input_price: "0.1".parse().unwrap(), ..PriceList::default() },
        valid_from: Timestamp::UNIX_EPOCH,
        valid_until: None,
    };
    let total = StatedUsage { total_tokens: Some(9), ..StatedUsage::default() };
    let stated = RawAnalyticsRecord {
        status_code: 200,
        outcome: Outcome::Completed,
        usage: total,
        usage_source: UsageSource::Provider,
        ..record()
    };
    let tariffs = [tariff];
    assert_eq!(cost_of(&stated, &in_flight.key, &tariffs), None);
    let embedding = RawAnalyticsRecord { response_type: "embedding".to_owned(), ..stated };
    assert_eq!(cost_of(&embedding, &in_flight.key, &tariffs).unwrap().to_string(), "0.9");
}
