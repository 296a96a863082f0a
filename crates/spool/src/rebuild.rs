//! Building the database anew from what can still be read, when its structure is damaged.
//!
//! The damaged files are copied aside first. Then every group is looked for: in the rows that SQLite still reads, and, as a group
//! names itself, in the raw bytes of the database and its log (SQLite ignores all of a log behind the first damaged
//! frame). A group that is found nowhere gets an empty row, which is delivered as lost until it is acknowledged.
//!
//! A crash at any point leaves either the damaged files or the new database, never a mixture.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use memchr::memmem;
use uuid::Uuid;

use crate::{
    Durability, SpoolError,
    database::{Database, Stored, Transaction, is_damage_of_a_row},
    directory::{Directory, remove_if_there, sync_directory},
    group::{self, HEADER_BYTES, MAGIC, RECORD_HEADER_BYTES},
    index::Acknowledged,
    options::{MAX_GROUP_BYTES, MAX_GROUP_RECORDS},
    state::{Mark, State},
};

/// How much of a file is searched at once.
const CHUNK_BYTES: usize = 8 * 1024 * 1024;
/// The largest group, so that none is missed at the edge of a chunk.
const OVERLAP_BYTES: usize = HEADER_BYTES + MAX_GROUP_BYTES + MAX_GROUP_RECORDS * RECORD_HEADER_BYTES;
/// How far identities are moved on when only the mark knew them: it may be older than what was given out.
pub(crate) const STALE_MARK_IDENTITIES: i64 = 1 << 24;

/// How many groups in a row may be missing before one that only raw bytes show: minutes of commits, and little enough to report each.
const MOST_MISSING: u64 = 1 << 20;

/// What building anew came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    /// Where the damaged files are kept.
    pub kept_in: PathBuf,
    /// Groups that SQLite could not give any more and that were found in the raw bytes.
    pub salvaged_groups: u64,
    /// Groups that are lost. Each is delivered as damage until it is acknowledged.
    pub lost_groups: u64,
    /// Groups that were found and do not count, as their commit had failed.
    pub voided_groups: u64,
    /// The identity could not be read anywhere: the spool has a new one.
    pub new_instance: bool,
}

/// Where a group was found.
enum Source {
    Row(i64),
    Raw { file: usize, offset: u64, length: usize },
}

/// Finish a rebuild that was whole when the process ended, and remove one that was not.
pub(crate) fn finish(directory: &Directory) -> Result<(), SpoolError> {
    remove_if_there(&directory.unfinished())?;
    remove_if_there(&directory.unfinished().with_extension("unfinished-wal"))?;
    let rebuilt = directory.rebuilt();
    if !rebuilt.try_exists().map_err(SpoolError::io("look for", &rebuilt))? {
        return Ok(());
    }
    remove_if_there(&directory.log())?;
    directory.sync()?;
    fs::rename(&rebuilt, directory.database()).map_err(SpoolError::io("put in place", &rebuilt))?;
    directory.sync()
}

