//! The pools of a server: one for the books, one for the gateway, one for the management API.
//!
//! Each may have a login of its own, with the rights of its work alone (`deploy/postgresql/roles.sql`). The gateway's is the one whose other side
//! is the internet: with `database.gateway_url` nothing that goes wrong there can write what was used, or what somebody owes.

use std::time::Duration;

use anyhow::{Context, ensure};
use prometheus_client::registry::Registry;
use secrecy::SecretString;
use tokio::time::Instant;
use tollgate_store::{ErrorClass, Store, StoreConfig};

use crate::{config::Config, database::Database};

/// A server that starts beside its database waits this long for it, and then says so and ends: whoever runs it tries again.
const DATABASE_PATIENCE: Duration = Duration::from_mins(1);
const DATABASE_RETRY: Duration = Duration::from_millis(500);
/// How often it says that it still waits.
const DATABASE_SAID_EVERY: Duration = Duration::from_secs(10);

/// Connections of a gateway with a login of its own: for what changed, what was spent and the leases, with one to spare.
const GATEWAY_CONNECTIONS: usize = 4;
/// Connections for managing and reporting, apart from those that requests are charged by.
const ADMIN_CONNECTIONS: usize = 4;

/// Connects, waits for a database that is not there yet, and brings its schema up to date.
pub(super) async fn of_books(
    config: &Config,
    database: &Database,
    registry: &mut Registry,
) -> anyhow::Result<Store> {
    let store = Store::connect(&StoreConfig {
        max_connections: usize::try_from(config.database.max_connections)?,
        ..StoreConfig::new(database.url.clone())
    })?;
    store.register_metrics(registry);
    let deadline = Instant::now() + DATABASE_PATIENCE;
    let mut say_at = Instant::now();
    loop {
        match store.migrate().await {
            Ok(()) => return Ok(store),
            Err(error) if error.class() == ErrorClass::Retry && Instant::now() < deadline => {
                if Instant::now() >= say_at {
                    say_at = Instant::now() + DATABASE_SAID_EVERY;
                    tracing::warn!(%error, "waiting for the database, for {DATABASE_PATIENCE:?} at most");
                }
                tokio::time::sleep(DATABASE_RETRY).await;
            }
            Err(error) => return Err(error).context("the database cannot be used"),
        }
    }
}

/// The gateway's: its own where it has a login of its own, else the one of the books.
pub(super) async fn of_gateway(database: &Database, books: &Store) -> anyhow::Result<Store> {
    let Some(url) = &database.gateway_url else { return Ok(books.clone()) };
    let config = StoreConfig {
        max_connections: GATEWAY_CONNECTIONS,
        application_name: "tollgate gateway".to_owned(),
        ..StoreConfig::new(url.clone())
    };
    beside(books, &config, "gateway_url").await
}

/// The management API's, which is always one of its own: no report takes a connection from those that requests are charged by.
pub(super) async fn of_admin(database: &Database, books: &Store) -> anyhow::Result<Store> {
    let config = |url: &SecretString| StoreConfig {
        max_connections: ADMIN_CONNECTIONS,
        application_name: "tollgate admin".to_owned(),
        ..StoreConfig::for_reports(url.clone())
    };
    match &database.admin_url {
        Some(url) => beside(books, &config(url), "admin_url").await,
        None => Ok(Store::connect(&config(&database.url))?),
    }
}

/// A pool of another login, which must be one of the same database: what a gateway reads and what the batcher writes are one circle.
async fn beside(books: &Store, config: &StoreConfig, name: &str) -> anyhow::Result<Store> {
    let store = books.connect_beside(config)?;
    let is_same = books.is_same_database(&store).await;
    let is_same = is_same.with_context(|| format!("the database cannot be used by database.{name}"))?;
    ensure!(is_same, "database.{name} leads to another database than the one that the books are written to");
    Ok(store)
}
