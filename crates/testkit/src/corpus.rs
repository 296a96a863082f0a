//! The recorded answers of real providers.

use std::{fs, path::Path};

use bytes::Bytes;
use serde::Deserialize;

use crate::upstream::{Counts, Recorded};

/// Where the recording is in [`shared_dir`](crate::shared_dir).
pub const CORPUS_FILE: &str = "corpus/provider-responses.jsonl";

/// One recorded exchange. The request's body was not recorded.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedExchange {
    /// Unique.
    pub id: String,
    /// The provider's host name.
    pub provider: String,
    /// The wire format.
    pub kind: ExchangeKind,
    /// The path that was asked.
    pub path: String,
    /// Whether the answer is a stream.
    pub stream: bool,
    /// The model that was asked for, where that is known.
    pub request_model: Option<String>,
    /// Whether the request asked for usage in the stream, where that is known.
    pub include_usage: Option<bool>,
    /// The status.
    pub status: u16,
    /// The content type.
    pub content_type: String,
    /// The body.
    pub response: String,
    /// What it states; `None`: nothing.
    pub expected: Option<ExpectedCounts>,
}

/// The wire format of a recorded exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExchangeKind {
    /// Anthropic's messages.
    AnthropicMessages,
    /// OpenAI's chat completions, and those who copied them.
    ChatCompletions,
    /// OpenAI's Responses.
    Responses,
    /// OpenAI's embeddings.
    Embeddings,
    /// Gemini, whole and streamed.
    GeminiGenerate,
}

/// What a recorded answer states. The wholes include their parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedCounts {
    /// All tokens in.
    pub prompt: i64,
    /// All tokens out.
    pub completion: i64,
    /// Of `prompt`.
    pub cache_read: i64,
    /// Of `prompt`: both lifetimes together.
    pub cache_write: i64,
    /// Of `completion`.
    pub reasoning: i64,
}

impl RecordedExchange {
    /// For [`ScriptedUpstream::record`](crate::upstream::ScriptedUpstream::record). Cache writes are entered as the 5 m kind.
    pub fn recorded(&self) -> Recorded {
        Recorded {
            status: self.status,
            content_type: self.content_type.clone(),
            body: Bytes::from(self.response.clone()),
            stated: self.expected.map(|expected| Counts {
                prompt: expected.prompt,
                completion: expected.completion,
                reasoning: expected.reasoning,
                cache_read: expected.cache_read,
                cache_write_5m: expected.cache_write,
                ..Counts::default()
            }),
        }
    }
}

/// Reads all of them. A line that does not read fails the test, with its number.
pub fn read_corpus(shared: &Path) -> Vec<RecordedExchange> {
    let path = shared.join(CORPUS_FILE);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let parse = |(index, line)| {
        serde_json::from_str(line)
            .unwrap_or_else(|error| panic!("{} line {}: {error}", path.display(), index + 1))
    };
    text.lines().enumerate().map(parse).collect()
}
