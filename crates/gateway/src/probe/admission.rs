//! The admission of requests and their ends, without a client, an upstream or a database around them: what the gateway itself takes for them.
//!
//! Everything is on: keys, prices with versions, balances, limits on requests, tokens and concurrency of key, user and model, spend caps of key and
//! user by day, week and month, and holds from leases. Records go nowhere. Call it within a tokio runtime, for its timers.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use jiff::{Timestamp, ToSpan, civil::Date};
use prometheus_client::registry::Registry;
use tokio::time::Instant;
use tollgate_domain::{
    ApiKeyId, ApiKeyPurpose, Clock, CorrelationId, Credits, EndpointId, InstanceId, ManualClock, MasterKey,
    ModelId, Outcome, Pepper, PriceList, RawAnalyticsRecord, Tariff, TariffId, UserId, utc_day,
};

use super::replay::grant;
use crate::admit::{self, Admitted, Intake, Refusal};
use crate::forward::draft;
use crate::gateway::Arrival;
use crate::limit::{Caps, Limits, Rates, Subject};
use crate::recorder::{Admission, Durable, Ended, Finished, InFlight, NoPlace, RecordSink, RecordSlot};
use crate::route::Route;
use crate::usage::Observed;
use crate::usage::tap::{BodyEnd, ResponseHead, ResponseTap};
use crate::view::{
    AuthStyle, BalanceUpdate, Config, EndpointEntry, KeyEntry, LeaseAnswer, LeaseRequest, LiveView,
    ModelEntry, OnDisconnect, OnMissingUsage, SpendingUpdate, WhenSpent,
};
use crate::wire::Surface;
use crate::{Gateway, GatewayConfig, GatewayError};

/// The last day of a long month: the window of its caps has as many days as there may be.
const NOW: &str = "2026-03-31T12:00:00Z";
const DAYS: i32 = 31;
const REQUEST: &str = r#"{"model":"chat","messages":[{"role":"system","content":"You are a helpful assistant that answers briefly, in the language of the question."},{"role":"user","content":"What is the difference between a reverse proxy and a load balancer, and when would I want to have both of them in front of a small web application that runs on two machines? Please name one example of each that is free to use."}],"max_tokens":1000,"temperature":0.2,"stream":true,"stream_options":{"include_usage":true}}"#;
const ANSWER: &str = r#"{"id":"chatcmpl-9f2c","object":"chat.completion","created":1760000000,"model":"gpt-4.1-mini","choices":[{"index":0,"message":{"role":"assistant","content":"A short answer."},"finish_reason":"stop"}],"usage":{"prompt_tokens":120,"completion_tokens":240,"total_tokens":360}}"#;
/// What a client of the official SDK sends along.
const HEADERS: [(&str, &str); 12] = [
    ("host", "gateway.example.com"),
    ("accept", "application/json"),
    ("accept-encoding", "gzip, deflate"),
    ("connection", "keep-alive"),
    ("content-type", "application/json"),
    ("user-agent", "OpenAI/Python 1.99.1"),
    ("x-stainless-lang", "python"),
    ("x-stainless-package-version", "1.99.1"),
    ("x-stainless-os", "Linux"),
    ("x-stainless-arch", "x64"),
    ("x-stainless-retry-count", "0"),
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
];
/// Nobody meets a limit, and everyone is counted.
const RATES: Rates = Rates {
    requests_per_minute: Some(u32::MAX),
    tokens_per_minute: Some(1 << 50),
    concurrent_requests: Some(1 << 20),
};
/// A lease is spent for longer than a measurement takes.
const SPENT_FOR: Duration = Duration::from_hours(1);

/// Why nothing can be measured.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The gateway could not be made.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// Something that this module says does not read.
    #[error("`{0}` does not read")]
    Constant(&'static str),
    /// A request was refused.
    #[error("a request was refused: {0}")]
    Refused(String),
    /// A request waited for something that nobody gave it.
    #[error("a request waits for ever")]
    Waits,
}

