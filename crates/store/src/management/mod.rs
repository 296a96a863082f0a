//! What the management API asks of the database beside what commands ask: pages with a stable order, rows of one user alone where the
//! caller may see no others, roles of platform keys, and writes that count once under a key of the client's choosing.
//!
//! Every list takes the place behind which it begins and returns one row more than was asked for where there are more
//! (`Page::of` takes that row off again). Whose rows may be seen is an argument of each function, never a filter that a caller adds.

use std::time::Duration;

use crate::{StoreError, Tx};

pub mod accounts;
mod cells;
pub mod changes;
pub mod idempotency;
pub mod identities;
pub mod keys;
mod largest;
pub mod ledger;
pub mod limits;
pub mod makers;
pub mod margin;
pub mod oidc_sign_ins;
pub mod passwords;
pub mod priced_usage;
pub mod receipts;
pub mod roles;
pub mod series;
pub mod sessions;
pub mod sign_in_attempts;
pub mod sign_in_codes;
pub mod spending;
pub mod standing;
pub mod unrated;
pub mod usage;

/// Most rows of one page.
pub const MAX_PAGE: u32 = 500;

/// The database ends a report after this long: sooner than other statements, because nobody's report is worth that much of it.
pub const REPORT_TIMEOUT: Duration = Duration::from_secs(20);
/// How often the database looks whether whoever asked for a report still waits for it.
pub const CLIENT_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// What each sort and each table of groups of a report may hold in memory: a month of some thousand keys. Beyond it goes to the disk.
const REPORT_MEMORY: &str = "32MB";

/// What a plan with parallel workers must save, in the planner's units: some hundred thousand rows. Beside other work, to begin them takes longer than
/// most reports, and they take a processor from that work.
const WORKERS_COST: u32 = 50_000;

/// Bounds what comes next in this transaction: it ends after [`REPORT_TIMEOUT`], and soon after its caller has gone, who takes the
/// connection along. Without that the query of a client that hung up would go on to its end. Nor is a report compiled: that takes longer
/// than reading what it reads. It is planned for what it asks, because days that are a parameter leave no partition out of a plan for any. A database on Windows cannot tell that
/// a connection is closed, and only does the first.
pub async fn bound_report(tx: &Tx) -> Result<(), StoreError> {
    bound(tx, REPORT_TIMEOUT).await
}

/// As [`bound_report`], for something that is worth less time.
pub async fn bound(tx: &Tx, timeout: Duration) -> Result<(), StoreError> {
    let sql = format!(
        "set local statement_timeout = {}; set local work_mem = '{REPORT_MEMORY}'; set local jit = off;
         set local parallel_setup_cost = {WORKERS_COST}; set local plan_cache_mode = force_custom_plan;
         select set_config('client_connection_check_interval', '{}', true) where version() ~* 'linux|darwin|bsd'",
        timeout.as_millis(),
        CLIENT_CHECK_INTERVAL.as_millis()
    );
    Ok(tx.batch_execute(&sql).await?)
}

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
    pub(crate) fn of(mut rows: Vec<T>, limit: u32) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        Self { rows, has_more }
    }
}

/// How many rows to read for a page of `limit`: one more tells whether there are more.
pub(crate) fn rows_for(limit: u32) -> i64 {
    i64::from(limit.clamp(1, MAX_PAGE)) + 1
}
