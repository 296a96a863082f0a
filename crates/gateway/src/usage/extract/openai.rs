//! OpenAI's formats and those of everyone who copied them: chat, completions, responses, embeddings, and rerank
//! as Cohere, Jina and vLLM answer it; and the native formats that a pass-through path may bring. One reader for
//! all: the names do not collide.

use tollgate_domain::StatedUsage;

use super::{End, Extraction, Meaning, split_cache_write};
use crate::usage::lenient::{Content, Count, Lenient, List, Nested, Something, Text, lenient_struct};
use crate::wire::Surface;

lenient_struct! {
    /// A body, a chunk, or an event.
    struct Document<'a> {
        kind: Text<'a> = "type",
        model: Text<'a> = "model",
        usage: Nested<Usage<'a>> = "usage" | "Usage",
        /// Google's, on a path that is not known to be Google's.
        usage_metadata: Something = "usageMetadata",
        error: Something = "error",
        choices: List<Choice<'a>> = "choices",
        delta: Content = "delta",
        partial_image: Something = "partial_image_b64",
        /// Responses: the item of `response.output_item.done`; for some kinds of item there is no delta before
        /// it.
        item: Content = "item",
        /// Responses: the whole response inside an event.
        response: Nested<Response<'a>> = "response" | "Response",
        /// Cloudflare's own API.
        result: Nested<Response<'a>> = "result",
        /// Gemini's Interactions.
        interaction: Nested<Response<'a>> = "interaction",
        /// Responses: at the top level of a body that is not streamed.
        status: Text<'a> = "status",
        incomplete: Nested<Incomplete<'a>> = "incomplete_details",
        groq: Nested<Groq<'a>> = "x_groq",
        /// Cohere.
        meta: Nested<Meta<'a>> = "meta",
        /// The own APIs of Ollama, llama.cpp, Llama and Titan on Bedrock, Aleph Alpha.
        prompt_count: Count = "prompt_eval_count" | "tokens_evaluated" | "prompt_token_count" | "inputTextTokenCount" | "num_tokens_prompt_total",
        completion_count: Count = "eval_count" | "tokens_predicted" | "generation_token_count" | "num_tokens_generated",
        /// Theirs, Cohere's and Bedrock's.
        done_reason: Text<'a> = "done_reason" | "finish_reason" | "stop_reason" | "stopReason",
        /// The own APIs of SGLang and LM Studio.
        meta_info: Nested<Usage<'a>> = "meta_info" | "stats",
        /// Replicate; Bedrock, after the last frame of a stream.
        metrics: Nested<Metrics<'a>> = "metrics" | "amazon-bedrock-invocationMetrics",
        /// MiniMax, whose errors have status 200.
        base_response: Nested<BaseResponse<'a>> = "base_resp",
        /// Some answer: Responses, embeddings, rerank.
        output: Something = "output",
        data: Something = "data",
        embeddings: Something = "embeddings" | "embedding",
        results: Something = "results",
        /// Text Generation Inference's own API.
        details: Details<'a> = "details",
    }
}

lenient_struct! {
    struct Details<'a> {
        finish_reason: Text<'a> = "finish_reason",
        generated_tokens: Count = "generated_tokens",
        input_length: Count = "input_length",
    }
}

lenient_struct! {
    struct Choice<'a> {
        finish_reason: Text<'a> = "finish_reason",
        delta: Content = "delta",
        message: Content = "message",
        text: Content = "text",
        error: Something = "error",
        /// Moonshot's streams.
        usage: Nested<Usage<'a>> = "usage",
    }
}

lenient_struct! {
    struct Response<'a> {
        model: Text<'a> = "model",
        usage: Nested<Usage<'a>> = "usage" | "Usage",
        usage_metadata: Something = "usageMetadata",
        status: Text<'a> = "status",
        error: Something = "error",
        incomplete: Nested<Incomplete<'a>> = "incomplete_details",
        /// Cohere's first version.
        meta: Nested<Meta<'a>> = "meta",
        /// LM Studio's own API.
        stats: Nested<Usage<'a>> = "stats",
    }
}

lenient_struct! {
    struct Incomplete<'a> {
        reason: Text<'a> = "reason",
    }
}

lenient_struct! {
    struct Groq<'a> {
        usage: Nested<Usage<'a>> = "usage",
        error: Something = "error",
    }
}

