//! How much of a limit is used up, and how fast that comes back.
//!
//! Kept is what is missing, not what is left: a bucket that nothing is known of is full whatever its limit. All in whole numbers: a unit
//! is as many parts as a minute has nanoseconds, so in a nanosecond a limit of `n` a minute brings back `n` parts.
//!
//! What was taken and not used is given back, but not what time has brought back already: then many long requests that end together would
//! give back the same room once more each. What a bucket would miss if less had been taken at some time is less by that, or by the least that it
//! has missed since, where that was less still (a full bucket gets no fuller). So the bucket keeps these lows ([`Low`]), and giving back
//! leaves it exactly as if no more had been taken than was used.
//!
//! Guarantee: in no stretch of time do those that pass use more than the limit and what came back in it, but for what they use beyond what was
//! taken for them.

use std::time::Duration;

use tokio::time::Instant;

const PARTS: u128 = 60_000_000_000;
/// So many lows are kept; of more, neighbours become one. Then less is given back than might be, never more.
const KEPT_LOWS: usize = 64;

#[derive(Debug)]
pub(super) struct Bucket {
    /// `None`: nothing is counted.
    limit: Option<u64>,
    /// In parts. More than the limit where requests used more than was taken for them.
    missing: u128,
    /// Until when it has been refilled.
    at: Instant,
    /// In the order of their times, and so of what was missing; none of before a time at which nothing was.
    lows: Vec<Low>,
    /// How often something was taken: the time by which lows are told apart.
    times: u64,
}

/// The least that was missing since a time.
#[derive(Debug, Clone, Copy)]
struct Low {
    since: u64,
    missing: u128,
}

/// What was taken of a bucket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    units: u64,
    since: u64,
}

impl Bucket {
    pub(super) const fn full(at: Instant) -> Self {
        Self { limit: None, missing: 0, at, lows: Vec::new(), times: 0 }
    }

    /// Brings back what came until `now`, and has another limit from then on. Without limit nothing is counted, so one that is put on
    /// later begins with nothing used. Of a limit that is lowered the same part stays used: nobody waits for a lower limit to bring back
    /// what was used under a higher one.
    pub(super) fn advance(&mut self, now: Instant, limit: Option<u64>) {
        let missing = self.missing_at(now);
        self.at = self.at.max(now);
        self.lower_to(missing);
        if self.limit == limit {
            return;
        }
        match (self.limit, limit) {
            (Some(before), Some(limit)) if limit < before => {
                self.missing = scaled(self.missing, before, limit);
                for low in &mut self.lows {
                    low.missing = scaled(low.missing, before, limit);
                }
            }
            (Some(_), Some(_)) => {}
            (None, _) | (_, None) => self.lower_to(0),
        }
        self.limit = limit;
    }

    /// Takes so many units, and never more than all: whoever asks for more passes when nothing is missing, and shuts out nobody for longer
    /// than a minute.
    pub(super) fn take(&mut self, units: u64) -> Option<Taken> {
        let units = units.min(self.limit?);
        self.missing = self.missing.saturating_add(parts(units));
        let since = self.times;
        self.times = self.times.saturating_add(1);
        if self.lows.last().is_none_or(|low| low.missing < self.missing) {
            if self.lows.len() >= KEPT_LOWS {
                // Of each two the earlier, which is the lower.
                let mut is_kept = false;
                self.lows.retain(|_| {
                    is_kept = !is_kept;
                    is_kept
                });
            }
            self.lows.push(Low { since, missing: self.missing });
        }
        Some(Taken { units, since })
    }

    /// So much was used of what was taken.
    pub(super) fn settle(&mut self, taken: Taken, used: u64) {
        match taken.units.checked_sub(used) {
            Some(0) => {}
            Some(unused) => self.give_back(parts(unused), taken.since),
            None if self.limit.is_some() => {
                self.missing = self.missing.saturating_add(parts(used.saturating_sub(taken.units)));
            }
            None => {}
        }
    }

    fn give_back(&mut self, unused: u128, since: u64) {
        let earlier = self.lows.partition_point(|low| low.since <= since);
        // None: nothing was missing at some time since.
        let Some(lowest) = earlier.checked_sub(1).and_then(|index| self.lows.get(index)) else { return };
        let back = unused.min(lowest.missing);
        let most = lowest.missing - back;
        self.missing = self.missing.saturating_sub(back);
        for (index, low) in self.lows.iter_mut().enumerate() {
            low.missing =
                if index < earlier { low.missing.min(most) } else { low.missing.saturating_sub(back) };
        }
        self.lows.retain(|low| low.missing > 0);
        // Of those that are the same now, the first.
        self.lows.dedup_by_key(|low| low.missing);
    }

    /// Now so little is missing, and has not been less since whenever it was.
    fn lower_to(&mut self, missing: u128) {
        self.missing = missing;
        if missing == 0 {
            self.lows.clear();
            return;
        }
        let first = self.lows.partition_point(|low| low.missing < missing);
        if let Some(low) = self.lows.get_mut(first) {
            low.missing = missing;
            self.lows.truncate(first.saturating_add(1));
        }
    }

    fn missing_at(&self, now: Instant) -> u128 {
        let elapsed = now.saturating_duration_since(self.at).as_nanos();
        self.missing.saturating_sub(elapsed.saturating_mul(u128::from(self.limit.unwrap_or(0))))
    }

    /// Its limit, and whole units that are left of it.
    pub(super) fn remaining(&self) -> Option<(u64, u64)> {
        let limit = self.limit?;
        let left = parts(limit).saturating_sub(self.missing) / PARTS;
        Some((limit, u64::try_from(left).unwrap_or(u64::MAX)))
    }

    /// Its limit, and how long until `units` fit; zero where they do. More than the limit fit when nothing is missing: to wait for longer
    /// would be to wait for ever.
    pub(super) fn fits_in(&self, units: u64) -> Option<(u64, Duration)> {
        let limit = self.limit?;
        let lacking = self.missing.saturating_add(parts(units.min(limit))).saturating_sub(parts(limit));
        Some((limit, time_for(lacking, limit)))
    }

    /// How long until nothing is missing.
    pub(super) fn full_in(&self) -> Duration {
        self.limit.map_or(Duration::ZERO, |limit| time_for(self.missing, limit))
    }

    /// Whether nothing is missing at `now`, so that a new one would say the same.
    pub(super) fn is_full(&self, now: Instant) -> bool {
        self.missing_at(now) == 0
    }
}

fn parts(units: u64) -> u128 {
    u128::from(units).saturating_mul(PARTS)
}

/// `missing` as the same part of a lower limit. In two steps, because the product of all three may be too large.
fn scaled(missing: u128, before: u64, limit: u64) -> u128 {
    let (before, limit) = (u128::from(before.max(1)), u128::from(limit));
    (missing / before).saturating_mul(limit).saturating_add(missing % before * limit / before)
}

fn time_for(missing: u128, limit: u64) -> Duration {
    let nanos = missing.div_ceil(u128::from(limit.max(1)));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
