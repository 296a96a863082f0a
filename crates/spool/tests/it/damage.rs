//! Damage to the files: every record that was confirmed is delivered or reported, and nothing panics.

use std::{fs, path::Path};

use tollgate_spool::{Class, DamageCause, Delivery, Spool, Which};
use uuid::Uuid;

use crate::support::{append, crash_image, damaged, deliveries, open, records, waiting};

const LAST: &[u8] = b"the last group, which is about to be damaged";

/// A spool with four groups, of which the second is acknowledged, as a crash leaves it.
fn crashed(directory: &Path) -> Uuid {
    let live = tempfile::tempdir().unwrap();
    let spool = open(live.path());
    for bytes in [b"first group".as_slice(), b"acknowledged group", b"third group", LAST] {
        append(&spool, bytes);
    }
    spool.acknowledge_group(2, 1).unwrap();
    spool.flush().unwrap();
    crash_image(live.path(), directory);
    spool.instance_id()
}

/// The same, closed cleanly, so that everything is in the database and the log is empty.
fn closed(directory: &Path) {
    let spool = open(directory);
    for bytes in [b"first group".as_slice(), b"acknowledged group", b"third group", LAST] {
        append(&spool, bytes);
    }
    spool.acknowledge_group(2, 1).unwrap();
    spool.close().unwrap();
}

/// Every group that was not acknowledged is delivered whole or reported; none is both, none is altered.
fn each_is_delivered_or_reported(spool: &Spool, what: &str) {
    let all = deliveries(spool, Which::Waiting);
    let reported = damaged(&all);
    let delivered = records(&all);
    for (sequence, bytes) in [(1, b"first group".as_slice()), (3, b"third group"), (4, LAST)] {
        assert!(
            delivered.iter().any(|record| record == bytes) != reported.contains(&sequence),
            "{what}: group {sequence} of {all:?}"
        );
    }
    for record in &delivered {
        assert!(
            [b"first group".as_slice(), b"acknowledged group", b"third group", LAST, b"probe"]
                .contains(&record.as_slice()),
            "{what}: {record:?} was never written"
        );
    }
    // It goes on, under a sequence of its own.
    assert!(append(spool, b"after").sequence > 4, "{what}");
}

fn copy(from: &Path, to: &Path) {
    fs::remove_dir_all(to).ok();
    crash_image(from, to);
}

