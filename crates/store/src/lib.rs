#![doc = include_str!("../README.md")]

pub mod catalog;
pub mod connection;
pub mod error;
pub mod ledger;
mod migrate;
pub mod pricing;
mod tariff_row;
mod tls;
pub mod tx;

pub use connection::{Store, StoreConfig};
pub use error::{ErrorClass, StoreError};
pub use tx::Tx;
