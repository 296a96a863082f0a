//! One request at its upstream: from the moment it is sent until its record is made.
//!
//! An [`Exchange`] ends exactly once, whoever holds it and whatever becomes of the client:
//!
//! ```text
//! Awaiting ── head ──▶ Streaming ── admission safe ──▶ bytes flow ── end marker, or end of body ──▶ recorded ── record safe ──▶ last bytes
//!     │                    └── a small answer, read ahead to its end ──────────────────────────────────▲
//!     │ refused, unreachable, late         │ upstream breaks: failed, with what was stated
//!     └───────────── dropped: the client has gone ──▶ drained or cut off, then recorded
//! ```
//!
//! Guarantee: the first byte of a response is released after the sink has its admission safe, the last bytes after it has the
//! record safe; where it fails to, there is an error instead. Not guaranteed: that a client received them; that is the network's.

mod abandoned;
mod body;
mod ending;
mod gathered;
mod settle;

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::response::Parts;
use http_body::Body as _;
use hyper::body::Incoming;
use hyper_util::client::legacy::{Error as ClientError, ResponseFuture};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tollgate_domain::Outcome;
use tollgate_failpoints::{Point, hit};

use crate::recorder::{Ended, InFlight, NotDurable};
use crate::request_body::{BodyFailure, ClientBodyError, Progress};
use crate::usage::tap::{ResponseHead, ResponseTap};
use crate::view::{OnDisconnect, OnMissingUsage};
use crate::wire::Surface;

use body::BrokenOff;
pub(crate) use body::{COST_HEADER, ResponseBody};

/// The status that is recorded for a client who left before there was an answer (nginx's convention).
pub(crate) const CLIENT_CLOSED_REQUEST: u16 = 499;

/// Tasks that outlive their request's handler, and the order to stop them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lifecycle {
    /// Every request in flight, and every task that reads on after its client left.
    pub(crate) tracker: TaskTracker,
    /// Time is up: cut off what is still open, and record it.
    pub(crate) stop: CancellationToken,
}

/// What was decided about a request before it was sent.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) surface: Surface,
    pub(crate) on_disconnect: OnDisconnect,
    pub(crate) on_missing_usage: OnMissingUsage,
    /// Chooses the vocabulary of an estimate.
    pub(crate) model: String,
    pub(crate) limits: Limits,
    pub(crate) lifecycle: Lifecycle,
}

/// See the settings of the same names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) upstream_response_timeout: Duration,
    pub(crate) upstream_idle_timeout: Duration,
    pub(crate) upstream_total_timeout: Duration,
    pub(crate) drain_timeout: Duration,
    pub(crate) drain_max_bytes: u64,
}

/// Why there was no answer to pass on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// No connection, or it broke before the answer began.
    Unreachable,
    /// The upstream took too long.
    TimedOut,
    /// The client's body broke off or was malformed.
    RequestBody(BodyFailure),
    /// The sink could not keep what it must before there is an answer.
    Unrecordable,
}

#[derive(Debug)]
enum Phase {
    /// Sent, or being sent; no answer yet.
    Awaiting(ResponseFuture),
    /// The answer is passing.
    Streaming(Box<Streaming>),
    /// Nothing is left to read for the record.
    Over,
}

#[derive(Debug)]
struct Streaming {
    upstream: Incoming,
    tap: ResponseTap,
    /// Bytes of the body that have not come, where the upstream said how many.
    remaining: Option<u64>,
}

/// A request at its upstream.
#[derive(Debug)]
pub(crate) struct Exchange {
    phase: Phase,
    /// `None` once the record is made, or being made.
    in_flight: Option<InFlight>,
    progress: Progress,
    plan: Arc<Plan>,
}

impl Exchange {
    /// Takes charge of a request that is being sent.
    pub(crate) fn new(response: ResponseFuture, progress: Progress, in_flight: InFlight, plan: Plan) -> Self {
        let plan = Arc::new(plan);
        Self { phase: Phase::Awaiting(response), in_flight: Some(in_flight), progress, plan }
    }

    /// Waits for the head of the answer. Where there is none, the upstream has been cut off and the request recorded as failed.
    pub(crate) async fn head(&mut self) -> Result<Parts, NoAnswer> {
        let wait = self.plan.limits.upstream_response_timeout;
        let Phase::Awaiting(response) = &mut self.phase else { return Err(NoAnswer::Unreachable) };
        let why = match tokio::time::timeout(wait, response).await {
            // Nothing was asked that an upstream could switch protocols to.
            Ok(Ok(response)) if response.status().is_informational() => NoAnswer::Unreachable,
            Ok(Ok(response)) => {
                let parts = self.answered(response);
                hit(Point::UpstreamAnswered);
                return Ok(parts);
            }
            Ok(Err(error)) => self.why(&error),
            Err(_elapsed) => NoAnswer::TimedOut,
        };
        Err(self.unanswered(why).await)
    }

    /// Waits until the admission is safe. **Nothing of the answer is let go before.** Where it fails, the upstream has been cut off and
    /// the request recorded as failed.
    async fn admitted(&mut self) -> Result<(), NoAnswer> {
        let Some(in_flight) = &mut self.in_flight else { return Ok(()) };
        match in_flight.admitted().await {
            Ok(()) => {
                hit(Point::AdmissionDurable);
                Ok(())
            }
            Err(NotDurable) => Err(self.unanswered(NoAnswer::Unrecordable).await),
        }
    }

