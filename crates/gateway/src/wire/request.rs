//! Adapting a request while it passes: the model's name is replaced, `stream_options` is injected, nothing else
//! changes.
//!
//! The splicer scans the top level of a JSON object in whatever chunks it comes, keeps what it was given until
//! the model is known, and releases the bytes once the caller has said what the upstream calls the model
//! ([`RequestSplicer::rewrite`]). The body is never re-serialised: what comes out is what came in, but for the
//! spans that had to change.
//!
//! ```text
//! push(chunk)* ── model() is Some ── rewrite(…) ── take() ── push(chunk), take() … ── finish() ── take()
//! ```
//!
//! Guarantees: a body with two `model` keys (which parsers read differently) is refused, and so is one that spells it in capitals (which some
//! parsers take and some do not); what is released is always a prefix of the adapted body. Held at most: all before the end of `model`, or, where `stream_options`
//! comes before `stream`, from there to `stream`. The caller bounds the body. Not checked: UTF-8 and the inside
//! of nested values; the upstream does that.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;

use super::json::{Event, Scanner};
use super::{Pieces, Surface};
use crate::usage::estimate::RequestText;

mod error;
mod field;
mod limits;
mod stream_options;

pub use error::RequestError;
use field::{Field, STREAM_OPTIONS_BIT, Spelling};
use limits::Unclear;

/// The longest key that can be one of ours, raw: every character of `max_completion_tokens` as `\u0000`, with
/// room.
const KEY_LIMIT: usize = 160;
/// The longest model name taken, raw. The longest in use are Bedrock ARNs and file paths, under 300.
const MODEL_LIMIT: usize = 2048;
/// The longest other value taken (`stream_options`), raw. A longer one is refused where usage depends on it: filled up with
/// blanks it would hide from us that it wants no usage.
const VALUE_LIMIT: usize = 4096;
/// The longest value that is looked into for what a request may cost: a `generationConfig` may hold the schema of an answer.
const LIMITS_LIMIT: usize = 64 * 1024;

/// What the top level of a request says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestFacts {
    /// The model, as the client named it.
    pub model: Option<String>,
    /// `stream`.
    pub stream: Option<bool>,
    /// `stream_options.include_usage`, as the client sent it.
    pub include_usage: Option<bool>,
    /// `background`.
    pub background: Option<bool>,
    /// The largest limit that the surface heeds: `max_tokens`, `max_completion_tokens`, `max_output_tokens`, `maxOutputTokens`.
    pub max_tokens: Option<u64>,
    /// How many answers to each prompt: the largest of `n`, `best_of`, `candidateCount`.
    pub choices: Option<u64>,
    /// How many prompts, where there are several in one request.
    pub prompts: Option<u64>,
    /// Something that decides what the request costs at most was not understood, or lies elsewhere (a stored conversation).
    pub is_unclear: bool,
    /// Whether `include_usage` was put in by us, so that the usage chunk has to be withheld.
    pub injected_usage: bool,
}

/// What to change in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rewrite<'a> {
    /// The upstream's name for the model; `None` leaves the client's.
    pub model: Option<&'a str>,
    /// Whether a streamed chat or completion that does not ask for usage shall ask for it.
    pub inject_usage: bool,
}

/// A span of the input, in absolute positions, and what takes its place.
#[derive(Debug)]
struct Edit {
    span: Range<u64>,
    replacement: Bytes,
}

#[derive(Debug, Default)]
struct Changes {
    /// The upstream's model as a JSON string.
    model: Option<Bytes>,
    inject_usage: bool,
}

/// Adapts the body of one JSON request. See the module for the order of calls.
pub struct RequestSplicer {
    surface: Surface,
    scanner: Scanner,
    facts: RequestFacts,
    /// Bit set of the fields that were seen.
    seen: u16,
    key: Vec<u8>,
    in_key: bool,
    field: Field,
    value: Vec<u8>,
    value_start: Option<u64>,
    value_overflow: bool,
    has_generation_config: bool,
    model_span: Option<Range<u64>>,
    stream_options: Option<(Range<u64>, Vec<u8>)>,
    changes: Option<Changes>,
    edits: VecDeque<Edit>,
    /// Input that was not released, and the position of its first byte.
    held: Pieces,
    held_from: u64,
    pushed: u64,
    closing_brace: u64,
    out: Pieces,
    growth: i64,
    text: RequestText,
}

impl RequestSplicer {
    /// A splicer for one body.
    pub fn new(surface: Surface) -> Self {
        Self {
            surface,
            scanner: Scanner::default(),
            facts: RequestFacts::default(),
            seen: 0,
            key: Vec::new(),
            in_key: false,
            field: Field::Other,
            value: Vec::new(),
            value_start: None,
            value_overflow: false,
            has_generation_config: false,
            model_span: None,
            stream_options: None,
            changes: None,
            edits: VecDeque::new(),
            held: Pieces::new(),
            held_from: 0,
            pushed: 0,
            closing_brace: 0,
            out: Pieces::new(),
            growth: 0,
            text: RequestText::default(),
        }
    }

