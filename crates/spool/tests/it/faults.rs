//! A disk that fails: an fsync, and space, injected beneath SQLite into a process of its own by a small library (`faults.c`);
//! and a file system that is really full.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tollgate_spool::{Class, Level, Position, Receipt, Spool, SpoolError};

use crate::support::{append, compiled, open, options, waiting};

/// Run one of the helpers below under the library. `None` where there is no C compiler.
fn under_faults(helper: &str) -> Option<()> {
    let directory = tempfile::tempdir().unwrap();
    let output = run_under_faults(helper, directory.path())?;
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("DONE"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(())
}

fn run_under_faults(helper: &str, directory: &Path) -> Option<Output> {
    let library = compiled("faults.c", directory)?;
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("faults::{helper}"), "--nocapture"])
        .env("LD_PRELOAD", &library)
        .env("SPOOL_FAULT", directory.join("fault"))
        .env("SPOOL_FSYNCS", directory.join("fsyncs"))
        .env("SPOOL_RESERVE", directory.join("spool/spool.reserve"))
        .output();
    Some(output.unwrap())
}

/// The controls, inside the process with the library; `None` in any other.
struct Faults {
    fault: PathBuf,
    fsyncs: PathBuf,
    spool: PathBuf,
}

impl Faults {
    fn here() -> Option<Self> {
        let fault = PathBuf::from(std::env::var_os("SPOOL_FAULT")?);
        Some(Self {
            fsyncs: std::env::var_os("SPOOL_FSYNCS")?.into(),
            spool: fault.parent()?.join("spool"),
            fault,
        })
    }

    fn set(&self, what: &str) {
        fs::write(&self.fault, what).unwrap();
    }

    fn count(&self) -> u64 {
        fs::metadata(&self.fsyncs).map_or(0, |metadata| metadata.len())
    }
}

/// With the log folded once, and the log that is begun after it: what comes next is one fsync.
fn with_two_groups(faults: &Faults) -> Spool {
    let spool = open(&faults.spool);
    for _ in 0..2 {
        append(&spool, b"confirmed");
        spool.flush().unwrap();
    }
    spool
}

fn try_append(spool: &Spool, class: Class, bytes: &[u8]) -> Result<Position, SpoolError> {
    spool.append(class, 1, bytes).and_then(Receipt::wait)
}

#[test]
fn an_fsync_that_fails_poisons_and_is_never_tried_again() {
    under_faults("helper_fsync_fails");
}

#[test]
fn helper_fsync_fails() {
    let Some(faults) = Faults::here() else { return };
    let spool = with_two_groups(&faults);
    let before = faults.count();
    append(&spool, b"confirmed");
    assert_eq!(faults.count(), before + 1, "one fsync per group commit");
    faults.set("fsync");
    let error = try_append(&spool, Class::Admitted, b"refused").unwrap_err();
    assert!(
        matches!(&error, SpoolError::Poisoned { reason } if reason.contains("disk I/O error")),
        "{error}"
    );
    faults.set("");
    let after = faults.count();
    for _ in 0..3 {
        let again = try_append(&spool, Class::Admitted, b"refused").unwrap_err();
        assert_eq!(again.to_string(), error.to_string(), "the first reason stays");
        assert!(matches!(spool.flush(), Err(SpoolError::Poisoned { .. })));
        assert!(matches!(spool.next_identity(), Err(SpoolError::Poisoned { .. })));
        assert!(matches!(spool.acknowledge_group(1, 1), Err(SpoolError::Poisoned { .. })));
    }
    assert!(spool.stats().poisoned);
    assert!(matches!(spool.close(), Err(SpoolError::Poisoned { .. })));
    drop(spool);
    assert_eq!(faults.count(), after, "no fsync after the one that failed, not on close either");
    assert!(is_on_the_disk(&faults.spool, b"refused"), "SQLite would find it");
    let spool = open(&faults.spool);
    assert_eq!(spool.report().voided_groups, 1);
    assert_eq!(waiting(&spool), [b"confirmed"; 3]);
    assert!(!is_on_the_disk(&faults.spool, b"refused"), "building anew would find it, in place of the next");
    assert_eq!(append(&spool, b"well again").sequence, 4);
    drop(spool);
    let spool = open(&faults.spool);
    assert_eq!(spool.report().voided_groups, 0);
    assert_eq!(waiting(&spool)[3..], [b"well again"]);
    println!("DONE");
}

