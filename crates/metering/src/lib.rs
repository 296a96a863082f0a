#![doc = include_str!("../README.md")]

mod account;
mod at_once;
pub mod audit;
mod backoff;
mod batcher;
mod collect;
mod config;
mod delivery;
mod depletion;
mod digest;
mod dimensions;
mod doubt;
mod effects;
mod enrich;
mod flush;
pub mod genai;
mod housekeeping;
mod instances;
pub mod journal;
mod metrics;
mod prepare;
mod progress;
pub mod quarantine;
mod sender;
mod source;
pub mod unrated;
mod view;
mod write;

pub use batcher::{AnalyticsBatcher, Drained, RunError};
pub use config::{AnalyticsConfig, ConfigError};
pub use digest::RecordKeys;
pub use dimensions::OTHER;
pub use enrich::{EnrichedRecord, MAX_DETAIL_BYTES, MAX_TEXT_BYTES, Refusal};
pub use journal::{Journal, SpoolConfig};
pub use sender::{AnalyticsPermit, AnalyticsSender, Closed, Position};