/// A gateway with so many users, and the books behind it.
#[derive(Debug)]
pub struct Admissions {
    gateway: Gateway,
    heads: Vec<HeaderMap>,
    uri: Uri,
    sink: Arc<Nowhere>,
    observed: Observed,
    next: usize,
}

/// A request that has come, and is not admitted yet.
#[derive(Debug)]
pub struct Prepared {
    arrival: Arrival,
    body: Body,
}

/// A request that was admitted.
#[derive(Debug)]
pub struct Passing {
    arrival: Arrival,
    /// Its body, as far as it was read.
    intake: Intake,
    admitted: Admitted,
}

/// A request at its upstream.
#[derive(Debug)]
pub struct InHand(InFlight);

/// A sink that forgets.
#[derive(Debug)]
struct Nowhere {
    instance: InstanceId,
    begun: AtomicI64,
    finished: Arc<AtomicI64>,
}

#[derive(Debug)]
struct Slot {
    correlation_id: CorrelationId,
    finished: Arc<AtomicI64>,
}

impl RecordSink for Nowhere {
    fn instance_id(&self) -> InstanceId {
        self.instance
    }

    fn try_reserve(&self) -> Result<Box<dyn RecordSlot>, NoPlace> {
        let correlation_id = CorrelationId::new(self.begun.fetch_add(1, Ordering::Relaxed));
        Ok(Box::new(Slot { correlation_id, finished: Arc::clone(&self.finished) }))
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
        drop(record);
        let position = self.finished.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        Finished { position, durable: Durable::already() }
    }
}

