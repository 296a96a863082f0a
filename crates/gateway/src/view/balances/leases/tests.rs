//! Claims about whose turn it is.

use std::time::Duration;

use tollgate_domain::PricePerToken;
use uuid::Uuid;

use super::*;
use crate::hold::{Estimate, HoldEnd};

/// More than are looked at without a pause, and no multiple of it.
const USERS: u128 = 3 * AT_ONCE as u128 + 5;

fn user(number: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(number))
}

fn estimate() -> Estimate {
    let one = Credits::from_pico(1).unwrap();
    Estimate {
        prompt: Credits::ZERO,
        per_token: PricePerToken::ZERO,
        expected: one,
        most: one,
        expected_tokens: 1,
        is_bounded: true,
    }
}

/// Everyone has a lease that allows nothing yet, because a request was charged.
fn everyone() -> Balances {
    let mut balances = Balances::default();
    balances.lease();
    for (number, position) in (0..USERS).zip(1..) {
        let cost = Credits::from_pico(1).unwrap();
        balances.end_hold(user(number), None, HoldEnd::Charged { position, cost });
    }
    balances
}

fn nothing(user: UserId) -> crate::view::LeaseGrant {
    crate::view::LeaseGrant {
        user,
        amount: Credits::ZERO,
        balance: Credits::ZERO,
        free: Credits::ZERO,
        others_needed: Credits::ZERO,
        others_unmet: Credits::ZERO,
    }
}

fn users(requests: &[LeaseRequest]) -> BTreeSet<UserId> {
    let users: BTreeSet<_> = requests.iter().map(|request| request.user).collect();
    assert_eq!(users.len(), requests.len(), "nobody twice");
    users
}

#[test]
fn everyone_has_a_turn_before_anybody_has_another() {
    let (balances, now) = (everyone(), Instant::now());
    let most = 40;
    let mut asked = BTreeSet::new();
    let mut times = 0;
    while asked.len() < USERS as usize {
        let requests = balances.due(most, now);
        assert!(!requests.is_empty() && requests.len() <= most);
        let before = asked.len();
        asked.extend(users(&requests));
        assert_eq!(asked.len(), before + requests.len());
        times += 1;
    }
    assert_eq!(times, (USERS as usize).div_ceil(most));
    assert!(balances.due(most, now).is_empty(), "nothing is due at once again");
}

#[test]
fn those_for_whom_requests_wait_come_first() {
    let balances = everyone();
    let last = user(USERS - 1);
    let most = estimate().most;
    let number = balances.wait(last, most, most);
    assert_eq!(users(&balances.urgent_lease_requests(1)), BTreeSet::from([last]));
    let later = Instant::now() + Duration::from_millis(60);
    assert_eq!(users(&balances.due(1, later)), BTreeSet::from([last]));
    balances.stop_waiting(last, number);
    assert_ne!(users(&balances.due(1, later)), BTreeSet::from([last]));
}

#[test]
fn leases_that_are_over_are_forgotten_and_no_other_with_them() {
    let balances = everyone();
    let returned = balances.lease_returns();
    assert_eq!(returned.len(), USERS as usize);
    // The books have the charges of all but the last.
    let grants = returned.iter().map(|request| nothing(request.user));
    let answer =
        LeaseAnswer { committed_position: i64::try_from(USERS).unwrap() - 1, grants: grants.collect() };
    balances.apply_leases(&returned, &answer, Instant::now());
    let told = balances.lease_returns();
    assert_eq!(told.len(), USERS as usize, "the books are told that nothing is needed of these");
    balances.apply_leases(&told, &answer, Instant::now());
    assert_eq!(users(&balances.lease_returns()), BTreeSet::from([user(USERS - 1)]));
}

#[test]
fn at_the_end_nobody_is_asked_twice_wherever_the_last_turn_ended() {
    let balances = everyone();
    let returned = balances.lease_returns();
    let settled = USERS - 3;
    let grants = returned.iter().map(|request| nothing(request.user));
    let answer =
        LeaseAnswer { committed_position: i64::try_from(settled).unwrap(), grants: grants.collect() };
    balances.apply_leases(&returned, &answer, Instant::now());
    let told = balances.lease_returns();
    let told: Vec<_> = told.iter().map(|request| LeaseRequest { gives_back: true, ..*request }).collect();
    balances.apply_leases(&told, &answer, Instant::now());
    // All but three are over. The turns of a while ago ended in the middle.
    balances.0.write().leases.as_mut().unwrap().next = USERS as usize / 2;
    assert_eq!(users(&balances.lease_returns()), (settled..USERS).map(user).collect());
}
