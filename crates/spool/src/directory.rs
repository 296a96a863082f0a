//! The files of a spool, and the lock that keeps everybody else out.

use std::{
    fs::{self, DirBuilder, File, TryLockError},
    io::{Read, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::SpoolError;

/// Only the user of the spool reads what is in it.
const DIRECTORY_MODE: u32 = 0o700;

/// The directory, held.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    /// The lock ends with this file, however the process ends.
    _lock: File,
}

impl Directory {
    /// Make it when absent, and hold it.
    pub(crate) fn hold(path: &Path) -> Result<Self, SpoolError> {
        DirBuilder::new()
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(path)
            .map_err(SpoolError::io("make the directory", path))?;
        let lock_path = path.join("spool.lock");
        let mut lock = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lock_path)
            .map_err(SpoolError::io("open", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                let owner = match lock.read_to_string(&mut owner) {
                    Ok(_) if !owner.trim().is_empty() => format!("process {}", owner.trim()),
                    _ => "another process".into(),
                };
                return Err(SpoolError::InUse { directory: path.into(), owner });
            }
            Err(TryLockError::Error(source)) => {
                return Err(SpoolError::Io { what: "lock", path: lock_path, source: Arc::new(source) });
            }
        }
        lock.set_len(0).map_err(SpoolError::io("write", &lock_path))?;
        writeln!(lock, "{}", std::process::id()).map_err(SpoolError::io("write", &lock_path))?;
        Ok(Self { path: path.into(), _lock: lock })
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("spool.sqlite")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("spool.sqlite-wal")
    }

    pub(crate) fn mark(&self) -> PathBuf {
        self.path.join("spool.mark")
    }

    pub(crate) fn reserve(&self) -> PathBuf {
        self.path.join("spool.reserve")
    }

    /// The half of the reserve that is only for acknowledging and folding, so that a full spool can always be drained.
    pub(crate) fn last_reserve(&self) -> PathBuf {
        self.path.join("spool.last-reserve")
    }

    /// A database that is being built anew.
    pub(crate) fn unfinished(&self) -> PathBuf {
        self.path.join("rebuild.unfinished")
    }

    /// A database that was built anew, whole, and has not taken its place yet.
    pub(crate) fn rebuilt(&self) -> PathBuf {
        self.path.join("rebuild.sqlite")
    }

    /// Left by a process that found the database damaged while it ran.
    pub(crate) fn rebuild_wanted(&self) -> PathBuf {
        self.path.join("rebuild.wanted")
    }

    /// Where one damaged group is kept.
    pub(crate) fn corrupt_group(&self, sequence: u64) -> PathBuf {
        self.path.join(format!("group-{sequence}.corrupt"))
    }

    /// A new directory for damaged files.
    pub(crate) fn new_corrupt_directory(&self) -> Result<PathBuf, SpoolError> {
        let mut number = 1u32;
        loop {
            let path = self.path.join(format!("spool-{number}.corrupt"));
            match DirBuilder::new().mode(DIRECTORY_MODE).create(&path) {
                Ok(()) => return Ok(path),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(SpoolError::io("make the directory", path)(error)),
            }
        }
    }

    /// Make the names of the files durable.
    pub(crate) fn sync(&self) -> Result<(), SpoolError> {
        sync_directory(&self.path)
    }
}

pub(crate) fn sync_directory(path: &Path) -> Result<(), SpoolError> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(SpoolError::io("fsync the directory", path))
}

/// Remove a file, which may be absent.
pub(crate) fn remove_if_there(path: &Path) -> Result<(), SpoolError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(SpoolError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}
