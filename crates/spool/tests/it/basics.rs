//! Append, read, acknowledge, open again.

use std::{process::Command, sync::Arc, thread};

use tollgate_spool::{Class, Delivery, Durability, Options, Position, Spool, SpoolError, Which};
use uuid::Uuid;

use crate::support::{append, crash_image, deliveries, open, options, waiting};

#[test]
fn what_was_confirmed_is_there_after_a_crash() {
    let (live, crashed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let spool = open(live.path());
    append(&spool, b"one");
    append(&spool, b"two");
    crash_image(live.path(), crashed.path());
    let again = open(crashed.path());
    assert_eq!(waiting(&again), [b"one", b"two"]);
    assert_eq!(again.instance_id(), spool.instance_id());
    assert!(again.report().rebuilt.is_none() && !again.report().created);
}

#[test]
fn records_keep_their_kind_and_their_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let spool = open(directory.path());
    let bytes: Vec<u8> = (0..=255).collect();
    let position = spool.append(Class::Admission, 200, bytes.clone()).unwrap().wait().unwrap();
    let Delivery::Group(group) = &deliveries(&spool, Which::Waiting)[0] else { panic!("damaged") };
    assert_eq!((group.records[0].0, group.records[0].1.kind), (position, 200));
    assert_eq!(group.records[0].1.bytes, bytes);
    assert_eq!(position, Position { sequence: 1, index: 0 });
}

#[test]
fn a_record_that_nobody_waits_for_is_written_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let spool = open(directory.path());
    drop(spool.append(Class::Admission, 1, b"admit".as_slice()).unwrap());
    spool.flush().unwrap();
    assert_eq!(waiting(&spool), [b"admit"]);
}

#[test]
fn more_than_fits_into_a_group_is_committed_together_in_its_order() {
    let (live, crashed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let spool = open(live.path());
    let mut sent: Vec<Vec<u8>> = Vec::new();
    // While one commit is fsynced, more than a group comes: sooner or later, whatever the disk.
    loop {
        let receipts: Vec<_> = (0..4_000)
            .map(|_| {
                sent.push(sent.len().to_string().into_bytes());
                spool.append(Class::Admitted, 1, sent[sent.len() - 1].clone()).unwrap()
            })
            .collect();
        let positions: Vec<_> = receipts.into_iter().map(|receipt| receipt.wait().unwrap()).collect();
        assert!(positions.is_sorted());
        if positions[positions.len() - 1].sequence > spool.stats().commits {
            break;
        }
        assert!(sent.len() < 200_000, "every commit had one group");
    }
    crash_image(live.path(), crashed.path());
    let again = open(crashed.path());
    assert_eq!(waiting(&again), sent);
    assert!(again.verify().unwrap().damaged.is_empty());
}

#[test]
fn what_is_withdrawn_was_never_there_and_what_is_written_cannot_be() {
    let directory = tempfile::tempdir().unwrap();
    let spool = open(directory.path());
    let written = spool.append(Class::Admission, 1, b"written".as_slice()).unwrap();
    let ticket = written.ticket().unwrap();
    written.wait().unwrap();
    assert!(!spool.withdraw(ticket));
    spool.hurry(ticket);
    // It is held for a millisecond: on a busy machine it may be written before it is asked for.
    let used = spool.stats().used_bytes;
    let withdrawn = loop {
        let receipt = spool.append(Class::Admission, 1, vec![0; 10_000]).unwrap();
        if spool.withdraw(receipt.ticket().unwrap()) {
            assert!(!spool.withdraw(receipt.ticket().unwrap()), "it is withdrawn once");
            break receipt;
        }
        receipt.wait().unwrap();
    };
    let stats = spool.stats();
    assert_eq!((stats.queued_records, stats.next - 1), (0, stats.commits));
    assert!(stats.commits > 1 || stats.used_bytes == used, "its space is given back");
    assert!(matches!(withdrawn.wait(), Err(SpoolError::Closed)));
    assert!(spool.append(Class::Admitted, 1, b"x".as_slice()).unwrap().ticket().is_none());
    spool.flush().unwrap();
    assert_eq!(waiting(&spool).last().unwrap(), b"x");
}

#[tokio::test]
async fn a_receipt_can_be_awaited() {
    let directory = tempfile::tempdir().unwrap();
    let spool = open(directory.path());
    assert_eq!(spool.append(Class::Admitted, 1, b"x".as_slice()).unwrap().await.unwrap().sequence, 1);
}

#[test]
fn single_records_are_acknowledged_in_any_order_and_stay_so() {
    let directory = tempfile::tempdir().unwrap();
    let spool = open(directory.path());
    let receipts: Vec<_> = (0..100u8).map(|n| spool.append(Class::Admission, 1, vec![n]).unwrap()).collect();
    let positions: Vec<Position> = receipts.into_iter().map(|receipt| receipt.wait().unwrap()).collect();
    let odd: Vec<Position> = positions.iter().copied().skip(1).step_by(2).rev().collect();
    spool.acknowledge(&odd, 5).unwrap();
    spool.flush().unwrap();
    let even: Vec<Vec<u8>> = (0..100).step_by(2).map(|n| vec![n]).collect();
    assert_eq!(waiting(&spool), even);
    assert_eq!(spool.stats().waiting_records, 50);
    let crashed = tempfile::tempdir().unwrap();
    crash_image(directory.path(), crashed.path());
    assert_eq!(waiting(&open(crashed.path())), even);
}

#[test]
fn the_low_water_mark_is_contiguous() {
    let directory = tempfile::tempdir().unwrap();
    let spool = open(directory.path());
    for n in 0..5 {
        append(&spool, &[n]);
    }
    spool.acknowledge_group(3, 1).unwrap();
    spool.flush().unwrap();
    assert_eq!(spool.stats().low_water, 1);
    spool.acknowledge_up_to(3, 1).unwrap();
    spool.flush().unwrap();
    assert_eq!(spool.stats().low_water, 4);
    assert_eq!(waiting(&spool), [[3], [4]]);
}

#[test]
fn a_position_that_was_never_given_out_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let spool = open(directory.path());
    append(&spool, b"x");
    let error = spool.acknowledge(&[Position { sequence: 2, index: 0 }], 0).unwrap_err();
    assert!(matches!(error, SpoolError::UnknownPosition { sequence: 2, next: 2 }), "{error}");
    assert!(spool.acknowledge_up_to(2, 0).is_ok());
}

