//! Bounded: who is refused when, and how it comes back.

use tollgate_spool::{Class, Level, MAX_RECORD_BYTES, Options, Receipt, Spool, SpoolError};
use uuid::Uuid;

use crate::support::{options, waiting};

const LIMIT: u64 = 1024 * 1024;
const RESERVE: u64 = 256 * 1024;

fn small(directory: &std::path::Path) -> Spool {
    Spool::open(&options(directory).limits(LIMIT, RESERVE)).unwrap()
}

fn fill(spool: &Spool, class: Class) -> (u64, SpoolError) {
    let mut written = 0;
    loop {
        match spool.append(class, 1, vec![7; 4000]).map(Receipt::wait) {
            Ok(Ok(_)) => written += 1,
            Ok(Err(error)) | Err(error) => return (written, error),
        }
    }
}

#[test]
fn admissions_are_refused_first_and_admitted_work_still_fits() {
    let directory = tempfile::tempdir().unwrap();
    let spool = small(directory.path());
    assert_eq!(spool.stats().level, Level::Normal);
    let (admissions, error) = fill(&spool, Class::Admission);
    assert!(matches!(error, SpoolError::AdmissionRefused { .. }), "{error}");
    let used = spool.stats().used_bytes;
    assert!(used <= LIMIT * 85 / 100 && used > LIMIT * 80 / 100, "{used}");
    assert_eq!(spool.stats().level, Level::Warning, "a record less than the threshold");
    assert!(directory.path().join("spool.reserve").exists());

    let left = spool.stats().left_for_admitted_bytes;
    let (admitted, error) = fill(&spool, Class::Admitted);
    assert!(matches!(error, SpoolError::Full { .. }), "{error}");
    assert!(admitted * 4000 > left * 8 / 10, "{admitted} records in {left} bytes");
    assert_eq!(spool.stats().level, Level::ReserveInUse);
    assert!(!directory.path().join("spool.reserve").exists(), "the reserve is given up for them");
    assert!(!spool.stats().poisoned, "full is not broken");
    assert_eq!(waiting(&spool).len() as u64, admissions + admitted);
}

#[test]
fn what_is_acknowledged_makes_room_and_the_reserve_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let spool = small(directory.path());
    fill(&spool, Class::Admission);
    fill(&spool, Class::Admitted);
    // Out of order: the first group stays, so the others cannot be forgotten, only given up.
    for sequence in 2..spool.stats().next {
        spool.acknowledge_group(sequence, 1).unwrap();
    }
    spool.flush().unwrap();
    let stats = spool.stats();
    assert_eq!((stats.low_water, stats.level), (1, Level::Normal), "{stats:?}");
    assert!(directory.path().join("spool.reserve").exists());
    spool.append(Class::Admission, 1, b"again".as_slice()).unwrap().wait().unwrap();
    assert_eq!(waiting(&spool).len(), 2);
    drop(spool);
    let spool = small(directory.path());
    assert!(spool.report().rebuilt.is_none(), "what was given up is not missing");
    assert_eq!(waiting(&spool).len(), 2);
    assert_eq!(spool.verify().unwrap().damaged, []);
}

#[test]
fn acknowledged_records_never_cause_a_refusal() {
    let directory = tempfile::tempdir().unwrap();
    let spool = small(directory.path());
    for _ in 0..2000 {
        let position = spool.append(Class::Admission, 1, vec![7; 4000]).unwrap().wait().unwrap();
        spool.acknowledge(&[position], 1).unwrap();
    }
    let stats = spool.stats();
    assert!(stats.used_bytes < LIMIT * 85 / 100, "{stats:?}");
    assert!(stats.first > 1500, "{stats:?}");
}

#[test]
fn a_queue_that_is_not_written_yet_counts() {
    let directory = tempfile::tempdir().unwrap();
    let spool = small(directory.path());
    let mut receipts = Vec::new();
    let refused = loop {
        match spool.append(Class::Admission, 1, vec![7; 60_000]) {
            Ok(receipt) => receipts.push(receipt),
            Err(error) => break error,
        }
        assert!(receipts.len() < 20);
    };
    assert!(matches!(refused, SpoolError::AdmissionRefused { .. }), "{refused}");
    for receipt in receipts {
        receipt.wait().unwrap();
    }
}

#[test]
fn a_record_beyond_the_limit_is_refused_alone() {
    let directory = tempfile::tempdir().unwrap();
    let spool = small(directory.path());
    let error = spool.append(Class::Admitted, 1, vec![0; MAX_RECORD_BYTES + 1]).unwrap_err();
    assert!(matches!(error, SpoolError::RecordTooLarge { .. }), "{error}");
    spool.append(Class::Admitted, 1, vec![0; MAX_RECORD_BYTES]).unwrap().wait().unwrap();
}

#[test]
fn settings_that_cannot_work_are_named() {
    let error = Spool::open(&Options::new("/nonexistent", Uuid::new_v4()).limits(1000, 0)).unwrap_err();
    assert!(error.to_string().contains("a size limit of 1000 bytes is too small"), "{error}");
    let error = Spool::open(&Options::new("/nonexistent", Uuid::nil())).unwrap_err();
    assert!(error.to_string().contains("nil"), "{error}");
}
