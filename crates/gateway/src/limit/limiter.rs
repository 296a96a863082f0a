//! What is used of every limit, and what runs.
//!
//! One lock over all: a request that meets three limits passes all or none, and a decision takes less than a microsecond.
//! Subjects of whose limits nothing is used are forgotten; a new one would say the same. So memory is bounded by what was busy lately.

use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::bucket::{self, Bucket};
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
    /// The limit of those that run, as it was when it was last looked at.
    concurrent_requests: Option<u32>,
}

impl Meter {
    fn new(now: Instant) -> Self {
        Self { requests: Bucket::full(now), tokens: Bucket::full(now), running: 0, concurrent_requests: None }
    }

    /// Brings back what came until `now`, under the rates that are in force then.
    fn advance(&mut self, now: Instant, rates: Rates) {
        self.requests.advance(now, rates.requests_per_minute.map(u64::from));
        self.tokens.advance(now, rates.tokens_per_minute);
        self.concurrent_requests = rates.concurrent_requests;
    }

    fn is_idle(&self, now: Instant) -> bool {
        self.running == 0 && self.requests.is_full(now) && self.tokens.is_full(now)
    }

    /// The limits that one more request would exceed.
    fn exceeded(&self, tokens: u64) -> impl Iterator<Item = (What, u64, std::time::Duration)> {
        let requests = self.requests.fits_in(1).map(|(limit, wait)| (What::Requests, limit, wait));
        let tokens = self.tokens.fits_in(tokens).map(|(limit, wait)| (What::Tokens, limit, wait));
        let concurrency = self
            .concurrent_requests
            .filter(|limit| self.running >= *limit)
            .map(|limit| (What::Concurrency, limit.into(), CONCURRENCY_RETRY_AFTER));
        [requests, tokens, concurrency].into_iter().flatten().filter(|(_, _, wait)| !wait.is_zero())
    }

    fn take(&mut self, subject: Subject, tokens: u64) -> TakenOf {
        self.running = self.running.saturating_add(1);
        TakenOf { subject, requests: self.requests.take(1), tokens: self.tokens.take(tokens) }
    }

    /// One that ran is over.
    fn end(&mut self, taken: TakenOf, end: End) {
        self.running = self.running.saturating_sub(1);
        let (requests, tokens) = match end {
            End::Used(tokens) => (1, tokens),
            End::Withdrawn => (0, 0),
        };
        if let Some(taken) = taken.requests {
            self.requests.settle(taken, requests);
        }
        if let Some(taken) = taken.tokens {
            self.tokens.settle(taken, tokens);
        }
    }

    fn standing(&self, least: Standing) -> Standing {
        let level = |bucket: &Bucket| {
            let (limit, remaining) = bucket.remaining()?;
            Some(Level { limit, remaining, full_in: bucket.full_in() })
        };
        let (requests, tokens) = (level(&self.requests), level(&self.tokens));
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
            Ok((of, standing)) => {
                let taken = Some(Taken { limiter: Arc::clone(self), of });
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
    fn pass(
        &mut self,
        limited: Limited,
        tokens: u64,
        now: Instant,
    ) -> Result<([Option<TakenOf>; 3], Standing), Exceeded> {
        // Before any is looked at: those of this request may be idle until it takes.
        self.forget_idle(now);
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
        let of = limited.map(|limited| {
            let (subject, _) = limited?;
            let meter = self.by_subject.get_mut(&subject)?;
            let taken = worst.is_none().then(|| meter.take(subject, tokens));
            standing = meter.standing(standing);
            taken
        });
        worst.map_or(Ok((of, standing)), |exceeded| Err(Exceeded { standing, ..exceeded }))
    }

    fn forget_idle(&mut self, now: Instant) {
        if self.by_subject.len() >= self.sweep_at {
            self.by_subject.retain(|_, meter| !meter.is_idle(now));
            self.sweep_at = self.by_subject.len().saturating_mul(2).max(KEPT_ANYWAY);
        }
    }

    fn meter(&mut self, subject: Subject, rates: Rates, now: Instant) -> &mut Meter {
        let meter = self.by_subject.entry(subject).or_insert_with(|| Meter::new(now));
        meter.advance(now, rates);
        meter
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
    of: [Option<TakenOf>; 3],
}

/// What it took of one subject's limits, and so what is set right there at its end; `None` of those that there were not.
#[derive(Debug, Clone, Copy)]
struct TakenOf {
    subject: Subject,
    requests: Option<bucket::Taken>,
    tokens: Option<bucket::Taken>,
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
        let Some(Taken { limiter, of }) = self.taken.take() else { return };
        let mut meters = limiter.meters.lock();
        for taken in of.into_iter().flatten() {
            // It is there: who runs is not forgotten.
            if let Some(meter) = meters.by_subject.get_mut(&taken.subject) {
                meter.end(taken, end);
            }
        }
    }
}

impl Drop for Passed {
    fn drop(&mut self) {
        self.release(End::Withdrawn);
    }
}
