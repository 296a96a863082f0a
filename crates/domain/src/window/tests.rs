use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn window(window: SpendWindow, text: &str) -> String {
    let days = window.around(utc_day(at(text)));
    format!("{}..{}", start_of_day(*days.start()), end_of_day(*days.end()))
}

#[test]
fn a_window_holds_its_first_instant_and_ends_before_the_next_one() {
    // A Sunday, the last day of its week and the first of its month.
    let sunday = "2026-03-01T00:00:00Z";
    assert_eq!(window(SpendWindow::Day, sunday), "2026-03-01T00:00:00Z..2026-03-02T00:00:00Z");
    assert_eq!(window(SpendWindow::Week, sunday), "2026-02-23T00:00:00Z..2026-03-02T00:00:00Z");
    assert_eq!(window(SpendWindow::Month, sunday), "2026-03-01T00:00:00Z..2026-04-01T00:00:00Z");
    let before = "2026-02-28T23:59:59.999999Z";
    assert_eq!(window(SpendWindow::Day, before), "2026-02-28T00:00:00Z..2026-03-01T00:00:00Z");
    assert_eq!(window(SpendWindow::Week, before), "2026-02-23T00:00:00Z..2026-03-02T00:00:00Z");
    assert_eq!(window(SpendWindow::Month, before), "2026-02-01T00:00:00Z..2026-03-01T00:00:00Z");
    assert_eq!(
        window(SpendWindow::Week, "2026-03-02T00:00:00Z"),
        "2026-03-02T00:00:00Z..2026-03-09T00:00:00Z"
    );
}

#[test]
fn a_week_goes_over_the_turn_of_the_year_and_february_has_its_leap_day() {
    assert_eq!(
        window(SpendWindow::Week, "2027-01-01T12:00:00Z"),
        "2026-12-28T00:00:00Z..2027-01-04T00:00:00Z"
    );
    assert_eq!(
        window(SpendWindow::Month, "2028-02-29T12:00:00Z"),
        "2028-02-01T00:00:00Z..2028-03-01T00:00:00Z"
    );
}

#[test]
fn the_ends_of_the_calendar_are_ends_of_windows() {
    for window in SpendWindow::ALL {
        for day in [Date::MIN, Date::MAX] {
            assert!(window.around(day).contains(&day), "{window:?} {day}");
        }
    }
}
