//! A request's body on its way: read from the client within bounds, adapted, streamed to the upstream.
//!
//! Held in memory are only the bytes before the model is known, which an account shared by all requests bounds
//! ([`crate::GatewayConfig::held_body_bytes`]); afterwards a chunk is let go before the next is read.

mod adapter;
mod client;
mod patience;
mod upstream;

pub(crate) use adapter::Adapter;
pub(crate) use client::{ClientBody, ClientBodyError};
pub(crate) use patience::Patience;
pub(crate) use upstream::{BodyFailure, Progress, UpstreamBody};
