//! The wire formats of usage: what each provider calls its counts, brought to one form.
//!
//! A response is one JSON document or a series of them (SSE frames, array elements). `Extraction` takes them
//! one by one and keeps the last word on every fact. Rules that are not obvious, each held by recorded
//! exchanges that the tests replay, or by their table of dialects:
//!
//! - `usage: null` and `{}` state nothing. Unknown is not zero.
//! - OpenAI's family: a later usage overrides an earlier one field by field; one missing of prompt, completion
//!   and total follows from the other two. A lone total is the prompt of an embedding or a ranking, and unknown parts elsewhere.
//! - `cache_write_tokens` in OpenAI's family is counted as plain input and flagged
//!   ([`super::ObservedFlags::cache_write_as_input`]); so is vLLM's and Mistral's `num_cached_tokens`, a
//!   statistic of the engine, which is not read as a cache hit. Writes under Anthropic's names are writes.
//! - Where a proxy states Anthropic's cache counts beside OpenAI's, the total decides whether the prompt has them
//!   in it; without one the names do (`prompt_tokens` has, `input_tokens` has not). Bedrock's never has.
//! - A pass-through path may answer in any format: its documents say themselves which it is.
//! - Anthropic's `input_tokens` exclude the caches: the prompt is all three together. The last word in a stream
//!   counts field by field, zeros included, unless the whole prompt is zero then: that is an omission.
//!   `thinking_tokens` stay in the completion and are not told apart as reasoning. `iterations` are not added,
//!   though a compaction's own tokens stand only there: the expected counts are those of the top level.
//! - Gemini omits zeros (proto3), so a usage object states every count; a later one that has any count replaces
//!   the earlier one whole. Thoughts are output, and reasoning; tool-use prompts are prompt.
//! - Numbers are kept as stated, also negative and absurd ones.

use tollgate_domain::{StatedUsage, UsageSource};

use super::ObservedFlags;
use super::capsule::{CapsuleReader, Found};
use crate::wire::{Family, Surface};

mod anthropic;
mod gemini;
mod openai;

/// The longest model name or finish reason kept, in bytes: they become dimensions of the books, and a provider
/// must not fill those.
const NAME_LIMIT: usize = 200;

/// What one document meant for the stream that it came in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Meaning {
    /// It carries content of the answer.
    pub(crate) content: bool,
    /// Whether the answer ends here.
    pub(crate) end: End,
    /// It has a usage and an empty list of choices: the chunk that `include_usage` adds.
    pub(crate) only_usage: bool,
    /// There was a document at all, not just a comment or a keep-alive.
    pub(crate) data: bool,
    /// It states usage, and other than before.
    pub(crate) usage: bool,
    /// It was passed over: there is something in it, and nothing that is looked for.
    pub(crate) unread: bool,
}

/// Whether a document ends an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    /// No.
    #[default]
    No,
    /// It may, unless more comes (Gemini's `finishReason`).
    Maybe,
    /// Yes.
    Yes,
}

/// The facts of one response, collected document by document.
#[derive(Debug)]
pub(crate) struct Extraction {
    surface: Surface,
    openai: openai::Counts,
    anthropic: anthropic::Counts,
    gemini: Option<StatedUsage>,
    pub(crate) model: Option<String>,
    pub(crate) finish_reason: Option<String>,
    pub(crate) is_error: bool,
    /// A document looked like an answer of this surface, even if an empty one.
    pub(crate) answered: bool,
    /// The provider stated a price that is not in tokens (search units).
    pub(crate) billed_otherwise: bool,
    pub(crate) flags: ObservedFlags,
}

impl Extraction {
    pub(crate) fn new(surface: Surface) -> Self {
        Self {
            surface,
            openai: openai::Counts::default(),
            anthropic: anthropic::Counts::default(),
            gemini: None,
            model: None,
            finish_reason: None,
            is_error: false,
            answered: false,
            billed_otherwise: false,
            flags: ObservedFlags::default(),
        }
    }

    pub(crate) const fn surface(&self) -> Surface {
        self.surface
    }

