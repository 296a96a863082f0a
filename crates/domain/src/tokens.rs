//! Token counts: as a provider stated them, and as disjoint kinds that can be priced.
//!
//! Providers overlap their numbers: the prompt includes its cached part, the completion includes its
//! reasoning. [`StatedUsage`] keeps what was said, [`TokenUsage`] is the split in which no token is counted twice.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A number of tokens that fits the books: 0 to 2,147,483,647.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TokenCount(i32);

/// A stated number of tokens that is negative or larger than the books hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind} of {stated} is out of range (0 to 2147483647)")]
pub struct TokenCountError {
    /// Which count it was.
    pub kind: &'static str,
    /// What was stated.
    pub stated: i64,
}

impl TokenCount {
    /// No tokens.
    pub const ZERO: Self = Self(0);
    /// One.
    pub(crate) const ONE: Self = Self(1);

    /// Checks a stated number; `kind` names it in the error.
    pub fn new(kind: &'static str, stated: i64) -> Result<Self, TokenCountError> {
        match i32::try_from(stated) {
            Ok(count) if count >= 0 => Ok(Self(count)),
            _ => Err(TokenCountError { kind, stated }),
        }
    }

    /// The bare number, for SQL.
    pub const fn get(self) -> i32 {
        self.0
    }

    /// Takes up to `wanted` tokens away from `self` and returns how many that were.
    fn take(&mut self, wanted: Self) -> Self {
        let taken = Self(wanted.0.min(self.0));
        self.0 = self.0.saturating_sub(taken.0);
        taken
    }
}

impl fmt::Display for TokenCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Usage as stated, nothing clamped. `None` is unknown, which is never zero; the detail kinds, which most
/// providers leave out when they are zero, default to 0.
///
/// `prompt_tokens` includes the cache, audio and image parts; `completion_tokens` includes
/// `reasoning_tokens` and `audio_output_tokens`. A wire format that states it otherwise (Anthropic, Gemini) is
/// brought to this form where it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StatedUsage {
    /// Every token that went in.
    pub prompt_tokens: Option<i64>,
    /// Every token that came out.
    pub completion_tokens: Option<i64>,
    /// The total that the provider stated, which may differ from the sum.
    pub total_tokens: Option<i64>,
    /// The part of the completion that was reasoning.
    pub reasoning_tokens: i64,
    /// The part of the prompt read from a cache.
    pub cache_read_tokens: i64,
    /// The part of the prompt written to a cache that lives five minutes, or whose life was not stated.
    pub cache_write_5m_tokens: i64,
    /// The part of the prompt written to a cache that lives an hour.
    pub cache_write_1h_tokens: i64,
    /// The part of the prompt that was audio.
    pub audio_input_tokens: i64,
    /// The part of the completion that was audio.
    pub audio_output_tokens: i64,
    /// The part of the prompt that was images.
    pub image_input_tokens: i64,
}

impl StatedUsage {
    /// Whether anything at all was stated.
    pub const fn is_known(&self) -> bool {
        self.prompt_tokens.is_some() || self.completion_tokens.is_some() || self.total_tokens.is_some()
    }
}

/// Tokens in disjoint kinds: each token is in exactly one, and each kind has its own price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenUsage {
    /// Prompt tokens that are in none of the other input kinds.
    pub uncached_input: TokenCount,
    /// Prompt tokens read from a cache.
    pub cache_read: TokenCount,
    /// Prompt tokens written to a five-minute cache.
    pub cache_write_5m: TokenCount,
    /// Prompt tokens written to a one-hour cache.
    pub cache_write_1h: TokenCount,
    /// Prompt tokens of audio.
    pub audio_input: TokenCount,
    /// Prompt tokens of images.
    pub image_input: TokenCount,
    /// Completion tokens that are neither reasoning nor audio.
    pub output: TokenCount,
    /// Completion tokens of reasoning.
    pub reasoning: TokenCount,
    /// Completion tokens of audio.
    pub audio_output: TokenCount,
}

impl TokenUsage {
    /// Splits stated usage into disjoint kinds.
    ///
    /// Parts larger than their whole (cached > prompt, reasoning > completion) are clamped to it, in the
    /// order of the fields above, and `true` is returned beside the split. An unknown prompt or completion
    /// counts as none here; whether anything was known is [`StatedUsage::is_known`].
    pub fn split(stated: &StatedUsage) -> Result<(Self, bool), TokenCountError> {
        let mut input = TokenCount::new("prompt_tokens", stated.prompt_tokens.unwrap_or(0))?;
        let mut output = TokenCount::new("completion_tokens", stated.completion_tokens.unwrap_or(0))?;
        TokenCount::new("total_tokens", stated.total_tokens.unwrap_or(0))?;
        let mut clamped = false;
        let mut part = |whole: &mut TokenCount, kind, stated| {
            let wanted = TokenCount::new(kind, stated)?;
            let taken = whole.take(wanted);
            clamped |= taken != wanted;
            Ok(taken)
        };
        let cache_read = part(&mut input, "cache_read_tokens", stated.cache_read_tokens)?;
        let cache_write_5m = part(&mut input, "cache_write_5m_tokens", stated.cache_write_5m_tokens)?;
        let cache_write_1h = part(&mut input, "cache_write_1h_tokens", stated.cache_write_1h_tokens)?;
        let audio_input = part(&mut input, "audio_input_tokens", stated.audio_input_tokens)?;
        let image_input = part(&mut input, "image_input_tokens", stated.image_input_tokens)?;
        let reasoning = part(&mut output, "reasoning_tokens", stated.reasoning_tokens)?;
        let audio_output = part(&mut output, "audio_output_tokens", stated.audio_output_tokens)?;
        let usage = Self {
            uncached_input: input,
            cache_read,
            cache_write_5m,
            cache_write_1h,
            audio_input,
            image_input,
            output,
            reasoning,
            audio_output,
        };
        Ok((usage, clamped))
    }
}

#[cfg(test)]
mod tests;
