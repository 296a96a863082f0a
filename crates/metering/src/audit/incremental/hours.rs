//! Rollups as they were in the pass before, as far as that is known.
//!
//! An hour that had no rollup when the audit began is known from its first record on: what is not remembered of it was nothing. Of
//! an hour that had begun before, or was forgotten, each rollup is known from the second time on that it moves.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use foldhash::fast::RandomState;
use tollgate_store::rollups::{RollupDelta, RollupKey};
use tollgate_store::utc::UtcMicros;

/// Rollups that are remembered in all: some 50 MB.
const MAX_CELLS: usize = 400_000;
/// An hour to which nothing came in so many passes is forgotten: an hour of passes each minute.
const MAX_IDLE_PASSES: u32 = 60;

#[derive(Debug)]
pub(super) struct Hours {
    /// Hours after this one had no rollup when the audit began.
    newest_at_start: Option<UtcMicros>,
    known: BTreeMap<UtcMicros, Hour>,
    /// Hours that were known once, and are not any more.
    forgotten: BTreeSet<UtcMicros>,
    max_cells: usize,
}

#[derive(Debug)]
struct Hour {
    /// Whether what is not in `cells` is nothing.
    is_whole: bool,
    cells: HashMap<RollupKey, RollupDelta, RandomState>,
    idle_passes: u32,
}

impl Hours {
    /// Nothing is known; after `newest` there is nothing.
    pub(super) const fn after(newest: Option<UtcMicros>) -> Self {
        Self {
            newest_at_start: newest,
            known: BTreeMap::new(),
            forgotten: BTreeSet::new(),
            max_cells: MAX_CELLS,
        }
    }

    /// What the rollup was, if that is known.
    pub(super) fn before(&self, key: &RollupKey) -> Option<RollupDelta> {
        match self.known.get(&key.hour) {
            Some(hour) => hour.cells.get(key).copied().or_else(|| hour.is_whole.then(RollupDelta::default)),
            None => self.is_fresh(key.hour).then(RollupDelta::default),
        }
    }

    fn is_fresh(&self, hour: UtcMicros) -> bool {
        self.newest_at_start.is_none_or(|newest| hour > newest) && !self.forgotten.contains(&hour)
    }

    /// Takes in what the rollups of a pass are now. Those in `rated` may have been moved by more than what the pass knows of.
    pub(super) fn remember(&mut self, now: Vec<(RollupKey, RollupDelta)>, rated: &BTreeSet<RollupKey>) {
        for hour in self.known.values_mut() {
            hour.idle_passes = hour.idle_passes.saturating_add(1);
        }
        for key in rated {
            self.forget(key.hour);
        }
        for (key, sums) in now {
            let is_fresh = self.is_fresh(key.hour);
            let hour = self.known.entry(key.hour).or_insert_with(|| Hour {
                is_whole: is_fresh,
                cells: HashMap::default(),
                idle_passes: 0,
            });
            hour.cells.insert(key, sums);
            hour.idle_passes = 0;
        }
        let idle: Vec<UtcMicros> = self
            .known
            .iter()
            .filter(|(_, hour)| hour.idle_passes >= MAX_IDLE_PASSES)
            .map(|(at, _)| *at)
            .collect();
        for hour in idle {
            self.forget(hour);
        }
        while self.known.values().map(|hour| hour.cells.len()).sum::<usize>() > self.max_cells {
            let longest_idle = self.known.iter().max_by_key(|(_, hour)| hour.idle_passes).map(|(at, _)| *at);
            let Some(hour) = longest_idle else { break };
            self.forget(hour);
        }
    }

    fn forget(&mut self, hour: UtcMicros) {
        self.known.remove(&hour);
        self.forgotten.insert(hour);
    }
}

#[cfg(test)]
mod tests;
