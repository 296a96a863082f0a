//! Why the database, or we, said no; and what a caller may do about it.
//!
//! Every failure has a class. The rule for SQLSTATEs: only what is provably the data's own fault is
//! [`ErrorClass::Poison`]; everything unknown is worth another try, because giving up loses money.

use std::error::Error as _;
use std::time::Duration;

use deadpool_postgres::{PoolError, TimeoutType};
use tokio_postgres::error::{DbError, Severity, SqlState};
use tollgate_domain::MoneyError;

use crate::connection::{CONNECT_TIMEOUT, POOL_WAIT_TIMEOUT};

/// The tables whose named constraints guard single records: a violation is the record's fault.
const RECORD_TABLES: [&str; 3] = ["usage_records", "usage_details", "usage_dimensions"];
/// What our append-only triggers raise.
const APPEND_ONLY: &str = "TG001";

/// What a caller may do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// Try again later: connection, resources, shutdown, serialization, time-out, and whatever is unknown.
    Retry,
    /// The data can never be stored: find the one bad record and set it aside.
    Poison,
    /// A unique key is taken: this was written before.
    Duplicate,
    /// The request makes no sense; the message says what to do.
    Refused,
    /// The installation is wrong (configuration, schema, keys); a person must act.
    Fatal,
}

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The connection settings are wrong.
    #[error("the database settings are wrong: {0}")]
    Config(String),
    /// No connection could be had.
    #[error("{}", describe_pool(.0))]
    Connect(#[source] Box<PoolError>),
    /// The server, or the connection to it, failed.
    #[error("{}", describe(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// Nothing came back in time; the transaction was given up and its connection closed.
    #[error("the database has not answered: transaction `{name}` was given up after {after:?}")]
    Timeout {
        /// Name of the transaction.
        name: &'static str,
        /// The bound that it ran into.
        after: Duration,
    },
    /// The server that ran the transaction is no more: another has taken its place, or it was started again.
    #[error("the database server that ran transaction `{name}` is gone; another one answers in its place")]
    Lost {
        /// Name of the transaction.
        name: &'static str,
    },
    /// The schema could not be brought up to date.
    #[error("the database schema could not be brought up to date: {0}")]
    Migration(#[source] Box<refinery::Error>),
    /// The schema is another one than this version wants, and the role may not change it; the text says what to do.
    #[error("{0}")]
    SchemaDiffers(String),
    /// What was asked for makes no sense; the text says what to do.
    #[error("{0}")]
    Refused(String),
    /// There is no such thing; the text says what to do.
    #[error("{0}")]
    NotFound(String),
    /// It is there already, or another change stands in the way; the text says what to do.
    #[error("{0}")]
    Conflict(String),
    /// Whoever asks may not do this, or not any more; the text says why.
    #[error("{0}")]
    Forbidden(String),
    /// An amount does not fit the books.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// What is stored contradicts itself, or was sealed with another master key.
    #[error("{0}")]
    Corrupt(String),
}

impl StoreError {
    /// A business refusal with a text that says what to do.
    pub fn refused(text: impl Into<String>) -> Self {
        Self::Refused(text.into())
    }

    /// A refusal because there is no such thing.
    pub fn not_found(text: impl Into<String>) -> Self {
        Self::NotFound(text.into())
    }

    /// A refusal because of what is there already.
    pub fn conflict(text: impl Into<String>) -> Self {
        Self::Conflict(text.into())
    }

    /// A refusal because of who asks.
    pub fn forbidden(text: impl Into<String>) -> Self {
        Self::Forbidden(text.into())
    }

    /// What may be done about it.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Postgres(error) => classify(error),
            Self::Connect(_) | Self::Timeout { .. } | Self::Lost { .. } => ErrorClass::Retry,
            Self::Refused(_)
            | Self::NotFound(_)
            | Self::Conflict(_)
            | Self::Forbidden(_)
            | Self::Money(_) => ErrorClass::Refused,
            Self::Config(_) | Self::Migration(_) | Self::SchemaDiffers(_) | Self::Corrupt(_) => {
                ErrorClass::Fatal
            }
        }
    }

    /// The SQLSTATE, where the server gave one.
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            Self::Postgres(error) => error.code().map(SqlState::code),
            Self::Connect(error) => match error.as_ref() {
                PoolError::Backend(error) => error.code().map(SqlState::code),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether it is the connection that is of no use any more, and with it perhaps every other to the same server: it broke, or
    /// nothing came back, or the server is shutting down, or takes no writes because it is a standby.
    pub(crate) fn is_loss(&self) -> bool {
        match self {
            Self::Timeout { .. } | Self::Lost { .. } => true,
            Self::Postgres(error) => match error.as_db_error() {
                Some(db) => {
                    let ends_session =
                        matches!(db.parsed_severity(), Some(Severity::Fatal | Severity::Panic));
                    ends_session || is_of_another_server(db.code().code())
                }
                None => !is_unencodable(error),
            },
            _ => false,
        }
    }

    /// Whether the same transaction may simply be run again at once: a deadlock or a serialization failure.
    pub(crate) fn is_conflict(&self) -> bool {
        self.sqlstate().is_some_and(|code| code.starts_with("40"))
    }
}

