//! The store against a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod audit_log;
mod closing;
mod configuration;
mod leases;
mod limits;
mod makers;
mod makers_behind;
mod management;
mod money;
mod prices;
mod reports;
mod scans;
mod schema;
mod silence;
mod support;
mod transactions;
mod webhooks;
