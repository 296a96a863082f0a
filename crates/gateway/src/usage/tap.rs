//! Drives the reading of one response: which bytes may flow, which wait for the record, and what they said.
//!
//! What flows is what came, in order; the one thing ever left out is the usage chunk that only we asked for.
//! Event streams flow frame by frame: the part of a frame that has come waits for the rest (a client cannot act
//! on it before either), unless it is a comment, or the frame very large. From the end marker on bytes are held
//! for the record. Where the body is encoded, positions in it are unknown, so the whole chunk with the marker
//! is held.
//!
//! Held from: `data: [DONE]`, `message_stop`, `response.completed` / `incomplete` / `failed`; a Gemini chunk
//! with a `finishReason`, and after it always the latest chunk; the last bracket of a JSON body; with a
//! `Content-Length`, at the latest the chunk that completes it. The end of the body itself is the caller's to
//! hold.

use std::sync::LazyLock;

use bytes::Bytes;
use memchr::memmem::Finder;
use tollgate_domain::UsageSource;

use super::Observed;
use super::decode::{ContentEncoding, Decoder};
use super::extract::{End, Extraction, Meaning};
use super::reader::{Kind, Mark, Reader};
use crate::wire::{Pieces, Surface};

/// The most that is held. What comes after an end marker is a few bytes; a provider that sends more is not made
/// to wait for.
pub const HELD_LIMIT: usize = 512 * 1024;

/// English text, as most vocabularies cut it.
const BYTES_PER_TOKEN: usize = 4;

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
    /// Whether the usage chunk was asked for by us alone
    /// ([`crate::wire::request::RequestFacts::injected_usage`]).
    pub injected_usage: bool,
    /// Whether somebody wants to know how long the answer is while it comes ([`ResponseTap::written`]).
    pub follows_length: bool,
}

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyEnd {
    /// The upstream ended it properly.
    Complete,
    /// The upstream broke it off, or paused for too long.
    Cut,
    /// We cut it: whoever waited for it has gone.
    Abandoned,
    /// We cut it: its customer's money is used up.
    Spent,
}

/// What came of one chunk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tapped {
    /// Bytes that may go to the client now. What is missing is held, and comes out of a later push or of
    /// [`ResponseTap::finish`].
    pub flow: Pieces,
    /// The first byte of content was in this chunk. Said once.
    pub first_content: bool,
    /// The answer is over (in this chunk or before): only the end of the body is still to come.
    pub terminal: bool,
}

/// The end of a response: what it said, and the bytes that waited for the record.
#[derive(Debug)]
pub struct Finished {
    /// What the response said.
    pub observed: Observed,
    /// The last bytes for the client, to be released when the record is durable.
    pub held: Pieces,
}

/// Reads one response. `push` every chunk, `finish` once, then release what it held.
#[derive(Debug)]
pub struct ResponseTap {
    surface: Surface,
    status: u16,
    injected_usage: bool,
    content_length: Option<u64>,
    pushed: u64,
    body: Body,
    first_content_said: bool,
    /// The part of a frame that has come.
    tail: Pieces,
    /// What waits for the record.
    held: Pieces,
    /// What was done with the last frame, and is to be done with the LF that may still belong to it.
    last: Fate,
    held_overflow: bool,
    follows_length: bool,
    written: Written,
}

/// A frame that was cut in two is one token up to this length: of a longer one most is content, whatever it is.
const LONG_FRAME: usize = 2048;

/// How long the answer in an event stream is so far, as a guess: a frame with content is a token, and more where it is longer than the
/// shortest one.
#[derive(Debug, Clone, Copy)]
struct Written {
    tokens: u64,
    shortest: usize,
    /// Of a frame that has not ended.
    begun: usize,
}

impl Written {
    const NOTHING: Self = Self { tokens: 0, shortest: usize::MAX, begun: 0 };

    /// A frame has ended, with the bytes `here` of this chunk.
    fn frame(&mut self, surface: Surface, here: &[u8]) {
        let begun = std::mem::take(&mut self.begun);
        let length = begun + here.len();
        if begun > 0 {
            // What was cut in two is looked at no closer, and says nothing of how long the others are: it may be no content at all.
            self.tokens += 1;
            self.tokens += (length.saturating_sub(LONG_FRAME) / BYTES_PER_TOKEN) as u64;
        } else if has_content(surface, here) {
            self.shortest = self.shortest.min(length);
            self.tokens += 1 + ((length - self.shortest) / BYTES_PER_TOKEN) as u64;
        }
    }
}

