//! The whole of Tollgate, as an operator and a client meet it: the binary, real PostgreSQL, real HTTP.

mod canary;
mod commands;
mod harness;
mod processes;
mod thread;
mod two_servers;
