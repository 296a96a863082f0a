//! The batcher on a real PostgreSQL.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::float_cmp, reason = "metrics are floats, and those compared are whole numbers")]

mod at_once;
mod audits;
mod books;
mod charges;
mod closed_hours;
mod edges;
mod failover;
mod frozen;
mod full_disk;
mod incremental_audits;
mod journal;
mod late_prices;
mod lost_answers;
mod outages;
mod poison;
mod replays;
mod running;
mod scenarios;
mod stopped;
mod storm;
mod views;
