//! Gemini's paths, where the model is in the path: `/v1beta/models/{model}:{method}`.
//!
//! Only the path is looked at, never the query. Vertex AI's longer paths
//! (`/v1/projects/…/publishers/google/models/{model}:{method}`) read the same, because what counts is the last
//! `models/` segment.

use super::Surface;

/// A Gemini path taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GeminiPath<'a> {
    /// All before the model, up to and with `models/`.
    pub prefix: &'a str,
    /// The model as the client named it, still percent-encoded.
    pub model: &'a str,
    /// `generateContent`, `streamGenerateContent`, `countTokens`, …
    pub method: &'a str,
}

impl<'a> GeminiPath<'a> {
    /// Reads a path without its query; `None` where it names no model and method.
    pub fn parse(path: &'a str) -> Option<Self> {
        let (resource, method) = path.rsplit_once(':')?;
        let start = resource.rfind("models/")? + "models/".len();
        let (prefix, model) = resource.split_at(start);
        let slash_before = prefix.len() == "models/".len() || prefix.ends_with("/models/");
        let plain_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (slash_before && !model.is_empty() && plain_method).then_some(Self { prefix, model, method })
    }

    /// The surface that the method is; `None` for methods that we do not meter (`countTokens`, …).
    pub fn surface(&self) -> Option<Surface> {
        match self.method {
            "generateContent" => Some(Surface::GeminiGenerate),
            "streamGenerateContent" => Some(Surface::GeminiStreamGenerate),
            _ => None,
        }
    }

    /// The model with its percent-encoding undone; `None` where that is not UTF-8.
    pub fn decoded_model(&self) -> Option<String> {
        let mut bytes = Vec::with_capacity(self.model.len());
        let mut rest = self.model.as_bytes();
        while let Some((&byte, tail)) = rest.split_first() {
            rest = tail;
            if let (b'%', [high, low, after @ ..]) = (byte, tail)
                && let (Some(high), Some(low)) = (hex(*high), hex(*low))
            {
                bytes.push(high << 4 | low);
                rest = after;
            } else {
                bytes.push(byte);
            }
        }
        String::from_utf8(bytes).ok()
    }

    /// The same path with the upstream's model name, percent-encoded where a path needs it; `/` stays, because
    /// tuned models and publishers are named with one.
    pub fn with_model(&self, upstream_model: &str) -> String {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        let mut path =
            String::with_capacity(self.prefix.len() + upstream_model.len() + self.method.len() + 1);
        path.push_str(self.prefix);
        for byte in upstream_model.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/' | b'@') {
                path.push(char::from(byte));
            } else {
                path.push('%');
                path.push(char::from(DIGITS[usize::from(byte >> 4)]));
                path.push(char::from(DIGITS[usize::from(byte & 15)]));
            }
        }
        path.push(':');
        path.push_str(self.method);
        path
    }
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Whether a query parameter has Google's APIs answer without the usage, or in a form in which it cannot be read: the system
/// parameters `fields`, `callback`, and `alt` other than `sse` and `json`, each also with a `$` before it.
pub(crate) fn hides_usage(name: &str, value: &str) -> bool {
    match name.strip_prefix('$').unwrap_or(name) {
        "fields" | "callback" => true,
        "alt" => !matches!(value, "sse" | "json"),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
