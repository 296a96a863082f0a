//! How long answers really were, by key and model: what nearly every one of them stayed under.
//!
//! A histogram per pair, with four places between a power of two and the next, whose counts are halved now and then, so that it follows a change of habits within some hundreds
//! of requests. Bounded: past [`MOST_PAIRS`] it begins anew, and soon knows the busy ones again.

use foldhash::{HashMap, HashMapExt};
use parking_lot::Mutex;
use tollgate_domain::{ApiKeyId, ModelId};

/// Of a hundred answers, as many stayed under what is told.
const PERCENT: u32 = 90;
/// Fewer than this say nothing.
const ENOUGH: u32 = 4;
/// Counts are halved when there are so many.
const HALVED_AT: u32 = 512;
/// Places between a power of two and the next, as a power of two itself.
const PARTS_BITS: u32 = 2;
/// An answer of up to 2³² tokens has its place.
const BUCKETS: usize = 31 << PARTS_BITS;
const MOST_PAIRS: usize = 20_000;

/// What was learned of all keys and models.
#[derive(Debug)]
pub(crate) struct Learned(Mutex<HashMap<(ApiKeyId, ModelId), Histogram>>);

#[derive(Debug, Clone, Copy)]
struct Histogram {
    /// Answers by their place ([`place`]).
    counts: [u16; BUCKETS],
    total: u32,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: [0; BUCKETS], total: 0 }
    }
}

/// Where an answer of so many tokens is counted: small ones by themselves, others by their highest bits.
fn place(tokens: u64) -> usize {
    let parts = 1 << PARTS_BITS;
    let place = match tokens.checked_ilog2() {
        Some(power) if power >= PARTS_BITS => {
            let part = (tokens >> (power - PARTS_BITS)) & (parts - 1);
            u64::from(power - PARTS_BITS + 1) * parts + part
        }
        _ => tokens,
    };
    usize::try_from(place).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

/// What those who are counted there stayed under.
const fn bound(place: usize) -> u64 {
    let (place, parts) = (place as u64, 1 << PARTS_BITS);
    if place < parts { place + 1 } else { (parts + place % parts + 1) << (place / parts - 1) }
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
        if let Some(count) = self.counts.get_mut(place(tokens)) {
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
        let place = self.counts.iter().position(|count| {
            seen += u32::from(*count);
            seen >= enough
        });
        place.map(bound)
    }
}

#[cfg(test)]
mod tests;
