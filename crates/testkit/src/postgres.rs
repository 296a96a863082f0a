//! Throw-away PostgreSQL servers.
//!
//! nextest runs every test in a process of its own, and a server for each would cost a second each. So one server
//! is shared by all test processes of a user: the first starts it, whoever uses it keeps touching a heartbeat file,
//! and the server stops when nobody has for [`IDLE_MINUTES`]. A start always begins with an empty cluster, so nothing
//! of a run, however it ended, reaches one after the next pause. It has no durability at all.

use std::{
    env,
    fs::{self, DirBuilder, File, OpenOptions},
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    sync::OnceLock,
    time::Duration,
};

use tokio::sync::OnceCell;
use tokio_postgres::NoTls;
use tollgate_embedded_postgres::{EmbeddedPostgres, Options, destroy, fetch};

use crate::private_postgres::{Home, PrivatePostgres};

/// Longer than any pause inside a run of all tests, short enough not to be found the next morning.
const IDLE_MINUTES: u32 = 10;

/// How often a living test process says so: several times in [`IDLE_MINUTES`].
const HEARTBEAT: Duration = Duration::from_mins(1);

/// Tests run in parallel, each with a pool.
const MAX_CONNECTIONS: &str = "500";

/// The server that all tests share.
#[derive(Debug, Clone, Copy)]
pub struct TestPostgres {
    url: &'static str,
}

impl TestPostgres {
    /// The shared server, started if it is not running.
    pub async fn shared() -> Self {
        static URL: OnceCell<String> = OnceCell::const_new();
        let url = URL.get_or_init(find_or_start_shared).await;
        Self { url }
    }

    /// A server of this test's own, to stop, kill or freeze.
    pub async fn private() -> PrivatePostgres {
        PrivatePostgres::start(Home::temporary(), &[]).await
    }

    /// URL of the server's maintenance database. Make databases with [`TestDatabase`](crate::TestDatabase).
    pub fn url(self) -> &'static str {
        self.url
    }
}

async fn find_or_start_shared() -> String {
    let base = shared_base();
    let heartbeat = base.join("heartbeat");
    touch(&heartbeat);
    keep_touching(heartbeat.clone());
    let url_file = base.join("url");
    // Held until this function ends, so of many test processes one starts the server and the others find it.
    let _lock = locked(&base.join("start.lock")).await;
    if let Ok(url) = fs::read_to_string(&url_file)
        && is_answering(&url).await
    {
        return url;
    }
    fetch::fetch_if_missing().await.unwrap();
    let data_dir = base.join("pg");
    destroy(&data_dir).await.unwrap();
    let mut options = Options::new(&data_dir);
    options.durable = false;
    options.settings =
        [("max_connections", MAX_CONNECTIONS), ("autovacuum", "off"), ("max_wal_size", "256MB")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec();
    let server = EmbeddedPostgres::start(options).await.unwrap();
    let url = server.connection_string().to_owned();
    server.detach_until_idle(&heartbeat, IDLE_MINUTES).await.unwrap();
    fs::write(&url_file, &url).unwrap();
    url
}

/// One directory per user and per PostgreSQL that was asked for.
pub(crate) fn shared_base() -> PathBuf {
    let uid = rustix::process::geteuid().as_raw();
    let version = env::var("PG_BIN")
        .map_or_else(|_| String::new(), |named| format!("-{}", crate::database::short_hash(&named)));
    let base = env::temp_dir().join(format!("tollgate-test-{uid}{version}"));
    // A server that runs as another user passes through it.
    let mode = if uid == 0 { 0o711 } else { 0o700 };
    DirBuilder::new().recursive(true).mode(mode).create(&base).unwrap();
    let owner = fs::symlink_metadata(&base).unwrap().uid();
    assert_eq!(owner, uid, "{} was made by somebody else: remove it", base.display());
    base
}

/// Waits for a lock among all test processes; it ends with what this returns.
pub(crate) async fn locked(path: &Path) -> File {
    let lock = OpenOptions::new().create(true).write(true).truncate(false).open(path).unwrap();
    tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await.unwrap().unwrap()
}

/// Sets the modification time to now, as the file system sees it.
fn touch(path: &Path) {
    fs::write(path, b"alive\n").unwrap();
}

/// Touches from a thread that ends with the process.
fn keep_touching(heartbeat: PathBuf) {
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(HEARTBEAT);
                touch(&heartbeat);
            }
        });
    });
}

async fn is_answering(url: &str) -> bool {
    match tokio_postgres::connect(url, NoTls).await {
        Ok((client, connection)) => {
            let driver = tokio::spawn(connection);
            let answered = client.simple_query("select 1").await.is_ok();
            drop(client);
            answered && driver.await.is_ok()
        }
        Err(_) => false,
    }
}
