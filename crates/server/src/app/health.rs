//! What `/healthz`, `/readyz` and `/metrics` answer.
//!
//! *Alive* is a process that answers. *Ready* is one that should get traffic: it has a snapshot to admit by, its batcher lives, and its spool is
//! sound and has room. A gateway without its database goes on serving; it stops being ready when it would have to refuse.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, text},
    metrics::gauge::ConstGauge,
    registry::Registry,
};
use serde_json::json;
use tokio::runtime::Handle;
use tollgate_gateway::Gateway;

/// The database counts as reachable this long after it last answered: several polls of the refresher.
const RECENTLY: Duration = Duration::from_secs(5);
/// No time yet.
const NEVER: u64 = u64::MAX;

/// What the tasks of a server say about themselves. Cheap to update.
#[derive(Debug)]
pub(super) struct Health {
    started: Instant,
    /// Milliseconds after `started`.
    refreshed_after_ms: AtomicU64,
    batcher_alive: AtomicBool,
}

impl Health {
    /// Nothing works yet.
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            refreshed_after_ms: AtomicU64::new(NEVER),
            batcher_alive: AtomicBool::new(false),
        }
    }

    /// A snapshot was read from the database just now.
    pub(super) fn refreshed(&self) {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(NEVER - 1);
        self.refreshed_after_ms.store(elapsed, Ordering::Relaxed);
    }

    /// How old the snapshot is; `None` before the first.
    pub(super) fn snapshot_age(&self) -> Option<Duration> {
        match self.refreshed_after_ms.load(Ordering::Relaxed) {
            NEVER => None,
            after => Some(self.started.elapsed().saturating_sub(Duration::from_millis(after))),
        }
    }

    /// The batcher is alive until what this returns is dropped.
    pub(super) fn batcher_alive(self: &Arc<Self>) -> BatcherAlive {
        self.batcher_alive.store(true, Ordering::Relaxed);
        BatcherAlive(Arc::clone(self))
    }
}

/// Held by the task of the batcher.
#[derive(Debug)]
pub(super) struct BatcherAlive(Arc<Health>);

impl Drop for BatcherAlive {
    fn drop(&mut self) {
        self.0.batcher_alive.store(false, Ordering::Relaxed);
    }
}

/// What the spool says of itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct SpoolState {
    /// What is given to it is still kept.
    pub(super) is_sound: bool,
    /// One more request could be admitted.
    pub(super) has_room: bool,
}

/// What the answers are made from.
#[derive(Clone)]
pub(super) struct Operations {
    pub(super) health: Arc<Health>,
    pub(super) registry: Arc<Registry>,
    pub(super) spool: Arc<dyn Fn() -> SpoolState + Send + Sync>,
}

impl Operations {
    /// What decides whether it is ready, now.
    pub(super) fn readiness(&self) -> Readiness {
        Readiness {
            age: self.health.snapshot_age(),
            batcher_is_alive: self.health.batcher_alive.load(Ordering::Relaxed),
            spool: (self.spool)(),
        }
    }

    /// The routes of operation. They are not metered.
    pub(super) fn router(self) -> Router {
        Router::new()
            .route("/healthz", get(healthz))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .with_state(self)
    }
}

/// What decides whether a server is ready.
#[derive(Debug, Clone, Copy)]
pub(super) struct Readiness {
    /// How old the snapshot is; `None` before the first.
    pub(super) age: Option<Duration>,
    batcher_is_alive: bool,
    /// What the spool says of itself.
    pub(super) spool: SpoolState,
}

impl Readiness {
    /// Whether it should get traffic.
    pub(super) fn is_ready(&self) -> bool {
        self.age.is_some() && self.batcher_is_alive && self.spool.is_sound && self.spool.has_room
    }
}

async fn healthz() -> Json<serde_json::Value> {
    Json(json!({ "status": "alive", "version": env!("CARGO_PKG_VERSION") }))
}

async fn readyz(State(operations): State<Operations>) -> (StatusCode, Json<serde_json::Value>) {
    let readiness = operations.readiness();
    let is_ready = readiness.is_ready();
    let Readiness { age, batcher_is_alive, spool: SpoolState { is_sound, has_room } } = readiness;
    let database_is_reachable = age.is_some_and(|age| age < RECENTLY);
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "ready": is_ready,
        "snapshot_loaded": age.is_some(),
        "snapshot_age_ms": age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
        "database_reachable": database_is_reachable,
        "batcher_alive": batcher_is_alive,
        "spool_sound": is_sound,
        "room_for_records": has_room,
    });
    (status, Json(body))
}

async fn metrics(State(operations): State<Operations>) -> Response {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    // There are some thousand lines, and this thread serves requests.
    let encode = move || {
        let mut body = String::new();
        text::encode(&mut body, &operations.registry).map(|()| body)
    };
    match tokio::task::spawn_blocking(encode).await.unwrap_or(Err(std::fmt::Error)) {
        Ok(body) => ([(header::CONTENT_TYPE, OPEN_METRICS)], body).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Tells the age of the snapshot whenever somebody asks, so that it grows while the database is away.
#[derive(Debug)]
pub(super) struct SnapshotAge(pub(super) Arc<Health>);

impl Collector for SnapshotAge {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Some(age) = self.0.snapshot_age() else { return Ok(()) };
        let gauge = ConstGauge::new(age.as_secs_f64());
        let name = "tollgate_snapshot_age_seconds";
        let help = "Time since keys, models, prices and balances were last read from the database";
        gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
    }
}

/// Tells how many tasks there are whenever somebody asks: a leak of them would leak what they hold.
#[derive(Debug)]
pub(super) struct AliveTasks(pub(super) Handle, pub(super) Option<Gateway>);

impl Collector for AliveTasks {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let serving = self.1.as_ref().map_or(0, Gateway::alive_tasks);
        let alive = self.0.metrics().num_alive_tasks() + serving;
        let gauge = ConstGauge::new(i64::try_from(alive).unwrap_or(i64::MAX));
        let name = "tollgate_runtime_alive_tasks";
        let help = "Tasks of the asynchronous runtimes that have not ended";
        gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
    }
}

#[cfg(test)]
mod tests;
