#![doc = include_str!("../README.md")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "this crate is a part of tests: to fail loudly is its job"
)]

mod database;
mod postgres;
mod shared;

pub use database::{TestDatabase, template_key};
pub use postgres::{PrivatePostgres, TestPostgres};
pub use shared::shared_dir;
