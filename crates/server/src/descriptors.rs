//! The limit of open file descriptors: each client has one, and each request at an upstream another.
//!
//! The limit that a shell or a service manager sets by default (1,024, most often) is there for programs of another kind, and may be raised
//! up to a hard one by whoever needs it. Below what the configuration allows of connections, clients would wait unaccepted, and requests
//! that were admitted find no connection to their upstream.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tollgate_gateway::GatewayConfig;

/// The database, the spool, files, and room to spare.
const OTHERS: u64 = 128;

/// Raises the limit as far as it goes, and says so where that is too little for the configuration.
pub(crate) fn raise_limit(config: &GatewayConfig) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
    let needed = u64::from(config.max_connections) + u64::from(config.max_in_flight) + OTHERS;
    // None is no limit.
    if let Some(limit) = getrlimit(Resource::Nofile).current
        && limit < needed
    {
        tracing::warn!(
            limit,
            needed,
            "open files are limited to less than `gateway.max_connections` and `gateway.max_in_flight` may need: raise the hard limit \
             (`ulimit -Hn`, `LimitNOFILE=`) or lower them"
        );
    }
}
