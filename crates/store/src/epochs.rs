//! The two epochs that tell whether a cached catalog is still the one in force.

use crate::pricing::PRICING_LOCK;
use crate::{ServerRun, StoreError, Tx};

/// Versions of everything that records are enriched from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Epochs {
    /// Moves with every change of a price.
    pub pricing: i32,
    /// Moves with every change of any configuration.
    pub config: i64,
    /// Where they were read. After a failover that lost commits the same numbers may mean other contents.
    pub server: ServerRun,
}

const READ: &str = "select pricing_epoch, config_epoch from config_epochs";

/// The epochs as this statement sees them.
pub async fn read(tx: &Tx) -> Result<Epochs, StoreError> {
    let statement = tx.prepare_cached(READ).await?;
    let row = tx.query_one(&statement, &[]).await?;
    Ok(Epochs { pricing: row.try_get(0)?, config: row.try_get(1)?, server: tx.server() })
}

/// The epochs under the shared pricing lock, which is held to the end of the transaction: until then no price changes.
pub async fn read_shared(tx: &Tx) -> Result<Epochs, StoreError> {
    // Two statements, sent together: the second takes its snapshot when the first has the lock. In one
    // statement the snapshot would be older than the lock, and the epoch might be the one before.
    let lock = tx.prepare_cached("select pg_advisory_xact_lock_shared($1)").await?;
    let (_, epochs) =
        futures_util::future::try_join(async { Ok(tx.execute(&lock, &[&PRICING_LOCK]).await?) }, read(tx))
            .await?;
    Ok(epochs)
}
