//! What goes on on one connection: whether anything does, and, over HTTP/2, whether the client takes what it is sent.
//!
//! HTTP/1 needs neither, since its library times the wait for the next head and [`super::stall`] the writes. Over HTTP/2 a client that answers
//! pings could keep its connection for ever without asking for anything, and one that opens no window could keep its requests in
//! flight for ever, because nothing is written that could stall.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::time::Instant;

/// The most that is offered to an HTTP/2 client at once. A large frame would keep a slow client busy for longer than a
/// stalled one is waited for.
const OFFER: usize = 16 * 1024;

/// The requests that are being answered on one connection.
#[derive(Debug)]
pub(super) struct Activity {
    state: Mutex<State>,
    /// How often the connection has had its turn.
    turn: AtomicU64,
    /// How long nothing may go on.
    idle: Duration,
    /// How long a client may take nothing of an answer.
    patience: Duration,
}

#[derive(Debug)]
struct State {
    /// Since when each waits for its client to take what was offered; `None` where it waits for something else.
    waiting: HashMap<u64, Option<Instant>>,
    next: u64,
    idle_since: Instant,
}

/// What a look at a connection finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// All is well; look again then.
    Again(Instant),
    /// Nothing has gone on for too long.
    Idle,
    /// The client has taken nothing for too long.
    Stalled,
}

impl Activity {
    pub(super) fn new(idle: Duration, patience: Duration) -> Arc<Self> {
        let state = State { waiting: HashMap::new(), next: 0, idle_since: Instant::now() };
        Arc::new(Self { state: Mutex::new(state), turn: AtomicU64::new(0), idle, patience })
    }

    /// A request has come. Its answer is watched where `by_streams`, which is over HTTP/2.
    pub(super) fn begin(self: &Arc<Self>, by_streams: bool) -> Answering {
        let mut state = self.state.lock();
        let number = state.next;
        state.next += 1;
        state.waiting.insert(number, None);
        Answering { activity: Arc::clone(self), number, by_streams }
    }

    /// The connection has another turn: to be said before it is polled.
    pub(super) fn next_turn(&self) {
        self.turn.fetch_add(1, Ordering::Relaxed);
    }

    /// How things stand at `now`.
    pub(super) fn look(&self, now: Instant) -> Look {
        let state = self.state.lock();
        if state.waiting.is_empty() {
            let end = state.idle_since + self.idle;
            return if now < end { Look::Again(end) } else { Look::Idle };
        }
        let soon = now + self.idle.min(self.patience);
        match state.waiting.values().flatten().min().map(|since| *since + self.patience) {
            Some(end) if end <= now => Look::Stalled,
            Some(end) => Look::Again(end.min(soon)),
            None => Look::Again(soon),
        }
    }
}

/// A request that is being answered. Dropped when its answer has gone, or nobody wants it any more.
#[derive(Debug)]
pub(super) struct Answering {
    activity: Arc<Activity>,
    number: u64,
    by_streams: bool,
}

impl Answering {
    fn set(&self, since: Option<Instant>) {
        self.activity.state.lock().waiting.insert(self.number, since);
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let mut state = self.activity.state.lock();
        state.waiting.remove(&self.number);
        if state.waiting.is_empty() {
            state.idle_since = Instant::now();
        }
    }
}

/// The body of an answer, watched.
#[derive(Debug)]
pub(super) struct Watched<B> {
    body: B,
    /// What of a frame has not been offered yet.
    rest: Bytes,
    answering: Answering,
    /// The turn of its connection in which it had nothing to say.
    silent_in: Option<u64>,
}

impl<B> Watched<B> {
    pub(super) fn new(body: B, answering: Answering) -> Self {
        Self { body, rest: Bytes::new(), answering, silent_in: None }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Watched<B> {
    /// Asks once in a turn. The library asks an answer over HTTP/1 again at once that had nothing to say, which it takes for the end of a pause
    /// that was just made for others to have their turn: each chunk of a stream would be a write of its own. Nothing is missed: what comes
    /// meanwhile wakes the connection for another turn.
    fn poll_once_a_turn(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let turn = Some(self.answering.activity.turn.load(Ordering::Relaxed));
        if self.silent_in == turn {
            return Poll::Pending;
        }
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        self.silent_in = turn.filter(|_| polled.is_pending());
        polled
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Watched<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if !self.answering.by_streams {
            return self.poll_once_a_turn(cx);
        }
        if self.rest.is_empty() {
            self.answering.set(None);
            match std::task::ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                ended => return Poll::Ready(ended),
            }
        }
        self.answering.set(Some(Instant::now()));
        let length = self.rest.len().min(OFFER);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, hint) = (self.rest.len() as u64, self.body.size_hint());
        let mut all = SizeHint::new();
        all.set_lower(hint.lower() + rest);
        if let Some(upper) = hint.upper() {
            all.set_upper(upper + rest);
        }
        all
    }
}

#[cfg(test)]
mod tests;
