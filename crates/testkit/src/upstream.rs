//! An upstream that speaks every wire format the gateway forwards, does what a script says, and keeps its own books.
//!
//! It answers on `127.0.0.1`, over HTTP/1.1 and HTTP/2 with prior knowledge. `GET /__books` gives the books as JSON to
//! another process, `POST /__script` sets the script for all requests.

mod books;
mod delivery;
mod exchange;
mod script;
mod wire;

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use sha2::{Digest, Sha256};
use tokio::{net::TcpListener, sync::watch};

use self::{
    books::Books,
    delivery::ScriptedBody,
    exchange::{Exchange, counts},
    wire::{Answer, Frame, Making},
};
pub use self::{
    books::{BookEntry, Counts, KEPT_BODY_MAX_BYTES},
    exchange::Surface,
    script::{BadScript, Encoding, SCRIPT_HEADER, SCRIPT_MARKER, Script, Split, SseStyle, UsageMode},
};

type AnyBody = BoxBody<Bytes, std::io::Error>;

/// A recorded answer, to be replayed byte for byte by a script's `replay=id`.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The status.
    pub status: u16,
    /// The content type; an empty one is left out.
    pub content_type: String,
    /// The body.
    pub body: Bytes,
    /// What it states, for the books.
    pub stated: Option<Counts>,
}

/// A running scripted upstream. It stops, and breaks its connections, when it is dropped.
#[derive(Debug)]
pub struct ScriptedUpstream {
    address: SocketAddr,
    state: Arc<State>,
    stop: watch::Sender<bool>,
}

#[derive(Debug)]
struct State {
    books: Books,
    rules: Mutex<Rules>,
}

/// What decides on a request that brings no script of its own.
#[derive(Debug, Default)]
struct Rules {
    next: VecDeque<Script>,
    by_model: HashMap<String, Script>,
    usual: Script,
    recorded: HashMap<String, Recorded>,
    canary: Option<String>,
}

impl ScriptedUpstream {
    /// Starts one on a free port.
    pub async fn start() -> Self {
        Self::start_on("127.0.0.1:0").await
    }

    /// Starts one on a given address.
    pub async fn start_on(address: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State { books: Books::new(), rules: Mutex::default() });
        let stop = watch::Sender::new(false);
        tokio::spawn(accept(listener, Arc::clone(&state), stop.subscribe()));
        Self { address, state, stop }
    }

    /// Such as `http://127.0.0.1:40123`, without a path.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets what is done with every request for which nothing else is said.
    pub fn usually(&self, script: Script) {
        self.state.rules.lock().unwrap().usual = script;
    }

    /// Sets what is done with the requests for a model.
    pub fn for_model(&self, model: &str, script: Script) {
        self.state.rules.lock().unwrap().by_model.insert(model.to_owned(), script);
    }

    /// Sets what is done with the next request that brings no script of its own; called again, with the one after it.
    pub fn next(&self, script: Script) {
        self.state.rules.lock().unwrap().next.push_back(script);
    }

    /// Keeps an answer for `replay=id`.
    pub fn record(&self, id: &str, answer: Recorded) {
        self.state.rules.lock().unwrap().recorded.insert(id.to_owned(), answer);
    }

    /// Has the books say of each request whether these bytes were in its path, headers or body.
    pub fn set_canary(&self, canary: &str) {
        self.state.rules.lock().unwrap().canary = Some(canary.to_owned());
    }

    /// Every request so far, in order of arrival.
    pub fn books(&self) -> Vec<BookEntry> {
        self.state.books.all()
    }

    /// Takes the requests that have ended out of the books. Whoever adds them up as he goes can let it run for hours.
    pub fn take_ended(&self) -> Vec<BookEntry> {
        self.state.books.take_ended()
    }

    /// The requests after the first so many: for one who has seen those.
    pub fn books_after(&self, count: usize) -> Vec<BookEntry> {
        self.state.books.after(count)
    }

    /// The books once at least `count` requests arrived and none is going on.
    pub async fn settled(&self, count: usize) -> Vec<BookEntry> {
        self.wait_for(|books| books.len() >= count && books.iter().all(|entry| entry.ended)).await
    }

    /// The books once `is_met` holds of them.
    pub async fn wait_for(&self, mut is_met: impl FnMut(&[BookEntry]) -> bool) -> Vec<BookEntry> {
        self.state.books.wait_for(|books| is_met(books)).await
    }
}

