//! Several gateways on one PostgreSQL, as operators run them: one master key, one database, a data directory each.

use std::{path::Path, time::Duration};

use anyhow::Context;
use tollgate_embedded_postgres as postgres;
use tollgate_testkit::ScriptedUpstream;

use super::{
    cast::{self, Customer},
    tollgate::{self, Tollgate},
};

/// The gateways, their database, and the upstream that all of them send to.
pub(crate) struct Several {
    // Before the database, which they write to until they have stopped.
    pub(crate) gateways: Vec<Tollgate>,
    pub(crate) upstream: ScriptedUpstream,
    /// `None` while it is away.
    database: Option<postgres::EmbeddedPostgres>,
    options: postgres::Options,
    /// The secrets of the customers' keys, in their order.
    pub(crate) keys: Vec<String>,
    _directory: tempfile::TempDir,
}

impl Several {
    /// Starts them all, and makes models with their prices, and customers. `settings` are by the names of the environment.
    pub(crate) async fn set(
        binary: &Path,
        gateways: usize,
        settings: &[(&str, &str)],
        customers: &[Customer],
    ) -> anyhow::Result<Self> {
        let directory = tollgate::stage_directory()?;
        let options = postgres::Options::new(directory.path().join("postgres"));
        let database = postgres::EmbeddedPostgres::start(options.clone()).await?;
        let upstream = ScriptedUpstream::start().await;
        let url = database.connection_string().to_owned();
        // Gateways of one database have one master key.
        let key = directory.path().join("master.key").to_string_lossy().into_owned();
        let mut all = vec![("TOLLGATE_DATABASE__URL", url.as_str()), ("TOLLGATE_MASTER_KEY_FILE", &key)];
        all.extend_from_slice(settings);
        let mut started = Vec::new();
        for _ in 0..gateways {
            started.push(Tollgate::serve(binary.to_owned(), &all).await?);
        }
        let first = started.first().context("there is a gateway")?;
        let keys = cast::create(first, &upstream.base_url(), customers)?;
        let database = Some(database);
        Ok(Self { gateways: started, upstream, database, options, keys, _directory: directory })
    }

    /// Any one of them, for the command line.
    pub(crate) fn first(&self) -> anyhow::Result<&Tollgate> {
        self.gateways.first().context("there is a gateway")
    }

    /// Takes the database away for so long.
    pub(crate) async fn without_database(&mut self, time: Duration) -> anyhow::Result<()> {
        self.database.take().context("PostgreSQL runs")?.stop().await?;
        tokio::time::sleep(time).await;
        self.database = Some(postgres::EmbeddedPostgres::start(self.options.clone()).await?);
        Ok(())
    }

    /// Stops all of them in order.
    pub(crate) async fn end(self) -> anyhow::Result<()> {
        for gateway in self.gateways {
            gateway.stop().await?;
        }
        self.database.context("PostgreSQL runs")?.stop().await?;
        Ok(())
    }
}
