//! What the gateway knows: who may ask, for what, where it goes, what it costs, and what is left of each balance.
//!
//! Two parts with two rhythms. The [`Snapshot`] of the configuration is immutable and replaced whole; a request takes
//! it once and keeps it. Balances move with every request (`balances`). Neither is ever read from a
//! database here: whoever owns one calls [`LiveView::replace_config`] and [`LiveView::apply_balances`].
//!
//! A request that may pass holds what it may cost ([`crate::hold`]), so that those in flight cannot overdraw an account together.
//!
//! Guarantee: `available(user)` is the balance of the last snapshot less the cost of every request that this gateway
//! finished and that the snapshot does not include. What other gateways finished since is not in it.

mod balances;
mod snapshot;
mod target;

use std::sync::Arc;

use arc_swap::ArcSwap;
use tollgate_domain::{
    Credits, RatingFacts, RawAnalyticsRecord, Tariff, UsageState, UserId, find_best_tariff,
};

use crate::hold::{Estimate, Hold, HoldEnd};
use balances::Balances;
pub(crate) use balances::Short;
pub use balances::{BalanceUpdate, Holds};
pub use snapshot::{
    AuthStyle, Config, ConfigProblem, EndpointEntry, KeyEntry, LiveEndpoint, LiveModel, ModelEntry,
    OnDisconnect, OnMissingUsage, Snapshot,
};
pub(crate) use target::Target;

/// The gateway's live view. Shared: cheap to read from every request.
#[derive(Debug, Default)]
pub struct LiveView {
    snapshot: ArcSwap<Snapshot>,
    balances: Balances,
}

impl LiveView {
    /// A view that knows nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a new configuration in force, whole. What cannot be used (an address that is no URL, a model without its
    /// endpoint) is left out and returned, so that one bad row does not stop the others.
    pub fn replace_config(&self, config: Config) -> Vec<ConfigProblem> {
        let (snapshot, problems) = Snapshot::build(config);
        self.snapshot.store(Arc::new(snapshot));
        problems
    }

    /// The configuration in force.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Takes over balances of one database snapshot, and forgets the own debits that are included in them.
    pub fn apply_balances(&self, update: BalanceUpdate) {
        self.balances.apply(update);
    }

    /// What `user` may still spend: zero for a user that no snapshot has named.
    pub fn available(&self, user: UserId) -> Credits {
        self.balances.available(user)
    }

    /// Credits of own requests that no snapshot includes yet.
    pub fn pending(&self) -> Credits {
        self.balances.pending()
    }

    /// What the requests in flight hold.
    pub fn holds(&self) -> Holds {
        self.balances.holds()
    }

    /// Sets aside what a request of `user` may cost.
    pub(crate) fn hold(self: &Arc<Self>, user: UserId, estimate: Estimate) -> Result<Hold, Short> {
        let number = self.balances.hold(user, estimate)?;
        Ok(Hold::new(Arc::clone(self), user, number))
    }

    /// Releases a hold, and enters the cost of an own request at once, before any snapshot can know of it.
    pub(crate) fn end_hold(&self, user: UserId, number: Option<u64>, end: HoldEnd) {
        self.balances.end_hold(user, number, end);
    }
}

/// What the books will charge for `record`, by the function that they charge by; `None` is not known (no price yet, or
/// numbers that the books refuse).
pub(crate) fn cost_of(record: &RawAnalyticsRecord, key: &KeyEntry, tariffs: &[Tariff]) -> Option<Credits> {
    let window = record.batch.batch_completion_window.as_deref();
    let tariff = find_best_tariff(tariffs, Some(key.purpose), window, record.priced_at());
    let (rated, _clamped) = RatingFacts::of(record, Some(key.user)).rate(tariff).ok()?;
    (rated.state != UsageState::Unrated).then_some(rated.amount)
}

#[cfg(test)]
mod tests;
