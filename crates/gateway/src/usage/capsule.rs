//! Reads JSON of any size and keeps the few members that matter: usage, model, errors, finish reasons.
//!
//! What matters is rebuilt as a small JSON document of the same shape, the capsule, and read by the same code
//! as a small body would be. A body of many megabytes (embeddings, images) costs its scan and no memory.
//!
//! A series of documents is read too: the elements of a top-level array (Gemini without SSE), or documents one
//! after another (NDJSON).

use super::reader::{BYTE_ORDER_MARK, is_blank};
use crate::wire::json::{Event, JsonError, Scanner};

/// The largest member kept. Usage objects are under 2 KiB, errors seldom over 10.
const MEMBER_LIMIT: usize = 32 * 1024;
/// The largest capsule. Beyond it members are left out, which only a body made for it reaches.
const CAPSULE_LIMIT: usize = 128 * 1024;
/// How many elements of `choices` or `candidates` are looked at.
const ELEMENT_LIMIT: usize = 128;

/// What [`CapsuleReader::feed`] came upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// A document ended; its capsule is in [`CapsuleReader::capsule`]. The position is that of its closing
    /// brace.
    Document(usize),
    /// The outermost array ended, at this position.
    SeriesEnd(usize),
}

/// What an object or array, on the path to what we keep, is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    /// The top-level array.
    Series,
    /// A document.
    Document,
    /// `response`, `message`: like a document.
    Nested,
    /// `choices`, `candidates`.
    List,
    /// One of those.
    Element,
}

/// What to do with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Treatment {
    Keep,
    /// Say that it is there and not empty.
    Mark,
    Enter(Level),
    Skip,
}

/// The value being kept or skipped: it ends with the next event at `depth`.
#[derive(Debug, Clone, Copy)]
struct Inside {
    depth: usize,
    keep: bool,
}

/// The reader. `Err` from [`CapsuleReader::feed`] is final.
#[derive(Default)]
pub(crate) struct CapsuleReader {
    scanner: Scanner,
    levels: Vec<Level>,
    inside: Option<Inside>,
    in_key: bool,
    key: Vec<u8>,
    capsule: Vec<u8>,
    /// Where the member that is being kept begins in the capsule, key and comma included.
    member_start: usize,
    elements: usize,
    /// A member was too large to be kept.
    pub(crate) left_out: bool,
}

impl CapsuleReader {
    /// The document that ended last.
    pub(crate) fn capsule(&self) -> &[u8] {
        &self.capsule
    }

    /// Whether everything that was opened is closed.
    pub(crate) const fn is_complete(&self) -> bool {
        self.scanner.is_complete()
    }

    /// What there is of a document that was cut off, closed so that it can be read; `None` where none has
    /// begun.
    pub(crate) fn unfinished(&mut self) -> Option<&[u8]> {
        if !self.levels.iter().any(|level| *level != Level::Series) {
            return None;
        }
        if self.inside.take().is_some_and(|inside| inside.keep) {
            self.capsule.truncate(self.member_start);
        }
        while let Some(level) = self.levels.pop() {
            match level {
                Level::Series => {}
                Level::List => self.capsule.push(b']'),
                Level::Document | Level::Nested | Level::Element => self.capsule.push(b'}'),
            }
        }
        Some(&self.capsule)
    }

    /// Scans on from `at` until something is found or the chunk is used up.
    pub(crate) fn feed(&mut self, chunk: &[u8], at: &mut usize) -> Result<Option<Found>, JsonError> {
        // The mark may have been cut, and stand behind blanks; no JSON begins with any of its bytes.
        let says_nothing = |byte: &u8| is_blank(*byte) || BYTE_ORDER_MARK.contains(byte);
        while self.scanner.is_empty() && chunk.get(*at).is_some_and(says_nothing) {
            *at += 1;
        }
        loop {
            if self.scanner.is_complete() {
                self.next_document(chunk, at);
            }
            let from = *at;
            let max_depth = self.inside.map_or(usize::MAX, |inside| inside.depth);
            let event = self.scanner.next(chunk, at, max_depth)?;
            self.copy(&chunk[from..*at]);
            let Some(event) = event else { return Ok(None) };
            if let Some(found) = self.event(event, chunk, *at) {
                return Ok(Some(found));
            }
        }
    }

    /// After one document another may follow.
    fn next_document(&mut self, chunk: &[u8], at: &mut usize) {
        let rest = chunk.get(*at..).unwrap_or_default();
        if let Some(begin) = rest.iter().position(|&byte| !is_blank(byte))
            && rest[begin] == b'{'
        {
            *at += begin;
            *self = Self { left_out: self.left_out, ..Self::default() };
        }
    }

    fn copy(&mut self, bytes: &[u8]) {
        if self.in_key {
            let room = KEY_LIMIT.saturating_sub(self.key.len());
            self.key.extend_from_slice(&bytes[..bytes.len().min(room)]);
        } else if self.inside.is_some_and(|inside| inside.keep) {
            let size = self.capsule.len() - self.member_start + bytes.len();
            if size > MEMBER_LIMIT || self.capsule.len() + bytes.len() > CAPSULE_LIMIT {
                self.capsule.truncate(self.member_start);
                self.left_out = true;
                self.inside = self.inside.map(|inside| Inside { keep: false, ..inside });
            } else {
                self.capsule.extend_from_slice(bytes);
            }
        }
    }

