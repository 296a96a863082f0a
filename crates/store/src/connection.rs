//! Connections: where the database is, how long we wait for it, and the pool.
//!
//! Connecting is lazy: a gateway starts, and serves what it knows, while its database is away.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use prometheus_client::registry::Registry;
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::{AsyncMessage, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::StoreError;
use crate::tx::TxMetrics;
use crate::{notify, tls};

/// How long opening one connection may take: a database that is up answers in milliseconds, even across a continent.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller waits for a free connection before it is told that there is none.
pub const POOL_WAIT_TIMEOUT: Duration = Duration::from_secs(10);
/// The server ends a statement after this long. The largest flush takes well under a second.
pub const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);
/// The server ends a session that sits inside a transaction without a word: its locks stop the others.
pub const IDLE_IN_TRANSACTION_TIMEOUT: Duration = Duration::from_mins(1);
/// How long the kernel lets sent bytes go unacknowledged before the connection counts as dead.
pub const TCP_USER_TIMEOUT: Duration = Duration::from_secs(30);
/// When an idle connection is probed: before the usual five-minute limit of firewalls.
pub const KEEPALIVE_IDLE: Duration = Duration::from_mins(1);
/// How long a probe may go unanswered before the next one.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// Unanswered probes after which a connection counts as dead.
pub const KEEPALIVE_RETRIES: u32 = 3;
/// Connections in the pool where nothing else is said: flushers, refresher and commands, with room.
pub const DEFAULT_MAX_CONNECTIONS: usize = 8;

/// Where the database is.
#[derive(Clone)]
pub struct StoreConfig {
    /// `postgres://user:password@host/database?sslmode=require`, or `host=… user=…`. Secret: it may hold a password.
    pub url: SecretString,
    /// Most connections at a time, the listener's not counted.
    pub max_connections: usize,
    /// What `pg_stat_activity` calls us.
    pub application_name: String,
    /// When an ordinary transaction is given up; [`DEFAULT_TRANSACTION_TIMEOUT`](crate::DEFAULT_TRANSACTION_TIMEOUT) by default.
    pub transaction_timeout: Duration,
}

impl StoreConfig {
    /// The database at `url`, with the usual number of connections.
    pub fn new(url: impl Into<SecretString>) -> Self {
        Self {
            url: url.into(),
            max_connections: DEFAULT_MAX_CONNECTIONS,
            application_name: "tollgate".to_owned(),
            transaction_timeout: crate::DEFAULT_TRANSACTION_TIMEOUT,
        }
    }
}

impl fmt::Debug for StoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreConfig")
            .field("max_connections", &self.max_connections)
            .field("application_name", &self.application_name)
            .finish_non_exhaustive()
    }
}

/// The database. Cheap to clone; all clones share one pool.
#[derive(Clone)]
pub struct Store {
    pub(crate) pool: Pool,
    pub(crate) connector: Arc<Connector>,
    pub(crate) metrics: TxMetrics,
    pub(crate) transaction_timeout: Duration,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store(…)")
    }
}

impl Store {
    /// Checks the settings and makes a pool; opens no connection yet.
    pub fn connect(config: &StoreConfig) -> Result<Self, StoreError> {
        let connector = Connector::new(config)?;
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let bounded = connector.bounded();
        let manager = match &connector.tls {
            Some(tls) => Manager::from_config(bounded, tls.clone(), recycling),
            None => Manager::from_config(bounded, NoTls, recycling),
        };
        let pool = Pool::builder(manager)
            .max_size(config.max_connections.max(1))
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(POOL_WAIT_TIMEOUT))
            .create_timeout(Some(CONNECT_TIMEOUT))
            .recycle_timeout(Some(CONNECT_TIMEOUT))
            .build()
            .map_err(|error| StoreError::Config(error.to_string()))?;
        Ok(Self {
            pool,
            connector: Arc::new(connector),
            metrics: TxMetrics::default(),
            transaction_timeout: config.transaction_timeout,
        })
    }

    /// Answers when the database does.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.tx("ping", async |tx| Ok(tx.batch_execute("select 1").await?)).await
    }

    /// How many transactions may be open at a time.
    pub fn max_connections(&self) -> usize {
        self.pool.status().max_size
    }

    /// Makes the duration of transactions visible as `tollgate_store_transaction_duration_seconds{name,outcome}`.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.metrics.register(registry);
    }
}

/// How one connection is opened, pooled or not.
pub(crate) struct Connector {
    config: tokio_postgres::Config,
    tls: Option<MakeRustlsConnect>,
}

impl Connector {
    fn new(config: &StoreConfig) -> Result<Self, StoreError> {
        let (url, tls) = tls::from_url(config.url.expose_secret())?;
        // The parser's message names the faulty part and never quotes the password.
        let mut parsed: tokio_postgres::Config = url.parse().map_err(|error: tokio_postgres::Error| {
            StoreError::Config(format!(
                "database.url cannot be read ({}); write it like postgres://user:password@host:5432/database",
                std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string)
            ))
        })?;
        parsed
            .application_name(&config.application_name)
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_user_timeout(TCP_USER_TIMEOUT)
            .keepalives_idle(KEEPALIVE_IDLE)
            .keepalives_interval(KEEPALIVE_INTERVAL)
            .keepalives_retries(KEEPALIVE_RETRIES);
        Ok(Self { config: parsed, tls })
    }

    /// The settings with the server's own time limits, for everything that is pooled.
    fn bounded(&self) -> tokio_postgres::Config {
        let mut config = self.config.clone();
        let limits = format!(
            "{} -c statement_timeout={} -c idle_in_transaction_session_timeout={}",
            config.get_options().unwrap_or_default(),
            STATEMENT_TIMEOUT.as_millis(),
            IDLE_IN_TRANSACTION_TIMEOUT.as_millis()
        );
        config.options(limits.trim_start());
        config
    }

    /// One connection outside the pool and without a limit for statements. `on_message` hears what the server says
    /// unasked: notifications and notices.
    pub(crate) async fn open_with(
        &self,
        on_message: impl FnMut(AsyncMessage) + Send + 'static,
    ) -> Result<tokio_postgres::Client, StoreError> {
        if let Some(tls) = &self.tls {
            let (client, connection) = self.config.connect(tls.clone()).await?;
            tokio::spawn(notify::drive(connection, on_message));
            Ok(client)
        } else {
            let (client, connection) = self.config.connect(NoTls).await?;
            tokio::spawn(notify::drive(connection, on_message));
            Ok(client)
        }
    }
}
