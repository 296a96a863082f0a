//! Transactions: the only place where they start. Named, measured, bounded in time, and run again after a deadlock or a
//! serialization failure.
//!
//! The work is an async closure. In a task that is spawned it must own what it captures (`async move |tx| …` over clones and
//! `Arc`s): the compiler cannot yet prove `Send` for one that captures references.
//!
//! What broke for another reason is returned with its class. When the connection broke during COMMIT nobody knows
//! whether it happened; therefore whatever runs here is idempotent by a key of its own.

use std::ops::Deref;
use std::time::{Duration, Instant};

use deadpool_postgres::{Object, Transaction};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use rand::RngExt;
use tokio_postgres::IsolationLevel;

use crate::{Store, StoreError};

/// Most runs of one transaction: a conflict that five runs do not resolve is a design error, and the caller
/// should hear of it.
const MAX_RUNS: u32 = 5;
/// Longest wait before the second run; doubled for each further one. The wait is a random part of it.
const CONFLICT_DELAY: Duration = Duration::from_millis(10);
/// A transaction with nothing special about it is given up after this long: twice the server's own statement time-out,
/// for a server that has stopped answering without closing the connection.
pub const TRANSACTION_TIMEOUT: Duration = Duration::from_mins(1);

/// How a transaction runs.
#[derive(Debug, Clone, Copy)]
struct Mode {
    isolation: IsolationLevel,
    timeout: Option<Duration>,
}

/// An open transaction. Dereferences to the driver's, with its cache of prepared statements.
pub struct Tx<'a> {
    inner: Transaction<'a>,
    name: &'static str,
}

impl std::fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tx({})", self.name)
    }
}

impl<'a> Deref for Tx<'a> {
    type Target = Transaction<'a>;

    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

impl Tx<'_> {
    /// The name that it was started under.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

impl Store {
    /// Runs `work` in a READ COMMITTED transaction and commits it when it returns `Ok`.
    ///
    /// `work` may run more than once. It must do nothing but SQL on its `tx`.
    pub async fn tx<T, F>(&self, name: &'static str, work: F) -> Result<T, StoreError>
    where
        F: AsyncFn(&Tx<'_>) -> Result<T, StoreError>,
    {
        let mode = Mode { isolation: IsolationLevel::ReadCommitted, timeout: Some(TRANSACTION_TIMEOUT) };
        self.run(name, mode, work).await
    }

    /// As [`Store::tx`], with one snapshot for all its statements.
    pub async fn tx_repeatable_read<T, F>(&self, name: &'static str, work: F) -> Result<T, StoreError>
    where
        F: AsyncFn(&Tx<'_>) -> Result<T, StoreError>,
    {
        let mode = Mode { isolation: IsolationLevel::RepeatableRead, timeout: Some(TRANSACTION_TIMEOUT) };
        self.run(name, mode, work).await
    }

    /// As [`Store::tx_repeatable_read`], without any limit of time: for audits and reports over everything.
    pub async fn tx_unbounded<T, F>(&self, name: &'static str, work: F) -> Result<T, StoreError>
    where
        F: AsyncFn(&Tx<'_>) -> Result<T, StoreError>,
    {
        self.run(name, Mode { isolation: IsolationLevel::RepeatableRead, timeout: None }, work).await
    }

    async fn run<T, F>(&self, name: &'static str, mode: Mode, work: F) -> Result<T, StoreError>
    where
        F: AsyncFn(&Tx<'_>) -> Result<T, StoreError>,
    {
        let mut run = 1;
        loop {
            let started = Instant::now();
            let result = self.run_once(name, mode, &work).await;
            let outcome = match &result {
                Ok(_) => "committed",
                Err(error) if error.is_conflict() => "conflict",
                Err(_) => "failed",
            };
            self.metrics.observe(name, outcome, started.elapsed());
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

    async fn run_once<T, F>(&self, name: &'static str, mode: Mode, work: &F) -> Result<T, StoreError>
    where
        F: AsyncFn(&Tx<'_>) -> Result<T, StoreError>,
    {
        let mut connection = self.pool.get().await.map_err(|error| StoreError::Connect(Box::new(error)))?;
        let transaction = run_on(&mut connection, name, mode, work);
        let result = match mode.timeout {
            Some(after) => match tokio::time::timeout(after, transaction).await {
                Ok(result) => result,
                Err(_) => Err(StoreError::Timeout { name, after }),
            },
            None => transaction.await,
        };
        if result.as_ref().is_err_and(StoreError::breaks_connection) {
            // Out of the pool: the next caller must not wait on it.
            drop(Object::take(connection));
        }
        result
    }
}

async fn run_on<T, F>(
    connection: &mut Object,
    name: &'static str,
    mode: Mode,
    work: &F,
) -> Result<T, StoreError>
where
    F: AsyncFn(&Tx<'_>) -> Result<T, StoreError>,
{
    let inner = connection.build_transaction().isolation_level(mode.isolation).start().await?;
    if mode.timeout.is_none() {
        inner
            .batch_execute(
                "set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0",
            )
            .await?;
    }
    let tx = Tx { inner, name };
    match work(&tx).await {
        Ok(value) => {
            tx.inner.commit().await?;
            Ok(value)
        }
        Err(error) => {
            if !error.breaks_connection()
                && let Err(rollback) = tx.inner.rollback().await
            {
                tracing::debug!(transaction = name, error = %rollback, "a rollback failed; the connection is closed");
            }
            Err(error)
        }
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
#[derive(Clone)]
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
