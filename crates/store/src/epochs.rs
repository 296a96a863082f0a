//! The two epochs that tell whether a cached catalog is still the one in force.

use deadpool_postgres::ClientWrapper;
use futures_util::future::try_join;

use crate::pricing::PRICING_LOCK;
use crate::utc::UtcMicros;
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

/// What a flush must know of the database before it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ground {
    /// The epochs, which stand still until the transaction ends.
    pub epochs: Epochs,
    /// Whether any record is in quarantine: then each that comes may be one of them.
    pub has_quarantine: bool,
    /// Who adds to an hour before this one has to ask whether it is closed ([`crate::closed_hours`]).
    pub closing_until: Option<UtcMicros>,
}

impl Ground {
    /// The same, of this server.
    pub(crate) fn on(self, server: ServerRun) -> Self {
        Self { epochs: Epochs { server, ..self.epochs }, ..self }
    }
}

/// Takes the shared pricing lock, which is held to the end of the transaction (until then no price changes), and reads the epochs. In
/// a transaction that was begun so ([`crate::Store::tx_on_ground`]) that is done already.
pub async fn read_shared(tx: &Tx) -> Result<Ground, StoreError> {
    match tx.ground() {
        Some(ground) => Ok(ground),
        None => Ok(look(tx).await?.on(tx.server())),
    }
}

/// Takes the lock and reads, without knowing yet of which server.
pub(crate) async fn look(connection: &ClientWrapper) -> Result<Ground, StoreError> {
    // Two statements, sent together: the second takes its snapshot when the first has the lock. In one
    // statement the snapshot would be older than the lock, and the epoch might be the one before.
    let lock = connection.prepare_cached("select pg_advisory_xact_lock_shared($1)").await?;
    let read = connection
        .prepare_cached(
            "select pricing_epoch, config_epoch, exists (select from quarantine), (select closing_until from usage_closing)
             from config_epochs",
        )
        .await?;
    let (_, row) =
        try_join(connection.execute(&lock, &[&PRICING_LOCK]), connection.query_one(&read, &[])).await?;
    let epochs = Epochs { pricing: row.try_get(0)?, config: row.try_get(1)?, server: ServerRun::default() };
    Ok(Ground { epochs, has_quarantine: row.try_get(2)?, closing_until: row.try_get(3)? })
}
