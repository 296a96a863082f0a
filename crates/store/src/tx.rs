//! Transactions: the only place where they start. Named, measured, bounded in time, and run again after a deadlock or a
//! serialization failure.
//!
//! The work is an async closure that gets the transaction as a value and may borrow what is around it (`async |tx| …`, without
//! `move`). By value, because the compiler cannot yet prove `Send` for a closure over a borrowed one
//! (rust-lang/rust#110338), and everything here runs in spawned tasks.
//!
//! What broke for another reason is returned with its class. When the connection broke during COMMIT nobody knows
//! whether it happened; therefore whatever runs here is idempotent by a key of its own.

use std::borrow::Cow;
use std::future::poll_fn;
use std::ops::Deref;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use deadpool_postgres::{ClientWrapper, Object};
use futures_util::future::{maybe_done, try_join};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use rand::RngExt;
use tokio_postgres::types::{FromSqlOwned, ToSql};

use crate::connection::ANSWER_TIMEOUT;
use crate::epochs::{self, Ground};
use crate::liveness::{ServerRun, Session};
use crate::{Store, StoreError};

/// Most runs of one transaction: a conflict that five runs do not resolve is a design error, and the caller
/// should hear of it.
const MAX_RUNS: u32 = 5;
/// Longest wait before the second run; doubled for each further one. The wait is a random part of it.
const CONFLICT_DELAY: Duration = Duration::from_millis(10);
/// A transaction with nothing special about it is given up after this long: twice the server's own statement time-out,
/// for a server that has stopped answering without closing the connection. One without a limit of its own is given up when nobody
/// has answered at all for this long.
pub const DEFAULT_TRANSACTION_TIMEOUT: Duration = Duration::from_mins(1);

/// How a transaction runs.
#[derive(Debug, Clone)]
struct Mode {
    begin: Cow<'static, str>,
    is_bounded: bool,
    /// Whether [`epochs::look`] is sent with the beginning.
    is_on_ground: bool,
}

const READ_COMMITTED: Mode = Mode::bounded("begin isolation level read committed");
const ON_GROUND: Mode = Mode {
    begin: Cow::Borrowed("begin isolation level read committed"),
    is_bounded: true,
    is_on_ground: true,
};
const REPEATABLE_READ: Mode = Mode::bounded("begin isolation level repeatable read");
const UNBOUNDED: Mode = Mode {
    begin: Cow::Borrowed(
        "begin isolation level repeatable read; set local statement_timeout = 0; \
         set local idle_in_transaction_session_timeout = 0; set local plan_cache_mode = auto",
    ),
    is_bounded: false,
    is_on_ground: false,
};

impl Mode {
    const fn bounded(begin: &'static str) -> Self {
        Self { begin: Cow::Borrowed(begin), is_bounded: true, is_on_ground: false }
    }
}

/// The snapshot of an open transaction, which others may read by as well. It is gone when that transaction ends.
#[derive(Debug, Clone)]
pub struct SharedSnapshot(String);

impl SharedSnapshot {
    fn mode(&self) -> Mode {
        // First of all statements: once a transaction has a snapshot, it takes no other.
        let begin = format!(
            "begin isolation level repeatable read read only; set transaction snapshot '{}'; \
             set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0; \
             set local plan_cache_mode = auto",
            self.0
        );
        Mode { begin: Cow::Owned(begin), ..UNBOUNDED }
    }
}

/// An open transaction. Dereferences to its connection, with a cache of prepared statements. It ends with the
/// closure that got it.
pub struct Tx {
    connection: Arc<Object>,
    name: &'static str,
    server: ServerRun,
    ground: Option<Ground>,
}

impl std::fmt::Debug for Tx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tx({})", self.name)
    }
}

impl Deref for Tx {
    type Target = ClientWrapper;

    fn deref(&self) -> &ClientWrapper {
        &self.connection
    }
}

impl Tx {
    /// The name that it was started under.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The server that it runs on. What another one said may never have been true here.
    pub fn server(&self) -> ServerRun {
        self.server
    }

