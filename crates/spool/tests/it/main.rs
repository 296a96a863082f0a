//! The spool, as its users see it: durable, bounded, and honest about damage.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod basics;
mod damage;
mod faults;
mod golden;
mod limits;
mod model;
mod power_cut;
mod support;
