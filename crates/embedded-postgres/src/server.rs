//! The private server itself: what its owner asks of it, from start to stop.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustix::process::Signal;
use tokio::{process::Child, sync::oneshot, task::JoinHandle};

use crate::{
    Binaries, Error,
    error::Doing,
    identity::Identity,
    layout::{Layout, prepare_data_dir, private_directory},
    lock::OwnerLock,
    orphan::{processes_in, signal_process, stop_orphan, wait_for_backends},
    supervise::{Recipe, supervise},
};

/// The database and the role that the server is made with.
const NAME: &str = "tollgate";

/// What every server gets, before the caller's settings. Nothing of a row or of a statement goes to the log: errors
/// would otherwise quote keys and COPY lines.
const BASE_SETTINGS: [(&str, &str); 7] = [
    ("listen_addresses", ""),
    ("unix_socket_permissions", "0700"),
    ("log_error_verbosity", "terse"),
    ("log_min_error_statement", "panic"),
    ("log_statement", "none"),
    ("log_timezone", "UTC"),
    ("timezone", "UTC"),
];

/// What a server without durability gets: a crash of the machine may destroy it. The server itself may still be
/// killed: what was committed had been handed to the kernel.
const THROW_AWAY_SETTINGS: [(&str, &str); 2] = [("fsync", "off"), ("full_page_writes", "off")];

/// How to start a private server.
#[derive(Debug, Clone)]
pub struct Options {
    /// The data directory; made if it is not there. One process at a time owns it.
    pub data_dir: PathBuf,
    /// Settings as in `postgresql.conf`, such as `("max_connections", "200")`. They win over ours.
    pub settings: Vec<(String, String)>,
    /// The directory of `postgres` and `initdb`; `None` to look for it.
    pub binaries: Option<PathBuf>,
    /// Whether a commit is on the disk when it returns. Off only for tests.
    pub durable: bool,
    /// How long to wait for another owner of the data directory to end before refusing.
    pub lock_patience: Duration,
}

impl Options {
    /// A durable server in `data_dir`, with PostgreSQL as it is found, refused at once when another process has it.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            settings: Vec::new(),
            binaries: None,
            durable: true,
            lock_patience: Duration::ZERO,
        }
    }
}

/// How a server ends that nobody stops in order; for [`EmbeddedPostgres::halt`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Halt {
    /// An immediate shutdown: sessions are cut off, and the next start has to recover.
    Immediate,
    /// `kill -9` of the main process; the others notice, and end.
    KillMain,
    /// `kill -9` of every process: what the machine's own end looks like from outside.
    Crash,
}

/// A running private server, owned by this process. Call [`stop`](Self::stop) at the end; dropping it also stops the
/// server, without waiting.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    connection_string: String,
    recipe: Arc<Recipe>,
    /// Dropping it tells the supervisor to stop the server.
    stop: oneshot::Sender<()>,
    supervisor: JoinHandle<Result<(), Error>>,
    /// Dropping it ends our pipe to it, and it stops the server if the supervisor cannot.
    watchdog: Child,
    /// Last, so that the data directory is ours until all else was told to end.
    _lock: OwnerLock,
}