    /// What it stands on, where that was asked for with its beginning ([`Store::tx_on_ground`]).
    pub(crate) fn ground(&self) -> Option<Ground> {
        self.ground
    }

    /// Lets other transactions read by this one's snapshot, for as long as this one is open. It must have one snapshot for all its
    /// statements.
    pub async fn share_snapshot(&self) -> Result<SharedSnapshot, StoreError> {
        let row = self.connection.query_one("select pg_export_snapshot()", &[]).await?;
        Ok(SharedSnapshot(row.try_get(0)?))
    }
}

impl Store {
    /// Runs `work` in a READ COMMITTED transaction and commits it when it returns `Ok`.
    ///
    /// `work` may run more than once. It must do nothing but SQL on its `tx`.
    pub async fn tx<T, F, W>(&self, name: &'static str, work: F) -> Result<T, StoreError>
    where
        F: Fn(Tx) -> W,
        W: Future<Output = Result<T, StoreError>>,
    {
        self.run(name, READ_COMMITTED, work).await
    }

    /// As [`Store::tx`], for work that begins with [`epochs::read_shared`]: that is sent together with the transaction's own beginning, and
    /// the work finds it answered.
    pub async fn tx_on_ground<T, F, W>(&self, name: &'static str, work: F) -> Result<T, StoreError>
    where
        F: Fn(Tx) -> W,
        W: Future<Output = Result<T, StoreError>>,
    {
        self.run(name, ON_GROUND, work).await
    }

    /// As [`Store::tx`], with one snapshot for all its statements, taken when it begins.
    pub async fn tx_repeatable_read<T, F, W>(&self, name: &'static str, work: F) -> Result<T, StoreError>
    where
        F: Fn(Tx) -> W,
        W: Future<Output = Result<T, StoreError>>,
    {
        self.run(name, REPEATABLE_READ, work).await
    }

    /// As [`Store::tx_repeatable_read`], without any limit of time: for audits and reports over everything.
    pub async fn tx_unbounded<T, F, W>(&self, name: &'static str, work: F) -> Result<T, StoreError>
    where
        F: Fn(Tx) -> W,
        W: Future<Output = Result<T, StoreError>>,
    {
        self.run(name, UNBOUNDED, work).await
    }

    /// As [`Store::tx_unbounded`], read only, on the snapshot of another transaction: for work that several connections share.
    pub async fn tx_sharing<T, F, W>(
        &self,
        name: &'static str,
        snapshot: &SharedSnapshot,
        work: F,
    ) -> Result<T, StoreError>
    where
        F: Fn(Tx) -> W,
        W: Future<Output = Result<T, StoreError>>,
    {
        self.run(name, snapshot.mode(), work).await
    }

    /// One statement that is a transaction of its own, in one round trip: either all of it happens, or nothing. Whether it happened is not
    /// known after an error of class `Retry`; so what runs here is idempotent, too. A server that says nothing is given up soon, because
    /// no session is known by which another connection could ask for it ([`crate::liveness`]). Its one value is returned; null says that
    /// it declined to do anything.
    pub(crate) async fn statement<T>(
        &self,
        name: &'static str,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<T>, StoreError>
    where
        Option<T>: FromSqlOwned,
    {
        let held = Held(Some(Arc::new(self.connection().await?)));
        let started = Instant::now();
        let own = held.0.clone();
        let asking = async move {
            let connection = own.ok_or(StoreError::Lost { name })?;
            let statement = connection.prepare_cached(sql).await?;
            Ok(connection.query_one(&statement, parameters).await?.try_get(0)?)
        };
        let late = StoreError::Timeout { name, after: ANSWER_TIMEOUT };
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, asking).await.unwrap_or(Err(late));
        if answer.as_ref().is_err_and(StoreError::is_loss) {
            drop(held);
            self.forget_connections();
        } else {
            held.give_back();
        }
        let outcome = if matches!(answer, Ok(None)) { "declined" } else { outcome(&answer) };
        self.metrics.observe(name, outcome, started.elapsed());
        answer
    }

    async fn run<T, F, W>(&self, name: &'static str, mode: Mode, work: F) -> Result<T, StoreError>
    where
        F: Fn(Tx) -> W,
        W: Future<Output = Result<T, StoreError>>,
    {
        let mut run = 1;
        loop {
            let started = Instant::now();
            let result = self.run_once(name, &mode, &work).await;
            self.metrics.observe(name, outcome(&result), started.elapsed());
            match result {
                Err(error) if error.is_conflict() && run < MAX_RUNS => {
                    tracing::debug!(transaction = name, run, %error, "a transaction met a conflict and runs again");
                    tokio::time::sleep(conflict_delay(run)).await;
                    run += 1;
                }
                result => return result,
            }
        }
    }

    async fn run_once<T, F, W>(&self, name: &'static str, mode: &Mode, work: &F) -> Result<T, StoreError>
    where
        F: Fn(Tx) -> W,
        W: Future<Output = Result<T, StoreError>>,
    {
        let mut is_second = false;
        let result = loop {
            match Box::pin(self.attempt(name, mode, work)).await? {
                Ended::Over(result) => break result,
                // Nothing was begun, so nothing is done twice.
                Ended::Stale(_) if !is_second => self.forget_connections(),
                Ended::Broken(error) | Ended::Stale(error) => break Err(error),
            }
            is_second = true;
        };
        if result.as_ref().is_err_and(StoreError::is_loss) {
            self.forget_connections();
        }
        result
    }

    /// Runs the transaction on some connection. `Err`: there was none.
    async fn attempt<T, F, W>(
        &self,
        name: &'static str,
        mode: &Mode,
        work: &F,
    ) -> Result<Ended<T>, StoreError>
    where
        F: Fn(Tx) -> W,
        W: Future<Output = Result<T, StoreError>>,
    {
        let connection = Arc::new(self.connection().await?);
        let held = Held(Some(Arc::clone(&connection)));
        let ended = self.run_on(connection, name, mode, work).await;
        if matches!(ended, Ended::Over(_)) {
            held.give_back();
        }
        Ok(ended)
    }

    async fn run_on<T, F, W>(
        &self,
        connection: Arc<Object>,
        name: &'static str,
        mode: &Mode,
        work: &F,
    ) -> Ended<T>
    where
        F: Fn(Tx) -> W,
        W: Future<Output = Result<T, StoreError>>,
    {
        let after = self.transaction_timeout;
        // A new connection has just been answered on. One that waited may lead nowhere by now, and that shows soon.
        let has_waited = Object::metrics(&connection).recycle_count > 0;
        let limit = if has_waited { after.min(ANSWER_TIMEOUT) } else { after };
        let mut ground = pin!(maybe_done(ground(&connection, mode)));
        let session = match begin(&connection, name, mode, limit, ground.as_mut()).await {
            Ok(session) => session,
            Err(error) if has_waited && error.is_loss() => return Ended::Stale(error),
            Err(error) => return Ended::Broken(error),
        };
        self.remember(&session);
        let tx = async {
            ground.as_mut().await;
            let ground = ground.as_mut().take_output().transpose()?.flatten();
            let ground = ground.map(|ground| ground.on(session.server()));
            Ok(Tx { connection: Arc::clone(&connection), name, server: session.server(), ground })
        };
        let finishing = async {
            tokio::select! {
                biased;
                finished = finish(&connection, tx, work) => finished,
                lost = self.until_pointless(name, &session) => Ended::Broken(lost),
            }
        };
        if !mode.is_bounded {
            return finishing.await;
        }
        let in_time = tokio::time::timeout(after, finishing).await;
        in_time.unwrap_or(Ended::Broken(StoreError::Timeout { name, after }))
    }
}

fn outcome<T>(result: &Result<T, StoreError>) -> &'static str {
    match result {
        Ok(_) => "committed",
        Err(error) if error.is_conflict() => "conflict",
        Err(_) => "failed",
    }
}

/// How a transaction ended, and so what its connection is good for.
enum Ended<T> {
    /// Certainly: the connection may serve another.
    Over(Result<T, StoreError>),
    /// Nobody knows, or not at all: the connection is closed, which rolls back.
    Broken(StoreError),
    /// It never began, because the connection had waited in the pool and leads nowhere by now.
    Stale(StoreError),
}

/// Begins a transaction, and has what `ground` asks sent right behind it, in whose turn it is answered.
async fn begin(
    connection: &Object,
    name: &'static str,
    mode: &Mode,
    limit: Duration,
    mut ground: Pin<&mut impl Future<Output = ()>>,
) -> Result<Session, StoreError> {
    let first = async {
        let query = connection.prepare_cached(Session::QUERY).await?;
        let mut first =
            pin!(try_join(connection.batch_execute(&mode.begin), connection.query_one(&query, &[])));
        let ((), session) = poll_fn(|context| {
            // Sent when they are polled first, so in this order.
            let first = first.as_mut().poll(context);
            let _is_there = ground.as_mut().poll(context);
            first
        })
        .await?;
        Session::from_row(&session)
    };
    tokio::time::timeout(limit, first).await.unwrap_or(Err(StoreError::Timeout { name, after: limit }))
}

async fn ground(connection: &Object, mode: &Mode) -> Result<Option<Ground>, StoreError> {
    if !mode.is_on_ground {
        return Ok(None);
    }
    epochs::look(connection).await.map(Some)
}

/// A connection in a transaction. Dropped before the transaction has ended (time-out, failure, a caller that was cancelled), it
/// closes the connection, which rolls back; in the pool the next caller would inherit the transaction, or wait behind it.
struct Held(Option<Arc<Object>>);

impl Held {
    fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take().and_then(Arc::into_inner) {
            drop(Object::take(connection));
        }
    }
}

/// Does the work in an open transaction and ends it.
async fn finish<T, F, W>(
    connection: &Object,
    tx: impl Future<Output = Result<Tx, StoreError>>,
    work: &F,
) -> Ended<T>
where
    F: Fn(Tx) -> W,
    W: Future<Output = Result<T, StoreError>>,
{
    let worked = match tx.await {
        Ok(tx) => work(tx).await,
        Err(error) => Err(error),
    };
    match worked {
        Ok(value) => match connection.batch_execute("commit").await {
            Ok(()) => Ended::Over(Ok(value)),
            Err(error) => {
                // A constraint that is checked at the end, say: then the server has rolled back.
                let is_answer = error.as_db_error().is_some();
                let error = StoreError::from(error);
                if is_answer && !error.is_loss() { Ended::Over(Err(error)) } else { Ended::Broken(error) }
            }
        },
        Err(error) if error.is_loss() => Ended::Broken(error),
        Err(error) => match connection.batch_execute("rollback").await {
            Ok(()) => Ended::Over(Err(error)),
            Err(_) => Ended::Broken(error),
        },
    }
}

fn conflict_delay(run: u32) -> Duration {
    let longest = CONFLICT_DELAY.saturating_mul(1 << run.min(MAX_RUNS));
    rand::rng().random_range(Duration::ZERO..=longest)
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TxLabels {
    name: &'static str,
    outcome: &'static str,
}

/// How long transactions take, by name and outcome.
#[derive(Debug, Clone)]
pub(crate) struct TxMetrics(Durations);

type Durations = Family<TxLabels, Histogram, fn() -> Histogram>;

impl Default for TxMetrics {
    fn default() -> Self {
        // Half a millisecond to 16 seconds.
        Self(Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.0005, 2.0, 16))))
    }
}

impl TxMetrics {
    fn observe(&self, name: &'static str, outcome: &'static str, took: Duration) {
        self.0.get_or_create(&TxLabels { name, outcome }).observe(took.as_secs_f64());
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "tollgate_store_transaction_duration_seconds",
            "How long database transactions took",
            self.0.clone(),
        );
    }
}
