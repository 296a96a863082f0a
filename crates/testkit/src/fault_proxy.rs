//! A TCP proxy in front of a test database, to take the network away: freeze it, or cut it off.

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
};

/// What is copied at once.
const BUFFER_BYTES: usize = 16 << 10;

/// The state of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// Bytes flow.
    Open,
    /// Connections stay, and nothing comes through: what a firewall or a frozen host looks like.
    Frozen,
    /// Connections break, and new ones too.
    Cut,
    /// The proxy is gone.
    Gone,
}

/// A proxy to one database of the embedded server. It ends when it is dropped.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    user: String,
    database: String,
    line: Arc<watch::Sender<Line>>,
}

impl FaultProxy {
    /// Starts a proxy to the database at `url`, which is of the form that `TestDatabase::url` and
    /// `PrivatePostgres::url` give.
    pub async fn start(url: &str) -> Self {
        let config: tokio_postgres::Config = url.parse().unwrap();
        let [tokio_postgres::config::Host::Unix(directory)] = config.get_hosts() else {
            panic!("{url} does not lead to a socket");
        };
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let socket = directory.join(format!(".s.PGSQL.{port}"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let line = Arc::new(watch::Sender::new(Line::Open));
        tokio::spawn(accept(listener, socket, line.subscribe()));
        let name = |name: Option<&str>| name.expect("the URL names user and database").to_owned();
        Self { address, user: name(config.get_user()), database: name(config.get_dbname()), line }
    }

    /// The same database, through the proxy.
    pub fn url(&self) -> String {
        format!("postgresql://{}@{}/{}", self.user, self.address, self.database)
    }

    /// Lets nothing through, until [`heal`](Self::heal); connections stay open.
    pub fn freeze(&self) {
        self.line.send_replace(Line::Frozen);
    }

    /// Breaks every connection, and each new one, until [`heal`](Self::heal).
    pub fn cut(&self) {
        self.line.send_replace(Line::Cut);
    }

    /// Lets everything through again.
    pub fn heal(&self) {
        self.line.send_replace(Line::Open);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.line.send_replace(Line::Gone);
    }
}

async fn accept(listener: TcpListener, socket: PathBuf, line: watch::Receiver<Line>) {
    let mut gone = line.clone();
    loop {
        let client = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = gone.wait_for(|line| *line == Line::Gone) => return,
        };
        // A client that left while it was accepted is no reason to end.
        let Ok((client, _)) = client else { continue };
        if *line.borrow() != Line::Cut {
            tokio::spawn(connect(client, socket.clone(), line.clone()));
        }
    }
}

async fn connect(client: TcpStream, socket: PathBuf, line: watch::Receiver<Line>) {
    // A server that is not there looks to the client like a broken connection, which it is.
    let Ok(server) = UnixStream::connect(socket).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut cut = line.clone();
    tokio::select! {
        _ = copy(from_client, to_server, line.clone()) => {}
        _ = copy(from_server, to_client, line) => {}
        _ = cut.wait_for(|line| matches!(line, Line::Cut | Line::Gone)) => {}
    }
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut line: watch::Receiver<Line>,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        line.wait_for(|line| *line != Line::Frozen).await.map_err(io::Error::other)?;
        to.write_all(&buffer[..length]).await?;
    }
}