    /// Reads one document. `event` is the name of its SSE event, if it had one.
    pub(crate) fn document(&mut self, event: Option<&[u8]>, json: &[u8]) -> Meaning {
        let before = self.usage();
        let meaning = self.meaning(event, json);
        Meaning { usage: self.usage() != before, ..meaning }
    }

    fn meaning(&mut self, event: Option<&[u8]>, json: &[u8]) -> Meaning {
        self.is_error |= event == Some(b"error");
        if let Ok(meaning) = self.read(json) {
            return meaning;
        }
        // Content can be broken (half a surrogate pair, a raw control character) in a frame whose usage is
        // fine: once more, without content, and with names that can be read.
        self.flags.malformed = true;
        let mut capsules = CapsuleReader::default();
        match capsules.feed(json, &mut 0) {
            Ok(Some(Found::Document(_))) => {
                let meaning = self.read(&readable(capsules.capsule())).unwrap_or_default();
                // What could not be read is content.
                Meaning { content: !self.is_error, ..meaning }
            }
            _ => Meaning::default(),
        }
    }

    fn read(&mut self, json: &[u8]) -> serde_json::Result<Meaning> {
        match self.surface.family() {
            Family::OpenAi => self.openai(json),
            Family::Anthropic => self.anthropic(json),
            Family::Gemini => self.gemini(json),
        }
    }

    /// The usage that was stated, and whether any was.
    pub(crate) fn usage(&self) -> (StatedUsage, UsageSource) {
        let usage = match self.surface.family() {
            Family::OpenAi => {
                self.openai.stated(self.surface).or_else(|| self.anthropic.stated()).or(self.gemini)
            }
            Family::Anthropic => self.anthropic.stated(),
            Family::Gemini => self.gemini,
        };
        match usage {
            Some(usage) => (usage, UsageSource::Provider),
            None => (StatedUsage::default(), UsageSource::None),
        }
    }

    fn name_model(&mut self, model: Option<&str>) {
        if let Some(model) = model.filter(|model| !model.is_empty()) {
            self.model = Some(bounded(model));
        }
    }

    fn finish(&mut self, reason: Option<&str>) {
        if let Some(reason) = reason.filter(|reason| !reason.is_empty()) {
            self.finish_reason = Some(bounded(reason));
        }
    }
}

/// A document whose strings hold what no JSON string may: that becomes a blank or U+FFFD, so that a broken name costs the name and
/// not the usage beside it.
fn readable(json: &[u8]) -> Vec<u8> {
    let mut text = String::from_utf8_lossy(json).into_owned().into_bytes();
    let mut at = 0;
    while let Some(byte) = text.get_mut(at) {
        if byte.is_ascii_control() {
            *byte = b' ';
        }
        if *byte != b'\\' {
            at += 1;
            continue;
        }
        // Halves of surrogate pairs, with their other half or without.
        if let Some([b'u', b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F', _, _]) =
            text.get(at + 1..at + 6)
        {
            text[at + 1..at + 6].copy_from_slice(b"ufffd");
        }
        at += 2;
    }
    text
}

/// Usage as one whole JSON document states it, and `None` where it states none. For documents that do not come
/// through a tap.
pub fn stated_usage(surface: Surface, json: &[u8]) -> Option<StatedUsage> {
    let mut extraction = Extraction::new(surface);
    extraction.document(None, json);
    match extraction.usage() {
        (usage, UsageSource::Provider) => Some(usage),
        _ => None,
    }
}

/// What was written to a cache as (five minutes, one hour). Where only the sum was said (again), what it has above
/// the hour's part lives five minutes.
fn split_cache_write(all: Option<i64>, five_minutes: Option<i64>, one_hour: Option<i64>) -> (i64, i64) {
    let one_hour = one_hour.unwrap_or(0);
    let all = all.unwrap_or_else(|| five_minutes.unwrap_or(0).saturating_add(one_hour));
    let one_hour = one_hour.min(all.max(0));
    (all.saturating_sub(one_hour), one_hour)
}

fn bounded(name: &str) -> String {
    name[..name.floor_char_boundary(NAME_LIMIT)].to_owned()
}

#[cfg(test)]
mod tests;
