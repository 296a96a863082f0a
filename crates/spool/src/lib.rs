#![doc = include_str!("../README.md")]

mod database;
mod desk;
mod directory;
mod error;
mod group;
mod index;
mod lingering;
mod log;
mod open;
mod options;
mod queue;
mod read;
mod rebuild;
mod space;
mod spool;
mod state;
mod tail;
mod writer;

pub use desk::attend;
pub use error::SpoolError;
pub use group::{FORMAT_VERSION, Record};
pub use index::Position;
pub use open::OpenReport;
pub use options::{
    DEFAULT_RESERVE_BYTES, DEFAULT_SIZE_LIMIT_BYTES, Durability, MAX_GROUP_BYTES, MAX_GROUP_RECORDS,
    MAX_RECORD_BYTES, MIN_SIZE_LIMIT_BYTES, Options, REFUSE_PERCENT, WARNING_PERCENT,
};
pub use read::{Damage, DamageCause, Delivery, Group, Page, Which};
pub use rebuild::Rebuilt;
pub use space::{Class, Level};
pub use spool::{Receipt, Spool, Stats, Ticket, Verification};
