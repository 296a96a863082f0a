//! Settings of the spool (`[spool]`).

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tollgate_spool::{
    DEFAULT_RESERVE_BYTES, DEFAULT_SIZE_LIMIT_BYTES, Durability, MIN_SIZE_LIMIT_BYTES, REFUSE_PERCENT,
};

use crate::config::ConfigError;

/// The durable queue between the gateway and the books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SpoolConfig {
    /// What the charge of a finished request survives: `fsync` a power cut, `os` the end of this process however it comes, `memory` nothing.
    /// A client has the end of its response when its charge is that safe.
    pub durability: DurabilitySetting,
    /// How large the queue may grow, in bytes; a request takes about half a kilobyte. At 70% a warning is logged, from 85% on new
    /// requests are refused (503) until the books have caught up; the rest is for requests already admitted.
    pub size_limit_bytes: u64,
    /// Space set aside on the disk for requests already admitted, in bytes, for when the file system is full.
    pub reserve_bytes: u64,
    /// What becomes of a request that was in flight when the process ended without warning: `void` charges nothing, `estimate` charges its
    /// prompt, estimated from the length of its body. Either way its record says `interrupted`.
    pub on_interrupted: OnInterrupted,
    /// How long records that are in the books are kept in the spool, in seconds, while there is room: after a failover to a database that
    /// lost its last commits they are entered again.
    pub keep_acknowledged_s: u64,
}

/// What a confirmed record survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DurabilitySetting {
    /// A power cut.
    Fsync,
    /// The end of the process.
    Os,
    /// Nothing.
    Memory,
}

/// How a request is settled that the end of its gateway interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnInterrupted {
    /// Nobody pays.
    Void,
    /// Its prompt is paid for, estimated.
    Estimate,
}

impl Default for SpoolConfig {
    fn default() -> Self {
        Self {
            durability: DurabilitySetting::Fsync,
            size_limit_bytes: DEFAULT_SIZE_LIMIT_BYTES,
            reserve_bytes: DEFAULT_RESERVE_BYTES,
            on_interrupted: OnInterrupted::Void,
            keep_acknowledged_s: 3600,
        }
    }
}

impl SpoolConfig {
    /// Says which setting is out of range, if one is.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.size_limit_bytes < MIN_SIZE_LIMIT_BYTES {
            return Err(ConfigError::TooSmall {
                setting: "spool.size_limit_bytes",
                value: self.size_limit_bytes,
                least: MIN_SIZE_LIMIT_BYTES,
            });
        }
        Ok(())
    }

    /// What is left for requests already admitted when nothing more is.
    pub const fn room_for_admitted_bytes(&self) -> u64 {
        (self.size_limit_bytes / 100).saturating_mul(100 - REFUSE_PERCENT).saturating_add(self.reserve_bytes)
    }

    pub(super) const fn keep_acknowledged(&self) -> Duration {
        Duration::from_secs(self.keep_acknowledged_s)
    }
}

impl From<DurabilitySetting> for Durability {
    fn from(setting: DurabilitySetting) -> Self {
        match setting {
            DurabilitySetting::Fsync => Self::Fsync,
            DurabilitySetting::Os => Self::Os,
            DurabilitySetting::Memory => Self::Memory,
        }
    }
}
