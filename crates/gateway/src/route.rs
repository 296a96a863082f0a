//! Which of our routes a request asks for. Decided by method and path alone.

use http::{HeaderMap, Method};

use crate::wire::Surface;
use crate::wire::gemini::GeminiPath;

/// What a path is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// A surface that states usage; Gemini's paths name the model.
    Metered { surface: Surface, model_in_path: Option<String> },
    /// `GET /v1/models`, `GET /v1beta/models`.
    Models(ListShape),
    /// `GET /v1/models/{model}`, `GET /v1beta/models/{model}`.
    Model(ListShape, String),
    /// None of ours: an endpoint may list it.
    Other,
}

/// How a list of models looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListShape {
    OpenAi,
    Anthropic,
    Gemini,
}

impl ListShape {
    /// The surface whose error shape goes with it.
    pub(crate) const fn surface(self) -> Surface {
        match self {
            Self::OpenAi => Surface::PassThrough,
            Self::Anthropic => Surface::AnthropicMessages,
            Self::Gemini => Surface::GeminiGenerate,
        }
    }
}

impl Route {
    /// Reads a path, without its query.
    pub(crate) fn of(path: &str, headers: &HeaderMap) -> Self {
        let surface = match path {
            "/v1/chat/completions" => Surface::ChatCompletions,
            "/v1/completions" => Surface::Completions,
            "/v1/responses" => Surface::Responses,
            "/v1/embeddings" => Surface::Embeddings,
            "/v1/messages" => Surface::AnthropicMessages,
            "/v1/rerank" => Surface::Rerank,
            "/v1/models" => return Self::Models(v1_shape(headers)),
            "/v1beta/models" => return Self::Models(ListShape::Gemini),
            _ => return Self::with_model(path, headers),
        };
        Self::Metered { surface, model_in_path: None }
    }

    fn with_model(path: &str, headers: &HeaderMap) -> Self {
        let gemini = GeminiPath::parse(path).filter(|parsed| GEMINI_PREFIXES.contains(&parsed.prefix));
        if let Some((Some(surface), Some(model))) = gemini.map(|it| (it.surface(), it.decoded_model())) {
            return Self::Metered { surface, model_in_path: Some(model) };
        }
        let named = |prefix| path.strip_prefix(prefix).filter(|model| !model.is_empty());
        if let Some(model) = named("/v1/models/") {
            return Self::Model(v1_shape(headers), crate::admit::credential::decode_path(model));
        }
        match named("/v1beta/models/") {
            Some(model) if gemini.is_none() => {
                Self::Model(ListShape::Gemini, crate::admit::credential::decode_path(model))
            }
            _ => Self::Other,
        }
    }

    /// The methods that it takes, as in `Allow`; `None` where that is not ours to say.
    pub(crate) fn refuses(&self, method: &Method) -> Option<&'static str> {
        match self {
            Self::Metered { .. } if *method != Method::POST => Some("POST"),
            Self::Models(_) | Self::Model(..) if *method != Method::GET => Some("GET"),
            Self::Other if !PASSED_METHODS.contains(method) => Some("GET, POST, PUT, PATCH, DELETE"),
            _ => None,
        }
    }

    /// The surface whose error shape a client of this path reads.
    pub(crate) fn error_surface(&self, path: &str, headers: &HeaderMap) -> Surface {
        match self {
            Self::Metered { surface, .. } => *surface,
            Self::Models(shape) | Self::Model(shape, _) => shape.surface(),
            Self::Other if path.starts_with("/v1beta/") => Surface::GeminiGenerate,
            Self::Other if path.starts_with("/v1/messages/") => Surface::AnthropicMessages,
            Self::Other => v1_shape(headers).surface(),
        }
    }
}

/// What a pass-through path may be called with. `HEAD`, `OPTIONS`, `TRACE` and `CONNECT` have no use at an LLM API.
const PASSED_METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// The versions of Gemini's API, all alike here: Google's SDKs before 3 ask for v1beta, later ones for v1.
const GEMINI_PREFIXES: [&str; 3] = ["/v1beta/models/", "/v1/models/", "/v1alpha/models/"];

/// Others ask `/v1/models` too: Anthropic's SDKs always name their version, Google's have a header for the key.
fn v1_shape(headers: &HeaderMap) -> ListShape {
    if headers.contains_key("anthropic-version") {
        ListShape::Anthropic
    } else if headers.contains_key("x-goog-api-key") {
        ListShape::Gemini
    } else {
        ListShape::OpenAi
    }
}

#[cfg(test)]
mod tests;
