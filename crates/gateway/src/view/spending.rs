//! What those with spend caps spent, by day: sums of the last database snapshot, and own requests that are ahead of it.
//!
//! As with balances, a snapshot says up to which of this gateway's finished requests it includes; those beyond are added. A charge
//! belongs to the day (UTC) on which its request began, as in the books.
//!
//! Requests ask for the same three sums again and again, and a month has many days: those of the day that was asked for last are kept.

use std::collections::BTreeMap;

use foldhash::{HashMap, HashMapExt};
use jiff::civil::Date;
use parking_lot::Mutex;
use tollgate_domain::{Credits, SpendWindow};

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
pub(super) struct Spending(Mutex<State>);

#[derive(Debug)]
struct State {
    by_subject: HashMap<Subject, Spent>,
    /// Own requests by position; all of them beyond `committed_position`.
    pending: BTreeMap<i64, Pending>,
    committed_position: i64,
}

impl Default for State {
    fn default() -> Self {
        Self { by_subject: HashMap::new(), pending: BTreeMap::new(), committed_position: i64::MIN }
    }
}

/// What one subject spent.
#[derive(Debug, Default)]
struct Spent {
    by_day: BTreeMap<Date, Day>,
    /// The day that was asked for last, and the sums of the windows that it is in.
    asked: Option<(Date, [i128; SpendWindow::ALL.len()])>,
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

impl Spent {
    /// The sums of the windows that `day` is in.
    fn around(&mut self, day: Date) -> [i128; SpendWindow::ALL.len()] {
        if let Some((asked, sums)) = self.asked
            && asked == day
        {
            return sums;
        }
        let sums = SpendWindow::ALL.map(|window| {
            let days = self.by_day.range(window.around(day));
            days.fold(0_i128, |sum, (_, day)| sum.saturating_add(day.snapshot).saturating_add(day.pending))
        });
        self.asked = Some((day, sums));
        sums
    }

    /// One more own request.
    fn add(&mut self, day: Date, pico: i128) {
        let of_day = self.by_day.entry(day).or_default();
        of_day.pending = of_day.pending.saturating_add(pico);
        self.changed(day, pico);
    }

    /// What a snapshot says of a day.
    fn set(&mut self, day: Date, snapshot: i128) {
        let of_day = self.by_day.entry(day).or_default();
        let before = std::mem::replace(&mut of_day.snapshot, snapshot);
        self.changed(day, snapshot.saturating_sub(before));
    }

    /// A snapshot includes an own request.
    fn retire(&mut self, day: Date, pico: i128) {
        if let Some(of_day) = self.by_day.get_mut(&day) {
            of_day.pending = of_day.pending.saturating_sub(pico);
            self.changed(day, pico.saturating_neg());
        }
    }

    /// Sums that are kept follow, because adding them up again for each request reads a whole month.
    fn changed(&mut self, day: Date, by: i128) {
        let Some((asked, sums)) = &mut self.asked else { return };
        for (window, sum) in SpendWindow::ALL.into_iter().zip(sums) {
            if window.around(*asked).contains(&day) {
                *sum = sum.saturating_add(by);
            }
        }
    }
}

impl Spending {
    /// In the day, the week and the month that `day` is in.
    pub(super) fn spent(&self, subject: Subject, day: Date) -> [Credits; SpendWindow::ALL.len()] {
        let mut state = self.0.lock();
        let Some(spent) = state.by_subject.get_mut(&subject) else { return Default::default() };
        spent.around(day).map(|sum| Credits::from_pico(sum).unwrap_or(Credits::ZERO))
    }

    pub(super) fn apply(&self, update: SpendingUpdate) {
        let state = &mut *self.0.lock();
        if update.full {
            for spent in state.by_subject.values_mut() {
                spent.by_day.values_mut().for_each(|day| day.snapshot = 0);
                spent.asked = None;
            }
        }
        for (subject, day, amount) in update.spent {
            state.by_subject.entry(subject).or_default().set(day, amount.pico());
        }
        // A snapshot taken earlier may arrive later; what is included once stays included.
        state.committed_position = state.committed_position.max(update.committed_position);
        if let Some(first_kept) = state.committed_position.checked_add(1) {
            let kept = state.pending.split_off(&first_kept);
            for Pending { of, day, pico } in std::mem::replace(&mut state.pending, kept).into_values() {
                for subject in of {
                    if let Some(spent) = state.by_subject.get_mut(&subject) {
                        spent.retire(day, pico);
                    }
                }
            }
        }
        if update.full {
            state.by_subject.retain(|_, spent| {
                spent.by_day.retain(|_, day| day.snapshot != 0 || day.pending != 0);
                !spent.by_day.is_empty()
            });
        }
    }

    /// A request of `of` (its key and its user) has cost `cost`.
    pub(super) fn add(&self, of: [Subject; 2], day: Date, position: i64, cost: Credits) {
        let state = &mut *self.0.lock();
        // The record may be committed, and in a snapshot, before this line is reached.
        if !cost.is_positive() || position <= state.committed_position {
            return;
        }
        let pico = cost.pico();
        if state.pending.insert(position, Pending { of, day, pico }).is_none() {
            for subject in of {
                state.by_subject.entry(subject).or_default().add(day, pico);
            }
        }
    }
}

#[cfg(test)]
mod tests;
