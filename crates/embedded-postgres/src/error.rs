//! What can go wrong with a private server, each with what to do about it.

use std::{io, path::PathBuf};

/// Why a private PostgreSQL could not be found, started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No usable PostgreSQL on this machine.
    #[error(
        "no PostgreSQL {minimum} or newer was found (looked in {searched}). Install one (Debian: \
         `apt-get install postgresql`), point PG_BIN at the directory of its `postgres` and `initdb`, or set \
         `database.url` to a server of your own",
        minimum = crate::binaries::MINIMUM_MAJOR
    )]
    NotFound {
        /// The places that were looked at, for the message.
        searched: String,
    },

    /// The directory that was asked for by name holds no usable PostgreSQL.
    #[error("{} is not a directory of PostgreSQL programs: {reason}", directory.display())]
    UnusableBinaries {
        /// The directory that was named, by `PG_BIN` or by the caller.
        directory: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// The cluster was made by another major version than any that was found.
    #[error(
        "the database in {} was made by PostgreSQL {cluster}, but only {found} was found. Point PG_BIN at \
         PostgreSQL {cluster}, or move the data with pg_upgrade", directory.display()
    )]
    OtherMajorVersion {
        /// The cluster.
        directory: PathBuf,
        /// What made it.
        cluster: u32,
        /// What there is.
        found: String,
    },

    /// Another process has this data directory.
    #[error(
        "the data directory {} is in use by process {pid}. Stop that process, or choose another data directory",
        directory.display()
    )]
    InUse {
        /// The data directory.
        directory: PathBuf,
        /// The pid in the lock file; `unknown` when the owner had not written it yet.
        pid: String,
    },

    /// The process is root, and there is nobody to run the server as.
    #[error(
        "PostgreSQL refuses to run as root, and there is neither a user `postgres` nor `nobody` to run it as. \
         Create one (`useradd --system postgres`) or run as another user"
    )]
    NoServiceUser,

    /// The cluster belongs to somebody else.
    #[error(
        "the database in {} belongs to uid {owner}, and this process is uid {uid}. Run as that user or as root",
        directory.display()
    )]
    OtherOwner {
        /// The cluster.
        directory: PathBuf,
        /// Its owner.
        owner: u32,
        /// This process.
        uid: u32,
    },

    /// A directory we wanted to use privately was made by somebody else.
    #[error("{} was made by uid {owner}, not by us: remove it, it may be a trap", directory.display())]
    ForeignDirectory {
        /// The directory.
        directory: PathBuf,
        /// Its owner.
        owner: u32,
    },

    /// The user that the server runs as cannot reach its programs.
    #[error(
        "user `{user}`, as which PostgreSQL runs because this process is root, cannot reach {}: make it and its \
         parents readable to others, or put it elsewhere", directory.display()
    )]
    Unreachable {
        /// Whom the server runs as.
        user: String,
        /// What it must reach.
        directory: PathBuf,
    },

    /// `initdb` failed.
    #[error("initdb failed in {}: {output}", directory.display())]
    Initdb {
        /// Where the cluster was to be made.
        directory: PathBuf,
        /// What it said.
        output: String,
    },

    /// The server ended instead of starting.
    #[error("PostgreSQL did not start ({status}); the end of its log, {}:\n{log_tail}", log.display())]
    DidNotStart {
        /// How it ended.
        status: String,
        /// Its log.
        log: PathBuf,
        /// The last lines of it.
        log_tail: String,
    },

    /// The server lives but does not answer.
    #[error("PostgreSQL does not answer after {waited_seconds} s; see its log, {}", log.display())]
    NotReady {
        /// How long we waited.
        waited_seconds: u64,
        /// Its log.
        log: PathBuf,
    },

    /// A server left behind by an earlier process could not be stopped.
    #[error(
        "the server left behind by an earlier process (pid {pid}) does not stop. Stop it by hand: kill -QUIT {pid}"
    )]
    OrphanStays {
        /// Its postmaster.
        pid: i32,
    },

    /// The server did not stop in time by a fast shutdown and was stopped by an immediate one; nothing committed is lost.
    #[error(
        "PostgreSQL did not stop within {waited_seconds} s and was stopped at once; it will recover when it starts"
    )]
    StoppedByForce {
        /// How long we waited.
        waited_seconds: u64,
    },

    /// Fetching PostgreSQL failed.
    #[error("could not fetch PostgreSQL: {0}")]
    Fetch(String),

    /// The server answers, but not as it should.
    #[error("PostgreSQL refused to be set up")]
    Sql(#[from] tokio_postgres::Error),

    /// A file or a process could not be used.
    #[error("{action}")]
    Io {
        /// What was tried, with the path.
        action: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

/// Names what was tried, so that the message says more than "permission denied".
pub(crate) trait Doing<T> {
    fn doing(self, action: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, action: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|source| Error::Io { action: format!("cannot {}: {source}", action()), source })
    }
}
