#![doc = include_str!("../README.md")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this crate is a part of tests: to fail loudly is its job"
)]

pub mod corpus;
mod database;
mod fault_proxy;
mod oracle;
mod postgres;
mod process_use;
pub mod scenario;
mod shared;
pub mod slow_clients;
pub mod trace;
pub mod upstream;

pub use database::{DatabaseCopy, TestDatabase, template_key};
pub use fault_proxy::FaultProxy;
pub use oracle::{OraclePrices, oracle_charge, oracle_sum};
pub use postgres::{PrivatePostgres, TestPostgres};
pub use process_use::ProcessUse;
pub use shared::shared_dir;
pub use upstream::ScriptedUpstream;
