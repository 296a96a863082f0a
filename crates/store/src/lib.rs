#![doc = include_str!("../README.md")]

pub mod api_keys;
pub mod audit;
pub mod audit_log;
pub mod balances;
pub mod catalog;
pub mod connection;
pub mod endpoints;
pub mod epochs;
pub mod error;
pub mod installation;
pub mod instances;
pub mod ledger;
mod migrate;
pub mod models;
pub mod movements;
pub mod notify;
pub mod partitions;
pub mod pricing;
pub mod quarantine;
pub mod reports;
pub mod rollups;
pub mod sealing;
pub mod snapshot;
mod tariff_row;
pub mod tariffs;
mod text;
mod tls;
pub mod tx;
pub mod usage_details;
pub mod usage_dimensions;
pub mod usage_records;
pub mod users;
pub mod utc;

pub use connection::{Store, StoreConfig};
pub use error::{ErrorClass, StoreError};
pub use tx::{DEFAULT_TRANSACTION_TIMEOUT, SharedSnapshot, Tx};
