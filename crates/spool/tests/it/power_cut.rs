//! A power cut, at any moment: what the disk was told to keep is there, of the rest any part.
//!
//! A small library (`power_cut.c`) writes down what the spool does to its files. From that the test lays out what a disk may hold
//! when the power fails after so many of these events: each file as it was at its last fsync, of what was written since any choice of
//! sectors, of what was done to the names since the directory's last fsync any beginning, for that is what a journalling file system keeps.
//! Of what was written before an fsync that failed, any choice of sectors is there for good: the operating system may take them for written,
//! and no later fsync brings them to the disk.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write,
    path::Path,
    process::Command,
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tollgate_spool::{Class, Delivery, Durability, Options, Position, Spool, Which};
use uuid::Uuid;

use crate::support::{append, compiled, deliveries, records, waiting};

/// What a disk writes as a whole.
const SECTOR: usize = 512;
/// As many power cuts, beside one after each confirmation.
const CUTS: usize = 200;

#[derive(Debug)]
enum Event {
    Written {
        node: u64,
        offset: usize,
        bytes: Vec<u8>,
    },
    CutTo {
        node: u64,
        length: usize,
    },
    Synced {
        node: u64,
    },
    SyncFailed {
        node: u64,
    },
    NamesSynced,
    Named {
        node: u64,
        name: String,
    },
    Unlinked {
        name: String,
    },
    Renamed {
        from: String,
        to: String,
    },
    /// What the life below says of itself.
    Said(Said),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Said {
    /// The record is durable.
    Confirmed(u64),
    /// Whoever waited for the record was told that it failed.
    Refused(u64),
    /// From now on it need not be delivered.
    Acknowledging(u64),
    Identity(i64),
}

impl Said {
    fn parse(text: &str) -> Option<Self> {
        let (what, number) = text.split_once(' ')?;
        Some(match what {
            "confirmed" => Self::Confirmed(number.parse().ok()?),
            "refused" => Self::Refused(number.parse().ok()?),
            "acknowledging" => Self::Acknowledging(number.parse().ok()?),
            _ => Self::Identity(number.parse().ok()?),
        })
    }
}

fn events(log: &[u8]) -> Vec<Event> {
    let mut events = Vec::new();
    let mut rest = log;
    while let Some((head, after)) = rest.split_at_checked(25) {
        let number = |at: usize| u64::from_ne_bytes(head[at..at + 8].try_into().unwrap());
        let (node, offset) = (number(1), usize::try_from(number(9)).unwrap());
        let (bytes, after) = after.split_at(usize::try_from(number(17)).unwrap());
        let text = || String::from_utf8(bytes.to_vec()).unwrap();
        rest = after;
        events.push(match head[0] {
            b'W' => Event::Written { node, offset, bytes: bytes.to_vec() },
            b'T' => Event::CutTo { node, length: offset },
            b'S' => Event::Synced { node },
            b'F' => Event::SyncFailed { node },
            b'D' => Event::NamesSynced,
            b'N' => Event::Named { node, name: text() },
            b'U' => Event::Unlinked { name: text() },
            b'R' => {
                let text = text();
                let (from, to) = text.split_once('\0').unwrap();
                Event::Renamed { from: from.into(), to: to.into() }
            }
            what => {
                assert_eq!(what, b'M');
                Event::Said(Said::parse(&text()).unwrap())
            }
        });
    }
    assert!(rest.is_empty());
    events
}

/// What is sure to be on the disk, and what may be.
#[derive(Default)]
struct Disk<'e> {
    files: BTreeMap<u64, Vec<u8>>,
    /// From the first fsync that failed on, what was written before it, and, as it goes on top, what was fsynced since.
    doubtful: BTreeMap<u64, Vec<(&'e Event, bool)>>,
    written: BTreeMap<u64, Vec<&'e Event>>,
    names: BTreeMap<String, u64>,
    named: Vec<&'e Event>,
}

impl<'e> Disk<'e> {
    fn see(&mut self, event: &'e Event) {
        match event {
            Event::Written { node, .. } | Event::CutTo { node, .. } => {
                self.written.entry(*node).or_default().push(event);
            }
            Event::Synced { node } => {
                let file = self.files.entry(*node).or_default();
                for event in self.written.remove(node).unwrap_or_default() {
                    match self.doubtful.get_mut(node) {
                        Some(doubtful) => doubtful.push((event, true)),
                        None => apply(file, event, |_| true),
                    }
                }
            }
            Event::SyncFailed { node } => {
                let written = self.written.remove(node).unwrap_or_default();
                self.doubtful
                    .entry(*node)
                    .or_default()
                    .extend(written.into_iter().map(|event| (event, false)));
            }
            Event::NamesSynced => self.named.drain(..).for_each(|event| rename(&mut self.names, event)),
            Event::Named { node, .. } => {
                // An inode that was used before begins anew.
                self.files.remove(node);
                self.doubtful.remove(node);
                self.written.remove(node);
                self.named.push(event);
            }
            Event::Unlinked { .. } | Event::Renamed { .. } => self.named.push(event),
            Event::Said(_) => {}
        }
    }

