//! The whole of Tollgate, as an operator and a client meet it: the binary, real PostgreSQL, real HTTP.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test fails loudly, too"
)]

mod canary;
mod commands;
mod harness;
mod processes;
mod thread;
mod two_servers;
