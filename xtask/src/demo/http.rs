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
    rt::TokioExecutor,
};

/// No request of the demo takes longer, also not one to a small model on a busy machine.
const TIMEOUT: Duration = Duration::from_mins(2);

/// A whole response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
    /// From before the request was sent until after its last byte.
    pub(crate) took: Duration,
}

/// Sends one request and reads the answer to its end.
pub(crate) async fn send(request: Request<Full<Bytes>>) -> anyhow::Result<Answer> {
    let started = Instant::now();
    let exchange = async {
        let response = client().request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        anyhow::Ok((status, body))
    };
    let (status, body) = tokio::time::timeout(TIMEOUT, exchange).await.context("no answer in time")??;
    Ok(Answer { status, body, took: started.elapsed() })
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

fn client() -> &'static Client<HttpConnector, Full<Bytes>> {
    static CLIENT: OnceLock<Client<HttpConnector, Full<Bytes>>> = OnceLock::new();
    CLIENT.get_or_init(|| Client::builder(TokioExecutor::new()).build_http())
}
