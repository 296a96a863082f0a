//! Requests as each kind of client sends them.
//!
//! Each says in its text how many tokens it shall cost and whose it is, as a script that only the upstream understands; to the gateway it is
//! text like any other.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};

use super::{cast::Customer, http};

/// Ten requests in a row: of which kind each is, and whether it is a stream.
pub(crate) const PATTERN: [(Surface, bool); 10] = [
    (Surface::Chat, true),
    (Surface::Messages, false),
    (Surface::Chat, false),
    (Surface::Responses, true),
    (Surface::Gemini, true),
    (Surface::Embeddings, false),
    (Surface::Messages, true),
    (Surface::Chat, false),
    (Surface::Chat, true),
    (Surface::Responses, false),
];

/// A wire format, and with it a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    Chat,
    Responses,
    Messages,
    Gemini,
    Embeddings,
}

/// One thing to ask.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) surface: Surface,
    pub(crate) stream: bool,
    pub(crate) prompt: String,
    /// Whether a stream of chat asks for its usage.
    pub(crate) asks_for_usage: bool,
}

impl Ask {
    /// The request, as the surface's own client would send it for a customer.
    pub(crate) fn request(
        &self,
        url: &str,
        key: &str,
        customer: &Customer,
    ) -> anyhow::Result<Request<Full<Bytes>>> {
        let bearer = format!("Bearer {key}");
        let mut headers = match self.surface {
            Surface::Chat | Surface::Responses | Surface::Embeddings => {
                vec![("authorization", bearer.as_str())]
            }
            Surface::Messages => vec![("x-api-key", key), ("anthropic-version", "2023-06-01")],
            Surface::Gemini => vec![("x-goog-api-key", key)],
        };
        if let Some(window) = customer.window {
            headers.push(("x-tollgate-batch-completion-window", window));
        }
        let (path, body) = self.path_and_body();
        http::post(&format!("{url}{path}"), &headers, &body)
    }

    fn path_and_body(&self) -> (String, Value) {
        let (model, prompt, stream) = (self.surface.model(), &self.prompt, self.stream);
        let message = json!({"role": "user", "content": prompt});
        match self.surface {
            Surface::Chat => {
                let mut body = json!({"model": model, "messages": [message], "stream": stream});
                if stream
                    && self.asks_for_usage
                    && let Some(fields) = body.as_object_mut()
                {
                    fields.insert("stream_options".to_owned(), json!({"include_usage": true}));
                }
                ("/v1/chat/completions".to_owned(), body)
            }
            Surface::Responses => {
                ("/v1/responses".to_owned(), json!({"model": model, "input": prompt, "stream": stream}))
            }
            Surface::Messages => (
                "/v1/messages".to_owned(),
                json!({"model": model, "max_tokens": 256, "messages": [message], "stream": stream}),
            ),
            Surface::Gemini => {
                let method = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
                let body = json!({"contents": [{"role": "user", "parts": [{"text": prompt}]}]});
                (format!("/v1beta/models/{model}:{method}"), body)
            }
            Surface::Embeddings => ("/v1/embeddings".to_owned(), json!({"model": model, "input": prompt})),
        }
    }
}

/// The text of request `number`: what the upstream shall state, whose request it is, and `more` of the script's words.
pub(crate) fn scripted_prompt(customer: &str, number: usize, has_cache: bool, more: &str) -> String {
    let prompt = 150 + number.wrapping_mul(37) % 1_900;
    let completion = 10 + number.wrapping_mul(53) % 390;
    let cached = if has_cache && number.is_multiple_of(3) { prompt / 2 } else { 0 };
    format!(
        "Request {number}. [[script tag={customer} prompt={prompt} completion={completion} cache_read={cached} {more}]]"
    )
}
