//! A constant rate of arrivals over keep-alive connections of our own, and streams that are held open.
//!
//! A latency counts from when the request was due, not from when a connection was free for it: a server that stalls is not spared the
//! requests that came meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Target;
use crate::statistics::milliseconds;

/// Latencies of requests that arrive every so often for so long, in milliseconds.
pub(super) async fn run(
    target: &Target,
    body: &Bytes,
    connections: u32,
    per_second: u32,
    seconds: u32,
) -> anyhow::Result<Vec<f64>> {
    let latencies = Arc::new(Mutex::new(Vec::new()));
    let (due, waiting) = mpsc::unbounded_channel::<Instant>();
    let waiting = Arc::new(tokio::sync::Mutex::new(waiting));
    let mut clients = JoinSet::new();
    for _ in 0..connections {
        let mut connection = connect(target).await?;
        let (target, body) = (target.clone(), body.clone());
        let (waiting, latencies) = (Arc::clone(&waiting), Arc::clone(&latencies));
        clients.spawn(async move {
            loop {
                let Some(due) = waiting.lock().await.recv().await else { return anyhow::Ok(()) };
                let response = send(&mut connection, &target, body.clone()).await?;
                response.into_body().collect().await?;
                latencies.lock().push(milliseconds(due.elapsed()));
            }
        });
    }
    let interval = Duration::from_secs(1) / per_second;
    let mut next = Instant::now();
    for _ in 0..per_second * seconds {
        next += interval;
        // That a timer is late, by up to a millisecond, is not the server's fault: what is due then is sent together, and counts from then.
        tokio::time::sleep_until(next.into()).await;
        due.send(Instant::now())?;
    }
    drop(due);
    while let Some(client) = clients.join_next().await {
        client??;
    }
    Ok(std::mem::take(&mut *latencies.lock()))
}

/// Reads so many streams to their ends over each of so many connections; how long each took, in milliseconds.
pub(super) async fn streams(
    target: &Target,
    body: &Bytes,
    connections: u32,
    each: u32,
) -> anyhow::Result<Vec<f64>> {
    let mut clients = JoinSet::new();
    for _ in 0..connections {
        let mut connection = connect(target).await?;
        let (target, body) = (target.clone(), body.clone());
        clients.spawn(async move {
            let mut took = Vec::new();
            for _ in 0..each {
                let begun = Instant::now();
                let mut response = send(&mut connection, &target, body.clone()).await?.into_body();
                while let Some(frame) = response.frame().await {
                    frame?;
                }
                took.push(milliseconds(begun.elapsed()));
            }
            anyhow::Ok(took)
        });
    }
    let mut took = Vec::new();
    while let Some(client) = clients.join_next().await {
        took.append(&mut client??);
    }
    Ok(took)
}

/// Opens so many streams that go silent after their first chunk; they last until they are dropped.
pub(super) async fn open_idle(target: &Target, body: &Bytes, count: u32) -> anyhow::Result<Vec<Idle>> {
    let mut streams = Vec::new();
    for _ in 0..count {
        let mut connection = connect(target).await?;
        let mut response = send(&mut connection, target, body.clone()).await?.into_body();
        response.frame().await.context("an idle stream ended")??;
        streams.push(Idle { _connection: connection, _response: response });
    }
    Ok(streams)
}

/// A stream that is held open.
pub(super) struct Idle {
    _connection: SendRequest<Full<Bytes>>,
    _response: Incoming,
}

async fn connect(target: &Target) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(target.address()).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn send(
    connection: &mut SendRequest<Full<Bytes>>,
    target: &Target,
    body: Bytes,
) -> anyhow::Result<Response<Incoming>> {
    connection.ready().await?;
    let request = Request::post("/v1/chat/completions")
        .header("host", target.address())
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {}", target.key))
        .body(Full::new(body))?;
    let response = connection.send_request(request).await?;
    ensure!(response.status().is_success(), "{} answered {}", target.name, response.status());
    Ok(response)
}
