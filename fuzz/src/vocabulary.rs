//! Stands where the gateway has a vocabulary: it counts no tokens, but tells one text from another.

/// Like `bpe_openai::Tokenizer`, as far as the gateway calls it.
#[derive(Debug, Clone, Copy)]
pub struct Vocabulary(u32);

/// In the place of GPT-4's.
pub const fn cl100k_base() -> Vocabulary {
    Vocabulary(1)
}

/// In the place of GPT-4o's.
pub const fn o200k_base() -> Vocabulary {
    Vocabulary(2)
}

impl Vocabulary {
    /// A checksum of the text, where the real one counts: two texts with one estimate are nearly always the same text.
    pub fn count(self, text: impl AsRef<str>) -> usize {
        usize::try_from(crc32c::crc32c_append(self.0, text.as_ref().as_bytes())).unwrap_or(usize::MAX)
    }
}
