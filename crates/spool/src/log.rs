//! The write-ahead log that a former life left, before SQLite reads it.
//!
//! After an fsync that failed the operating system may take what it could not write for written: it reads back, and is not on the disk. A
//! commit that is appended behind it and fsynced is on the disk, and is lost all the same when the power fails, as SQLite reads a log up to its
//! first gap. So what the log reads as is written once more, to the same places, and fsynced. That is a few megabytes, and nothing after
//! a clean end, which leaves the log empty.

use std::{fs::File, io::ErrorKind, os::unix::fs::FileExt};

use crate::{
    SpoolError,
    directory::{Directory, remove_if_there},
};

/// How much is read and written at once.
const CHUNK_BYTES: usize = 1024 * 1024;

/// Make all of the log that can be read durable.
pub(crate) fn write_again(directory: &Directory) -> Result<(), SpoolError> {
    let path = directory.log();
    let log = match File::options().read(true).write(true).open(&path) {
        Ok(log) => log,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(SpoolError::io("open", &path)(error)),
    };
    let mut outcome = copy_onto_itself(&log);
    // A file system that writes nothing in place needs room for it. Without it nothing may be appended.
    if outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::StorageFull) {
        tracing::warn!("the reserve of the spool is given up to write its log once more");
        remove_if_there(&directory.reserve())?;
        remove_if_there(&directory.last_reserve())?;
        outcome = copy_onto_itself(&log);
    }
    outcome.map_err(SpoolError::io("write once more", &path))
}

fn copy_onto_itself(log: &File) -> std::io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut at = 0;
    loop {
        let read = log.read_at(&mut chunk, at)?;
        if read == 0 {
            break;
        }
        log.write_all_at(&chunk[..read], at)?;
        at += read as u64;
    }
    if at > 0 {
        log.sync_data()?;
    }
    Ok(())
}
