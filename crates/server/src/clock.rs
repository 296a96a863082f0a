//! The one place that reads the system's clock.

use jiff::Timestamp;
use tollgate_domain::{Clock, truncate_to_micros};

/// The system's clock, in UTC, truncated to microseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everyone else is handed")]
    fn now(&self) -> Timestamp {
        truncate_to_micros(Timestamp::now())
    }
}
