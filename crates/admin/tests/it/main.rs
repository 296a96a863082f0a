//! The management API over HTTP, on a real PostgreSQL.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this crate is tests: to fail loudly is its job"
)]

mod credits;
mod dashboard;
mod doors;
mod endpoint_checks;
mod house;
mod keys;
mod ledger_pages;
mod ledgers;
mod limits;
mod lists;
mod makers;
mod managers;
mod margins;
mod oidc;
mod people;
mod previews;
mod prices;
mod receipts;
mod report_pages;
mod reports;
mod security;
mod sessions;
mod tenants;
mod turns;
mod upstreams;
mod webhooks;