    fn event(&mut self, event: Event, chunk: &[u8], at: usize) -> Option<Found> {
        match event {
            Event::KeyStart => {
                self.in_key = true;
                self.key.clear();
            }
            Event::KeyEnd => {
                self.in_key = false;
                self.key.pop();
            }
            Event::StringEnd | Event::ScalarEnd => self.inside = None,
            Event::Close if self.inside.is_some() => self.inside = None,
            Event::Close => return self.leave(at - 1),
            Event::Open { .. } | Event::StringStart | Event::ScalarStart => {
                let depth = self.scanner.depth() - usize::from(matches!(event, Event::Open { .. }));
                self.begin_value(event, depth, chunk[at - 1]);
            }
        }
        None
    }

    fn begin_value(&mut self, event: Event, depth: usize, first: u8) {
        match self.treatment(event) {
            Treatment::Enter(level) => self.enter(level),
            Treatment::Keep => {
                self.begin_member();
                self.capsule.push(first);
                self.inside = Some(Inside { depth, keep: true });
            }
            Treatment::Mark => {
                self.begin_member();
                self.capsule.extend_from_slice(br#""1""#);
                self.inside = Some(Inside { depth, keep: false });
            }
            Treatment::Skip => self.inside = Some(Inside { depth, keep: false }),
        }
    }

    fn treatment(&self, event: Event) -> Treatment {
        let object = event == Event::Open { object: true };
        let array = event == Event::Open { object: false };
        match self.levels.last() {
            None | Some(Level::Series) if object => Treatment::Enter(Level::Document),
            None if array => Treatment::Enter(Level::Series),
            Some(Level::List) if object && self.elements < ELEMENT_LIMIT => Treatment::Enter(Level::Element),
            Some(level @ (Level::Document | Level::Nested)) => match self.key.as_slice() {
                b"response" | b"Response" | b"message" | b"result" | b"interaction"
                    if object && *level == Level::Document =>
                {
                    Treatment::Enter(Level::Nested)
                }
                b"choices" | b"candidates" if array => Treatment::Enter(Level::List),
                b"output" | b"content" | b"data" | b"embeddings" | b"embedding" | b"results"
                    if event != Event::ScalarStart =>
                {
                    Treatment::Mark
                }
                key if is_kept(key) => Treatment::Keep,
                _ => Treatment::Skip,
            },
            Some(Level::Element)
                if matches!(
                    self.key.as_slice(),
                    b"finish_reason" | b"finishReason" | b"error" | b"usage"
                ) =>
            {
                Treatment::Keep
            }
            // In a series it tells when the first content came; elsewhere nobody asks.
            Some(Level::Element) if self.key == b"content" && self.levels.first() == Some(&Level::Series) => {
                Treatment::Keep
            }
            _ => Treatment::Skip,
        }
    }

    fn enter(&mut self, level: Level) {
        match level {
            Level::Series => {}
            Level::Document => {
                self.capsule.clear();
                self.capsule.push(b'{');
            }
            Level::Nested => {
                self.begin_member();
                self.capsule.push(b'{');
            }
            Level::List => {
                self.elements = 0;
                self.begin_member();
                self.capsule.push(b'[');
            }
            Level::Element => {
                self.elements += 1;
                self.comma();
                self.capsule.push(b'{');
            }
        }
        self.levels.push(level);
    }

    fn leave(&mut self, position: usize) -> Option<Found> {
        match self.levels.pop() {
            Some(Level::Series) => Some(Found::SeriesEnd(position)),
            Some(Level::Document) => {
                self.capsule.push(b'}');
                Some(Found::Document(position))
            }
            Some(Level::List) => {
                self.capsule.push(b']');
                None
            }
            Some(Level::Nested | Level::Element) => {
                self.capsule.push(b'}');
                None
            }
            None => None,
        }
    }

    fn begin_member(&mut self) {
        self.member_start = self.capsule.len();
        self.comma();
        self.capsule.push(b'"');
        self.capsule.extend_from_slice(&self.key);
        self.capsule.extend_from_slice(b"\":");
    }

    fn comma(&mut self) {
        if !matches!(self.capsule.last(), None | Some(b'{' | b'[')) {
            self.capsule.push(b',');
        }
    }
}

/// It never shows what it holds.
impl std::fmt::Debug for CapsuleReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CapsuleReader").field("capsule", &self.capsule.len()).finish_non_exhaustive()
    }
}

/// The longest key that is one of ours.
const KEY_LIMIT: usize = 64;

/// Members of a document that are kept whole.
fn is_kept(key: &[u8]) -> bool {
    matches!(
        key,
        b"usage"
            | b"Usage"
            | b"usageMetadata"
            | b"usage_metadata"
            | b"x_groq"
            | b"meta"
            | b"model"
            | b"modelVersion"
            | b"model_version"
            | b"type"
            | b"status"
            | b"stop_reason"
            | b"incomplete_details"
            | b"delta"
            | b"error"
            | b"promptFeedback"
            | b"prompt_eval_count"
            | b"tokens_evaluated"
            | b"prompt_token_count"
            | b"inputTextTokenCount"
            | b"num_tokens_prompt_total"
            | b"eval_count"
            | b"tokens_predicted"
            | b"generation_token_count"
            | b"num_tokens_generated"
            | b"done_reason"
            | b"finish_reason"
            | b"stopReason"
            | b"meta_info"
            | b"stats"
            | b"metrics"
            | b"amazon-bedrock-invocationMetrics"
            | b"base_resp"
    )
}

#[cfg(test)]
mod tests;
