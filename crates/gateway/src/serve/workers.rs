//! The threads that serve connections: one for each processor, with a runtime, timers, and connections to upstreams of its own.
//!
//! A connection stays with its thread, and so does all that its requests are: what belongs together is in one processor's cache, and nobody
//! has to wake somebody on another one in order to go on. Work that is nobody's request (the books, the refresher, the management API) stays
//! where the gateway was started.

use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::BoxFuture;
use tokio::runtime::{Builder, Handle};
use tokio_util::sync::CancellationToken;

thread_local! {
    static NUMBER: Cell<usize> = const { Cell::new(0) };
}

/// Which of the threads this is, from 1 on; 0 for every other thread of the program.
pub(crate) fn number() -> usize {
    NUMBER.get()
}

/// The threads. Dropped, they end as soon as they can, and with them whatever they still serve.
#[derive(Debug)]
pub(super) struct Workers(Vec<Worker>);

#[derive(Debug)]
struct Worker {
    runtime: Handle,
    connections: Arc<AtomicUsize>,
    stop: CancellationToken,
    /// Cancelled when it has ended, by a panic too.
    ended: CancellationToken,
}

/// A connection's seat with a thread, until it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) runtime: Handle,
    connections: Arc<AtomicUsize>,
}

impl Workers {
    /// Starts so many. Each runs what `attend` makes for it, beside what it serves.
    pub(super) fn start(count: usize, attend: impl Fn() -> BoxFuture<'static, ()>) -> io::Result<Self> {
        (1..=count).map(|number| Worker::start(number, attend())).collect::<io::Result<_>>().map(Self)
    }

    /// With the thread that has the fewest connections.
    pub(super) fn seat(&self) -> Option<Seat> {
        let worker = self.0.iter().min_by_key(|worker| worker.connections.load(Ordering::Relaxed))?;
        worker.connections.fetch_add(1, Ordering::Relaxed);
        Some(Seat { runtime: worker.runtime.clone(), connections: Arc::clone(&worker.connections) })
    }

    /// Resolves when one of them has ended, which none does before it is told to.
    pub(super) async fn one_ended(&self) {
        let ends = self.0.iter().map(|worker| Box::pin(worker.ended.cancelled()));
        drop(futures_util::future::select_all(ends).await);
    }

    /// To watch them by.
    pub(super) fn runtimes(&self) -> impl Iterator<Item = Handle> {
        self.0.iter().map(|worker| worker.runtime.clone())
    }

    /// Ends them, and waits until what they still had is dropped.
    pub(super) async fn stop(self) {
        for worker in &self.0 {
            worker.stop.cancel();
        }
        for worker in &self.0 {
            worker.ended.cancelled().await;
        }
    }
}

impl Worker {
    fn start(number: usize, attending: BoxFuture<'static, ()>) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        let (handle, stopped, ends) = (runtime.handle().clone(), stop.clone(), ended.clone().drop_guard());
        std::thread::Builder::new().name(format!("gateway-{number}")).spawn(move || {
            NUMBER.set(number);
            runtime.spawn(attending);
            runtime.block_on(stopped.cancelled());
            // Threads that count tokens for a request that is dropped now are not waited for.
            runtime.shutdown_background();
            drop(ends);
        })?;
        Ok(Self { runtime: handle, connections: Arc::default(), stop, ended })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
