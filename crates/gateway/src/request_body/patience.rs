//! How long a client may keep us waiting for its body: only so long at a time, and only so long for what it sent so far.
//!
//! A limit on pauses alone would let a client that sends a byte a minute keep its connection for ever. A limit on the whole would cut off a
//! large body on a slow line. So there is a least pace: every so many bytes buy a second. Only the time counts for which we wait; while an
//! upstream takes its time, a client need not send.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// The patience with one client.
#[derive(Debug)]
pub(crate) struct Patience {
    /// For one pause; and for all of them together before the pace counts.
    pause: Duration,
    /// Bytes that buy a second; none where it is zero.
    least_bytes_per_s: u64,
    received: u64,
    waited: Duration,
    waiting_since: Option<Instant>,
    deadline: Pin<Box<Sleep>>,
}

impl Patience {
    pub(crate) fn new(pause: Duration, least_bytes_per_s: u64) -> Self {
        Self {
            pause,
            least_bytes_per_s,
            received: 0,
            waited: Duration::ZERO,
            waiting_since: None,
            deadline: Box::pin(tokio::time::sleep(pause)),
        }
    }

    /// Nothing has come: waits, and is ready when that was for too long.
    pub(super) fn poll_lost(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.waiting_since.is_none() {
            let now = Instant::now();
            self.waiting_since = Some(now);
            self.deadline.as_mut().reset(now + self.left());
        }
        self.deadline.as_mut().poll(cx)
    }

    /// Something has come.
    pub(super) fn received(&mut self, bytes: u64) {
        if let Some(since) = self.waiting_since.take() {
            self.waited += since.elapsed();
        }
        self.received = self.received.saturating_add(bytes);
    }

    /// What is left of it for a pause that begins now.
    fn left(&self) -> Duration {
        match self.received.checked_div(self.least_bytes_per_s) {
            Some(bought_s) => {
                let all = self.pause.saturating_add(Duration::from_secs(bought_s));
                self.pause.min(all.saturating_sub(self.waited))
            }
            None => self.pause,
        }
    }
}

#[cfg(test)]
mod tests;