lenient_struct! {
    struct Meta<'a> {
        tokens: Nested<Usage<'a>> = "tokens",
        billed: Nested<Billed<'a>> = "billed_units",
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
    /// The last event of Cohere's chat.
    struct MessageEnd<'a> {
        delta: MessageEndDelta<'a> = "delta",
    }
}

lenient_struct! {
    struct MessageEndDelta<'a> {
        usage: Nested<Usage<'a>> = "usage",
        finish_reason: Text<'a> = "finish_reason",
        error: Something = "error",
    }
}

lenient_struct! {
    struct Metrics<'a> {
        input: Count = "input_token_count" | "inputTokenCount",
        output: Count = "output_token_count" | "outputTokenCount",
        cache_read: Count = "cacheReadInputTokenCount",
        cache_write: Count = "cacheWriteInputTokenCount",
    }
}

lenient_struct! {
    struct BaseResponse<'a> {
        status_code: Count = "status_code",
    }
}

lenient_struct! {
    struct Usage<'a> {
        prompt_tokens: Count = "prompt_tokens" | "promptTokens" | "PromptTokens",
        input_tokens: Count = "input_tokens",
        completion_tokens: Count = "completion_tokens" | "completionTokens" | "CompletionTokens",
        output_tokens: Count = "output_tokens" | "outputTokens",
        total_tokens: Count = "total_tokens" | "totalTokens" | "TotalTokens",
        /// Bedrock: beside its caches, as Anthropic's.
        bedrock_input_tokens: Count = "inputTokens",
        bedrock_cache_read: Count = "cacheReadInputTokens",
        bedrock_cache_write: Count = "cacheWriteInputTokens",
        bedrock_cache_details: List<CacheDetail<'a>> = "cacheDetails",
        /// Nova's, where it is invoked by its own format; some answers have both.
        nova_cache_read: Count = "cacheReadInputTokenCount",
        nova_cache_write: Count = "cacheWriteInputTokenCount",
        /// Anthropic's names, from Anthropic's models behind a proxy.
        cache_read_input_tokens: Count = "cache_read_input_tokens",
        cache_creation_input_tokens: Count = "cache_creation_input_tokens",
        cache_creation: Nested<CacheCreation<'a>> = "cache_creation",
        /// Gemini's Interactions.
        total_input_tokens: Count = "total_input_tokens" | "totalInputTokens",
        total_output_tokens: Count = "total_output_tokens" | "totalOutputTokens",
        total_thought_tokens: Count = "total_thought_tokens" | "totalThoughtTokens" | "total_reasoning_tokens",
        total_tool_use_tokens: Count = "total_tool_use_tokens" | "totalToolUseTokens",
        total_cached_tokens: Count = "total_cached_tokens" | "totalCachedTokens",
        /// Cohere's chat.
        tokens: Nested<Billed<'a>> = "tokens",
        billed: Nested<Billed<'a>> = "billed_units",
        prompt_details: Nested<InputDetails<'a>> = "prompt_tokens_details",
        /// OpenAI's runs.
        prompt_detail: Nested<InputDetails<'a>> = "prompt_token_details",
        input_details: Nested<InputDetails<'a>> = "input_tokens_details" | "input_token_details",
        completion_details: Nested<OutputDetails<'a>> = "completion_tokens_details",
        completion_detail: Nested<OutputDetails<'a>> = "completion_token_details",
        output_details: Nested<OutputDetails<'a>> = "output_tokens_details" | "output_token_details",
        /// Moonshot, Together.
        cached_tokens: Count = "cached_tokens",
        /// DeepSeek.
        prompt_cache_hit_tokens: Count = "prompt_cache_hit_tokens",
        /// Perplexity, and some proxies.
        reasoning_tokens: Count = "reasoning_tokens" | "reasoning_output_tokens",
    }
}

lenient_struct! {
    struct InputDetails<'a> {
        cached_tokens: Count = "cached_tokens",
        cache_write_tokens: Count = "cache_write_tokens",
        /// Perplexity.
        cache_read_input_tokens: Count = "cache_read_input_tokens",
        /// Qwen, LiteLLM.
        cache_creation_tokens: Count = "cache_creation_input_tokens" | "cache_creation_tokens",
        cache_creation: CacheCreation<'a> = "cache_creation" | "cache_creation_token_details",
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
    struct CacheCreation<'a> {
        one_hour: Count = "ephemeral_1h_input_tokens",
    }
}

