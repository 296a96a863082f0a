//! What is sent.

use bytes::Bytes;

use super::upstream::{IDLE, STREAM};

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    /// A short question, a short answer.
    Small,
    /// A prompt of 400 KB, a short answer.
    Prompt,
    /// A short question, and an answer in 2,000 chunks.
    Stream,
    /// A stream that goes silent after its first chunk.
    Idle,
}

const PROMPT_BYTES: usize = 400 * 1024;

impl Case {
    /// Those whose speed is measured.
    pub(super) const MEASURED: [Self; 3] = [Self::Small, Self::Prompt, Self::Stream];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Prompt => "prompt_400k",
            Self::Stream => "stream_2000",
            Self::Idle => "idle",
        }
    }

    /// The body. What tells the upstream what to do comes first.
    pub(super) fn body(self, model: &str) -> Bytes {
        let stream =
            if matches!(self, Self::Stream | Self::Idle) { format!("{STREAM},") } else { String::new() };
        let idle = if self == Self::Idle { format!("{IDLE},") } else { String::new() };
        let words = if self == Self::Prompt { PROMPT_BYTES / WORDS.len() } else { 2 };
        let content = WORDS.repeat(words);
        format!(r#"{{{stream}{idle}"model":"{model}","messages":[{{"role":"user","content":"{content}"}}]}}"#)
            .into()
    }
}

const WORDS: &str = "What is the answer to the question of life, the universe and everything? ";
