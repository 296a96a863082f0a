//! The gateway put together: what it is made of, and the path of a request through it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header};
use jiff::Timestamp;
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tollgate_domain::{Clock, MasterKey, Pepper};
use uuid::Uuid;

use crate::admit::{self, Intake, Refusal};
use crate::exchange::Lifecycle;
use crate::forward::{self, TlsError, Upstreams};
use crate::hold::{HoldMetrics, Learned};
use crate::limit::Limiter;
use crate::metrics::Metrics;
use crate::models;
use crate::recorder::RecordSink;
use crate::request_body::{Adapter, ClientBody, Patience};
use crate::route::Route;
use crate::view::LiveView;
use crate::wire::Surface;
use crate::{GatewayConfig, InvalidSetting};

/// Of a request without a live key, how much of its body is still read: enough for a client that sends before it
/// listens, too little to be of use in a flood.
const DISCARDED_UNAUTHENTICATED_BYTES: u64 = 64 * 1024;

/// Why a gateway cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// A setting makes no sense.
    #[error(transparent)]
    Setting(#[from] InvalidSetting),
    /// TLS could not be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The threads that serve could not be started.
    #[error("the threads that serve requests could not be started")]
    Threads(#[source] std::io::Error),
    /// One of them ended unasked.
    #[error("a thread that serves requests ended unasked")]
    ThreadEnded,
    /// A listening socket failed for good.
    #[error("the listening socket failed")]
    Listen(#[source] std::io::Error),
}

/// A metered gateway. Cheap to clone; all clones are one gateway.
#[derive(Debug, Clone)]
pub struct Gateway(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) config: GatewayConfig,
    pub(crate) view: Arc<LiveView>,
    pub(crate) recorder: Arc<dyn RecordSink>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Digests of keys are made with it.
    pub(crate) pepper: Pepper,
    pub(crate) metrics: Arc<Metrics>,
    /// How long answers really are, for estimates of what a request may cost.
    pub(crate) learned: Arc<Learned>,
    pub(crate) upstreams: Upstreams,
    /// One permit for each request in flight.
    pub(crate) in_flight: Arc<Semaphore>,
    /// One permit for each byte of a body that is held.
    pub(crate) held_bytes: Arc<Semaphore>,
    pub(crate) lifecycle: Lifecycle,
    /// What is used of every limit.
    pub(crate) limiter: Arc<Limiter>,
    /// The runtimes of the threads that serve.
    pub(crate) threads: Mutex<Vec<Handle>>,
}

/// The head of a request, and when it came.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// By the clock: what is recorded, and what prices are looked up at.
    pub(crate) at: Timestamp,
    /// For durations.
    pub(crate) started: Instant,
    pub(crate) version: Version,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) route: Route,
}

impl Gateway {
    /// Puts a gateway together. `master_key` makes the digests by which keys are looked up; the metrics go into `registry`.
    pub fn new(
        config: GatewayConfig,
        view: Arc<LiveView>,
        sink: Arc<dyn RecordSink>,
        clock: Arc<dyn Clock>,
        master_key: &MasterKey,
        registry: &mut Registry,
    ) -> Result<Self, GatewayError> {
        config.validate()?;
        let upstreams = Upstreams::new(&config)?;
        let permits =
            |count: u32| Arc::new(Semaphore::new(usize::try_from(count).unwrap_or(usize::MAX >> 3)));
        registry.register_collector(Box::new(HoldMetrics(Arc::downgrade(&view))));
        Ok(Self(Arc::new(Inner {
            in_flight: permits(config.max_in_flight),
            held_bytes: permits(config.held_body_bytes),
            config,
            view,
            recorder: sink,
            clock,
            pepper: master_key.pepper(),
            metrics: Arc::new(Metrics::register(registry)),
            learned: Arc::default(),
            upstreams,
            lifecycle: Lifecycle::default(),
            limiter: Limiter::register(registry),
            threads: Mutex::default(),
        })))
    }

    /// All routes of the gateway, to be served by [`Gateway::serve`] or merged with others (it is a fallback).
    pub fn router(&self) -> Router {
        Router::new().fallback(handle).with_state(self.clone())
    }
}

