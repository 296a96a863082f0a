//! Format version 1, as it is on the disk for good: every later build must read these bytes.

use std::{fs, path::PathBuf};

use tollgate_spool::{Class, Delivery, Options, Spool, Which};
use uuid::Uuid;

use crate::support::{append, deliveries, waiting};

/// `tests/golden/v1/`: a spool that was closed cleanly, made by the test at the end of this file.
fn golden() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1")
}

const INSTANCE: Uuid = Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001);

#[test]
fn a_spool_of_format_version_1_is_read() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["spool.sqlite", "spool.mark"] {
        fs::copy(golden().join(name), directory.path().join(name)).unwrap();
    }
    let spool = Spool::open(&Options::new(directory.path(), Uuid::from_u128(9)).limits(1 << 20, 0)).unwrap();
    let report = spool.report();
    assert!(report.rebuilt.is_none() && !report.created && !report.mark_unreadable, "{report:?}");
    assert_eq!(spool.instance_id(), INSTANCE);
    assert_eq!(spool.next_identity().unwrap(), 4);
    let all = deliveries(&spool, Which::All);
    let [Delivery::Group(second), Delivery::Group(third)] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((second.sequence, second.acknowledged_at_micros), (2, Some(1_700_000_000_000_000)));
    assert_eq!((third.sequence, third.acknowledged_at_micros), (3, None));
    let kinds: Vec<u8> = third.records.iter().map(|(_, record)| record.kind).collect();
    assert_eq!(kinds, [1, 2, 255]);
    assert_eq!(waiting(&spool), [b"admit".as_slice(), b"\x00\xFFbinary"]);
    assert_eq!(append(&spool, b"next").sequence, 4);
}

/// The bytes of one group, written out, so that a change of the format cannot pass with a new golden file.
#[test]
fn a_group_of_format_version_1_has_these_bytes() {
    let file = fs::read(golden().join("spool.sqlite")).unwrap();
    let expected: Vec<u8> = [
        b"TOLLGRP\0".as_slice(),
        &[1, 0],                   // version
        &[3, 0],                   // records
        &[34, 0, 0, 0],            // length of the body
        &[3, 0, 0, 0, 0, 0, 0, 0], // sequence
    ]
    .concat();
    let at = file.windows(expected.len()).position(|window| window == expected).unwrap();
    let body = b"\x01\x05\0\0\0admit\x02\x06\0\0\0finish\xFF\x08\0\0\0\x00\xFFbinary";
    assert_eq!(&file[at + 28..at + 28 + body.len()], body);
    let crc = crc32c::crc32c_append(crc32c::crc32c(&expected), body);
    assert_eq!(file[at + 24..at + 28], crc.to_le_bytes());
}

/// Run with `SPOOL_WRITE_GOLDEN=<directory>` to make the files of a new format version; those of an old one are never made again.
#[test]
fn helper_writes_the_golden_files_when_asked() {
    let Ok(directory) = std::env::var("SPOOL_WRITE_GOLDEN") else { return };
    let spool = Spool::open(&Options::new(&directory, INSTANCE).limits(1 << 20, 0)).unwrap();
    for _ in 0..3 {
        spool.next_identity().unwrap();
    }
    append(&spool, b"forgotten");
    append(&spool, b"acknowledged");
    let receipts: Vec<_> = [(1, b"admit".as_slice()), (2, b"finish"), (255, b"\x00\xFFbinary")]
        .into_iter()
        .map(|(kind, bytes)| spool.append(Class::Admission, kind, bytes).unwrap())
        .collect();
    let positions: Vec<_> = receipts.into_iter().map(|receipt| receipt.wait().unwrap()).collect();
    assert_eq!((positions[0].sequence, positions[2].sequence), (3, 3), "one group: try again");
    spool.acknowledge_group(1, 1).unwrap();
    spool.flush().unwrap();
    assert_eq!(spool.forget_acknowledged(2, u64::MAX).unwrap(), 1);
    spool.acknowledge_group(2, 1_700_000_000_000_000).unwrap();
    spool.flush().unwrap();
    spool.acknowledge(&[positions[1]], 1_700_000_000_000_001).unwrap();
    spool.flush().unwrap();
    spool.close().unwrap();
}
