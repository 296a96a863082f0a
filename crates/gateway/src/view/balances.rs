//! Balances of the last snapshot, own debits that are ahead of it, what the requests in flight hold, and leases.
//!
//! With leases, requests hold of their user's lease, which no other gateway spends from. Without, they hold of the balance itself,
//! which is right for one gateway alone.
//!
//! One lock over all of it, because a snapshot replaces balances and retires debits in one step, and a hold becomes a debit in one: a
//! request that looks in between would see money twice or not at all.

use std::collections::BTreeMap;
use std::time::Duration;

use foldhash::{HashMap, HashMapExt};
use parking_lot::RwLock;
use tokio::time::Instant;
use tollgate_domain::{Credits, UserId};

use self::leases::Leases;
use super::lease::{Lease, LeaseRequest, Prospect, less, more};
use crate::hold::{Estimate, HoldEnd};

mod leases;

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
    /// `None`: requests hold of the balance.
    leases: Option<Leases>,
    /// The database did not answer the last time that it was asked for leases.
    is_cut_off: bool,
    /// What requests have cost beyond their holds.
    overrun: Credits,
}

impl Default for State {
    fn default() -> Self {
        Self {
            accounts: HashMap::new(),
            pending: BTreeMap::new(),
            committed_position: i64::MIN,
            holds: BTreeMap::new(),
            holds_begun: 0,
            leases: None,
            is_cut_off: false,
            overrun: Credits::ZERO,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Held {
    estimate: Estimate,
    /// What is set aside: `estimate.most`, or less for one that goes alone.
    amount: Credits,
    since: Instant,
}

#[derive(Debug, Clone, Copy, Default)]
struct Account {
    snapshot: Credits,
    /// Sum of this user's part of `pending`.
    pending: Credits,
    /// What is set aside for those in flight: what they may cost at most.
    held: Credits,
    /// What they are expected to cost.
    expected: Credits,
    /// How many they are.
    in_flight: u32,
}

/// What is asked for is more than what is left beside the requests in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Short {
    pub(crate) balance: Credits,
    /// Of it, what those in flight hold, and what other gateways have.
    pub(crate) held: Credits,
}

impl Short {
    fn of(account: Account, lease: Option<&Lease>) -> Self {
        let balance = account.available();
        // What others have, needed or not, this gateway learned with its lease.
        let others = lease.and_then(Lease::last).map_or(Credits::ZERO, |last| less(last.balance, last.free));
        Self { balance, held: more(account.held, others) }
    }
}

/// What this gateway may overdraw accounts by, and what keeps it from more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exposure {
    /// What it may spend without asking.
    pub leased: Credits,
    /// What it has charged that the books did not have when they granted that.
    pub unconfirmed: Credits,
    /// What is held and charged beyond the leases: those that have run out, and requests that cost more than they held. And what requests
    /// in flight may cost beyond what they hold, because they go alone on the last of the money: of one without a limit, a guess.
    pub uncovered: Credits,
    /// What requests have cost beyond their holds, and beyond what nobody held when they ended, since the gateway began.
    pub overrun: Credits,
}

/// All holds of this gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Holds {
    /// How many requests hold something.
    pub count: usize,
    /// What they hold: what they are expected to cost, and where an account's money is short, what they may cost at most.
    pub held: Credits,
    /// What they may cost at most, which is what others have to fit beside.
    pub at_most: Credits,
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

    /// What those in flight hold, as people are told: what they are expected to cost, as long as the money that is not held in that sense covers what
    /// they may cost at most. Where it does not, they hold the most.
    fn shown(self, lease: Option<&Lease>) -> Credits {
        let money = lease.map_or_else(|| self.available(), Lease::money);
        if less(money, self.expected) < self.held { self.held } else { self.expected }
    }

    /// What to ask the books for now, if anything.
    fn ask(self, user: UserId, lease: &mut Lease, ends: bool, now: Instant) -> Option<LeaseRequest> {
        let shown = self.shown(Some(&*lease));
        lease.ask(user, self.held, ends, now).map(|request| LeaseRequest { held: shown, ..request })
    }

