//! Whether an upstream can be reached and takes its credential: one request for its list of models, which costs nothing, by the clients and past the
//! guard that requests of clients go by.
//!
//! Nothing of it is recorded, for nobody pays. What comes back says little of the answer: a number, and of a refusal the first words, never the
//! credential.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use secrecy::ExposeSecret;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tollgate_domain::AddressRefused;

use crate::Gateway;
use crate::admit::Intake;
use crate::request_body::{Adapter, ClientBody, Patience, UpstreamBody};
use crate::view::{AuthStyle, EndpointEntry, LiveEndpoint, Target};
use crate::wire::Surface;

/// How long all of it may take. A person waits for it, and a list of models is quick.
const WITHIN: Duration = Duration::from_secs(10);
/// Largest list that is read; that of an aggregator of hundreds of models has half a megabyte.
const MAX_LIST_BYTES: usize = 4 * 1024 * 1024;
/// Upstreams that say which credential they were sent begin with as much of it, or more, and mask the middle.
const SHOWN_HEAD_CHARS: usize = 6;
/// How much is shown of what an upstream says when it refuses.
const MAX_SAID_CHARS: usize = 200;

/// What became of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamState {
    /// It answered with a list of models.
    Well,
    /// It is there and refuses the credential, or misses one.
    CredentialRefused,
    /// It is there and answers with something that is no list of models: it may have none, or the address is not that of an API.
    NoList,
    /// It is there and failed, or has no time.
    Failing,
    /// Its address is none that an endpoint set through the management API may lead to.
    AddressRefused,
    /// Its name has no address.
    UnknownName,
    /// Nobody listens there, or the connection broke.
    Unreachable,
    /// TLS was not agreed on: a certificate that is not trusted, or a server that speaks none.
    TlsFailed,
    /// It took too long.
    TimedOut,
    /// The endpoint makes no address that could be asked.
    Unusable,
}

/// What was found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamCheck {
    /// What became of the request.
    pub state: UpstreamState,
    /// What was asked, as `GET` and a path; `None` where no address could be made.
    pub asked: Option<String>,
    /// The answer's status, where there was an answer.
    pub status: Option<u16>,
    /// From the request to the head of the answer, or to what went wrong; with name resolution, TCP and TLS where there was no connection.
    pub latency: Duration,
    /// How many models the list has.
    pub models: Option<usize>,
    /// The first words of a refusal.
    pub said: Option<String>,
}

impl Gateway {
    /// Asks an upstream for its list of models, once. Ends within ten seconds.
    pub async fn check_upstream(&self, entry: EndpointEntry) -> UpstreamCheck {
        let secret = entry.secret.clone();
        let started = Instant::now();
        let mut check = UpstreamCheck {
            state: UpstreamState::Unusable,
            asked: None,
            status: None,
            latency: Duration::ZERO,
            models: None,
            said: None,
        };
        let asked = LiveEndpoint::build(entry).and_then(|endpoint| Ok((request(&endpoint)?, endpoint)));
        let Ok((request, endpoint)) = asked else { return check };
        check.asked = Some(format!("GET {}", request.uri().path()));
        let is_gemini = endpoint.entry.auth_style == AuthStyle::XGoogApiKey;
        let answer = self.0.upstreams.send(request.map(|()| no_body()), &endpoint);
        let asking = async {
            let answer = answer.await;
            check.latency = started.elapsed();
            let (head, body) = match answer {
                Ok(answer) => answer.into_parts(),
                Err(error) => return check.state = why(&error),
            };
            check.status = Some(head.status.as_u16());
            let body = Limited::new(body, MAX_LIST_BYTES).collect().await;
            let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            check.models = if head.status.is_success() { count_models(&body) } else { None };
            check.state = state(head.status, check.models, is_gemini);
            if check.state != UpstreamState::Well {
                let secret = secret.as_ref().map_or("", ExposeSecret::expose_secret);
                check.said = first_words(&body, secret);
            }
        };
        if tokio::time::timeout(WITHIN, asking).await.is_err() {
            check.state = UpstreamState::TimedOut;
            check.latency = started.elapsed();
        }
        check
    }
}