/// Build the database anew and put it in the place of the damaged one.
pub(crate) fn rebuild(directory: &Directory, mark: Mark, new_instance: Uuid) -> Result<Rebuilt, SpoolError> {
    let kept_in = keep_aside(directory)?;
    let mut found = Found::default();
    let old = found.read_rows(directory);
    let files = found.read_raw(directory)?;
    let stored_state = old.as_ref().and_then(|old| old.state().ok().flatten());
    let (state, is_new_instance) = found.state(stored_state, mark, new_instance);
    if let Some(old) = &old {
        found.look_up_one_by_one(old, state);
    }
    let acknowledged: Vec<(u64, Stored)> = old
        .as_ref()
        .and_then(|old| old.acknowledgements().ok())
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(sequence, stored)| Some((sequence, stored?)))
        .filter(|(sequence, _)| (state.first..state.next).contains(sequence))
        .collect();

    let mut rebuilt = Rebuilt {
        kept_in,
        salvaged_groups: 0,
        lost_groups: 0,
        voided_groups: found.voided_groups,
        new_instance: is_new_instance,
    };
    let unfinished = directory.unfinished();
    let mut new = Database::open(Some(&unfinished), Durability::Memory)?;
    let given_up = |sequence: u64| {
        acknowledged
            .binary_search_by_key(&sequence, |(sequence, _)| *sequence)
            .is_ok_and(|at| acknowledged[at].1.acknowledged == Acknowledged::Wholly)
    };
    let missing_on_purpose = |sequence: &u64| !found.groups.contains_key(sequence) && given_up(*sequence);
    let wanted = (state.first..state.next).filter(|sequence| !missing_on_purpose(sequence));
    new.insert_all(wanted.map(|sequence| {
        let payload = match found.groups.get(&sequence) {
            Some(&Source::Row(row)) => read_row(old.as_ref(), row)?,
            Some(&Source::Raw { file, offset, length }) => {
                rebuilt.salvaged_groups += 1;
                let mut bytes = vec![0; length];
                files[file]
                    .read_exact_at(&mut bytes, offset)
                    .map_err(SpoolError::io("read", directory.database()))?;
                bytes
            }
            None => Vec::new(),
        };
        rebuilt.lost_groups += u64::from(payload.is_empty());
        let records = group::decode(sequence, &payload).map_or(1, |records| records.len());
        Ok((sequence, u16::try_from(records).unwrap_or(u16::MAX), payload))
    }))?;
    new.write(&Transaction { state: Some(state), ..Transaction::default() })?;
    for (sequence, stored) in acknowledged {
        new.write(&Transaction {
            acknowledged: vec![(sequence, stored.acknowledged)],
            acknowledged_at_micros: stored.at_micros,
            ..Transaction::default()
        })?;
    }
    new.checkpoint_whole()?;
    new.close()?;
    drop(old);
    sync_file(&unfinished)?;
    fs::rename(&unfinished, directory.rebuilt()).map_err(SpoolError::io("rename", &unfinished))?;
    directory.sync()?;
    finish(directory)?;
    Ok(rebuilt)
}

