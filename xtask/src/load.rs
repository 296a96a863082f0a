//! What the load tests have in common: good traffic at a constant rate, what the server says and what it has, and the upstream's book
//! added up while it grows.

pub(crate) mod arrivals;
pub(crate) mod good;
pub(crate) mod ledger;
pub(crate) mod limits;
pub(crate) mod random;
pub(crate) mod server;

use std::time::Duration;

/// The latency that so many of a hundred stayed below; zero of none.
pub(crate) fn percentile(latencies: &[Duration], of_hundred: usize) -> Duration {
    let mut sorted = latencies.to_vec();
    sorted.sort_unstable();
    let rank = sorted.len().saturating_mul(of_hundred).div_ceil(100).saturating_sub(1);
    sorted.get(rank).copied().unwrap_or_default()
}

/// The middle of some numbers, or between the two in the middle; zero of none.
pub(crate) fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.len().is_multiple_of(2), sorted.get(middle.saturating_sub(1)), sorted.get(middle)) {
        (true, Some(below), Some(above)) => f64::midpoint(*below, *above),
        (false, _, Some(middle)) => *middle,
        _ => 0.0,
    }
}

/// Milliseconds with their fraction.
pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests;
