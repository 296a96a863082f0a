//! Where things are: the data directory, the cluster in it, the socket, the log.
//!
//! ```text
//! <data_dir>/owner.lock     held by the owning process
//! <data_dir>/postgres.log   what the server says
//! <data_dir>/cluster/       the database itself (PGDATA), or a link to it
//! <data_dir>/run/           the socket, or /tmp/tollgate-pg-<hash>/ where that path would be too long
//! ```
//! A root process whose data directory the server's user cannot enter (under `/root`, say) gets its cluster and
//! socket in `/var/lib/tollgate-postgres/<unique>/`, and `cluster` is a link there: we do not open up
//! directories that somebody closed.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink},
    },
    path::{Path, PathBuf},
};

use crate::{Error, error::Doing, identity::Identity};

/// `sun_path` holds 108 bytes on Linux and 104 on macOS, a NUL included. The socket's file name is part of it.
const SOCKET_PATH_MAX_BYTES: usize = 103;

/// The name that PostgreSQL gives its socket for [`PORT`].
const SOCKET_FILE: &str = ".s.PGSQL.5432";

/// Only a part of the socket's name: TCP is off.
pub(crate) const PORT: u16 = 5432;

/// Where clusters go that the data directory cannot hold.
const RELOCATED_BASE: &str = "/var/lib/tollgate-postgres";

/// The resolved places of one data directory.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) data_dir: PathBuf,
    /// PGDATA. Its parent, `home`, is where we make files beside it.
    pub(crate) cluster: PathBuf,
    pub(crate) log: PathBuf,
}

/// Makes the data directory, and answers its absolute path without links.
pub(crate) fn prepare_data_dir(data_dir: &Path) -> Result<PathBuf, Error> {
    // A root process lends its server to another user, who must get through.
    let mode = if rustix::process::geteuid().is_root() { 0o711 } else { 0o700 };
    DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(data_dir)
        .and_then(|()| fs::canonicalize(data_dir))
        .doing(|| format!("make the data directory {}", data_dir.display()))
}

