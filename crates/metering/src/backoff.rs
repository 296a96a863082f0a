//! Waiting longer after each failure: doubled, capped, jittered, without a last try.

use rand::RngExt;
use tokio::time::Duration;

/// Longest wait between two tries. The promise behind it: within five seconds of a database's return, after an outage of any
/// length, what waits is being written again. That leaves time for a connection and for one try that began too early. What it costs is one
/// attempt to connect a second for each flusher.
const MAX_DELAY: Duration = Duration::from_secs(1);
/// Doubling more often than this is beyond any base delay's cap.
const MAX_DOUBLINGS: u32 = 20;

/// How long to wait before the next try.
#[derive(Debug)]
pub(crate) struct Backoff {
    base: Duration,
    tries: u32,
}

impl Backoff {
    pub(crate) const fn new(base: Duration) -> Self {
        Self { base, tries: 0 }
    }

    /// How many delays were asked for.
    pub(crate) const fn tries(&self) -> u32 {
        self.tries
    }

    /// Between half and all of the base delay × 2ⁿ, so that many who failed together do not come back together.
    pub(crate) fn next_delay(&mut self) -> Duration {
        let doubled = self.base.saturating_mul(1 << self.tries.min(MAX_DOUBLINGS)).min(MAX_DELAY);
        self.tries = self.tries.saturating_add(1);
        rand::rng().random_range(doubled / 2..=doubled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_cap_and_never_reach_zero() {
        let mut backoff = Backoff::new(Duration::from_millis(100));
        for expected in [100, 200, 400, 800, 1000, 1000] {
            let delay = backoff.next_delay();
            let expected = Duration::from_millis(expected);
            assert!(delay >= expected / 2 && delay <= expected, "{delay:?} against {expected:?}");
        }
        assert_eq!(backoff.tries(), 6);
    }
}
