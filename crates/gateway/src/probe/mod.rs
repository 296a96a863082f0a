//! For programs that measure this crate, and not for those that serve with it: the real admission and the real accounts, driven from outside.
//!
//! Only with the feature `probe`, so that nothing of it is in the server.

mod admission;
mod replay;

pub use admission::{Admissions, InHand, Passing, Prepared, ProbeError};
pub use replay::{Asked, Fate, Seen, replay};
