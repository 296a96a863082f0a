//! Arrivals at a constant rate, whatever becomes of those before: what many independent clients do.
//!
//! A closed loop would send less while the server is slow, and so not see how slow it is. Here each request has its time, is sent then even if
//! all before it still wait, and its latency counts from that time, also where the sender itself was late.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::good::{Good, Kind};

/// Requests under way at once; with more the server has stopped answering, and what comes then is counted as failed.
const MOST_UNDER_WAY: usize = 4_000;

/// How one request went.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    /// When it was to be sent.
    pub(crate) due: Instant,
    /// From then until its last byte was there.
    pub(crate) latency: Duration,
    pub(crate) kind: Kind,
    pub(crate) failure: Option<String>,
}

/// The samples so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Samples(Arc<Mutex<Vec<Sample>>>);

impl Samples {
    fn push(&self, sample: Sample) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
    }

    /// Takes what is there.
    pub(crate) fn take(&self) -> Vec<Sample> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Sends `per_second` requests a second until it is told to stop, and returns when all are answered.
pub(crate) async fn send(
    good: Arc<Good>,
    per_second: f64,
    first: usize,
    samples: Samples,
    stop: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(MOST_UNDER_WAY));
    let mut under_way = JoinSet::new();
    let started = Instant::now();
    let every = Duration::from_secs_f64(1.0 / per_second);
    let mut due = started;
    for number in first.. {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            () = tokio::time::sleep_until(due.into()) => {}
        }
        while under_way.try_join_next().is_some() {}
        let kind = good.kind(number);
        if let Ok(place) = Arc::clone(&room).try_acquire_owned() {
            let (good, samples) = (Arc::clone(&good), samples.clone());
            under_way.spawn(async move {
                let failure = good.send(number).await.err();
                samples.push(Sample { due, latency: due.elapsed(), kind, failure });
                drop(place);
            });
        } else {
            let failure = Some(format!("{MOST_UNDER_WAY} requests wait for their answers"));
            samples.push(Sample { due, latency: Duration::ZERO, kind, failure });
        }
        due += every;
    }
    while under_way.join_next().await.is_some() {}
}

/// Sends as many as `clients` that wait for each answer can, until it is told to stop. Whoever is free takes the next number, so that the
/// kinds of requests keep their shares, however long each takes.
pub(crate) async fn send_closed_loop(
    good: &Arc<Good>,
    clients: usize,
    samples: &Samples,
    stop: &CancellationToken,
) {
    let mut workers = JoinSet::new();
    let next = Arc::new(AtomicUsize::new(0));
    for _ in 0..clients {
        let (good, samples, stop) = (Arc::clone(good), samples.clone(), stop.clone());
        let next = Arc::clone(&next);
        workers.spawn(async move {
            while !stop.is_cancelled() {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let due = Instant::now();
                let kind = good.kind(number);
                let failure = good.send(number).await.err();
                samples.push(Sample { due, latency: due.elapsed(), kind, failure });
            }
        });
    }
    while workers.join_next().await.is_some() {}
}
