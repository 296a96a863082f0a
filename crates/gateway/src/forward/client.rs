//! The HTTP client for all upstreams: a pool for each thread that serves, TLS by rustls, and never a second try.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tollgate_domain::AllowedNetworks;
use tower_service::Service;

use super::guard::{BoxError, Boxed, Guard, Lookup, Resolver, by_system};
use crate::GatewayConfig;
use crate::request_body::UpstreamBody;
use crate::serve::workers;
use crate::view::LiveEndpoint;

/// How often an HTTP/2 connection is asked whether it is alive, and how long it may take to answer. Half a minute is below the
/// idle time-outs of common NATs and load balancers.
const HTTP2_PING_EVERY: Duration = Duration::from_secs(30);
const HTTP2_PING_TIMEOUT: Duration = Duration::from_secs(10);
/// TCP keep-alive, for HTTP/1 connections that wait minutes for a first token.
const TCP_KEEPALIVE: Duration = Duration::from_secs(30);

/// What is kept of an answer that its client is slow to take, and so the largest head of an answer. The library's own limit is 400 KB.
const HTTP1_BUFFER_BYTES: usize = 64 * 1024;

/// What an HTTP/2 upstream may send ahead of its client in one stream, and in all of one connection: as much as all of its streams. Were
/// it less, a few clients that do not read would use it up, and hold up all others whose streams go over the same connection.
const HTTP2_STREAM_WINDOW_BYTES: u32 = 128 * 1024;
const HTTP2_CONNECTION_WINDOW_BYTES: u32 = HTTP2_MOST_STREAMS * HTTP2_STREAM_WINDOW_BYTES;
/// What each thread has at least, where so many are wanted at all: one connection of a client may have 256 streams, all on its thread, and an
/// upstream commonly allows a hundred on one.
const HTTP2_CONNECTIONS_OF_THREAD: usize = 3;
/// More streams at once than upstreams allow on one connection.
const HTTP2_MOST_STREAMS: u32 = 1024;

/// A body is a pointer to it, because each connection of hyper's has a queue with room for 32 requests, bodies and all: 14 KB of it.
type OneClient = Client<TimedConnector, Pin<Box<UpstreamBody>>>;

/// Makes connections within a time limit that TLS is a part of; the one of [`HttpConnector`] ends with TCP.
#[derive(Debug, Clone)]
pub struct TimedConnector {
    connector: HttpsConnector<HttpConnector<Resolver>>,
    guard: Option<Guard>,
    within: Duration,
}

impl TimedConnector {
    /// For what is sent beside requests, over HTTP/1: to anywhere, or only to public addresses and these networks. Trusts the public authorities.
    pub fn for_messages(within: Duration, only: Option<AllowedNetworks>) -> Result<Self, TlsError> {
        let (tls, guard) = (tls(None)?, only.map(Guard::new));
        let http = over_tcp(by_system(), guard.clone());
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        Ok(Self { connector, guard, within })
    }

    /// One that goes anywhere, or only where its guard lets it.
    fn new(tls: ClientConfig, within: Duration, lookup: Lookup, guard: Option<Guard>) -> Self {
        let http = over_tcp(lookup, guard.clone());
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .enable_http2()
            .wrap_connector(http);
        Self { connector, guard, within }
    }
}

fn over_tcp(lookup: Lookup, guard: Option<Guard>) -> HttpConnector<Resolver> {
    let mut http = HttpConnector::new_with_resolver(Resolver::new(lookup, guard));
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_keepalive(Some(TCP_KEEPALIVE));
    http
}

impl Service<Uri> for TimedConnector {
    type Response = <HttpsConnector<HttpConnector<Resolver>> as Service<Uri>>::Response;
    type Error = BoxError;
    type Future = Boxed<Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(cx)
    }

    fn call(&mut self, address: Uri) -> Self::Future {
        if let Err(refused) = self.guard.as_ref().map_or(Ok(()), |guard| guard.check_literal(&address)) {
            return Box::pin(std::future::ready(Err(refused.into())));
        }
        let connecting = tokio::time::timeout(self.within, self.connector.call(address));
        Box::pin(async move {
            connecting.await.map_err(|elapsed| std::io::Error::new(std::io::ErrorKind::TimedOut, elapsed))?
        })
    }
}

