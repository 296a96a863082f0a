//! Random histories of append, acknowledge, forget, crash, damage and opening again, against a reference.
//!
//! The reference is a map. After each opening: what was confirmed and not acknowledged is delivered with its own bytes or its group is
//! reported; what is delivered was appended; without damage, exactly what waits is delivered; no identity comes twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use proptest::prelude::*;
use tempfile::TempDir;
use tollgate_spool::{Class, Delivery, Position, Spool, Which};

use crate::support::{crash_image, deliveries, open};

#[derive(Debug, Clone)]
enum Step {
    /// Records of these sizes, at once.
    Append(Vec<u16>),
    /// One of those that wait, chosen by these numbers.
    Acknowledge(Vec<u16>),
    AcknowledgeGroup(u16),
    AcknowledgeUpTo(u16),
    Forget,
    CloseAndOpen,
    CrashAndOpen,
    /// Records of these sizes in a commit that failed and is on the disk all the same: the mark says that the queue ends before it. Opened
    /// again, perhaps with damage on top.
    FailedCommit(Vec<u16>, Option<u16>),
    /// Flip a byte of the database or the log, at this place of a thousand, and open.
    Damage {
        log: bool,
        place: u16,
        bit: u8,
    },
    /// Cut the log at this place of a thousand, and open.
    Cut(u16),
    /// Write over a run of bytes, or over whole pages, from this place of a thousand on, and open.
    Overwrite {
        log: bool,
        place: u16,
        length: u16,
        whole_pages: bool,
        with: With,
    },
}

/// What bytes are written over with.
#[derive(Debug, Clone, Copy)]
enum With {
    Zeros,
    Garbage(u8),
    /// What stands elsewhere in the same file, as when a disk answers with another sector.
    Elsewhere(u16),
}

/// SQLite's page; in its log each has a header before it.
const PAGE_BYTES: usize = 4096;
const LOG_HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;

