//! The body as the upstream receives it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::sync::OwnedSemaphorePermit;

use super::{Adapter, ClientBody, ClientBodyError};
use crate::usage::estimate::RequestText;
use crate::wire::Pieces;
use crate::wire::request::{RequestError, RequestFacts};

/// Why a body that had begun was broken off. The upstream sees a broken connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyFailure {
    /// The client did not deliver it.
    #[error("the client's body could not be read")]
    Client(ClientBodyError),
    /// It turned out to be malformed.
    #[error(transparent)]
    Malformed(RequestError),
}

/// What has become known of a request while its body passed. Shared between the body, which the HTTP client owns,
/// and the exchange that waits for the answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    facts: RequestFacts,
    text: Option<RequestText>,
    is_sent: bool,
    failure: Option<BodyFailure>,
}

impl Progress {
    /// What the top level said, as far as it has passed.
    pub(crate) fn facts(&self) -> RequestFacts {
        self.0.lock().facts.clone()
    }

    /// The text for an estimate; empty until the body has passed whole.
    pub(crate) fn take_text(&self) -> RequestText {
        self.0.lock().text.take().unwrap_or_default()
    }

    /// Whether the whole body has been handed to the connection. Before that an upstream has half a request, which is none.
    pub(crate) fn is_sent(&self) -> bool {
        self.0.lock().is_sent
    }

    pub(crate) fn failure(&self) -> Option<BodyFailure> {
        self.0.lock().failure
    }
}

/// A body for the HTTP client. It exists once and is read once: nothing here can be sent again.
#[derive(Debug)]
pub(crate) struct UpstreamBody {
    ready: Pieces,
    /// `None` once all has passed.
    rest: Option<Rest>,
    /// Bytes that are still to go, where the upstream was told how many.
    length: Option<u64>,
    /// Whether what is ready would complete that length while the client has not come to its end. These bytes wait for it: once
    /// they are gone the upstream has a whole request, however wrong it turns out to be, and the HTTP client asks no further.
    must_see_end: bool,
    /// The account of the bytes in `ready`.
    held: Option<OwnedSemaphorePermit>,
    progress: Progress,
}

#[derive(Debug)]
struct Rest {
    client: ClientBody,
    adapter: Adapter,
}

impl UpstreamBody {
    /// Goes on where admission stopped reading; `adapter` has been told what to rewrite. `length` is the client's
    /// `Content-Length`.
    pub(crate) fn new(
        client: ClientBody,
        mut adapter: Adapter,
        length: Option<u64>,
        held: Option<OwnedSemaphorePermit>,
    ) -> (Self, Progress) {
        let progress = Progress::default();
        let ready = adapter.take();
        progress.0.lock().facts = adapter.facts().clone();
        let mut body =
            Self { ready, rest: None, length: None, must_see_end: false, held, progress: progress.clone() };
        if client.is_ended() {
            body.length = Some(body.ready.len() as u64);
            progress.0.lock().text = Some(adapter.into_text());
        } else {
            body.length = length.and_then(|length| adapter.adapted_length(length));
            body.rest = Some(Rest { client, adapter });
            body.must_see_end = body.completes_length();
        }
        (body, progress)
    }

    /// See `must_see_end`. Letting bytes go does not change it, so it is asked only when more have come.
    fn completes_length(&self) -> bool {
        self.rest.is_some() && self.length.is_some_and(|length| self.ready.len() as u64 >= length)
    }

    /// Whether the body is longer than the upstream was told, or has ended before.
    fn contradicts_its_length(&self) -> bool {
        let ready = self.ready.len() as u64;
        self.length.is_some_and(|length| ready > length || (self.rest.is_none() && ready < length))
    }

    fn fail(&mut self, failure: BodyFailure) -> BodyFailure {
        (self.rest, self.ready) = (None, Pieces::new());
        self.must_see_end = false;
        *self.progress.0.lock().failure.get_or_insert(failure)
    }

    /// Reads one chunk of the client's; returns whether there may be more.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, BodyFailure>> {
        let Some(rest) = &mut self.rest else { return Poll::Ready(Ok(false)) };
        let outcome = match std::task::ready!(rest.client.poll_chunk(cx)) {
            Some(Ok(chunk)) => rest.adapter.push(chunk).map_err(BodyFailure::Malformed).map(|()| true),
            Some(Err(error)) => Err(BodyFailure::Client(error)),
            None => rest.adapter.finish().map_err(BodyFailure::Malformed).map(|()| false),
        };
        let more = match outcome {
            Ok(more) => more,
            Err(failure) => return Poll::Ready(Err(self.fail(failure))),
        };
        self.ready.append(rest.adapter.take());
        let mut known = self.progress.0.lock();
        known.facts.clone_from(rest.adapter.facts());
        if !more && let Some(rest) = self.rest.take() {
            known.text = Some(rest.adapter.into_text());
        }
        drop(known);
        self.must_see_end = self.completes_length();
        Poll::Ready(Ok(more))
    }
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = BodyFailure;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFailure>>> {
        loop {
            if !self.must_see_end
                && let Some(piece) = self.ready.pop_front()
            {
                if let Some(length) = &mut self.length {
                    *length = length.saturating_sub(piece.len() as u64);
                }
                if self.ready.is_empty() && self.rest.is_none() {
                    self.progress.0.lock().is_sent = true;
                }
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            if self.ready.is_empty() {
                self.held = None;
            }
            match std::task::ready!(self.poll_rest(cx)) {
                Ok(_) if self.contradicts_its_length() => {
                    let failure = self.fail(BodyFailure::Client(ClientBodyError::Broken));
                    return Poll::Ready(Some(Err(failure)));
                }
                Ok(false) if self.ready.is_empty() => {
                    self.progress.0.lock().is_sent = true;
                    return Poll::Ready(None);
                }
                Ok(_) => {}
                Err(failure) => return Poll::Ready(Some(Err(failure))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ready.is_empty() && self.rest.is_none() && self.progress.failure().is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Drop for UpstreamBody {
    /// A body that was not read to its end still tells what it has seen.
    fn drop(&mut self) {
        if let Some(rest) = self.rest.take() {
            let mut known = self.progress.0.lock();
            known.facts.clone_from(rest.adapter.facts());
            known.text = Some(rest.adapter.into_text());
        }
    }
}

#[cfg(test)]
mod tests;