impl Admissions {
    /// A gateway that knows so many users, with a key, caps and limits each, and has a lease for all of them.
    pub fn new(users: usize) -> Result<Self, ProbeError> {
        let now: Timestamp = NOW.parse().map_err(|_| ProbeError::Constant(NOW))?;
        let master_key = MasterKey::from_bytes([7; 32]);
        let keys = keys(users, &master_key.pepper());
        let secrets = (0..users).map(secret);
        let heads: Vec<HeaderMap> = secrets.map(|secret| head(&secret)).collect::<Result<_, _>>()?;
        let view = Arc::new(LiveView::leasing());
        let credits = |text: &'static str| text.parse::<Credits>().map_err(|_| ProbeError::Constant(text));
        let (balance, spent) = (credits("1000000")?, credits("0.5")?);
        view.apply_balances(BalanceUpdate {
            full: true,
            balances: keys.iter().map(|key| (key.user, balance)).collect(),
            committed_position: 0,
        });
        let today = utc_day(now);
        let days = (0..DAYS).filter_map(|back| today.checked_sub(back.days()).ok());
        let days: Vec<Date> = days.collect();
        let capped = || keys.iter().flat_map(|key| [Subject::Key(key.id), Subject::User(key.user)]);
        view.apply_spending(SpendingUpdate {
            full: true,
            spent: capped().flat_map(|of| days.iter().map(move |day| (of, *day, spent))).collect(),
            committed_position: 0,
        });
        let cap = Some(balance);
        let caps = Caps { daily: cap, weekly: cap, monthly: cap };
        let mut limits: Vec<(Subject, Limits)> =
            capped().map(|of| (of, Limits { rates: RATES, caps })).collect();
        let (endpoint, model) = (endpoint(), ModelId::generate());
        limits.push((Subject::Model(model), Limits { rates: RATES, caps: Caps::default() }));
        let entry = ModelEntry {
            id: model,
            alias: "chat".to_owned(),
            endpoint: endpoint.id,
            upstream_model: "gpt-4.1-mini".to_owned(),
            created_at: Timestamp::UNIX_EPOCH,
        };
        let tariffs = tariffs(model, now)?;
        let problems = view.replace_config(Config {
            keys,
            models: vec![entry],
            endpoints: vec![endpoint],
            tariffs,
            limits,
        });
        if let Some(problem) = problems.first() {
            return Err(ProbeError::Refused(problem.to_string()));
        }
        let sink = Arc::new(Nowhere {
            instance: InstanceId::generate(),
            begun: AtomicI64::new(1),
            finished: Arc::default(),
        });
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(now));
        let records = Arc::clone(&sink) as Arc<dyn RecordSink>;
        let config = GatewayConfig::default();
        let gateway = Gateway::new(config, view, records, clock, &master_key, &mut Registry::default())?;
        let observed = observed();
        let uri = Uri::from_static("/v1/chat/completions");
        let mut made = Self { gateway, heads, uri, sink, observed, next: 0 };
        // Everyone's first request waits for a lease, and a few answers tell how long they are.
        for _ in 0..users.max(64) {
            let admitted = made.prepare(1);
            let admitted = made.admit(admitted)?;
            let in_hand = made.send(admitted);
            made.end(in_hand);
        }
        Ok(made)
    }

    /// The next requests, of one user after the other.
    pub fn prepare(&mut self, count: usize) -> Vec<Prepared> {
        (0..count).filter_map(|_| self.prepare_one()).collect()
    }

    fn prepare_one(&mut self) -> Option<Prepared> {
        let headers = self.heads.get(self.next % self.heads.len().max(1))?.clone();
        self.next = self.next.wrapping_add(1);
        let arrival = Arrival {
            version: http::Version::HTTP_11,
            at: self.gateway.0.clock.now(),
            started: Instant::now(),
            method: Method::POST,
            uri: self.uri.clone(),
            route: Route::of(self.uri.path(), &headers),
            headers,
        };
        Some(Prepared { arrival, body: Body::from(Bytes::from_static(REQUEST.as_bytes())) })
    }

    /// Admits requests: **this is what an admission takes**, from the first look at the head to the place for the record.
    pub fn admit(&self, prepared: Vec<Prepared>) -> Result<Vec<Passing>, ProbeError> {
        prepared.into_iter().map(|prepared| self.admit_one(prepared)).collect()
    }

    fn admit_one(&self, prepared: Prepared) -> Result<Passing, ProbeError> {
        let gateway = &self.gateway.0;
        let Prepared { arrival, body } = prepared;
        let mut intake = gateway.intake(&arrival, body);
        let admitted = self.drive(admit::admit(gateway, &arrival, &mut intake)).ok_or(ProbeError::Waits)?;
        let admitted = admitted.map_err(|refusal: Refusal| ProbeError::Refused(refusal.to_string()))?;
        Ok(Passing { arrival, intake, admitted })
    }

    /// What comes between: the record is begun.
    pub fn send(&self, passing: Vec<Passing>) -> Vec<InHand> {
        let gateway = &self.gateway.0;
        let send = |Passing { arrival, intake, admitted }: Passing| {
            drop(intake);
            let Admitted { caller, destination, hold, permit, slot, passed } = admitted;
            let number = slot.correlation_id();
            let record = draft::record(gateway, &arrival, &caller, &destination, number, true);
            InHand(InFlight::new(Admission {
                slot,
                record,
                body_bytes: None,
                started: arrival.started,
                view: Arc::clone(&gateway.view),
                metrics: Arc::clone(&gateway.metrics),
                key: Arc::clone(&caller.key),
                model: destination.model.clone(),
                hold,
                learned: Arc::clone(&gateway.learned),
                permit,
                token: gateway.lifecycle.tracker.token(),
                passed,
            }))
        };
        passing.into_iter().map(send).collect()
    }

    /// Ends requests: **this is what an end takes**: limits are set right, the answer's length is learned, the charge is worked out and entered
    /// under the caps, and takes the place of the hold.
    pub fn end(&self, in_hand: Vec<InHand>) {
        for InHand(in_flight) in in_hand {
            drop(in_flight.finish(&Ended { outcome: Outcome::Completed, observed: Some(&self.observed) }));
        }
    }

    /// The books catch up, and leases that are due are renewed. Returns how long that takes.
    pub fn renew(&self) -> Duration {
        let view = &self.gateway.0.view;
        let since = std::time::Instant::now();
        let committed_position = self.sink.finished.load(Ordering::Relaxed);
        view.apply_balances(BalanceUpdate { full: false, balances: Vec::new(), committed_position });
        view.apply_spending(SpendingUpdate { full: false, spent: Vec::new(), committed_position });
        self.answer(&view.lease_requests(usize::MAX));
        since.elapsed()
    }

    fn answer(&self, requests: &[LeaseRequest]) {
        let view = &self.gateway.0.view;
        let balance = |request: &LeaseRequest| view.available(request.user);
        let grants =
            requests.iter().map(|request| grant(request, balance(request), balance(request))).collect();
        let committed_position = self.sink.finished.load(Ordering::Relaxed);
        let answer = LeaseAnswer { committed_position, grants };
        view.apply_leases(requests, &answer, Instant::now() + SPENT_FOR);
    }

    /// Polls until it is ready. Where it is not at once, it waits for a lease.
    fn drive<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(tokio::task::unconstrained(future));
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..3 {
            if let Poll::Ready(done) = future.as_mut().poll(&mut cx) {
                return Some(done);
            }
            self.answer(&self.gateway.0.view.urgent_lease_requests(usize::MAX));
        }
        None
    }
}

