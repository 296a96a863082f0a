#![doc = include_str!("../README.md")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this crate is a part of tests: to fail loudly is its job"
)]

mod captured_log;
mod cluster_template;
pub mod corpus;
mod database;
mod failover;
mod fault_proxy;
pub mod gauge;
mod oracle;
mod postgres;
mod private_postgres;
mod process_use;
pub mod scenario;
mod shared;
pub mod slow_clients;
mod small_disk;
pub mod trace;
pub mod upstream;

pub use captured_log::CapturedLog;
pub use database::{DatabaseCopy, TestDatabase, template_key};
pub use failover::{FailoverPair, Replication};
pub use fault_proxy::{Fate, FaultProxy};
pub use oracle::{OraclePrices, oracle_charge, oracle_sum};
pub use postgres::TestPostgres;
pub use private_postgres::{Frozen, PrivatePostgres};
pub use process_use::ProcessUse;
pub use shared::shared_dir;
pub use small_disk::SmallDisk;
pub use tollgate_embedded_postgres::Halt;
pub use upstream::ScriptedUpstream;
