//! Collects the text in a JSON document while it passes: what a model reads or writes, without the names around
//! it.
//!
//! Used for estimates only. Bounded: text beyond the limit is measured and not kept. Encoded data (images,
//! audio, signatures) is told from text by its look and left out.

use crate::wire::json::{Event, JsonError, Scanner};

/// From how many bytes on a string without a single space, of nothing but base64's letters, is taken to be
/// encoded data.
const OPAQUE_FROM: usize = 256;
/// The longest key compared with the lists below.
const KEY_LIMIT: usize = 32;
/// Deeper text is not collected; the scanner itself goes deeper.
const LEVEL_LIMIT: usize = 64;

/// Whose text it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Role {
    /// All of a request is the prompt (messages, tools, schemas), but for its labels.
    #[default]
    Request,
    /// Of a response, only what the model wrote.
    Response,
}

/// What is done with the values of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Class {
    /// Looked into, but strings of its own are not text.
    #[default]
    Around,
    /// Text.
    Text,
    /// Text, and so is everything in it (the arguments of a tool call).
    DeepText,
    Skip,
}

/// Collects text.
#[derive(Clone, Default)]
pub(super) struct TextCollector {
    role: Role,
    limit: usize,
    scanner: Scanner,
    broken: bool,
    /// The class of each open object or array, outermost first.
    levels: Vec<Class>,
    /// The class of the next value, from its key.
    next: Class,
    key: Vec<u8>,
    in_key: bool,
    /// Whether the key of the value is `input` or `prompt`, whose numbers are token ids.
    token_ids_here: bool,
    skip_to: Option<usize>,
    string_from: Option<usize>,
    opaque: bool,
    pub(super) text: Vec<u8>,
    /// Bytes of text that did not fit.
    pub(super) beyond: u64,
    /// Numbers given as tokens.
    pub(super) token_ids: u64,
    /// How many `role` keys there were: one a message.
    pub(super) messages: u64,
}

impl TextCollector {
    pub(super) fn new(role: Role, limit: usize) -> Self {
        Self { role, limit, next: Class::of_root(role), ..Self::default() }
    }

    /// Begins another document; the text goes on.
    pub(super) fn next_document(&mut self) {
        self.scanner = Scanner::default();
        self.broken = false;
        self.levels.clear();
        self.next = Class::of_root(self.role);
        (self.in_key, self.skip_to, self.string_from) = (false, None, None);
    }

    /// Takes the next bytes. What is no JSON adds nothing.
    pub(super) fn push(&mut self, chunk: &[u8]) {
        if !self.broken && self.scan(chunk).is_err() {
            self.broken = true;
            self.end_string();
        }
    }

    /// The document has ended, perhaps in the middle of a string.
    pub(super) fn finish(&mut self) {
        self.end_string();
    }

    fn scan(&mut self, chunk: &[u8]) -> Result<(), JsonError> {
        let mut at = 0;
        loop {
            let from = at;
            let event = self.scanner.next(chunk, &mut at, self.skip_to.unwrap_or(usize::MAX))?;
            self.copy(&chunk[from..at]);
            let Some(event) = event else { return Ok(()) };
            if self.skip_to.is_some() {
                // The one event that comes while skipping is the end of what is skipped.
                self.skip_to = None;
                continue;
            }
            self.event(event);
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::KeyStart => {
                self.in_key = true;
                self.key.clear();
            }
            Event::KeyEnd => {
                self.in_key = false;
                self.key.pop();
                self.messages += u64::from(self.key == b"role");
                self.token_ids_here = matches!(self.key.as_slice(), b"input" | b"prompt");
                let parent = self.levels.last().copied().unwrap_or_default();
                self.next = Class::of_key(self.role, &self.key, parent);
            }
            Event::Open { .. } => {
                let class = self.value_class();
                if class == Class::Skip || self.levels.len() >= LEVEL_LIMIT {
                    self.skip_to = Some(self.scanner.depth() - 1);
                } else {
                    self.levels.push(class);
                    self.next = class;
                }
            }
            Event::Close => {
                // In an array the next element is of the array's class; in an object a key comes first.
                self.levels.pop();
                self.next = self.levels.last().copied().unwrap_or_default();
            }
            Event::StringStart => match self.value_class() {
                Class::Text | Class::DeepText => self.string_from = Some(self.text.len()),
                Class::Around | Class::Skip => self.skip_to = Some(self.scanner.depth()),
            },
            Event::StringEnd => self.end_string(),
            Event::ScalarStart => {
                let is_token = self.token_ids_here && self.levels.len() > 1;
                self.token_ids += u64::from(is_token);
            }
            Event::ScalarEnd => {}
        }
    }

