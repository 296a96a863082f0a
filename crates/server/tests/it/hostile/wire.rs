//! A client without manners: any bytes, in any pieces, at any pace, over bare TCP; and what it hears.

use std::{net::SocketAddr, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::PATIENCE;

/// Something that a client does on its connection.
#[derive(Clone)]
pub(crate) enum Act {
    /// Sends these bytes. `{key}`, `{runner}`, `{good}` stand for the keys.
    Send(Vec<u8>),
    /// Sends these bytes one by one, with this pause before each.
    Trickle(Vec<u8>, Duration),
    /// Waits until this text has come.
    Hear(&'static str),
    /// Says that it sends no more.
    End,
    /// Closes, and reads nothing of what is still to come.
    Leave,
    /// Waits, and reads nothing, until the server has hung up or this much time has passed.
    Ignore(Duration),
}

/// What came back on one connection.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) bytes: Vec<u8>,
    /// The client left first.
    left: bool,
    /// Whether the first request was a `HEAD`, whose answer has no body whatever its head says.
    head_only: bool,
}

/// Does `acts` on a connection of its own, then hears out what comes.
pub(crate) async fn perform(address: SocketAddr, acts: &[Act], fill: impl Fn(&[u8]) -> Vec<u8>) -> Heard {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut heard = Heard::default();
    for act in acts {
        match act {
            // A server that hung up already has said why, or it has not: reading tells.
            Act::Send(bytes) => {
                heard.head_only |= bytes.starts_with(b"HEAD ");
                let (mut reader, mut writer) = stream.split();
                let filled = fill(bytes);
                // Large requests are answered, and closed, before they are sent.
                let sending = writer.write_all(&filled);
                tokio::pin!(sending);
                loop {
                    tokio::select! {
                        biased;
                        sent = &mut sending => { drop(sent); break; }
                        read = reader.read_buf(&mut heard.bytes) => if !matches!(read, Ok(1..)) { break },
                    }
                }
            }
            Act::Trickle(bytes, pause) => {
                for byte in fill(bytes) {
                    tokio::time::sleep(*pause).await;
                    if stream.write_all(&[byte]).await.is_err() {
                        break;
                    }
                }
            }
            Act::Hear(text) => {
                while memmem(&heard.bytes, text.as_bytes()).is_none() {
                    let read = timeout(PATIENCE, stream.read_buf(&mut heard.bytes)).await;
                    if !matches!(read.expect("an answer in time"), Ok(1..)) {
                        break;
                    }
                }
            }
            Act::End => drop(stream.shutdown().await),
            Act::Ignore(time) => {
                let closed = async { stream.peek(&mut [0]).await };
                drop(timeout(*time, closed).await);
            }
            Act::Leave => {
                heard.left = true;
                return heard;
            }
        }
    }
    loop {
        let read = timeout(PATIENCE, stream.read_buf(&mut heard.bytes)).await;
        if !matches!(read.expect("the connection ends in time"), Ok(1..)) {
            return heard;
        }
    }
}

impl Heard {
    /// The answers in words, in order: `200`, `200 cut off`, `401 invalid_api_key`, `100`; `closed` where there was none. Of an
    /// error in an answer's body that is its code, or what stands for one in the surface's shape.
    pub(crate) fn text(&self) -> String {
        if self.left {
            return "left".to_owned();
        }
        let mut rest = &self.bytes[..];
        let mut answers = Vec::new();
        while !rest.is_empty() {
            let Some((answer, after)) = answer(rest, self.head_only) else {
                answers.push("no HTTP/1".to_owned());
                break;
            };
            answers.push(answer);
            rest = after;
        }
        if answers.is_empty() { "closed".to_owned() } else { answers.join(", ") }
    }

    /// All of it, as text.
    pub(crate) fn lossy(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// Reads one answer; returns it in words, and what comes after it.
fn answer(bytes: &[u8], head_only: bool) -> Option<(String, &[u8])> {
    let end = memmem(bytes, b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let status = head.split(' ').nth(1)?.to_owned();
    let rest = &bytes[end..];
    if status.starts_with('1') || head_only {
        return Some((status, rest));
    }
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let (body, whole, after) = if field("transfer-encoding:") == Some("chunked") {
        dechunked(rest)
    } else {
        let length = field("content-length:").map_or(rest.len(), |length| length.parse().unwrap());
        let body = &rest[..length.min(rest.len())];
        (body.to_vec(), body.len() == length, &rest[body.len()..])
    };
    let mut text = status;
    if text.starts_with(['4', '5', '9'])
        && let Ok(document) = serde_json::from_slice::<Value>(&body)
    {
        let error = &document["error"];
        let code = ["code", "status", "type"].iter().find_map(|field| error[*field].as_str());
        text.extend([" ", code.unwrap_or("without a code")]);
    }
    if !whole {
        text.push_str(" cut off");
    }
    Some((text, after))
}

/// The content of a chunked body, whether it came to its end, and what comes after it.
fn dechunked(mut rest: &[u8]) -> (Vec<u8>, bool, &[u8]) {
    let mut content = Vec::new();
    loop {
        let Some(line) = memmem(rest, b"\r\n") else { return (content, false, &[]) };
        let size = std::str::from_utf8(&rest[..line]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        rest = &rest[line + 2..];
        if size == 0 {
            // Trailers, up to the blank line.
            return match memmem(rest, b"\r\n") {
                Some(0) => (content, true, &rest[2..]),
                _ => match memmem(rest, b"\r\n\r\n") {
                    Some(end) => (content, true, &rest[end + 4..]),
                    None => (content, false, &[]),
                },
            };
        }
        if rest.len() < size + 2 {
            content.extend_from_slice(&rest[..size.min(rest.len())]);
            return (content, false, &[]);
        }
        content.extend_from_slice(&rest[..size]);
        rest = &rest[size + 2..];
    }
}

/// Where `needle` begins.
pub(crate) fn memmem(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}
