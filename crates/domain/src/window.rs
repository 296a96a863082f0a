//! The windows that spending is capped in. They follow from the time alone, in UTC, so nothing has to be reset, and a clock that is set back
//! finds the window that it was in.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

/// A stretch of whole days (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpendWindow {
    /// One day.
    Day,
    /// Monday to Sunday (ISO 8601).
    Week,
    /// One month of the calendar.
    Month,
}

impl SpendWindow {
    /// All of them, the shortest first.
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    /// What it is called.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The days of the window that `day` is in. Where the calendar ends, the window ends with it.
    pub fn around(self, day: Date) -> RangeInclusive<Date> {
        match self {
            Self::Day => day..=day,
            Self::Week => {
                let nth = |nth, weekday| {
                    if day.weekday() == weekday { day } else { day.nth_weekday(nth, weekday).unwrap_or(day) }
                };
                nth(-1, Weekday::Monday)..=nth(1, Weekday::Sunday)
            }
            Self::Month => day.first_of_month()..=day.last_of_month(),
        }
    }
}

/// The day (UTC) that `at` is in.
pub fn utc_day(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}

/// When `day` begins (UTC).
pub fn start_of_day(day: Date) -> Timestamp {
    TimeZone::UTC.to_timestamp(day.to_datetime(jiff::civil::Time::midnight())).unwrap_or(Timestamp::MAX)
}

/// When the day after `day` begins (UTC).
pub fn end_of_day(day: Date) -> Timestamp {
    day.tomorrow().map_or(Timestamp::MAX, start_of_day)
}

#[cfg(test)]
mod tests;
