//! Which database a process uses, and how it gets one.
//!
//! A server uses the configured one, or runs a private PostgreSQL in its data directory. A command uses the configured one, or the one of
//! the server that runs in the data directory, or runs the private one itself for as long as it takes.

use std::time::Duration;

use anyhow::{Context, bail};
use secrecy::SecretString;
use tokio::time::Instant;
use tollgate_embedded_postgres::{EmbeddedPostgres, Error as PostgresError, Options};

use crate::{config::Config, data_dir::DataDir};

/// How long to wait for others in the data directory: a server that starts (its database may have to recover), a command that ends.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long one attempt waits for the private database; between attempts we look whether a server has come up.
const ATTEMPT: Duration = Duration::from_millis(500);
const POLL: Duration = Duration::from_millis(50);

/// What a command wants of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// What an administrator may do.
    Manage,
    /// To bring the schema up to date, which is its owner's to do.
    Migrate,
}

/// A database to work with.
#[derive(Debug)]
pub(crate) struct Database {
    /// Where it is: of a server as the one that writes the books, of a command as the one that may do what it asks.
    pub(crate) url: SecretString,
    /// As the gateway, where it has a login of its own.
    pub(crate) gateway_url: Option<SecretString>,
    /// As the management API, where it has a login of its own.
    pub(crate) admin_url: Option<SecretString>,
    /// Whether another process, which runs now, keeps its schema.
    pub(crate) is_kept_by_another: bool,
    private: Option<EmbeddedPostgres>,
}

impl Database {
    /// The database of a server.
    pub(crate) async fn for_serving(config: &Config, data_dir: &DataDir) -> anyhow::Result<Self> {
        if let Some(url) = config.database.server_url() {
            let urls = &config.database;
            return Ok(Self {
                gateway_url: urls.gateway_url().cloned(),
                admin_url: urls.admin_url().cloned(),
                ..Self::elsewhere(urls.batcher_url().unwrap_or(url).clone(), false)
            });
        }
        let mut options = Options::new(data_dir.postgres());
        options.lock_patience = PATIENCE;
        Self::private(options).await
    }

    /// The database of a command. The data directory is made only where it is needed.
    pub(crate) async fn for_command(config: &Config, purpose: Purpose) -> anyhow::Result<Self> {
        if let Some(url) = config.database.server_url() {
            let own = match purpose {
                Purpose::Manage => config.database.admin_url(),
                Purpose::Migrate => None,
            };
            return Ok(Self::elsewhere(own.unwrap_or(url).clone(), false));
        }
        let data_dir = DataDir::prepare(&config.data_dir)?;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(url) = data_dir.database_of_running() {
                return Ok(Self::elsewhere(url, true));
            }
            if data_dir.is_served() {
                tokio::time::sleep(POLL).await;
                continue;
            }
            let mut options = Options::new(data_dir.postgres());
            options.lock_patience = ATTEMPT;
            match EmbeddedPostgres::start(options).await {
                Ok(server) => return Ok(Self::of(server)),
                // Another command, or a server that has just started: look again.
                Err(PostgresError::InUse { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        bail!(
            "the database in {} stayed busy for {} s: a server is starting or another command is running there",
            data_dir.path().display(),
            PATIENCE.as_secs()
        );
    }

    /// Stops the database if it is ours.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        match self.private {
            Some(server) => server.stop().await.context("the private PostgreSQL did not stop cleanly"),
            None => Ok(()),
        }
    }

    async fn private(options: Options) -> anyhow::Result<Self> {
        Ok(Self::of(EmbeddedPostgres::start(options).await?))
    }

    fn of(server: EmbeddedPostgres) -> Self {
        let url = SecretString::from(server.connection_string());
        Self { private: Some(server), ..Self::elsewhere(url, false) }
    }

    fn elsewhere(url: SecretString, is_kept_by_another: bool) -> Self {
        Self { url, gateway_url: None, admin_url: None, is_kept_by_another, private: None }
    }
}