// Made once: to prepare a search takes longer than to search a frame.
static RESPONSES_DELTA: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b".delta\""));
static BLOCK_DELTA: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"content_block_delta"));
static PARTS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"parts\""));
static DELTA: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"delta\""));
static TEXT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"text\""));

/// Whether a frame looks as if it brought a part of the answer. Others are long, or come while nothing is said.
fn has_content(surface: Surface, frame: &[u8]) -> bool {
    let has = |sign: &Finder<'_>| sign.find(frame).is_some();
    match surface {
        Surface::Responses => has(&RESPONSES_DELTA),
        Surface::AnthropicMessages => has(&BLOCK_DELTA),
        Surface::GeminiGenerate | Surface::GeminiStreamGenerate => has(&PARTS),
        _ => has(&DELTA) || has(&TEXT),
    }
}

/// What becomes of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Flow,
    Hold,
    Drop,
}

#[derive(Debug)]
enum Body {
    Plain(Box<Reader>),
    Encoded { decoder: Box<Decoder<Reader>>, broken: bool },
}

impl ResponseTap {
    /// A tap for one response.
    pub fn new(surface: Surface, head: ResponseHead<'_>) -> Self {
        let mut extraction = Extraction::new(surface);
        let encoding = ContentEncoding::parse(head.content_encoding);
        extraction.flags.unknown_encoding = encoding == ContentEncoding::Unknown;
        let event_stream = head.content_type.is_some_and(is_event_stream);
        let keep_text = surface.is_metered() && (200..300).contains(&head.status);
        let reader = if encoding == ContentEncoding::Unknown {
            Reader::opaque(extraction)
        } else {
            Reader::new(extraction, event_stream, keep_text)
        };
        let body = match Decoder::new(encoding, reader) {
            Ok(decoder) => Body::Encoded { decoder: Box::new(decoder), broken: false },
            Err(reader) => Body::Plain(Box::new(reader)),
        };
        Self {
            surface,
            status: head.status,
            injected_usage: head.injected_usage,
            content_length: head.content_length,
            pushed: 0,
            body,
            first_content_said: false,
            tail: Pieces::new(),
            held: Pieces::new(),
            last: Fate::Flow,
            held_overflow: false,
            follows_length: head.follows_length,
            written: Written::NOTHING,
        }
    }

    /// Takes the next bytes of the response.
    pub fn push(&mut self, chunk: Bytes) -> Tapped {
        let mut flow = Pieces::new();
        if chunk.is_empty() {
            return Tapped { flow, first_content: false, terminal: self.is_over() };
        }
        self.pushed += chunk.len() as u64;
        match &mut self.body {
            Body::Encoded { .. } => self.push_encoded(chunk, &mut flow),
            Body::Plain(reader) => {
                let begin = reader.begin(&chunk);
                match reader.kind() {
                    Kind::EventStream => self.push_frames(&chunk, begin, &mut flow),
                    Kind::Json => self.push_json(&chunk, &mut flow),
                    Kind::Undecided | Kind::Opaque => flow.push(chunk),
                }
            }
        }
        if self.held.len() > HELD_LIMIT {
            self.held_overflow = true;
            flow.append(std::mem::take(&mut self.held));
        }
        if self.content_length == Some(self.pushed) && self.held.is_empty() && self.tail.is_empty() {
            self.held.extend_last(&mut flow);
        }
        Tapped { flow, first_content: self.first_content(), terminal: self.is_over() }
    }

    /// About how many tokens of an answer have come, in an event stream that can be read as it is; `None` of any other body, which nobody could
    /// end with an error of ours.
    pub fn written(&self) -> Option<u64> {
        match &self.body {
            Body::Plain(reader) if reader.kind() == Kind::EventStream => Some(self.written.tokens),
            Body::Plain(_) | Body::Encoded { .. } => None,
        }
    }

