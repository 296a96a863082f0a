//! Opening spools, and what every test does with them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tollgate_spool::{Class, Delivery, Options, Position, Spool, Which};
use uuid::Uuid;

pub(crate) fn options(directory: &Path) -> Options {
    Options::new(directory, Uuid::new_v4()).limits(64 * 1024 * 1024, 64 * 1024)
}

pub(crate) fn open(directory: &Path) -> Spool {
    Spool::open(&options(directory)).unwrap()
}

/// Append one record as a group of its own.
pub(crate) fn append(spool: &Spool, bytes: &[u8]) -> Position {
    spool.append(Class::Admitted, 1, bytes).unwrap().wait().unwrap()
}

/// All that is delivered.
pub(crate) fn deliveries(spool: &Spool, which: Which) -> Vec<Delivery> {
    let mut all = Vec::new();
    let mut from = Some(0);
    while let Some(start) = from {
        let page = spool.read(start, 3, which).unwrap();
        all.extend(page.deliveries);
        from = page.next;
    }
    all
}

/// The bytes of the records that wait.
pub(crate) fn waiting(spool: &Spool) -> Vec<Vec<u8>> {
    records(&deliveries(spool, Which::Waiting))
}

pub(crate) fn records(deliveries: &[Delivery]) -> Vec<Vec<u8>> {
    deliveries
        .iter()
        .filter_map(|delivery| match delivery {
            Delivery::Group(group) => Some(group.records.iter().map(|(_, record)| record.bytes.clone())),
            Delivery::Damaged(_) => None,
        })
        .flatten()
        .collect()
}

/// The sequences that are reported as damaged.
pub(crate) fn damaged(deliveries: &[Delivery]) -> Vec<u64> {
    deliveries
        .iter()
        .filter(|delivery| matches!(delivery, Delivery::Damaged(_)))
        .map(Delivery::sequence)
        .collect()
}

/// What a crash leaves: the files as they are while the spool is open and idle.
pub(crate) fn crash_image(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for name in ["spool.sqlite", "spool.sqlite-wal", "spool.mark"] {
        if from.join(name).exists() {
            fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}

/// A library to be put beneath SQLite in a process of its own, made of a file beside this one. `None` where that cannot be done.
pub(crate) fn compiled(source: &str, directory: &Path) -> Option<PathBuf> {
    let library = directory.join(source).with_extension("so");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(source))
        .arg("-ldl")
        .status();
    if cfg!(target_os = "linux") && compiled.is_ok_and(|status| status.success()) {
        return Some(library);
    }
    eprintln!("skipped: no C compiler for {source}, or not Linux");
    None
}
