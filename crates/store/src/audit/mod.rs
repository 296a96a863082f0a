//! What `tollgate audit` asks of the books beside each row's own proof: sums that must agree, and what must not be there.
//!
//! Every query returns differences only, so an audit of sound books moves nothing but the rows themselves. Sums come as numbers of a
//! size that no tampered row can overflow, and what fits no number of ours comes as text.

mod chain;
mod changes;
mod rollups;
mod strays;
mod sums;

pub use chain::{Chain, InvalidHead, chain};
pub use changes::{Used, used, used_since};
pub use rollups::{
    CellSums, ClosedDifference, RollupDifference, RollupShare, closed_differences, rollup_differences,
    rollup_shares,
};
pub use strays::{Stray, strays};
pub use sums::{BalanceDifference, StateCount, Sums, sums};
