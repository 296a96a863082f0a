//! Opening: hold the directory, read what is there, compare it with the mark, and build anew what does not fit together.

use std::{collections::BTreeMap, path::PathBuf, time::Instant};

use tollgate_failpoints::{Point, hit};

use crate::{
    Durability, Options, Rebuilt, SpoolError,
    database::{Database, Row, Transaction},
    directory::{Directory, remove_if_there},
    group,
    index::{Acknowledged, Index},
    log,
    rebuild::{self, rebuild},
    state::{Mark, MarkFile, State},
    writer::IDENTITY_BLOCK,
};

/// What was found at opening. Anything but the defaults deserves an alarm.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenReport {
    /// The spool did not exist.
    pub created: bool,
    /// The structure was damaged, or groups were missing: the database was built anew.
    pub rebuilt: Option<Rebuilt>,
    /// The mark beside the database could not be read, so a missing tail would not have been noticed.
    pub mark_unreadable: bool,
    /// Acknowledgements that were damaged. Their records are delivered again.
    pub damaged_acknowledgements: u64,
    /// Groups of a commit that failed, which were on the disk all the same. Those who waited for them were told that they failed, so they
    /// are void: never delivered, and no longer there.
    pub voided_groups: u64,
}

/// Everything that the writer works with.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) files: Option<Files>,
    pub(crate) database: Database,
    pub(crate) index: Index,
    pub(crate) state: State,
    /// The first identity to give out; those up to the state's are reserved.
    pub(crate) next_identity: i64,
    pub(crate) report: OpenReport,
    pub(crate) since: Instant,
}

/// What lies beside the database.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) directory: Directory,
    pub(crate) mark: MarkFile,
}

impl Files {
    pub(crate) fn corrupt_group(&self, sequence: u64) -> PathBuf {
        self.directory.corrupt_group(sequence)
    }

    /// What follows this state failed, and is void.
    pub(crate) fn end_at(&self, state: &State) {
        if let Err(error) = self.mark.end_at(state) {
            tracing::error!(
                %error,
                "what failed in the spool could not be made void: those who wait for it are told that it failed, and opening the spool again \
                 may find it"
            );
        }
    }
}

/// What does not fit together, in words for the log.
enum Trouble {
    Structure(String),
    Failed(SpoolError),
}

pub(crate) fn open(options: &Options) -> Result<Opened, SpoolError> {
    options.check()?;
    let since = Instant::now();
    if options.durability == Durability::Memory {
        let state = State::new(options.new_instance_id);
        let report = OpenReport { created: true, ..OpenReport::default() };
        let loaded = (Database::open(None, options.durability)?, Index::new(state.first), state);
        let ((database, index, state), next_identity) = match reserve_identities(loaded, None, None) {
            Ok(loaded) => loaded,
            Err(Trouble::Failed(error)) => return Err(error),
            Err(Trouble::Structure(reason)) => return Err(SpoolError::InvalidOptions(reason)),
        };
        return Ok(Opened { files: None, database, index, state, next_identity, report, since });
    }
    let directory = Directory::hold(&options.directory)?;
    let was_found_damaged = directory.rebuild_wanted().exists();
    rebuild::finish(&directory)?;
    log::write_again(&directory)?;
    let (mark_file, mark) = MarkFile::open(&directory.mark())?;
    let mut report = OpenReport { mark_unreadable: mark == Mark::Unreadable, ..OpenReport::default() };
    let is_new = mark == Mark::Absent && is_absent_or_empty(&directory)?;
    let loaded = if was_found_damaged {
        Err(Trouble::Structure("SQLite found damage in it while it was in use".into()))
    } else if is_new {
        report.created = true;
        create(&directory, options)
    } else {
        load(&directory, options, mark, &mut report)
    };
    let reserve = |loaded: Loaded| {
        let void_from = mark.void_from(loaded.2.instance);
        reserve_identities(loaded, Some(&directory), void_from)
    };
    let ((mut database, index, state), next_identity) = match loaded.and_then(reserve) {
        Ok(loaded) => loaded,
        Err(Trouble::Failed(error)) if !error.is_corruption() => return Err(error),
        Err(trouble) => {
            let reason = match trouble {
                Trouble::Structure(reason) => reason,
                Trouble::Failed(error) => crate::error::chain(&error),
            };
            tracing::error!(reason, "the spool is damaged; it is built anew from what can be read");
            report.rebuilt = Some(rebuild(&directory, mark, options.new_instance_id)?);
            report.damaged_acknowledgements = 0;
            remove_if_there(&directory.rebuild_wanted())?;
            match load(&directory, options, Mark::Absent, &mut report).and_then(reserve) {
                Ok(loaded) => {
                    report.voided_groups = report.rebuilt.as_ref().map_or(0, |rebuilt| rebuilt.voided_groups);
                    loaded
                }
                Err(Trouble::Failed(error)) => return Err(error),
                Err(Trouble::Structure(reason)) => {
                    return Err(SpoolError::InvalidOptions(format!(
                        "it was built anew and is damaged again ({reason}): check the disk"
                    )));
                }
            }
        }
    };
    if mark.void_from(state.instance).is_some() {
        end_what_was_void(&mut database, &mark_file, &state, &directory)?;
    }
    Ok(Opened {
        files: Some(Files { directory, mark: mark_file }),
        database,
        index,
        state,
        next_identity,
        report,
        since,
    })
}

