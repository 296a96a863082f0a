//! Serving HTTP: an accept loop of our own, because axum's sets no time-out on the heads of requests. Each connection is given to one of
//! the threads that serve ([`workers`]).
//!
//! HTTP/1 and HTTP/2 in clear text; TLS is a load balancer's. On shutdown nothing new is accepted, streams go on for at most
//! `shutdown_timeout`, then they are cut off; every request that was in flight has made its record when
//! [`Gateway::serve`] returns, and the sink has said that it is safe, unless it does not say so in time.

mod activity;
mod socket;
mod stall;
pub(crate) mod workers;

use std::error::Error;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::{Request, Version};
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::activity::{Activity, Look, Watched};
use self::stall::StallGuard;
use self::workers::{Seat, Workers};
use crate::GatewayConfig;
use crate::gateway::{Gateway, GatewayError};

/// Streams that one HTTP/2 client may have open at once.
const HTTP2_STREAMS: u32 = 256;
/// How often an HTTP/2 client is asked whether it is still there.
const HTTP2_PING_EVERY: Duration = Duration::from_secs(30);
/// Clients that are given up, by what they did not do in time: ask for something, and take what they are sent.
const SILENT: &str = "silent";
const UNREAD: &str = "unread";
/// After an error of `accept` (no file descriptors left, most often), how long before the next try.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// After the order to stop, how long cut-off requests may take to make their records. They need milliseconds.
const CUT_OFF_WITHIN: Duration = Duration::from_secs(5);

impl Gateway {
    /// Serves the gateway's own routes until `shutdown`, then drains. See [`Gateway::serve_router`].
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: CancellationToken,
    ) -> Result<(), GatewayError> {
        self.serve_router(listener, self.router(), shutdown).await
    }

    /// Cuts off whatever is in flight, for good: each request makes its record of what it was until then. Where the gateway serves,
    /// end its `shutdown` first, so that nothing new is accepted.
    pub fn cut_off(&self) {
        self.0.lifecycle.stop.cancel();
    }

    /// Tasks that have not ended, of the threads that serve.
    pub fn alive_tasks(&self) -> usize {
        self.0.threads.lock().iter().map(|runtime| runtime.metrics().num_alive_tasks()).sum()
    }

    /// Serves `router`, which has [`Gateway::router`] merged into it, until `shutdown`; then lets streams end, for at most
    /// `shutdown_timeout`, and cuts off the rest. When it returns every request has made its record.
    pub async fn serve_router(
        &self,
        listener: TcpListener,
        router: Router,
        shutdown: CancellationToken,
    ) -> Result<(), GatewayError> {
        let attend = || self.0.recorder.attend();
        let workers = Workers::start(self.0.config.threads(), attend);
        let workers = workers.map_err(GatewayError::Threads)?;
        self.0.threads.lock().extend(workers.runtimes());
        let server = Server {
            gateway: self.clone(),
            router,
            http: Arc::new(http_settings(&self.0.config)),
            connections: TaskTracker::new(),
            places: Arc::new(Semaphore::new(
                usize::try_from(self.0.config.max_connections).unwrap_or(usize::MAX >> 3),
            )),
            shutdown,
        };
        let accepted = server.accept(&listener, &workers).await;
        drop(listener);
        server.drain().await;
        // What was not cut off in time makes its record now.
        if tokio::time::timeout(CUT_OFF_WITHIN, workers.stop()).await.is_err() {
            tracing::error!(
                "a thread that serves requests does not end; what it had in flight may be without a record"
            );
        }
        self.0.threads.lock().clear();
        accepted
    }
}

#[derive(Debug)]
struct Server {
    gateway: Gateway,
    router: Router,
    http: Arc<auto::Builder<TokioExecutor>>,
    connections: TaskTracker,
    places: Arc<Semaphore>,
    shutdown: CancellationToken,
}

