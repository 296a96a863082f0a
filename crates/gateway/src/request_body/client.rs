//! What the client sends: bounded in size, and in the time that it is waited for.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::Body as _;
use tokio::time::{Instant, Sleep};

use super::patience::Patience;

/// Why a body could not be read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientBodyError {
    /// Larger than allowed.
    TooLarge { limit: u64 },
    /// The client kept us waiting for too long.
    TimedOut,
    /// The connection broke.
    Broken,
}

/// The body of one request.
#[derive(Debug)]
pub(crate) struct ClientBody {
    body: Body,
    limit: u64,
    /// Bytes that may still come.
    room: u64,
    patience: Patience,
    deadline: Pin<Box<Sleep>>,
    is_too_large: bool,
    came_whole: bool,
    ended: bool,
}

impl ClientBody {
    pub(crate) fn new(body: Body, max_bytes: u64, patience: Patience) -> Self {
        let ended = body.is_end_stream();
        // Set when it is needed.
        let deadline = Box::pin(tokio::time::sleep(Duration::ZERO));
        Self {
            body,
            limit: max_bytes,
            room: max_bytes,
            patience,
            deadline,
            is_too_large: false,
            came_whole: ended,
            ended,
        }
    }

    /// It was read to its end, and not only as far as an error.
    pub(crate) const fn came_whole(&self) -> bool {
        self.came_whole
    }

    pub(crate) const fn is_ended(&self) -> bool {
        self.ended
    }

    /// The next bytes; `None` at the end. Trailers are left out.
    pub(crate) fn poll_chunk(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, ClientBodyError>>> {
        while !self.ended {
            if self.is_too_large {
                self.ended = true;
                return Poll::Ready(Some(Err(ClientBodyError::TooLarge { limit: self.limit })));
            }
            let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
                let until = self.patience.waits_until(Instant::now());
                if self.deadline.deadline() != until {
                    self.deadline.as_mut().reset(until);
                }
                ready!(self.deadline.as_mut().poll(cx));
                self.ended = true;
                return Poll::Ready(Some(Err(ClientBodyError::TimedOut)));
            };
            let bytes = match &frame {
                Some(Ok(frame)) => frame.data_ref().map_or(0, |chunk| chunk.len() as u64),
                Some(Err(_)) | None => 0,
            };
            self.patience.received(bytes, Instant::now());
            match frame {
                None => (self.ended, self.came_whole) = (true, true),
                Some(Err(_)) => {
                    self.ended = true;
                    return Poll::Ready(Some(Err(ClientBodyError::Broken)));
                }
                Some(Ok(frame)) => {
                    let Ok(chunk) = frame.into_data() else { continue };
                    let length = chunk.len() as u64;
                    if length > self.room {
                        // What fits is still delivered: the model may be in it, and is looked up first.
                        let fits = usize::try_from(self.room).unwrap_or(usize::MAX);
                        self.is_too_large = true;
                        self.room = 0;
                        return Poll::Ready(Some(Ok(chunk.slice(..fits))));
                    }
                    self.room -= length;
                    return Poll::Ready(Some(Ok(chunk)));
                }
            }
        }
        Poll::Ready(None)
    }

    pub(crate) async fn next_chunk(&mut self) -> Option<Result<Bytes, ClientBodyError>> {
        std::future::poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// Reads and forgets what still comes, within bounds, so that a client which sends its whole body before it reads
    /// finds our answer and not a reset connection.
    pub(crate) async fn discard(mut self, max_bytes: u64, within: Duration) {
        let mut read = 0_u64;
        let reading = async {
            while read < max_bytes
                && let Some(Ok(chunk)) = self.next_chunk().await
            {
                read += chunk.len() as u64;
            }
        };
        // Late or not, the answer has been sent: there is nobody to tell.
        drop(tokio::time::timeout(within, reading).await);
    }
}
