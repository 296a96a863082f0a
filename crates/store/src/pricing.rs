//! The order between changes of prices and the flushes that charge by them; the side of the changes.
//!
//! A flush reads the pricing epoch under the shared lock ([`crate::epochs::read_shared`]), a change moves it under the exclusive one; both are held to the end of
//! their transaction. So a flush that finds the epoch of its catalog knows that no committed change has replaced its prices.

use crate::{StoreError, Tx};

/// The advisory lock (transaction-scoped) between changes of prices and flushes.
pub const PRICING_LOCK: i64 = 0x746f_6c6c_0000_0002;

/// Takes the lock exclusively, waiting for the flushes under way. The clock that opens a tariff is read after this.
pub(crate) async fn lock_exclusive(tx: &Tx) -> Result<(), StoreError> {
    tx.execute("select pg_advisory_xact_lock($1)", &[&PRICING_LOCK]).await?;
    Ok(())
}

/// Moves the pricing epoch and returns the new one. Needs the exclusive lock.
pub(crate) async fn next_epoch(tx: &Tx) -> Result<i32, StoreError> {
    let row = tx
        .query_one("update config_epochs set pricing_epoch = pricing_epoch + 1 returning pricing_epoch", &[])
        .await?;
    Ok(row.try_get(0)?)
}

/// The pricing epoch as it is.
pub(crate) async fn current_epoch(tx: &Tx) -> Result<i32, StoreError> {
    Ok(tx.query_one("select pricing_epoch from config_epochs", &[]).await?.try_get(0)?)
}