/// One request. A panic on its path is a mistake of ours, ends this request alone, and leaves its record.
async fn handle(State(Gateway(gateway)): State<Gateway>, request: Request<Body>) -> Response<Body> {
    let (at, started) = (gateway.clock.now(), Instant::now());
    let (parts, body) = request.into_parts();
    let route = Route::of(parts.uri.path(), &parts.headers);
    let http::request::Parts { version, method, uri, headers, .. } = parts;
    let arrival = Arrival { at, started, version, method, uri, headers, route };
    let surface = arrival.route.error_surface(arrival.uri.path(), &arrival.headers);
    let answer = AssertUnwindSafe(answer(&gateway, arrival, surface, body)).catch_unwind().await;
    answer.unwrap_or_else(|_panic| {
        gateway.metrics.panics.inc();
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        let message = "The gateway failed. Its operator finds the reason in its log.";
        with_own_request_id(full(admit::error_response(surface, status, "internal_error", message)))
    })
}

/// The path of a request: admitted, forwarded, answered; or refused.
async fn answer(gateway: &Arc<Inner>, arrival: Arrival, surface: Surface, body: Body) -> Response<Body> {
    let mut intake = gateway.intake(&arrival, body);

    let refusal = match &arrival.route {
        Route::Models(_) | Route::Model(..) => {
            let snapshot = gateway.view.snapshot();
            let listed = admit::authenticate(gateway, &snapshot, &arrival)
                .and_then(|_caller| models::answer(&snapshot, &arrival.route));
            match listed {
                Ok(response) => {
                    gateway.metrics.answered_here("models_listed");
                    return with_own_request_id(full(response));
                }
                Err(refusal) => refusal,
            }
        }
        Route::Metered { .. } | Route::Other => match admit::admit(gateway, &arrival, &mut intake).await {
            Ok(admitted) => return forward::forward(gateway, arrival, intake, admitted).await,
            Err(refusal) => refusal,
        },
    };
    gateway.metrics.answered_here(refusal.status_and_code().1);
    let mut response = with_own_request_id(full(refusal.response(surface)));
    let is_read_whole = gateway.discard(&arrival, intake, &refusal);
    // A client that is told does not send its next request on a connection that is about to break.
    if !is_read_whole && arrival.version < Version::HTTP_2 {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

impl Inner {
    pub(crate) fn intake(&self, arrival: &Arrival, body: Body) -> Intake {
        let has_body = !http_body::Body::is_end_stream(&body);
        let patience = Patience::new(self.config.body_read_timeout(), self.config.body_min_bytes_per_s);
        let client = ClientBody::new(body, self.config.max_body_bytes, patience);
        let surface = match &arrival.route {
            Route::Metered { surface, .. } => *surface,
            _ => Surface::PassThrough,
        };
        let content_type =
            arrival.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let adapter = Adapter::new(surface, content_type, has_body);
        Intake::new(client, adapter, Arc::clone(&self.held_bytes))
    }

    /// Reads on what a refused client still sends, so that it finds the answer and not a reset connection. `false`: not all of it, for all that
    /// is known.
    fn discard(&self, arrival: &Arrival, intake: Intake, refusal: &Refusal) -> bool {
        if intake.is_read() {
            return intake.came_whole();
        }
        // A client that waits for `100 Continue` has not begun, and shall not.
        if arrival.headers.contains_key(header::EXPECT) {
            return false;
        }
        let is_known = !matches!(
            refusal,
            Refusal::NoCredential
                | Refusal::TwoCredentials
                | Refusal::UnknownKey
                | Refusal::MethodNotAllowed { .. }
        );
        let max_bytes = if is_known { self.config.max_body_bytes } else { DISCARDED_UNAUTHENTICATED_BYTES };
        self.lifecycle.tracker.spawn(intake.discard(max_bytes));
        admit::declared_length(&arrival.headers).is_some_and(|length| length <= max_bytes)
    }
}

/// A response whose body is all there.
pub(crate) fn full(response: Response<Bytes>) -> Response<Body> {
    response.map(Body::from)
}

/// An id for an answer that no record has.
fn with_own_request_id(mut response: Response<Body>) -> Response<Body> {
    if let Ok(id) = HeaderValue::from_str(&Uuid::now_v7().to_string()) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}
