//! How long a client may keep us waiting for its body: only so long at a time, and only so long for what it sent so far. Pure.
//!
//! A limit on pauses alone would let a client that sends a byte a minute keep its connection for ever. A limit on the whole would cut off a
//! large body on a slow line. So there is a least pace: every so many bytes buy a second. Only the time counts for which we wait; while an
//! upstream takes its time, a client need not send.

use std::time::Duration;

use tokio::time::Instant;

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
}

impl Patience {
    pub(crate) const fn new(pause: Duration, least_bytes_per_s: u64) -> Self {
        Self { pause, least_bytes_per_s, received: 0, waited: Duration::ZERO, waiting_since: None }
    }

    /// Nothing has come yet: until when it is waited for. The wait begins now, unless it has.
    pub(super) fn waits_until(&mut self, now: Instant) -> Instant {
        let since = *self.waiting_since.get_or_insert(now);
        since + self.left()
    }

    /// Something has come.
    pub(super) fn received(&mut self, bytes: u64, now: Instant) {
        if let Some(since) = self.waiting_since.take() {
            self.waited += now.duration_since(since);
        }
        self.received = self.received.saturating_add(bytes);
    }

    /// What is left of it for one pause.
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
