//! Writes a document of a surface's format from arbitrary bytes, so that nearly every input is one, with every name and every kind of
//! value a provider could put there.

use crate::wire::Surface;

/// Deeper nothing is written.
const MOST_LEVELS: usize = 6;
/// An object's and a list's most members.
const MOST_MEMBERS: usize = 12;

const ROOT: [&str; 3] = ["usage", "model", "choices"];
const OPENAI: &[&str] = &[
    "usage",
    "model",
    "choices",
    "id",
    "object",
    "created",
    "type",
    "error",
    "delta",
    "item",
    "response",
    "result",
    "status",
    "incomplete_details",
    "x_groq",
    "meta",
    "prompt_eval_count",
    "eval_count",
    "done_reason",
    "finish_reason",
    "stop_reason",
    "meta_info",
    "metrics",
    "base_resp",
    "output",
    "data",
    "embeddings",
    "results",
    "interaction",
    "message",
    "usageMetadata",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "input_tokens",
    "output_tokens",
    "prompt_tokens_details",
    "completion_tokens_details",
    "input_tokens_details",
    "output_tokens_details",
    "cached_tokens",
    "reasoning_tokens",
    "audio_tokens",
    "image_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cache_creation",
    "ephemeral_1h_input_tokens",
    "cacheReadInputTokens",
    "cacheWriteInputTokens",
    "inputTokens",
    "outputTokens",
    "cacheDetails",
    "ttl",
    "tokens",
    "billed_units",
    "search_units",
    "total_input_tokens",
    "total_output_tokens",
    "total_thought_tokens",
    "content",
    "text",
    "role",
    "stats",
];
const ANTHROPIC: &[&str] = &[
    "usage",
    "model",
    "type",
    "id",
    "role",
    "content",
    "stop_reason",
    "stop_sequence",
    "message",
    "delta",
    "content_block",
    "error",
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cache_creation",
    "ephemeral_5m_input_tokens",
    "ephemeral_1h_input_tokens",
    "service_tier",
    "text",
    "thinking",
    "partial_json",
];
const GEMINI: &[&str] = &[
    "usageMetadata",
    "modelVersion",
    "candidates",
    "promptFeedback",
    "error",
    "response",
    "finishReason",
    "content",
    "blockReason",
    "promptTokenCount",
    "toolUsePromptTokenCount",
    "candidatesTokenCount",
    "thoughtsTokenCount",
    "cachedContentTokenCount",
    "totalTokenCount",
    "promptTokensDetails",
    "candidatesTokensDetails",
    "cacheTokensDetails",
    "modality",
    "tokenCount",
    "responseId",
    "usage_metadata",
    "prompt_token_count",
    "parts",
    "text",
];
const TEXTS: [&str; 16] = [
    "",
    "stop",
    "message",
    "message_start",
    "message_delta",
    "message_stop",
    "response.completed",
    "response.failed",
    "AUDIO",
    "IMAGE",
    "1h",
    "message-end",
    "queued",
    "error",
    " 12 ",
    "1e3",
];
const NUMBERS: [&str; 16] = [
    "0",
    "-0",
    "1",
    "7",
    "-1",
    "2147483647",
    "2147483648",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "-9223372036854775808",
    "1.0",
    "1.5",
    "1e3",
    "1e300",
    "123456789012345678901234567890",
];

/// A JSON document; every sequence of bytes gives one.
pub(super) fn document(surface: Surface, bytes: &[u8]) -> Vec<u8> {
    let names = match surface {
        Surface::AnthropicMessages => ANTHROPIC,
        Surface::GeminiGenerate | Surface::GeminiStreamGenerate => GEMINI,
        _ => OPENAI,
    };
    let mut writer = Writer { bytes, names, out: Vec::new() };
    writer.object(0);
    writer.out
}

struct Writer<'a> {
    bytes: &'a [u8],
    names: &'static [&'static str],
    out: Vec<u8>,
}

impl Writer<'_> {
    /// The next byte's choice among `n`; the first when they have run out.
    fn choose(&mut self, n: usize) -> usize {
        let Some((&first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        usize::from(first) % n
    }

    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn object(&mut self, level: usize) {
        let members = self.choose(MOST_MEMBERS);
        let mut used = Vec::new();
        self.text("{");
        for member in 0..members {
            let names = if level == 0 && member == 0 { &ROOT } else { self.names };
            let mut place = self.choose(names.len());
            while used.contains(&names[place]) {
                place = (place + 1) % names.len();
            }
            let name = names[place];
            used.push(name);
            self.text(if member > 0 { ",\"" } else { "\"" });
            self.text(name);
            self.text("\":");
            self.value(level + 1, name);
        }
        self.text("}");
    }

    fn value(&mut self, level: usize, name: &str) {
        // What its name says it is, nearly always; anything else now and then.
        let is_count = name.contains("oken") && !name.ends_with("etails")
            || name.ends_with("count")
            || name.ends_with("Count");
        let is_list = matches!(name, "choices" | "candidates" | "cacheDetails" | "parts")
            || name.ends_with("TokensDetails");
        let is_text =
            matches!(name, "model" | "modelVersion" | "type" | "ttl" | "modality" | "status" | "role" | "id")
                || name.to_ascii_lowercase().ends_with("reason");
        let kind = match self.choose(8) {
            0 => self.choose(7),
            _ if is_count => 1,
            _ if is_list => 3,
            _ if is_text => 2,
            _ => 4,
        };
        match kind {
            1 => {
                let number = NUMBERS[self.choose(NUMBERS.len())];
                self.text(number);
            }
            2 => {
                let text = TEXTS[self.choose(TEXTS.len())];
                self.text("\"");
                self.text(text);
                self.text("\"");
            }
            3 if level < MOST_LEVELS => {
                let members = self.choose(4);
                self.text("[");
                for member in 0..members {
                    self.text(if member > 0 { "," } else { "" });
                    self.value(level + 1, "");
                }
                self.text("]");
            }
            4 if level < MOST_LEVELS => self.object(level),
            5 => self.text("true"),
            _ => self.text("null"),
        }
    }
}