    /// Lays out one of the states that the disk may be in.
    fn lay_out(&self, random: &mut StdRng, to: &Path) {
        let mut names = self.names.clone();
        let kept = below(random, self.named.len() + 1);
        self.named[..kept].iter().for_each(|event| rename(&mut names, event));
        // Nothing, everything, whole writes, or sectors of them.
        let how = below(random, 4);
        for (name, node) in names {
            if name.contains("reserve") || name.contains("lock") {
                continue;
            }
            let mut file = self.files.get(&node).cloned().unwrap_or_default();
            let doubtful = self.doubtful.get(&node).into_iter().flatten().copied();
            let written = self.written.get(&node).into_iter().flatten().map(|event| (*event, false));
            for (event, is_sure) in doubtful.chain(written) {
                let whole = below(random, 2) == 0;
                let sectors = random.next_u64();
                apply(&mut file, event, |sector| match how {
                    _ if is_sure => true,
                    0 => false,
                    1 => true,
                    2 => whole,
                    _ => sectors >> (sector % 64) & 1 == 1,
                });
            }
            fs::write(to.join(name), file).unwrap();
        }
    }
}

fn apply(file: &mut Vec<u8>, event: &Event, mut keeps: impl FnMut(usize) -> bool) {
    match event {
        Event::Written { offset, bytes, .. } => {
            let mut at = *offset;
            let end = offset + bytes.len();
            while at < end {
                let until = end.min((at / SECTOR + 1) * SECTOR);
                if keeps(at / SECTOR) {
                    file.resize(file.len().max(until), 0);
                    file[at..until].copy_from_slice(&bytes[at - offset..until - offset]);
                }
                at = until;
            }
        }
        Event::CutTo { length, .. } if keeps(0) => file.resize(*length, 0),
        _ => {}
    }
}

fn rename(names: &mut BTreeMap<String, u64>, event: &Event) {
    match event {
        Event::Named { node, name } => {
            names.insert(name.clone(), *node);
        }
        Event::Unlinked { name } => {
            names.remove(name);
        }
        Event::Renamed { from, to } => {
            let node = names.remove(from).unwrap();
            names.insert(to.clone(), node);
        }
        _ => {}
    }
}

fn below(random: &mut StdRng, end: usize) -> usize {
    usize::try_from(random.next_u64() % end as u64).unwrap()
}

fn small(directory: &Path) -> Options {
    Options::new(directory, Uuid::from_u128(7)).limits(64 << 20, 64 << 10)
}

/// The number, and as many bytes more as make records of every size up to two pages.
fn record(number: u64) -> Vec<u8> {
    let mut bytes = number.to_le_bytes().to_vec();
    bytes.resize(8 + usize::try_from(number * 977 % 8_000).unwrap(), b'r');
    bytes
}

fn number(record: &[u8]) -> u64 {
    let number = u64::from_le_bytes(record[..8].try_into().unwrap());
    assert_eq!(record, self::record(number), "a record has its own bytes");
    number
}

#[test]
fn helper_lives_and_says_what_it_did() {
    let Some(directory) = std::env::var_os("SPOOL_PATH") else { return };
    let directory = Path::new(&directory);
    fs::create_dir_all(directory).unwrap();
    let mut said = fs::File::create(directory.join("life.said")).unwrap();
    let mut say =
        |said_of: &str, number: u64| said.write_all(format!("{said_of} {number}").as_bytes()).unwrap();
    let mut appended = 0;
    let mut waiting: Vec<(u64, Position)> = Vec::new();
    for life in 0..2 {
        let spool = Spool::open(&small(directory)).unwrap();
        for round in 0..4 {
            say("identity", u64::try_from(spool.next_identity().unwrap()).unwrap());
            for _ in 0..12 {
                // Some of them share a group.
                let receipts: Vec<_> = (0..=appended % 3)
                    .map(|_| {
                        appended += 1;
                        let class = if appended % 5 == 0 { Class::Admission } else { Class::Admitted };
                        (appended, spool.append(class, 1, record(appended)).unwrap())
                    })
                    .collect();
                for (number, receipt) in receipts {
                    let position = receipt.wait().unwrap();
                    say("confirmed", number);
                    waiting.push((number, position));
                }
            }
            for _ in 0..waiting.len() / 2 {
                let (number, position) = waiting.remove(round % waiting.len());
                say("acknowledging", number);
                spool.acknowledge(&[position], 1).unwrap();
            }
            // Folds the log into the database.
            if round == 1 {
                spool.flush().unwrap();
            }
            if round == 2 {
                spool.forget_acknowledged(2, u64::MAX).unwrap();
            }
        }
        // The first is closed as it should be, the second ends with the process.
        if life == 1 {
            std::mem::forget(spool);
        }
    }
    println!("DONE");
}

#[test]
fn helper_lives_through_failed_fsyncs_and_says_what_it_did() {
    let (Some(directory), Some(fault)) = (std::env::var_os("SPOOL_PATH"), std::env::var_os("SPOOL_FAULT"))
    else {
        return;
    };
    let directory = Path::new(&directory);
    fs::create_dir_all(directory).unwrap();
    let mut said = fs::File::create(directory.join("life.said")).unwrap();
    let mut say =
        |said_of: &str, number: u64| said.write_all(format!("{said_of} {number}").as_bytes()).unwrap();
    let mut appended = 0;
    for life in 0..5 {
        let spool = Spool::open(&small(directory)).unwrap();
        say("identity", u64::try_from(spool.next_identity().unwrap()).unwrap());
        for _ in 0..10 {
            appended += 1;
            spool.append(Class::Admitted, 1, record(appended)).unwrap().wait().unwrap();
            say("confirmed", appended);
        }
        if life == 4 {
            std::mem::forget(spool);
            break;
        }
        // Every other time the spool cannot say that what failed is void, as if it had been killed before that.
        let is_void = life % 2 == 0;
        fs::write(&fault, if is_void { "" } else { "the mark, too" }).unwrap();
        let mut receipts = Vec::new();
        for _ in 0..=life {
            appended += 1;
            receipts.extend(
                spool.append(Class::Admitted, 1, record(appended)).map(|receipt| (appended, receipt)),
            );
        }
        assert!(!receipts.is_empty());
        for (number, receipt) in receipts {
            receipt.wait().unwrap_err();
            if is_void {
                say("refused", number);
            }
        }
        drop(spool);
        fs::remove_file(&fault).unwrap();
    }
    println!("DONE");
}

#[test]
fn a_power_cut_at_any_moment_loses_nothing_that_was_confirmed() {
    let Some(found) = cut_the_power("helper_lives_and_says_what_it_did") else { return };
    println!("{} power cuts in {} events: {found:?}", found.cuts, found.events);
    assert!(found.confirmed > 100);
}

#[test]
fn after_a_failed_fsync_a_power_cut_at_any_moment_loses_nothing_confirmed_and_brings_nothing_refused_back() {
    let Some(found) = cut_the_power("helper_lives_through_failed_fsyncs_and_says_what_it_did") else {
        return;
    };
    println!("{} power cuts in {} events: {found:?}", found.cuts, found.events);
    assert_eq!((found.confirmed, found.failed_fsyncs > 3), (50, true));
}

/// What a life, and cutting its power, came to.
#[derive(Debug)]
struct Found {
    cuts: usize,
    events: usize,
    confirmed: usize,
    failed_fsyncs: usize,
}

/// Runs a life, and cuts the power at any moment of it. `None` where the library cannot be made.
fn cut_the_power(helper: &str) -> Option<Found> {
    let directory = tempfile::tempdir().unwrap();
    let library = compiled("power_cut.c", directory.path())?;
    // As the library sees it, with no link in it.
    let spool = directory.path().canonicalize().unwrap().join("spool");
    let log = directory.path().join("events");
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("power_cut::{helper}"), "--nocapture"])
        .env("LD_PRELOAD", library)
        .env("SPOOL_PATH", spool)
        .env("SPOOL_EVENTS", &log)
        .env("SPOOL_FAULT", directory.path().join("fault"))
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("DONE"), "{output:?}");

    let events = events(&fs::read(&log).unwrap());
    let count = |wanted: fn(&Event) -> bool| events.iter().filter(|event| wanted(event)).count();
    assert!(count(|event| matches!(event, Event::Synced { .. })) > 40, "the library sees fsync");
    let confirmed = count(|event| matches!(event, Event::Said(Said::Confirmed(_))));
    let failed_fsyncs = count(|event| matches!(event, Event::SyncFailed { .. }));

    let mut random = StdRng::seed_from_u64(1);
    let mut disk = Disk::default();
    let mut said = BTreeSet::new();
    let mut cuts = 0;
    for (at, event) in events.iter().enumerate() {
        disk.see(event);
        if let Event::Said(what) = event {
            said.insert(what.clone());
        }
        // The moments behind a confirmation or a refusal, and some of the others.
        let is_said = matches!(event, Event::Said(Said::Confirmed(_) | Said::Refused(_)));
        if is_said || below(&mut random, events.len()) < CUTS {
            let image = tempfile::tempdir().unwrap();
            disk.lay_out(&mut random, image.path());
            check(image.path(), &said, at);
            cuts += 1;
        }
    }
    Some(Found { cuts, events: events.len(), confirmed, failed_fsyncs })
}

