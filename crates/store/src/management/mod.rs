//! What the management API asks of the database beside what commands ask: pages with a stable order, rows of one user alone where the
//! caller may see no others, roles of platform keys, and writes that count once under a key of the client's choosing.
//!
//! Every list takes the place behind which it begins and returns one row more than was asked for where there are more
//! ([`Page::of`] takes that row off again). Whose rows may be seen is an argument of each function, never a filter that a caller adds.

pub mod accounts;
pub mod changes;
pub mod idempotency;
pub mod keys;
pub mod ledger;
pub mod receipts;
pub mod spending;
pub mod unrated;
pub mod usage;

/// Most rows of one page.
pub const MAX_PAGE: u32 = 500;

/// A page, and whether there are more rows behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// There are more.
    pub has_more: bool,
}

impl<T> Page<T> {
    /// From one row more than `limit` where there are more.
    fn of(mut rows: Vec<T>, limit: u32) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        Self { rows, has_more }
    }
}

/// How many rows to read for a page of `limit`: one more tells whether there are more.
fn rows_for(limit: u32) -> i64 {
    i64::from(limit.clamp(1, MAX_PAGE)) + 1
}
