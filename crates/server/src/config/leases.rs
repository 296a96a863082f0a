//! Settings of leases (`[leases]`).

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ConfigError;

/// Shorter, and a database that pauses for a moment would stop every request.
const MIN_LIFETIME_S: u32 = 5;
/// A day. Longer, and the money of a gateway that is gone for good would be out of reach for as long.
const MAX_LIFETIME_S: u32 = 24 * 60 * 60;

/// A gateway takes part of each user's balance that it serves, renews it four times a second while it is used, and spends it without asking. With the
/// database away it goes on until that is spent, or runs out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LeaseConfig {
    /// Seconds until what a gateway has taken is free for others again when the gateway is gone. It stops spending after four fifths of that
    /// without its database, so this is also how long an outage may take that requests do not notice. From 5 to 86,400.
    pub lifetime_s: u32,
}

impl Default for LeaseConfig {
    fn default() -> Self {
        Self { lifetime_s: 55 }
    }
}

impl LeaseConfig {
    /// Whether it makes sense; an error says what would.
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let Self { lifetime_s } = self;
        if (MIN_LIFETIME_S..=MAX_LIFETIME_S).contains(lifetime_s) {
            return Ok(());
        }
        Err(ConfigError::Invalid(format!(
            "leases.lifetime_s is {lifetime_s}; choose {MIN_LIFETIME_S} to {MAX_LIFETIME_S} seconds"
        )))
    }

    /// Until others may have it.
    pub fn lifetime(&self) -> Duration {
        Duration::from_secs(self.lifetime_s.into())
    }

    /// How long it is spent from, counted from before it was asked for. What is left is for clocks that do not run alike, and for what was
    /// finished to reach the books.
    pub fn spent_for(&self) -> Duration {
        self.lifetime() * 4 / 5
    }
}