/// The groups of a commit that failed are deleted. Their numbers are given again, so before the first of them is, nothing of the old ones is
/// left in the log either, and the mark says it no longer: both on the disk.
fn end_what_was_void(
    database: &mut Database,
    mark: &MarkFile,
    state: &State,
    directory: &Directory,
) -> Result<(), SpoolError> {
    match database.checkpoint_whole() {
        // They stay in the log until it is written over: building anew before that could find them.
        Err(error) if error.is_disk_full() => {}
        outcome => outcome?,
    }
    mark.write_and_sync(state).map_err(SpoolError::io("write", directory.mark()))
}

type Loaded = (Database, Index, State);

/// The first write: a spool that cannot be written does not open, and one whose header is damaged shows it here. On a full
/// file system the reserve is given up for it; where that is not enough, the spool opens without identities to give out, so that what is
/// in it can be delivered and acknowledged.
fn reserve_identities(
    (mut database, index, mut state): Loaded,
    directory: Option<&Directory>,
    void_from: Option<u64>,
) -> Result<(Loaded, i64), Trouble> {
    let next_identity = state.identities;
    let identities = state
        .identities
        .checked_add(IDENTITY_BLOCK)
        .ok_or(Trouble::Failed(SpoolError::NoIdentityReserved))?;
    let transaction =
        Transaction { state: Some(State { identities, ..state }), void_from, ..Transaction::default() };
    let mut written = database.write(&transaction);
    if let (Err(error), Some(directory)) = (&written, directory)
        && error.is_disk_full()
    {
        tracing::error!("the file system of the spool is full: it is opened with its reserve");
        remove_if_there(&directory.reserve()).map_err(Trouble::Failed)?;
        remove_if_there(&directory.last_reserve()).map_err(Trouble::Failed)?;
        written = database.write(&transaction);
    }
    match written {
        Ok(()) => {
            state.identities = identities;
            hit(Point::IdentitiesReserved);
        }
        // What is void must be gone before anything is delivered.
        Err(error) if error.is_disk_full() && void_from.is_none() => {}
        Err(error) => return Err(Trouble::Failed(error)),
    }
    Ok(((database, index, state), next_identity))
}

/// A database without a byte is what a crash leaves while the first one is made.
fn is_absent_or_empty(directory: &Directory) -> Result<bool, SpoolError> {
    match std::fs::metadata(directory.database()) {
        Ok(metadata) => Ok(metadata.len() == 0),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(SpoolError::io("look at", directory.database())(error)),
    }
}

