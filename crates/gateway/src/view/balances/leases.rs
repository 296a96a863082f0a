//! The leases of all users: which of them the books are to be asked for, and what comes of it.
//!
//! Requests wait for the same lock, so it is held for a few leases at a time, however many there are.

use std::collections::BTreeSet;

use foldhash::HashMap;
use parking_lot::RwLockWriteGuard;
use tokio::time::Instant;
use tollgate_domain::{Credits, UserId};

use super::{Balances, State};
use crate::view::lease::{Lease, LeaseAnswer, LeaseRequest};

/// So many leases are looked at, or renewed, while requests wait.
const AT_ONCE: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Leases {
    pub(super) by_user: HashMap<UserId, Lease>,
    /// Who has one, in no order; and whom to look at next.
    pub(super) users: Vec<UserId>,
    next: usize,
    /// Those for whom requests wait.
    pub(super) waiting: BTreeSet<UserId>,
    /// Of them, those for whom one began to wait since this was asked last.
    pub(super) waited_for: Vec<UserId>,
}

impl Leases {
    /// The lease of `user`; one that allows nothing yet, where there is none.
    pub(super) fn of(&mut self, user: UserId, now: Instant) -> &mut Lease {
        self.by_user.entry(user).or_insert_with(|| {
            self.users.push(user);
            Lease::new(now)
        })
    }
}

impl Balances {
    /// What to ask the books for now, for `most` users at most: first those for whom a request waits, then whose turn it is.
    pub(in crate::view) fn lease_requests(&self, most: usize) -> Vec<LeaseRequest> {
        self.due(most, Instant::now())
    }

    fn due(&self, most: usize, now: Instant) -> Vec<LeaseRequest> {
        let waiting = self.0.write().leases.as_mut().map_or_else(Vec::new, |leases| {
            leases.waited_for.clear();
            leases.waiting.iter().copied().collect()
        });
        let mut requests = self.requests_of(&waiting, most, now);
        self.requests_in_turn(&mut requests, most, false, now);
        requests
    }

    /// The same for those for whom a request began to wait just now. Looks at no others.
    pub(in crate::view) fn urgent_lease_requests(&self, most: usize) -> Vec<LeaseRequest> {
        let waited_for = self.0.write().leases.as_mut().map_or_else(Vec::new, |leases| {
            let rest = leases.waited_for.split_off(leases.waited_for.len().min(most));
            std::mem::replace(&mut leases.waited_for, rest)
        });
        // One that was asked for meanwhile is not due: a user is here once for each that waits.
        self.requests_of(&waited_for, most, Instant::now())
    }

    /// All leases are given back as far as they may be.
    pub(in crate::view) fn lease_returns(&self) -> Vec<LeaseRequest> {
        let mut requests = Vec::new();
        self.requests_in_turn(&mut requests, usize::MAX, true, Instant::now());
        requests
    }

    /// What to ask for these users, as far as it is due.
    fn requests_of(&self, users: &[UserId], most: usize, now: Instant) -> Vec<LeaseRequest> {
        let mut requests = Vec::new();
        for users in users.chunks(AT_ONCE) {
            let mut state = self.0.write();
            let due = users.iter().filter_map(|user| state.ask(*user, false, now));
            requests.extend(due.take(most.saturating_sub(requests.len())));
            RwLockWriteGuard::unlock_fair(state);
        }
        requests
    }

    /// Adds what to ask for the others, from where this ended the last time; drops leases of which nothing is left to be said.
    fn requests_in_turn(&self, requests: &mut Vec<LeaseRequest>, most: usize, ends: bool, now: Instant) {
        let mut left = self.0.write().leases.as_mut().map_or(0, |leases| {
            if ends {
                // From the first to the last: where a turn goes past the end, one that takes the place of another may have its turn twice, which
                // is harmless only while it is asked whether it is due.
                leases.next = 0;
            }
            leases.users.len()
        });
        while left > 0 && requests.len() < most {
            let mut state = self.0.write();
            for _ in 0..left.min(AT_ONCE) {
                if requests.len() >= most {
                    break;
                }
                left -= 1;
                let Some(user) = state.next_with_lease(ends, now) else { continue };
                requests.extend(state.ask(user, ends, now));
            }
            RwLockWriteGuard::unlock_fair(state);
        }
    }

    pub(in crate::view) fn has_leases(&self) -> bool {
        self.0.read().leases.as_ref().is_some_and(|leases| !leases.users.is_empty())
    }

    /// Other gateways lack money of these users.
    pub(in crate::view) fn others_lack(&self, users: &[UserId]) {
        let state = &mut *self.0.write();
        let Some(leases) = &mut state.leases else { return };
        for user in users {
            if let Some(lease) = leases.by_user.get_mut(user) {
                lease.others_lack();
            }
        }
    }

    /// What was asked for has come.
    pub(in crate::view) fn apply_leases(
        &self,
        requests: &[LeaseRequest],
        answer: &LeaseAnswer,
        spent_until: Instant,
    ) {
        let requests: HashMap<UserId, &LeaseRequest> =
            requests.iter().map(|request| (request.user, request)).collect();
        for grants in answer.grants.chunks(AT_ONCE) {
            let mut state = self.0.write();
            for grant in grants {
                let lease = state.leases.as_mut().and_then(|leases| leases.by_user.get_mut(&grant.user));
                if let (Some(lease), Some(request)) = (lease, requests.get(&grant.user)) {
                    lease.answer(request, *grant, answer.committed_position, spent_until);
                }
            }
            RwLockWriteGuard::unlock_fair(state);
        }
    }
}

impl State {
    /// Whose turn it is. `None` where nobody has a lease, or nothing was left to be said of this one.
    fn next_with_lease(&mut self, ends: bool, now: Instant) -> Option<UserId> {
        let leases = self.leases.as_mut()?;
        if leases.next >= leases.users.len() {
            leases.next = 0;
        }
        let user = *leases.users.get(leases.next)?;
        let held = self.accounts.get(&user).map_or(Credits::ZERO, |account| account.held);
        if leases.by_user.get(&user).is_none_or(|lease| lease.is_over(held, ends, now)) {
            leases.by_user.remove(&user);
            leases.users.swap_remove(leases.next);
            return None;
        }
        leases.next += 1;
        Some(user)
    }

    /// What to ask the books for now for `user`, if anything.
    fn ask(&mut self, user: UserId, ends: bool, now: Instant) -> Option<LeaseRequest> {
        let lease = self.leases.as_mut()?.by_user.get_mut(&user)?;
        self.accounts.get(&user).copied().unwrap_or_default().ask(user, lease, ends, now)
    }
}

#[cfg(test)]
mod tests;
