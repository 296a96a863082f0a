//! The response's body as the client receives it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body::{Body, Frame};
use hyper::body::Incoming;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Sleep};
use tollgate_domain::{Credits, Outcome};
use tollgate_failpoints::{Point, hit};

use super::ending::Ending;
use super::gathered::Gathered;
use super::{Exchange, NoAnswer, Phase, Streaming, settle};
use crate::forward::for_client;
use crate::hold::Growing;
use crate::recorder::{Kept, NotDurable, Receipt, Recorded};
use crate::usage::tap::{BodyEnd, Finished};
use crate::wire::Pieces;

/// How long an upstream may keep its body open after the end marker. Nothing is missing by then; the wait is so that its
/// connection can be used again.
const AFTER_END: Duration = Duration::from_secs(5);

/// What a client is told whose stream is cut off.
const CUT_FOR_CREDITS: &str = "Insufficient credits: the answer is cut off here, because it costs more than is left. Add credits to this account to go on.";

/// What the cost of a request is called, as header and as trailer.
pub(crate) const COST_HEADER: HeaderName = HeaderName::from_static("x-tollgate-cost");

/// Why a response ends before it is whole. The client's connection is broken off too: it must not take a part for the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BrokenOff {
    /// The upstream broke off in the middle, or paused for too long.
    #[error("the upstream broke off its response")]
    Upstream,
    /// The sink could not keep the record, so the last bytes stay here.
    #[error("the record of the request could not be kept")]
    Unrecorded,
}

/// A response on its way to the client: passes what may flow, makes the record, waits until it is safe, then lets go of the last
/// bytes.
#[derive(Debug)]
pub(crate) struct ResponseBody {
    exchange: Exchange,
    /// What may go to the client now.
    out: Pieces,
    state: State,
    receipt: Receipt,
    trailers: Option<HeaderMap>,
    /// Whether the client takes trailers.
    sends_trailers: bool,
    /// What is on its way to the client, a write of it at a time.
    gathered: Gathered,
    /// Whether the others are to have a turn before what was gathered goes on.
    gives_way: bool,
    /// The end of it, where something goes before.
    broken_off: Option<BrokenOff>,
    /// Whether the client got any of it.
    has_passed: bool,
    idle: IdleTimer,
    /// When an answer that still goes on is cut off. Asked with the first chunk of each write; between them is the idle timer.
    ends_by: Instant,
    after_end: IdleTimer,
}

#[derive(Debug)]
enum State {
    /// Bytes pass.
    Flowing,
    /// The answer has used up what its request holds: it waits for more.
    Growing(Growing),
    /// The record is made as soon as the admission is safe; `last` goes when that is safe, too, and `then` is what follows.
    Ending {
        ending: Ending,
        last: Pieces,
        then: Then,
    },
    /// The record is being made, by a task that counts tokens.
    Recording {
        settled: JoinHandle<(Recorded, Pieces)>,
        then: Then,
    },
    /// The record is made and handed over; the last bytes wait until it is safe.
    Keeping {
        kept: Kept,
        last: Pieces,
        then: Then,
    },
    /// The record is safe.
    Recorded(Then),
    Ended,
}

/// What follows the record.
#[derive(Debug)]
enum Then {
    /// The end marker came before the end of the body.
    Rest(Incoming),
    /// The body ended.
    End,
    /// The response breaks off.
    Break(BrokenOff),
}

impl ResponseBody {
    /// Goes on with an exchange whose head has come.
    pub(crate) fn new(exchange: Exchange, sends_trailers: bool) -> Self {
        let limits = exchange.plan.limits;
        let idle = IdleTimer::new(limits.upstream_idle_timeout);
        let ends_by = Instant::now() + limits.upstream_total_timeout;
        Self {
            exchange,
            out: Pieces::new(),
            state: State::Flowing,
            receipt: Receipt::default(),
            trailers: None,
            sends_trailers,
            gathered: Gathered::new(),
            gives_way: false,
            broken_off: None,
            has_passed: false,
            idle,
            ends_by,
            after_end: IdleTimer::new(AFTER_END),
        }
    }

    /// Waits until the admission is safe. **The body may be let go only after this has returned**, or after all of it was read ahead.
    pub(crate) async fn admitted(&mut self) -> Result<(), NoAnswer> {
        self.exchange.admitted().await
    }

