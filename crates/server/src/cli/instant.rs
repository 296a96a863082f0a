//! Times as people type them.

use anyhow::bail;
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

/// Reads `2026-01-31T12:00:00Z`, a date alone (midnight, UTC), or a span such as `24h` or `30m` or `7d` before `now`.
/// Truncated to microseconds, which is what the books keep.
pub(crate) fn parse_instant(text: &str, now: Timestamp) -> anyhow::Result<Timestamp> {
    let at = if let Ok(at) = text.parse::<Timestamp>() {
        at
    } else if let Ok(date) = text.parse::<Date>() {
        date.to_zoned(TimeZone::UTC)?.timestamp()
    } else if let Some(ago) = parse_span(text) {
        now.checked_sub(ago)?
    } else {
        bail!(
            "`{text}` is not a time; write 2026-01-31T12:00:00Z, 2026-01-31, or a span such as 24h or 7d before now"
        );
    };
    Ok(tollgate_domain::truncate_to_micros(at))
}

fn parse_span(text: &str) -> Option<SignedDuration> {
    let unit = text.chars().last()?;
    let count: i64 = text.strip_suffix(unit)?.parse().ok()?;
    let seconds_each = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    (count >= 0).then(|| count.checked_mul(seconds_each).map(SignedDuration::from_secs)).flatten()
}

#[cfg(test)]
mod tests;