    /// The response has ended. `held` goes to the client after the record is durable, or at once where nobody
    /// waits.
    pub fn finish(mut self, end: BodyEnd) -> Finished {
        let meaning = self.reader().and_then(Reader::finish);
        let only_usage = meaning.is_some_and(|meaning| meaning.only_usage);
        let mut held = std::mem::take(&mut self.held);
        if !(self.injected_usage && only_usage) {
            held.append(std::mem::take(&mut self.tail));
        }
        Finished { observed: self.observe(end), held }
    }

    fn reader(&mut self) -> Option<&mut Reader> {
        match &mut self.body {
            Body::Plain(reader) => Some(reader),
            Body::Encoded { decoder, .. } => decoder.sink(),
        }
    }

    fn end(&mut self) -> End {
        self.reader().map_or(End::No, |reader| reader.end)
    }

    fn is_over(&mut self) -> bool {
        self.end() == End::Yes
    }

    fn first_content(&mut self) -> bool {
        if self.first_content_said {
            return false;
        }
        let surface = self.surface;
        self.first_content_said = self.reader().is_none_or(|reader| match reader.kind() {
            Kind::Undecided => false,
            Kind::Json if surface != Surface::GeminiStreamGenerate => true,
            Kind::Json | Kind::EventStream => reader.content_seen,
            Kind::Opaque => true,
        });
        self.first_content_said
    }

    fn push_frames(&mut self, chunk: &Bytes, begin: usize, flow: &mut Pieces) {
        let Body::Plain(reader) = &mut self.body else { return };
        let mut places = Places { flow, held: &mut self.held, tail: &mut self.tail };
        if begin > 0 {
            places.put(self.last, chunk.slice(..begin));
        }
        // Frames that flow are put together: `run` is what flows next.
        let (mut run, mut at) = (begin..begin, begin);
        let mut from = begin;
        loop {
            let before = reader.end;
            let Some(Mark { position, meaning }) = reader.next(chunk, &mut at) else { break };
            if self.follows_length {
                self.written.frame(self.surface, &chunk[from..position]);
            }
            from = position;
            let fate = fate_of(before, meaning, self.injected_usage);
            self.last = fate;
            if fate == Fate::Flow {
                places.untail(fate);
                run.end = position;
                continue;
            }
            places.flow.push(chunk.slice(run.clone()));
            if before == End::Maybe && meaning.data && fate == Fate::Hold {
                // The end was none: what was held for it may go, and the latest frame is held instead.
                places.flow.append(std::mem::take(places.held));
            }
            places.untail(fate);
            places.put(fate, chunk.slice(run.end..position));
            run = position..position;
        }
        self.written.begun += chunk.len() - from;
        if run == (0..chunk.len()) && !reader.in_oversized_frame() {
            places.flow.push(chunk.clone());
            return;
        }
        places.flow.push(chunk.slice(run.clone()));
        let rest = chunk.slice(run.end..);
        if reader.in_oversized_frame() {
            let fate = if reader.end == End::No { Fate::Flow } else { Fate::Hold };
            places.untail(fate);
            places.put(fate, rest);
        } else if places.tail.is_empty() && is_comments(&rest) {
            // A keep-alive is for those between us and the client, and must not wait for a blank line.
            places.put(if reader.end == End::No { Fate::Flow } else { Fate::Hold }, rest);
        } else {
            places.tail.push(rest);
        }
    }

    fn push_json(&mut self, chunk: &Bytes, flow: &mut Pieces) {
        let Body::Plain(reader) = &mut self.body else { return };
        let mut hold_from = if self.held.is_empty() { chunk.len() } else { 0 };
        let mut at = 0;
        while let Some(Mark { position, meaning }) = reader.next(chunk, &mut at) {
            // A series goes on after an end that was none; its last bracket ends nothing that was not held
            // already.
            if meaning.data || self.held.is_empty() && hold_from == chunk.len() {
                flow.append(std::mem::take(&mut self.held));
                hold_from = if meaning.end == End::No { chunk.len() } else { position };
            }
        }
        if reader.is_document_stream() {
            flow.append(std::mem::take(&mut self.held));
            hold_from = chunk.len();
        }
        flow.push(chunk.slice(..hold_from));
        self.held.push(chunk.slice(hold_from..));
    }

