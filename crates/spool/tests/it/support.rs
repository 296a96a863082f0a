//! Opening spools, and what every test does with them.

use std::{fs, path::Path};

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