    /// Takes the next bytes of the body. After an error the splicer is of no further use.
    pub fn push(&mut self, chunk: Bytes) -> Result<(), RequestError> {
        self.text.push(&chunk);
        self.scan(&chunk)?;
        self.pushed += chunk.len() as u64;
        self.held.push(chunk);
        self.release();
        Ok(())
    }

    /// The body has ended. What [`RequestSplicer::take`] gives afterwards is the rest.
    pub fn finish(&mut self) -> Result<(), RequestError> {
        if self.scanner.is_empty() {
            return Err(RequestError::Empty);
        }
        if !self.scanner.is_complete() {
            return Err(RequestError::InvalidJson(super::json::JsonError::Incomplete));
        }
        if self.facts.model.is_none() && self.surface.is_metered() && !self.surface.names_model_in_path() {
            return Err(RequestError::ModelMissing);
        }
        self.release();
        Ok(())
    }

    /// The model the client named, once it has been seen.
    pub fn model(&self) -> Option<&str> {
        self.facts.model.as_deref()
    }

    /// What has been seen so far; complete after [`RequestSplicer::finish`].
    pub const fn facts(&self) -> &RequestFacts {
        &self.facts
    }

    /// Says what to change, and with that lets the bytes go. Call it once, as soon as the model is known or the
    /// body has ended; a second call changes nothing.
    pub fn rewrite(&mut self, rewrite: Rewrite<'_>) -> Result<(), RequestError> {
        if self.changes.is_some() {
            return Ok(());
        }
        let model = rewrite.model.map(|name| Bytes::from(serde_json::Value::from(name).to_string()));
        let inject_usage = rewrite.inject_usage && self.surface.has_include_usage();
        self.changes = Some(Changes { model, inject_usage });
        if let Some(span) = self.model_span.take() {
            self.replace_model(span);
        }
        if self.scanner.is_complete() {
            self.inject_at_end();
        }
        self.settle_stream_options()?;
        self.release();
        Ok(())
    }
}

impl RequestSplicer {
    /// The adapted bytes that may go upstream now.
    pub fn take(&mut self) -> Pieces {
        std::mem::take(&mut self.out)
    }

    /// How many bytes are held back.
    pub const fn held_len(&self) -> u64 {
        self.pushed - self.held_from
    }

    /// Whether nothing that is still to come can be changed: the model has been replaced, and usage is asked for or need not be
    /// (`stream` may come last). What comes can still be refused.
    pub fn is_settled(&self) -> bool {
        let Some(changes) = &self.changes else { return false };
        if self.scanner.is_complete() {
            return true;
        }
        let facts = &self.facts;
        let model = changes.model.is_none() || self.surface.names_model_in_path() || facts.model.is_some();
        let usage = !changes.inject_usage
            || facts.stream == Some(false)
            || (facts.stream == Some(true) && (facts.injected_usage || facts.include_usage == Some(true)));
        model && usage
    }

    /// By how many bytes the adapted body is longer than the client's; for `Content-Length`. Final once
    /// [`RequestSplicer::is_settled`].
    pub const fn length_change(&self) -> i64 {
        self.growth
    }

    /// The text of the request, for an estimate of its tokens.
    pub fn into_text(self) -> RequestText {
        self.text
    }

    fn scan(&mut self, chunk: &[u8]) -> Result<(), RequestError> {
        let mut at = 0;
        loop {
            let from = at;
            let event = self.scanner.next(chunk, &mut at, 1)?;
            self.capture(&chunk[from..at]);
            let Some(event) = event else { return Ok(()) };
            let position = self.pushed + at as u64;
            match event {
                Event::Open { object } if self.scanner.depth() == 1 => {
                    if !object {
                        return Err(RequestError::NotAnObject);
                    }
                }
                Event::Close if self.scanner.depth() == 0 => {
                    self.closing_brace = position - 1;
                    self.inject_at_end();
                    self.settle_stream_options()?;
                }
                Event::StringStart | Event::ScalarStart if self.scanner.depth() == 0 => {
                    return Err(RequestError::NotAnObject);
                }
                Event::KeyStart => {
                    self.key.clear();
                    self.in_key = true;
                }
                Event::KeyEnd => self.end_key()?,
                Event::Open { .. } | Event::StringStart | Event::ScalarStart => {
                    // A prompt that is one text is as long as it may be, and of no interest.
                    let is_text = self.field == Field::Prompt && matches!(event, Event::StringStart);
                    if self.field != Field::Other && !is_text {
                        self.value.clear();
                        self.value_overflow = false;
                        self.value_start = Some(position - 1);
                        self.capture(&chunk[at - 1..at]);
                    }
                }
                Event::Close | Event::StringEnd | Event::ScalarEnd => {
                    if let Some(start) = self.value_start.take() {
                        self.end_value(start..position)?;
                    }
                }
            }
        }
    }

