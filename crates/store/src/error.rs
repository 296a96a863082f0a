//! Why the database, or we, said no; and what a caller may do about it.
//!
//! Every failure has a class. The rule for SQLSTATEs: only what is provably the data's own fault is
//! [`ErrorClass::Poison`]; everything unknown is worth another try, because giving up loses money.

use std::error::Error as _;
use std::time::Duration;

use deadpool_postgres::{PoolError, TimeoutType};
use tokio_postgres::error::{DbError, SqlState};
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
    #[error("transaction `{name}` had not finished after {after:?} and was given up")]
    Timeout {
        /// Name of the transaction.
        name: &'static str,
        /// The bound that it ran into.
        after: Duration,
    },
    /// The schema could not be brought up to date.
    #[error("the database schema could not be brought up to date: {0}")]
    Migration(#[source] Box<refinery::Error>),
    /// What was asked for makes no sense; the text says what to do.
    #[error("{0}")]
    Refused(String),
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

    /// What may be done about it.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Postgres(error) => classify(error),
            Self::Connect(_) | Self::Timeout { .. } => ErrorClass::Retry,
            Self::Refused(_) | Self::Money(_) => ErrorClass::Refused,
            Self::Config(_) | Self::Migration(_) | Self::Corrupt(_) => ErrorClass::Fatal,
        }
    }

    /// The SQLSTATE, where the server gave one.
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            Self::Postgres(error) => error.code().map(SqlState::code),
            _ => None,
        }
    }

    /// Whether the same transaction may simply be run again at once: a deadlock or a serialization failure.
    pub(crate) fn is_conflict(&self) -> bool {
        self.sqlstate().is_some_and(|code| code.starts_with("40"))
    }
}

fn classify(error: &tokio_postgres::Error) -> ErrorClass {
    let Some(db) = error.as_db_error() else {
        return if is_unencodable(error) { ErrorClass::Poison } else { ErrorClass::Retry };
    };
    match db.code().code() {
        code if code.starts_with("22") => ErrorClass::Poison,
        code if code == SqlState::UNIQUE_VIOLATION.code() => ErrorClass::Duplicate,
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
            format!("the database cannot be reached: it did not answer within {CONNECT_TIMEOUT:?}")
        }
        other => format!("no connection to the database: {other}"),
    }
}

/// What the driver calls a connection that could not be made, or was lost; it keeps the kind of its errors to itself.
const UNREACHABLE: [&str; 4] =
    ["error connecting", "error communicating", "connection closed", "timeout waiting for server"];

/// The server's own words without its `detail`, which quotes the row; or why there are none.
fn describe(error: &tokio_postgres::Error) -> String {
    if let Some(db) = error.as_db_error() {
        return format!("the database refused: {} (SQLSTATE {})", db.message(), db.code().code());
    }
    let text = error.to_string();
    let is_unreachable = UNREACHABLE.iter().any(|start| text.starts_with(start));
    let what = if is_unreachable { "cannot be reached" } else { "could not be used" };
    match error.source() {
        Some(source) => format!("the database {what}: {text}: {source}"),
        None => format!("the database {what}: {text}"),
    }
}
