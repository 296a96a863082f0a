//! What is used of every limit, and what runs.
//!
//! One lock over all: a request that meets three limits passes all or none, and a decision takes less than a microsecond.
//! Subjects of whose limits nothing is used are forgotten; a new one would say the same. So memory is bounded by what was busy lately.

use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::bucket::Bucket;
use super::metrics::LimitMetrics;
use super::{CONCURRENCY_RETRY_AFTER, Exceeded, Level, Limited, Rates, Standing, Subject, What};

/// Fewer subjects are not worth looking for idle ones.
const KEPT_ANYWAY: usize = 1024;

/// All limits of this gateway.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    meters: Mutex<Meters>,
    pub(super) metrics: LimitMetrics,
}

#[derive(Debug)]
struct Meters {
    by_subject: HashMap<Subject, Meter>,
    /// So many are the occasion to forget idle ones.
    sweep_at: usize,
}

impl Default for Meters {
    fn default() -> Self {
        Self { by_subject: HashMap::new(), sweep_at: KEPT_ANYWAY }
    }
}

#[derive(Debug)]
struct Meter {
    requests: Bucket,
    tokens: Bucket,
    running: u32,
    /// As they were when it was last looked at.
    rates: Rates,
}

impl Meter {
    const fn new(now: Instant, rates: Rates) -> Self {
        Self { requests: Bucket::full(now), tokens: Bucket::full(now), running: 0, rates }
    }

    /// What was used of a limit that is gone stays as it was.
    fn refill(&mut self, now: Instant, rates: Rates) {
        self.rates = rates;
        if let Some(limit) = rates.requests_per_minute {
            self.requests.refill(now, limit.into());
        }
        if let Some(limit) = rates.tokens_per_minute {
            self.tokens.refill(now, limit);
        }
    }

    fn is_idle(&self, now: Instant) -> bool {
        let requests = self.rates.requests_per_minute;
        let tokens = self.rates.tokens_per_minute;
        self.running == 0
            && requests.is_none_or(|limit| self.requests.is_full(now, limit.into()))
            && tokens.is_none_or(|limit| self.tokens.is_full(now, limit))
    }

    /// The limits that one more request would exceed.
    fn exceeded(&self, tokens: u64) -> impl Iterator<Item = (What, u64, std::time::Duration)> {
        let Rates { requests_per_minute, tokens_per_minute, concurrent_requests } = self.rates;
        let requests = requests_per_minute
            .map(|limit| (What::Requests, limit.into(), self.requests.fits_in(1, limit.into())));
        let tokens = tokens_per_minute.map(|limit| (What::Tokens, limit, self.tokens.fits_in(tokens, limit)));
        let concurrency = concurrent_requests
            .filter(|limit| self.running >= *limit)
            .map(|limit| (What::Concurrency, limit.into(), CONCURRENCY_RETRY_AFTER));
        [requests, tokens, concurrency].into_iter().flatten().filter(|(_, _, wait)| !wait.is_zero())
    }

    fn standing(&self, least: Standing) -> Standing {
        let level = |bucket: &Bucket, limit: u64| Level {
            limit,
            remaining: bucket.remaining(limit),
            full_in: bucket.full_in(limit),
        };
        let requests = self.rates.requests_per_minute.map(|limit| level(&self.requests, limit.into()));
        let tokens = self.rates.tokens_per_minute.map(|limit| level(&self.tokens, limit));
        Standing {
            requests: requests.map_or(least.requests, |level| level.least(least.requests)),
            tokens: tokens.map_or(least.tokens, |level| level.least(least.tokens)),
        }
    }
}

impl Limiter {
    /// Lets a request pass that is taken to use `tokens`, or says which limit it has to wait for longest.
    pub(crate) fn pass(
        self: &Arc<Self>,
        limited: Limited,
        tokens: u64,
        now: Instant,
    ) -> Result<Passed, Exceeded> {
        if limited.iter().all(Option::is_none) {
            return Ok(Passed::nothing());
        }
        let decided = self.meters.lock().pass(limited, tokens, now);
        match decided {
            Ok(standing) => {
                let taken = Some(Taken { limiter: Arc::clone(self), limited, tokens });
                Ok(Passed { taken, standing: Some(standing) })
            }
            Err(exceeded) => {
                self.metrics.limited(exceeded.what.name(), exceeded.subject.kind());
                Err(exceeded)
            }
        }
    }

