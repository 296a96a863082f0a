//! The groups of the spool, as they stand on its disk.
//!
//! - Arbitrary bytes, also with a header and a checksum that fit, are a group only if encoding its records gives exactly these bytes.
//! - What is encoded is decoded, and found at the beginning of longer bytes.
//! - Changed in any way, it is never taken for a group: not in its own place, not found in raw bytes with other contents.
//!
//! Options: what is tried, which change, -, -, -, -, place, place.

use crate::group::{self, NotAGroup, Record};
use crate::input::{Input, Random};

/// Bytes before the body, and where in them the checksum stands; see `crates/spool/README.md`.
const HEADER_BYTES: usize = 28;
const SEQUENCE: u64 = 0x0102_0304_0506_0708;

pub(crate) fn run(input: &[u8]) {
    let input = Input::new(input);
    match input.option(0, 3) {
        0 => check_arbitrary(input.raw()),
        1 => check_arbitrary(&with_header(&input)),
        _ => check_written(&input),
    }
}

/// The body with a header that is right, but for the number of records, which an option says, so that everything behind the
/// checksum is reached.
fn with_header(input: &Input<'_>) -> Vec<u8> {
    let body = input.raw();
    let mut bytes = b"TOLLGRP\0\x01\0".to_vec();
    let records = if input.option(1, 2) == 0 { count_records(body) } else { input.option(6, 256) * 2 };
    bytes.extend_from_slice(&u16::try_from(records).unwrap_or(u16::MAX).to_le_bytes());
    bytes.extend_from_slice(&u32::try_from(body.len()).unwrap().to_le_bytes());
    bytes.extend_from_slice(&SEQUENCE.to_le_bytes());
    bytes.extend_from_slice(&crc32c::crc32c_append(crc32c::crc32c(&bytes), body).to_le_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// How many records one behind the other begin in these bytes.
fn count_records(mut body: &[u8]) -> usize {
    let mut records = 0;
    while let [_kind, a, b, c, d, rest @ ..] = body {
        records += 1;
        let length = usize::try_from(u32::from_le_bytes([*a, *b, *c, *d])).unwrap_or(usize::MAX);
        body = rest.get(length..).unwrap_or_default();
    }
    records
}

fn encode(sequence: u64, records: &[Record]) -> Vec<u8> {
    group::encode(sequence, records.iter().map(|record| (record.kind, record.bytes.as_slice())))
}

fn check_arbitrary(bytes: &[u8]) {
    let mut says = [0; 8];
    if let Some(field) = bytes.get(16..24) {
        says.copy_from_slice(field);
    }
    let sequence = u64::from_le_bytes(says);
    match group::decode(sequence, bytes) {
        Ok(records) => {
            assert!((1..=group::MAX_GROUP_RECORDS).contains(&records.len()));
            assert_eq!(encode(sequence, &records), bytes, "taken, and not what is written for these records");
            assert_eq!(group::decode(sequence ^ 1, bytes), Err(NotAGroup::Damaged), "in another's place");
            assert_eq!(group::find_at_start(bytes), Some((sequence, bytes)));
        }
        Err(NotAGroup::Newer(version)) => assert_ne!(version, group::FORMAT_VERSION),
        Err(NotAGroup::Damaged) => {}
    }
    if let Some((sequence, found)) = group::find_at_start(bytes) {
        assert!(bytes.starts_with(found) && found.len() >= HEADER_BYTES);
        // Whole, but it may still have records that its header does not tell of: then it is damage wherever it is read.
        if let Ok(records) = group::decode(sequence, found) {
            assert_eq!(encode(sequence, &records), found);
        }
    }
}

/// Records from the bytes of the input: each begins with a byte that is its kind and says how long it is.
fn records(mut bytes: &[u8]) -> Vec<Record> {
    let mut records = Vec::new();
    while let Some((&kind, rest)) = bytes.split_first()
        && records.len() < group::MAX_GROUP_RECORDS
    {
        let (record, rest) = rest.split_at(usize::from(kind).min(rest.len()));
        records.push(Record { kind, bytes: record.to_vec() });
        bytes = rest;
    }
    if records.is_empty() {
        records.push(Record { kind: 0, bytes: Vec::new() });
    }
    records
}

fn check_written(input: &Input<'_>) {
    let records = records(input.raw());
    let bytes = encode(SEQUENCE, &records);
    assert_eq!(group::decode(SEQUENCE, &bytes).as_ref(), Ok(&records));
    assert_eq!(group::find_at_start(&bytes), Some((SEQUENCE, bytes.as_slice())));
    let followed = [bytes.as_slice(), &bytes[..bytes.len() / 2]].concat();
    assert_eq!(group::find_at_start(&followed), Some((SEQUENCE, bytes.as_slice())));
    assert_eq!(group::decode(SEQUENCE, &followed), Err(NotAGroup::Damaged), "with something behind it");

    let seed = input.option(6, 256) << 8 | input.option(7, 256);
    let changed = change(input.option(1, 6), &bytes, Random(seed as u64));
    if changed != bytes {
        assert_eq!(
            group::decode(SEQUENCE, &changed),
            Err(NotAGroup::Damaged),
            "changed, and taken for a group"
        );
        // A record may have another group in it, which a change can bring to the front: its owner's bytes are its owner's.
        let has_another = memchr::memmem::find_iter(&bytes, &group::MAGIC).count() > 1;
        if !has_another && let Some((sequence, found)) = group::find_at_start(&changed) {
            assert_eq!(
                (sequence, found),
                (SEQUENCE, bytes.as_slice()),
                "another group is found in a changed one"
            );
        }
    }
}

/// What disks and file systems do to bytes: a bit, a byte, a run overwritten, cut off, moved, a hole of zeros.
fn change(how: usize, bytes: &[u8], mut random: Random) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    let at = random.below(bytes.len());
    let end = (at + 1 + random.below(64)).min(bytes.len());
    match how {
        0 => changed[at] ^= 1 << random.below(8),
        1 => changed[at] = u8::try_from(random.below(256)).unwrap_or(0),
        2 => changed[at..end].fill_with(|| u8::try_from(random.below(256)).unwrap_or(0)),
        3 => changed.truncate(at),
        4 => changed.rotate_left(at),
        _ => changed[at..end].fill(0),
    }
    changed
}