/// By how an upstream wants its credential one knows whose API it speaks.
fn request(endpoint: &LiveEndpoint) -> Result<Request<()>, String> {
    let path = match endpoint.entry.auth_style {
        AuthStyle::XGoogApiKey => "/v1beta/models",
        _ => "/v1/models",
    };
    let target = Target { endpoint, route_template: path, path, query: None, upstream_model: None };
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static("tollgate"));
    if endpoint.entry.auth_style == AuthStyle::XApiKey {
        let version = HeaderValue::from_static("2023-06-01");
        headers.insert(HeaderName::from_static("anthropic-version"), version);
    }
    if let Some((name, value)) = &endpoint.auth {
        headers.insert(name, value.clone());
    }
    let mut request = Request::new(());
    *request.method_mut() = Method::GET;
    *request.uri_mut() = target.uri()?;
    *request.headers_mut() = headers;
    Ok(request)
}

fn no_body() -> UpstreamBody {
    let client = ClientBody::new(Body::empty(), 0, Patience::new(WITHIN, 0));
    let adapter = Adapter::new(Surface::PassThrough, None, false);
    let taken = Intake::new(client, adapter, Arc::new(Semaphore::new(0))).take();
    UpstreamBody::new(taken.client, taken.adapter, None, None).0
}

fn state(status: StatusCode, models: Option<usize>, is_gemini: bool) -> UpstreamState {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => UpstreamState::CredentialRefused,
        // So it says there that a key is none.
        StatusCode::BAD_REQUEST if is_gemini => UpstreamState::CredentialRefused,
        StatusCode::TOO_MANY_REQUESTS => UpstreamState::Failing,
        status if status.is_server_error() => UpstreamState::Failing,
        status if status.is_success() && models.is_some() => UpstreamState::Well,
        _ => UpstreamState::NoList,
    }
}

/// In the lists of OpenAI's and Anthropic's API `data` has the models, in Gemini's `models`.
fn count_models(body: &[u8]) -> Option<usize> {
    let list: serde_json::Value = serde_json::from_slice(body).ok()?;
    list.get("data").or_else(|| list.get("models"))?.as_array().map(Vec::len)
}

/// What a refusal says, if it says it as APIs do; else its beginning. Without what no line holds, and without words that have a part of the
/// credential, as some upstreams say which one they were sent; nothing at all where all of it is there.
fn first_words(body: &[u8], secret: &str) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let parsed: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let message = parsed.as_ref().and_then(|value| {
        let error = value.get("error").unwrap_or(value);
        error.get("message").or(Some(error))?.as_str()
    });
    let said = message.unwrap_or(&text);
    if !secret.is_empty() && said.contains(secret) {
        return None;
    }
    let plain = said.split(|character: char| character.is_whitespace() || character.is_control());
    let head = secret.get(..SHOWN_HEAD_CHARS);
    let is_of_secret = |word: &str| word.contains("**") || head.is_some_and(|head| word.contains(head));
    let plain = plain.filter(|word| !word.is_empty());
    let plain: Vec<&str> = plain.map(|word| if is_of_secret(word) { "…" } else { word }).collect();
    let said: String = plain.join(" ").chars().take(MAX_SAID_CHARS).collect();
    (!said.is_empty()).then_some(said)
}

/// Why there was no answer, from whatever lies at the bottom of it.
fn why(error: &(dyn Error + 'static)) -> UpstreamState {
    let mut next = Some(error);
    let mut state = UpstreamState::Unreachable;
    while let Some(error) = next {
        if error.is::<AddressRefused>() {
            return UpstreamState::AddressRefused;
        }
        if error.is::<rustls::Error>() {
            return UpstreamState::TlsFailed;
        }
        // hyper-util's own error of a look-up has no public type; its words are all there is.
        if error.to_string() == "dns error" {
            state = UpstreamState::UnknownName;
        }
        let io = error.downcast_ref::<io::Error>();
        if io.is_some_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            return UpstreamState::TimedOut;
        }
        // An `io::Error` passes over what it wraps.
        let wrapped = io.and_then(io::Error::get_ref).map(|inner| inner as &(dyn Error + 'static));
        next = wrapped.or_else(|| error.source());
    }
    state
}

#[cfg(test)]
mod tests;