    /// Reads ahead while the body is not larger than `limit` and comes in time, and waits until its record is safe. Returns whether
    /// all of it is here; what was read is still delivered by the body itself.
    pub(crate) async fn read_whole(&mut self, limit: usize, within: Duration) -> Result<bool, BrokenOff> {
        let late = tokio::time::sleep(within);
        tokio::pin!(late);
        let mut read = Pieces::new();
        let whole = loop {
            let piece = std::future::poll_fn(|cx| match self.poll_bytes(cx) {
                Poll::Ready(piece) => Poll::Ready(Some(piece)),
                // Nothing could flow now, so there is nothing to be late with.
                Poll::Pending if self.waits_for_record() => Poll::Pending,
                Poll::Pending => late.as_mut().poll(cx).map(|()| None),
            });
            match piece.await {
                None => break false,
                Some(None) => break true,
                Some(Some(Err(error))) => return Err(error),
                Some(Some(Ok(piece))) => read.push(piece),
            }
            // What waits for its record already ends with it, and with nothing before.
            if read.len() > limit && !self.waits_for_record() {
                break false;
            }
        };
        read.append(std::mem::take(&mut self.out));
        self.out = read;
        Ok(whole)
    }

    /// All that was read ahead.
    pub(crate) fn into_bytes(mut self) -> Bytes {
        std::mem::take(&mut self.out).into_bytes()
    }

    /// The cost, once the record is made and where there is a price.
    pub(crate) fn cost_header(&self) -> Option<HeaderValue> {
        HeaderValue::try_from(self.receipt.cost?.to_string()).ok()
    }

