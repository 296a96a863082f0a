//! The upstream: an HTTP server in a process of its own that answers as an LLM provider would, at once and with as little work as possible.
//!
//! It reads a request to its end and looks at its first bytes only. A stream has 2,000 chunks, each written by itself as a provider does; an
//! idle one has a chunk, and then waits for the client to go away.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

/// Chunks of a stream, the one with the usage and the end marker not counted.
pub(crate) const CHUNKS: usize = 2_000;
/// In a request, what asks for a stream.
pub(crate) const STREAM: &str = r#""stream":true"#;
/// In a request, what asks for a stream that goes silent.
pub(crate) const IDLE: &str = r#""user":"idle""#;
/// Where a request says so.
const LOOKED_AT: usize = 256;

const ANSWER: &str = r#"{"id":"chatcmpl-bench","object":"chat.completion","created":1760000000,"model":"bench","choices":[{"index":0,"message":{"role":"assistant","content":"The answer to the question is forty-two, as everybody knows."},"finish_reason":"stop"}],"usage":{"prompt_tokens":120,"completion_tokens":14,"total_tokens":134,"prompt_tokens_details":{"cached_tokens":64},"completion_tokens_details":{"reasoning_tokens":0}}}"#;
const CHUNK: &str = "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,\"model\":\"bench\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" token\"},\"finish_reason\":null}],\"usage\":null}\n\n";
const LAST: &str = "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,\"model\":\"bench\",\"choices\":[],\"usage\":{\"prompt_tokens\":120,\"completion_tokens\":2000,\"total_tokens\":2120}}\n\ndata: [DONE]\n\n";

/// Serves on a free port, which it prints, until its standard input ends.
pub(crate) async fn run() -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    let mut owner = tokio::io::stdin();
    let mut nothing = [0; 64];
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                stream.set_nodelay(true)?;
                tokio::spawn(async move {
                    let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
                    // A client that goes away is nobody's fault.
                    drop(serving.await);
                });
            }
            read = owner.read(&mut nothing) => if read? == 0 { return Ok(()) },
        }
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<BoxBody<Bytes, Infallible>>, hyper::Error> {
    let mut body = request.into_body();
    let mut start = Vec::with_capacity(LOOKED_AT);
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            let room = LOOKED_AT.saturating_sub(start.len()).min(data.len());
            start.extend_from_slice(&data[..room]);
        }
    }
    let start = String::from_utf8_lossy(&start);
    let (kind, body) = if start.contains(STREAM) {
        let chunks = if start.contains(IDLE) { Chunks::idle() } else { Chunks::all() };
        ("text/event-stream", chunks.boxed())
    } else {
        ("application/json", Full::new(Bytes::from_static(ANSWER.as_bytes())).boxed())
    };
    let mut response = Response::new(body);
    response.headers_mut().insert("content-type", hyper::header::HeaderValue::from_static(kind));
    Ok(response)
}

/// A stream, each chunk in a write of its own.
struct Chunks {
    left: usize,
    then_idle: bool,
    written: bool,
}

impl Chunks {
    fn all() -> Self {
        Self { left: CHUNKS + 1, then_idle: false, written: false }
    }

    fn idle() -> Self {
        Self { left: 2, then_idle: true, written: false }
    }
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        // Said to be pending once after each chunk, hyper writes what it has.
        if std::mem::take(&mut self.written) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        match self.left {
            0 => return Poll::Ready(None),
            1 if self.then_idle => return Poll::Pending,
            _ => self.left -= 1,
        }
        self.written = true;
        let text = if self.left == 0 { LAST } else { CHUNK };
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(text.as_bytes())))))
    }
}
