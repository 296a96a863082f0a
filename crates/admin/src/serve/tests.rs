//! Connections whose clients do not do their part.

use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// More than the kernel keeps for a client.
const LARGE: usize = 64 * 1024 * 1024;

/// A connection that is served, and its client's end of it.
async fn connected(write_timeout: Duration) -> (TcpStream, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let router = Router::new().route("/", get(async || vec![b'x'; LARGE]));
    let serving = tokio::spawn(async move {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEADER_READ_TIMEOUT);
        serve_connection(stream, &http, router, write_timeout, &CancellationToken::new()).await;
    });
    (client, serving)
}

async fn ends(serving: tokio::task::JoinHandle<()>) {
    tokio::time::timeout(Duration::from_mins(1), serving).await.expect("the connection is given up").unwrap();
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_given_up() {
    let (mut client, serving) = connected(Duration::from_millis(50)).await;
    client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    ends(serving).await;
}

#[tokio::test]
async fn a_client_that_reads_a_little_now_and_then_is_given_up_too() {
    let (mut client, serving) = connected(Duration::from_millis(200)).await;
    client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let reading = tokio::spawn(async move {
        let mut some = vec![0; 4096];
        let mut pauses = tokio::time::interval(Duration::from_millis(5));
        while client.read(&mut some).await.is_ok_and(|read| read > 0) {
            pauses.tick().await;
        }
    });
    ends(serving).await;
    reading.await.unwrap();
}

#[tokio::test]
async fn a_client_that_reads_has_its_whole_answer() {
    let (mut client, serving) = connected(Duration::from_mins(1)).await;
    client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert!(answer.len() > LARGE);
    ends(serving).await;
}