    /// What a request would hold beside those in flight, of `spendable` in all; `None` where it does not fit. One whose cost nobody can
    /// bound may also go alone, as long as there is money: it would never fit into the last of it.
    fn fit(self, estimate: &Estimate, spendable: Credits) -> Option<Credits> {
        if estimate.most <= less(spendable, self.held) {
            return Some(estimate.most);
        }
        let may_go_alone = !estimate.is_bounded && self.in_flight == 0 && spendable.is_positive();
        may_go_alone.then(|| estimate.most.min(spendable))
    }
}

impl Balances {
    pub(super) fn available(&self, user: UserId) -> Credits {
        self.0.read().accounts.get(&user).copied().unwrap_or_default().available()
    }

    /// From now on requests hold of leases.
    pub(super) fn lease(&mut self) {
        self.0.get_mut().leases = Some(Leases::default());
    }

    /// Sets aside what a request may cost, and returns the number of its hold and how much that is.
    pub(super) fn hold(&self, user: UserId, estimate: Estimate) -> Result<(u64, Credits), Short> {
        let now = Instant::now();
        let state = &mut *self.0.write();
        let account = state.accounts.entry(user).or_default();
        let lease = state.leases.as_mut().map(|leases| leases.of(user, now));
        let spendable = lease.as_ref().map_or_else(|| account.available(), |lease| lease.spendable(now));
        let Some(amount) = account.fit(&estimate, spendable) else {
            return Err(Short::of(*account, lease.as_deref()));
        };
        let estimate = Estimate { expected: estimate.expected.min(amount), ..estimate };
        account.held = more(account.held, amount);
        account.expected = more(account.expected, estimate.expected);
        account.in_flight += 1;
        if let Some(lease) = lease {
            lease.used(amount, now);
        }
        let number = state.next_number();
        state.holds.insert(number, Held { estimate, amount, since: now });
        Ok((number, amount))
    }

    /// Adds to a hold what is there, from `least` to `most`; returns how much, `None` where there is less.
    pub(super) fn extend_hold(
        &self,
        user: UserId,
        number: u64,
        least: Credits,
        most: Credits,
    ) -> Option<Credits> {
        let now = Instant::now();
        let state = &mut *self.0.write();
        let (held, account) = (state.holds.get_mut(&number)?, state.accounts.get_mut(&user)?);
        let lease = state.leases.as_mut().and_then(|leases| leases.by_user.get_mut(&user));
        let spendable = lease.as_ref().map_or_else(|| account.available(), |lease| lease.spendable(now));
        let by = most.min(less(spendable, account.held));
        if by < least {
            return None;
        }
        held.amount = more(held.amount, by);
        account.held = more(account.held, by);
        if let Some(lease) = lease {
            lease.used(by, now);
        }
        Some(by)
    }

    /// A request in flight will cost `by` more than it was expected to, as far as it has set so much aside.
    pub(super) fn expect_more(&self, user: UserId, number: u64, by: Credits) {
        let state = &mut *self.0.write();
        let (Some(held), Some(account)) = (state.holds.get_mut(&number), state.accounts.get_mut(&user))
        else {
            return;
        };
        let by = by.min(less(held.amount, held.estimate.expected));
        held.estimate.expected = more(held.estimate.expected, by);
        account.expected = more(account.expected, by);
    }

    /// What a request needs at least: one that may go alone, next to nothing.
    pub(super) fn least_hold(&self, user: UserId, estimate: &Estimate) -> Credits {
        let is_alone = || self.0.read().accounts.get(&user).is_none_or(|account| account.in_flight == 0);
        // A pico-credit: whatever there is.
        let smallest = || Credits::from_pico(1).unwrap_or(estimate.most);
        if !estimate.is_bounded && is_alone() { smallest() } else { estimate.most }
    }

    /// Why a request of `user` may not have what it wants.
    pub(super) fn short(&self, user: UserId) -> Short {
        let state = self.0.read();
        let account = state.accounts.get(&user).copied().unwrap_or_default();
        Short::of(account, state.leases.as_ref().and_then(|leases| leases.by_user.get(&user)))
    }

