use jiff::Timestamp;

use super::*;

fn key(hour: &str, user_no: i32) -> RollupKey {
    let at: Timestamp = format!("2026-11-24T{hour}:00:00Z").parse().unwrap();
    RollupKey { hour: UtcMicros::try_from(at).unwrap(), user_no, key_no: 1, model_no: 1 }
}

fn sums(requests: i64) -> RollupDelta {
    RollupDelta { requests, ..RollupDelta::default() }
}

fn none() -> BTreeSet<RollupKey> {
    BTreeSet::new()
}

#[test]
fn an_hour_that_began_after_the_audit_is_known_from_its_first_record_on() {
    let mut hours = Hours::after(Some(key("12", 1).hour));
    assert_eq!(hours.before(&key("13", 1)), Some(sums(0)));
    hours.remember(vec![(key("13", 1), sums(5))], &none());
    assert_eq!(hours.before(&key("13", 1)), Some(sums(5)));
    assert_eq!(hours.before(&key("13", 2)), Some(sums(0)), "another rollup of that hour was nothing");
}

#[test]
fn a_rollup_of_an_hour_that_had_begun_is_known_from_its_second_record_on() {
    let mut hours = Hours::after(Some(key("12", 1).hour));
    assert_eq!(hours.before(&key("12", 1)), None);
    hours.remember(vec![(key("12", 1), sums(500))], &none());
    assert_eq!(hours.before(&key("12", 1)), Some(sums(500)));
    assert_eq!(hours.before(&key("12", 2)), None, "what another one was is not known");
}

#[test]
fn empty_books_are_known_from_the_beginning() {
    assert_eq!(Hours::after(None).before(&key("00", 1)), Some(sums(0)));
}

#[test]
fn what_late_prices_moved_is_not_known_any_more() {
    let mut hours = Hours::after(None);
    hours.remember(vec![(key("12", 1), sums(5))], &none());
    hours.remember(vec![(key("13", 1), sums(7))], &BTreeSet::from([key("12", 9)]));
    assert_eq!(hours.before(&key("12", 1)), None);
    assert_eq!(hours.before(&key("13", 1)), Some(sums(7)));
}

#[test]
fn an_hour_to_which_nothing_comes_is_forgotten_and_not_taken_for_an_empty_one() {
    let mut hours = Hours::after(None);
    hours.remember(vec![(key("12", 1), sums(5))], &none());
    for _ in 0..MAX_IDLE_PASSES {
        hours.remember(vec![(key("13", 1), sums(1))], &none());
    }
    assert_eq!(hours.before(&key("12", 1)), None);
    assert_eq!(hours.before(&key("13", 1)), Some(sums(1)));
}

#[test]
fn past_the_cap_the_hours_that_are_idle_longest_go_first() {
    let mut hours = Hours { max_cells: 100, ..Hours::after(None) };
    hours.remember(vec![(key("11", 1), sums(5))], &none());
    hours.remember((0..100).map(|user| (key("12", user), sums(1))).collect(), &none());
    assert_eq!(hours.before(&key("11", 1)), None);
    assert_eq!(hours.before(&key("12", 7)), Some(sums(1)));
    hours.remember(vec![(key("13", 1), sums(1))], &none());
    assert_eq!(hours.before(&key("12", 7)), None, "one hour alone can be too much");
    assert_eq!(hours.before(&key("13", 1)), Some(sums(1)));
}
