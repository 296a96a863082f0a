//! Connections: where the database is, how long we wait for it, and the pool.
//!
//! Connecting is lazy: a gateway starts, and serves what it knows, while its database is away.
//!
//! Nothing waits for ever. A database can be away without a word: a host without power sends no last packet, a frozen server keeps
//! its connections open. So every wait has a limit on our side; the server's own limits are for what it does itself.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, QueueMode, RecyclingMethod, Runtime};
use prometheus_client::registry::Registry;
use secrecy::SecretString;

use crate::StoreError;
use crate::connect::{Connector, ForPool};
use crate::liveness::LastSession;
use crate::tx::TxMetrics;

/// How long one host may take to give us a connection, log-in included: a database that is up does it in milliseconds, even
/// across a continent.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one address of a host may take to be connected to, so that one that swallows packets leaves time for the next.
pub const ADDRESS_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an open connection may take to answer what costs the server nothing: the start of a transaction, a probe.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a caller waits for a free connection before it is told that there is none.
pub const POOL_WAIT_TIMEOUT: Duration = Duration::from_secs(10);
/// The server ends a statement after this long. The largest flush takes well under a second.
pub const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);
/// The server ends a session that sits inside a transaction without a word: its locks stop the others.
pub const IDLE_IN_TRANSACTION_TIMEOUT: Duration = Duration::from_mins(1);
/// How long the kernel lets sent bytes, or a probe, go unacknowledged before the connection counts as dead.
pub const TCP_USER_TIMEOUT: Duration = Duration::from_secs(15);
/// When a silent connection is probed: soon, because one that waits for an answer is silent too, and its host may be gone.
pub const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
/// How long a probe may go unanswered before the next one.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
/// Unanswered probes after which a connection counts as dead.
pub const KEEPALIVE_RETRIES: u32 = 3;
/// Connections in the pool where nothing else is said: flushers, refresher and commands, with room.
pub const DEFAULT_MAX_CONNECTIONS: usize = 8;

/// Where the database is.
#[derive(Clone)]
pub struct StoreConfig {
    /// `postgres://user:password@host/database?sslmode=require`, or `host=… user=…`. Secret: it may hold a password.
    /// Of several hosts (`postgres://user@one,two/database`) the first that takes writes is used.
    pub url: SecretString,
    /// Most connections at a time, the listener's not counted.
    pub max_connections: usize,
    /// What `pg_stat_activity` calls us.
    pub application_name: String,
    /// When an ordinary transaction is given up; [`DEFAULT_TRANSACTION_TIMEOUT`](crate::DEFAULT_TRANSACTION_TIMEOUT) by default.
    pub transaction_timeout: Duration,
    /// How its statements are planned.
    pub plans: Plans,
}

/// How the statements of a pool's connections are planned, outside transactions without limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plans {
    /// Once for all parameters: for what asks the same a hundred times a second, as a flush does.
    Once,
    /// As PostgreSQL sees fit: for reports, whose filters may be absent, so that one plan for all would read everything.
    Auto,
}

impl StoreConfig {
    /// The database at `url`, with the usual number of connections, for the request path and the books.
    pub fn new(url: impl Into<SecretString>) -> Self {
        Self {
            url: url.into(),
            max_connections: DEFAULT_MAX_CONNECTIONS,
            application_name: "tollgate".to_owned(),
            transaction_timeout: crate::DEFAULT_TRANSACTION_TIMEOUT,
            plans: Plans::Once,
        }
    }

    /// The same for people who ask: commands, the management API.
    pub fn for_reports(url: impl Into<SecretString>) -> Self {
        Self { plans: Plans::Auto, ..Self::new(url) }
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
    pub(crate) last_session: LastSession,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store(…)")
    }
}

impl Store {
    /// Checks the settings and makes a pool; opens no connection yet.
    pub fn connect(config: &StoreConfig) -> Result<Self, StoreError> {
        let connector = Arc::new(Connector::new(config)?);
        // No question before each use: BEGIN is that question, and has a limit.
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager =
            Manager::from_connect(tokio_postgres::Config::new(), ForPool(Arc::clone(&connector)), recycling);
        let pool = Pool::builder(manager)
            .max_size(config.max_connections.max(1))
            .runtime(Runtime::Tokio1)
            // The one used last has its plans and caches warm.
            .queue_mode(QueueMode::Lifo)
            .wait_timeout(Some(POOL_WAIT_TIMEOUT))
            .create_timeout(Some(connector.patience()))
            .recycle_timeout(Some(ANSWER_TIMEOUT))
            .build()
            .map_err(|error| StoreError::Config(error.to_string()))?;
        Ok(Self {
            pool,
            connector,
            metrics: TxMetrics::default(),
            transaction_timeout: config.transaction_timeout,
            last_session: LastSession::default(),
        })
    }

    /// Another pool, such as one of another role, whose transactions are measured together with this one's.
    pub fn connect_beside(&self, config: &StoreConfig) -> Result<Self, StoreError> {
        Ok(Self { metrics: self.metrics.clone(), ..Self::connect(config)? })
    }

    /// Whether both lead to one database of one server, in one run of it.
    pub async fn is_same_database(&self, other: &Self) -> Result<bool, StoreError> {
        let server = async |store: &Self| store.tx("which_database", async |tx| Ok(tx.server())).await;
        Ok(server(self).await? == server(other).await?)
    }

    /// Answers when the database does.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.tx("ping", async |tx| Ok(tx.batch_execute("select 1").await?)).await
    }

    /// A connection from the pool, or a new one.
    pub(crate) async fn connection(&self) -> Result<Object, StoreError> {
        // Those that broke while they waited are no news: who is affected says what is wrong.
        self.pool.retain(|connection, _| !connection.is_closed());
        self.pool.get().await.map_err(|error| StoreError::Connect(Box::new(error)))
    }

    /// Closes every connection that waits in the pool, because another has shown that the server behind them is gone, or is not
    /// the one to write to any more. Those in use end with their transactions.
    pub(crate) fn forget_connections(&self) {
        let forgotten = self.pool.retain(|_, _| false).removed.len();
        if forgotten > 0 {
            tracing::debug!(forgotten, "closed the connections that waited in the pool");
        }
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
