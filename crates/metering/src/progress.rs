//! How far the books are: the place in the channel up to which everything is settled, whatever order flushers finish in.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use crate::delivery::{Queued, Reach};

/// Settled ranges of deliveries, joined where they meet.
#[derive(Debug, Default)]
pub(crate) struct Progress(Mutex<State>);

/// Consecutive deliveries of one generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    generation: u64,
    first: i64,
    last: i64,
    /// What the books reach at its end, when they have everything before it.
    reach: Reach,
}

impl Stretch {
    /// That of a batch, or `None` of an empty one.
    pub(crate) fn of(queued: &[Queued]) -> Option<Self> {
        let (first, last) = (queued.first()?, queued.last()?);
        Some(Self { generation: last.generation, first: first.index, last: last.index, reach: last.reach })
    }

    /// Which reading of the log it is of.
    pub(crate) const fn generation(&self) -> u64 {
        self.generation
    }
}

#[derive(Debug, Default)]
struct State {
    generation: u64,
    /// Everything up to here is settled.
    low_water: i64,
    /// Settled ranges above it, by first index: last index, and what is reached there. They neither touch nor overlap it.
    ahead: BTreeMap<i64, (i64, Reach)>,
    settled: i64,
}

impl State {
    /// Begins again when the stretch is of a later generation; `false` when it is of an earlier one.
    fn follow(&mut self, stretch: &Stretch) -> bool {
        if stretch.generation > self.generation {
            *self = Self { generation: stretch.generation, settled: self.settled, ..Self::default() };
        }
        stretch.generation == self.generation
    }
}

impl Progress {
    /// What the books will reach once `stretch` is settled too; `None` when that is no further than they are.
    pub(crate) fn with(&self, stretch: &Stretch) -> Option<Reach> {
        let mut state = self.0.lock();
        if !state.follow(stretch) || stretch.first != state.low_water + 1 {
            return None;
        }
        Some(state.ahead.get(&(stretch.last + 1)).map_or(stretch.reach, |(_, reach)| *reach))
    }

    /// The stretch is settled: committed, or in quarantine.
    pub(crate) fn settle(&self, stretch: &Stretch) {
        let Stretch { first, last, reach, .. } = *stretch;
        let mut state = self.0.lock();
        state.settled += last - first + 1;
        if !state.follow(stretch) {
            return;
        }
        let joined = state.ahead.remove(&(last + 1)).unwrap_or((last, reach));
        if first == state.low_water + 1 {
            state.low_water = joined.0;
            return;
        }
        let before = state.ahead.range(..first).next_back().map(|(start, (end, _))| (*start, *end));
        match before {
            Some((start, end)) if end + 1 == first => state.ahead.insert(start, joined),
            _ => state.ahead.insert(first, joined),
        };
    }

    /// Whether something is settled of which something before is not.
    pub(crate) fn is_ahead(&self) -> bool {
        !self.0.lock().ahead.is_empty()
    }

    /// How many deliveries are settled, over all generations.
    pub(crate) fn settled(&self) -> i64 {
        self.0.lock().settled
    }
}

#[cfg(test)]
mod tests;