    const fn waits_for_record(&self) -> bool {
        matches!(self.state, State::Ending { .. } | State::Recording { .. } | State::Keeping { .. })
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BrokenOff>>> {
        loop {
            if let Some(piece) = self.out.pop_front() {
                return Poll::Ready(Some(Ok(piece)));
            }
            self.state = match std::mem::replace(&mut self.state, State::Ended) {
                State::Flowing => match self.poll_flowing(cx) {
                    Poll::Ready(next) => next,
                    Poll::Pending => {
                        self.state = State::Flowing;
                        return Poll::Pending;
                    }
                },
                State::Growing(mut growing) => match Pin::new(&mut growing).poll(cx) {
                    Poll::Ready(by) => self.grown(by),
                    Poll::Pending => {
                        self.state = State::Growing(growing);
                        return Poll::Pending;
                    }
                },
                State::Ending { mut ending, last, then } => match Pin::new(&mut ending).poll(cx) {
                    Poll::Ready(recorded) => self.keep(recorded, last, then),
                    Poll::Pending => {
                        self.state = State::Ending { ending, last, then };
                        return Poll::Pending;
                    }
                },
                State::Recording { mut settled, then } => match Pin::new(&mut settled).poll(cx) {
                    Poll::Ready(Ok((recorded, last))) => self.keep(recorded, last, then),
                    // The task panicked or was aborted: its record is made, its bytes are lost.
                    Poll::Ready(Err(_)) => State::Recorded(Then::Break(BrokenOff::Upstream)),
                    Poll::Pending => {
                        self.state = State::Recording { settled, then };
                        return Poll::Pending;
                    }
                },
                State::Keeping { mut kept, last, then } => match Pin::new(&mut kept).poll(cx) {
                    Poll::Ready(Ok(())) => {
                        self.out.append(last);
                        State::Recorded(then)
                    }
                    Poll::Ready(Err(NotDurable)) => State::Recorded(Then::Break(BrokenOff::Unrecorded)),
                    Poll::Pending => {
                        self.state = State::Keeping { kept, last, then };
                        return Poll::Pending;
                    }
                },
                State::Recorded(Then::Rest(mut upstream)) => match Pin::new(&mut upstream).poll_frame(cx) {
                    Poll::Ready(frame) => self.pass(frame, upstream),
                    Poll::Pending if self.after_end.poll_elapsed(cx).is_ready() => State::Recorded(Then::End),
                    Poll::Pending => {
                        self.state = State::Recorded(Then::Rest(upstream));
                        return Poll::Pending;
                    }
                },
                State::Recorded(Then::Break(why)) => return Poll::Ready(Some(Err(why))),
                State::Recorded(Then::End) | State::Ended => return Poll::Ready(None),
            };
        }
    }

    /// Passes one chunk; returns the next state.
    fn poll_flowing(&mut self, cx: &mut Context<'_>) -> Poll<State> {
        let gives_way = self.gives_way;
        let Phase::Streaming(streaming) = &mut self.exchange.phase else { return Poll::Ready(State::Ended) };
        let frame = match Pin::new(&mut streaming.upstream).poll_frame(cx) {
            Poll::Ready(frame) => {
                self.idle.stop();
                frame
            }
            // Asked again at once, so this is no pause yet.
            Poll::Pending if gives_way => return Poll::Pending,
            Poll::Pending => {
                ready!(self.idle.poll_elapsed(cx));
                return Poll::Ready(self.finish(BodyEnd::Cut, false));
            }
        };
        let chunk = match frame {
            None => return Poll::Ready(self.finish(BodyEnd::Complete, false)),
            Some(Err(_)) => return Poll::Ready(self.finish(BodyEnd::Cut, false)),
            Some(Ok(_)) if self.gathered.is_empty() && Instant::now() >= self.ends_by => {
                return Poll::Ready(self.finish(BodyEnd::Cut, false));
            }
            Some(Ok(frame)) => match frame.into_data() {
                Ok(chunk) => chunk,
                Err(frame) => {
                    self.trailers = frame.into_trailers().ok();
                    return Poll::Ready(State::Flowing);
                }
            },
        };
        let length = chunk.len() as u64;
        let tapped = streaming.tap.push(chunk);
        // hyper does not ask for the end of a body whose announced length has passed.
        let at_end = streaming.remaining.as_mut().is_some_and(|remaining| {
            *remaining = remaining.saturating_sub(length);
            *remaining == 0
        });
        if tapped.first_content
            && let Some(in_flight) = &mut self.exchange.in_flight
        {
            in_flight.first_content();
        }
        if !at_end && !tapped.terminal {
            self.out.append(tapped.flow);
            let written = streaming.tap.written();
            let in_flight = self.exchange.in_flight.as_mut().zip(written);
            let growing = in_flight.and_then(|(in_flight, written)| in_flight.grow(written));
            return Poll::Ready(growing.map_or(State::Flowing, State::Growing));
        }
        if at_end {
            // Nothing comes after these bytes: they wait for the record with the rest.
            return Poll::Ready(self.finish_with(tapped.flow, BodyEnd::Complete, true));
        }
        self.out.append(tapped.flow);
        Poll::Ready(self.finish(BodyEnd::Complete, true))
    }

    fn finish(&mut self, end: BodyEnd, goes_on: bool) -> State {
        self.finish_with(Pieces::new(), end, goes_on)
    }

    /// More is held, or there is no more.
    fn grown(&mut self, by: Option<Credits>) -> State {
        let goes_on = self.exchange.in_flight.as_mut().is_none_or(|in_flight| in_flight.grown(by));
        if goes_on { State::Flowing } else { self.cut_off() }
    }

    /// The money is used up, and the account is not to be overdrawn: an error as its API has them, and the end. What came of a frame
    /// that is not whole is nothing to the client.
    fn cut_off(&mut self) -> State {
        let surface = self.exchange.plan.surface;
        if let Some(in_flight) = &self.exchange.in_flight {
            in_flight.metrics().cut_for_credits.inc();
        }
        let status = StatusCode::PAYMENT_REQUIRED.as_u16();
        let mut error = Pieces::new();
        error.push(surface.error_frame(status, "insufficient_credits", CUT_FOR_CREDITS));
        self.finish_with(error, BodyEnd::Spent, false)
    }

    /// **Here the record is made.** `last` and what the tap holds are released when it is safe, and only then.
    fn finish_with(&mut self, mut last: Pieces, end: BodyEnd, goes_on: bool) -> State {
        let phase = std::mem::replace(&mut self.exchange.phase, Phase::Over);
        let (Phase::Streaming(streaming), Some(mut in_flight)) = (phase, self.exchange.in_flight.take())
        else {
            return State::Ended;
        };
        let Streaming { upstream, tap, .. } = *streaming;
        let Finished { mut observed, held } = tap.finish(end);
        if end != BodyEnd::Spent {
            last.append(held);
        }
        let then = match end {
            BodyEnd::Cut | BodyEnd::Abandoned => Then::Break(BrokenOff::Upstream),
            BodyEnd::Complete if goes_on => Then::Rest(upstream),
            BodyEnd::Complete | BodyEnd::Spent => Then::End,
        };
        let outcome = match end {
            BodyEnd::Spent => Outcome::Cancelled,
            BodyEnd::Complete if !observed.is_error => Outcome::Completed,
            BodyEnd::Complete | BodyEnd::Cut | BodyEnd::Abandoned => Outcome::Failed,
        };
        let plan = Arc::clone(&self.exchange.plan);
        // What broke while it was read ahead is answered by an error of ours: what nobody stated and nobody got, nobody pays.
        let nobody_got_it = matches!(end, BodyEnd::Cut | BodyEnd::Abandoned) && !self.has_passed;
        if nobody_got_it {
            observed.keep_early_usage();
        }
        let wants_estimate = !nobody_got_it && settle::wants_estimate(&plan, &observed);
        if !wants_estimate && in_flight.may_finish() {
            let recorded = settle::record(in_flight, outcome, &observed);
            return self.keep(recorded, last, then);
        }
        let progress = self.exchange.progress.clone();
        if !wants_estimate {
            let ending = Ending::new(in_flight, outcome, observed, progress, plan);
            return State::Ending { ending, last, then };
        }
        // A task of its own: the client may leave, the record is made all the same.
        let tracker = plan.lifecycle.tracker.clone();
        let settled = tracker.spawn(async move {
            let recorded = settle::admit_and_record(in_flight, outcome, observed, true, &progress, &plan);
            (recorded.await, last)
        });
        State::Recording { settled, then }
    }

    fn keep(&mut self, recorded: Recorded, last: Pieces, then: Then) -> State {
        let Recorded { receipt, kept } = recorded;
        self.receipt = receipt;
        State::Keeping { kept, last, then }
    }

    /// Passes what an upstream sends after its end marker. It cannot fail any more: the client has its whole answer.
    fn pass(&mut self, frame: Option<Result<Frame<Bytes>, hyper::Error>>, upstream: Incoming) -> State {
        let Some(Ok(frame)) = frame else { return State::Recorded(Then::End) };
        match frame.into_data() {
            Ok(chunk) => self.out.push(chunk),
            Err(frame) => self.trailers = frame.into_trailers().ok(),
        }
        State::Recorded(Then::Rest(upstream))
    }

    /// What is here and may go, together. The upstream's connection hands over one chunk at a time, so it has a turn after each; what is
    /// nobody's to wait for goes on then.
    ///
    /// Gathered bytes go before whatever comes after them, so they have passed.
    fn poll_gathered(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BrokenOff>>> {
        if let Some(why) = self.broken_off.take() {
            return Poll::Ready(Some(Err(why)));
        }
        loop {
            let polled = self.poll_bytes(cx);
            let goes_on = matches!(self.state, State::Flowing);
            match polled {
                Poll::Ready(Some(Ok(piece))) => {
                    self.gathered.push(piece);
                    self.gives_way = !self.gathered.is_empty() && self.gathered.may_wait();
                    let is_first = !std::mem::replace(&mut self.has_passed, true);
                    if is_first {
                        hit(Point::FirstBytes);
                    }
                    if is_first || self.gathered.is_enough() {
                        break;
                    }
                }
                Poll::Pending if goes_on && self.gives_way => {
                    self.gives_way = false;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                _ if self.gathered.is_empty() => return polled,
                Poll::Ready(Some(Err(why))) => {
                    self.broken_off = Some(why);
                    break;
                }
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        self.gives_way = false;
        Poll::Ready(Some(Ok(self.gathered.take())))
    }

    fn take_trailers(&mut self) -> Option<HeaderMap> {
        if !std::mem::take(&mut self.sends_trailers) {
            return None;
        }
        let mut trailers = self.trailers.take().unwrap_or_default();
        // What may not stand in the head may not stand here either, least of all a cost that is not ours.
        for_client(&mut trailers, false);
        if let Some(cost) = self.cost_header() {
            trailers.insert(COST_HEADER, cost);
        }
        (!trailers.is_empty()).then_some(trailers)
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match ready!(self.poll_gathered(cx)) {
            Some(Ok(piece)) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            Some(Err(error)) => Poll::Ready(Some(Err(error))),
            None => {
                hit(Point::LastBytesReleased);
                Poll::Ready(self.take_trailers().map(|trailers| Ok(Frame::trailers(trailers))))
            }
        }
    }
}

/// Measures pauses of the upstream only: it runs while we wait for it, not while the client keeps us waiting.
#[derive(Debug)]
struct IdleTimer {
    pause: Duration,
    /// Rarely set anew, as that takes a lock of all timers: it may end for a pause that is over, and is then set for the one that is.
    sleep: Pin<Box<Sleep>>,
    since: Option<Instant>,
}

impl IdleTimer {
    fn new(pause: Duration) -> Self {
        Self { pause, sleep: Box::pin(tokio::time::sleep(pause)), since: None }
    }

    fn stop(&mut self) {
        self.since = None;
    }

    fn poll_elapsed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let end = *self.since.get_or_insert_with(Instant::now) + self.pause;
        while self.sleep.deadline() < end {
            ready!(self.sleep.as_mut().poll(cx));
            self.sleep.as_mut().reset(end);
        }
        self.sleep.as_mut().poll(cx)
    }
}
