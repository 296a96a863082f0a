//! The gateway's own settings (`[gateway]`), each a limit with its reason.

use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tollgate_domain::AllowedNetworks;

/// Settings of the gateway. Every limit bounds memory, time or connections that one client could take from the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GatewayConfig {
    /// Largest request body, in bytes. 32 MiB is what Anthropic takes and more than OpenAI's images need.
    pub max_body_bytes: u64,
    /// Bytes of request bodies held in memory at once, over all requests, while the model is not yet known (some
    /// clients send it after the messages). Beyond it new requests are answered 503.
    pub held_body_bytes: u32,
    /// Requests in flight at once, those being drained included; beyond it new ones are answered 503.
    pub max_in_flight: u32,
    /// Client connections at once; more wait in the kernel's queue.
    pub max_connections: u32,
    /// Threads that serve requests. One for each processor unless it is given: more only share what there is.
    pub threads: Option<u16>,
    /// Time for a client to send the head of a request; also how long an idle connection is kept.
    pub header_read_timeout_ms: u64,
    /// Longest pause of a client within its request body.
    pub body_read_timeout_ms: u64,
    /// Least bytes a second of a request body, on average: a client that is waited for longer than `body_read_timeout_ms` in all must have
    /// sent so many for each second more. Half of what the slowest mobile networks carry; 0 for none.
    pub body_min_bytes_per_s: u64,
    /// Longest time for which a client may read nothing of what it is sent; then it counts as gone.
    pub client_write_timeout_ms: u64,
    /// Time to reach an upstream: name resolution, TCP and TLS.
    pub connect_timeout_ms: u64,
    /// Time for an upstream to begin its answer. Ten minutes is what the official SDKs wait.
    pub upstream_response_timeout_ms: u64,
    /// Longest pause of an upstream within its answer.
    pub upstream_idle_timeout_ms: u64,
    /// Longest time that an answer may go on for, from its head. What comes after an open request stays in the spool until that has
    /// ended, so one that never ends would fill it, in days.
    pub upstream_total_timeout_ms: u64,
    /// How long an unused connection to an upstream is kept. Shorter than the common 60 s of load balancers, because a
    /// request that meets a connection just closed fails and is not sent again.
    pub upstream_pool_idle_ms: u64,
    /// HTTP/2 connections per TLS upstream, spread over the threads that serve; each has three at least, or as many as this says if that is
    /// fewer. One carries about a hundred streams; the next waits.
    pub upstream_http2_connections: u8,
    /// A PEM file of certificate authorities to trust for upstreams, beside the public ones.
    pub upstream_ca_file: Option<PathBuf>,
    /// How long an upstream is still read after its client went away, in order to learn the usage.
    pub drain_timeout_ms: u64,
    /// How many more bytes of an upstream are read after its client went away.
    pub drain_max_bytes: u64,
    /// How long streams may go on after shutdown was asked for.
    pub shutdown_timeout_ms: u64,
    /// The name of this gateway in the books; the host's name is a good one.
    pub served_by: Option<String>,
    /// Networks that endpoints which are `public_only` may lead to, beside the public internet. Not a setting of `[gateway]`: the one of the
    /// management API (`admin.allowed_networks`) holds for both.
    #[serde(skip)]
    pub allowed_networks: AllowedNetworks,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            max_body_bytes: 32 * 1024 * 1024,
            held_body_bytes: 256 * 1024 * 1024,
            max_in_flight: 4096,
            max_connections: 8192,
            threads: None,
            header_read_timeout_ms: 30_000,
            body_read_timeout_ms: 60_000,
            body_min_bytes_per_s: 1024,
            client_write_timeout_ms: 60_000,
            connect_timeout_ms: 10_000,
            upstream_response_timeout_ms: 600_000,
            upstream_idle_timeout_ms: 300_000,
            upstream_total_timeout_ms: 4 * 3_600_000,
            upstream_pool_idle_ms: 20_000,
            upstream_http2_connections: 4,
            upstream_ca_file: None,
            drain_timeout_ms: 60_000,
            drain_max_bytes: 1024 * 1024,
            shutdown_timeout_ms: 30_000,
            served_by: None,
            allowed_networks: AllowedNetworks::default(),
        }
    }
}

/// A setting with which nothing could be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`gateway.{setting}` is 0: set it above zero, or leave it out for the default")]
pub struct InvalidSetting {
    /// Which one.
    pub setting: &'static str,
}

impl GatewayConfig {
    /// Refuses a zero where it would refuse every request.
    pub(crate) fn validate(&self) -> Result<(), InvalidSetting> {
        let needed = [
            ("max_body_bytes", self.max_body_bytes),
            ("held_body_bytes", self.held_body_bytes.into()),
            ("max_in_flight", self.max_in_flight.into()),
            ("max_connections", self.max_connections.into()),
            ("threads", self.threads.unwrap_or(1).into()),
            ("header_read_timeout_ms", self.header_read_timeout_ms),
            ("body_read_timeout_ms", self.body_read_timeout_ms),
            ("client_write_timeout_ms", self.client_write_timeout_ms),
            ("connect_timeout_ms", self.connect_timeout_ms),
            ("upstream_response_timeout_ms", self.upstream_response_timeout_ms),
            ("upstream_idle_timeout_ms", self.upstream_idle_timeout_ms),
            ("upstream_total_timeout_ms", self.upstream_total_timeout_ms),
            ("upstream_http2_connections", self.upstream_http2_connections.into()),
        ];
        match needed.into_iter().find(|(_, value)| *value == 0) {
            Some((setting, _)) => Err(InvalidSetting { setting }),
            None => Ok(()),
        }
    }

    /// How many threads serve.
    pub(crate) fn threads(&self) -> usize {
        let given = self.threads.map(usize::from);
        given.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, NonZero::get))
    }
}

macro_rules! durations {
    ($($getter:ident = $field:ident),* $(,)?) => {
        impl GatewayConfig {
            $(pub(crate) const fn $getter(&self) -> Duration {
                Duration::from_millis(self.$field)
            })*
        }
    };
}

durations! {
    header_read_timeout = header_read_timeout_ms,
    body_read_timeout = body_read_timeout_ms,
    client_write_timeout = client_write_timeout_ms,
    connect_timeout = connect_timeout_ms,
    upstream_response_timeout = upstream_response_timeout_ms,
    upstream_idle_timeout = upstream_idle_timeout_ms,
    upstream_total_timeout = upstream_total_timeout_ms,
    upstream_pool_idle = upstream_pool_idle_ms,
    drain_timeout = drain_timeout_ms,
    shutdown_timeout = shutdown_timeout_ms,
}

#[cfg(test)]
mod tests;
