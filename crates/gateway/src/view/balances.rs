//! Balances of the last snapshot, and own debits that are ahead of it.
//!
//! One lock over both, because a snapshot replaces balances and retires debits in one step: a request that looks
//! in between would see a debit twice or not at all.

use std::collections::BTreeMap;

use foldhash::{HashMap, HashMapExt};
use parking_lot::RwLock;
use tollgate_domain::{Credits, UserId};

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
}

impl Default for State {
    fn default() -> Self {
        Self { accounts: HashMap::new(), pending: BTreeMap::new(), committed_position: i64::MIN }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Account {
    snapshot: Credits,
    /// Sum of this user's part of `pending`.
    pending: Credits,
}

impl Account {
    const NOTHING: Self = Self { snapshot: Credits::ZERO, pending: Credits::ZERO };

    /// Saturates where money does not fit, which no account that the books hold can reach.
    fn available(self) -> Credits {
        self.snapshot.checked_sub(self.pending).unwrap_or(self.snapshot)
    }

    fn is_empty(self) -> bool {
        self.snapshot == Credits::ZERO && self.pending == Credits::ZERO
    }
}

impl Balances {
    pub(super) fn available(&self, user: UserId) -> Credits {
        self.0.read().accounts.get(&user).copied().unwrap_or(Account::NOTHING).available()
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

    pub(super) fn debit(&self, user: UserId, position: i64, cost: Credits) {
        if !cost.is_positive() {
            return;
        }
        let state = &mut *self.0.write();
        // The record may be committed, and in a snapshot, before this line is reached.
        if position <= state.committed_position {
            return;
        }
        let account = state.accounts.entry(user).or_default();
        if let Ok(pending) = account.pending.checked_add(cost)
            && state.pending.insert(position, (user, cost)).is_none()
        {
            account.pending = pending;
        }
    }
}
