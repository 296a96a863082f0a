//! OpenAI's formats and those of everyone who copied them: chat, completions, responses, embeddings, and rerank
//! as Cohere, Jina and vLLM answer it. One reader for all: the names do not collide.

use tollgate_domain::StatedUsage;

use super::{End, Extraction, Meaning};
use crate::usage::lenient::{Content, Count, Lenient, List, Something, Text, lenient_struct};
use crate::wire::Surface;

lenient_struct! {
    /// A body, a chunk, or an event.
    struct Document<'a> {
        kind: Text<'a> = "type",
        model: Text<'a> = "model",
        usage: Usage<'a> = "usage",
        error: Something = "error",
        choices: List<Choice<'a>> = "choices",
        delta: Content = "delta",
        partial_image: Something = "partial_image_b64",
        /// Responses: the item of `response.output_item.done`; for some kinds of item there is no delta before
        /// it.
        item: Content = "item",
        /// Responses: the whole response inside an event.
        response: Response<'a> = "response",
        /// Responses: at the top level of a body that is not streamed.
        status: Text<'a> = "status",
        incomplete: Incomplete<'a> = "incomplete_details",
        groq: Groq<'a> = "x_groq",
        /// Cohere.
        meta: Meta<'a> = "meta",
        /// Ollama's own API.
        prompt_eval_count: Count = "prompt_eval_count",
        eval_count: Count = "eval_count",
        done_reason: Text<'a> = "done_reason",
        /// Some answer: Responses, embeddings, rerank.
        output: Something = "output",
        data: Something = "data",
        embeddings: Something = "embeddings",
        results: Something = "results",
    }
}

lenient_struct! {
    struct Choice<'a> {
        finish_reason: Text<'a> = "finish_reason",
        delta: Content = "delta",
        message: Content = "message",
        text: Content = "text",
        error: Something = "error",
    }
}

lenient_struct! {
    struct Response<'a> {
        model: Text<'a> = "model",
        usage: Usage<'a> = "usage",
        status: Text<'a> = "status",
        error: Something = "error",
        incomplete: Incomplete<'a> = "incomplete_details",
    }
}

lenient_struct! {
    struct Incomplete<'a> {
        reason: Text<'a> = "reason",
    }
}

lenient_struct! {
    struct Groq<'a> {
        usage: Usage<'a> = "usage",
        error: Something = "error",
    }
}

lenient_struct! {
    struct Meta<'a> {
        tokens: Usage<'a> = "tokens",
        billed: Billed<'a> = "billed_units",
    }
}

lenient_struct! {
    struct Billed<'a> {
        input_tokens: Count = "input_tokens",
        output_tokens: Count = "output_tokens",
        search_units: Count = "search_units",
    }
}

lenient_struct! {
    struct Usage<'a> {
        prompt_tokens: Count = "prompt_tokens" | "promptTokens",
        input_tokens: Count = "input_tokens" | "inputTokens",
        completion_tokens: Count = "completion_tokens" | "completionTokens",
        output_tokens: Count = "output_tokens" | "outputTokens",
        total_tokens: Count = "total_tokens" | "totalTokens",
        /// Cohere's chat.
        tokens: Billed<'a> = "tokens",
        billed: Billed<'a> = "billed_units",
        prompt_details: InputDetails<'a> = "prompt_tokens_details",
        input_details: InputDetails<'a> = "input_tokens_details" | "input_token_details",
        completion_details: OutputDetails<'a> = "completion_tokens_details",
        output_details: OutputDetails<'a> = "output_tokens_details" | "output_token_details",
        /// Moonshot, Together.
        cached_tokens: Count = "cached_tokens",
        /// DeepSeek.
        prompt_cache_hit_tokens: Count = "prompt_cache_hit_tokens",
        /// Perplexity, and some proxies.
        reasoning_tokens: Count = "reasoning_tokens",
    }
}

lenient_struct! {
    struct InputDetails<'a> {
        cached_tokens: Count = "cached_tokens",
        cache_write_tokens: Count = "cache_write_tokens",
        audio_tokens: Count = "audio_tokens",
        image_tokens: Count = "image_tokens",
        cached: CachedDetails<'a> = "cached_tokens_details",
    }
}

lenient_struct! {
    struct CachedDetails<'a> {
        audio_tokens: Count = "audio_tokens",
        image_tokens: Count = "image_tokens",
    }
}

lenient_struct! {
    struct OutputDetails<'a> {
        reasoning_tokens: Count = "reasoning_tokens",
        audio_tokens: Count = "audio_tokens",
    }
}

/// The last word on every count.
#[derive(Debug, Default)]
pub(super) struct Counts {
    prompt: Option<i64>,
    completion: Option<i64>,
    total: Option<i64>,
    cached: Option<i64>,
    reasoning: Option<i64>,
    audio_input: Option<i64>,
    audio_output: Option<i64>,
    image_input: Option<i64>,
}