fn secret(user: usize) -> String {
    format!("tg-{user:064x}")
}

fn keys(users: usize, pepper: &Pepper) -> Vec<KeyEntry> {
    let key = |user| KeyEntry {
        id: ApiKeyId::generate(),
        digest: pepper.key_digest(&secret(user)),
        user: UserId::generate(),
        purpose: ApiKeyPurpose::Realtime,
        trusted: false,
        revoked: false,
        revoke_at: None,
        when_spent: WhenSpent::Finish,
    };
    (0..users).map(key).collect()
}

fn head(secret: &str) -> Result<HeaderMap, ProbeError> {
    let mut headers = HeaderMap::new();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(REQUEST.len()));
    let bearer = HeaderValue::try_from(format!("Bearer {secret}"));
    headers.insert(header::AUTHORIZATION, bearer.map_err(|_| ProbeError::Constant("Bearer"))?);
    Ok(headers)
}

fn endpoint() -> EndpointEntry {
    EndpointEntry {
        public_only: false,
        id: EndpointId::generate(),
        name: "main".to_owned(),
        base_url: "http://127.0.0.1:9".to_owned(),
        provider_name: None,
        auth_style: AuthStyle::Bearer,
        secret: None,
        inject_usage: true,
        on_disconnect: OnDisconnect::Drain,
        on_missing_usage: OnMissingUsage::Estimate,
        path_templates: BTreeMap::new(),
        pass_through_paths: Vec::new(),
    }
}

/// Four versions for realtime use and one for batches.
fn tariffs(model: ModelId, now: Timestamp) -> Result<Vec<Tariff>, ProbeError> {
    let price = |text: &'static str| text.parse().map_err(|_| ProbeError::Constant(text));
    let prices = PriceList {
        input_price: price("0.000003")?,
        output_price: price("0.000015")?,
        cache_read_price: Some(price("0.0000003")?),
        ..PriceList::default()
    };
    let opened = |hours: i64| now.checked_sub(hours.hours()).unwrap_or(now);
    let version = |from: i64, until: Option<i64>| Tariff {
        id: TariffId::generate(),
        model,
        purpose: ApiKeyPurpose::Realtime,
        completion_window: None,
        prices,
        valid_from: opened(from),
        valid_until: until.map(opened),
    };
    let batch = Tariff {
        purpose: ApiKeyPurpose::Batch,
        completion_window: Some("24h".to_owned()),
        ..version(4000, None)
    };
    Ok(vec![
        version(4000, Some(3000)),
        version(3000, Some(2000)),
        version(2000, Some(1000)),
        version(1000, None),
        batch,
    ])
}

fn observed() -> Observed {
    let head =
        ResponseHead { status: 200, content_type: Some("application/json"), ..ResponseHead::default() };
    let mut tap = ResponseTap::new(Surface::ChatCompletions, head);
    drop(tap.push(Bytes::from_static(ANSWER.as_bytes())));
    tap.finish(BodyEnd::Complete).observed
}
