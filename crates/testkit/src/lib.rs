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
pub mod gauge;
mod oracle;
mod postgres;
pub mod scenario;
mod shared;
pub mod trace;
pub mod upstream;

pub use database::{DatabaseCopy, TestDatabase, template_key};
pub use fault_proxy::FaultProxy;
pub use oracle::{OraclePrices, oracle_charge, oracle_sum};
pub use postgres::{PrivatePostgres, TestPostgres};
pub use shared::shared_dir;
pub use upstream::ScriptedUpstream;
