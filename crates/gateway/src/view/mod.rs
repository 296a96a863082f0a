//! What the gateway knows: who may ask, for what, where it goes, what it costs, and what is left of each balance.
//!
//! Two parts with two rhythms. The [`Snapshot`] of the configuration is immutable and replaced whole; a request takes
//! it once and keeps it. Balances move with every request (`balances`). Neither is ever read from a
//! database here: whoever owns one calls [`LiveView::replace_config`] and [`LiveView::apply_balances`].
//!
//! A request that may pass holds what it may cost (`hold`), so that those in flight cannot overdraw an account together.
//!
//! Guarantee: `available(user)` is the balance of the last snapshot less the cost of every request that this gateway
//! finished and that the snapshot does not include. What other gateways finished since is not in it.

mod balances;
mod lease;
mod snapshot;
mod spending;
mod target;

use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::civil::Date;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tollgate_domain::{
    Credits, RatingFacts, RawAnalyticsRecord, SpendWindow, Tariff, UsageState, UserId, find_best_tariff,
};

use crate::hold::{Estimate, Hold, HoldEnd};
use crate::limit::Subject;
use balances::Balances;
pub(crate) use balances::Short;
pub use balances::{BalanceUpdate, Exposure, Holds};
pub(crate) use lease::Prospect;
pub use lease::{LeaseAnswer, LeaseGrant, LeaseRequest, RENEWAL_INTERVAL};
pub use snapshot::{
    AuthStyle, Config, ConfigProblem, EndpointEntry, KeyEntry, LiveEndpoint, LiveModel, ModelEntry,
    OnDisconnect, OnMissingUsage, Snapshot, WhenSpent,
};
use spending::Spending;
pub use spending::SpendingUpdate;
pub(crate) use target::Target;

/// The gateway's live view. Shared: cheap to read from every request.
#[derive(Debug, Default)]
pub struct LiveView {
    snapshot: ArcSwap<Snapshot>,
    balances: Balances,
    spending: Spending,
    is_leasing: bool,
    /// Some request waits for money: for whoever renews leases.
    wanted: Notify,
    /// How many answers have come: for those that wait.
    answers: watch::Sender<u64>,
}