    /// Keeps bytes of a key or value that is being read.
    fn capture(&mut self, bytes: &[u8]) {
        if self.in_key {
            // One over the limit is enough to know that it is none of ours.
            let room = (KEY_LIMIT + 1).saturating_sub(self.key.len());
            self.key.extend_from_slice(&bytes[..bytes.len().min(room)]);
        } else if self.value_start.is_some() {
            let limit = match self.field {
                Field::Model => MODEL_LIMIT,
                Field::GenerationConfig | Field::Prompt => LIMITS_LIMIT,
                _ => VALUE_LIMIT,
            };
            let room = limit.saturating_sub(self.value.len());
            self.value_overflow |= bytes.len() > room;
            self.value.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    fn end_key(&mut self) -> Result<(), RequestError> {
        self.in_key = false;
        let (mut field, spelling) =
            if self.key.len() > KEY_LIMIT { (Field::Other, Spelling::Right) } else { self.read_key() };
        let is_none_of_it =
            if self.surface.names_model_in_path() { Field::Model } else { Field::GenerationConfig };
        if field == is_none_of_it {
            field = Field::Other;
        }
        self.field = match (field, self.surface) {
            (Field::Prompt, Surface::Completions) => Field::Prompt,
            (Field::Prompt, Surface::Responses) => Field::Stored,
            (Field::Prompt, _) => Field::Other,
            (field, _) => field,
        };
        let Some((bit, name)) = field.bit_and_name() else { return Ok(()) };
        if self.seen & bit != 0 {
            return Err(RequestError::DuplicateKey { key: name });
        }
        self.seen |= bit;
        if spelling == Spelling::Loose {
            if self.surface.is_metered() {
                return Err(RequestError::MisspelledKey { key: name });
            }
            // Elsewhere it may mean something else, as long as it stands alone.
            self.field = Field::Other;
        }
        Ok(())
    }

    fn read_key(&self) -> (Field, Spelling) {
        // The closing quote was captured too.
        let raw = self.key.strip_suffix(b"\"").unwrap_or(&self.key);
        if memchr::memchr(b'\\', raw).is_none() {
            return Field::read(raw);
        }
        let mut quoted = Vec::with_capacity(self.key.len() + 1);
        quoted.push(b'"');
        quoted.extend_from_slice(&self.key);
        serde_json::from_slice::<String>(&quoted)
            .map_or((Field::Other, Spelling::Right), |key| Field::read(key.as_bytes()))
    }

    fn end_value(&mut self, span: Range<u64>) -> Result<(), RequestError> {
        match self.field {
            Field::Model => return self.end_model(span),
            Field::Stream => self.facts.stream = stream_options::boolean(&self.value),
            Field::Background => {
                self.facts.background = stream_options::boolean(&self.value);
                if self.surface == Surface::Responses && self.facts.background == Some(true) {
                    return Err(RequestError::Background);
                }
            }
            Field::MaxTokens(_)
            | Field::Choices
            | Field::GenerationConfig
            | Field::Prompt
            | Field::Stored => {
                self.end_limit();
            }
            Field::StreamOptions if self.value_overflow => {
                if self.surface.has_include_usage() {
                    return Err(RequestError::StreamOptionsTooLong);
                }
            }
            Field::StreamOptions => {
                self.facts.include_usage = stream_options::include_usage(&self.value);
                self.stream_options = Some((span, std::mem::take(&mut self.value)));
            }
            Field::Other => {}
        }
        self.settle_stream_options()
    }

    /// A value that says what the request may cost. Whatever is not understood makes it unclear.
    fn end_limit(&mut self) {
        let facts = &mut self.facts;
        if self.value_overflow {
            facts.is_unclear = true;
            return;
        }
        let understood = match self.field {
            Field::MaxTokens(which) if limits::is_heeded(self.surface, which) => {
                limits::count(&self.value).map(|stated| facts.max_tokens = facts.max_tokens.max(stated))
            }
            Field::Choices => {
                limits::count(&self.value).map(|stated| facts.choices = facts.choices.max(stated))
            }
            // Which of two is followed, nobody knows.
            Field::GenerationConfig if std::mem::replace(&mut self.has_generation_config, true) => {
                Err(Unclear)
            }
            Field::GenerationConfig => limits::generation_config(&self.value).map(|(tokens, choices)| {
                if self.surface.names_model_in_path() {
                    facts.max_tokens = tokens;
                    facts.choices = facts.choices.max(choices);
                }
            }),
            Field::Prompt => limits::prompts(&self.value).map(|stated| {
                facts.prompts = facts.prompts.max(Some(stated));
            }),
            Field::Stored if !limits::is_null(&self.value) => Err(Unclear),
            _ => Ok(()),
        };
        facts.is_unclear |= understood.is_err();
    }

    fn end_model(&mut self, span: Range<u64>) -> Result<(), RequestError> {
        if self.value_overflow {
            return Err(RequestError::ModelTooLong);
        }
        match serde_json::from_slice::<String>(&self.value) {
            Ok(model) if model.is_empty() => Err(RequestError::ModelMissing),
            Ok(model) => {
                self.facts.model = Some(model);
                if self.changes.is_some() {
                    self.replace_model(span);
                } else {
                    self.model_span = Some(span);
                }
                Ok(())
            }
            // Elsewhere `model` may mean something else.
            Err(_) if self.surface == Surface::PassThrough => Ok(()),
            Err(_) => Err(RequestError::ModelNotAString),
        }
    }

    fn replace_model(&mut self, span: Range<u64>) {
        if let Some(name) = self.changes.as_ref().and_then(|changes| changes.model.clone()) {
            self.edit(span, name);
        }
    }

    fn wants_usage(&self) -> bool {
        self.changes.as_ref().is_some_and(|changes| changes.inject_usage)
    }

    /// Merges `include_usage` into `stream_options` once it is known whether this is a stream.
    fn settle_stream_options(&mut self) -> Result<(), RequestError> {
        if self.changes.is_none() {
            return Ok(());
        }
        let streams = self.facts.stream;
        if !self.wants_usage() || streams == Some(false) || (streams.is_none() && self.scanner.is_complete())
        {
            self.stream_options = None;
        } else if streams == Some(true)
            && let Some((span, value)) = self.stream_options.take()
            && let Some((within, replacement)) = stream_options::merge(&value)?
        {
            let start = span.start + within.start as u64;
            let end = span.start + within.end as u64;
            self.facts.injected_usage = true;
            self.edit(start..end, Bytes::from_static(replacement.as_bytes()));
        }
        Ok(())
    }

    /// Adds `stream_options` before the closing brace of a stream that has none.
    fn inject_at_end(&mut self) {
        if self.wants_usage() && self.facts.stream == Some(true) && self.seen & STREAM_OPTIONS_BIT == 0 {
            let added: &[u8] = br#","stream_options":{"include_usage":true}"#;
            self.facts.injected_usage = true;
            self.edit(self.closing_brace..self.closing_brace, Bytes::from_static(added));
        }
    }

    fn edit(&mut self, span: Range<u64>, replacement: Bytes) {
        let removed = i64::try_from(span.end - span.start).unwrap_or(i64::MAX);
        let added = i64::try_from(replacement.len()).unwrap_or(i64::MAX);
        self.growth += added - removed;
        let index = self.edits.partition_point(|edit| edit.span.start < span.start);
        self.edits.insert(index, Edit { span, replacement });
    }

    /// Lets go of all that no later byte can change.
    fn release(&mut self) {
        if self.changes.is_none() {
            return;
        }
        let mut limit = self.pushed;
        if let Some((span, _)) = &self.stream_options {
            limit = limit.min(span.start);
        }
        if let (Some(start), Field::Model | Field::StreamOptions) = (self.value_start, self.field) {
            limit = limit.min(start);
        }
        while let Some(edit) = self.edits.front()
            && edit.span.end <= limit
            && let Some(edit) = self.edits.pop_front()
        {
            self.release_up_to(edit.span.start);
            self.out.push(edit.replacement);
            self.drop_up_to(edit.span.end);
        }
        self.release_up_to(limit);
    }

    fn release_up_to(&mut self, limit: u64) {
        while let Some(piece) = self.next_held(limit) {
            self.out.push(piece);
        }
    }

    fn drop_up_to(&mut self, limit: u64) {
        while self.next_held(limit).is_some() {}
    }

    /// Takes the next held bytes that lie before `limit`.
    fn next_held(&mut self, limit: u64) -> Option<Bytes> {
        let wanted = usize::try_from(limit.saturating_sub(self.held_from)).unwrap_or(usize::MAX);
        let piece = self.held.pop_front_within(wanted)?;
        self.held_from += piece.len() as u64;
        Some(piece)
    }
}

/// It never shows what it holds.
impl std::fmt::Debug for RequestSplicer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestSplicer")
            .field("facts", &self.facts)
            .field("pushed", &self.pushed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