    const fn value_class(&self) -> Class {
        self.next
    }

    fn copy(&mut self, bytes: &[u8]) {
        if self.in_key {
            let room = (KEY_LIMIT + 1).saturating_sub(self.key.len());
            self.key.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        let Some(start) = self.string_from else { return };
        if self.opaque {
            return;
        }
        let room = self.limit.saturating_sub(self.text.len()).min(bytes.len());
        let before = self.text.len() - start;
        self.text.extend_from_slice(&bytes[..room]);
        self.beyond += (bytes.len() - room) as u64;
        if before < OPAQUE_FROM
            && let Some(first) = self.text.get(start..start + OPAQUE_FROM)
            && is_opaque(first)
        {
            self.opaque = true;
            self.text.truncate(start);
        }
    }

    /// Undoes the escapes of the string that ended and sets it off from the next one.
    fn end_string(&mut self) {
        let Some(start) = self.string_from.take() else { return };
        if std::mem::take(&mut self.opaque) || self.text.len() <= start {
            return;
        }
        if self.text.last() == Some(&b'"') {
            self.text.pop();
        }
        if memchr::memchr(b'\\', &self.text[start..]).is_some() {
            let quoted = [b"\"", &self.text[start..], b"\""].concat();
            if let Ok(plain) = serde_json::from_slice::<String>(&quoted) {
                self.text.truncate(start);
                self.text.extend_from_slice(plain.as_bytes());
            }
        }
        if self.role == Role::Request {
            self.text.push(b'\n');
        }
    }
}

/// It never shows what it holds.
impl std::fmt::Debug for TextCollector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextCollector").field("kept", &self.text.len()).finish_non_exhaustive()
    }
}

impl Class {
    const fn of_root(role: Role) -> Self {
        match role {
            Role::Request => Self::Text,
            Role::Response => Self::Around,
        }
    }

    fn of_key(role: Role, key: &[u8], parent: Self) -> Self {
        if is_label(key) || (role == Role::Response && is_beside(key)) {
            return Self::Skip;
        }
        match role {
            Role::Request => Self::Text,
            Role::Response
                if parent == Self::DeepText || matches!(key, b"args" | b"input" | b"arguments") =>
            {
                Self::DeepText
            }
            Role::Response if is_written(key) => Self::Text,
            Role::Response => Self::Around,
        }
    }
}

/// Keys whose values are about the text.
fn is_label(key: &[u8]) -> bool {
    matches!(
        key,
        b"model"
            | b"role"
            | b"id"
            | b"type"
            | b"object"
            | b"call_id"
            | b"tool_call_id"
            | b"tool_use_id"
            | b"signature"
            | b"thoughtSignature"
            | b"encrypted_content"
            | b"cache_control"
            | b"metadata"
            | b"user"
            | b"image_url"
            | b"file_data"
            | b"media_type"
            | b"mimeType"
            | b"mime_type"
            | b"url"
            | b"detail"
            | b"service_tier"
            | b"encoding_format"
            | b"reasoning_effort"
            | b"stream_options"
    )
}

/// Keys of a response whose text is not, or not once more, the model's own.
fn is_beside(key: &[u8]) -> bool {
    matches!(
        key,
        b"usage"
            | b"logprobs"
            | b"reasoning_details"
            | b"annotations"
            | b"citations"
            | b"instructions"
            | b"tools"
            | b"error"
            | b"groundingMetadata"
            | b"prompt_filter_results"
            | b"content_filter_results"
    )
}

/// Keys under which a model's own text stands.
fn is_written(key: &[u8]) -> bool {
    matches!(
        key,
        b"content"
            | b"text"
            | b"parts"
            | b"delta"
            | b"reasoning"
            | b"reasoning_content"
            | b"thinking"
            | b"partial_json"
            | b"refusal"
            | b"output_text"
            | b"transcript"
            | b"code"
            | b"name"
    )
}

fn is_opaque(start: &[u8]) -> bool {
    start.starts_with(b"data:")
        || start
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_'))
}

#[cfg(test)]
mod tests;
