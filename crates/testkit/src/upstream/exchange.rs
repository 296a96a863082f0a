//! What was asked: the surface by its path, and of the body as much as an answer needs.

use http::{HeaderMap, Method, Uri};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{books::Counts, script::Script};

/// A wire format that the upstream speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Surface {
    /// `…/chat/completions`
    ChatCompletions,
    /// `…/completions`
    Completions,
    /// `…/responses`
    Responses,
    /// `…/embeddings`
    Embeddings,
    /// `…/messages`
    AnthropicMessages,
    /// `…:generateContent`
    GeminiGenerate,
    /// `…:streamGenerateContent`
    GeminiStream,
    /// `…/rerank`
    Rerank,
    /// `…/audio/transcriptions`
    Transcription,
    /// `GET …/models`
    Models,
    /// Any other path: answered with a small JSON document without usage.
    Other,
}

impl Surface {
    /// By suffix, so that every layout of a provider's paths works.
    fn of(method: &Method, path: &str) -> Self {
        let by_suffix = [
            ("/chat/completions", Self::ChatCompletions),
            ("/completions", Self::Completions),
            ("/responses", Self::Responses),
            ("/embeddings", Self::Embeddings),
            ("/messages", Self::AnthropicMessages),
            (":generateContent", Self::GeminiGenerate),
            (":streamGenerateContent", Self::GeminiStream),
            ("/rerank", Self::Rerank),
            ("/audio/transcriptions", Self::Transcription),
        ];
        if method == Method::GET && path.ends_with("/models") {
            return Self::Models;
        }
        by_suffix
            .into_iter()
            .find(|(suffix, _)| path.ends_with(suffix))
            .map_or(Self::Other, |(_, surface)| surface)
    }
}

/// A request, understood.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) surface: Surface,
    pub(crate) model: Option<String>,
    pub(crate) stream: bool,
    pub(crate) include_usage: bool,
    /// Gemini streams an array unless it is asked for events.
    pub(crate) as_events: bool,
}

impl Exchange {
    pub(crate) fn of(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Self {
        let surface = Surface::of(method, uri.path());
        let json: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let model = json["model"].as_str().map(str::to_owned);
        let model = model.or_else(|| gemini_model(uri.path())).or_else(|| multipart_model(headers, body));
        let is_gemini_stream = surface == Surface::GeminiStream;
        Self {
            surface,
            model,
            stream: is_gemini_stream || json["stream"].as_bool() == Some(true),
            include_usage: json["stream_options"]["include_usage"].as_bool() == Some(true),
            as_events: !is_gemini_stream || uri.query().is_some_and(|query| query.contains("alt=sse")),
        }
    }
}

/// The counts to state: the script's, else some that follow from the body.
pub(crate) fn counts(script: &Script, body: &[u8]) -> Counts {
    let sum = body.iter().fold(0_i64, |sum, byte| (sum * 31 + i64::from(*byte)) % 997);
    let length = i64::try_from(body.len()).unwrap();
    Counts {
        prompt: script.prompt.unwrap_or(1 + length / 4),
        completion: script.completion.unwrap_or(1 + sum % 64),
        reasoning: script.reasoning,
        cache_read: script.cache_read,
        cache_write_5m: script.cache_write_5m,
        cache_write_1h: script.cache_write_1h,
        audio_input: script.audio_input,
        audio_output: script.audio_output,
        image_input: script.image_input,
    }
}

/// `/v1beta/models/{model}:generateContent`
fn gemini_model(path: &str) -> Option<String> {
    let (_, after) = path.split_once("/models/")?;
    let (model, _) = after.rsplit_once(':')?;
    Some(model.to_owned())
}

/// The field `model` of a multipart form.
fn multipart_model(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let content_type = headers.get("content-type")?.to_str().ok()?;
    let boundary = content_type.split_once("boundary=")?.1.trim_matches('"');
    let text = String::from_utf8_lossy(body);
    text.split(&format!("--{boundary}")).find_map(|part| {
        let (head, value) = part.split_once("\r\n\r\n")?;
        head.contains("name=\"model\"").then(|| value.trim_end_matches("\r\n").to_owned())
    })
}
