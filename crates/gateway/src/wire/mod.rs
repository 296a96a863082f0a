//! The wire formats: which surface a request came in on, how an error looks there, and how a request is
//! adapted.
//!
//! Bodies are never re-serialised. A request keeps every byte the client sent but for the few that must change
//! (the model's name, `stream_options`); [`request`] finds those while the body passes. Everything here is
//! pure: bytes in, bytes and facts out.

mod error;
pub mod gemini;
pub(crate) mod json;
pub mod multipart;
mod pieces;
pub mod request;

pub use pieces::Pieces;

/// An API that clients speak. It decides where the model and the usage are found and how an error looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Surface {
    /// OpenAI `POST /v1/chat/completions`.
    ChatCompletions,
    /// OpenAI `POST /v1/completions`.
    Completions,
    /// OpenAI `POST /v1/responses`.
    Responses,
    /// OpenAI `POST /v1/embeddings`.
    Embeddings,
    /// Anthropic `POST /v1/messages`.
    AnthropicMessages,
    /// Gemini `POST /v1beta/models/{model}:generateContent`.
    GeminiGenerate,
    /// Gemini `POST /v1beta/models/{model}:streamGenerateContent`.
    GeminiStreamGenerate,
    /// `POST /v1/rerank`, as Cohere, Jina and vLLM speak it.
    Rerank,
    /// Any other path that an endpoint lists.
    PassThrough,
}

/// Which of the three families of formats a surface belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// OpenAI, and everyone who copied it.
    OpenAi,
    /// Anthropic.
    Anthropic,
    /// Google.
    Gemini,
}

impl Surface {
    /// Every surface, for tables and tests.
    pub const ALL: [Self; 9] = [
        Self::ChatCompletions,
        Self::Completions,
        Self::Responses,
        Self::Embeddings,
        Self::AnthropicMessages,
        Self::GeminiGenerate,
        Self::GeminiStreamGenerate,
        Self::Rerank,
        Self::PassThrough,
    ];

    /// The path with its variables left open: what is stored as a request's `uri`.
    ///
    /// [`Surface::PassThrough`] answers `/{path}`; the caller records the template that its endpoint lists.
    pub const fn route_template(self) -> &'static str {
        match self {
            Self::ChatCompletions => "/v1/chat/completions",
            Self::Completions => "/v1/completions",
            Self::Responses => "/v1/responses",
            Self::Embeddings => "/v1/embeddings",
            Self::AnthropicMessages => "/v1/messages",
            Self::GeminiGenerate => "/v1beta/models/{model}:generateContent",
            Self::GeminiStreamGenerate => "/v1beta/models/{model}:streamGenerateContent",
            Self::Rerank => "/v1/rerank",
            Self::PassThrough => "/{path}",
        }
    }

    /// The `response_type` of a record; `stream` says whether the response came as a stream.
    pub const fn response_type(self, stream: bool) -> &'static str {
        match (self, stream) {
            (Self::ChatCompletions, false) => "chat_completion",
            (Self::ChatCompletions, true) => "chat_completion_stream",
            (Self::Completions, false) => "completion",
            (Self::Completions, true) => "completion_stream",
            (Self::Responses, false) => "response",
            (Self::Responses, true) => "response_stream",
            (Self::Embeddings, _) => "embedding",
            (Self::AnthropicMessages, false) => "message",
            (Self::AnthropicMessages, true) => "message_stream",
            (Self::GeminiGenerate, false) => "generate_content",
            (Self::GeminiStreamGenerate, _) | (Self::GeminiGenerate, true) => "generate_content_stream",
            (Self::Rerank, _) => "rerank",
            (Self::PassThrough, false) => "other",
            (Self::PassThrough, true) => "other_stream",
        }
    }

    /// Whether a successful answer ought to state usage, so that one which does not is estimated.
    pub const fn is_metered(self) -> bool {
        !matches!(self, Self::PassThrough)
    }

    /// Whether the model is named in the path rather than in the body.
    pub const fn names_model_in_path(self) -> bool {
        matches!(self, Self::GeminiGenerate | Self::GeminiStreamGenerate)
    }

    /// Whether a streamed answer states usage only when `stream_options.include_usage` asks for it.
    pub const fn has_include_usage(self) -> bool {
        matches!(self, Self::ChatCompletions | Self::Completions)
    }

    /// Whether an answer is made of tokens that cost something.
    pub(crate) const fn answers_in_tokens(self) -> bool {
        !matches!(self, Self::Embeddings | Self::Rerank)
    }

    pub(crate) const fn family(self) -> Family {
        match self {
            Self::ChatCompletions
            | Self::Completions
            | Self::Responses
            | Self::Embeddings
            | Self::Rerank
            | Self::PassThrough => Family::OpenAi,
            Self::AnthropicMessages => Family::Anthropic,
            Self::GeminiGenerate | Self::GeminiStreamGenerate => Family::Gemini,
        }
    }
}

#[cfg(test)]
mod tests;
