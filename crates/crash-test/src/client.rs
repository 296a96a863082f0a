//! One client's request, and how much of an answer it got.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::scene::{Patience, Request};

/// Much longer than any answer takes; a client that waits so long found a gateway that hangs.
const TIMEOUT: Duration = Duration::from_secs(30);
/// What is kept of the end of a body, to find its end marker.
const TAIL_BYTES: usize = 64;

/// What a client has of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Got {
    /// A connection was made, so a gateway may have the request.
    pub(crate) sent: bool,
    /// The status, once there was a head.
    pub(crate) status: Option<u16>,
    /// The whole answer.
    pub(crate) whole: bool,
    /// It waited for nothing until its patience was at an end.
    pub(crate) hung: bool,
}

/// Sends one request, and goes away as its patience says.
pub(crate) async fn send(address: SocketAddr, key: &str, request: &Request) -> Got {
    let mut got = Got::default();
    let patience = match request.patience {
        Patience::Milliseconds(milliseconds) => Duration::from_millis(milliseconds),
        Patience::Endless | Patience::FirstBytes => TIMEOUT,
    };
    let in_time = tokio::time::timeout(patience, exchange(address, key, request, &mut got)).await;
    got.hung = in_time.is_err() && patience == TIMEOUT;
    got
}

/// Ends where the answer does, or where it breaks off. Dropped, it closes its connection.
async fn exchange(address: SocketAddr, key: &str, request: &Request, got: &mut Got) -> Option<()> {
    let connection = TcpStream::connect(address).await.ok()?;
    connection.set_nodelay(true).ok()?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(connection)).await.ok()?;
    got.sent = true;
    let mut driver = tokio::task::JoinSet::new();
    driver.spawn(connection);
    let (path, body) = request.ask();
    let request_head = hyper::Request::post(path)
        .header("host", address.to_string())
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {key}"))
        .header("traceparent", format!("00-{}-00000000000000ff-01", request.trace));
    let response = sender.send_request(request_head.body(Full::new(Bytes::from(body))).ok()?).await.ok()?;
    got.status = Some(response.status().as_u16());
    let mut body = response.into_body();
    let mut tail = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(chunk) = frame.ok()?.into_data() else { continue };
        tail.extend_from_slice(&chunk);
        tail.drain(..tail.len().saturating_sub(TAIL_BYTES));
        if request.patience == Patience::FirstBytes {
            return None;
        }
    }
    let tail = String::from_utf8_lossy(&tail);
    let ended_well = request.end_marker().is_none_or(|marker| tail.contains(marker));
    // An error comes without a stream's marker.
    got.whole = ended_well || !(200..300).contains(&got.status.unwrap_or_default());
    Some(())
}

/// A GET that no gateway meters: status and body.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let connection = TcpStream::connect(address).await.ok()?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(connection)).await.ok()?;
    let mut driver = tokio::task::JoinSet::new();
    driver.spawn(connection);
    let request =
        hyper::Request::get(path).header("host", address.to_string()).body(Full::<Bytes>::default());
    let response = sender.send_request(request.ok()?).await.ok()?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.ok()?.to_bytes();
    Some((status, String::from_utf8_lossy(&body).into_owned()))
}