impl Counts {
    fn take(&mut self, usage: &Usage<'_>) {
        let input = [&usage.prompt_details, &usage.input_details];
        let output = [&usage.completion_details, &usage.output_details];
        let in_input = |count: fn(&InputDetails<'_>) -> Option<i64>| input.into_iter().find_map(count);
        let in_output = |count: fn(&OutputDetails<'_>) -> Option<i64>| output.into_iter().find_map(count);
        // The cached part of the audio is priced as cache, so what is left counts as audio.
        let uncached =
            |all: Option<i64>, cached: Option<i64>| all.map(|all| all.saturating_sub(cached.unwrap_or(0)));
        let last = |field: &mut Option<i64>, stated: Option<i64>| *field = stated.or(*field);

        let nested = [&usage.tokens, &usage.billed];
        let in_nested = |count: fn(&Billed<'_>) -> Option<i64>| nested.into_iter().find_map(count);
        let prompt = usage.prompt_tokens.0.or(usage.input_tokens.0);
        last(&mut self.prompt, prompt.or_else(|| in_nested(|tokens| tokens.input_tokens.0)));
        let completion = usage.completion_tokens.0.or(usage.output_tokens.0);
        last(&mut self.completion, completion.or_else(|| in_nested(|tokens| tokens.output_tokens.0)));
        last(&mut self.total, usage.total_tokens.0);
        let cached = in_input(|details| details.cached_tokens.0);
        last(&mut self.cached, cached.or(usage.cached_tokens.0).or(usage.prompt_cache_hit_tokens.0));
        let reasoning = in_output(|details| details.reasoning_tokens.0);
        last(&mut self.reasoning, reasoning.or(usage.reasoning_tokens.0));
        let audio = in_input(|details| details.audio_tokens.0);
        last(&mut self.audio_input, uncached(audio, in_input(|details| details.cached.audio_tokens.0)));
        let image = in_input(|details| details.image_tokens.0);
        last(&mut self.image_input, uncached(image, in_input(|details| details.cached.image_tokens.0)));
        last(&mut self.audio_output, in_output(|details| details.audio_tokens.0));
    }

    pub(super) fn stated(&self, surface: Surface) -> Option<StatedUsage> {
        let (mut prompt, mut completion) = (self.prompt, self.completion);
        if matches!(surface, Surface::Embeddings | Surface::Rerank) {
            // There is no completion, so a lone total is the prompt.
            completion = completion.or_else(|| prompt.or(self.total).map(|_| 0));
        }
        match (prompt, completion, self.total) {
            (None, None, None) => return None,
            (None, Some(completion), Some(total)) => prompt = Some(total.saturating_sub(completion)),
            (Some(prompt), None, Some(total)) => completion = Some(total.saturating_sub(prompt)),
            _ => {}
        }
        Some(StatedUsage {
            prompt_tokens: prompt,
            completion_tokens: completion,
            total_tokens: self.total,
            reasoning_tokens: self.reasoning.unwrap_or(0),
            cache_read_tokens: self.cached.unwrap_or(0),
            cache_write_5m_tokens: 0,
            cache_write_1h_tokens: 0,
            audio_input_tokens: self.audio_input.unwrap_or(0),
            audio_output_tokens: self.audio_output.unwrap_or(0),
            image_input_tokens: self.image_input.unwrap_or(0),
        })
    }
}

impl Extraction {
    pub(super) fn openai(&mut self, json: &[u8]) -> serde_json::Result<Meaning> {
        if json.trim_ascii() == b"[DONE]" {
            return Ok(Meaning { end: End::Yes, ..Meaning::default() });
        }
        let document: Document<'_> = serde_json::from_slice(json)?;
        let response = &document.response;
        self.name_model(response.model.get().or(document.model.get()));
        self.openai_usage(&document);
        for choice in document.choices.items() {
            self.finish(choice.finish_reason.get());
            self.is_error |= choice.error.0;
        }
        self.finish(document.done_reason.get());
        let kind = document.kind.get().unwrap_or_default();
        let incomplete = if response.is_present() { &response.incomplete } else { &document.incomplete };
        let status = if response.is_present() { response.status.get() } else { document.status.get() };
        if self.surface == Surface::Responses && !matches!(status, Some("queued" | "in_progress")) {
            self.finish(incomplete.reason.get().or(status));
        }
        let failed = kind == "error" || kind == "response.failed" || status == Some("failed");
        self.is_error |= failed || document.error.0 || response.error.0 || document.groq.error.0;
        self.answered |= document.choices.0.is_some()
            || kind.starts_with("response.")
            || (document.output.0 && !matches!(status, Some("queued" | "in_progress")))
            || document.data.0
            || document.embeddings.0
            || document.results.0;
        let is_end = matches!(kind, "response.completed" | "response.incomplete" | "response.failed");
        let in_choices = |choice: &Choice<'_>| choice.delta.0 || choice.message.0 || choice.text.0;
        Ok(Meaning {
            content: document.choices.items().iter().any(in_choices)
                || (document.delta.0 && is_delta(kind))
                || (kind == "response.output_item.done" && document.item.0)
                || document.partial_image.0
                || document.output.0
                || document.data.0,
            end: if is_end { End::Yes } else { End::No },
            only_usage: document.usage.is_present()
                && document.choices.0.as_ref().is_some_and(Vec::is_empty)
                && !document.error.0,
            ..Meaning::default()
        })
    }

    /// The least authoritative first: the last one that states a count wins.
    fn openai_usage(&mut self, document: &Document<'_>) {
        let pair = |input_tokens, output_tokens| Usage { input_tokens, output_tokens, ..Usage::default() };
        let ollama = pair(document.prompt_eval_count, document.eval_count);
        let billed = pair(document.meta.billed.input_tokens, document.meta.billed.output_tokens);
        self.billed_otherwise |= document.meta.billed.search_units.0.is_some();
        let (groq, response) = (&document.groq.usage, &document.response.usage);
        for usage in [&ollama, &billed, &document.meta.tokens, groq, &document.usage, response] {
            self.openai.take(usage);
            let writes = [&usage.prompt_details, &usage.input_details];
            let written =
                |details: &&InputDetails<'_>| details.cache_write_tokens.0.is_some_and(|tokens| tokens > 0);
            self.flags.cache_write_as_input |= writes.iter().any(written);
        }
    }
}

fn is_delta(kind: &str) -> bool {
    kind.rsplit('.').next() == Some("delta")
}