#[test]
fn a_tail_cut_at_every_byte_is_reported() {
    let (image, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let instance = crashed(image.path());
    let whole = fs::read(image.path().join("spool.sqlite-wal")).unwrap();
    // Every byte of the group and of each frame's header, and a sample of the padding and the pages about it.
    let group = group_bytes(&whole);
    let interesting =
        |at: &usize| group.contains(at) || (*at).saturating_sub(32) % 4120 < 24 || at.is_multiple_of(97);
    let first_copy = whole.windows(LAST.len()).position(|window| window == LAST).unwrap();
    let mut lost = 0;
    for length in (first_copy.saturating_sub(4200)..whole.len()).rev().filter(interesting) {
        let directory = work.path().join("cut");
        copy(image.path(), &directory);
        fs::write(directory.join("spool.sqlite-wal"), &whole[..length]).unwrap();
        let spool = open(&directory);
        lost += damaged(&deliveries(&spool, Which::Waiting)).len();
        each_is_delivered_or_reported(&spool, &format!("cut at {length} of {}", whole.len()));
        assert_eq!(spool.instance_id(), instance);
    }
    assert!(lost > 0, "the cut never reached the group");
}

#[test]
fn every_byte_of_a_group_flipped_in_the_log_is_survived() {
    let (image, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    crashed(image.path());
    let whole = fs::read(image.path().join("spool.sqlite-wal")).unwrap();
    for at in group_bytes(&whole) {
        let directory = work.path().join("flip");
        copy(image.path(), &directory);
        flip(&directory.join("spool.sqlite-wal"), &whole, at);
        each_is_delivered_or_reported(&open(&directory), &format!("flipped at {at}"));
    }
}

#[test]
fn every_byte_of_a_group_flipped_in_the_database_is_survived() {
    let (image, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    closed(image.path());
    let whole = fs::read(image.path().join("spool.sqlite")).unwrap();
    let mut reported = 0;
    for at in group_bytes(&whole) {
        let directory = work.path().join("flip");
        copy(image.path(), &directory);
        flip(&directory.join("spool.sqlite"), &whole, at);
        let spool = open(&directory);
        reported += damaged(&deliveries(&spool, Which::Waiting)).len();
        each_is_delivered_or_reported(&spool, &format!("flipped at {at}"));
    }
    assert!(reported >= LAST.len(), "{reported}: flips in the record itself must be seen");
}

/// The row of the last group: its header in SQLite's format, ours, and its bytes.
fn group_bytes(file: &[u8]) -> std::ops::Range<usize> {
    let last = file.windows(LAST.len()).rposition(|window| window == LAST).unwrap();
    last - 28 - 5 - 12..last + LAST.len()
}

fn flip(path: &Path, whole: &[u8], at: usize) {
    let mut bytes = whole.to_vec();
    bytes[at] ^= 0xFF;
    fs::write(path, bytes).unwrap();
}

/// Page headers, the schema, the tree, free space: all of a small database, and its log.
#[test]
fn any_byte_of_the_files_flipped_is_survived() {
    let (image, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    closed(image.path());
    let logged = tempfile::tempdir().unwrap();
    crashed(logged.path());
    let mut healed_by_opening_again = 0;
    for (image, name, step) in [
        (image.path(), "spool.sqlite", 97),
        (logged.path(), "spool.sqlite-wal", 211),
        (image.path(), "spool.mark", 1),
    ] {
        let whole = fs::read(image.join(name)).unwrap();
        // The first bytes of each page, and a sample of the rest.
        for at in (0..whole.len()).filter(|at| at % 4096 < 16 || at.is_multiple_of(step)) {
            let directory = work.path().join("flip");
            copy(image, &directory);
            flip(&directory.join(name), &whole, at);
            let mut spool = open(&directory);
            // Damage that only a write meets (SQLite's list of free pages, say) poisons the spool, which then is built anew.
            if spool.append(Class::Admitted, 1, b"probe".as_slice()).unwrap().wait().is_err() {
                healed_by_opening_again += 1;
                drop(spool);
                spool = open(&directory);
                assert!(spool.report().rebuilt.is_some());
            }
            each_is_delivered_or_reported(&spool, &format!("{name} flipped at {at}"));
        }
    }
    assert!(healed_by_opening_again > 0, "this path is no longer tested");
}

#[test]
fn a_damaged_group_is_copied_aside_and_the_rest_delivered() {
    let directory = tempfile::tempdir().unwrap();
    closed(directory.path());
    let path = directory.path().join("spool.sqlite");
    let whole = fs::read(&path).unwrap();
    let at = whole.windows(11).position(|window| window == b"third group").unwrap();
    flip(&path, &whole, at);
    let spool = open(directory.path());
    let all = deliveries(&spool, Which::Waiting);
    let [Delivery::Group(_), Delivery::Damaged(damage), Delivery::Group(_)] = all.as_slice() else {
        panic!("{all:?}")
    };
    assert_eq!((damage.sequence, damage.cause), (3, DamageCause::Corrupt));
    let kept = fs::read(damage.kept_in.as_ref().unwrap()).unwrap();
    assert!(kept.ends_with(b"hird group"), "the bytes as they are now");
    assert_eq!(spool.stats().damaged_groups, 1);
    assert_eq!(spool.verify().unwrap().damaged.len(), 1);
    // Reported again, until somebody says that it is dealt with.
    assert_eq!(damaged(&deliveries(&spool, Which::Waiting)), [3]);
    spool.acknowledge_group(3, 1).unwrap();
    spool.flush().unwrap();
    assert_eq!(damaged(&deliveries(&spool, Which::Waiting)), [0u64; 0]);
    assert_eq!(spool.stats().damaged_groups, 1, "the same one is counted once");
}

#[test]
fn groups_behind_a_damaged_frame_of_the_log_are_salvaged() {
    let directory = tempfile::tempdir().unwrap();
    crashed(directory.path());
    let path = directory.path().join("spool.sqlite-wal");
    let whole = fs::read(&path).unwrap();
    // The first copy of the third group: SQLite ignores the log from there on.
    let at = whole.windows(11).position(|window| window == b"third group").unwrap();
    flip(&path, &whole, at);
    let spool = open(directory.path());
    let rebuilt = spool.report().rebuilt.clone().unwrap();
    assert!(rebuilt.salvaged_groups > 0, "{rebuilt:?}");
    assert_eq!(rebuilt.lost_groups, 0, "a later frame has the third group once more: {rebuilt:?}");
    assert!(rebuilt.kept_in.join("spool.sqlite-wal").exists());
    // The acknowledgement stood in a frame behind the damage: it is delivered again, which is allowed.
    assert_eq!(waiting(&spool).last().unwrap(), LAST);
}

/// The bytes of a group with one record, as the README says them.
fn group_of(sequence: u64, record: &[u8]) -> Vec<u8> {
    let length = |bytes: usize| u32::try_from(bytes).unwrap().to_le_bytes();
    let body = [[9].as_slice(), &length(record.len()), record].concat();
    let mut group = b"TOLLGRP\0\x01\0\x01\0".to_vec();
    group.extend(length(body.len()));
    group.extend(sequence.to_le_bytes());
    group.extend(crc32c::crc32c_append(crc32c::crc32c(&group), &body).to_le_bytes());
    [group, body].concat()
}

/// The headers of both files are destroyed.
fn nothing_is_read_by_sqlite(directory: &Path) {
    for name in ["spool.sqlite", "spool.sqlite-wal"] {
        let mut bytes = fs::read(directory.join(name)).unwrap();
        let length = bytes.len().min(32);
        bytes[..length].fill(0xFF);
        fs::write(directory.join(name), bytes).unwrap();
    }
}

/// Found by fuzzing the decoder: what an owner's record holds may look like a group.
#[test]
fn a_record_that_holds_the_bytes_of_a_group_is_no_group() {
    for sequence in [2, 3, 1 << 40, u64::MAX] {
        let (live, image) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let spool = open(live.path());
        let holder = group_of(sequence, b"forged");
        append(&spool, &holder);
        spool.flush().unwrap();
        crash_image(live.path(), image.path());
        nothing_is_read_by_sqlite(image.path());
        let spool = open(image.path());
        assert_eq!(spool.report().rebuilt.as_ref().unwrap().lost_groups, 0, "{sequence}");
        assert_eq!(waiting(&spool), [holder], "{sequence}");
        assert_eq!(append(&spool, b"after").sequence, 2);
    }
}

/// As above, with the group around the record destroyed: it cannot be told from one that was written, but a far one is none.
#[test]
fn a_group_far_from_all_others_is_left_aside() {
    for (state_is_known, sequence) in [(true, 1 << 40), (false, 1 << 40), (true, u64::MAX), (false, u64::MAX)]
    {
        let (live, image) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let spool = open(live.path());
        append(&spool, b"before");
        append(&spool, b"before, too");
        append(&spool, &group_of(sequence, b"forged"));
        spool.flush().unwrap();
        crash_image(live.path(), image.path());
        nothing_is_read_by_sqlite(image.path());
        let log = image.path().join("spool.sqlite-wal");
        let mut bytes = fs::read(&log).unwrap();
        let holders: Vec<usize> =
            memchr::memmem::find_iter(&bytes, b"forged").map(|at| at - 5 - 28).collect();
        for holder in holders {
            bytes[holder - 3] ^= 1;
        }
        fs::write(log, bytes).unwrap();
        if !state_is_known {
            fs::write(image.path().join("spool.mark"), b"no mark").unwrap();
        }
        let spool = open(image.path());
        assert_eq!(waiting(&spool), [b"before".as_slice(), b"before, too"], "{sequence}");
        assert!(spool.stats().next < 10);
    }
}

#[test]
fn a_database_that_is_gone_is_reported_group_by_group() {
    let directory = tempfile::tempdir().unwrap();
    closed(directory.path());
    fs::remove_file(directory.path().join("spool.sqlite")).unwrap();
    let spool = open(directory.path());
    assert_eq!(spool.report().rebuilt.as_ref().unwrap().lost_groups, 4);
    assert_eq!(damaged(&deliveries(&spool, Which::Waiting)), [1, 2, 3, 4]);
    assert_eq!(append(&spool, b"next").sequence, 5);
    drop(spool);
    let spool = open(directory.path());
    assert_eq!(damaged(&deliveries(&spool, Which::Waiting)), [1, 2, 3, 4], "reported until acknowledged");
    assert!(spool.report().rebuilt.is_none(), "built anew once");
}

#[test]
fn an_identity_survives_the_loss_of_either_copy_but_not_of_both() {
    for (lose_database, lose_mark) in [(true, false), (false, true), (true, true)] {
        let directory = tempfile::tempdir().unwrap();
        closed(directory.path());
        let spool = open(directory.path());
        let (instance, identity) = (spool.instance_id(), spool.next_identity().unwrap());
        drop(spool);
        if lose_database {
            fs::write(directory.path().join("spool.sqlite"), b"no database at all").unwrap();
        }
        if lose_mark {
            fs::write(directory.path().join("spool.mark"), b"no mark").unwrap();
        }
        let spool = open(directory.path());
        if lose_database && lose_mark {
            assert_ne!(spool.instance_id(), instance, "nothing says where it ended, so it is another one");
            assert!(spool.report().rebuilt.as_ref().unwrap().new_instance);
        } else {
            assert_eq!(spool.instance_id(), instance);
            assert!(spool.next_identity().unwrap() > identity);
        }
    }
}

#[test]
fn a_rebuild_that_was_interrupted_is_finished_or_begun_again() {
    let directory = tempfile::tempdir().unwrap();
    closed(directory.path());
    // Whole, and not in place yet: the damaged database and its log are still there.
    fs::copy(directory.path().join("spool.sqlite"), directory.path().join("rebuild.sqlite")).unwrap();
    fs::write(directory.path().join("spool.sqlite"), b"damaged").unwrap();
    fs::write(directory.path().join("spool.sqlite-wal"), b"damaged").unwrap();
    // Not whole.
    fs::write(directory.path().join("rebuild.unfinished"), b"half").unwrap();
    fs::write(directory.path().join("rebuild.unfinished-wal"), b"half").unwrap();
    let spool = open(directory.path());
    assert!(spool.report().rebuilt.is_none());
    assert_eq!(waiting(&spool).len(), 3);
    assert!(!directory.path().join("rebuild.unfinished").exists());
}
