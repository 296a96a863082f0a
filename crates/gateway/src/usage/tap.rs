//! Drives the reading of one response: which bytes may flow, which wait for the record, and what they said.

use bytes::Bytes;
use tollgate_domain::{StatedUsage, UsageSource};

use super::{Observed, ObservedFlags};
use crate::wire::{Pieces, Surface};

/// What is known of a response when its head has come.
#[derive(Debug, Clone, Copy, Default)]
pub struct ResponseHead<'a> {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: Option<&'a str>,
    /// `Content-Encoding`.
    pub content_encoding: Option<&'a str>,
    /// `Content-Length`, where the upstream gave one.
    pub content_length: Option<u64>,
    /// Whether the usage chunk was asked for by us alone ([`crate::wire::request::RequestFacts::injected_usage`]).
    pub injected_usage: bool,
}

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyEnd {
    /// The upstream ended it properly.
    Complete,
    /// The connection broke, or we cut it.
    Cut,
}

/// What came of one chunk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tapped {
    /// Bytes that may go to the client now. What is missing is held: it comes out of [`ResponseTap::finish`].
    pub flow: Pieces,
    /// The first byte of content was in this chunk. Said once.
    pub first_content: bool,
    /// The end marker has been seen (in this chunk or before): time to write the record.
    pub terminal: bool,
}

/// Reads one response. Drive it: `push` every chunk, `finish` once, then release `held`.
#[derive(Debug)]
pub struct ResponseTap {
    surface: Surface,
}

/// The end of a response: what it said, and the bytes that waited for the record.
#[derive(Debug)]
pub struct Finished {
    /// What the response said.
    pub observed: Observed,
    /// The last bytes for the client, to be released when the record is durable.
    pub held: Pieces,
}

impl ResponseTap {
    /// A tap for one response.
    pub fn new(surface: Surface, _head: ResponseHead<'_>) -> Self {
        Self { surface }
    }

    /// Takes the next bytes of the response.
    pub fn push(&mut self, chunk: Bytes) -> Tapped {
        let mut flow = Pieces::new();
        flow.push(chunk);
        Tapped { flow, first_content: false, terminal: false }
    }

    /// The response has ended. `held` goes to the client after the record is durable (or at once, where nobody waits).
    pub fn finish(self, _end: BodyEnd) -> Finished {
        let observed = Observed {
            usage: StatedUsage::default(),
            usage_source: UsageSource::None,
            response_model: None,
            finish_reason: None,
            is_error: false,
            response_type: self.surface.response_type(false),
            saw_terminal: false,
            flags: ObservedFlags::default(),
            text: super::estimate::ResponseText::default(),
        };
        Finished { observed, held: Pieces::new() }
    }
}
