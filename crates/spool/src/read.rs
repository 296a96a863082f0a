//! Reading groups back: whole ones as records, damaged ones as damage. Nothing is skipped.

use std::{fs::File, io::Write, os::unix::fs::OpenOptionsExt, path::PathBuf};

use crate::{
    Position, Record, SpoolError,
    database::is_damage_of_a_row,
    group::{self, FORMAT_VERSION, NotAGroup},
    index::Acknowledged,
    open::Opened,
};

/// Which groups are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those with a record that is not acknowledged; of them only such records.
    Waiting,
    /// All that are still there, also acknowledged ones.
    All,
}

/// What reading gives for one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// A whole group.
    Group(Group),
    /// A group that cannot be delivered. It is reported on each read until its owner acknowledges it with
    /// [`Spool::acknowledge_group`](crate::Spool::acknowledge_group).
    Damaged(Damage),
}

impl Delivery {
    /// The group it is about.
    pub fn sequence(&self) -> u64 {
        match self {
            Self::Group(group) => group.sequence,
            Self::Damaged(damage) => damage.sequence,
        }
    }
}

/// The records of one group commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its place in the queue.
    pub sequence: u64,
    /// Microseconds since 1970, as given with the last acknowledgement; `None` while a record waits.
    pub acknowledged_at_micros: Option<i64>,
    /// Its records, in order, with their positions.
    pub records: Vec<(Position, Record)>,
}

/// A group that cannot be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Its place in the queue.
    pub sequence: u64,
    /// What is wrong with it.
    pub cause: DamageCause,
    /// Where its bytes were copied to, if there are any.
    pub kept_in: Option<PathBuf>,
}

/// Why a group cannot be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DamageCause {
    /// Its bytes are not what was written.
    Corrupt,
    /// It was written, and is not there.
    Lost,
}

/// Some groups, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The groups, in the order of the queue.
    pub deliveries: Vec<Delivery>,
    /// From where to read on; `None` when this was the end, for now.
    pub next: Option<u64>,
}

/// At most `most` groups from a sequence on, and how many damaged ones were seen for the first time.
pub(crate) fn read(
    opened: &mut Opened,
    from: u64,
    most: usize,
    which: Which,
) -> Result<(Page, u64), SpoolError> {
    let index = &opened.index;
    let from = from.max(if which == Which::Waiting { index.low_water() } else { index.first() });
    let wanted: Vec<u64> = (from..index.next())
        .filter(|&sequence| which == Which::All || !index.is_done(sequence))
        .take(most)
        .collect();
    let end = index.next();
    let next = wanted.last().map(|last| last + 1).filter(|next| wanted.len() == most && *next < end);
    let mut deliveries = Vec::with_capacity(wanted.len());
    let mut newly_damaged = 0;
    for sequence in wanted {
        match read_group(opened, sequence, which)? {
            Some(Delivery::Damaged(mut damage)) => {
                newly_damaged += u64::from(keep_aside(opened, &mut damage));
                deliveries.push(Delivery::Damaged(damage));
            }
            Some(delivery) => deliveries.push(delivery),
            // Given up after it was acknowledged.
            None => {}
        }
    }
    Ok((Page { deliveries, next }, newly_damaged))
}

fn read_group(opened: &mut Opened, sequence: u64, which: Which) -> Result<Option<Delivery>, SpoolError> {
    let damaged = |cause| Some(Delivery::Damaged(Damage { sequence, cause, kept_in: None }));
    let payload = match opened.database.payload(sequence) {
        Ok(payload) => payload.unwrap_or_default(),
        Err(error) if is_damage_of_a_row(&error) => return Ok(damaged(DamageCause::Corrupt)),
        Err(error) => return Err(error),
    };
    let done = opened.index.is_done(sequence);
    if payload.is_empty() {
        return Ok(if done { None } else { damaged(DamageCause::Lost) });
    }
    let records = match group::decode(sequence, &payload) {
        Ok(records) => records,
        Err(NotAGroup::Newer(found)) => return Err(SpoolError::NewerFormat { found, known: FORMAT_VERSION }),
        Err(NotAGroup::Damaged) => return Ok(damaged(DamageCause::Corrupt)),
    };
    opened.index.correct(sequence, u16::try_from(records.len()).unwrap_or(u16::MAX));
    let acknowledged_at_micros = if which == Which::All && done {
        opened
            .database
            .acknowledgement(sequence)?
            .filter(|stored| stored.acknowledged == Acknowledged::Wholly)
            .map(|stored| stored.at_micros)
    } else {
        None
    };
    let records = (0..)
        .zip(records)
        .map(|(index, record)| (Position { sequence, index }, record))
        .filter(|(position, _)| which == Which::All || !opened.index.is_acknowledged(*position))
        .collect();
    Ok(Some(Delivery::Group(Group { sequence, acknowledged_at_micros, records })))
}

/// Copy the damaged bytes aside, once. Tells whether it is news.
fn keep_aside(opened: &Opened, damage: &mut Damage) -> bool {
    let Some(files) = &opened.files else { return false };
    if damage.cause == DamageCause::Lost {
        return false;
    }
    let path = files.corrupt_group(damage.sequence);
    if path.exists() {
        damage.kept_in = Some(path);
        return false;
    }
    tracing::error!(sequence = damage.sequence, "a group of the spool is damaged; the others are delivered");
    let Ok(Some(payload)) = opened.database.payload(damage.sequence) else { return true };
    let copied = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| file.write_all(&payload).and_then(|()| file.sync_all()));
    match copied {
        Ok(()) => damage.kept_in = Some(path),
        Err(error) => tracing::error!(%error, "a damaged group of the spool cannot be copied aside"),
    }
    true
}