impl EmbeddedPostgres {
    /// Starts a server in the data directory, making the cluster first where there is none. A server that an earlier
    /// process left behind there is stopped first. From then on a server that ends by itself is started again.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let data_dir = prepare_data_dir(&options.data_dir)?;
        let lock = OwnerLock::take(&data_dir, options.lock_patience).await?;
        let (layout, identity) = Layout::resolve(&data_dir)?;
        stop_orphan(&layout.cluster).await?;
        let binaries = find_binaries(&options, &layout, &identity)?;
        if layout.cluster_major()?.is_none() {
            make_cluster(&layout, &identity, &binaries, options.durable)?;
        }
        let socket_dir = layout.prepare_socket_dir(&identity)?;
        let settings = all_settings(&options);
        let recipe = Arc::new(Recipe { layout, identity, binaries, socket_dir, settings });
        let watchdog = recipe.start_watchdog()?;
        let child = recipe.start().await?;
        make_database(&recipe.socket_dir).await?;
        let (stop, stopped) = oneshot::channel();
        let supervisor = tokio::spawn(supervise(Arc::clone(&recipe), child, stopped));
        let connection_string = connection_url(&recipe.socket_dir, NAME);
        Ok(Self { connection_string, recipe, stop, supervisor, watchdog, _lock: lock })
    }

    /// A URL for tokio-postgres and libpq alike: `postgresql://tollgate@/tollgate?host=/…&port=5432`.
    pub fn connection_string(&self) -> &str {
        &self.connection_string
    }

    /// The directory of the server's socket.
    pub fn socket_dir(&self) -> &Path {
        &self.recipe.socket_dir
    }

    /// The absolute path of the data directory.
    pub fn data_dir(&self) -> &Path {
        &self.recipe.layout.data_dir
    }

    /// The pid of the server's main process, for tests that stop or kill it.
    pub fn pid(&self) -> Option<i32> {
        crate::orphan::postmaster_pid(&self.recipe.layout.cluster).map(|pid| pid.as_raw_nonzero().get())
    }

    /// Every process of the server, the main one first; without procfs, that one alone. For tests that freeze it.
    pub fn pids(&self) -> Vec<i32> {
        let main = crate::orphan::postmaster_pid(&self.recipe.layout.cluster);
        let others = processes_in(&self.recipe.layout.cluster).filter(|pid| Some(*pid) != main);
        main.into_iter().chain(others).map(|pid| pid.as_raw_nonzero().get()).collect()
    }

    /// Ends the server without a checkpoint, and without starting it again: for tests of what is left. Returns when it is gone.
    pub async fn halt(self, how: Halt) -> Result<(), Error> {
        let Self { recipe, stop, supervisor, mut watchdog, _lock, .. } = self;
        // The supervisor goes first: it would start the server again.
        supervisor.abort();
        drop(supervisor.await);
        drop(stop);
        watchdog.kill().await.doing(|| "end the watchdog".to_owned())?;
        let cluster = &recipe.layout.cluster;
        let main = crate::orphan::postmaster_pid(cluster);
        let signal = if how == Halt::Immediate { Signal::QUIT } else { Signal::KILL };
        if let Some(main) = main {
            signal_process(main, signal)?;
        }
        if how == Halt::Crash {
            // Without the main process there are no new ones.
            for pid in processes_in(cluster) {
                signal_process(pid, Signal::KILL)?;
            }
        }
        wait_for_backends(cluster).await
    }

    /// Stops the server: sessions are ended, a checkpoint is written. Returns when it is gone.
    pub async fn stop(self) -> Result<(), Error> {
        let Self { recipe, stop, supervisor, mut watchdog, _lock, .. } = self;
        drop(stop);
        let stopped =
            supervisor.await.map_err(std::io::Error::other).doing(|| "wait for the supervisor".to_owned());
        watchdog.kill().await.doing(|| "end the watchdog".to_owned())?;
        stopped??;
        recipe.layout.remove_socket_dir()
    }

    /// Lets the server live on without an owner, until nobody has touched the file `heartbeat` for `idle_minutes`.
    /// For a server that many short test processes share. `heartbeat` must be in a directory that the server's user
    /// can enter; the data directory is one.
    pub async fn detach_until_idle(self, heartbeat: &Path, idle_minutes: u32) -> Result<(), Error> {
        let Self { recipe, stop, supervisor, mut watchdog, _lock, .. } = self;
        // The supervisor goes first: it would take the end of `stop` for a wish. The child is not killed with it.
        supervisor.abort();
        drop(supervisor.await);
        drop(stop);
        drop(recipe.start_idle_watch(heartbeat, idle_minutes)?);
        // Killed before its pipe ends, so that it stops nothing.
        watchdog.kill().await.doing(|| "end the watchdog".to_owned())
    }
}

/// Removes a data directory with all that is in it, its server stopped first. Refused while a process owns it.
pub async fn destroy(data_dir: &Path) -> Result<(), Error> {
    let data_dir = match fs::canonicalize(data_dir) {
        Ok(data_dir) => data_dir,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(source).doing(|| format!("look at {}", data_dir.display())),
    };
    let _lock = OwnerLock::take(&data_dir, Duration::ZERO).await?;
    if let Some(layout) = Layout::existing(&data_dir) {
        stop_orphan(&layout.cluster).await?;
        layout.remove_cluster()?;
    }
    fs::remove_dir_all(&data_dir).doing(|| format!("remove {}", data_dir.display()))
}

