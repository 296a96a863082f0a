//! How long answers really were, by key and model: what nearly every one of them stayed under.
//!
//! A histogram of powers of two per pair, whose counts are halved now and then, so that it follows a change of habits within some hundreds
//! of requests. Bounded: past [`MOST_PAIRS`] it begins anew, and soon knows the busy ones again.

use foldhash::{HashMap, HashMapExt};
use parking_lot::Mutex;
use tollgate_domain::{ApiKeyId, ModelId};

/// Of a hundred answers, as many stayed under what is told.
const PERCENT: u32 = 95;
/// Fewer than this say nothing.
const ENOUGH: u32 = 8;
/// Counts are halved when there are so many.
const HALVED_AT: u32 = 512;
/// An answer of up to 2³¹ tokens has its place.
const BUCKETS: usize = 32;
const MOST_PAIRS: usize = 20_000;

/// What was learned of all keys and models.
#[derive(Debug)]
pub(crate) struct Learned(Mutex<HashMap<(ApiKeyId, ModelId), Histogram>>);

#[derive(Debug, Clone, Copy, Default)]
struct Histogram {
    /// Answers of less than 2ⁱ tokens, and no less than half of that.
    counts: [u16; BUCKETS],
    total: u32,
}

impl Default for Learned {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

impl Learned {
    /// An answer of so many tokens has come.
    pub(crate) fn saw(&self, key: ApiKeyId, model: ModelId, tokens: u64) {
        let mut pairs = self.0.lock();
        if pairs.len() >= MOST_PAIRS && !pairs.contains_key(&(key, model)) {
            pairs.clear();
        }
        pairs.entry((key, model)).or_default().add(tokens);
    }

    /// What nearly every answer stayed under; `None` while too few have come.
    pub(crate) fn usual(&self, key: ApiKeyId, model: ModelId) -> Option<u64> {
        self.0.lock().get(&(key, model)).and_then(Histogram::usual)
    }
}

impl Histogram {
    fn add(&mut self, tokens: u64) {
        let bucket = usize::try_from(u64::BITS - tokens.leading_zeros()).unwrap_or(BUCKETS).min(BUCKETS - 1);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
            self.total += 1;
        }
        if self.total >= HALVED_AT {
            self.counts.iter_mut().for_each(|count| *count /= 2);
            self.total = self.counts.iter().map(|count| u32::from(*count)).sum();
        }
    }

    fn usual(&self) -> Option<u64> {
        if self.total < ENOUGH {
            return None;
        }
        let enough = (self.total * PERCENT).div_ceil(100);
        let mut seen = 0;
        let bucket = self.counts.iter().position(|count| {
            seen += u32::from(*count);
            seen >= enough
        });
        bucket.map(|bucket| 1 << bucket)
    }
}

#[cfg(test)]
mod tests;
