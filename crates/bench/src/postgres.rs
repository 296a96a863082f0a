//! The private PostgreSQL of a run: as `tollgate serve` starts it, durable and with its own settings.

use std::os::unix::fs::PermissionsExt;

use anyhow::Context;
use tollgate_embedded_postgres::{EmbeddedPostgres, Options, fetch};
use tollgate_testkit::gauge::Gauge;

/// A running server, and a directory for all files of the run. Both end with [`Server::stop`].
#[derive(Debug)]
pub(crate) struct Server {
    postgres: EmbeddedPostgres,
    directory: tempfile::TempDir,
}

impl Server {
    /// Starts one in a directory of its own.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        fetch::fetch_if_missing().await?;
        let directory = tempfile::Builder::new()
            .prefix("tollgate-bench-")
            // As root, PostgreSQL runs as another user, who passes through.
            .permissions(std::fs::Permissions::from_mode(0o711))
            .tempdir()?;
        let postgres = EmbeddedPostgres::start(Options::new(directory.path().join("pg"))).await?;
        Ok(Self { postgres, directory })
    }

    /// The pid of its main process.
    pub(crate) fn pid(&self) -> anyhow::Result<i32> {
        self.postgres.pid().context("PostgreSQL has no pid")
    }

    /// Where one of its databases is.
    pub(crate) fn url(&self, database: &str) -> String {
        self.postgres.connection_string().replacen("/tollgate?", &format!("/{database}?"), 1)
    }

    /// A connection to one of its databases.
    pub(crate) async fn gauge(&self, database: &str) -> Gauge {
        Gauge::connect(&self.url(database)).await
    }

    /// Where files of the run go.
    pub(crate) fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// Stops it and removes everything.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.postgres.stop().await?;
        Ok(self.directory.close()?)
    }
}