/// The payload of a row that was seen. What SQLite cannot give of it is lost: its pages are damaged, and the raw bytes held no copy.
fn read_row(old: Option<&Database>, row: i64) -> Result<Vec<u8>, SpoolError> {
    match old.map(|old| old.payload(row.cast_unsigned())).transpose() {
        Ok(payload) => Ok(payload.flatten().unwrap_or_default()),
        Err(error) if is_damage_of_a_row(&error) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn keep_aside(directory: &Directory) -> Result<PathBuf, SpoolError> {
    let kept_in = directory.new_corrupt_directory()?;
    for path in [directory.database(), directory.log(), directory.mark()] {
        let Some(name) = path.file_name() else { continue };
        let copy = kept_in.join(name);
        match fs::copy(&path, &copy) {
            Ok(_) => sync_file(&copy)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(SpoolError::io("copy aside", path)(error)),
        }
    }
    sync_directory(&kept_in)?;
    directory.sync()?;
    Ok(kept_in)
}

fn sync_file(path: &Path) -> Result<(), SpoolError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(SpoolError::io("fsync", path))
}

/// The groups that were found, and where.
#[derive(Default)]
struct Found {
    groups: BTreeMap<u64, Source>,
    /// Rows whose payload is no whole group: kept where nothing better is found.
    damaged_rows: Vec<i64>,
    /// Groups from the mark's end on.
    voided_groups: u64,
}

impl Found {
    /// What SQLite still reads. A row whose own number was damaged is known by what its group says.
    fn read_rows(&mut self, directory: &Directory) -> Option<Database> {
        let old = Database::open(Some(&directory.database()), Durability::Memory).ok()?;
        let mut rows = Vec::new();
        if let Err(error) = old.rows(|row| rows.push(row.sequence)) {
            tracing::warn!(%error, "the spool's table of groups cannot be read to its end");
        }
        for row in rows {
            self.take_row(&old, row);
        }
        Some(old)
    }

    fn take_row(&mut self, old: &Database, row: i64) {
        let payload = old.payload(row.cast_unsigned()).ok().flatten();
        match payload.as_deref().and_then(group::find_at_start) {
            Some((sequence, whole)) if Some(whole.len()) == payload.as_ref().map(Vec::len) => {
                self.groups.insert(sequence, Source::Row(row));
            }
            _ => self.damaged_rows.push(row),
        }
    }

    /// What stands in the bytes of the files.
    fn read_raw(&mut self, directory: &Directory) -> Result<Vec<File>, SpoolError> {
        let mut files = Vec::new();
        for path in [directory.database(), directory.log()] {
            let Ok(mut file) = File::open(&path) else { continue };
            let (mut chunk, mut offset, mut from) = (Vec::new(), 0u64, 0);
            loop {
                let read = (&mut file)
                    .take(CHUNK_BYTES as u64)
                    .read_to_end(&mut chunk)
                    .map_err(SpoolError::io("read", &path))?;
                // A group that begins before here is here whole, if it is whole at all.
                let end = if read == 0 { chunk.len() } else { chunk.len().saturating_sub(OVERLAP_BYTES) };
                while from < end
                    && let Some(found) = memmem::find(&chunk[from..], &MAGIC)
                    && from + found < end
                {
                    let at = from + found;
                    from = at + 1;
                    if let Some((sequence, whole)) = group::find_at_start(&chunk[at..]) {
                        // What stands in its records is its owner's, also where it looks like a group.
                        from = at + whole.len();
                        self.groups.entry(sequence).or_insert(Source::Raw {
                            file: files.len(),
                            offset: offset + at as u64,
                            length: whole.len(),
                        });
                    }
                }
                if read == 0 {
                    break;
                }
                chunk.drain(..end);
                offset += end as u64;
                from = from.saturating_sub(end);
            }
            files.push(file);
        }
        Ok(files)
    }

    /// The state from whichever copy is whole, and from the groups.
    fn state(&mut self, stored: Option<State>, mark: Mark, new_instance: Uuid) -> (State, bool) {
        let said = mark;
        let mark = mark.state().filter(|mark| stored.is_none_or(|stored| stored.instance == mark.instance));
        let void_from = mark.and_then(|mark| said.void_from(mark.instance));
        if let Some(from) = void_from {
            self.voided_groups = self.groups.split_off(&from).len() as u64;
        }
        self.keep_plausible([stored, mark].into_iter().flatten().map(|state| state.next).max());
        let lowest = self.groups.keys().next().copied().unwrap_or(1);
        let after_last = self.groups.keys().next_back().map_or(1, |last| last + 1);
        let mut state = match (stored, mark) {
            (Some(stored), _) => stored,
            (None, Some(mark)) => {
                State { identities: mark.identities.saturating_add(STALE_MARK_IDENTITIES), ..mark }
            }
            (None, None) => State { first: lowest, ..State::new(new_instance) },
        };
        if let Some(mark) = mark {
            state.next = state.next.max(mark.next);
            state.identities = state.identities.max(mark.identities);
        }
        state.next = void_from.unwrap_or_else(|| state.next.max(after_last)).max(state.first);
        (state, stored.is_none() && mark.is_none())
    }

    /// Sequences are dense. Raw bytes with the checksum of a group that stand far behind all others were no group of this queue: a
    /// queue that reached there would be reported as lost group by group. `known`: how far it had come, where a state tells.
    fn keep_plausible(&mut self, known: Option<u64>) {
        let is_row = |source: &Source| matches!(source, Source::Row(_));
        let last_row = self.groups.iter().rfind(|(_, source)| is_row(source)).map(|(sequence, _)| *sequence);
        let mut end = known.max(last_row).unwrap_or_else(|| self.start_of_most());
        self.groups.retain(|&sequence, source| {
            let is_plausible = sequence < i64::MAX.cast_unsigned()
                && (is_row(source) || sequence.saturating_sub(end) <= MOST_MISSING);
            if is_plausible {
                end = end.max(sequence + 1);
            } else {
                tracing::error!(sequence, "bytes that look like a group of another queue are left aside");
            }
            is_plausible
        });
    }

    /// Where nothing tells how far the queue had come: where the most groups begin that stand together.
    fn start_of_most(&self) -> u64 {
        let mut clusters: Vec<(u64, u64, usize)> = Vec::new();
        for &sequence in self.groups.keys() {
            match clusters.last_mut() {
                Some((_, last, groups)) if sequence - *last <= MOST_MISSING => {
                    (*last, *groups) = (sequence, *groups + 1);
                }
                _ => clusters.push((sequence, sequence, 1)),
            }
        }
        clusters.into_iter().max_by_key(|(_, _, groups)| *groups).map_or(1, |(start, _, _)| start)
    }

    /// Rows that the walk through the table did not reach, and damaged ones whose number is plausible.
    fn look_up_one_by_one(&mut self, old: &Database, state: State) {
        for sequence in state.first..state.next {
            if !self.groups.contains_key(&sequence)
                && !self.damaged_rows.contains(&sequence.cast_signed())
                && matches!(old.payload(sequence), Ok(Some(_)))
            {
                self.take_row(old, sequence.cast_signed());
            }
        }
        for row in std::mem::take(&mut self.damaged_rows) {
            if (state.first..state.next).contains(&row.cast_unsigned()) {
                self.groups.entry(row.cast_unsigned()).or_insert(Source::Row(row));
            }
        }
    }
}