/// The connection string of the server that another living process runs in `data_dir`; `None` when none does. It is
/// for commands beside a running server, and good for as long as that process keeps it.
pub fn connection_string_of_running(data_dir: &Path) -> Option<String> {
    if !OwnerLock::is_held(data_dir) {
        return None;
    }
    // https://www.postgresql.org/docs/current/storage-file-layout.html: line 5 is the first socket directory,
    // line 8 the state, since PostgreSQL 10.
    let text = fs::read_to_string(data_dir.join("cluster/postmaster.pid")).ok()?;
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let socket_dir = lines.get(4).filter(|directory| !directory.is_empty())?;
    let is_ready = lines.get(7).is_some_and(|state| *state == "ready");
    is_ready.then(|| connection_url(Path::new(socket_dir), NAME))
}

/// A URL to a database of the server whose socket is in `socket_dir`.
pub(crate) fn connection_url(socket_dir: &Path, database: &str) -> String {
    use std::{fmt::Write, os::unix::ffi::OsStrExt};
    let mut host = String::new();
    for byte in socket_dir.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                host.push(char::from(*byte));
            }
            // Writing to a String cannot fail.
            _ => drop(write!(host, "%{byte:02X}")),
        }
    }
    format!("postgresql://{NAME}@/{database}?host={host}&port={}", crate::layout::PORT)
}

fn find_binaries(options: &Options, layout: &Layout, identity: &Identity) -> Result<Binaries, Error> {
    let binaries =
        Binaries::find(options.binaries.as_deref(), layout.cluster_major()?).map_err(
            |error| match error {
                Error::OtherMajorVersion { cluster, found, .. } => {
                    Error::OtherMajorVersion { directory: layout.cluster.clone(), cluster, found }
                }
                other => other,
            },
        )?;
    if identity.can_enter(binaries.directory())? {
        Ok(binaries)
    } else {
        Err(Error::Unreachable {
            user: identity.name().to_owned(),
            directory: binaries.directory().to_owned(),
        })
    }
}

fn all_settings(options: &Options) -> Vec<(String, String)> {
    let throw_away: &[(&str, &str)] = if options.durable { &[] } else { &THROW_AWAY_SETTINGS };
    let ours =
        BASE_SETTINGS.iter().chain(throw_away).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    ours.chain(options.settings.iter().cloned()).collect()
}

/// `initdb` beside the final place, then a rename: a crash on the way leaves no half-made cluster.
fn make_cluster(
    layout: &Layout,
    identity: &Identity,
    binaries: &Binaries,
    durable: bool,
) -> Result<(), Error> {
    let unfinished = layout.home().join("cluster.new");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)
            .doing(|| format!("remove the unfinished {}", unfinished.display()))?;
    }
    private_directory(&unfinished, identity)?;
    let mut initdb = binaries.command("initdb");
    initdb.arg("-D").arg(&unfinished).args(["-U", NAME, "-E", "UTF8", "--locale=C", "-A", "trust"]);
    initdb.arg("--no-instructions");
    if !durable {
        initdb.arg("--no-sync");
    }
    identity.apply(&mut initdb);
    let output = initdb.output().doing(|| "run initdb".to_owned())?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        return Err(Error::Initdb {
            directory: unfinished,
            output: String::from_utf8_lossy(&said).trim().to_owned(),
        });
    }
    fs::rename(&unfinished, &layout.cluster)
        .and_then(|()| fs::File::open(layout.home())?.sync_all())
        .doing(|| format!("put the cluster in {}", layout.cluster.display()))?;
    layout.link_relocated()
}

/// Makes our database in a fresh cluster. `initdb` makes only its own.
async fn make_database(socket_dir: &Path) -> Result<(), Error> {
    let (client, connection) =
        tokio_postgres::connect(&connection_url(socket_dir, "postgres"), tokio_postgres::NoTls).await?;
    let work = async move {
        let there = client.query_opt("select 1 from pg_database where datname = $1", &[&NAME]).await?;
        if there.is_none() {
            client.batch_execute(&format!("create database {NAME}")).await?;
        }
        drop(client);
        Ok::<(), tokio_postgres::Error>(())
    };
    let (worked, connected) = tokio::join!(work, connection);
    worked?;
    Ok(connected?)
}