lenient_struct! {
    struct CacheDetail<'a> {
        lifetime: Text<'a> = "ttl",
        tokens: Count = "inputTokens",
    }
}

lenient_struct! {
    struct OutputDetails<'a> {
        reasoning_tokens: Count = "reasoning_tokens",
        audio_tokens: Count = "audio_tokens",
    }
}

impl Usage<'_> {
    /// Whether it states what the whole came to, and is not just `{}`.
    fn states_tokens(&self) -> bool {
        [self.prompt_tokens, self.input_tokens, self.completion_tokens, self.output_tokens, self.total_tokens]
            .iter()
            .any(|count| count.0.is_some())
    }

    fn prompt(&self) -> Option<i64> {
        let interaction = plus(self.total_input_tokens, self.total_tool_use_tokens);
        self.prompt_tokens.0.or(self.input_tokens.0).or(self.bedrock_input_tokens.0).or(interaction)
    }

    fn completion(&self) -> Option<i64> {
        let interaction = plus(self.total_output_tokens, self.total_thought_tokens);
        self.completion_tokens.0.or(self.output_tokens.0).or(interaction)
    }

    /// Of the prompt. The first that states something counts.
    fn input_details(&self) -> [&InputDetails<'_>; 3] {
        [&self.prompt_details, &self.input_details, &self.prompt_detail]
    }

    /// What was written to a cache, and the part of it that lives an hour. `cache_write_tokens` is not among it:
    /// see the module above.
    fn cache_write(&self) -> (Option<i64>, Option<i64>) {
        let inside =
            |count: fn(&InputDetails<'_>) -> Option<i64>| self.input_details().into_iter().find_map(count);
        let bedrock = self.bedrock_cache_details.items();
        let bedrock_hour = bedrock.iter().find(|detail| detail.lifetime.get() == Some("1h"));
        let bedrock = self.bedrock_cache_write.0.or(self.nova_cache_write.0);
        let all = self.cache_creation_input_tokens.0.or(bedrock);
        let one_hour = self.cache_creation.one_hour.0.or(bedrock_hour.and_then(|detail| detail.tokens.0));
        (
            all.or_else(|| inside(|details| details.cache_creation_tokens.0)),
            one_hour.or_else(|| inside(|details| details.cache_creation.one_hour.0)),
        )
    }

    /// Whether the prompt leaves out the caches that are stated beside it.
    fn caches_are(&self) -> Option<Caches> {
        let stated = self.cache_read_input_tokens.0.or(self.cache_creation_input_tokens.0);
        let bedrock =
            [self.bedrock_cache_read, self.bedrock_cache_write, self.nova_cache_read, self.nova_cache_write];
        if bedrock.iter().any(|count| count.0.is_some()) {
            Some(Caches::Beside)
        } else if stated.is_none() {
            None
        } else if self.prompt_tokens.0.is_some() {
            Some(Caches::InsideUnlessTotal)
        } else {
            Some(Caches::BesideUnlessTotal)
        }
    }
}

/// Where the cached parts of a prompt are counted. OpenAI's names say inside, Anthropic's beside; where a proxy
/// mixes the two, the total tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caches {
    Beside,
    BesideUnlessTotal,
    InsideUnlessTotal,
}

/// The sum, where the first is known.
fn plus(count: Count, more: Count) -> Option<i64> {
    count.0.map(|count| count.saturating_add(more.0.unwrap_or(0)))
}

/// The last word on every count.
#[derive(Debug, Default)]
pub(super) struct Counts {
    prompt: Option<i64>,
    completion: Option<i64>,
    total: Option<i64>,
    cached: Option<i64>,
    cache_write: Option<i64>,
    one_hour: Option<i64>,
    caches: Option<Caches>,
    reasoning: Option<i64>,
    audio_input: Option<i64>,
    audio_output: Option<i64>,
    image_input: Option<i64>,
    /// The answer has embeddings in it.
    embeds: bool,
}