/// Whether these bytes stand anywhere in the database or its log.
fn is_on_the_disk(spool: &Path, bytes: &[u8]) -> bool {
    ["spool.sqlite", "spool.sqlite-wal"]
        .iter()
        .any(|name| fs::read(spool.join(name)).unwrap().windows(bytes.len()).any(|window| window == bytes))
}

#[test]
fn what_failed_is_void_where_many_groups_and_the_rest_of_the_queue_failed_with_it() {
    under_faults("helper_many_groups_fail");
}

#[test]
fn helper_many_groups_fail() {
    let Some(faults) = Faults::here() else { return };
    let spool = with_two_groups(&faults);
    faults.set("fsync");
    let receipts: Vec<_> =
        (0..2000).filter_map(|_| spool.append(Class::Admitted, 1, vec![b'r'; 4000]).ok()).collect();
    assert!(!receipts.is_empty());
    for receipt in receipts {
        assert!(matches!(receipt.wait(), Err(SpoolError::Poisoned { .. })));
    }
    drop(spool);
    faults.set("");
    let spool = open(&faults.spool);
    assert!(spool.report().voided_groups > 0);
    assert_eq!(waiting(&spool), [b"confirmed"; 2]);
    assert_eq!(append(&spool, b"next").sequence, 3);
    assert_eq!(spool.verify().unwrap().damaged, []);
    println!("DONE");
}

#[test]
fn what_failed_counts_as_it_is_found_where_nobody_was_told_before_the_process_was_killed() {
    let directory = tempfile::tempdir().unwrap();
    let Some(output) = run_under_faults("helper_is_killed_before_the_mark", directory.path()) else { return };
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&output.status), Some(9), "{output:?}");
    assert!(text.contains("APPENDING") && !text.contains("TOLD"), "{text}");
    let spool = open(&directory.path().join("spool"));
    assert_eq!(spool.report().voided_groups, 0);
    // The machine did not stop, so it reads back as it was written.
    assert_eq!(waiting(&spool), [b"confirmed".as_slice(), b"confirmed", b"nobody was told"]);
}

#[test]
fn helper_is_killed_before_the_mark() {
    let Some(faults) = Faults::here() else { return };
    let spool = with_two_groups(&faults);
    faults.set("die");
    // Before: the writer may be quicker than this thread.
    println!("APPENDING");
    let receipt = spool.append(Class::Admitted, 1, b"nobody was told".as_slice()).unwrap();
    println!("TOLD {:?}", receipt.wait());
}

#[test]
fn where_not_even_the_mark_can_be_written_everybody_is_told_that_it_failed() {
    under_faults("helper_disk_is_dead");
}

#[test]
fn helper_disk_is_dead() {
    let Some(faults) = Faults::here() else { return };
    let spool = with_two_groups(&faults);
    faults.set("dead");
    let error = try_append(&spool, Class::Admitted, b"in doubt").unwrap_err();
    assert!(matches!(error, SpoolError::Poisoned { .. }), "{error}");
    drop(spool);
    faults.set("");
    let spool = open(&faults.spool);
    // As found: here the disk has it.
    assert_eq!(waiting(&spool), [b"confirmed".as_slice(), b"confirmed", b"in doubt"]);
    println!("DONE");
}

#[test]
fn an_fsync_that_fails_while_the_log_is_folded_poisons() {
    under_faults("helper_fold_fails");
}

#[test]
fn helper_fold_fails() {
    let Some(faults) = Faults::here() else { return };
    let spool = open(&faults.spool);
    append(&spool, b"confirmed");
    // Every fsync fails from a commit on: whichever comes first, nothing is confirmed afterwards.
    let mut confirmed = 1;
    let error = loop {
        if confirmed == 50 {
            faults.set("fsync");
        }
        match try_append(&spool, Class::Admitted, &vec![7; 60_000]) {
            Ok(_) => confirmed += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, SpoolError::Poisoned { .. }), "{error}");
    assert_eq!(confirmed, 50);
    drop(spool);
    faults.set("");
    assert_eq!(waiting(&open(&faults.spool)).len(), 50, "what failed is void");
    println!("DONE");
}

#[test]
fn a_full_disk_takes_admitted_work_from_the_reserve() {
    under_faults("helper_disk_is_tight");
}