impl Server {
    async fn accept(&self, listener: &TcpListener, workers: &Workers) -> Result<(), GatewayError> {
        loop {
            let place = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return Ok(()),
                place = Arc::clone(&self.places).acquire_owned() => {
                    place.map_err(|closed| GatewayError::Listen(std::io::Error::other(closed)))?
                }
            };
            let accepted = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return Ok(()),
                // It would draw every new connection, as it has none.
                () = workers.one_ended() => return Err(GatewayError::ThreadEnded),
                accepted = listener.accept() => accepted,
            };
            // Its thread is told of it by its own runtime.
            match accepted.and_then(|(stream, _address)| stream.into_std()) {
                Ok(stream) => {
                    let Some(seat) = workers.seat() else { return Ok(()) };
                    let connection = self.connection(stream);
                    let runtime = seat.runtime.clone();
                    let served = async move {
                        connection.await;
                        drop::<(OwnedSemaphorePermit, Seat)>((place, seat));
                    };
                    self.connections.spawn_on(served, &runtime);
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn connection(&self, stream: std::net::TcpStream) -> impl Future<Output = ()> + use<> {
        let (router, http) = (self.router.clone(), Arc::clone(&self.http));
        let gateway = Arc::clone(&self.gateway.0);
        let shutdown = self.shutdown.clone();
        async move {
            gateway.metrics.connections.inc();
            match TcpStream::from_std(stream) {
                Ok(stream) => serve_connection(stream, &router, &http, &gateway, &shutdown).await,
                Err(error) => tracing::warn!(%error, "a connection could not be watched"),
            }
            gateway.metrics.connections.dec();
        }
    }

    async fn drain(self) {
        let lifecycle = &self.gateway.0.lifecycle;
        self.connections.close();
        lifecycle.tracker.close();
        let ended = async {
            self.connections.wait().await;
            lifecycle.tracker.wait().await;
        };
        if tokio::time::timeout(self.gateway.0.config.shutdown_timeout(), ended).await.is_ok() {
            return;
        }
        tracing::warn!(
            in_flight = self.gateway.0.metrics.in_flight.get(),
            "requests are still in flight after the shutdown time-out; they are cut off and recorded"
        );
        lifecycle.stop.cancel();
        let cut_off = async {
            self.connections.wait().await;
            lifecycle.tracker.wait().await;
        };
        if tokio::time::timeout(CUT_OFF_WITHIN, cut_off).await.is_err() {
            tracing::error!(
                in_flight = self.gateway.0.metrics.in_flight.get(),
                "requests were not cut off in time, whose records are made when the runtime ends, or the sink does not say that records are safe"
            );
        }
    }
}

async fn serve_connection(
    stream: TcpStream,
    router: &Router,
    http: &auto::Builder<TokioExecutor>,
    gateway: &crate::gateway::Inner,
    shutdown: &CancellationToken,
) {
    socket::prepare(&stream);
    let activity = Activity::new(gateway.config.header_read_timeout(), gateway.config.client_write_timeout());
    let (watch, router) = (Arc::clone(&activity), TowerToHyperService::new(router.clone()));
    let service = service_fn(move |request: Request<Incoming>| {
        let answering = watch.begin(request.version() == Version::HTTP_2);
        let answer = router.call(request);
        async move { answer.await.map(|response| response.map(|body| Watched::new(body, answering))) }
    });
    let stream = StallGuard::new(stream, gateway.config.client_write_timeout());
    // In the task itself it would take its place several times over, because each future around it has room for it before and after it is moved.
    let mut connection = Box::pin(http.serve_connection(TokioIo::new(stream), service));
    // hyper's own time-out begins with the first line; a client that sends less than that meets this one.
    let next_look = tokio::time::sleep(gateway.config.header_read_timeout());
    tokio::pin!(next_look);
    let mut is_ending = false;
    let mut was_idle = false;
    loop {
        tokio::select! {
            biased;
            () = gateway.lifecycle.stop.cancelled() => return,
            result = poll_fn(|cx| {
                activity.next_turn();
                connection.as_mut().poll(cx)
            }) => {
                if let Err(error) = result {
                    tracing::debug!(%error, "a connection ended with an error");
                    if let Some(reason) = lateness(error.as_ref()) {
                        gateway.metrics.given_up(reason);
                    }
                }
                return;
            }
            () = next_look.as_mut() => match activity.look(Instant::now()) {
                Look::Again(at) => next_look.as_mut().reset(at),
                // Told to end, it has the time of a write to do so.
                Look::Idle if !was_idle => {
                    was_idle = true;
                    gateway.metrics.given_up(SILENT);
                    next_look.as_mut().reset(Instant::now() + gateway.config.client_write_timeout());
                    connection.as_mut().graceful_shutdown();
                }
                Look::Idle => {
                    tracing::debug!("a connection is closed on which nothing went on");
                    return;
                }
                Look::Stalled => {
                    tracing::debug!("a connection is closed whose client takes nothing of its answers");
                    gateway.metrics.given_up(UNREAD);
                    return;
                }
            },
            () = shutdown.cancelled(), if !is_ending => {
                is_ending = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// What the client did not do in time, where that is why its connection ended with this error.
fn lateness(error: &(dyn Error + 'static)) -> Option<&'static str> {
    // A head that is not whole, or a ping without an answer.
    if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_timeout) {
        return Some(SILENT);
    }
    std::iter::successors(Some(error), |&error| error.source())
        .filter_map(|error| error.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::TimedOut)
        .then_some(UNREAD)
}

fn http_settings(config: &GatewayConfig) -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1().timer(TokioTimer::new()).header_read_timeout(config.header_read_timeout());
    http.http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HTTP2_PING_EVERY)
        .max_concurrent_streams(HTTP2_STREAMS);
    socket::bound(&mut http);
    http
}
