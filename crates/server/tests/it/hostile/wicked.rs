//! An upstream that says any bytes at all, and keeps its own count of what it was asked.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::wire::memmem;

/// Something that the upstream does on a connection.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    /// Says these bytes.
    Say(Vec<u8>),
    /// Says these bytes so many times, as fast as they are taken.
    Repeat(Vec<u8>, u64),
    /// Says these bytes one by one, with this pause before each.
    Trickle(Vec<u8>, Duration),
    /// Says and does nothing more until the gateway hangs up.
    Hang,
    /// Breaks the connection.
    Reset,
}

/// An upstream on a port of its own, for as long as the test runs.
pub(crate) struct Wicked {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    deeds: Vec<Deed>,
    requests: Vec<Vec<u8>>,
}

/// Bytes to be said.
pub(crate) fn say(text: impl AsRef<[u8]>) -> Deed {
    Deed::Say(text.as_ref().to_vec())
}

impl Wicked {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, Arc::clone(&shared)));
            }
        });
        Self { address, state }
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What is done with each request from now on.
    pub(crate) fn shall(&self, deeds: Vec<Deed>) {
        self.state.lock().unwrap().deeds = deeds;
    }

    /// Every whole request so far, as its bytes.
    pub(crate) fn requests(&self) -> Vec<Vec<u8>> {
        self.state.lock().unwrap().requests.clone()
    }
}

async fn serve(mut connection: TcpStream, state: Arc<Mutex<State>>) {
    connection.set_nodelay(true).unwrap();
    let Some(request) = read_request(&mut connection).await else { return };
    let deeds = {
        let mut state = state.lock().unwrap();
        state.requests.push(request);
        state.deeds.clone()
    };
    for deed in deeds {
        let said = match deed {
            Deed::Say(bytes) => connection.write_all(&bytes).await,
            Deed::Repeat(bytes, times) => repeat(&mut connection, &bytes, times).await,
            Deed::Trickle(bytes, pause) => trickle(&mut connection, &bytes, pause).await,
            Deed::Hang => connection.read_to_end(&mut Vec::new()).await.map(drop),
            Deed::Reset => {
                connection.set_zero_linger().unwrap();
                return;
            }
        };
        // The gateway may hang up at any time.
        if said.is_err() {
            return;
        }
    }
}

async fn repeat(connection: &mut TcpStream, bytes: &[u8], times: u64) -> std::io::Result<()> {
    for _ in 0..times {
        connection.write_all(bytes).await?;
    }
    Ok(())
}

async fn trickle(connection: &mut TcpStream, bytes: &[u8], pause: Duration) -> std::io::Result<()> {
    for byte in bytes {
        tokio::time::sleep(pause).await;
        connection.write_all(&[*byte]).await?;
    }
    Ok(())
}

/// One whole request; `None` where the gateway hangs up before.
async fn read_request(connection: &mut TcpStream) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    loop {
        if is_whole(&request) {
            return Some(request);
        }
        if !matches!(connection.read_buf(&mut request).await, Ok(1..)) {
            return None;
        }
    }
}

fn is_whole(request: &[u8]) -> bool {
    let Some(end) = memmem(request, b"\r\n\r\n") else { return false };
    let (head, body) = request.split_at(end + 4);
    let head = String::from_utf8_lossy(head).to_lowercase();
    match head.lines().find_map(|line| line.strip_prefix("content-length:")) {
        Some(length) => body.len() >= length.trim().parse().unwrap(),
        None => !head.contains("transfer-encoding") || body.ends_with(b"0\r\n\r\n"),
    }
}