impl Counts {
    fn take(&mut self, usage: &Usage<'_>) {
        let output = [&*usage.completion_details, &*usage.output_details, &*usage.completion_detail];
        let in_input =
            |count: fn(&InputDetails<'_>) -> Option<i64>| usage.input_details().into_iter().find_map(count);
        let in_output = |count: fn(&OutputDetails<'_>) -> Option<i64>| output.into_iter().find_map(count);
        // The cached part of the audio is priced as cache, so what is left counts as audio.
        let uncached =
            |all: Option<i64>, cached: Option<i64>| all.map(|all| all.saturating_sub(cached.unwrap_or(0)));
        let last = |field: &mut Option<i64>, stated: Option<i64>| *field = stated.or(*field);

        let nested = [&*usage.tokens, &*usage.billed];
        let in_nested = |count: fn(&Billed<'_>) -> Option<i64>| nested.into_iter().find_map(count);
        last(&mut self.prompt, usage.prompt().or_else(|| in_nested(|tokens| tokens.input_tokens.0)));
        last(&mut self.completion, usage.completion().or_else(|| in_nested(|tokens| tokens.output_tokens.0)));
        last(&mut self.total, usage.total_tokens.0);
        let cached = in_input(|details| details.cached_tokens.0.or(details.cache_read_input_tokens.0));
        let beside = [
            usage.cached_tokens,
            usage.prompt_cache_hit_tokens,
            usage.cache_read_input_tokens,
            usage.bedrock_cache_read,
            usage.nova_cache_read,
            usage.total_cached_tokens,
        ];
        last(&mut self.cached, cached.or_else(|| beside.iter().find_map(|count| count.0)));
        let (cache_write, one_hour) = usage.cache_write();
        last(&mut self.cache_write, cache_write);
        last(&mut self.one_hour, one_hour);
        self.caches = usage.caches_are().or(if usage.prompt().is_none() { self.caches } else { None });
        let reasoning = in_output(|details| details.reasoning_tokens.0).or(usage.reasoning_tokens.0);
        last(&mut self.reasoning, reasoning.or(usage.total_thought_tokens.0));
        let audio = in_input(|details| details.audio_tokens.0);
        last(&mut self.audio_input, uncached(audio, in_input(|details| details.cached.audio_tokens.0)));
        let image = in_input(|details| details.image_tokens.0);
        last(&mut self.image_input, uncached(image, in_input(|details| details.cached.image_tokens.0)));
        last(&mut self.audio_output, in_output(|details| details.audio_tokens.0));
    }

    pub(super) fn stated(&self, surface: Surface) -> Option<StatedUsage> {
        let (mut prompt, mut completion) = (self.prompt, self.completion);
        if matches!(surface, Surface::Embeddings | Surface::Rerank) || self.embeds {
            // There is no completion.
            completion = completion.or_else(|| prompt.or(self.total).map(|_| 0));
        }
        match (prompt, completion, self.total) {
            (None, None, None) => return None,
            (None, Some(completion), Some(total)) => prompt = Some(total.saturating_sub(completion)),
            (Some(prompt), None, Some(total)) => completion = Some(total.saturating_sub(prompt)),
            // A path of its own that states nothing else is an embedding's or a ranking's. A chat's total has parts
            // that nobody states: unknown is never zero, and the record stays unrated.
            (None, None, Some(total)) if surface == Surface::PassThrough => {
                (prompt, completion) = (Some(total), Some(0));
            }
            _ => {}
        }
        let cached = self.cached.unwrap_or(0);
        let (five_minutes, one_hour) = split_cache_write(self.cache_write, None, self.one_hour);
        let caches = cached.saturating_add(five_minutes).saturating_add(one_hour);
        if self.caches_are_beside(prompt, completion, caches) {
            prompt = prompt.map(|prompt| prompt.saturating_add(caches));
        }
        Some(StatedUsage {
            prompt_tokens: prompt,
            completion_tokens: completion,
            total_tokens: self.total,
            reasoning_tokens: self.reasoning.unwrap_or(0),
            cache_read_tokens: cached,
            cache_write_5m_tokens: five_minutes,
            cache_write_1h_tokens: one_hour,
            audio_input_tokens: self.audio_input.unwrap_or(0),
            audio_output_tokens: self.audio_output.unwrap_or(0),
            image_input_tokens: self.image_input.unwrap_or(0),
        })
    }

    fn caches_are_beside(&self, prompt: Option<i64>, completion: Option<i64>, caches: i64) -> bool {
        let without = prompt.unwrap_or(0).saturating_add(completion.unwrap_or(0));
        match self.caches {
            None => false,
            Some(Caches::Beside) => true,
            Some(Caches::BesideUnlessTotal) => self.total != Some(without),
            Some(Caches::InsideUnlessTotal) => self.total == Some(without.saturating_add(caches)),
        }
    }
}

impl Extraction {
    pub(super) fn openai(&mut self, json: &[u8]) -> serde_json::Result<Meaning> {
        if json.trim_ascii() == b"[DONE]" {
            return Ok(Meaning { end: End::Yes, ..Meaning::default() });
        }
        let document: Document<'_> = serde_json::from_slice(json)?;
        let kind = document.kind.get().unwrap_or_default();
        let is_passed = self.surface == Surface::PassThrough;
        if is_passed
            && (kind == "message" || kind.starts_with("message_") || kind.starts_with("content_block_"))
        {
            return self.anthropic(json);
        }
        if !document.usage.is_present() && (document.usage_metadata.0 || document.response.usage_metadata.0) {
            return self.gemini(json);
        }
        let response = &document.response;
        let nested = [response, &document.result, &document.interaction];
        let model = nested.into_iter().find_map(|nested| nested.model.get());
        self.name_model(model.or(document.model.get()));
        self.openai.embeds |= is_passed && document.embeddings.0;
        self.openai_usage(&document);
        if kind == "message-end" {
            self.cohere_end(json)?;
        }
        for choice in document.choices.items() {
            self.finish(choice.finish_reason.get());
            self.is_error |= choice.error.0;
        }
        self.finish(document.done_reason.get().or(document.details.finish_reason.get()));
        let incomplete = if response.is_present() { &response.incomplete } else { &document.incomplete };
        let status = if response.is_present() { response.status.get() } else { document.status.get() };
        if self.surface == Surface::Responses && !matches!(status, Some("queued" | "in_progress")) {
            self.finish(incomplete.reason.get().or(status));
        }
        let failed = kind == "error" || kind == "response.failed" || status == Some("failed");
        let refused = document.base_response.status_code.0.is_some_and(|code| code != 0);
        self.is_error |= failed || refused || document.error.0 || response.error.0 || document.groq.error.0;
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
            only_usage: document.usage.states_tokens()
                && document.choices.0.as_ref().is_some_and(Vec::is_empty)
                && !document.error.0,
            ..Meaning::default()
        })
    }

    /// The least authoritative first: the last one that states a count wins.
    fn openai_usage(&mut self, document: &Document<'_>) {
        let pair = |input_tokens, output_tokens| Usage { input_tokens, output_tokens, ..Usage::default() };
        let metrics = &document.metrics;
        let metrics = Usage {
            bedrock_input_tokens: metrics.input,
            output_tokens: metrics.output,
            bedrock_cache_read: metrics.cache_read,
            bedrock_cache_write: metrics.cache_write,
            ..Usage::default()
        };
        let counts = pair(document.prompt_count, document.completion_count);
        let details = pair(document.details.input_length, document.details.generated_tokens);
        for usage in [&metrics, &counts, &details, &document.meta_info, &document.result.stats] {
            self.openai.take(usage);
        }
        for meta in [&document.response.meta, &document.meta] {
            self.billed_otherwise |= meta.billed.search_units.0.is_some();
            self.openai.take(&pair(meta.billed.input_tokens, meta.billed.output_tokens));
            self.openai.take(&meta.tokens);
        }
        for choice in document.choices.items() {
            self.openai.take(&choice.usage);
        }
        let nested = [&document.result.usage, &document.interaction.usage, &document.response.usage];
        for usage in [&document.groq.usage, &document.usage].into_iter().chain(nested) {
            if !usage.is_present() {
                continue;
            }
            self.openai.take(usage);
            let mut writes = usage.input_details().into_iter();
            self.flags.cache_write_as_input |=
                writes.any(|details| details.cache_write_tokens.0.is_some_and(|tokens| tokens > 0));
        }
    }

    fn cohere_end(&mut self, json: &[u8]) -> serde_json::Result<()> {
        let end: MessageEnd<'_> = serde_json::from_slice(json)?;
        self.openai.take(&end.delta.usage);
        self.finish(end.delta.finish_reason.get());
        self.is_error |= end.delta.error.0;
        Ok(())
    }
}

fn is_delta(kind: &str) -> bool {
    kind.rsplit('.').next() == Some("delta")
}
