//! What a command works with: the database, the clock, and the master key where it is needed.

use std::path::Path;

use anyhow::{Context, bail};
use tollgate_domain::{Clock, MasterKey};
use tollgate_metering::{
    RecordKeys,
    unrated::{self, Rating},
};
use tollgate_store::{Store, StoreConfig, installation};

use crate::{
    SystemClock,
    config::Config,
    database::{Database, Purpose},
    master_key,
};

/// A command runs a few transactions, one after the other; an audit one more for each core. They are opened as they are needed.
const CONNECTIONS: usize = 9;

/// A command's access to the books.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) store: Store,
    pub(crate) clock: SystemClock,
    config: Config,
    database: Database,
}

impl Session {
    /// Finds the database, or starts it for the duration of the command.
    pub(crate) async fn open(config: Config, purpose: Purpose) -> anyhow::Result<Self> {
        let database = Database::for_command(&config, purpose).await?;
        match connect(&database).await {
            Ok(store) => Ok(Self { store, clock: SystemClock, config, database }),
            Err(error) => {
                database.stop().await?;
                Err(error)
            }
        }
    }

    /// What the command was configured with.
    pub(crate) const fn config(&self) -> &Config {
        &self.config
    }

    /// The master key, which must be the database's own.
    pub(crate) async fn master_key(&self) -> anyhow::Result<MasterKey> {
        load_master_key(&self.config.master_key_path(), &self.store).await
    }

    /// Rates what had no price until now, and tells the gateways where that moved balances.
    pub(crate) async fn rate_unrated(&self) -> anyhow::Result<Rating> {
        let keys = self.record_keys().await?;
        Ok(unrated::rate_and_notify(&self.store, &keys, self.clock.now().as_microsecond()).await?)
    }

    /// The keys under which records are digested.
    pub(crate) async fn record_keys(&self) -> anyhow::Result<RecordKeys> {
        Ok(RecordKeys::derive(&self.master_key().await?))
    }

    /// Stops the database if this command started it.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        let Self { store, database, .. } = self;
        drop(store);
        database.stop().await
    }
}

async fn connect(database: &Database) -> anyhow::Result<Store> {
    let store = Store::connect(&StoreConfig {
        max_connections: CONNECTIONS,
        application_name: "tollgate command".to_owned(),
        ..StoreConfig::for_reports(database.url.clone())
    })?;
    if !database.is_kept_by_another {
        store.migrate().await?;
    }
    Ok(store)
}

/// Reads the master key, or makes it for a database that has none yet, and proves that it is the database's own.
pub(crate) async fn load_master_key(path: &Path, store: &Store) -> anyhow::Result<MasterKey> {
    let in_force =
        store.tx("read_master_key_check", async |tx| installation::master_key_check(&tx).await).await?;
    let key = match (master_key::read(path)?, &in_force) {
        (Some(key), _) => key,
        (None, None) => master_key::make(path)?,
        (None, Some(_)) => bail!(
            "there is no master key in {}, and the database was set up with one. Copy it there from the gateway that set \
             it up, or from the backup",
            path.display()
        ),
    };
    let check = key.derive("tollgate master key check v1");
    let in_force = match in_force {
        Some(in_force) => in_force,
        None => store
            .tx("enter_master_key_check", async |tx| installation::enter_master_key_check(&tx, &check).await)
            .await
            .context("the master key could not be entered")?,
    };
    if in_force != check {
        bail!(
            "the master key in {} is not the one that the database was set up with. Copy that one there, from the gateway \
             that set it up or from the backup",
            path.display()
        );
    }
    Ok(key)
}
