//! Credits that are set aside for a request from its admission until its cost is known.
//!
//! Many requests that each find the same money would overdraw it together. So each admitted request *holds* what it may cost at
//! most, and the next one is measured against what is left beside it. When it ends, the hold becomes its charge in one step.
//!
//! Guarantee: a hold ends exactly once, in one of the ways of [`HoldEnd`], also when its request panics or is dropped. Not
//! guaranteed: that a request costs no more than its hold. It may where the client sets no limit (then nobody knows
//! one), where its prompt is more than its text (images, files, cached contexts), and where an upstream does not heed the limit.

mod estimate;
mod learned;
mod metrics;

use std::sync::Arc;

use tollgate_domain::{Credits, UserId};

pub(crate) use self::estimate::{Estimate, Wanted, estimate};
pub(crate) use self::learned::Learned;
pub(crate) use self::metrics::HoldMetrics;
use crate::view::LiveView;

/// How a hold ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum HoldEnd {
    /// It became a charge.
    Charged { position: i64, cost: Credits },
    /// Its request costs nothing.
    Free,
    /// What its request costs is not known yet.
    Unrated,
    /// Its request never became one.
    Dropped,
}

/// What one request holds of its owner's credits.
#[derive(Debug)]
#[must_use = "it is released when dropped"]
pub(crate) struct Hold {
    view: Arc<LiveView>,
    user: UserId,
    /// Its number in the account; `None` for a request that costs nothing, and once it has ended.
    number: Option<u64>,
}

impl Hold {
    /// For a request that nobody pays for.
    pub(crate) const fn nothing(view: Arc<LiveView>, user: UserId) -> Self {
        Self { view, user, number: None }
    }

    pub(crate) const fn new(view: Arc<LiveView>, user: UserId, number: u64) -> Self {
        Self { view, user, number: Some(number) }
    }

    /// The request has ended.
    pub(crate) fn end(mut self, end: HoldEnd) {
        self.release(end);
    }

    fn release(&mut self, end: HoldEnd) {
        self.view.end_hold(self.user, self.number.take(), end);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.number.is_some() {
            self.release(HoldEnd::Dropped);
        }
    }
}
