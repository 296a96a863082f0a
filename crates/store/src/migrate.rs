//! Brings the schema up to date.

use crate::connect::Limits;
use crate::liveness::Session;
use crate::{Store, StoreError};

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// Held for the whole session of a migration, so that gateways that start together migrate one after the other.
const MIGRATION_LOCK: i64 = 0x746f_6c6c_0000_0001;

impl Store {
    /// Applies what is missing of the schema; a no-op where nothing is. Safe to run from many processes at once.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut client = self.connector.open(Limits::None, |_| ()).await?;
        let session = Session::from_row(&client.query_one(Session::QUERY, &[]).await?)?;
        let migrating = async {
            client.execute("select pg_advisory_lock($1)", &[&MIGRATION_LOCK]).await?;
            let migrated = embedded::migrations::runner().run_async(&mut client).await;
            migrated.map_err(|error| StoreError::Migration(Box::new(error)))
        };
        // However long it takes, but not for a server that is not there any more.
        let report = tokio::select! {
            biased;
            migrated = migrating => migrated?,
            lost = self.until_pointless("migrate", &session) => return Err(lost),
        };
        for migration in report.applied_migrations() {
            tracing::info!(%migration, "applied a migration");
        }
        Ok(())
    }
}
