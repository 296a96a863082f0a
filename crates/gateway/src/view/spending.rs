//! What those with spend caps spent, by day: sums of the last database snapshot, and own requests that are ahead of it.
//!
//! As with balances, a snapshot says up to which of this gateway's finished requests it includes; those beyond are added. A charge
//! belongs to the day (UTC) on which its request began, as in the books.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use foldhash::{HashMap, HashMapExt};
use jiff::civil::Date;
use parking_lot::RwLock;
use tollgate_domain::Credits;

use crate::limit::Subject;

/// Sums as one database snapshot shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendingUpdate {
    /// Whether `spent` is everything, or only what may have changed.
    pub full: bool,
    /// What keys and users spent on whole days.
    pub spent: Vec<(Subject, Date, Credits)>,
    /// The position up to which the same snapshot includes the records of this gateway.
    pub committed_position: i64,
}

#[derive(Debug, Default)]
pub(super) struct Spending(RwLock<State>);

#[derive(Debug)]
struct State {
    by_subject: HashMap<Subject, BTreeMap<Date, Day>>,
    /// Own requests by position; all of them beyond `committed_position`.
    pending: BTreeMap<i64, Pending>,
    committed_position: i64,
}

impl Default for State {
    fn default() -> Self {
        Self { by_subject: HashMap::new(), pending: BTreeMap::new(), committed_position: i64::MIN }
    }
}

/// Whole pico-credits: sums of non-negative charges, which no books bring near the end of it.
#[derive(Debug, Clone, Copy, Default)]
struct Day {
    snapshot: i128,
    pending: i128,
}

#[derive(Debug, Clone, Copy)]
struct Pending {
    of: [Subject; 2],
    day: Date,
    pico: i128,
}

impl Spending {
    pub(super) fn spent(&self, subject: Subject, days: RangeInclusive<Date>) -> Credits {
        let state = self.0.read();
        let Some(by_day) = state.by_subject.get(&subject) else { return Credits::ZERO };
        let sum = by_day
            .range(days)
            .fold(0_i128, |sum, (_, day)| sum.saturating_add(day.snapshot).saturating_add(day.pending));
        Credits::from_pico(sum).unwrap_or(Credits::ZERO)
    }

    pub(super) fn apply(&self, update: SpendingUpdate) {
        let state = &mut *self.0.write();
        if update.full {
            state.by_subject.values_mut().flat_map(BTreeMap::values_mut).for_each(|day| day.snapshot = 0);
        }
        for (subject, day, amount) in update.spent {
            state.by_subject.entry(subject).or_default().entry(day).or_default().snapshot = amount.pico();
        }
        // A snapshot taken earlier may arrive later; what is included once stays included.
        state.committed_position = state.committed_position.max(update.committed_position);
        if let Some(first_kept) = state.committed_position.checked_add(1) {
            let kept = state.pending.split_off(&first_kept);
            for Pending { of, day, pico } in std::mem::replace(&mut state.pending, kept).into_values() {
                for subject in of {
                    if let Some(day) = state.by_subject.get_mut(&subject).and_then(|days| days.get_mut(&day))
                    {
                        day.pending = day.pending.saturating_sub(pico);
                    }
                }
            }
        }
        if update.full {
            state.by_subject.retain(|_, days| {
                days.retain(|_, day| day.snapshot != 0 || day.pending != 0);
                !days.is_empty()
            });
        }
    }

    /// A request of `of` (its key and its user) has cost `cost`.
    pub(super) fn add(&self, of: [Subject; 2], day: Date, position: i64, cost: Credits) {
        let state = &mut *self.0.write();
        // The record may be committed, and in a snapshot, before this line is reached.
        if !cost.is_positive() || position <= state.committed_position {
            return;
        }
        let pico = cost.pico();
        if state.pending.insert(position, Pending { of, day, pico }).is_none() {
            for subject in of {
                let day = state.by_subject.entry(subject).or_default().entry(day).or_default();
                day.pending = day.pending.saturating_add(pico);
            }
        }
    }
}

#[cfg(test)]
mod tests;
