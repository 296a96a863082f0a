//! Balances of the last snapshot, own debits that are ahead of it, and what the requests in flight hold.
//!
//! One lock over all of it, because a snapshot replaces balances and retires debits in one step, and a hold becomes a debit in one: a
//! request that looks in between would see money twice or not at all.

use std::collections::BTreeMap;
use std::time::Duration;

use foldhash::{HashMap, HashMapExt};
use parking_lot::RwLock;
use tokio::time::Instant;
use tollgate_domain::{Credits, UserId};

use crate::hold::{Estimate, HoldEnd};

/// Balances as one database snapshot shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalanceUpdate {
    /// Whether `balances` is everyone (others have none) or only those that changed.
    pub full: bool,
    /// The balances.
    pub balances: Vec<(UserId, Credits)>,
    /// The position up to which the same snapshot includes the records of this gateway.
    pub committed_position: i64,
}

#[derive(Debug, Default)]
pub(super) struct Balances(RwLock<State>);

#[derive(Debug)]
struct State {
    accounts: HashMap<UserId, Account>,
    /// Own debits by position; all of them beyond `committed_position`.
    pending: BTreeMap<i64, (UserId, Credits)>,
    committed_position: i64,
    /// By number: they rise with time, so the first is the oldest.
    holds: BTreeMap<u64, Held>,
    holds_begun: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            accounts: HashMap::new(),
            pending: BTreeMap::new(),
            committed_position: i64::MIN,
            holds: BTreeMap::new(),
            holds_begun: 0,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Held {
    estimate: Estimate,
    since: Instant,
}

#[derive(Debug, Clone, Copy, Default)]
struct Account {
    snapshot: Credits,
    /// Sum of this user's part of `pending`.
    pending: Credits,
    /// What those in flight may cost at most, and how many they are.
    held: Credits,
    in_flight: u32,
}

/// What is asked for is more than what is left beside the requests in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Short {
    pub(crate) balance: Credits,
    /// Of it, what those in flight hold.
    pub(crate) held: Credits,
}

/// All holds of this gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Holds {
    /// How many requests hold something.
    pub count: usize,
    /// What they are expected to cost.
    pub expected: Credits,
    /// What they may cost at most, as far as that is bounded.
    pub most: Credits,
    /// Of them, those whose cost has no bound that is known.
    pub unbounded: usize,
    /// Age of the oldest.
    pub oldest: Duration,
}

impl Account {
    /// Saturates where money does not fit, which no account that the books hold can reach.
    fn available(self) -> Credits {
        self.snapshot.checked_sub(self.pending).unwrap_or(self.snapshot)
    }

    fn is_empty(self) -> bool {
        self.snapshot == Credits::ZERO && self.pending == Credits::ZERO && self.in_flight == 0
    }

    /// Whether a request fits beside those in flight. One whose cost nobody can bound may also go alone, as long as there is money:
    /// it would never fit into the last of it.
    fn fits(self, estimate: &Estimate) -> bool {
        let available = self.available();
        let free = available.checked_sub(self.held).unwrap_or(Credits::ZERO);
        estimate.most <= free || (!estimate.is_bounded && self.in_flight == 0 && available.is_positive())
    }
}

impl Balances {
    pub(super) fn available(&self, user: UserId) -> Credits {
        self.0.read().accounts.get(&user).copied().unwrap_or_default().available()
    }

    /// Sets aside what a request may cost, and returns the number of its hold.
    pub(super) fn hold(&self, user: UserId, estimate: Estimate) -> Result<u64, Short> {
        let state = &mut *self.0.write();
        let account = state.accounts.entry(user).or_default();
        if !account.fits(&estimate) {
            return Err(Short { balance: account.available(), held: account.held });
        }
        account.held = account.held.checked_add(estimate.most).unwrap_or(account.held);
        account.in_flight += 1;
        let number = state.holds_begun;
        state.holds_begun += 1;
        state.holds.insert(number, Held { estimate, since: Instant::now() });
        Ok(number)
    }

    /// Releases a hold, where there is one, and enters what it became.
    pub(super) fn end_hold(&self, user: UserId, number: Option<u64>, end: HoldEnd) {
        let state = &mut *self.0.write();
        if let Some(held) = number.and_then(|number| state.holds.remove(&number))
            && let Some(account) = state.accounts.get_mut(&user)
        {
            account.held = account.held.checked_sub(held.estimate.most).unwrap_or(Credits::ZERO);
            account.in_flight = account.in_flight.saturating_sub(1);
        }
        if let HoldEnd::Charged { position, cost } = end {
            state.debit(user, position, cost);
        }
    }

    pub(super) fn holds(&self) -> Holds {
        let state = self.0.read();
        let mut all = Holds { count: state.holds.len(), ..Holds::default() };
        for Held { estimate, .. } in state.holds.values() {
            all.expected = all.expected.checked_add(estimate.expected).unwrap_or(all.expected);
            if estimate.is_bounded {
                all.most = all.most.checked_add(estimate.most).unwrap_or(all.most);
            } else {
                all.unbounded += 1;
            }
        }
        all.oldest = state.holds.first_key_value().map_or(Duration::ZERO, |(_, held)| held.since.elapsed());
        all
    }

    pub(super) fn pending(&self) -> Credits {
        let state = self.0.read();
        state.pending.values().fold(Credits::ZERO, |sum, (_, cost)| sum.checked_add(*cost).unwrap_or(sum))
    }

    pub(super) fn apply(&self, update: BalanceUpdate) {
        let state = &mut *self.0.write();
        if update.full {
            state.accounts.retain(|_, account| {
                account.snapshot = Credits::ZERO;
                !account.is_empty()
            });
        }
        for (user, balance) in update.balances {
            state.accounts.entry(user).or_default().snapshot = balance;
        }
        // A snapshot taken earlier may arrive later; what is included once stays included.
        state.committed_position = state.committed_position.max(update.committed_position);
        let Some(first_kept) = state.committed_position.checked_add(1) else { return };
        let kept = state.pending.split_off(&first_kept);
        for (user, cost) in std::mem::replace(&mut state.pending, kept).into_values() {
            if let Some(account) = state.accounts.get_mut(&user) {
                account.pending = account.pending.checked_sub(cost).unwrap_or(Credits::ZERO);
            }
        }
    }
}

impl State {
    fn debit(&mut self, user: UserId, position: i64, cost: Credits) {
        // The record may be committed, and in a snapshot, before this line is reached.
        if !cost.is_positive() || position <= self.committed_position {
            return;
        }
        let account = self.accounts.entry(user).or_default();
        if let Ok(pending) = account.pending.checked_add(cost)
            && self.pending.insert(position, (user, cost)).is_none()
        {
            account.pending = pending;
        }
    }
}
