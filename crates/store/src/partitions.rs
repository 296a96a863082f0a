//! Daily partitions of `usage_records` and `usage_details`, made ahead. What no partition takes goes to the default one.

use crate::utc::UtcDay;
use crate::{Store, StoreError, Tx};

/// Making a partition waits this long for its lock. Longer would let flushes queue up behind it, behind whoever holds
/// the table (an audit, a backup); it is tried again later, and until then the default partition serves.
const LOCK_TIMEOUT: &str = "2s";
/// What PostgreSQL says when the default partition holds rows of the new one.
const CHECK_VIOLATION: &str = "23514";
/// What it says when the lock was not to be had in [`LOCK_TIMEOUT`].
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// Days that got no partition of their own; their records go to the default one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Missing {
    /// The default partition holds records of these days already, so they stay there.
    pub occupied: Vec<UtcDay>,
    /// From this day on none was made, because somebody held the table for too long (an audit, a backup): worth another try.
    pub locked: Option<UtcDay>,
}

/// Makes the partitions of `from` and the `ahead` days after it, where they are missing.
pub async fn ensure(store: &Store, from: UtcDay, ahead: i32) -> Result<Missing, StoreError> {
    let mut missing = Missing::default();
    for day in (0..=ahead).map(|days| from.plus(days)).filter(|day| has_bounds(*day)) {
        // A transaction for each day and table: the locks are held for a moment only.
        for table in ["usage_records", "usage_details"] {
            match store.tx("make_partition", async |tx| make(&tx, table, day).await).await {
                Ok(()) => {}
                Err(error) => match error.sqlstate() {
                    Some(CHECK_VIOLATION) => missing.occupied.push(day),
                    Some(LOCK_NOT_AVAILABLE) => {
                        // The next table would wait as long for the same reason.
                        missing.locked = Some(day);
                        return Ok(missing);
                    }
                    _ => return Err(error),
                },
            }
        }
    }
    missing.occupied.dedup();
    Ok(missing)
}

/// Whether a partition can be named after the day and end with the next one. What a clock shows that is off by millennia goes to the
/// default partition, and must hold up nothing.
fn has_bounds(day: UtcDay) -> bool {
    day.date().year() > 0 && day.plus(1).date() > day.date()
}

/// The work is a function of the database, because only the owner of a table may attach to it, and a server need not be the owner.
async fn make(tx: &Tx, table: &str, day: UtcDay) -> Result<(), StoreError> {
    tx.batch_execute(&format!("set local lock_timeout = '{LOCK_TIMEOUT}'")).await?;
    tx.execute("select make_usage_partition($1, $2)", &[&table, &day]).await?;
    Ok(())
}