#[test]
fn helper_disk_is_tight() {
    let Some(faults) = Faults::here() else { return };
    let spool = open(&faults.spool);
    faults.set("tight");
    let admission = spool.append(Class::Admission, 1, b"admission".as_slice()).unwrap();
    let position = try_append(&spool, Class::Admitted, b"admitted").unwrap();
    assert!(matches!(admission.wait(), Err(SpoolError::DiskFull)));
    assert_eq!(position.sequence, 1);
    assert_eq!(spool.stats().level, Level::ReserveInUse);
    assert!(matches!(try_append(&spool, Class::Admission, b"x"), Err(SpoolError::AdmissionRefused { .. })));
    faults.set("");
    spool.acknowledge(&[position], 1).unwrap();
    spool.flush().unwrap();
    assert_eq!(spool.stats().level, Level::Normal, "the reserve is back");
    append(&spool, b"next");
    assert_eq!(waiting(&spool), [b"next"]);
    println!("DONE");
}

#[test]
fn a_disk_without_any_space_refuses_and_goes_on_when_there_is_some() {
    under_faults("helper_disk_is_full");
}

#[test]
fn helper_disk_is_full() {
    let Some(faults) = Faults::here() else { return };
    let spool = open(&faults.spool);
    append(&spool, b"before");
    faults.set("full");
    for _ in 0..3 {
        assert!(matches!(try_append(&spool, Class::Admitted, b"refused"), Err(SpoolError::DiskFull)));
    }
    assert!(!spool.stats().poisoned);
    faults.set("");
    let position = loop {
        match try_append(&spool, Class::Admitted, b"after") {
            Ok(position) => break position,
            // Nobody tells when there is space again: it is looked for each second.
            Err(error) => assert!(matches!(error, SpoolError::DiskFull), "{error}"),
        }
        std::thread::yield_now();
    };
    assert_eq!(position.sequence, 2, "no gap");
    drop(spool);
    assert_eq!(waiting(&open(&faults.spool)), [b"before".as_slice(), b"after"]);
    println!("DONE");
}

#[test]
fn a_disk_that_hangs_takes_no_new_work_and_is_waited_for() {
    under_faults("helper_disk_hangs");
}

#[test]
fn helper_disk_hangs() {
    let Some(faults) = Faults::here() else { return };
    let spool = open(&faults.spool);
    append(&spool, b"before");
    faults.set("hang");
    let receipt = spool.append(Class::Admitted, 1, b"waits".as_slice()).unwrap();
    spool.check_admission().unwrap();
    let begun = std::time::Instant::now();
    let error = loop {
        match spool.check_admission() {
            Ok(()) => std::thread::sleep(std::time::Duration::from_millis(10)),
            Err(error) => break error,
        }
        assert!(begun.elapsed() < std::time::Duration::from_mins(1));
    };
    assert!(matches!(error, SpoolError::Stalled { .. }), "{error}");
    faults.set("");
    receipt.wait().unwrap();
    spool.flush().unwrap();
    spool.check_admission().unwrap();
    assert_eq!(waiting(&spool), [b"before".as_slice(), b"waits"]);
    println!("DONE");
}

/// A file system of 32 MB, where this process may make one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=32m", "tmpfs"])
            .arg(directory.path())
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(directory));
        }
        eprintln!("skipped: a file system can only be mounted by root");
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg(self.path()).status().unwrap();
    }
}

#[test]
fn a_full_file_system_of_32_mb_loses_nothing_and_recovers() {
    let Some(disk) = SmallDisk::mount() else { return };
    let large = options(disk.path()).limits(1 << 30, 8 << 20);
    let spool = Spool::open(&large).unwrap();
    let mut confirmed = 0;
    let bytes = vec![7; 50_000];
    for class in [Class::Admission, Class::Admitted] {
        let before = confirmed;
        let error = loop {
            match try_append(&spool, class, &bytes) {
                Ok(_) => confirmed += 1,
                Err(error) => break error,
            }
        };
        assert!(
            matches!(error, SpoolError::DiskFull)
                || class == Class::Admission && matches!(error, SpoolError::AdmissionRefused { .. }),
            "{error}"
        );
        assert!(confirmed >= before + 20, "{class:?}: {} after {before}", confirmed - before);
    }
    assert_eq!(spool.stats().level, Level::ReserveInUse);
    assert_eq!(waiting(&spool).len(), confirmed);
    drop(spool);
    let spool = Spool::open(&large).unwrap();
    assert_eq!(waiting(&spool).len(), confirmed, "after opening again on the full disk");
    for sequence in 1..spool.stats().next {
        spool.acknowledge_group(sequence, 1).unwrap();
    }
    spool.flush().unwrap();
    while spool.forget_acknowledged(2, u64::MAX).unwrap() > 0 {}
    spool.flush().unwrap();
    try_append(&spool, Class::Admission, b"again").unwrap();
    assert_eq!(waiting(&spool), [b"again"]);
    assert_eq!(spool.stats().level, Level::Normal);
}
