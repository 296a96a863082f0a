//! What can go wrong, one variant per thing that failed.
//!
//! An error is handed to everybody who waits for the same group commit, so it can be cloned.

use std::{io, path::PathBuf, sync::Arc};

use rusqlite::ErrorCode;

/// Why the spool did not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SpoolError {
    /// Another process, or another part of this one, has the spool open.
    #[error(
        "the spool in {} is in use by {owner}: stop that process, or give this one a directory of its own",
        directory.display()
    )]
    InUse {
        /// The directory of the spool.
        directory: PathBuf,
        /// Who holds it, as far as is known.
        owner: String,
    },
    /// A setting that cannot work.
    #[error("the spool cannot be opened with these settings: {0}")]
    InvalidOptions(String),
    /// The files were written by a later build.
    #[error(
        "the spool was written in format {found}, and this build reads up to {known}: use the later build"
    )]
    NewerFormat {
        /// The version in the file.
        found: u16,
        /// The newest version that this build reads.
        known: u16,
    },
    /// A file operation failed outside of SQLite.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: Arc<io::Error>,
    },
    /// SQLite failed.
    #[error("cannot {what}")]
    Sqlite {
        /// What was tried.
        what: &'static str,
        /// What SQLite said.
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// A write failed in a way after which nobody knows what is on the disk. It is never tried again: after a failed fsync
    /// the operating system may report success for pages that it has dropped. Restart the process once the disk is well;
    /// opening reads what is there. The records of the failed group are not among it: they are void.
    #[error("the spool is poisoned and takes nothing more until it is opened again, because {reason}")]
    Poisoned {
        /// The first failure.
        reason: Arc<str>,
    },
    /// New work is refused, so that work that was admitted still fits.
    #[error(
        "the spool takes no new admissions: {used_bytes} of {limit_bytes} bytes are used. They are taken again when records have \
         been acknowledged"
    )]
    AdmissionRefused {
        /// Bytes in use, with those that wait.
        used_bytes: u64,
        /// The limit that was set.
        limit_bytes: u64,
    },
    /// Not even the record of admitted work fits: limit and reserve are used up.
    #[error(
        "the spool is full: {used_bytes} bytes are used, {limit_bytes} and a reserve of {reserve_bytes} are allowed"
    )]
    Full {
        /// Bytes in use, with those that wait.
        used_bytes: u64,
        /// The limit that was set.
        limit_bytes: u64,
        /// The reserve beyond it.
        reserve_bytes: u64,
    },
    /// The file system is full. Nothing of the group was written; the spool goes on when there is space.
    #[error("the file system of the spool is full: this record was not written")]
    DiskFull,
    /// The disk has not answered the writer for a while: what is appended now would wait for it as well.
    #[error("the disk of the spool does not answer: a write has been waiting for {} s", since.as_secs())]
    Stalled {
        /// For how long.
        since: std::time::Duration,
    },
    /// A single record beyond [`MAX_RECORD_BYTES`](crate::MAX_RECORD_BYTES).
    #[error("a record of {bytes} bytes is too large for the spool: at most {limit}")]
    RecordTooLarge {
        /// The record's size.
        bytes: usize,
        /// The largest that is taken.
        limit: usize,
    },
    /// A position that this spool never gave out.
    #[error("group {sequence} was never written to this spool: the next one is {next}")]
    UnknownPosition {
        /// The group asked for.
        sequence: u64,
        /// The first that does not exist.
        next: u64,
    },
    /// The block of reserved identities is used up, and the next one is not durable yet.
    #[error("no identity can be given out: the next block of them is not durable yet")]
    NoIdentityReserved,
    /// The spool was closed.
    #[error("the spool is closed")]
    Closed,
}

impl SpoolError {
    pub(crate) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source: Arc::new(source) }
    }

    pub(crate) fn sqlite(what: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| Self::Sqlite { what, source: Arc::new(source) }
    }

    /// Whether the file system was full: the one failure of a write that leaves no doubt about what is on the disk, as SQLite
    /// rolls back before any commit.
    pub(crate) fn is_disk_full(&self) -> bool {
        matches!(self, Self::Sqlite { source, .. }
            if source.sqlite_error_code() == Some(ErrorCode::DiskFull))
    }

    /// Whether SQLite found its file damaged, so that it must be built anew. A damaged header can make it say that the file is
    /// read-only, and damaged names of tables that there are none; a disk that fails says something else.
    pub(crate) fn is_corruption(&self) -> bool {
        let Self::Sqlite { source, .. } = self else { return false };
        matches!(
            source.sqlite_error_code(),
            None | Some(
                ErrorCode::DatabaseCorrupt
                    | ErrorCode::NotADatabase
                    | ErrorCode::ReadOnly
                    | ErrorCode::Unknown
            )
        )
    }
}

/// The whole chain of causes in one line, for a reason that is kept as text.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