/// Opens what the power cut has left, and holds it against what was said before.
fn check(image: &Path, said: &BTreeSet<Said>, at: usize) {
    // What is read does not depend on it, and there are hundreds of them.
    let options = small(image).durability(Durability::Os);
    let spool = Spool::open(&options).map_err(|error| format!("after event {at}: {error}")).unwrap();
    let delivered = deliveries(&spool, Which::Waiting);
    let damaged = delivered.iter().filter(|delivery| matches!(delivery, Delivery::Damaged(_))).count();
    assert_eq!(damaged, 0, "after event {at}: {:?}", spool.report());
    assert!(spool.report().rebuilt.is_none(), "after event {at}: {:?}", spool.report());
    let delivered: Vec<u64> = records(&delivered).iter().map(|record| number(record)).collect();
    assert!(delivered.is_sorted_by(|one, next| one < next), "after event {at}: {delivered:?}");
    let refused: Vec<_> = delivered.iter().filter(|number| said.contains(&Said::Refused(**number))).collect();
    assert!(refused.is_empty(), "after event {at}, these were refused: {refused:?}");
    let lost: Vec<_> = said
        .iter()
        .filter_map(|said_of| if let Said::Confirmed(number) = said_of { Some(*number) } else { None })
        .filter(|number| !said.contains(&Said::Acknowledging(*number)) && !delivered.contains(number))
        .collect();
    assert!(lost.is_empty(), "after event {at}, of {delivered:?}: {lost:?}");
    let identity = spool.next_identity().unwrap();
    assert!(!said.contains(&Said::Identity(identity)), "after event {at}: {identity} comes twice");
    append(&spool, &record(1_000_000));
    assert_eq!(number(waiting(&spool).last().unwrap()), 1_000_000);
}
