//! How much of a limit is used up, and how fast that comes back.
//!
//! Kept is what is missing, not what is left: a bucket that nothing is known of is full whatever its limit, and when the limit changes, what
//! was used stays used. All in whole numbers: a unit is as many parts as a minute has nanoseconds, so in a nanosecond
//! a limit of `n` a minute brings back `n` parts.

use std::time::Duration;

use tokio::time::Instant;

const PARTS: u128 = 60_000_000_000;

#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    /// In parts. More than the limit where a request used more than it was taken for.
    missing: u128,
    /// Until when it has been refilled.
    at: Instant,
}

impl Bucket {
    pub(super) const fn full(at: Instant) -> Self {
        Self { missing: 0, at }
    }

    /// What has come back until `now`.
    pub(super) fn refill(&mut self, now: Instant, limit: u64) {
        let elapsed = now.saturating_duration_since(self.at);
        self.missing = self.missing.saturating_sub(elapsed.as_nanos().saturating_mul(u128::from(limit)));
        self.at = self.at.max(now);
    }

    pub(super) fn take(&mut self, units: u64) {
        self.missing = self.missing.saturating_add(parts(units));
    }

    pub(super) fn give_back(&mut self, units: u64) {
        self.missing = self.missing.saturating_sub(parts(units));
    }

    /// Whole units that are left.
    pub(super) fn remaining(&self, limit: u64) -> u64 {
        u64::try_from(parts(limit).saturating_sub(self.missing) / PARTS).unwrap_or(u64::MAX)
    }

    /// How long until `units` fit; zero where they do. More than the limit fit when nothing is missing: to wait for longer would
    /// be to wait for ever.
    pub(super) fn fits_in(&self, units: u64, limit: u64) -> Duration {
        let lacking = self.missing.saturating_add(parts(units.min(limit))).saturating_sub(parts(limit));
        time_for(lacking, limit)
    }

    /// How long until nothing is missing.
    pub(super) fn full_in(&self, limit: u64) -> Duration {
        time_for(self.missing, limit)
    }

    /// Whether nothing is missing at `now`, so that a new one would say the same.
    pub(super) fn is_full(mut self, now: Instant, limit: u64) -> bool {
        self.refill(now, limit);
        self.missing == 0
    }
}

fn parts(units: u64) -> u128 {
    u128::from(units).saturating_mul(PARTS)
}

fn time_for(missing: u128, limit: u64) -> Duration {
    let nanos = missing.div_ceil(u128::from(limit.max(1)));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