    /// How many subjects are kept count of.
    pub(super) fn entries(&self) -> usize {
        self.meters.lock().by_subject.len()
    }
}

impl Meters {
    fn pass(&mut self, limited: Limited, tokens: u64, now: Instant) -> Result<Standing, Exceeded> {
        let mut worst: Option<Exceeded> = None;
        for (subject, rates) in limited.into_iter().flatten() {
            let meter = self.meter(subject, rates, now);
            for (what, limit, retry_after) in meter.exceeded(tokens) {
                if worst.as_ref().is_none_or(|worst| worst.retry_after < retry_after) {
                    worst =
                        Some(Exceeded { subject, what, limit, retry_after, standing: Standing::default() });
                }
            }
        }
        let mut standing = Standing::default();
        for (subject, _) in limited.into_iter().flatten() {
            let Some(meter) = self.by_subject.get_mut(&subject) else { continue };
            if worst.is_none() {
                meter.requests.take(1);
                meter.tokens.take(tokens);
                meter.running = meter.running.saturating_add(1);
            }
            standing = meter.standing(standing);
        }
        worst.map_or(Ok(standing), |exceeded| Err(Exceeded { standing, ..exceeded }))
    }

    fn meter(&mut self, subject: Subject, rates: Rates, now: Instant) -> &mut Meter {
        if self.by_subject.len() >= self.sweep_at && !self.by_subject.contains_key(&subject) {
            self.by_subject.retain(|_, meter| !meter.is_idle(now));
            self.sweep_at = self.by_subject.len().saturating_mul(2).max(KEPT_ANYWAY);
        }
        let meter = self.by_subject.entry(subject).or_insert_with(|| Meter::new(now, rates));
        meter.refill(now, rates);
        meter
    }

    /// One that ran is over.
    fn end(&mut self, subject: Subject, taken: u64, end: End) {
        // It is there: who runs is not forgotten.
        let Some(meter) = self.by_subject.get_mut(&subject) else { return };
        meter.running = meter.running.saturating_sub(1);
        match end {
            End::Used(tokens) if tokens > taken => meter.tokens.take(tokens - taken),
            End::Used(tokens) => meter.tokens.give_back(taken - tokens),
            End::Withdrawn => {
                meter.requests.give_back(1);
                meter.tokens.give_back(taken);
            }
        }
    }
}

/// How a request that passed ends.
#[derive(Debug, Clone, Copy)]
enum End {
    /// With so many tokens used.
    Used(u64),
    /// It never became one.
    Withdrawn,
}

/// A request that passed its limits, and runs. Dropped before its end, it never became one.
#[derive(Debug)]
#[must_use = "it counts as running until it is dropped"]
pub(crate) struct Passed {
    /// `None` where nothing limits it, and once it has ended.
    taken: Option<Taken>,
    standing: Option<Standing>,
}

#[derive(Debug)]
struct Taken {
    limiter: Arc<Limiter>,
    limited: Limited,
    tokens: u64,
}

impl Passed {
    /// Nothing limits it.
    pub(crate) const fn nothing() -> Self {
        Self { taken: None, standing: None }
    }

    /// What its client is told; `None` where nothing limits it.
    pub(crate) const fn standing(&self) -> Option<Standing> {
        self.standing
    }

    /// It has ended, and used so many tokens.
    pub(crate) fn end(mut self, tokens: u64) {
        self.release(End::Used(tokens));
    }

    fn release(&mut self, end: End) {
        let Some(Taken { limiter, limited, tokens }) = self.taken.take() else { return };
        let mut meters = limiter.meters.lock();
        for (subject, _) in limited.into_iter().flatten() {
            meters.end(subject, tokens, end);
        }
    }
}

impl Drop for Passed {
    fn drop(&mut self) {
        self.release(End::Withdrawn);
    }
}
