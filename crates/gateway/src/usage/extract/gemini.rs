//! Gemini's `generateContent`: one `GenerateContentResponse`, or a series of them as SSE or as a JSON array.

use tollgate_domain::StatedUsage;

use super::{End, Extraction, Meaning};
use crate::usage::lenient::{Content, Count, Lenient, List, Something, Text, lenient_struct};

lenient_struct! {
    struct Document<'a> {
        model: Text<'a> = "modelVersion" | "model_version",
        usage: Usage<'a> = "usageMetadata" | "usage_metadata",
        candidates: List<Candidate<'a>> = "candidates",
        feedback: Feedback<'a> = "promptFeedback" | "prompt_feedback",
        error: Something = "error",
        /// Code Assist wraps every answer.
        response: Wrapped<'a> = "response",
    }
}

lenient_struct! {
    struct Wrapped<'a> {
        model: Text<'a> = "modelVersion",
        usage: Usage<'a> = "usageMetadata",
        candidates: List<Candidate<'a>> = "candidates",
    }
}

lenient_struct! {
    struct Candidate<'a> {
        finish_reason: Text<'a> = "finishReason" | "finish_reason",
        content: Content = "content",
    }
}

lenient_struct! {
    struct Feedback<'a> {
        block_reason: Text<'a> = "blockReason" | "block_reason",
    }
}

lenient_struct! {
    struct Usage<'a> {
        prompt: Count = "promptTokenCount" | "prompt_token_count",
        tool_use_prompt: Count = "toolUsePromptTokenCount" | "tool_use_prompt_token_count",
        candidates: Count = "candidatesTokenCount" | "candidates_token_count" | "responseTokenCount",
        thoughts: Count = "thoughtsTokenCount" | "thoughts_token_count",
        cached: Count = "cachedContentTokenCount" | "cached_content_token_count",
        total: Count = "totalTokenCount" | "total_token_count",
        prompt_details: List<Modality<'a>> = "promptTokensDetails",
        tool_use_details: List<Modality<'a>> = "toolUsePromptTokensDetails",
        candidates_details: List<Modality<'a>> = "candidatesTokensDetails" | "responseTokensDetails",
        cache_details: List<Modality<'a>> = "cacheTokensDetails",
    }
}

lenient_struct! {
    struct Modality<'a> {
        name: Text<'a> = "modality",
        tokens: Count = "tokenCount",
    }
}

impl Usage<'_> {
    /// Whether it states any count at all; Vertex sends some with nothing but a `trafficType`.
    fn has_counts(&self) -> bool {
        self.prompt.0.or(self.candidates.0).or(self.thoughts.0).or(self.total.0).is_some()
    }

    fn stated(&self) -> StatedUsage {
        let or_zero = |count: Count| count.0.unwrap_or(0);
        let of = |list: &List<Modality<'_>>, modality: &str| {
            let ours = list.items().iter().filter(|entry| entry.name.get() == Some(modality));
            ours.fold(0_i64, |sum, entry| sum.saturating_add(or_zero(entry.tokens)))
        };
        // The cached part of a modality is priced as cache.
        let input = |modality: &str| {
            let all = of(&self.prompt_details, modality).saturating_add(of(&self.tool_use_details, modality));
            all.saturating_sub(of(&self.cache_details, modality))
        };
        let thoughts = or_zero(self.thoughts);
        StatedUsage {
            prompt_tokens: Some(or_zero(self.prompt).saturating_add(or_zero(self.tool_use_prompt))),
            completion_tokens: Some(or_zero(self.candidates).saturating_add(thoughts)),
            total_tokens: self.total.0,
            reasoning_tokens: thoughts,
            cache_read_tokens: or_zero(self.cached),
            cache_write_5m_tokens: 0,
            cache_write_1h_tokens: 0,
            audio_input_tokens: input("AUDIO"),
            audio_output_tokens: of(&self.candidates_details, "AUDIO"),
            image_input_tokens: input("IMAGE"),
        }
    }
}

impl Extraction {
    pub(super) fn gemini(&mut self, json: &[u8]) -> serde_json::Result<Meaning> {
        if json.trim_ascii() == b"[DONE]" {
            return Ok(Meaning { end: End::Yes, ..Meaning::default() });
        }
        let mut document: Document<'_> = serde_json::from_slice(json)?;
        if document.response.is_present() {
            let Wrapped { model, usage, candidates, .. } = std::mem::take(&mut document.response);
            (document.model, document.usage, document.candidates) = (model, usage, candidates);
        }
        self.name_model(document.model.get());
        if document.usage.is_present() && (document.usage.has_counts() || self.gemini.is_none()) {
            self.gemini = Some(document.usage.stated());
        }
        let mut end = End::No;
        self.finish(document.feedback.block_reason.get());
        for candidate in document.candidates.items() {
            let reason = candidate.finish_reason.get().filter(|reason| !reason.is_empty());
            self.finish(reason);
            if reason.is_some() {
                end = End::Maybe;
            }
        }
        self.is_error |= document.error.0;
        self.answered |= document.candidates.0.is_some() || document.feedback.is_present();
        Ok(Meaning {
            content: document.candidates.items().iter().any(|candidate| candidate.content.0),
            end,
            ..Meaning::default()
        })
    }
}
