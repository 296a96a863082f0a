//! Claims about what was spent in a window.

use jiff::civil::date;
use tollgate_domain::{ApiKeyId, UserId};
use uuid::Uuid;

use super::*;

const SATURDAY: Date = date(2026, 2, 28);
const SUNDAY: Date = date(2026, 3, 1);
const MONDAY: Date = date(2026, 3, 2);

fn key() -> Subject {
    Subject::Key(ApiKeyId::from_uuid(Uuid::from_u128(1)))
}

fn user() -> Subject {
    Subject::User(UserId::from_uuid(Uuid::from_u128(2)))
}

fn pico(amount: i128) -> Credits {
    Credits::from_pico(amount).unwrap()
}

fn update(full: bool, spent: &[(Subject, Date, i128)], committed_position: i64) -> SpendingUpdate {
    let spent = spent.iter().map(|&(subject, day, amount)| (subject, day, pico(amount))).collect();
    SpendingUpdate { full, spent, committed_position }
}

/// In the day, the week and the month that `day` is in.
fn windows(spending: &Spending, subject: Subject, day: Date) -> [i128; 3] {
    spending.spent(subject, day).map(Credits::pico)
}

#[test]
fn each_window_sums_its_own_days_whatever_day_it_was_asked_before() {
    let spending = Spending::default();
    let spent = [(key(), SATURDAY, 1), (key(), SUNDAY, 10), (key(), MONDAY, 100)];
    spending.apply(update(true, &spent, 0));
    assert_eq!(windows(&spending, key(), MONDAY), [100, 100, 110]);
    // A clock that is set back finds what was spent then.
    assert_eq!(windows(&spending, key(), SUNDAY), [10, 11, 110]);
    assert_eq!(windows(&spending, key(), SATURDAY), [1, 11, 1]);
    assert_eq!(windows(&spending, user(), MONDAY), [0, 0, 0]);
}

#[test]
fn an_own_charge_counts_at_once_for_key_and_user_and_until_a_snapshot_includes_it() {
    let spending = Spending::default();
    spending.apply(update(true, &[(user(), SUNDAY, 5)], 0));
    spending.add([key(), user()], SUNDAY, 1, pico(30));
    spending.add([key(), user()], MONDAY, 2, pico(20));
    assert_eq!(windows(&spending, user(), MONDAY), [20, 20, 55]);
    assert_eq!(windows(&spending, key(), SUNDAY), [30, 30, 50]);
    // The first of the two is in it.
    spending.apply(update(false, &[(key(), SUNDAY, 30), (user(), SUNDAY, 35)], 1));
    assert_eq!(windows(&spending, user(), MONDAY), [20, 20, 55]);
    spending.apply(update(false, &[(key(), MONDAY, 20), (user(), MONDAY, 20)], 2));
    assert_eq!(windows(&spending, user(), MONDAY), [20, 20, 55]);
    assert_eq!(windows(&spending, key(), MONDAY), [20, 20, 50]);
}

#[test]
fn a_charge_that_a_snapshot_overtook_is_not_counted_twice_and_an_older_snapshot_brings_none_back() {
    let spending = Spending::default();
    spending.apply(update(true, &[(user(), SUNDAY, 30)], 5));
    spending.add([key(), user()], SUNDAY, 5, pico(30));
    spending.apply(update(false, &[], 3));
    spending.add([key(), user()], SUNDAY, 4, pico(7));
    assert_eq!(windows(&spending, user(), SUNDAY), [30, 30, 30]);
}

#[test]
fn a_full_snapshot_forgets_what_it_does_not_name_but_no_charge_that_is_ahead_of_it() {
    let spending = Spending::default();
    spending.apply(update(true, &[(user(), SUNDAY, 30), (key(), SUNDAY, 30)], 0));
    spending.add([key(), user()], SUNDAY, 1, pico(2));
    spending.apply(update(true, &[(user(), SUNDAY, 40)], 0));
    assert_eq!(windows(&spending, user(), SUNDAY), [42, 42, 42]);
    assert_eq!(windows(&spending, key(), SUNDAY), [2, 2, 2]);
    spending.apply(update(true, &[], 1));
    assert!(spending.0.lock().by_subject.is_empty() && spending.0.lock().pending.is_empty());
}

#[test]
fn sums_that_are_kept_are_those_that_would_be_found_anew() {
    let spending = Spending::default();
    spending.apply(update(true, &[(user(), SATURDAY, 5)], 0));
    let mut position = 0;
    for (asked, spent_on) in [SATURDAY, SUNDAY, MONDAY]
        .into_iter()
        .flat_map(|asked| [SATURDAY, SUNDAY, MONDAY].into_iter().map(move |spent_on| (asked, spent_on)))
    {
        let kept = windows(&spending, user(), asked);
        assert_eq!(kept, windows(&spending, user(), asked));
        position += 1;
        spending.add([key(), user()], spent_on, position, pico(7));
        let with_that = windows(&spending, user(), asked);
        let other = if asked == SATURDAY { MONDAY } else { SATURDAY };
        windows(&spending, user(), other);
        assert_eq!(with_that, windows(&spending, user(), asked), "{asked} after {spent_on}");
        // Half of it comes into a snapshot.
        spending.apply(update(false, &[(user(), spent_on, 3)], position));
        let anew = Spending::default();
        let days: Vec<_> = [SATURDAY, SUNDAY, MONDAY]
            .into_iter()
            .map(|day| (user(), day, windows(&spending, user(), day)[0]))
            .collect();
        anew.apply(update(true, &days, 0));
        assert_eq!(windows(&spending, user(), asked), windows(&anew, user(), asked));
    }
}
