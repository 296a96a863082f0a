//! The gateway through real HTTP: a real client, the scripted upstream, and records kept in memory.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that meets the unexpected fails loudly")]

mod admission;
mod batch;
mod corpus;
mod credentials;
mod disconnect;
mod durability;
mod hand_sink;
mod holds;
mod house;
mod limits;
mod models;
mod public_only;
mod rates;
mod requests;
mod responses;
mod serving;
mod tls;
mod upstream_check;
