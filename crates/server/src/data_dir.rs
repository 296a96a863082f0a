//! The data directory: who has it, and what a running server tells the commands beside it.
//!
//! ```text
//! <data_dir>/serve.lock     held by the running server; the kernel frees it however the server ends
//! <data_dir>/listen.addr    where the running server listens, such as 127.0.0.1:8080
//! <data_dir>/admin.addr     where its management API listens
//! <data_dir>/database.url   the database of the running server, mode 0600: it may hold a password
//! <data_dir>/master.key     see `master_key`
//! <data_dir>/spool/         requests that the books do not have yet; see the spool's own README
//! <data_dir>/postgres/      the private database
//! ```
//! The files of a running server are valid only while `serve.lock` is held: a killed server leaves them behind.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{ErrorKind, Read, Seek, Write},
    net::SocketAddr,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use secrecy::{ExposeSecret, SecretString};

/// A command that looks whether a server runs holds the lock for an instant; a server that starts then tries again.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);
const LOCK_POLL: Duration = Duration::from_millis(20);

/// The data directory of this process.
#[derive(Debug, Clone)]
pub(crate) struct DataDir(PathBuf);

/// Where the management API of the server that runs in this directory listens; `None` where none runs, or it has not got that far.
pub(crate) fn admin_address_of_running(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path.join("admin.addr")).ok()?;
    // As with the database's URL: asked after reading.
    DataDir(path.to_path_buf()).is_served().then(|| text.trim().to_owned())
}

/// Held for as long as this process is the server of the data directory.
#[derive(Debug)]
pub(crate) struct ServeLock {
    directory: DataDir,
    _file: File,
}

impl DataDir {
    /// Makes the directory where it is not there.
    pub(crate) fn prepare(path: &Path) -> anyhow::Result<Self> {
        // A root process lends its PostgreSQL to another user, who must get through; every file of ours has a mode of its own.
        let mode = if rustix::process::geteuid().is_root() { 0o711 } else { 0o700 };
        DirBuilder::new()
            .recursive(true)
            .mode(mode)
            .create(path)
            .and_then(|()| fs::canonicalize(path))
            .map(Self)
            .with_context(|| format!("cannot make the data directory {}", path.display()))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The directory of the spool.
    pub(crate) fn spool(&self) -> PathBuf {
        self.0.join("spool")
    }

    /// The directory of the private database.
    pub(crate) fn postgres(&self) -> PathBuf {
        self.0.join("postgres")
    }

    /// Becomes the server of this directory, or says who is.
    pub(crate) async fn lock_for_serving(&self) -> anyhow::Result<ServeLock> {
        let path = self.0.join("serve.lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        let deadline = tokio::time::Instant::now() + LOCK_PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if tokio::time::Instant::now() < deadline => {
                    tokio::time::sleep(LOCK_POLL).await;
                }
                Err(TryLockError::WouldBlock) => {
                    let mut pid = String::new();
                    file.read_to_string(&mut pid)?;
                    bail!(
                        "the data directory {} is in use by another `tollgate serve` (process {}). Stop it, or choose \
                         another one with --data-dir",
                        self.0.display(),
                        pid.trim()
                    );
                }
                Err(TryLockError::Error(error)) => {
                    return Err(error).with_context(|| format!("cannot lock {}", path.display()));
                }
            }
        }
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())?;
        let lock = ServeLock { directory: self.clone(), _file: file };
        lock.withdraw();
        Ok(lock)
    }

    /// Whether some living process serves this directory.
    pub(crate) fn is_served(&self) -> bool {
        File::open(self.0.join("serve.lock"))
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// The database of the running server; `None` where no server runs, or it has not got that far.
    pub(crate) fn database_of_running(&self) -> Option<SecretString> {
        let text = fs::read_to_string(self.0.join("database.url")).ok()?;
        // Asked after reading: what was read while the lock is held is the holder's, who withdraws old files first.
        self.is_served().then(|| SecretString::from(text.trim().to_owned()))
    }
}

/// Where the server that runs with this directory listens. Nothing is made, not even the directory.
pub(crate) fn address_of_running(directory: &Path) -> anyhow::Result<SocketAddr> {
    let path = directory.join("listen.addr");
    let text = match fs::read_to_string(&path) {
        Ok(text) if DataDir(directory.to_owned()).is_served() => text,
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot read {}", path.display()));
        }
        _ => bail!("no server serves with the data directory {}", directory.display()),
    };
    text.trim().parse().with_context(|| format!("{} holds no address", path.display()))
}

impl ServeLock {
    /// Tells commands where the database is.
    pub(crate) fn publish_database(&self, url: &SecretString) -> anyhow::Result<()> {
        self.publish("database.url", url.expose_secret(), 0o600)
    }

    /// Tells whoever wants to know where we listen.
    pub(crate) fn publish_address(&self, address: SocketAddr) -> anyhow::Result<()> {
        self.publish("listen.addr", &address.to_string(), 0o644)
    }

    /// Tells whoever wants to know where the management API listens.
    pub(crate) fn publish_admin_address(&self, address: SocketAddr) -> anyhow::Result<()> {
        self.publish("admin.addr", &address.to_string(), 0o644)
    }

    /// In one step: a reader sees the whole text or none.
    fn publish(&self, name: &str, text: &str, mode: u32) -> anyhow::Result<()> {
        let path = self.directory.0.join(name);
        let unfinished = path.with_extension("new");
        remove(&unfinished);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&unfinished)
            .with_context(|| format!("cannot make {}", unfinished.display()))?;
        writeln!(file, "{text}")
            .and_then(|()| fs::rename(&unfinished, &path))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    fn withdraw(&self) {
        for name in ["database.url", "listen.addr", "admin.addr"] {
            remove(&self.directory.0.join(name));
        }
    }
}

impl Drop for ServeLock {
    fn drop(&mut self) {
        self.withdraw();
    }
}

fn remove(path: &Path) {
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => tracing::warn!(path = %path.display(), %error, "a file of a server that is gone stays"),
    }
}

#[cfg(test)]
mod tests;