fn create(directory: &Directory, options: &Options) -> Result<Loaded, Trouble> {
    let state = State::new(options.new_instance_id);
    let database =
        Database::open(Some(&directory.database()), options.durability).map_err(Trouble::Failed)?;
    directory.sync().map_err(Trouble::Failed)?;
    Ok((database, Index::new(state.first), state))
}

/// Read the rows and see whether they are all there.
fn load(
    directory: &Directory,
    options: &Options,
    mark: Mark,
    report: &mut OpenReport,
) -> Result<Loaded, Trouble> {
    let database =
        Database::open(Some(&directory.database()), options.durability).map_err(Trouble::Failed)?;
    let mut rows: Vec<Row> = Vec::new();
    database.rows(|row| rows.push(row)).map_err(Trouble::Failed)?;
    let Some(stored) = database.state().map_err(Trouble::Failed)? else {
        // A crash between making the tables and the first commit leaves nothing that could be lost.
        if rows.is_empty() && mark == Mark::Absent {
            report.created = true;
            let state = State::new(options.new_instance_id);
            return Ok((database, Index::new(state.first), state));
        }
        return Err(Trouble::Structure("its state cannot be read".into()));
    };
    let mut state = stored;
    let void_from = mark.void_from(stored.instance);
    let is_void = |sequence: u64| void_from.is_some_and(|from| sequence >= from);
    report.voided_groups = rows.extract_if(.., |row| is_void(row.sequence.cast_unsigned())).count() as u64;
    let mut acknowledged = BTreeMap::new();
    for (sequence, stored) in database.acknowledgements().map_err(Trouble::Failed)? {
        match stored {
            _ if is_void(sequence) => {}
            Some(stored) => drop(acknowledged.insert(sequence, stored.acknowledged)),
            None => report.damaged_acknowledgements += 1,
        }
    }
    let mut index = Index::new(state.first);
    let given_up = |sequence| acknowledged.get(&sequence) == Some(&Acknowledged::Wholly);
    for row in rows {
        while row.sequence > index.next().cast_signed() && given_up(index.next()) {
            index.push(1, true, 0);
        }
        if row.sequence != index.next().cast_signed() {
            return Err(Trouble::Structure(format!(
                "group {} is missing: the next one found is {}",
                index.next(),
                row.sequence
            )));
        }
        let records = count_of(&database, row).map_err(Trouble::Failed)?;
        index.push(records, row.empty, 0);
    }
    while given_up(index.next()) {
        index.push(1, true, 0);
    }
    for (sequence, acknowledged) in &acknowledged {
        index.restore(*sequence, *acknowledged);
    }
    state.next = index.next();
    if state.next < stored.next {
        return Err(Trouble::Structure(format!(
            "it ends before group {}, and should reach {}",
            state.next, stored.next
        )));
    }
    match (mark, mark.state()) {
        (_, Some(mark)) if mark.instance != state.instance => report.mark_unreadable = true,
        (_, Some(mark)) if mark.next > state.next => {
            return Err(Trouble::Structure(format!(
                "it ends before group {}, and had reached {}",
                state.next, mark.next
            )));
        }
        (_, Some(mark)) => state.identities = state.identities.max(mark.identities),
        (Mark::Absent, None) => report.mark_unreadable = report.rebuilt.is_none(),
        (_, None) => {}
    }
    Ok((database, index, state))
}

/// How many records a group has: its row says it, unless that cannot be.
fn count_of(database: &Database, row: Row) -> Result<u16, SpoolError> {
    if row.empty || (1..=crate::options::MAX_GROUP_RECORDS).contains(&usize::from(row.records)) {
        return Ok(row.records);
    }
    let payload = database.payload(row.sequence.cast_unsigned())?.unwrap_or_default();
    let records = group::decode(row.sequence.cast_unsigned(), &payload).map_or(1, |records| records.len());
    Ok(u16::try_from(records).unwrap_or(1))
}
