//! The settings of the management API's own listener.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tollgate_domain::AllowedNetworks;

use crate::sign_in::oidc::OidcConfig;

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
    /// Where people reach the management API with their browsers, such as `https://tollgate.example`: sign-in links lead there. Empty: where a
    /// request for one was sent to; links of the command line then lead to the address that it listens on.
    pub public_url: String,
    /// Networks of your own, such as `["10.0.0.0/8", "fd12:3456::/32"]`, that endpoints which are set through the management API may lead to,
    /// beside the public internet. Gateways hold to it when they connect, so it must stand in the settings of every server. What the
    /// command line sets may lead anywhere.
    #[schemars(with = "Vec<String>")]
    pub allowed_networks: AllowedNetworks,
    /// Sign-in through an OpenID provider.
    pub oidc: OidcConfig,
}

impl AdminConfig {
    /// Whether there is to be no listener at all.
    pub fn is_off(&self) -> bool {
        self.listen == "off"
    }

    /// Refuses what has the right type and makes no sense, with what to write instead.
    pub fn check(&self) -> Result<(), String> {
        let url = &self.public_url;
        let is_base = || {
            let uri: http::Uri = url.parse().ok()?;
            let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
            Some(is_web && uri.authority().is_some() && uri.path() == "/" && uri.query().is_none())
        };
        if url.is_empty() || is_base() == Some(true) {
            return self.oidc.check();
        }
        Err(format!(
            "`admin.public_url` is `{url}`; write a scheme and a host, such as https://tollgate.example"
        ))
    }
}