/// Why TLS for upstreams could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The library refuses its own defaults.
    #[error("TLS for upstreams could not be set up")]
    Setup(#[from] rustls::Error),
    /// The file of `upstream_ca_file` could not be read.
    #[error("`gateway.upstream_ca_file`: {path} cannot be read as PEM certificates")]
    ReadAuthorities {
        /// Of the file.
        path: PathBuf,
        /// What was wrong.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// It holds no certificate, or one that is none.
    #[error("`gateway.upstream_ca_file`: {path} holds no usable certificate")]
    NoAuthority {
        /// Of the file.
        path: PathBuf,
    },
}

/// Clients of upstreams: a set for each thread that serves, so that a request meets its upstream on its own thread, and the first for all
/// other threads.
#[derive(Debug)]
pub(crate) struct Upstreams(Vec<OfThread>);

#[derive(Debug)]
struct OfThread {
    /// For endpoints that may be anywhere.
    anywhere: Clients,
    /// For those that are public only. Apart from the others, so that no connection of theirs is used that was made without a guard.
    guarded: Clients,
}

/// Several clients, because an HTTP/2 connection carries only so many streams and each client has one per host.
#[derive(Debug)]
struct Clients {
    clients: Vec<OneClient>,
    next: AtomicUsize,
}

impl Upstreams {
    pub(crate) fn new(config: &GatewayConfig) -> Result<Self, TlsError> {
        let tls = tls(config.upstream_ca_file.as_deref())?;
        let clients = |guard| {
            let connector = TimedConnector::new(tls.clone(), config.connect_timeout(), by_system(), guard);
            Clients::new(config, &connector)
        };
        let guard = Guard::new(config.allowed_networks.clone());
        let of_thread = |_| OfThread { anywhere: clients(None), guarded: clients(Some(guard.clone())) };
        Ok(Self((0..=config.threads()).map(of_thread).collect()))
    }

    /// Sends a request to this endpoint, once. The future is lazy only as far as the connection; it owns all that it needs.
    pub(crate) fn send(&self, request: Request<UpstreamBody>, endpoint: &LiveEndpoint) -> ResponseFuture {
        let mine = self.0.get(workers::number()).unwrap_or(&self.0[0]);
        let clients = if endpoint.entry.public_only { &mine.guarded } else { &mine.anywhere };
        clients.send(request, endpoint.base.is_https())
    }
}

impl Clients {
    fn new(config: &GatewayConfig, connector: &TimedConnector) -> Self {
        let client = || {
            Client::builder(TokioExecutor::new())
                .timer(TokioTimer::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(config.upstream_pool_idle())
                // What was sent may have been worked on, and paid for: a broken connection is an error, not a reason to send again.
                .retry_canceled_requests(false)
                .http1_max_buf_size(HTTP1_BUFFER_BYTES)
                .http2_initial_stream_window_size(HTTP2_STREAM_WINDOW_BYTES)
                .http2_initial_connection_window_size(HTTP2_CONNECTION_WINDOW_BYTES)
                .http2_keep_alive_interval(HTTP2_PING_EVERY)
                .http2_keep_alive_timeout(HTTP2_PING_TIMEOUT)
                .http2_keep_alive_while_idle(true)
                .build(connector.clone())
        };
        let most = usize::from(config.upstream_http2_connections).max(1);
        let count = most.div_ceil(config.threads()).max(HTTP2_CONNECTIONS_OF_THREAD).min(most);
        Self { clients: (0..count).map(|_| client()).collect(), next: AtomicUsize::new(0) }
    }

    fn send(&self, request: Request<UpstreamBody>, is_https: bool) -> ResponseFuture {
        // Plain HTTP is HTTP/1 here, whose connections are best shared in one pool.
        let turn = if is_https { self.next.fetch_add(1, Ordering::Relaxed) % self.clients.len() } else { 0 };
        self.clients[turn].request(request.map(Box::pin))
    }
}

/// Trusts the public authorities, and those in `more`.
fn tls(more: Option<&Path>) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = more {
        let unreadable = |source| TlsError::ReadAuthorities { path: path.to_owned(), source };
        let certificates = CertificateDer::pem_file_iter(path).map_err(unreadable)?;
        let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
        let given = certificates.len();
        let (added, _) = roots.add_parsable_certificates(certificates);
        if added == 0 || added < given {
            return Err(TlsError::NoAuthority { path: path.to_owned() });
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests;