/// Connection failures, shutdown and start-up, and a server that may only be read: it is, or has become, a standby.
fn is_of_another_server(code: &str) -> bool {
    code.starts_with("08") || code.starts_with("57P0") || code == SqlState::READ_ONLY_SQL_TRANSACTION.code()
}

fn classify(error: &tokio_postgres::Error) -> ErrorClass {
    let Some(db) = error.as_db_error() else {
        return if is_unencodable(error) { ErrorClass::Poison } else { ErrorClass::Retry };
    };
    match db.code().code() {
        code if code.starts_with("22") => ErrorClass::Poison,
        code if code == SqlState::UNIQUE_VIOLATION.code() => ErrorClass::Duplicate,
        // The bounds of a partition, which have no name: while the row was on its way to the default partition, its day got one of
        // its own.
        code if code == SqlState::CHECK_VIOLATION.code() && db.constraint().is_none() => ErrorClass::Retry,
        code if code == SqlState::CHECK_VIOLATION.code() || code == SqlState::NOT_NULL_VIOLATION.code() => {
            if is_about_a_record(db) {
                ErrorClass::Poison
            } else {
                ErrorClass::Refused
            }
        }
        APPEND_ONLY => ErrorClass::Refused,
        _ => ErrorClass::Retry,
    }
}

/// A value that our own side could not bring into PostgreSQL's format. The driver keeps the kind of its
/// errors to itself and tells them apart by text only.
fn is_unencodable(error: &tokio_postgres::Error) -> bool {
    error.to_string().starts_with("error serializing parameter")
}

/// The constraint belongs to one of the record tables, or to a partition of one.
fn is_about_a_record(db: &DbError) -> bool {
    db.table().is_some_and(|table| RECORD_TABLES.iter().any(|name| table.starts_with(name)))
}

fn describe_pool(error: &PoolError) -> String {
    match error {
        PoolError::Backend(error) => describe(error),
        PoolError::Timeout(TimeoutType::Wait) => {
            format!("no connection to the database became free within {POOL_WAIT_TIMEOUT:?}")
        }
        PoolError::Timeout(_) => {
            format!("the database cannot be reached: it gave no connection within {CONNECT_TIMEOUT:?}")
        }
        other => format!("no connection to the database: {other}"),
    }
}

/// What the driver calls a connection that could not be made, or was lost; it keeps the kind of its errors to itself.
const UNREACHABLE: [&str; 4] =
    ["error connecting", "error communicating", "connection closed", "timeout waiting for server"];

/// What is wrong in an operator's words, for what an operator can put right.
fn diagnosis(code: &str) -> &'static str {
    match code {
        "25006" => "the database takes no writes: it is a standby, or was made read-only",
        "53100" => "the disk of the database is full",
        "53200" => "the database is out of memory",
        "53300" => "the database takes no more connections",
        "57P01" => "the database is shutting down, or ended our session",
        "57P02" => "the database crashed and is recovering",
        "57P03" => "the database is starting, stopping or recovering",
        code if code.starts_with("28") => "the database refused the log-in",
        _ => "the database refused",
    }
}

/// The server's own words without its `detail`, which quotes the row; or why there are none.
fn describe(error: &tokio_postgres::Error) -> String {
    if let Some(db) = error.as_db_error() {
        let code = db.code().code();
        return format!("{}: {} (SQLSTATE {code})", diagnosis(code), db.message());
    }
    let text = error.to_string();
    let is_unreachable = UNREACHABLE.iter().any(|start| text.starts_with(start));
    let what = if is_unreachable { "cannot be reached" } else { "could not be used" };
    // The address itself is not said: a URL holds a password.
    let advice = if is_unreachable { "; is PostgreSQL up where `database.url` says?" } else { "" };
    match error.source() {
        Some(source) => format!("the database {what}: {text}: {source}{advice}"),
        None => format!("the database {what}: {text}{advice}"),
    }
}
