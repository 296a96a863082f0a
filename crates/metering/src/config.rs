//! Settings of the batcher (`[analytics]`).

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of the batcher. Each is one trade; the defaults suit one server in front of one database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AnalyticsConfig {
    /// Most records in one transaction. Larger ones cost less per record and hold their locks longer.
    pub batch_size: usize,
    /// Two flushes start at least this many milliseconds apart, so that at a few hundred records a second a
    /// transaction carries several; and the books rest as long as the last flush took, at most 20 ms, unless a thousand records wait. The first
    /// record after a pause never waits. 0: flushes follow one another at once.
    pub flush_interval_ms: u64,
    /// Wait before the second try of a flush, in milliseconds; doubled for each further one up to 1 s, with
    /// jitter. There is no last try. The cap is fixed: a database that is back is written to within 5 s, however long it was away.
    pub retry_base_delay_ms: u64,
    /// At most one notification of depleted balances in this many milliseconds.
    pub balance_notification_interval_milliseconds: u64,
    /// Records that may wait between the sender and the batcher. When it is full, senders wait or are told so.
    pub channel_capacity: usize,
    /// Transactions at a time. With more than one, two batches may commit in another order than they were sent.
    pub flushers: usize,
    /// How long shutdown may take to write what was sent, in milliseconds. What is left then is lost, and counted.
    pub shutdown_timeout_ms: u64,
}

impl Default for AnalyticsConfig {
    fn default() -> Self {
        Self {
            // Only reached at saturation. The more records, the fewer rollups and balances each of them moves: a third less work for
            // PostgreSQL than at 10,000, by measurement.
            batch_size: 30_000,
            flush_interval_ms: 5,
            retry_base_delay_ms: 100,
            balance_notification_interval_milliseconds: 250,
            channel_capacity: 10_000,
            flushers: 1,
            shutdown_timeout_ms: 30_000,
        }
    }
}

/// A setting that nothing can work with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It has a range.
    #[error("{setting} is {value}; it must be from {least} to {most}")]
    OutOfRange {
        /// Its whole name.
        setting: &'static str,
        /// What it was set to.
        value: usize,
        /// The smallest that works.
        least: usize,
        /// The largest that works.
        most: usize,
    },
    /// It has a least value.
    #[error("{setting} is {value}; it must be at least {least}")]
    TooSmall {
        /// Its whole name.
        setting: &'static str,
        /// What it was set to.
        value: u64,
        /// The smallest that works.
        least: u64,
    },
}

/// More than this per transaction gains nothing and makes rows of one batch wait for each other.
const MAX_BATCH_SIZE: usize = 100_000;
/// About a kilobyte each: a gigabyte of waiting records.
const MAX_CHANNEL_CAPACITY: usize = 1_000_000;
/// Each needs a connection, and all wait for the same balance rows.
const MAX_FLUSHERS: usize = 16;

impl AnalyticsConfig {
    /// Says which setting is out of range, if one is.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let limits = [
            ("analytics.batch_size", self.batch_size, MAX_BATCH_SIZE),
            ("analytics.channel_capacity", self.channel_capacity, MAX_CHANNEL_CAPACITY),
            ("analytics.flushers", self.flushers, MAX_FLUSHERS),
        ];
        for (setting, value, most) in limits {
            if !(1..=most).contains(&value) {
                return Err(ConfigError::OutOfRange { setting, value, least: 1, most });
            }
        }
        Ok(())
    }

    /// With every setting in its range.
    pub(crate) fn clamped(mut self) -> Self {
        self.batch_size = self.batch_size.clamp(1, MAX_BATCH_SIZE);
        self.channel_capacity = self.channel_capacity.clamp(1, MAX_CHANNEL_CAPACITY);
        self.flushers = self.flushers.clamp(1, MAX_FLUSHERS);
        self
    }

    pub(crate) const fn flush_interval(&self) -> Duration {
        Duration::from_millis(self.flush_interval_ms)
    }

    pub(crate) const fn retry_base_delay(&self) -> Duration {
        Duration::from_millis(self.retry_base_delay_ms)
    }

    pub(crate) const fn notification_interval(&self) -> Duration {
        Duration::from_millis(self.balance_notification_interval_milliseconds)
    }

    pub(crate) const fn shutdown_timeout(&self) -> Duration {
        Duration::from_millis(self.shutdown_timeout_ms)
    }
}
