//! Settings and limits, each with its reason.

use std::path::PathBuf;

use uuid::Uuid;

use crate::SpoolError;
pub use crate::group::{MAX_GROUP_BYTES, MAX_GROUP_RECORDS};

/// Most bytes in one record: what is metered is counts and names, so a record far beyond a kilobyte is a mistake of its maker.
pub const MAX_RECORD_BYTES: usize = 64 * 1024;
/// From here a warning is due: somebody has the rest to react in.
pub const WARNING_PERCENT: u64 = 70;
/// From here new admissions are refused, so that what is in flight still fits.
pub const REFUSE_PERCENT: u64 = 85;
/// The smallest limit with which the percentages mean something: a few groups have to fit between them.
pub const MIN_SIZE_LIMIT_BYTES: u64 = 256 * 1024;
/// The default limit: two to three million records of a usual size, hours without a database.
pub const DEFAULT_SIZE_LIMIT_BYTES: u64 = 1024 * 1024 * 1024;
/// The default reserve: tens of thousands of records, so every request that can be in flight.
pub const DEFAULT_RESERVE_BYTES: u64 = 16 * 1024 * 1024;

/// What an append that was confirmed survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// A power cut: every group commit is fsynced before it is confirmed.
    #[default]
    Fsync,
    /// `kill -9`, but not a power cut: written to the operating system, fsynced only now and then.
    Os,
    /// Nothing. The records are in memory, there are no files, and the instance is a new one each time.
    Memory,
}

/// How to open a spool.
#[derive(Debug, Clone)]
pub struct Options {
    /// The directory of the spool; it is made when absent, with mode 0700. Not used by [`Durability::Memory`].
    pub directory: PathBuf,
    /// What a confirmed append survives.
    pub durability: Durability,
    /// How large the queue may grow, in bytes of database pages in use. On disk it takes up to the limit, the reserve, and about
    /// 8 MiB for SQLite's write-ahead log.
    pub size_limit_bytes: u64,
    /// Space set aside on the disk beside the limit, only for records of admitted work; zero for none.
    pub reserve_bytes: u64,
    /// The identity of a spool that is made now. One that exists keeps its own.
    pub new_instance_id: Uuid,
}

impl Options {
    /// Durable, with the default limits.
    pub fn new(directory: impl Into<PathBuf>, new_instance_id: Uuid) -> Self {
        Self {
            directory: directory.into(),
            durability: Durability::default(),
            size_limit_bytes: DEFAULT_SIZE_LIMIT_BYTES,
            reserve_bytes: DEFAULT_RESERVE_BYTES,
            new_instance_id,
        }
    }

    /// The same, with another durability.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// The same, with other limits.
    #[must_use]
    pub fn limits(mut self, size_limit_bytes: u64, reserve_bytes: u64) -> Self {
        self.size_limit_bytes = size_limit_bytes;
        self.reserve_bytes = reserve_bytes;
        self
    }

    pub(crate) fn check(&self) -> Result<(), SpoolError> {
        if self.size_limit_bytes < MIN_SIZE_LIMIT_BYTES {
            return Err(SpoolError::InvalidOptions(format!(
                "a size limit of {} bytes is too small, set at least {MIN_SIZE_LIMIT_BYTES}",
                self.size_limit_bytes
            )));
        }
        if self.new_instance_id.is_nil() {
            return Err(SpoolError::InvalidOptions("the instance id must not be the nil UUID".into()));
        }
        Ok(())
    }
}
