//! Credits that are set aside for a request from its admission until its cost is known.
//!
//! Many requests that each find the same money would overdraw it together. So of each admitted request two figures are kept: what it
//! may cost at most, which is set aside, and beside which the next one has to fit; and what it is expected to cost, which is what it
//! *holds* as far as people are told, as long as the money covers the first figure of all requests in flight easily. Where it does not, the hold is
//! the most, and the next request may be refused for it. When a request ends, the hold becomes its charge in one step.
//!
//! Guarantee: a hold ends exactly once, in one of the ways of [`HoldEnd`], also when its request panics or is dropped. Not
//! guaranteed: that a request costs no more than its hold. It may where the client sets no limit (then nobody knows
//! one), where its prompt is more than its text (images, files, cached contexts), and where an upstream does not heed the limit.

mod estimate;
mod growth;
mod learned;
mod metrics;
#[cfg(test)]
mod truth;
mod wait;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use tollgate_domain::{Credits, UserId};

pub(crate) use self::estimate::{Estimate, Wanted, estimate};
use self::growth::{Due, Growth};
pub(crate) use self::learned::Learned;
pub(crate) use self::metrics::HoldMetrics;
pub(crate) use self::wait::{NoHold, hold};
use crate::view::{LiveView, WhenSpent};

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
    /// `None` for a request that costs nothing, and once it has ended.
    held: Option<Held>,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    /// Its number in the account.
    number: u64,
    growth: Growth,
}

/// Waits for more of the lease; `None`: there is no more.
pub(crate) struct Growing(BoxFuture<'static, Option<Credits>>);

impl Future for Growing {
    type Output = Option<Credits>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Credits>> {
        self.0.as_mut().poll(cx)
    }
}

impl std::fmt::Debug for Growing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Growing")
    }
}

impl Hold {
    /// For a request that nobody pays for.
    pub(crate) const fn nothing(view: Arc<LiveView>, user: UserId) -> Self {
        Self { view, user, held: None }
    }

    /// `amount` is set aside under `number`.
    pub(crate) fn new(
        view: Arc<LiveView>,
        user: UserId,
        (number, amount): (u64, Credits),
        estimate: &Estimate,
        when_spent: WhenSpent,
    ) -> Self {
        let growth = Growth::new(estimate, amount, when_spent);
        Self { view, user, held: Some(Held { number, growth }) }
    }

    /// Whether it holds anything.
    pub(crate) const fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// Whether a stream that outgrows it is cut off where there is no more.
    pub(crate) fn may_cut(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.growth.may_end())
    }

    /// The answer has about so many tokens. Holds more where that is due; what it returns has to be waited for before anything more of the
    /// answer is let go.
    pub(crate) fn grow(&mut self, written: u64) -> Option<Growing> {
        let Held { number, growth } = self.held.as_mut()?;
        if let Some(by) = growth.outgrown(written) {
            self.view.expect_more(self.user, *number, by);
        }
        let (due, is_now) = match growth.due(written) {
            Due::Nothing => return None,
            Due::Ahead(step) => (step, false),
            Due::Now(step) => (step, true),
        };
        if let Some(by) = self.view.extend_hold(self.user, *number, due.least, due.most) {
            growth.grown(by);
            return None;
        }
        let (view, user, number) = (Arc::clone(&self.view), self.user, *number);
        is_now.then(|| {
            let more = async move { wait::extend(&view, user, number, due.least, due.most).await };
            Growing(Box::pin(more))
        })
    }

    /// What was waited for has come, or will not. Whether the stream goes on.
    pub(crate) fn grown(&mut self, by: Option<Credits>) -> bool {
        let Some(Held { growth, .. }) = &mut self.held else { return true };
        match by {
            Some(by) => {
                growth.grown(by);
                true
            }
            None => growth.spent(),
        }
    }

    /// The request has ended.
    pub(crate) fn end(mut self, end: HoldEnd) {
        self.release(end);
    }

    fn release(&mut self, end: HoldEnd) {
        let number = self.held.take().map(|held| held.number);
        self.view.end_hold(self.user, number, end);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.held.is_some() {
            self.release(HoldEnd::Dropped);
        }
    }
}
