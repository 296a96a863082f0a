//! The whole of Tollgate, as an operator and a client meet it: the binary, real PostgreSQL, real HTTP.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test fails loudly, too"
)]

mod admin;
mod admin_clients;
mod audit_log;
mod audits;
mod broken_disk;
mod canary;
mod commands;
mod corpus;
mod deploy;
mod failover;
mod harness;
mod hostile;
mod leases;
mod limits;
mod oidc;
mod outage;
mod processes;
mod sdks;
mod slow_connections;
mod soak;
mod successor;
mod thread;
mod trace;
mod two_servers;
mod webhooks;
