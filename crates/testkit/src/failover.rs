//! A primary with a streaming standby, to lose the first and go on with the second.

use std::{fs, os::unix::fs::MetadataExt, time::Duration};

use tokio_postgres::{Client, NoTls};
use tollgate_embedded_postgres::Halt;

use crate::private_postgres::{Home, PrivatePostgres, copy_directory};

/// Longest wait for something that takes the pair milliseconds, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(30);

/// When a commit on the primary counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replication {
    /// When the standby has it too: a failover loses none. While the standby is away, commits wait.
    Synchronous,
    /// At once: a failover may lose the last ones; [`FailoverPair::hold_back`] sees to it that it does.
    Asynchronous,
}

/// Two servers, the second of which follows the first.
///
/// To lose commits deliberately: [`wait_until_caught_up`](Self::wait_until_caught_up) marks the last commit that shall survive,
/// [`hold_back`](Self::hold_back) keeps everything later from the standby, and [`fail_over`](Self::fail_over) ends the primary and makes the
/// standby the one to write to. Everything committed in between is gone, as after a failover of asynchronous replication:
///
/// ```no_run
/// # async fn example() {
/// use tollgate_testkit::{FailoverPair, FaultProxy, Replication};
/// let mut pair = FailoverPair::start(Replication::Asynchronous).await;
/// let proxy = FaultProxy::start(&pair.primary_url()).await;
/// // … work through proxy.url(): these commits survive …
/// pair.wait_until_caught_up().await;
/// pair.hold_back().await;
/// // … these commits are acknowledged, and lost …
/// pair.fail_over().await;
/// proxy.lead_to(&pair.standby_url());
/// # }
/// ```
#[derive(Debug)]
pub struct FailoverPair {
    primary: PrivatePostgres,
    primary_url: String,
    standby: PrivatePostgres,
    /// What leads the standby to the primary.
    source: String,
}

impl FailoverPair {
    /// Starts both. The database is empty; what is done on the primary from here on reaches the standby.
    pub async fn start(replication: Replication) -> Self {
        let mut primary = PrivatePostgres::start(Home::temporary(), &[]).await;
        let primary_url = primary.url();
        // A copy of a server that was stopped in order needs no backup label and no archive.
        primary.stop().await;
        let mut standby =
            PrivatePostgres::prepare(Home::temporary(), &[("wal_retrieve_retry_interval", "100ms")]);
        let data_dir = standby.cluster();
        let data_dir = data_dir.parent().expect("a cluster is in a data directory");
        fs::DirBuilder::new().create(data_dir).unwrap();
        copy_directory(&primary.cluster(), &standby.cluster());
        write_as_owner(&standby, "standby.signal", "");
        let source = source_of(&primary_url);
        write_as_owner(&standby, "postgresql.auto.conf", &format!("primary_conninfo = '{source}'\n"));
        if replication == Replication::Synchronous {
            primary.set("synchronous_standby_names", "*");
        }
        primary.start_again().await;
        standby.start_again().await;
        let pair = Self { primary, primary_url, standby, source };
        pair.wait_for_receiver(true).await;
        pair
    }

    /// URL of the database on the first server.
    pub fn primary_url(&self) -> String {
        self.primary_url.clone()
    }

    /// URL of the same database on the second server: read-only until it is promoted.
    pub fn standby_url(&self) -> String {
        self.standby.url()
    }

    /// The first server, to do something else to it.
    pub fn primary(&mut self) -> &mut PrivatePostgres {
        &mut self.primary
    }

    /// Waits until the standby shows everything that the primary has committed so far.
    pub async fn wait_until_caught_up(&self) {
        let primary = connect(&self.primary_url).await;
        let position: String = ask(&primary, "select pg_current_wal_lsn()::text").await;
        let question = format!("select (pg_last_wal_replay_lsn() >= '{position}'::pg_lsn)::text");
        self.wait_for_standby(&question, "true").await;
    }

    /// Keeps everything that the primary commits from here on from the standby. Returns when nothing more can come.
    pub async fn hold_back(&self) {
        self.follow("").await;
        self.wait_for_receiver(false).await;
    }

    /// Lets the standby follow again.
    pub async fn let_through(&self) {
        self.follow(&self.source).await;
        self.wait_for_receiver(true).await;
    }

    /// Kills every process of the primary, for good, and promotes the standby.
    pub async fn fail_over(&mut self) {
        self.primary.halt(Halt::Crash).await;
        self.promote().await;
    }

    /// Makes the standby the one to write to, whatever the primary does. Returns when it takes writes.
    pub async fn promote(&self) {
        let standby = connect(&self.standby.url()).await;
        let promoted: String = ask(&standby, "select pg_promote()::text").await;
        assert_eq!(promoted, "true");
        self.wait_for_standby("select pg_is_in_recovery()::text", "false").await;
    }

    async fn follow(&self, source: &str) {
        let standby = connect(&self.standby.url()).await;
        standby.batch_execute(&format!("alter system set primary_conninfo = '{source}'")).await.unwrap();
        standby.batch_execute("select pg_reload_conf()").await.unwrap();
    }

    async fn wait_for_receiver(&self, is_there: bool) {
        let question = "select exists (select from pg_stat_wal_receiver where status = 'streaming')::text";
        if is_there {
            return self.wait_for_standby(question, "true").await;
        }
        // Not only not streaming: gone.
        self.wait_for_standby("select count(*)::text from pg_stat_wal_receiver", "0").await;
    }

    async fn wait_for_standby(&self, question: &str, expected: &str) {
        let standby = connect(&self.standby.url()).await;
        let waiting = async {
            while ask(&standby, question).await != expected {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(in_time.is_ok(), "the standby never said {expected} to: {question}");
    }
}

/// The same place as libpq writes it.
fn source_of(url: &str) -> String {
    let config: tokio_postgres::Config = url.parse().unwrap();
    let [tokio_postgres::config::Host::Unix(directory)] = config.get_hosts() else {
        panic!("{url} does not lead to a socket");
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let user = config.get_user().expect("the URL names a user");
    format!("host={} port={port} user={user}", directory.display())
}

/// A file that the server may change.
fn write_as_owner(server: &PrivatePostgres, name: &str, text: &str) {
    let path = server.cluster().join(name);
    let owner = fs::metadata(server.cluster()).unwrap();
    fs::write(&path, text).unwrap();
    std::os::unix::fs::chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn ask(client: &Client, question: &str) -> String {
    client.query_one(question, &[]).await.unwrap().get(0)
}
