//! Serving the management API: an accept loop with time-outs, apart from the gateway's, and the work that falls due. HTTP/1.1: what
//! speaks TLS in front speaks it behind.

mod patience;

use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tollgate_store::Tx;
use tollgate_store::management::{keys, sessions};

use self::patience::Patience;
use crate::app::Admin;
use crate::sign_in::throttle::Peer;
use crate::table;

/// Connections at once: people and scripts, not the public.
const MAX_CONNECTIONS: usize = 256;
/// How long a client may take to send the head of a request, and how long an idle connection is kept.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may take to take one answer, from the first wait for it on: an answer is a page of a few hundred rows.
const WRITE_TIMEOUT: Duration = Duration::from_mins(1);
/// After an error of `accept` (no file descriptors left, most often), how long before the next try.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long requests may take to end when the server stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// How often keys are looked for whose overlap is over.
const DUE_EVERY: Duration = Duration::from_secs(1);
/// After how many of these looks sessions that are over are cleared away; they are over without that.
const CLEARED_AWAY_EVERY: u32 = 60;

impl Admin {
    /// Serves until `shutdown`, then lets requests end. Meanwhile ends what falls due.
    pub async fn serve(self, listener: TcpListener, shutdown: CancellationToken) {
        let due = tokio::spawn(self.clone().end_what_is_due(shutdown.clone()));
        let connections = TaskTracker::new();
        self.accept(&listener, &connections, &shutdown).await;
        drop(listener);
        connections.close();
        if tokio::time::timeout(DRAIN_TIMEOUT, connections.wait()).await.is_err() {
            tracing::warn!(
                "requests of the management API did not end in {DRAIN_TIMEOUT:?}; they are left to themselves"
            );
        }
        if let Err(error) = due.await {
            tracing::error!(%error, "the task that ends replaced keys did not end well");
        }
    }

    async fn accept(&self, listener: &TcpListener, connections: &TaskTracker, shutdown: &CancellationToken) {
        let router = table::router(self);
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEADER_READ_TIMEOUT);
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let accepted = tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                accepted = next(listener, &places) => accepted,
            };
            let Some((stream, peer, place)) = accepted else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let (http, router, shutdown) = (http.clone(), router.clone(), shutdown.clone());
            connections.spawn(async move {
                serve_connection(stream, &http, of_peer(router, peer), WRITE_TIMEOUT, &shutdown).await;
                drop(place);
            });
        }
    }

    /// Revokes keys whose overlap with their successors is over. A database that is away is tried again. A sweep that is under way at
    /// shutdown is dropped, which rolls it back: the next server does it, and gateways keep to the time by themselves.
    async fn end_what_is_due(self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(DUE_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for look in 0_u32.. {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let now = self.clock().now();
            let sweep = self.store().tx("revoke_due_keys", async |tx: Tx| {
                if look % CLEARED_AWAY_EVERY == 0 {
                    sessions::clear_away(&tx, now).await?;
                }
                keys::revoke_due(&tx).await
            });
            let swept = tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                swept = sweep => swept,
            };
            match swept {
                Ok(ended) if ended.is_empty() => {}
                Ok(ended) => tracing::info!(keys = ended.len(), "replaced keys have ended"),
                Err(error) => tracing::debug!(%error, "replaced keys could not be ended; it is tried again"),
            }
        }
    }
}

/// Answers what comes on one connection, until it ends or `shutdown` and the answer under way.
async fn serve_connection(
    stream: TcpStream,
    http: &http1::Builder,
    router: Router,
    write_timeout: Duration,
    shutdown: &CancellationToken,
) {
    // hyper's own time-out begins with the first line; a client that sends less than that meets this one.
    let first_byte = tokio::time::timeout(HEADER_READ_TIMEOUT, stream.readable());
    tokio::select! {
        biased;
        () = shutdown.cancelled() => return,
        came = first_byte => if !matches!(came, Ok(Ok(()))) {
            return;
        },
    }
    let stream = TokioIo::new(Patience::new(stream, write_timeout));
    let connection = http.serve_connection(stream, TowerToHyperService::new(router));
    tokio::pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.as_mut().await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to the management API ended with an error");
    }
}

/// The router for one connection: each request says who is at the other end.
fn of_peer(router: Router, peer: Peer) -> Router {
    router.layer(Extension(peer))
}

async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, Peer, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, address)) => Some((stream, Peer(address), place)),
        Err(error) => {
            tracing::warn!(%error, "a connection to the management API could not be accepted");
            None
        }
    }
}

#[cfg(test)]
mod tests;
