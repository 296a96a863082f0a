use super::*;

const PAUSE: Duration = Duration::from_mins(1);
const SECOND: Duration = Duration::from_secs(1);

/// A client that pauses and then sends, again and again; after how many times it was waited for in vain, if it was.
fn lost_after(patience: &mut Patience, pause: Duration, bytes: u64, most: u64) -> Option<u64> {
    let mut now = Instant::now();
    for sent in 0..most {
        if patience.waits_until(now) <= now + pause {
            return Some(sent);
        }
        now += pause;
        patience.received(bytes, now);
    }
    None
}

#[test]
fn a_byte_a_second_is_not_enough() {
    let mut patience = Patience::new(PAUSE, 1024);
    assert_eq!(lost_after(&mut patience, SECOND, 1, 10_000), Some(59));
}

#[test]
fn the_least_pace_is_enough_for_any_length_and_half_of_it_for_twice_the_pause() {
    assert_eq!(lost_after(&mut Patience::new(PAUSE, 1024), SECOND, 1024, 1_000_000), None);
    let lost = lost_after(&mut Patience::new(PAUSE, 1024), SECOND, 512, 1_000_000).unwrap();
    assert!((117..=120).contains(&lost), "{lost}");
}

#[test]
fn one_pause_is_bounded_whatever_was_sent_before_and_without_a_pace_nothing_else_is() {
    let mut patience = Patience::new(PAUSE, 1024);
    patience.received(1 << 30, Instant::now());
    assert_eq!(lost_after(&mut patience, PAUSE, 1, 10), Some(0));
    assert_eq!(lost_after(&mut Patience::new(PAUSE, 0), Duration::from_secs(59), 1, 10_000), None);
}

#[test]
fn a_wait_that_goes_on_is_one_wait_and_time_for_which_nobody_waits_does_not_count() {
    let mut patience = Patience::new(PAUSE, 1024);
    let mut now = Instant::now();
    for _ in 0..500 {
        let until = patience.waits_until(now);
        now += SECOND / 10;
        assert_eq!(patience.waits_until(now), until, "asked again, it has not begun again");
        patience.received(1, now);
        // An upstream takes its time for what has come.
        now += PAUSE * 10;
    }
    assert_eq!(patience.waited, SECOND * 50);
}
