//! How far the books are: the position up to which everything is settled, whatever order flushers finish in.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use crate::Position;

/// Settled ranges of positions, joined where they meet.
#[derive(Debug, Default)]
pub(crate) struct Progress(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Everything up to here is settled.
    low_water: Position,
    /// Settled ranges above it, by first position; they neither touch nor overlap it.
    ahead: BTreeMap<Position, Position>,
    settled: i64,
}

impl Progress {
    /// The low-water mark as it will be once `first..=last` is settled too.
    pub(crate) fn with(&self, first: Position, last: Position) -> Position {
        let state = self.0.lock();
        if first != state.low_water + 1 {
            return state.low_water;
        }
        state.ahead.get(&(last + 1)).copied().unwrap_or(last)
    }

    /// `first..=last` is settled: committed, or in quarantine.
    pub(crate) fn settle(&self, first: Position, last: Position) {
        let mut state = self.0.lock();
        state.settled += last - first + 1;
        let mut joined = last;
        if let Some(next) = state.ahead.remove(&(last + 1)) {
            joined = next;
        }
        if first == state.low_water + 1 {
            state.low_water = joined;
            return;
        }
        let before = state.ahead.range(..first).next_back().map(|(start, end)| (*start, *end));
        match before {
            Some((start, end)) if end + 1 == first => state.ahead.insert(start, joined),
            _ => state.ahead.insert(first, joined),
        };
    }

    /// How many positions are settled.
    pub(crate) fn settled(&self) -> i64 {
        self.0.lock().settled
    }
}

#[cfg(test)]
mod tests;
