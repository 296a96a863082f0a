//! One slow connection of each kind, on a bare socket: no HTTP library would do these things.

use std::{
    io::{Error, ErrorKind, Result},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, Interest},
    net::{TcpSocket, TcpStream},
    time::{MissedTickBehavior, interval},
};

use super::{SlowEnd, SlowKind, SlowPlan, TAG};

/// Of a non-reader: the smallest receive buffer, so that what it does not read waits with the sender.
const SMALL_BUFFER_BYTES: u32 = 4 << 10;
/// The stream that is not read: about 2 KB, so many times. It fits into no buffer.
const LONG_STREAM: &str = "prompt=10 completion=8 frames=8 no_end repeat=50000";
/// A body that never gets there.
const ANNOUNCED_BYTES: usize = 1 << 20;

/// Holds one connection until the server ends it, and says when it began to be held. An error is one of ours or of the network.
pub(super) async fn hold(
    kind: SlowKind,
    number: usize,
    plan: &SlowPlan,
    on_held: impl FnOnce(),
) -> Result<SlowEnd> {
    let socket = TcpSocket::new_v4()?;
    if kind == SlowKind::NonReader {
        socket.set_recv_buffer_size(SMALL_BUFFER_BYTES)?;
    }
    let mut stream = socket.connect(plan.address).await?;
    stream.set_nodelay(true)?;
    match kind {
        SlowKind::HalfOpen => {
            on_held();
            end_of(&mut stream).await
        }
        SlowKind::SlowHead => {
            stream.write_all(b"POST /v1/chat/completions HTTP/1.1\r\nx-slow: ").await?;
            on_held();
            trickle(&mut stream, plan.pace).await
        }
        SlowKind::SlowBody => {
            let head = head(plan, "POST /v1/chat/completions", ANNOUNCED_BYTES);
            let begun =
                format!(r#"{head}{{"model":"{}","messages":[{{"role":"user","content":""#, plan.model);
            stream.write_all(begun.as_bytes()).await?;
            on_held();
            trickle(&mut stream, plan.pace).await
        }
        SlowKind::IdleKeepAlive => {
            stream.write_all(head(plan, "GET /v1/models", 0).as_bytes()).await?;
            read_small_answer(&mut stream).await?;
            on_held();
            end_of(&mut stream).await
        }
        SlowKind::NonReader => {
            let body = format!(
                r#"{{"model":"{}","stream":true,"messages":[{{"role":"user","content":"{number} [[script tag={TAG} {LONG_STREAM}]]"}}]}}"#,
                plan.model
            );
            let request = format!("{}{body}", head(plan, "POST /v1/chat/completions", body.len()));
            stream.write_all(request.as_bytes()).await?;
            read_status(&mut stream).await?;
            on_held();
            reset(&stream).await
        }
    }
}

fn head(plan: &SlowPlan, what: &str, length: usize) -> String {
    format!(
        "{what} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n",
        plan.address, plan.key
    )
}

/// Sends a byte at a time until the server has had enough.
async fn trickle(stream: &mut TcpStream, pace: Duration) -> Result<SlowEnd> {
    let (mut reader, mut writer) = stream.split();
    let mut turns = interval(pace);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let sending = async {
        loop {
            turns.tick().await;
            if writer.write_all(b"x").await.is_err() {
                // The server is gone; what it said before that is still to be read.
                return std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        () = sending => unreachable!("it goes on for ever"),
        end = end_of(&mut reader) => end,
    }
}

/// Waits for the server to answer or to close, whichever comes first, and for its end.
async fn end_of(reader: &mut (impl AsyncReadExt + Unpin)) -> Result<SlowEnd> {
    let mut answer = Vec::new();
    match reader.read_to_end(&mut answer).await {
        Ok(_) => {}
        Err(error) if is_broken(&error) => {}
        Err(error) => return Err(error),
    }
    Ok(status(&answer).map_or(SlowEnd::Closed, SlowEnd::Answered))
}

/// Waits, without reading, for the server to break the connection: behind bytes that nobody reads no orderly end can be seen.
async fn reset(stream: &TcpStream) -> Result<SlowEnd> {
    stream.ready(Interest::ERROR).await?;
    Ok(SlowEnd::Closed)
}

/// The status of the answer that begins, which must be a good one. The rest stays unread.
async fn read_status(stream: &mut TcpStream) -> Result<()> {
    let mut begun = [0; 12];
    stream.read_exact(&mut begun).await?;
    match status(&begun) {
        Some(200) => Ok(()),
        _ => Err(Error::other(format!("answered {:?}", String::from_utf8_lossy(&begun)))),
    }
}

/// Reads one answer with a length, whole.
async fn read_small_answer(stream: &mut TcpStream) -> Result<()> {
    let mut answer = Vec::new();
    loop {
        if let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
            if status(&answer) != Some(200) {
                return Err(Error::other(format!("answered {head}")));
            }
            if answer.len() >= end + 4 + length {
                return Ok(());
            }
        }
        if stream.read_buf(&mut answer).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
}

/// The status in the first line of an answer.
fn status(answer: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(answer.get(..12)?).ok()?;
    text.strip_prefix("HTTP/1.1 ")?.trim().parse().ok()
}

fn is_broken(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted)
}
