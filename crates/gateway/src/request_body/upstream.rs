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
    length: Option<u64>,
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
        let mut body = Self { ready, rest: None, length: None, held, progress: progress.clone() };
        if client.is_ended() {
            body.length = Some(body.ready.len() as u64);
            progress.0.lock().text = Some(adapter.into_text());
        } else {
            body.length = length.and_then(|length| adapter.adapted_length(length));
            body.rest = Some(Rest { client, adapter });
        }
        (body, progress)
    }

    fn fail(&mut self, failure: BodyFailure) -> BodyFailure {
        self.rest = None;
        self.progress.0.lock().failure = Some(failure);
        failure
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
            if let Some(piece) = self.ready.pop_front() {
                if let Some(length) = &mut self.length {
                    *length = length.saturating_sub(piece.len() as u64);
                }
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            self.held = None;
            match std::task::ready!(self.poll_rest(cx)) {
                Ok(false) if self.ready.is_empty() => return Poll::Ready(None),
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
