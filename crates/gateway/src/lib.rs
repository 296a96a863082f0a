#![doc = include_str!("../README.md")]

mod admit;
mod config;
mod exchange;
mod forward;
mod gateway;
mod hold;
pub mod limit;
mod metrics;
mod models;
#[cfg(any(test, feature = "probe"))]
pub mod probe;
pub mod recorder;
mod request_body;
mod route;
mod serve;
mod upstream_check;
pub mod usage;
pub mod view;
pub mod wire;

pub use config::{GatewayConfig, InvalidSetting};
pub use forward::{TimedConnector, TlsError};
pub use gateway::{Gateway, GatewayError};
pub use upstream_check::{UpstreamCheck, UpstreamState};
