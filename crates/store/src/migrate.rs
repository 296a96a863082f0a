//! Brings the schema up to date.

use crate::{Store, StoreError};

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// Held for the whole session of a migration, so that gateways that start together migrate one after the other.
const MIGRATION_LOCK: i64 = 0x746f_6c6c_0000_0001;

impl Store {
    /// Applies what is missing of the schema; a no-op where nothing is. Safe to run from many processes at once.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut client = self.connector.open_with(|_| ()).await?;
        client.execute("select pg_advisory_lock($1)", &[&MIGRATION_LOCK]).await?;
        let report = embedded::migrations::runner()
            .run_async(&mut client)
            .await
            .map_err(|error| StoreError::Migration(Box::new(error)))?;
        for migration in report.applied_migrations() {
            tracing::info!(%migration, "applied a migration");
        }
        Ok(())
    }
}
