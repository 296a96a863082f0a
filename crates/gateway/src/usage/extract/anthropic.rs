//! Anthropic's messages: a whole message, or the events `message_start`, `content_block_*`, `message_delta`,
//! `message_stop`.

use tollgate_domain::StatedUsage;

use super::{End, Extraction, Meaning, split_cache_write};
use crate::usage::lenient::{Content, Count, Something, Text, lenient_struct};

lenient_struct! {
    /// A message, or an event.
    struct Document<'a> {
        kind: Text<'a> = "type",
        model: Text<'a> = "model",
        usage: Usage<'a> = "usage",
        stop_reason: Text<'a> = "stop_reason",
        error: Something = "error",
        /// `message_start`.
        message: Message<'a> = "message",
        /// `message_delta` and `content_block_delta`.
        delta: Delta<'a> = "delta",
        /// `content_block_start`.
        content_block: Content = "content_block",
    }
}

lenient_struct! {
    struct Message<'a> {
        model: Text<'a> = "model",
        usage: Usage<'a> = "usage",
        stop_reason: Text<'a> = "stop_reason",
    }
}

lenient_struct! {
    struct Delta<'a> {
        stop_reason: Text<'a> = "stop_reason",
        text: Content = "text",
        thinking: Content = "thinking",
        partial_json: Content = "partial_json",
    }
}

lenient_struct! {
    struct Usage<'a> {
        input_tokens: Count = "input_tokens",
        output_tokens: Count = "output_tokens",
        cache_read_input_tokens: Count = "cache_read_input_tokens",
        cache_creation_input_tokens: Count = "cache_creation_input_tokens",
        cache_creation: CacheCreation<'a> = "cache_creation",
    }
}

lenient_struct! {
    struct CacheCreation<'a> {
        five_minutes: Count = "ephemeral_5m_input_tokens",
        one_hour: Count = "ephemeral_1h_input_tokens",
    }
}

/// The last word on every count.
#[derive(Debug, Default)]
pub(super) struct Counts {
    input: Option<i64>,
    output: Option<i64>,
    cache_read: Option<i64>,
    cache_write: Option<i64>,
    five_minutes: Option<i64>,
    one_hour: Option<i64>,
}

impl Counts {
    fn take(&mut self, usage: &Usage<'_>) {
        let last = |field: &mut Option<i64>, stated: Count| *field = stated.0.or(*field);
        last(&mut self.output, usage.output_tokens);
        // No prompt is empty: where all of it is zero after a number, it was left out, not stated.
        let prompt = [usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens];
        if prompt.iter().all(|count| count.0.unwrap_or(0) == 0) && self.input.is_some() {
            return;
        }
        last(&mut self.input, usage.input_tokens);
        last(&mut self.cache_read, usage.cache_read_input_tokens);
        last(&mut self.cache_write, usage.cache_creation_input_tokens);
        last(&mut self.five_minutes, usage.cache_creation.five_minutes);
        last(&mut self.one_hour, usage.cache_creation.one_hour);
    }

    pub(super) fn stated(&self) -> Option<StatedUsage> {
        if self.input.is_none() && self.output.is_none() {
            return None;
        }
        let (five_minutes, one_hour) = split_cache_write(self.cache_write, self.five_minutes, self.one_hour);
        let cache_write = five_minutes.saturating_add(one_hour);
        let cache_read = self.cache_read.unwrap_or(0);
        let caches = cache_read.saturating_add(cache_write);
        Some(StatedUsage {
            prompt_tokens: self.input.map(|input| input.saturating_add(caches)),
            completion_tokens: self.output,
            total_tokens: None,
            cache_read_tokens: cache_read,
            cache_write_5m_tokens: five_minutes,
            cache_write_1h_tokens: one_hour,
            ..StatedUsage::default()
        })
    }
}

impl Extraction {
    pub(super) fn anthropic(&mut self, json: &[u8]) -> serde_json::Result<Meaning> {
        let document: Document<'_> = serde_json::from_slice(json)?;
        self.name_model(document.message.model.get().or(document.model.get()));
        self.anthropic.take(&document.message.usage);
        self.anthropic.take(&document.usage);
        for reason in [&document.message.stop_reason, &document.stop_reason, &document.delta.stop_reason] {
            self.finish(reason.get());
        }
        let kind = document.kind.get().unwrap_or_default();
        self.is_error |= kind == "error" || document.error.0;
        self.answered |= kind.starts_with("message") || kind.starts_with("content_block");
        let delta = &document.delta;
        Ok(Meaning {
            content: document.content_block.0 || delta.text.0 || delta.thinking.0 || delta.partial_json.0,
            end: if kind == "message_stop" { End::Yes } else { End::No },
            ..Meaning::default()
        })
    }
}
