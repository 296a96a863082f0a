//! The keys of a request that decide something, by all the ways to write them that an upstream may read.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Model,
    Stream,
    StreamOptions,
    Background,
    MaxTokens(u8),
    Choices,
    GenerationConfig,
    /// `prompt`: of completions one or several, elsewhere the name of a stored one.
    Prompt,
    /// What names something stored that the model is given beside the request.
    Stored,
    Other,
}

/// How a key is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As every decoder reads it.
    Right,
    /// As some do and some do not, see [`folded`].
    Loose,
}

/// A key as the decoders read it that do not mind capitals. Go's is one, which takes the long s and the Kelvin sign for letters, too: an
/// upstream would follow `"MODEL"` where we have read `"model"`.
pub(super) fn folded(key: &str) -> String {
    let fold = |letter: char| match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        letter => letter.to_ascii_lowercase(),
    };
    key.chars().map(fold).collect()
}

/// The bit of `stream_options` in `RequestSplicer::seen`.
pub(super) const STREAM_OPTIONS_BIT: u16 = 1 << 2;

impl Field {
    pub(super) fn read(key: &[u8]) -> (Self, Spelling) {
        let field = Self::of(key);
        if field == Self::Other
            && key.iter().any(|byte| !byte.is_ascii() || byte.is_ascii_uppercase())
            && let Ok(key) = std::str::from_utf8(key)
        {
            return (Self::of(folded(key).as_bytes()), Spelling::Loose);
        }
        (field, Spelling::Right)
    }

    fn of(key: &[u8]) -> Self {
        match key {
            b"model" => Self::Model,
            b"stream" => Self::Stream,
            b"stream_options" => Self::StreamOptions,
            b"background" => Self::Background,
            b"max_tokens" => Self::MaxTokens(0),
            b"max_completion_tokens" => Self::MaxTokens(1),
            b"max_output_tokens" => Self::MaxTokens(2),
            b"n" | b"best_of" => Self::Choices,
            b"generationConfig" | b"generation_config" => Self::GenerationConfig,
            b"prompt" => Self::Prompt,
            b"previous_response_id" | b"conversation" | b"cachedContent" | b"cached_content" => Self::Stored,
            _ => Self::Other,
        }
    }

    /// The bit that says it was seen, and the key's name.
    pub(super) const fn bit_and_name(self) -> Option<(u16, &'static str)> {
        match self {
            Self::Model => Some((1, "model")),
            Self::Stream => Some((1 << 1, "stream")),
            Self::StreamOptions => Some((STREAM_OPTIONS_BIT, "stream_options")),
            Self::Background => Some((1 << 3, "background")),
            Self::MaxTokens(0) => Some((1 << 4, "max_tokens")),
            Self::MaxTokens(1) => Some((1 << 5, "max_completion_tokens")),
            Self::MaxTokens(_) => Some((1 << 6, "max_output_tokens")),
            // What an estimate is made of: the largest counts, however often and however it is written.
            Self::Choices | Self::GenerationConfig | Self::Prompt | Self::Stored | Self::Other => None,
        }
    }
}