impl LiveView {
    /// A view that knows nobody. Requests hold of the balances that it is told.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same for one of several gateways: requests hold of leases, which whoever owns the database asks for
    /// ([`LiveView::lease_requests`]).
    pub fn leasing() -> Self {
        let mut view = Self { is_leasing: true, ..Self::default() };
        view.balances.lease();
        view
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

    /// What to ask the books for now, in one transaction: for `most` users at most, and first for those for whom a request waits. Nothing where
    /// all is as it was. What is asked for is as good as given back already, so an answer that never comes does no harm. One renewal at
    /// a time.
    pub fn lease_requests(&self, most: usize) -> Vec<LeaseRequest> {
        self.balances.lease_requests(most)
    }

    /// The same for those only for whom a request began to wait since the last time.
    pub fn urgent_lease_requests(&self, most: usize) -> Vec<LeaseRequest> {
        self.balances.urgent_lease_requests(most)
    }

    /// To give back all leases, as far as nothing counts against them: when nothing is admitted any more.
    pub fn lease_returns(&self) -> Vec<LeaseRequest> {
        self.balances.lease_returns()
    }

    /// Whether there is anything that others may lack.
    pub fn has_leases(&self) -> bool {
        self.balances.has_leases()
    }

    /// Other gateways lack money of these users: what this one does not need goes back with the next renewal, which is due at once.
    pub fn others_lack(&self, users: &[UserId]) {
        self.balances.others_lack(users);
    }

    /// Takes over what the books have granted. It is spent from before `spent_until`, which counts from before they were asked.
    pub fn apply_leases(&self, requests: &[LeaseRequest], answer: &LeaseAnswer, spent_until: Instant) {
        self.balances.apply_leases(requests, answer, spent_until);
        self.balances.cut_off(false);
        self.answers.send_modify(|answers| *answers += 1);
    }

    /// The books did not answer. Who waits is told.
    pub fn leases_failed(&self) {
        self.balances.cut_off(true);
        self.answers.send_modify(|answers| *answers += 1);
    }

    /// Resolves when a request waits for money.
    pub async fn lease_wanted(&self) {
        self.wanted.notified().await;
    }

    /// What this gateway may overdraw accounts by, and what keeps it from more.
    pub fn exposure(&self) -> Exposure {
        self.balances.exposure()
    }

    /// Sets aside what a request of `user` may cost.
    pub(crate) fn hold(
        self: &Arc<Self>,
        user: UserId,
        estimate: Estimate,
        when_spent: WhenSpent,
    ) -> Result<Hold, Short> {
        let held = self.balances.hold(user, estimate)?;
        Ok(Hold::new(Arc::clone(self), user, held, &estimate, when_spent))
    }

    /// Adds to a hold what is there, from `least` to `most`.
    pub(crate) fn extend_hold(
        &self,
        user: UserId,
        number: u64,
        least: Credits,
        most: Credits,
    ) -> Option<Credits> {
        self.balances.extend_hold(user, number, least, most)
    }

    /// A request in flight will cost more than it was expected to.
    pub(crate) fn expect_more(&self, user: UserId, number: u64, by: Credits) {
        self.balances.expect_more(user, number, by);
    }

    /// What a request needs at least of what it may cost.
    pub(crate) fn least_hold(&self, user: UserId, estimate: &Estimate) -> Credits {
        self.balances.least_hold(user, estimate)
    }

    /// Why a request of `user` may not have what it wants.
    pub(crate) fn short(&self, user: UserId) -> Short {
        self.balances.short(user)
    }

    /// Whether requests hold of leases.
    pub(crate) const fn is_leasing(&self) -> bool {
        self.is_leasing
    }

    /// A request waits for money: tells its number, and wakes whoever renews leases.
    pub(crate) fn wait(&self, user: UserId, least: Credits, most: Credits) -> u64 {
        let number = self.balances.wait(user, least, most);
        self.wanted.notify_one();
        number
    }

    pub(crate) fn stop_waiting(&self, user: UserId, number: u64) {
        self.balances.stop_waiting(user, number);
    }

    pub(crate) fn prospect(&self, user: UserId, number: u64) -> Prospect {
        self.balances.prospect(user, number)
    }

    pub(crate) fn is_cut_off(&self) -> bool {
        self.balances.is_cut_off()
    }

    /// Changes with each answer.
    pub(crate) fn lease_answers(&self) -> watch::Receiver<u64> {
        self.answers.subscribe()
    }

    /// Releases a hold, and enters the cost of an own request at once, before any snapshot can know of it.
    pub(crate) fn end_hold(&self, user: UserId, number: Option<u64>, end: HoldEnd) {
        self.balances.end_hold(user, number, end);
    }

    /// Takes over what was spent under spend caps, from one database snapshot, and forgets the own charges that are included in it.
    pub fn apply_spending(&self, update: SpendingUpdate) {
        self.spending.apply(update);
    }

    /// What a key or a user with spend caps has spent in the day, the week and the month that `day` is in.
    pub(crate) fn spent(&self, subject: Subject, day: Date) -> [Credits; SpendWindow::ALL.len()] {
        self.spending.spent(subject, day)
    }

    /// Enters the cost of an own request under the spend caps of its key and its user, where there are any. `position` as in
    /// [`HoldEnd::Charged`].
    pub(crate) fn spend(&self, key: &KeyEntry, day: Date, position: i64, cost: Credits) {
        let of = [Subject::Key(key.id), Subject::User(key.user)];
        let snapshot = self.snapshot.load();
        if of.iter().any(|subject| snapshot.limits(*subject).is_some_and(|limits| limits.caps.is_any())) {
            self.spending.add(of, day, position, cost);
        }
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
