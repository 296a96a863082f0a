//! `tollgate health`: asks the server beside it how it is. So an image without a shell and without curl can have a health check.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use anyhow::Context;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::Value;

use crate::{config::Config, data_dir, output::Answer};

/// A server that has not answered by then is not alive. Docker gives a check 30 seconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the server of the data directory answers.
pub(crate) async fn answer(config: &Config, ready: bool) -> anyhow::Result<Answer> {
    let address = reachable(data_dir::address_of_running(&config.data_dir)?);
    let path = if ready { "/readyz" } else { "/healthz" };
    let request = Request::get(format!("http://{address}{path}")).body(Empty::<Bytes>::new())?;
    let asked = async {
        let response = Client::builder(TokioExecutor::new()).build_http().request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        anyhow::Ok((status, body))
    };
    let (status, body) = tokio::time::timeout(PATIENCE, asked)
        .await
        .with_context(|| format!("the server on {address} has not answered in {PATIENCE:?}"))?
        .with_context(|| format!("the server on {address} cannot be asked"))?;
    let said: Value = serde_json::from_slice(&body).unwrap_or_default();
    Ok(Answer::new(&said, format!("{status}: {said}"))?.finding(!status.is_success()))
}

/// Where a server that listens on every interface is found from here.
const fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    address
}
