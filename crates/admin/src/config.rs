//! The settings of the management API's own listener.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where it listens when nothing was said and nobody else is there.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:9080";

/// The management API: a listener of its own, apart from the gateway's.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AdminConfig {
    /// Address and port of the management API, or `off`. Empty: 127.0.0.1:9080, or a free port of 127.0.0.1 where another program has
    /// that one. The bound address is written to `admin.addr` in the data directory. What is no loopback address is refused
    /// unless `tls_in_front` says that it is protected.
    pub listen: String,
    /// Somebody else ends TLS in front of this listener and nobody gets past it: without that, keys with power over money would cross the
    /// network in the clear. Needed for any address that is not of this machine alone.
    pub tls_in_front: bool,
}

impl AdminConfig {
    /// Whether there is to be no listener at all.
    pub fn is_off(&self) -> bool {
        self.listen == "off"
    }
}
