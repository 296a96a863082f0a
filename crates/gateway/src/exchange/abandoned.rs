//! An exchange whose client has gone: read on to its usage within bounds, or cut off, as its endpoint says.

use std::sync::Arc;

use http_body_util::BodyExt;
use tollgate_domain::Outcome;
use tollgate_failpoints::{Point, hit};

use super::{Phase, Plan, Streaming, settle, taken_apart};
use crate::recorder::{Ended, InFlight, Recorded};
use crate::request_body::Progress;
use crate::usage::Observed;
use crate::usage::tap::BodyEnd;
use crate::view::OnDisconnect;

/// What is left when the handler of a request is dropped.
#[derive(Debug)]
pub(super) struct Abandoned {
    pub(super) phase: Phase,
    pub(super) in_flight: InFlight,
    pub(super) progress: Progress,
    pub(super) plan: Arc<Plan>,
    /// It was not the client that left: our own end cut it off.
    pub(super) cut_off: bool,
}

/// How the reading came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    /// At the end marker or the end of the body.
    Whole,
    /// The upstream broke off, or never answered.
    Broken,
    /// At one of our bounds.
    CutOff,
}

impl Abandoned {
    pub(super) async fn settle(mut self) {
        hit(Point::ClientGone);
        let read = match self.plan.on_disconnect {
            OnDisconnect::Cancel => Read::CutOff,
            OnDisconnect::Drain => self.drain().await,
        };
        // Closing the upstream's connection is what stops its work.
        let recorded = match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Streaming(streaming) => self.record_answer(read, *streaming).await,
            unanswered @ (Phase::Awaiting(_) | Phase::Over) => {
                drop(unanswered);
                self.record_unanswered(read).await
            }
        };
        // Nobody waits for it any more.
        drop(recorded);
    }

    async fn record_unanswered(self, read: Read) -> Recorded {
        let Self { mut in_flight, progress, plan, cut_off, .. } = self;
        if cut_off {
            // Whether the upstream has begun nobody knows, and the client has nothing: it is no customer's doing.
            in_flight.answered(http::StatusCode::INTERNAL_SERVER_ERROR.as_u16());
            return in_flight.finish(&Ended { outcome: Outcome::Interrupted, observed: None });
        }
        if read == Read::Broken {
            return in_flight.finish(&Ended { outcome: Outcome::Failed, observed: None });
        }
        if !progress.is_sent() {
            // Half a request is none.
            return in_flight.finish(&Ended { outcome: Outcome::Cancelled, observed: None });
        }
        let is_stream = progress.facts().stream.unwrap_or(false);
        let prompt = Observed::unanswered(plan.surface, is_stream);
        settle::estimate_and_record(in_flight, Outcome::Cancelled, prompt, &progress, &plan).await
    }

    async fn record_answer(self, read: Read, streaming: Streaming) -> Recorded {
        let Streaming { upstream, tap, .. } = streaming;
        drop(upstream);
        let end = match read {
            Read::Whole => BodyEnd::Complete,
            Read::Broken => BodyEnd::Cut,
            Read::CutOff => BodyEnd::Abandoned,
        };
        let observed = tap.finish(end).observed;
        let outcome = match read {
            Read::Broken => Outcome::Failed,
            _ if observed.is_error => Outcome::Failed,
            Read::Whole => Outcome::Drained,
            Read::CutOff => Outcome::Cancelled,
        };
        settle::estimate_and_record(self.in_flight, outcome, observed, &self.progress, &self.plan).await
    }

    async fn drain(&mut self) -> Read {
        let stop = self.plan.lifecycle.stop.clone();
        let within = self.plan.limits.drain_timeout;
        let draining = self.in_flight.draining();
        let read = tokio::select! {
            biased;
            () = stop.cancelled() => Read::CutOff,
            read = tokio::time::timeout(within, self.read_on()) => read.unwrap_or(Read::CutOff),
        };
        drop(draining);
        read
    }

    async fn read_on(&mut self) -> Read {
        if let Phase::Awaiting(response) = &mut self.phase {
            match response.await {
                Ok(response) => {
                    let (parts, upstream) = taken_apart(response);
                    self.in_flight.answered(parts.status.as_u16());
                    let streaming =
                        Streaming::new(&parts, upstream, self.plan.surface, &self.progress, false);
                    self.phase = Phase::Streaming(Box::new(streaming));
                }
                // The client left with its body half sent: that is its own doing.
                Err(_) if self.progress.failure().is_some() => return Read::CutOff,
                Err(_) => {
                    self.in_flight.answered(http::StatusCode::BAD_GATEWAY.as_u16());
                    return Read::Broken;
                }
            }
        }
        let Phase::Streaming(streaming) = &mut self.phase else { return Read::CutOff };
        let mut room = self.plan.limits.drain_max_bytes;
        while let Some(frame) = streaming.upstream.frame().await {
            let Ok(frame) = frame else { return Read::Broken };
            let Ok(chunk) = frame.into_data() else { continue };
            let Some(left) = room.checked_sub(chunk.len() as u64) else { return Read::CutOff };
            room = left;
            let tapped = streaming.tap.push(chunk);
            if tapped.first_content {
                self.in_flight.first_content();
            }
            if tapped.terminal {
                break;
            }
        }
        Read::Whole
    }
}
