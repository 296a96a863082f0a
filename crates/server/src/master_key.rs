//! The file of the master key: 64 hexadecimal digits that only the owner reads.
//!
//! It is made once, whole or not at all, and never overwritten: without it no API key opens, no upstream
//! credential can be unsealed, and the audit cannot tell an honest record from a forged one. It belongs in the backup.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::Path,
};

use anyhow::{Context, bail};
use secrecy::ExposeSecret;
use tollgate_domain::MasterKey;

/// Bits of a file's mode that let everybody on the machine at it. A group is allowed: that is how containers mount secrets.
const EVERYBODY: u32 = 0o007;

/// Reads the key; `None` where there is no file.
pub(crate) fn read(path: &Path) -> anyhow::Result<Option<MasterKey>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read the master key {}", path.display()));
        }
    };
    if fs::metadata(path)?.mode() & EVERYBODY != 0 {
        bail!(
            "everybody on this machine can read the master key {}: make it private with `chmod 600 {0}`",
            path.display()
        );
    }
    let key =
        MasterKey::from_hex(&text).with_context(|| format!("{} holds no master key", path.display()))?;
    Ok(Some(key))
}

/// Makes a key where there is none. Of several processes that try at once, all get the same one.
pub(crate) fn make(path: &Path) -> anyhow::Result<MasterKey> {
    let key = MasterKey::from_bytes(rand::random());
    let unfinished = path.with_extension(format!("{}.new", uuid::Uuid::new_v4().simple()));
    let doing = || format!("cannot make the master key {}", path.display());
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).with_context(doing)?;
    let made =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished).and_then(|mut file| {
            writeln!(file, "{}", key.to_hex().expose_secret())?;
            file.sync_all()?;
            // Unlike a rename, a link does not replace what another process made in the meantime.
            fs::hard_link(&unfinished, path)
        });
    let removed = fs::remove_file(&unfinished);
    match made {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error).with_context(doing),
    }
    removed.with_context(doing)?;
    // The name must survive a power cut, or keys made from now on are lost with it.
    fs::File::open(directory).and_then(|directory| directory.sync_all()).with_context(doing)?;
    read(path)?.with_context(doing)
}

#[cfg(test)]
mod tests;