    /// Whether the answer comes bit by bit even where it looks like plain JSON.
    pub(crate) fn streams(&self) -> bool {
        self.plan.surface == Surface::GeminiStreamGenerate
    }

    /// Whether the answer may end before its upstream ends it, where money runs out.
    pub(crate) fn may_be_cut(&self) -> bool {
        self.in_flight.as_ref().is_some_and(InFlight::may_be_cut)
    }

    /// Whether the answer has a head only.
    pub(crate) fn has_no_body(&self) -> bool {
        match &self.phase {
            Phase::Streaming(streaming) => streaming.upstream.is_end_stream(),
            Phase::Awaiting(_) | Phase::Over => true,
        }
    }

    fn answered(&mut self, response: http::Response<Incoming>) -> Parts {
        let (parts, upstream) = taken_apart(response);
        let mut grows = false;
        if let Some(in_flight) = &mut self.in_flight {
            in_flight.answered(parts.status.as_u16());
            grows = in_flight.may_grow();
        }
        let streaming = Streaming::new(&parts, upstream, self.plan.surface, &self.progress, grows);
        self.phase = Phase::Streaming(Box::new(streaming));
        parts
    }

    fn why(&self, error: &ClientError) -> NoAnswer {
        match self.progress.failure() {
            Some(failure) => NoAnswer::RequestBody(failure),
            None if is_timeout(error) => NoAnswer::TimedOut,
            None => NoAnswer::Unreachable,
        }
    }

    /// Records a request that gets an error of ours, and waits until that is safe. Returns what the client is told.
    async fn unanswered(&mut self, why: NoAnswer) -> NoAnswer {
        self.phase = Phase::Over;
        let Some(mut in_flight) = self.in_flight.take() else { return why };
        in_flight.answered(why.status().as_u16());
        let recorded = in_flight.finish(&Ended { outcome: why.outcome(), observed: None });
        match recorded.kept.await {
            Ok(()) => why,
            Err(NotDurable) => NoAnswer::Unrecordable,
        }
    }
}

impl Streaming {
    /// `grows`: what the request holds follows the length of the answer.
    fn new(parts: &Parts, upstream: Incoming, surface: Surface, progress: &Progress, grows: bool) -> Self {
        let text = |name: http::HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let content_length =
            text(http::header::CONTENT_LENGTH).and_then(|length| length.trim().parse::<u64>().ok());
        let head = ResponseHead {
            status: parts.status.as_u16(),
            content_type: text(http::header::CONTENT_TYPE),
            content_encoding: text(http::header::CONTENT_ENCODING),
            content_length,
            injected_usage: progress.facts().injected_usage,
            follows_length: grows,
        };
        Self { upstream, tap: ResponseTap::new(surface, head), remaining: content_length }
    }
}

impl Drop for Exchange {
    /// Whoever held it has gone, which is how a client's disconnection reaches us. A panic goes no further than the record.
    fn drop(&mut self) {
        let Some(in_flight) = self.in_flight.take() else { return };
        if std::thread::panicking() {
            return;
        }
        let phase = std::mem::replace(&mut self.phase, Phase::Over);
        let abandoned = abandoned::Abandoned {
            phase,
            in_flight,
            progress: self.progress.clone(),
            plan: Arc::clone(&self.plan),
            cut_off: self.plan.lifecycle.stop.is_cancelled(),
        };
        // Without a runtime, which is on its way out, dropping it records it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            self.plan.lifecycle.tracker.spawn_on(abandoned.settle(), &runtime);
        }
    }
}

impl NoAnswer {
    /// The status that the client gets.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Unreachable => StatusCode::BAD_GATEWAY,
            Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            Self::Unrecordable => StatusCode::SERVICE_UNAVAILABLE,
            Self::RequestBody(BodyFailure::Malformed(_)) => StatusCode::BAD_REQUEST,
            Self::RequestBody(BodyFailure::Client(ClientBodyError::TooLarge { .. })) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::RequestBody(BodyFailure::Client(ClientBodyError::TimedOut)) => StatusCode::REQUEST_TIMEOUT,
            Self::RequestBody(BodyFailure::Client(ClientBodyError::Broken)) => {
                StatusCode::from_u16(CLIENT_CLOSED_REQUEST).unwrap_or(StatusCode::BAD_REQUEST)
            }
        }
    }

    const fn outcome(self) -> Outcome {
        match self {
            Self::RequestBody(BodyFailure::Client(ClientBodyError::Broken)) => Outcome::Cancelled,
            _ => Outcome::Failed,
        }
    }
}

impl From<BrokenOff> for NoAnswer {
    /// Of a body that was read ahead.
    fn from(why: BrokenOff) -> Self {
        match why {
            BrokenOff::Upstream => Self::Unreachable,
            BrokenOff::Unrecorded => Self::Unrecordable,
        }
    }
}

/// Head and body of an answer. Where it comes in chunks, a length beside them means nothing (RFC 9112, section 6.3): believed, it would cut
/// off what we read, and passed on, it would have the client take the rest for another answer.
fn taken_apart(response: http::Response<Incoming>) -> (Parts, Incoming) {
    let (mut parts, upstream) = response.into_parts();
    if parts.headers.contains_key(http::header::TRANSFER_ENCODING) {
        parts.headers.remove(http::header::CONTENT_LENGTH);
    }
    (parts, upstream)
}

/// Whether an error of the HTTP client has a time-out at its bottom (that of the connection).
fn is_timeout(error: &ClientError) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if error.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::TimedOut)
        {
            return true;
        }
        source = error.source();
    }
    false
}
