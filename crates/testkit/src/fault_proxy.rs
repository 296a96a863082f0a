//! A TCP proxy in front of a test database, to take the network away: freeze it, cut it off, lead it elsewhere, or lose a COMMIT or
//! its answer.

use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream, tcp, unix},
    sync::watch,
};

/// What is copied at once.
const BUFFER_BYTES: usize = 16 << 10;

/// The simple query `commit`, as it goes over the wire; the store ends its transactions with it.
const COMMIT: &[u8] = b"Q\0\0\0\x0bcommit\0";

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

/// What becomes of a COMMIT whose bytes have left the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It arrives, and so does its answer.
    Answered,
    /// It arrives and is done; the line breaks before its answer.
    AnswerLost,
    /// The line breaks before it arrives: the server rolls back.
    CommitLost,
}

/// Decides for each COMMIT, by its number since the fates were set.
type Fates = Box<dyn Fn(u64) -> Fate + Send + Sync>;

/// What the connections share.
struct Shared {
    line: watch::Sender<Line>,
    /// How often the far end of every open connection has vanished.
    vanished: watch::Sender<u64>,
    socket: Mutex<PathBuf>,
    fates: RwLock<Option<Fates>>,
    commits: AtomicU64,
    lost: AtomicU64,
}

/// A proxy to one database of the embedded server. It ends when it is dropped.
pub struct FaultProxy {
    address: SocketAddr,
    user: String,
    database: String,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for FaultProxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FaultProxy").field("address", &self.address).finish_non_exhaustive()
    }
}

impl FaultProxy {
    /// Starts a proxy to the database at `url`, which is of the form that `TestDatabase::url` and
    /// `PrivatePostgres::url` give.
    pub async fn start(url: &str) -> Self {
        let config: tokio_postgres::Config = url.parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            line: watch::Sender::new(Line::Open),
            vanished: watch::Sender::new(0),
            socket: socket_of(&config).into(),
            fates: RwLock::new(None),
            commits: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        });
        tokio::spawn(accept(listener, Arc::clone(&shared)));
        let name = |name: Option<&str>| name.expect("the URL names user and database").to_owned();
        Self { address, user: name(config.get_user()), database: name(config.get_dbname()), shared }
    }

    /// The same database, through the proxy.
    pub fn url(&self) -> String {
        format!("postgresql://{}@{}/{}", self.user, self.address, self.database)
    }

    /// Where the proxy listens: for a URL of several hosts.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets nothing through, until [`heal`](Self::heal); connections stay open.
    pub fn freeze(&self) {
        self.shared.line.send_replace(Line::Frozen);
    }

    /// Breaks every connection, and each new one, until [`heal`](Self::heal).
    pub fn cut(&self) {
        self.shared.line.send_replace(Line::Cut);
    }

    /// Lets everything through again.
    pub fn heal(&self) {
        *self.shared.fates.write().unwrap() = None;
        self.shared.line.send_replace(Line::Open);
    }

    /// Lets the far end of every open connection vanish without a word, as with a host that lost its power or an address that moved: the
    /// server ends the session, the client hears nothing ever again. New connections work.
    pub fn vanish(&self) {
        self.shared.vanished.send_modify(|times| *times += 1);
    }

    /// Leads new connections to the database at `url`; those that are open stay where they are, as with a name or an address
    /// that moves to another server.
    pub fn lead_to(&self, url: &str) {
        *self.shared.socket.lock().unwrap() = socket_of(&url.parse().unwrap());
    }

    /// Decides what becomes of each COMMIT from here on, by its number (0, 1, 2, …), until [`heal`](Self::heal).
    pub fn decide_commits(&self, fates: impl Fn(u64) -> Fate + Send + Sync + 'static) {
        let mut current = self.shared.fates.write().unwrap();
        self.shared.commits.store(0, Ordering::SeqCst);
        *current = Some(Box::new(fates));
    }

    /// How many COMMITs, or answers to one, were lost.
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::SeqCst)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shared.line.send_replace(Line::Gone);
    }
}

fn socket_of(config: &tokio_postgres::Config) -> PathBuf {
    let [tokio_postgres::config::Host::Unix(directory)] = config.get_hosts() else {
        panic!("{config:?} does not lead to a socket");
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    directory.join(format!(".s.PGSQL.{port}"))
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut gone = shared.line.subscribe();
    loop {
        let client = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = gone.wait_for(|line| *line == Line::Gone) => return,
        };
        // A client that left while it was accepted is no reason to end.
        let Ok((client, _)) = client else { continue };
        if *shared.line.borrow() != Line::Cut {
            tokio::spawn(connect(client, Arc::clone(&shared)));
        }
    }
}

async fn connect(client: TcpStream, shared: Arc<Shared>) {
    let socket = shared.socket.lock().unwrap().clone();
    // A server that is not there looks to the client like a broken connection, which it is.
    let Ok(server) = UnixStream::connect(socket).await else { return };
    let (mut from_client, mut to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut cut = shared.line.subscribe();
    let mut vanished = shared.vanished.subscribe();
    let is_answer_lost = AtomicBool::new(false);
    tokio::select! {
        _ = carry_requests(&mut from_client, to_server, &shared, &is_answer_lost) => return,
        _ = carry_answers(from_server, &mut to_client, &shared, &is_answer_lost) => return,
        _ = cut.wait_for(|line| matches!(line, Line::Cut | Line::Gone)) => return,
        _ = vanished.changed() => {}
    }
    // The server's side is closed by now; the client's stays.
    drop(cut.wait_for(|line| matches!(line, Line::Cut | Line::Gone)).await);
}

async fn carry_requests(
    from: &mut tcp::OwnedReadHalf,
    mut to: unix::OwnedWriteHalf,
    shared: &Shared,
    is_answer_lost: &AtomicBool,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    // The last bytes before this chunk: a message may come in two.
    let mut tail: Vec<u8> = Vec::new();
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        let chunk = &buffer[..length];
        wait_while_frozen(shared).await?;
        tail.extend_from_slice(chunk);
        if tail.ends_with(COMMIT) {
            match shared.next_fate() {
                Fate::Answered => {}
                Fate::AnswerLost => is_answer_lost.store(true, Ordering::SeqCst),
                Fate::CommitLost => {
                    shared.lost.fetch_add(1, Ordering::SeqCst);
                    return Ok(());
                }
            }
        }
        tail.drain(..tail.len().saturating_sub(COMMIT.len() - 1));
        to.write_all(chunk).await?;
    }
}

async fn carry_answers(
    mut from: unix::OwnedReadHalf,
    to: &mut tcp::OwnedWriteHalf,
    shared: &Shared,
    is_answer_lost: &AtomicBool,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        if is_answer_lost.load(Ordering::SeqCst) {
            // The answer has come, so it is committed; the client never hears of it.
            shared.lost.fetch_add(1, Ordering::SeqCst);
            return Ok(());
        }
        wait_while_frozen(shared).await?;
        to.write_all(&buffer[..length]).await?;
    }
}

async fn wait_while_frozen(shared: &Shared) -> io::Result<()> {
    let mut line = shared.line.subscribe();
    line.wait_for(|line| *line != Line::Frozen).await.map_err(io::Error::other)?;
    Ok(())
}

impl Shared {
    fn next_fate(&self) -> Fate {
        let fates = self.fates.read().unwrap();
        let Some(fates) = fates.as_ref() else { return Fate::Answered };
        fates(self.commits.fetch_add(1, Ordering::SeqCst))
    }
}
