//! Counting tokens where a provider stated none.
//!
//! The rule: a 2xx on a metered surface that was an answer (it had `choices`, `output`, `content`,
//! `candidates`, `data`, …), stated no usage, no error and no other unit of billing, is estimated. Everything
//! else without usage is not: an error status, an error inside a successful answer, a background answer that is
//! only queued, and a 200 that is no answer of that API at all (plain text, some other JSON).
//!
//! A body that did not end is estimated by what came of it: where the upstream broke it off, if it was a stream with
//! content; where we cut it (its client had gone), always, were it by the prompt alone. So is a request whose
//! answer had not begun. Where usage was stated at the beginning of a stream, and not again, its prompt is kept, and the completion is estimated; it is never
//! less than what was stated.
//!
//! An estimate is what the text encodes to with the vocabulary of the model's family, plus what messages cost
//! around it. Images, audio and files count nothing. Other families' vocabularies differ by some tenths; that
//! is what the flag `estimated` tells.
//!
//! Beyond the limits below the rest of the text is taken to be like its beginning.

use tollgate_domain::{StatedUsage, UsageSource};

use super::Observed;
use super::sse::{Frame, Splitter};
use super::tap::BodyEnd;
use super::text::{Role, TextCollector};
use crate::wire::Surface;

/// How much of a request's text is kept while its response is awaited. Most prompts are under 64 KiB; it is
/// held once per request in flight.
pub const REQUEST_TEXT_LIMIT: usize = 256 * 1024;
/// How much of a response is kept, raw, until its usage is known: some four hundred tokens as stream frames,
/// tens of thousands as one body.
pub const RESPONSE_SAMPLE_LIMIT: usize = 128 * 1024;
/// What a message costs beside its text (role and separators), and what starts the answer: OpenAI's own
/// counting recipe.
const TOKENS_PER_MESSAGE: u64 = 3;

/// The text of a request, bounded, kept for an estimate.
#[derive(Debug, Clone)]
pub struct RequestText {
    collected: TextCollector,
}

impl Default for RequestText {
    fn default() -> Self {
        Self { collected: TextCollector::new(Role::Request, REQUEST_TEXT_LIMIT) }
    }
}

impl RequestText {
    /// Takes the next bytes of the request's body.
    pub fn push(&mut self, chunk: &[u8]) {
        self.collected.push(chunk);
    }

    /// About how many tokens the request has.
    fn tokens(&self, tokenizer: Tokenizer) -> u64 {
        let text = &self.collected;
        let kept = text.text.len() as u64;
        let tokens = scale(tokenizer(&text.text), kept, kept + text.beyond);
        let around = if text.messages > 0 { (text.messages + 1) * TOKENS_PER_MESSAGE } else { 0 };
        tokens + text.token_ids + around
    }
}

/// The beginning of a response, bounded, kept for an estimate.
#[derive(Clone, Default)]
pub struct ResponseText {
    pub(super) is_event_stream: bool,
    sample: Vec<u8>,
    total: u64,
}

impl ResponseText {
    pub(super) fn push(&mut self, chunk: &[u8]) {
        self.total += chunk.len() as u64;
        let room = RESPONSE_SAMPLE_LIMIT.saturating_sub(self.sample.len()).min(chunk.len());
        self.sample.extend_from_slice(&chunk[..room]);
    }

    fn tokens(&self, surface: Surface, tokenizer: Tokenizer) -> u64 {
        let mut text = TextCollector::new(Role::Response, RESPONSE_SAMPLE_LIMIT);
        if self.is_event_stream {
            let (mut splitter, mut from) = (Splitter::default(), 0);
            while from < self.sample.len() {
                let end = splitter.next_end(&self.sample, from).unwrap_or(self.sample.len());
                if let Some(data) = Frame::parse(&self.sample[from..end]).data
                    && (surface != Surface::Responses || is_delta(&data))
                {
                    text.next_document();
                    text.push(&data);
                    text.finish();
                }
                from = end;
            }
        } else {
            text.push(&self.sample);
            text.finish();
        }
        scale(tokenizer(&text.text), self.sample.len() as u64, self.total)
    }
}

/// The events of a Responses stream that add text; others repeat it.
fn is_delta(data: &[u8]) -> bool {
    memchr::memmem::find(&data[..data.len().min(1024)], b".delta\"").is_some()
}

/// It never shows what it holds.
impl std::fmt::Debug for ResponseText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseText").field("total", &self.total).finish_non_exhaustive()
    }
}

impl Observed {
    /// Whether tokens have to be estimated; the rule is the module's.
    pub fn wants_estimate(&self) -> bool {
        let was_work = match self.end {
            BodyEnd::Complete => self.answered,
            BodyEnd::Cut => self.answered && self.streamed_content,
            BodyEnd::Abandoned | BodyEnd::Spent => !self.is_foreign,
        };
        was_work
            && self.usage_source == UsageSource::None
            && self.surface.is_metered()
            && self.status.is_none_or(|status| (200..300).contains(&status))
            && !self.is_error
            && !self.billed_otherwise
    }

    /// Estimates prompt and completion where [`Observed::wants_estimate`] says so, else changes nothing.
    ///
    /// Computes for some milliseconds, up to some tens at the limits: off the async threads, please. `model` is
    /// the upstream's name of the model and chooses the vocabulary.
    pub fn estimate(&mut self, request: &RequestText, model: &str) {
        if !self.wants_estimate() {
            return;
        }
        let tokenizer = tokenizer_of(model);
        let prompt = request.tokens(tokenizer);
        let completion = match self.surface {
            Surface::Embeddings | Surface::Rerank => 0,
            surface => self.text.tokens(surface, tokenizer),
        };
        let count = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
        let early = self.stated_early.take().unwrap_or_default();
        let prompt = early.prompt_tokens.filter(|&stated| stated > 0).unwrap_or(count(prompt));
        let completion = early.completion_tokens.unwrap_or(0).max(count(completion));
        self.usage = StatedUsage {
            prompt_tokens: Some(prompt),
            completion_tokens: Some(completion),
            total_tokens: Some(prompt.saturating_add(completion)),
            ..early
        };
        self.usage_source = UsageSource::Estimated;
    }
}

/// Counts the tokens of a text.
type Tokenizer = fn(&[u8]) -> u64;

/// The vocabulary of a model: cl100k for the GPT-3.5, GPT-4 and embedding models that came with it, o200k for
/// all later ones and for other families, to whose vocabularies it is the nearest that is public.
fn tokenizer_of(model: &str) -> Tokenizer {
    let name = model.rsplit('/').next().unwrap_or(model);
    let has_cl100k = name.starts_with("gpt-3.5")
        || name.starts_with("text-embedding-")
        || name == "gpt-4"
        || ["gpt-4-", "gpt-4:"].iter().any(|prefix| name.starts_with(prefix));
    if has_cl100k {
        |text| bpe_openai::cl100k_base().count(&*String::from_utf8_lossy(text)) as u64
    } else {
        |text| bpe_openai::o200k_base().count(&*String::from_utf8_lossy(text)) as u64
    }
}

/// `tokens` of a part, for the whole.
fn scale(tokens: u64, part: u64, whole: u64) -> u64 {
    if part == 0 || whole <= part {
        return tokens;
    }
    u64::try_from(u128::from(tokens) * u128::from(whole) / u128::from(part)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
