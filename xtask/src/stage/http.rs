//! The smallest HTTP client that sends real requests over real sockets.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, StatusCode};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

/// No request of the demo takes longer, also not one to a small model on a busy machine.
const TIMEOUT: Duration = Duration::from_mins(2);

/// How long a connection is kept for the next request. Shorter than servers do, as SDKs have it: a request on one that is closed at the same moment
/// fails, and must not be sent again.
const IDLE: Duration = Duration::from_secs(5);

/// A whole response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
    /// From before the request was sent until after its last byte.
    pub(crate) took: Duration,
}

/// Which connection a request goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connection {
    /// One that is there, else a new one, which is kept: as SDKs do.
    Kept,
    /// A new one for this request alone.
    Fresh,
}

/// Sends one request and reads the answer to its end.
pub(crate) async fn send(request: Request<Full<Bytes>>) -> anyhow::Result<Answer> {
    send_on(Connection::Kept, request).await
}

/// Sends one request on such a connection and reads the answer to its end.
pub(crate) async fn send_on(connection: Connection, request: Request<Full<Bytes>>) -> anyhow::Result<Answer> {
    let started = Instant::now();
    let exchange = async {
        let response = client(connection).request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        anyhow::Ok((status, body))
    };
    let (status, body) = tokio::time::timeout(TIMEOUT, exchange).await.context("no answer in time")??;
    Ok(Answer { status, body, took: started.elapsed() })
}

/// Sends one request, reads the first bytes of the answer, and goes away.
pub(crate) async fn send_and_leave(request: Request<Full<Bytes>>) -> anyhow::Result<StatusCode> {
    let exchange = async {
        let response = client(Connection::Fresh).request(request).await?;
        let status = response.status();
        let mut body = response.into_body();
        if let Some(frame) = body.frame().await {
            frame?;
        }
        anyhow::Ok(status)
    };
    tokio::time::timeout(TIMEOUT, exchange).await.context("no answer in time")?
}

/// A POST of JSON.
pub(crate) fn post(
    url: &str,
    headers: &[(&str, &str)],
    body: &serde_json::Value,
) -> anyhow::Result<Request<Full<Bytes>>> {
    let mut request = Request::post(url).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Ok(request.body(Full::new(Bytes::from(serde_json::to_vec(body)?)))?)
}

/// A GET.
pub(crate) fn get(url: &str, headers: &[(&str, &str)]) -> anyhow::Result<Request<Full<Bytes>>> {
    let mut request = Request::get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Ok(request.body(Full::default())?)
}

/// Whether a GET is answered with 200.
pub(crate) async fn is_ok(url: &str) -> bool {
    let Ok(request) = get(url, &[]) else { return false };
    send(request).await.is_ok_and(|answer| answer.status == StatusCode::OK)
}

fn client(connection: Connection) -> &'static Client<HttpConnector, Full<Bytes>> {
    static KEPT: OnceLock<Client<HttpConnector, Full<Bytes>>> = OnceLock::new();
    static FRESH: OnceLock<Client<HttpConnector, Full<Bytes>>> = OnceLock::new();
    let build = |most_idle| {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(most_idle)
            .build(connector)
    };
    match connection {
        Connection::Kept => KEPT.get_or_init(|| build(usize::MAX)),
        Connection::Fresh => FRESH.get_or_init(|| build(0)),
    }
}