    fn push_encoded(&mut self, chunk: Bytes, flow: &mut Pieces) {
        let Body::Encoded { decoder, broken } = &mut self.body else { return };
        if !*broken && decoder.push(&chunk).is_err() {
            *broken = true;
        }
        match self.end() {
            End::No => flow.push(chunk),
            End::Maybe => {
                flow.append(std::mem::take(&mut self.held));
                self.held.push(chunk);
            }
            End::Yes => self.held.push(chunk),
        }
    }

    fn observe(mut self, end: BodyEnd) -> Observed {
        let undecodable = matches!(self.body, Body::Encoded { broken: true, .. });
        let (status, surface) = (self.status, self.surface);
        let (held_overflow, injected) = (self.held_overflow, self.injected_usage);
        let written = self.written.tokens;
        let encoded = matches!(self.body, Body::Encoded { .. });
        let Some(reader) = self.reader() else { return Observed::unknown(surface, status) };
        let text = reader.take_text();
        let is_stream = reader.is_event_stream() || surface == Surface::GeminiStreamGenerate;
        let saw_terminal = reader.end != End::No;
        let streamed_content = is_stream && reader.content_seen;
        let more_since_usage = reader.more_since_usage;
        let is_foreign = reader.kind() == Kind::Opaque;
        let extraction = &mut reader.extraction;
        let (mut usage, mut usage_source) = extraction.usage();
        if end == BodyEnd::Spent && usage_source == UsageSource::Provider {
            // What was stated at the beginning says nothing of what came since.
            let written = i64::try_from(written).unwrap_or(i64::MAX);
            usage.completion_tokens = Some(usage.completion_tokens.unwrap_or(0).max(written));
            usage.total_tokens = None;
            usage_source = UsageSource::Estimated;
        }
        // A number that came before its answer, or beside its beginning, says nothing of what came since: Anthropic's first event states one token.
        let is_early = end != BodyEnd::Spent
            && streamed_content
            && !saw_terminal
            && (more_since_usage || usage.completion_tokens.unwrap_or(0) == 0);
        let mut flags = extraction.flags;
        flags.undecodable |= undecodable;
        flags.held_overflow |= held_overflow;
        flags.usage_not_withheld |= injected && encoded && usage_source == UsageSource::Provider;
        let observed = Observed {
            usage,
            usage_source,
            response_model: extraction.model.take(),
            finish_reason: extraction.finish_reason.take(),
            is_error: extraction.is_error || !(200..400).contains(&status),
            response_type: surface.response_type(is_stream),
            saw_terminal,
            end,
            flags,
            surface,
            status: Some(status),
            answered: extraction.answered,
            streamed_content,
            is_foreign,
            billed_otherwise: extraction.billed_otherwise,
            stated_early: None,
            text,
        };
        if is_early { observed.with_early_usage() } else { observed }
    }
}

/// What becomes of a frame with this meaning, after a stream whose end was `before` it.
fn fate_of(before: End, meaning: Meaning, injected_usage: bool) -> Fate {
    if injected_usage && meaning.only_usage {
        Fate::Drop
    } else if before == End::No && meaning.end == End::No {
        Fate::Flow
    } else {
        Fate::Hold
    }
}

/// Where bytes go.
struct Places<'a> {
    flow: &'a mut Pieces,
    held: &'a mut Pieces,
    tail: &'a mut Pieces,
}

impl Places<'_> {
    fn put(&mut self, fate: Fate, piece: Bytes) {
        match fate {
            Fate::Flow => self.flow.push(piece),
            Fate::Hold => self.held.push(piece),
            Fate::Drop => {}
        }
    }

    /// The frame whose beginning waited has ended.
    fn untail(&mut self, fate: Fate) {
        if self.tail.is_empty() {
            return;
        }
        let tail = std::mem::take(self.tail);
        match fate {
            Fate::Flow => self.flow.append(tail),
            Fate::Hold => self.held.append(tail),
            Fate::Drop => {}
        }
    }
}

/// Whether there are whole comment lines and nothing else.
fn is_comments(lines: &[u8]) -> bool {
    let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
    lines.last().is_some_and(is_end)
        && lines.split(is_end).all(|line| line.is_empty() || line.starts_with(b":"))
}

pub(crate) fn is_event_stream(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("text/event-stream")
}

#[cfg(test)]
mod tests;