    /// Releases a hold, where there is one, and enters what it became.
    pub(super) fn end_hold(&self, user: UserId, number: Option<u64>, end: HoldEnd) {
        let now = Instant::now();
        let state = &mut *self.0.write();
        let held = number.and_then(|number| state.holds.remove(&number));
        let mut account = state.accounts.get_mut(&user);
        let is_charge = matches!(end, HoldEnd::Charged { .. });
        let mut lease = match &mut state.leases {
            Some(leases) if is_charge => Some(leases.of(user, now)),
            Some(leases) => leases.by_user.get_mut(&user),
            None => None,
        };
        // What a hold lacks it takes now, as far as there is anything: that much overdraws nothing.
        let spendable = match (&lease, &account) {
            (Some(lease), _) => lease.spendable(now),
            (None, Some(account)) => account.available(),
            (None, None) => Credits::ZERO,
        };
        let room = less(spendable, account.as_ref().map_or(Credits::ZERO, |account| account.held));
        let amount = held.map_or(Credits::ZERO, |held| held.amount);
        if let (Some(held), Some(account)) = (held, &mut account) {
            account.held = less(account.held, amount);
            account.expected = less(account.expected, held.estimate.expected);
            account.in_flight = account.in_flight.saturating_sub(1);
        }
        match end {
            HoldEnd::Charged { position, cost } => {
                let beyond = less(cost, more(amount, room));
                state.overrun = more(state.overrun, beyond);
                if let Some(lease) = &mut lease {
                    lease.ended(position, cost, beyond, now);
                }
            }
            HoldEnd::Free | HoldEnd::Unrated | HoldEnd::Dropped => {
                if let Some(lease) = &mut lease {
                    lease.released();
                }
            }
        }
        if let HoldEnd::Charged { position, cost } = end {
            state.debit(user, position, cost);
        }
    }

    /// A request waits for money; returns its number. The lease that is asked for next takes it into account.
    pub(super) fn wait(&self, user: UserId, least: Credits, most: Credits) -> u64 {
        let now = Instant::now();
        let state = &mut *self.0.write();
        let number = state.next_number();
        if let Some(leases) = &mut state.leases {
            leases.of(user, now).wait(number, least, most, now);
            leases.waiting.insert(user);
            leases.waited_for.push(user);
        }
        number
    }

    pub(super) fn stop_waiting(&self, user: UserId, number: u64) {
        let state = &mut *self.0.write();
        let Some(leases) = &mut state.leases else { return };
        let Some(lease) = leases.by_user.get_mut(&user) else { return };
        lease.stop_waiting(number);
        if !lease.is_waited_for() {
            leases.waiting.remove(&user);
        }
    }

    /// Of a request that waits.
    pub(super) fn prospect(&self, user: UserId, number: u64) -> Prospect {
        let state = self.0.read();
        let held = state.accounts.get(&user).map_or(Credits::ZERO, |account| account.held);
        let lease = state.leases.as_ref().and_then(|leases| leases.by_user.get(&user));
        lease.map_or(Prospect::Hopeless, |lease| lease.prospect(number, held))
    }

    /// Whether the books did not answer the last time.
    pub(super) fn cut_off(&self, is_cut_off: bool) {
        self.0.write().is_cut_off = is_cut_off;
    }

    pub(super) fn is_cut_off(&self) -> bool {
        self.0.read().is_cut_off
    }

    pub(super) fn exposure(&self) -> Exposure {
        let now = Instant::now();
        let state = self.0.read();
        let mut all = Exposure::default();
        for Held { estimate, amount, .. } in state.holds.values() {
            all.uncovered = more(all.uncovered, less(estimate.most, *amount));
        }
        for (user, lease) in state.leases.iter().flat_map(|leases| &leases.by_user) {
            let held = state.accounts.get(user).map_or(Credits::ZERO, |account| account.held);
            let own = more(held, lease.unconfirmed());
            all.leased = more(all.leased, lease.leased(now));
            all.unconfirmed = more(all.unconfirmed, lease.unconfirmed());
            all.uncovered = more(all.uncovered, less(own, lease.leased(now)));
        }
        all.overrun = state.overrun;
        all
    }

    pub(super) fn holds(&self) -> Holds {
        let state = self.0.read();
        let mut all = Holds { count: state.holds.len(), ..Holds::default() };
        for Held { estimate, amount, .. } in state.holds.values() {
            all.at_most = more(all.at_most, *amount);
            all.unbounded += usize::from(!estimate.is_bounded);
        }
        for (user, account) in state.accounts.iter().filter(|(_, account)| account.in_flight > 0) {
            let lease = state.leases.as_ref().and_then(|leases| leases.by_user.get(user));
            all.held = more(all.held, account.shown(lease));
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
    fn next_number(&mut self) -> u64 {
        let number = self.holds_begun;
        self.holds_begun += 1;
        number
    }

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
