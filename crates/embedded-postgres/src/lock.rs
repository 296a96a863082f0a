//! One owner per data directory: an advisory lock that ends with the process, however it ends.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
    time::{Duration, Instant},
};

use crate::{Error, error::Doing};

/// The lock file in the data directory. It holds the owner's pid, for the message to the second comer.
pub(crate) const LOCK_FILE: &str = "owner.lock";

/// How often a waiting second comer looks again.
const LOCK_POLL: Duration = Duration::from_millis(50);

/// Held for as long as this process owns the data directory. The kernel drops it with the process, so
/// `kill -9` leaves nothing to clean up.
#[derive(Debug)]
pub(crate) struct OwnerLock {
    _file: File,
}

impl OwnerLock {
    /// Takes the lock, waiting up to `patience` for the present owner to end.
    pub(crate) async fn take(data_dir: &Path, patience: Duration) -> Result<Self, Error> {
        let path = data_dir.join(LOCK_FILE);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .doing(|| format!("open the lock file {}", path.display()))?;
        let deadline = Instant::now() + patience;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    tokio::time::sleep(LOCK_POLL).await;
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::InUse { directory: data_dir.to_owned(), pid: owner_pid(&mut file) });
                }
                Err(TryLockError::Error(source)) => {
                    return Err(source).doing(|| format!("lock {}", path.display()));
                }
            }
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .doing(|| format!("write {}", path.display()))?;
        Ok(Self { _file: file })
    }

    /// Whether some living process owns the data directory.
    pub(crate) fn is_held(data_dir: &Path) -> bool {
        File::open(data_dir.join(LOCK_FILE))
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

fn owner_pid(file: &mut File) -> String {
    let mut text = String::new();
    match file.rewind().and_then(|()| file.read_to_string(&mut text)) {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => "unknown".to_owned(),
    }
}
