//! Settings of the incremental audit (`[audit]`).

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of the audit that runs beside a server and checks what is new: each new record, and that balances and sums moved by just that.
/// The whole books are proved by `tollgate audit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// Seconds from the end of one pass to the next. A pass reads what was committed since the one before, up to 500,000 records;
    /// where more than that comes in one interval, choose a shorter one. 0: there is no such audit.
    pub interval_s: u32,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self { interval_s: 60 }
    }
}

impl AuditConfig {
    /// The time between two passes; `None`: there are none.
    pub fn interval(&self) -> Option<Duration> {
        (self.interval_s > 0).then(|| Duration::from_secs(self.interval_s.into()))
    }
}
