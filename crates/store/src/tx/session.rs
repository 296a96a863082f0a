//! A transaction without a closure: begin, do, finish. Named and measured like any other; not run again, so its
//! caller meets conflicts as class `Retry`. Where that is not wanted, [`Store::tx`] is simpler, and as `Send` as this: its
//! closures get the transaction as a value and may borrow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use deadpool_postgres::Object;

use super::{Held, READ_COMMITTED, TRANSACTION_TIMEOUT, Tx, TxMetrics};
use crate::{Store, StoreError};

/// A connection taken for one transaction. Dropped before the transaction is finished (an error that nobody
/// handled, a time-out, a cancelled task) it closes the connection, and the server rolls back.
#[derive(Debug)]
pub struct Session {
    connection: Option<Arc<Object>>,
    name: &'static str,
    started: Instant,
    metrics: TxMetrics,
    is_finished: AtomicBool,
    is_committed: AtomicBool,
}

impl Store {
    /// Takes a connection for a transaction called `name`.
    pub async fn session(&self, name: &'static str) -> Result<Session, StoreError> {
        let connection = self.pool.get().await.map_err(|error| StoreError::Connect(Box::new(error)))?;
        Ok(Session {
            connection: Some(Arc::new(connection)),
            name,
            started: Instant::now(),
            metrics: self.metrics.clone(),
            is_finished: AtomicBool::new(false),
            is_committed: AtomicBool::new(false),
        })
    }
}

/// An open transaction of a [`Session`].
#[derive(Debug)]
pub struct SessionTx<'a> {
    tx: Tx,
    is_finished: &'a AtomicBool,
    is_committed: &'a AtomicBool,
}

impl Session {
    /// Opens the transaction, READ COMMITTED.
    pub async fn begin(&mut self) -> Result<SessionTx<'_>, StoreError> {
        let Self { connection, name, is_finished, is_committed, .. } = self;
        let connection = connection
            .as_ref()
            .ok_or_else(|| StoreError::Corrupt("a session was used after its end".to_owned()))?;
        connection.batch_execute(READ_COMMITTED.begin).await?;
        let tx = Tx { connection: Arc::clone(connection), name };
        Ok(SessionTx { tx, is_finished, is_committed })
    }

    /// Bounds `work` by [`TRANSACTION_TIMEOUT`]. On a time-out drop the session.
    pub async fn bounded<T>(
        name: &'static str,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let after = TRANSACTION_TIMEOUT;
        tokio::time::timeout(after, work).await.unwrap_or(Err(StoreError::Timeout { name, after }))
    }
}

impl SessionTx<'_> {
    /// The transaction, for the functions of this crate.
    pub const fn tx(&self) -> &Tx {
        &self.tx
    }

    /// Commits when `result` is `Ok`, rolls back when it is not, and returns it.
    pub async fn finish<T>(self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        match result {
            Ok(value) => {
                self.tx.batch_execute("commit").await?;
                self.is_finished.store(true, Ordering::Relaxed);
                self.is_committed.store(true, Ordering::Relaxed);
                Ok(value)
            }
            Err(error) => {
                if !error.breaks_connection() {
                    match self.tx.batch_execute("rollback").await {
                        Ok(()) => self.is_finished.store(true, Ordering::Relaxed),
                        Err(rollback) => {
                            tracing::debug!(error = %rollback, "a rollback failed; the connection is closed");
                        }
                    }
                }
                Err(error)
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let outcome = if *self.is_committed.get_mut() { "committed" } else { "failed" };
        self.metrics.observe(self.name, outcome, self.started.elapsed());
        let held = Held(self.connection.take());
        if *self.is_finished.get_mut() {
            held.give_back();
        }
    }
}
