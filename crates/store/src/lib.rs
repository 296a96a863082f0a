#![doc = include_str!("../README.md")]

pub mod audit;
pub mod catalog;
pub mod connection;
pub mod epochs;
pub mod error;
pub mod instances;
pub mod ledger;
mod migrate;
pub mod partitions;
pub mod pricing;
pub mod quarantine;
pub mod rollups;
mod tariff_row;
mod tls;
pub mod tx;
pub mod usage_details;
pub mod usage_dimensions;
pub mod usage_records;
pub mod utc;

pub use connection::{Store, StoreConfig};
pub use error::{ErrorClass, StoreError};
pub use tx::Tx;
