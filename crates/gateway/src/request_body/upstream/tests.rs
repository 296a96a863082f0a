//! What an upstream gets of a body that is not what it was said to be, as claims.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::Body as _;
use http_body_util::BodyExt as _;

use super::{BodyFailure, UpstreamBody};
use crate::request_body::{Adapter, ClientBody, ClientBodyError, Patience};
use crate::wire::Surface;

/// A body in two chunks, declared to be `declared` bytes long; returns what went out and how it ended.
async fn pass(chunks: [&'static str; 2], declared: u64) -> (String, Result<(), BodyFailure>, bool) {
    let chunks = chunks.map(|chunk| Ok::<_, std::io::Error>(Bytes::from_static(chunk.as_bytes())));
    let body = Body::from_stream(futures_util::stream::iter(chunks));
    let client = ClientBody::new(body, 1000, Patience::new(Duration::from_secs(10), 1024));
    let adapter = Adapter::new(Surface::PassThrough, None, true);
    let (mut body, progress) = UpstreamBody::new(client, adapter, Some(declared), None);
    assert_eq!(body.size_hint().exact(), Some(declared));
    let mut out = Vec::new();
    let end = loop {
        match body.frame().await {
            Some(Ok(frame)) => out.extend_from_slice(&frame.into_data().unwrap()),
            Some(Err(failure)) => break Err(failure),
            None => break Ok(()),
        }
    };
    (String::from_utf8(out).unwrap(), end, progress.is_sent())
}

#[tokio::test]
async fn a_body_of_the_declared_length_passes_and_is_sent() {
    assert_eq!(pass(["abc", "def"], 6).await, ("abcdef".to_owned(), Ok(()), true));
}

#[tokio::test]
async fn a_body_that_is_not_of_the_declared_length_is_broken_off_before_it_completes_it() {
    let broken = Err(BodyFailure::Client(ClientBodyError::Broken));
    assert_eq!(pass(["abc", "def"], 7).await, ("abcdef".to_owned(), broken, false));
    assert_eq!(pass(["abc", "def"], 5).await, ("abc".to_owned(), broken, false));
    assert_eq!(pass(["abc", "def"], 3).await, (String::new(), broken, false));
}