#[test]
fn acknowledged_records_can_be_replayed_until_they_are_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let spool = open(directory.path());
    for n in 0..4 {
        append(&spool, &[n]);
    }
    for (sequence, at) in [(1, 100), (2, 200), (3, 300)] {
        spool.acknowledge_group(sequence, at).unwrap();
        spool.flush().unwrap();
    }
    assert_eq!(spool.forget_acknowledged(250, u64::MAX).unwrap(), 2);
    assert_eq!(spool.forget_acknowledged(250, u64::MAX).unwrap(), 0);
    drop(spool);
    let spool = open(directory.path());
    let all = deliveries(&spool, Which::All);
    let [Delivery::Group(third), Delivery::Group(fourth)] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((third.sequence, third.acknowledged_at_micros), (3, Some(300)));
    assert_eq!((fourth.sequence, fourth.acknowledged_at_micros), (4, None));
}

#[test]
fn the_sequence_goes_on_when_everything_was_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let spool = open(directory.path());
    append(&spool, b"x");
    spool.acknowledge_up_to(2, 1).unwrap();
    spool.flush().unwrap();
    assert_eq!(spool.forget_acknowledged(2, u64::MAX).unwrap(), 1);
    drop(spool);
    let spool = open(directory.path());
    assert_eq!(append(&spool, b"y").sequence, 2);
    assert!(spool.report().rebuilt.is_none());
}

#[test]
fn an_identity_is_never_given_out_twice() {
    let live = tempfile::tempdir().unwrap();
    let mut highest = 0;
    let mut spool = open(live.path());
    for _ in 0..5 {
        for _ in 0..1000 {
            let identity = spool.next_identity().unwrap();
            assert!(identity > highest, "{identity} after {highest}");
            highest = identity;
        }
        append(&spool, b"x");
        let crashed = tempfile::tempdir().unwrap();
        crash_image(live.path(), crashed.path());
        assert!(open(crashed.path()).next_identity().unwrap() > highest);
        drop(spool);
        spool = open(live.path());
    }
    assert_eq!(spool.next_identity().unwrap(), highest + 1, "a clean end skips none");
}

#[test]
fn identities_are_reserved_ahead_while_they_are_used() {
    let directory = tempfile::tempdir().unwrap();
    let spool = open(directory.path());
    let mut last = 0;
    // Two and a half blocks.
    for n in 0..2_621_440 {
        if n % 100_000 == 0 {
            append(&spool, b"x");
        }
        last = spool.next_identity().unwrap();
    }
    let crashed = tempfile::tempdir().unwrap();
    crash_image(directory.path(), crashed.path());
    assert!(open(crashed.path()).next_identity().unwrap() > last);
}

#[test]
fn many_threads_share_their_fsyncs() {
    let directory = tempfile::tempdir().unwrap();
    let spool = Arc::new(open(directory.path()));
    let threads: Vec<_> = (0..32u8)
        .map(|thread| {
            let spool = Arc::clone(&spool);
            thread::spawn(move || {
                (0..50u8)
                    .map(|n| spool.append(Class::Admitted, thread, vec![n]).unwrap().wait().unwrap())
                    .collect::<Vec<_>>()
            })
        })
        .collect();
    let mut positions: Vec<Position> =
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    positions.sort_unstable();
    positions.dedup();
    assert_eq!(positions.len(), 1600);
    let stats = spool.stats();
    assert_eq!(stats.committed_records, 1600);
    assert!(stats.commits <= 800, "{} commits for 1600 records", stats.commits);
    assert_eq!(waiting(&spool).len(), 1600);
}

