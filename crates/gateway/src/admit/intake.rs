//! Reading a body as far as admission needs it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::refusal::Refusal;
use crate::request_body::{Adapter, ClientBody, ClientBodyError};
use crate::wire::request::RequestFacts;

/// A body of up to this many bytes is read whole before it is sent on, so that it goes with a `Content-Length`, which
/// some upstreams insist on. Nearly every request is smaller; waiting costs nothing, since no upstream answers half a request.
const GATHERED_BYTES: u64 = 64 * 1024;

/// Of a refused request, how much is still read.
const DISCARDED_WITHIN: Duration = Duration::from_secs(10);

/// The body of a request, and how far it has been read.
#[derive(Debug)]
pub(crate) struct Intake {
    client: ClientBody,
    adapter: Adapter,
    /// The account of all requests' held bytes, and this one's part of it.
    account: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
    read: u64,
    finished: bool,
}

/// A body that was read as far as admission needed.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) client: ClientBody,
    pub(crate) adapter: Adapter,
    pub(crate) held: Option<OwnedSemaphorePermit>,
}

impl Intake {
    pub(crate) fn new(client: ClientBody, adapter: Adapter, account: Arc<Semaphore>) -> Self {
        Self { client, adapter, account, held: None, read: 0, finished: false }
    }

    /// The model that the body names, as soon as it has been read so far; `None` for a body without one.
    pub(super) async fn model(&mut self) -> Result<Option<String>, Refusal> {
        while self.adapter.names_model() && self.adapter.facts().model.is_none() && self.pull().await? {}
        Ok(self.adapter.facts().model.clone())
    }

    /// What the body has said so far.
    pub(super) fn facts(&self) -> &RequestFacts {
        self.adapter.facts()
    }

    /// How much of it has come so far.
    pub(super) const fn read_bytes(&self) -> u64 {
        self.read
    }

    /// Whether that is all, so that [`Intake::facts`] are complete.
    pub(super) const fn is_whole(&self) -> bool {
        self.finished
    }

    /// Reads a small body whole.
    pub(super) async fn gather(&mut self) -> Result<(), Refusal> {
        while self.read < GATHERED_BYTES && self.pull().await? {}
        Ok(())
    }

    /// Reads one chunk; returns whether there was one.
    async fn pull(&mut self) -> Result<bool, Refusal> {
        if self.finished {
            return Ok(false);
        }
        match self.client.next_chunk().await {
            Some(Ok(chunk)) => {
                self.read += chunk.len() as u64;
                self.hold(chunk.len())?;
                self.adapter.push(chunk)?;
                Ok(true)
            }
            Some(Err(ClientBodyError::TooLarge { limit })) => Err(Refusal::BodyTooLarge { limit }),
            Some(Err(ClientBodyError::TimedOut)) => Err(Refusal::BodyTimeout),
            Some(Err(ClientBodyError::Broken)) => Err(Refusal::BodyBroken),
            None => {
                self.finished = true;
                self.adapter.finish()?;
                Ok(false)
            }
        }
    }

    fn hold(&mut self, bytes: usize) -> Result<(), Refusal> {
        let bytes = u32::try_from(bytes).map_err(|_| Refusal::Overloaded)?;
        let permit =
            Arc::clone(&self.account).try_acquire_many_owned(bytes).map_err(|_| Refusal::Overloaded)?;
        match &mut self.held {
            Some(held) => held.merge(permit),
            None => self.held = Some(permit),
        }
        Ok(())
    }

    /// What was read, and where to go on.
    pub(crate) fn take(self) -> Taken {
        Taken { client: self.client, adapter: self.adapter, held: self.held }
    }

    /// Of a refused request: reads on, within bounds, and forgets.
    pub(crate) async fn discard(self, max_bytes: u64) {
        let Self { client, .. } = self;
        client.discard(max_bytes, DISCARDED_WITHIN).await;
    }

    /// Whether all of it was read.
    pub(crate) const fn came_whole(&self) -> bool {
        self.client.came_whole()
    }

    /// Whether nothing is left to be read, or can be.
    pub(crate) const fn is_read(&self) -> bool {
        self.client.is_ended()
    }
}
