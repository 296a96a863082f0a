//! A plain HTTP client for these tests.

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::Value;
use tollgate_testkit::ScriptedUpstream;

/// An answer, as far as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whether the body ended as it should.
    pub(crate) whole: bool,
    /// How many pieces it came in.
    pub(crate) pieces: usize,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The events of a stream, by the rules of the standard: their data, parsed, `[DONE]` left out.
    pub(crate) fn events(&self) -> Vec<Value> {
        let text = String::from_utf8(self.body.to_vec()).unwrap().replace("\r\n", "\n").replace('\r', "\n");
        let mut events = Vec::new();
        let mut data: Vec<&str> = Vec::new();
        for line in text.lines().chain([""]) {
            if let Some(value) = line.strip_prefix("data:") {
                data.push(value.strip_prefix(' ').unwrap_or(value));
            } else if line.is_empty() && !data.is_empty() {
                let text = std::mem::take(&mut data).join("\n");
                if text != "[DONE]" {
                    events.push(serde_json::from_str(&text).unwrap());
                }
            }
        }
        events
    }
}

/// Sends a request and returns when the headers of the answer are there.
pub(crate) async fn begin(
    upstream: &ScriptedUpstream,
    path: &str,
    script: &str,
    body: impl Into<Bytes>,
) -> Result<Response<Incoming>, hyper_util::client::legacy::Error> {
    let mut request =
        Request::post(format!("{}{path}", upstream.base_url())).header("content-type", "application/json");
    if !script.is_empty() {
        request = request.header("x-script", script);
    }
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    client.request(request.body(Full::new(body.into())).unwrap()).await
}

/// Sends a request and takes all of the answer that comes.
pub(crate) async fn post(
    upstream: &ScriptedUpstream,
    path: &str,
    script: &str,
    body: impl Into<Bytes>,
) -> Answer {
    let (head, mut incoming) = begin(upstream, path, script, body).await.unwrap().into_parts();
    let mut answer = Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body: Bytes::new(),
        whole: true,
        pieces: 0,
    };
    let mut body = Vec::new();
    while let Some(frame) = incoming.frame().await {
        let Ok(frame) = frame else {
            answer.whole = false;
            break;
        };
        body.extend_from_slice(frame.data_ref().unwrap());
        answer.pieces += 1;
    }
    answer.body = body.into();
    answer
}
