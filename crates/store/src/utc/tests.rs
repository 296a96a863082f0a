use super::*;

fn at(text: &str) -> UtcMicros {
    UtcMicros::try_from(text.parse::<Timestamp>().unwrap()).unwrap()
}

#[test]
fn a_day_ends_with_its_last_microsecond() {
    assert_eq!(at("2023-11-16T23:59:59.999999Z").day().to_string(), "2023-11-16");
    assert_eq!(at("2023-11-17T00:00:00Z").day().to_string(), "2023-11-17");
    assert_eq!(at("1969-12-31T23:59:59.999999Z").day().to_string(), "1969-12-31");
}

#[test]
fn an_hour_starts_at_or_before_the_instant() {
    assert_eq!(at("2023-11-16T18:30:00Z").hour(), at("2023-11-16T18:00:00Z"));
    assert_eq!(at("1969-12-31T23:30:00Z").hour(), at("1969-12-31T23:00:00Z"));
}

#[test]
fn the_first_time_that_postgresql_stores_is_the_first_that_is_taken() {
    let first = "-004713-11-24T00:00:00Z".parse::<Timestamp>().unwrap();
    assert_eq!(UtcMicros::try_from(first).unwrap().day().get(), FIRST_DAY);
    let before = first - jiff::SignedDuration::from_micros(1);
    assert_eq!(UtcMicros::try_from(before), Err(TimeOutOfRange(before)));
    assert_eq!(UtcDay::clamped(before).get(), FIRST_DAY);
}