#[test]
fn a_second_opener_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let spool = open(directory.path());
    let error = Spool::open(&options(directory.path())).unwrap_err();
    assert!(matches!(error, SpoolError::InUse { .. }), "{error}");
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    drop(spool);
    open(directory.path());
}

/// Run by the test below, in a process of its own.
#[test]
fn helper_opens_the_spool_named_by_the_environment() {
    let Ok(directory) = std::env::var("SPOOL_OF_ANOTHER_PROCESS") else { return };
    match Spool::open(&options(directory.as_ref())) {
        Ok(_) => println!("OPENED"),
        Err(error) => println!("REFUSED: {error}"),
    }
}

#[test]
fn a_second_process_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let helper = || {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "basics::helper_opens_the_spool_named_by_the_environment", "--nocapture"])
            .env("SPOOL_OF_ANOTHER_PROCESS", directory.path())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let spool = open(directory.path());
    let said = helper();
    assert!(
        said.contains("REFUSED") && said.contains(&format!("in use by process {}", std::process::id())),
        "{said}"
    );
    drop(spool);
    assert!(helper().contains("OPENED"));
}

#[test]
fn a_closed_spool_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let spool = open(directory.path());
    let receipt = spool.append(Class::Admission, 1, b"last".as_slice()).unwrap();
    spool.close().unwrap();
    receipt.wait().unwrap();
    assert!(matches!(spool.append(Class::Admitted, 1, b"x".as_slice()), Err(SpoolError::Closed)));
    assert!(matches!(spool.flush(), Err(SpoolError::Closed)));
    spool.close().unwrap();
}

#[test]
fn memory_works_without_files_and_os_survives_a_kill() {
    let memory = Options::new("/nonexistent/not/used", Uuid::new_v4()).durability(Durability::Memory);
    let spool = Spool::open(&memory).unwrap();
    append(&spool, b"gone");
    assert_eq!(waiting(&spool), [b"gone"]);

    let (live, crashed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let spool = Spool::open(&options(live.path()).durability(Durability::Os)).unwrap();
    append(&spool, b"kept");
    crash_image(live.path(), crashed.path());
    assert_eq!(waiting(&open(crashed.path())), [b"kept"]);
}

#[test]
fn dump_and_verify_tell_what_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let spool = open(directory.path());
    append(&spool, b"abc");
    append(&spool, b"de");
    spool.acknowledge_group(1, 9).unwrap();
    let found = spool.verify().unwrap();
    assert_eq!((found.groups, found.records, found.bytes, found.damaged.len()), (2, 2, 5, 0));
    let mut text = Vec::new();
    spool.dump(&mut text, |record| String::from_utf8_lossy(&record.bytes).into_owned()).unwrap();
    assert_eq!(
        String::from_utf8(text).unwrap(),
        "1/0\tacknowledged\tkind 1\t3 bytes\tabc\n2/0\twaiting\tkind 1\t2 bytes\tde\n"
    );
}

/// Hours without a database: a spool with a million records is open within seconds. Prints how long it took.
#[test]
fn a_million_waiting_records_are_open_within_seconds() {
    let directory = tempfile::tempdir().unwrap();
    let options = options(directory.path()).durability(Durability::Os).limits(1 << 30, 0);
    let spool = Spool::open(&options).unwrap();
    let bytes = vec![7; 200];
    let mut last = None;
    for _ in 0..1_000_000 {
        last = Some(spool.append(Class::Admission, 1, bytes.clone()).unwrap());
    }
    last.unwrap().wait().unwrap();
    assert_eq!(spool.stats().waiting_records, 1_000_000);
    let commits = spool.stats().commits;
    // Not closed: opened as after a crash.
    let crashed = tempfile::tempdir().unwrap();
    crash_image(directory.path(), crashed.path());
    let start = std::time::Instant::now();
    let spool = Spool::open(&Options { directory: crashed.path().into(), ..options }).unwrap();
    let opened = start.elapsed();
    append(&spool, b"taken at once");
    let page = spool.read(0, 64, Which::Waiting).unwrap();
    assert_eq!(page.deliveries.len(), 64);
    assert_eq!(spool.stats().waiting_records, 1_000_001);
    println!(
        "1,000,000 records in {commits} groups: open after {opened:?}, taking and delivering after {:?}",
        start.elapsed()
    );
    assert!(opened.as_secs() < 5, "{opened:?}");
}

#[test]
fn numbers_that_were_given_out_elsewhere_can_be_skipped_however_many() {
    let directory = tempfile::tempdir().unwrap();
    let spool = open(directory.path());
    let beyond = 3 << 20;
    spool.skip_identities(beyond).unwrap();
    assert!(spool.next_identity().unwrap() > beyond);
    spool.close().unwrap();
    assert!(open(directory.path()).next_identity().unwrap() > beyond);
}