fn overwrite(bytes: &mut [u8], is_log: bool, place: u16, length: u16, whole_pages: bool, with: With) {
    let scaled = |place: u16| bytes.len() * usize::from(place) / 1000;
    let page = |at: usize| {
        let frame = PAGE_BYTES + FRAME_HEADER_BYTES;
        if is_log && at >= LOG_HEADER_BYTES {
            let before = LOG_HEADER_BYTES + (at - LOG_HEADER_BYTES) / frame * frame;
            before..before + frame
        } else {
            at / PAGE_BYTES * PAGE_BYTES..(at / PAGE_BYTES + 1) * PAGE_BYTES
        }
    };
    let at = scaled(place);
    let run = if whole_pages { page(at) } else { at..at + usize::from(length) };
    let run = run.start.min(bytes.len())..run.end.min(bytes.len());
    match with {
        With::Zeros => bytes[run].fill(0),
        With::Garbage(seed) => {
            let mut random = u32::from(seed) | 0x100;
            bytes[run].fill_with(|| {
                // The generator of the C standard's example; any will do.
                random = random.wrapping_mul(1_103_515_245).wrapping_add(12345);
                random.to_le_bytes()[2]
            });
        }
        With::Elsewhere(other) => {
            let from = if whole_pages { page(scaled(other)).start } else { scaled(other) };
            let length = run.len().min(bytes.len().saturating_sub(from));
            bytes.copy_within(from..from + length, run.start);
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let sizes = prop::collection::vec(prop_oneof![4 => 0u16..200, 1 => 0u16..9000], 1..20);
    prop_oneof![
        8 => sizes.prop_map(Step::Append),
        4 => prop::collection::vec(any::<u16>(), 1..20).prop_map(Step::Acknowledge),
        2 => any::<u16>().prop_map(Step::AcknowledgeGroup),
        1 => any::<u16>().prop_map(Step::AcknowledgeUpTo),
        1 => Just(Step::Forget),
        2 => Just(Step::CloseAndOpen),
        2 => Just(Step::CrashAndOpen),
        2 => (prop::collection::vec(0u16..5000, 1..5), prop::option::weighted(0.3, 0..1000u16))
            .prop_map(|(sizes, damage)| Step::FailedCommit(sizes, damage)),
        2 => (any::<bool>(), 0..1000u16, 0..8u8).prop_map(|(log, place, bit)| Step::Damage { log, place, bit }),
        1 => (0..1000u16).prop_map(Step::Cut),
        2 => (any::<bool>(), 0..1000u16, 1..600u16, any::<bool>(), with()).prop_map(
            |(log, place, length, whole_pages, with)| Step::Overwrite { log, place, length, whole_pages, with }
        ),
    ]
}

fn with() -> impl Strategy<Value = With> {
    prop_oneof![
        Just(With::Zeros),
        any::<u8>().prop_map(With::Garbage),
        (0..1000u16).prop_map(With::Elsewhere),
    ]
}

struct Model {
    directory: TempDir,
    spool: Spool,
    /// Every record that was confirmed, and whether it is acknowledged.
    records: BTreeMap<Position, (Vec<u8>, bool)>,
    appended: u64,
    /// Records of commits that failed, by the number they begin with: those who waited for them were told so.
    refused: BTreeSet<u64>,
    /// Files were damaged: from now on acknowledgements and groups may be gone, and writes may meet it.
    damaged: bool,
    identity: (uuid::Uuid, i64),
}

impl Model {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let spool = open(directory.path());
        let identity = (spool.instance_id(), 0);
        Self {
            directory,
            spool,
            records: BTreeMap::new(),
            appended: 0,
            refused: BTreeSet::new(),
            damaged: false,
            identity,
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Append(sizes) => self.append(sizes),
            Step::Acknowledge(chosen) => {
                let waiting: Vec<Position> = self
                    .records
                    .iter()
                    .filter(|(_, (_, done))| !done)
                    .map(|(position, _)| *position)
                    .collect();
                if waiting.is_empty() {
                    return;
                }
                let chosen: Vec<Position> =
                    chosen.iter().map(|choice| waiting[usize::from(*choice) % waiting.len()]).collect();
                self.spool.acknowledge(&chosen, 1).unwrap();
                self.done(|position| chosen.contains(position));
            }
            Step::AcknowledgeGroup(choice) => {
                let sequence = u64::from(*choice) % self.spool.stats().next;
                self.spool.acknowledge_group(sequence, 1).unwrap();
                self.done(|position| position.sequence == sequence);
            }
            Step::AcknowledgeUpTo(choice) => {
                let sequence = u64::from(*choice) % self.spool.stats().next;
                self.spool.acknowledge_up_to(sequence, 1).unwrap();
                self.done(|position| position.sequence < sequence);
            }
            Step::Forget => {
                let forgotten = self.spool.flush().and_then(|()| self.spool.forget_acknowledged(2, u64::MAX));
                assert!(forgotten.is_ok() || self.damaged, "{forgotten:?}");
            }
            Step::CloseAndOpen => {
                self.spool.close().unwrap();
                self.spool = open(self.directory.path());
            }
            Step::CrashAndOpen => self.crash(|_| ()),
            Step::FailedCommit(sizes, damage) => self.failed_commit(sizes, *damage),
            Step::Damage { log, place, bit } => {
                self.damaged = true;
                let name = if *log { "spool.sqlite-wal" } else { "spool.sqlite" };
                self.crash(|directory| {
                    let path = directory.join(name);
                    let mut bytes = fs::read(&path).unwrap();
                    if !bytes.is_empty() {
                        let at = bytes.len() * usize::from(*place) / 1000;
                        bytes[at] ^= 1 << bit;
                        fs::write(path, bytes).unwrap();
                    }
                });
            }
            Step::Overwrite { log, place, length, whole_pages, with } => {
                self.damaged = true;
                let name = if *log { "spool.sqlite-wal" } else { "spool.sqlite" };
                self.crash(|directory| {
                    let mut bytes = fs::read(directory.join(name)).unwrap();
                    overwrite(&mut bytes, *log, *place, *length, *whole_pages, *with);
                    fs::write(directory.join(name), bytes).unwrap();
                });
            }
            Step::Cut(place) => {
                self.damaged = true;
                self.crash(|directory| {
                    let path = directory.join("spool.sqlite-wal");
                    let bytes = fs::read(&path).unwrap();
                    fs::write(&path, &bytes[..bytes.len() * usize::from(*place) / 1000]).unwrap();
                });
            }
        }
    }

    fn append(&mut self, sizes: &[u16]) {
        let mut receipts = Vec::new();
        for size in sizes {
            self.appended += 1;
            let mut bytes = self.appended.to_le_bytes().to_vec();
            bytes.resize(8 + usize::from(*size), 0xA5);
            receipts.push((self.spool.append(Class::Admission, 7, bytes.clone()).unwrap(), bytes));
        }
        for (receipt, bytes) in receipts {
            match receipt.wait() {
                Ok(position) => {
                    let before = self.records.insert(position, (bytes, false));
                    assert!(before.is_none(), "{position:?} was given out twice");
                }
                // Damage that only a write meets. Opening again builds anew.
                Err(error) => assert!(self.damaged, "{error}"),
            }
        }
        if self.spool.stats().poisoned {
            self.spool.close().unwrap_err();
            self.spool = open(self.directory.path());
        }
        let identity = (self.spool.instance_id(), self.spool.next_identity().unwrap());
        assert!(
            identity.0 != self.identity.0 || identity.1 > self.identity.1,
            "{identity:?} after {:?}",
            self.identity
        );
        self.identity = identity;
    }

    fn failed_commit(&mut self, sizes: &[u16], damage: Option<u16>) {
        if self.spool.flush().is_err() {
            return;
        }
        let next = self.spool.stats().next;
        let (before, first) = (self.records.clone(), self.appended + 1);
        self.append(sizes);
        self.records = before;
        self.refused.extend(first..=self.appended);
        self.damaged |= damage.is_some();
        self.crash(|directory| {
            let path = directory.join("spool.mark");
            let mut mark = fs::read(&path).unwrap();
            mark[10] = 1;
            mark[40..48].copy_from_slice(&next.to_le_bytes());
            let crc = crc32c::crc32c(&mark[..60]);
            mark[60..].copy_from_slice(&crc.to_le_bytes());
            fs::write(path, mark).unwrap();
            if let Some(place) = damage {
                let path = directory.join("spool.sqlite-wal");
                let mut log = fs::read(&path).unwrap();
                if !log.is_empty() {
                    let at = log.len() * usize::from(place) / 1000;
                    log[at] ^= 1;
                    fs::write(path, log).unwrap();
                }
            }
        });
        assert!(self.spool.stats().next == next || self.damaged);
    }

    fn done(&mut self, which: impl Fn(&Position) -> bool) {
        for (_, (_, done)) in self.records.iter_mut().filter(|(position, _)| which(position)) {
            *done = true;
        }
    }

    fn crash(&mut self, damage: impl FnOnce(&std::path::Path)) {
        // So that no commit falls between the copies of two files. It fails where the spool was poisoned: that is a crash, too.
        assert!(self.spool.flush().is_ok() || self.damaged);
        let image = tempfile::tempdir().unwrap();
        crash_image(self.directory.path(), image.path());
        if self.directory.path().join("rebuild.wanted").exists() {
            fs::write(image.path().join("rebuild.wanted"), b"").unwrap();
        }
        damage(image.path());
        self.spool = open(image.path());
        self.directory = image;
    }

    fn check(&mut self) {
        let all = deliveries(&self.spool, Which::Waiting);
        let mut delivered: BTreeMap<Position, Vec<u8>> = BTreeMap::new();
        let mut reported = Vec::new();
        for delivery in &all {
            match delivery {
                Delivery::Group(group) => delivered
                    .extend(group.records.iter().map(|(position, record)| (*position, record.bytes.clone()))),
                Delivery::Damaged(damage) => reported.push(damage.sequence),
            }
        }
        for bytes in delivered.values() {
            let number = u64::from_le_bytes(bytes[..8].try_into().unwrap());
            assert!(!self.refused.contains(&number), "{number} was refused, and is delivered");
        }
        for (position, (bytes, done)) in &self.records {
            match delivered.get(position) {
                Some(found) => assert_eq!(found, bytes, "{position:?}"),
                None => assert!(
                    *done || reported.contains(&position.sequence),
                    "{position:?} is silently missing"
                ),
            }
        }
        if self.damaged {
            for (position, bytes) in &delivered {
                // One whose append was not confirmed may be there all the same.
                assert!(self.records.get(position).is_none_or(|(known, _)| known == bytes), "{position:?}");
            }
            self.settle(&reported, &delivered);
        } else {
            let waiting: Vec<&Position> =
                self.records.iter().filter(|(_, (_, done))| !done).map(|(position, _)| position).collect();
            assert_eq!(delivered.keys().collect::<Vec<_>>(), waiting);
            assert_eq!(self.spool.stats().waiting_records, waiting.len() as u64);
            assert_eq!(reported, []);
        }
    }

    /// After damage: what is reported is dealt with, and what is delivered again waits again.
    fn settle(&mut self, reported: &[u64], delivered: &BTreeMap<Position, Vec<u8>>) {
        for sequence in reported {
            self.spool.acknowledge_group(*sequence, 1).unwrap();
            self.done(|position| position.sequence == *sequence);
        }
        for (position, bytes) in delivered {
            self.records.insert(*position, (bytes.clone(), false));
        }
        // Damage may also be met now, by a write to a page that nothing read.
        if self.spool.flush().is_err() {
            self.spool.close().unwrap_err();
            self.spool = open(self.directory.path());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(64), max_shrink_iters: 2000, ..ProptestConfig::default() })]
    #[test]
    fn every_history_delivers_or_reports_what_was_confirmed(steps in prop::collection::vec(step(), 1..40)) {
        let mut model = Model::new();
        for step in &steps {
            model.step(step);
            if !model.spool.stats().poisoned {
                model.spool.flush().ok();
            }
            if model.spool.stats().poisoned {
                assert!(model.damaged, "poisoned without damage");
                model.spool.close().unwrap_err();
                model.spool = open(model.directory.path());
            }
            model.check();
        }
    }
}