impl Drop for ScriptedUpstream {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// What the kernel takes of an answer before the gateway does.
const SEND_BUFFER_BYTES: usize = 128 * 1024;

async fn accept(listener: TcpListener, state: Arc<State>, mut stop: watch::Receiver<bool>) {
    loop {
        let connection = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        // A client that left while it was accepted is no reason to stop.
        let Ok((connection, _)) = connection else { continue };
        connection.set_nodelay(true).unwrap();
        // A real one has a kernel of its own: what many streams that nobody reads would fill there must not starve this machine's.
        socket2::SockRef::from(&connection).set_send_buffer_size(SEND_BUFFER_BYTES).unwrap();
        let (state, mut stop) = (Arc::clone(&state), stop.clone());
        tokio::spawn(async move {
            let service = hyper::service::service_fn(|request| serve(Arc::clone(&state), request));
            let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            tokio::select! {
                // An error is a client that went away, or a break that the script asked for.
                _ = builder.serve_connection(TokioIo::new(connection), service) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        });
    }
}

/// An error breaks the connection.
async fn serve(state: Arc<State>, request: Request<Incoming>) -> Result<Response<AnyBody>, std::io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    match (&head.method, head.uri.path()) {
        (&Method::GET, "/__books") => {
            return Ok(plain(StatusCode::OK, serde_json::to_vec(&state.books.all()).unwrap()));
        }
        (&Method::POST, "/__script") => return Ok(state.set_usual(&body)),
        _ => {}
    }
    let script = match state.choose(&head.method, &head.uri, &head.headers, &body) {
        Ok(script) => script,
        Err(bad) => return Ok(plain(StatusCode::NOT_IMPLEMENTED, bad.to_string())),
    };
    let exchange = Exchange::of(&head.method, &head.uri, &head.headers, &body);
    let counts = counts(&script, &body);
    let answer = match &script.replay {
        None => Making { exchange: &exchange, script: &script, counts }.answer(),
        Some(id) => match state.rules.lock().unwrap().recorded.get(id) {
            Some(recorded) => replay(recorded),
            None => return Ok(plain(StatusCode::NOT_IMPLEMENTED, format!("nothing is recorded as {id:?}"))),
        },
    };
    let mut entry = new_entry(&head.method, &head.uri, &head.headers, body, &exchange, &script);
    entry.canary_seen = state.sees_canary(&entry);
    entry.stated = answer.stated;
    entry.status = if script.drop { 0 } else { answer.status };
    let entry = state.books.open(entry);
    tokio::time::sleep(script.delay).await;
    if script.drop {
        return Err(std::io::Error::other("the script drops the connection"));
    }
    let sequence = entry.sequence();
    let is_stream = exchange.stream && answer.status < 400;
    let body = ScriptedBody::new(&answer.frames, &script, is_stream, entry);
    let mut response = Response::builder().status(answer.status).header("x-upstream-sequence", sequence);
    if !answer.content_type.is_empty() {
        response = response.header("content-type", answer.content_type);
    }
    if let Some(encoding) = script.encoding {
        response = response.header("content-encoding", encoding.as_str());
    }
    if answer.status == 429 {
        response = response.header("retry-after", "1");
    }
    Ok(response.body(BoxBody::new(body)).unwrap())
}

impl State {
    fn set_usual(&self, body: &[u8]) -> Response<AnyBody> {
        match String::from_utf8_lossy(body).parse() {
            Ok(script) => {
                self.rules.lock().unwrap().usual = script;
                plain(StatusCode::NO_CONTENT, "")
            }
            Err(bad) => plain(StatusCode::BAD_REQUEST, bad.to_string()),
        }
    }

    /// The request's own script first (header, then body), then the queue, then its model's, then the usual one.
    fn choose(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Script, BadScript> {
        if let Some(header) = headers.get(SCRIPT_HEADER) {
            return String::from_utf8_lossy(header.as_bytes()).parse();
        }
        if let Some(script) = Script::in_body(body) {
            return script;
        }
        let mut rules = self.rules.lock().unwrap();
        if let Some(script) = rules.next.pop_front() {
            return Ok(script);
        }
        let model = Exchange::of(method, uri, headers, body).model;
        let by_model = model.and_then(|model| rules.by_model.get(&model).cloned());
        Ok(by_model.unwrap_or_else(|| rules.usual.clone()))
    }

    fn sees_canary(&self, entry: &BookEntry) -> bool {
        let rules = self.rules.lock().unwrap();
        let Some(canary) = &rules.canary else { return false };
        entry.uri.contains(canary)
            || entry.headers.iter().any(|(_, value)| value.contains(canary))
            || String::from_utf8_lossy(&entry.body).contains(canary)
    }
}

fn new_entry(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: Bytes,
    exchange: &Exchange,
    script: &Script,
) -> BookEntry {
    let headers = headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let digest = Sha256::digest(&body);
    BookEntry {
        sequence: 0,
        tag: script.tag.clone(),
        method: method.to_string(),
        uri: uri.to_string(),
        surface: exchange.surface,
        model: exchange.model.clone(),
        stream: exchange.stream,
        include_usage: exchange.include_usage,
        status: 0,
        stated: None,
        usage_sent: false,
        body_complete: false,
        bytes_sent: 0,
        ended: false,
        canary_seen: false,
        headers,
        body_sha256: hex(&digest),
        body: if body.len() <= KEPT_BODY_MAX_BYTES { body } else { Bytes::new() },
    }
}

fn replay(recorded: &Recorded) -> Answer {
    Answer {
        status: recorded.status,
        content_type: recorded.content_type.clone(),
        frames: vec![Frame { bytes: recorded.body.to_vec(), has_usage: recorded.stated.is_some() }],
        stated: recorded.stated,
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn plain(status: StatusCode, body: impl Into<Bytes>) -> Response<AnyBody> {
    let body = Full::new(body.into()).map_err(|never: Infallible| match never {});
    let mut response = Response::new(BoxBody::new(body));
    *response.status_mut() = status;
    response
}