impl Layout {
    /// Finds the cluster of a prepared and locked data directory, or decides where it will be, and as whom it runs.
    pub(crate) fn resolve(data_dir: &Path) -> Result<(Self, Identity), Error> {
        let named = data_dir.join("cluster");
        let layout =
            |cluster| Self { data_dir: data_dir.to_owned(), cluster, log: data_dir.join("postgres.log") };
        match fs::canonicalize(&named) {
            Ok(cluster) => {
                let identity = Identity::choose(&cluster)?;
                if !identity.can_enter(&cluster)? {
                    return Err(Error::Unreachable { user: identity.name().to_owned(), directory: cluster });
                }
                return Ok((layout(cluster), identity));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(source).doing(|| format!("look at {}", named.display())),
        }
        if fs::symlink_metadata(&named).is_ok() {
            // A link to nothing: the cluster was there and is gone. Starting empty would hide that loss.
            let gone = io::Error::new(io::ErrorKind::NotFound, "it is a link to a directory that is gone");
            return Err(gone)
                .doing(|| format!("use {}; restore it, or remove the link to start empty", named.display()));
        }
        let identity = Identity::choose(&named)?;
        if identity.can_enter(data_dir)? {
            return Ok((layout(named), identity));
        }
        let home = relocated_home()?;
        tracing::info!(
            data_dir = %data_dir.display(), cluster = %home.display(), user = identity.name(),
            "the user whom PostgreSQL runs as cannot enter the data directory; its files are kept elsewhere"
        );
        Ok((layout(home.join("cluster")), identity))
    }

    /// The places of a data directory that has a cluster.
    pub(crate) fn existing(data_dir: &Path) -> Option<Self> {
        let cluster = fs::canonicalize(data_dir.join("cluster")).ok()?;
        Some(Self { data_dir: data_dir.to_owned(), cluster, log: data_dir.join("postgres.log") })
    }

    /// Links a cluster that is kept elsewhere into the data directory, once it is there.
    pub(crate) fn link_relocated(&self) -> Result<(), Error> {
        let named = self.data_dir.join("cluster");
        if named == self.cluster {
            return Ok(());
        }
        symlink(&self.cluster, &named).doing(|| format!("make the link {}", named.display()))
    }

    /// The directory that holds the cluster.
    pub(crate) fn home(&self) -> &Path {
        self.cluster.parent().unwrap_or(&self.data_dir)
    }

    /// The major version that made the cluster, `None` where there is no cluster yet.
    pub(crate) fn cluster_major(&self) -> Result<Option<u32>, Error> {
        let path = self.cluster.join("PG_VERSION");
        match fs::read_to_string(&path) {
            Ok(text) => text
                .trim()
                .parse()
                .map(Some)
                .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, format!("it says {:?}", text.trim())))
                .doing(|| format!("read the version in {}", path.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(source).doing(|| format!("read {}", path.display())),
        }
    }

    /// Makes the directory of the socket: private to the server's user (and root).
    pub(crate) fn prepare_socket_dir(&self, identity: &Identity) -> Result<PathBuf, Error> {
        let directory = self.socket_dir();
        private_directory(&directory, identity)?;
        Ok(directory)
    }

    /// Removes the directory of the socket, when the server is stopped.
    pub(crate) fn remove_socket_dir(&self) -> Result<(), Error> {
        remove_directory(&self.socket_dir())
    }

    /// Removes the cluster, when the server is stopped, and all that we made outside of the data directory.
    pub(crate) fn remove_cluster(&self) -> Result<(), Error> {
        self.remove_socket_dir()?;
        let ours_elsewhere = self.home().starts_with(RELOCATED_BASE) && self.home() != self.data_dir;
        remove_directory(if ours_elsewhere { self.home() } else { &self.cluster })
    }

    fn socket_dir(&self) -> PathBuf {
        let beside = self.home().join("run");
        if beside.as_os_str().len() + 1 + SOCKET_FILE.len() <= SOCKET_PATH_MAX_BYTES {
            beside
        } else {
            PathBuf::from(format!("/tmp/tollgate-pg-{:016x}", fnv1a(self.home().as_os_str().as_bytes())))
        }
    }
}

fn remove_directory(directory: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).doing(|| format!("remove {}", directory.display()))
        }
        _ => Ok(()),
    }
}

/// Makes `directory` with mode 0700 and gives it to `identity`. One that is there must be ours already: in
/// `/tmp` anybody could have put it there.
pub(crate) fn private_directory(directory: &Path, identity: &Identity) -> Result<(), Error> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let found =
                fs::symlink_metadata(directory).doing(|| format!("look at {}", directory.display()))?;
            let own = rustix::process::geteuid().as_raw();
            let lent = if let Identity::Lent { uid, .. } = identity { *uid } else { own };
            if !found.is_dir() || (found.uid() != own && found.uid() != lent) {
                return Err(Error::ForeignDirectory { directory: directory.to_owned(), owner: found.uid() });
            }
            fs::set_permissions(directory, fs::Permissions::from_mode(0o700))
                .doing(|| format!("close {} to others", directory.display()))?;
        }
        Err(source) => return Err(source).doing(|| format!("make {}", directory.display())),
    }
    identity.give(directory)
}

/// A fresh directory that every user can pass through, for the cluster of a closed data directory. Its name is
/// unique and not derived from the data directory's: who removes that and starts again starts empty.
fn relocated_home() -> Result<PathBuf, Error> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o711)
        .create(RELOCATED_BASE)
        .doing(|| format!("make {RELOCATED_BASE}"))?;
    tempfile::Builder::new()
        .prefix("")
        .rand_bytes(12)
        .permissions(fs::Permissions::from_mode(0o711))
        .tempdir_in(RELOCATED_BASE)
        .map(tempfile::TempDir::keep)
        .doing(|| format!("make a directory in {RELOCATED_BASE}"))
}

/// FNV-1a: short, and the same in every build, which is all that a directory's name needs.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
