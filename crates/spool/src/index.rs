//! Which records of which group are acknowledged, in memory. Pure.
//!
//! One entry per group from the low-water mark on, which is the first group with a record that waits: acknowledgement comes in any order.
//! Of the groups below it nothing is kept but the number of the first that was not forgotten, so memory is that of the backlog, however
//! long acknowledged groups stay readable.

use std::collections::{BTreeSet, VecDeque};

use crate::options::MAX_GROUP_RECORDS;

const MOST_RECORDS: u16 = 256;
const _: () = assert!(MOST_RECORDS as usize == MAX_GROUP_RECORDS);

/// Where a record is: its group, and its place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The sequence of the group.
    pub sequence: u64,
    /// The place in the group, from 0.
    pub index: u16,
}

/// A bit per record of a group.
pub(crate) type Bitmap = [u64; MAX_GROUP_RECORDS / 64];

#[derive(Debug, Clone)]
struct Entry {
    records: u16,
    waiting: u16,
    /// Absent while none or all are acknowledged.
    acknowledged: Option<Box<Bitmap>>,
    /// The payload was given up: all acknowledged, and the space was needed.
    released: bool,
    /// Milliseconds since the spool was opened.
    appended_ms: u64,
}

/// Room for so many groups is kept, whatever the backlog.
const KEPT_CAPACITY: usize = 1024;

/// What is known of every group.
#[derive(Debug, Default)]
pub(crate) struct Index {
    first: u64,
    /// Groups below this are wholly acknowledged.
    low_water: u64,
    /// From the low-water mark on.
    entries: VecDeque<Entry>,
    waiting_records: u64,
    /// Groups whose acknowledgements are not in the database yet.
    unsaved: BTreeSet<u64>,
    /// Wholly acknowledged groups above the low-water mark with their payload.
    releasable: BTreeSet<u64>,
}

/// How far a group is acknowledged, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acknowledged {
    Partly(Bitmap),
    Wholly,
}

impl Index {
    pub(crate) fn new(first: u64) -> Self {
        Self { first, low_water: first, ..Self::default() }
    }

    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    pub(crate) fn next(&self) -> u64 {
        self.low_water + self.entries.len() as u64
    }

    pub(crate) fn low_water(&self) -> u64 {
        self.low_water
    }

    pub(crate) fn waiting_records(&self) -> u64 {
        self.waiting_records
    }

    /// When the oldest group with a waiting record was appended.
    pub(crate) fn oldest_waiting_ms(&self) -> Option<u64> {
        self.entries.front().map(|entry| entry.appended_ms)
    }

    /// The next group, with this many records, of which none is acknowledged.
    pub(crate) fn push(&mut self, records: u16, released: bool, appended_ms: u64) {
        let records = records.clamp(1, MOST_RECORDS);
        self.waiting_records += u64::from(records);
        self.entries.push_back(Entry {
            records,
            waiting: records,
            acknowledged: None,
            released,
            appended_ms,
        });
    }

    /// A group turned out to have another number of records than its row said.
    pub(crate) fn correct(&mut self, sequence: u64, records: u16) {
        let Some(entry) = self.entry_mut(sequence) else { return };
        if entry.records == records || entry.waiting == 0 {
            return;
        }
        let done = entry.acknowledged.as_deref().map_or(0, |bitmap| count(bitmap, records));
        let (before, after) = (entry.waiting, records.saturating_sub(done));
        entry.records = records;
        entry.waiting = after;
        self.waiting_records = self.waiting_records - u64::from(before) + u64::from(after);
        self.settle(sequence);
    }

    /// Acknowledge one record. Again, or one that does not exist, changes nothing.
    pub(crate) fn acknowledge(&mut self, position: Position) {
        let Some(entry) = self.entry_mut(position.sequence) else { return };
        if entry.waiting == 0 || position.index >= entry.records {
            return;
        }
        let bitmap = entry.acknowledged.get_or_insert_default();
        let (word, bit) = (usize::from(position.index / 64), 1u64 << (position.index % 64));
        if bitmap[word] & bit != 0 {
            return;
        }
        bitmap[word] |= bit;
        entry.waiting -= 1;
        self.waiting_records -= 1;
        self.unsaved.insert(position.sequence);
        self.settle(position.sequence);
    }

    /// Acknowledge what is left of a group.
    pub(crate) fn acknowledge_group(&mut self, sequence: u64) {
        let Some(entry) = self.entry_mut(sequence) else { return };
        if entry.waiting == 0 {
            return;
        }
        let waiting = std::mem::take(&mut entry.waiting);
        self.waiting_records -= u64::from(waiting);
        self.unsaved.insert(sequence);
        self.settle(sequence);
    }

    /// Acknowledge everything below a group.
    pub(crate) fn acknowledge_up_to(&mut self, sequence: u64) {
        for done in self.low_water..sequence.min(self.next()) {
            self.acknowledge_group(done);
        }
    }

    /// What was stored, at opening.
    pub(crate) fn restore(&mut self, sequence: u64, stored: Acknowledged) {
        match stored {
            Acknowledged::Wholly => self.acknowledge_group(sequence),
            Acknowledged::Partly(bitmap) => {
                // Something in it waits, so a row that says otherwise is wrong: its group is lost, or its count damaged. Reading it
                // tells; to take it for done would lose what waits.
                let records = self.entry(sequence).map_or(0, |entry| entry.records);
                if count(&bitmap, records) >= records {
                    self.correct(sequence, MOST_RECORDS);
                }
                for index in 0..MOST_RECORDS {
                    if bitmap[usize::from(index / 64)] & (1 << (index % 64)) != 0 {
                        self.acknowledge(Position { sequence, index });
                    }
                }
            }
        }
        self.unsaved.remove(&sequence);
    }

    pub(crate) fn is_acknowledged(&self, position: Position) -> bool {
        let Some(entry) = self.entry(position.sequence) else { return position.sequence < self.low_water };
        entry.waiting == 0
            || entry.acknowledged.as_deref().is_some_and(|bitmap| {
                bitmap[usize::from(position.index / 64)] & (1 << (position.index % 64)) != 0
            })
    }

    pub(crate) fn is_done(&self, sequence: u64) -> bool {
        self.entry(sequence).map_or(sequence < self.low_water, |entry| entry.waiting == 0)
    }

    /// The groups whose acknowledgements are to be stored.
    pub(crate) fn unsaved(&self) -> impl Iterator<Item = (u64, Acknowledged)> {
        self.unsaved.iter().filter_map(|&sequence| {
            if sequence < self.low_water {
                return Some((sequence, Acknowledged::Wholly));
            }
            let entry = self.entry(sequence)?;
            match entry.acknowledged.as_deref() {
                _ if entry.waiting == 0 => Some((sequence, Acknowledged::Wholly)),
                Some(bitmap) => Some((sequence, Acknowledged::Partly(*bitmap))),
                None => None,
            }
        })
    }

    pub(crate) fn has_unsaved(&self) -> bool {
        !self.unsaved.is_empty()
    }

    pub(crate) fn saved(&mut self) {
        self.unsaved.clear();
    }

    /// Groups above the low-water mark whose payload may go, the oldest first.
    pub(crate) fn releasable(&self, most: usize) -> Vec<u64> {
        self.releasable.iter().copied().take(most).collect()
    }

    pub(crate) fn released(&mut self, sequence: u64) {
        self.releasable.remove(&sequence);
        if let Some(entry) = self.entry_mut(sequence) {
            entry.released = true;
        }
    }

    /// Everything below is gone from the database.
    pub(crate) fn forget_below(&mut self, first: u64) {
        self.first = self.first.max(first.min(self.low_water));
        self.unsaved = self.unsaved.split_off(&self.first);
    }

    /// A group was completed, perhaps: move the mark.
    fn settle(&mut self, sequence: u64) {
        let Some(entry) = self.entry_mut(sequence) else { return };
        if entry.waiting > 0 {
            return;
        }
        entry.acknowledged = None;
        if !entry.released {
            self.releasable.insert(sequence);
        }
        while self.entries.pop_front_if(|entry| entry.waiting == 0).is_some() {
            self.releasable.remove(&self.low_water);
            self.low_water += 1;
        }
        // What a long backlog took is given back when it is gone.
        if self.entries.capacity() > KEPT_CAPACITY && self.entries.len() < self.entries.capacity() / 8 {
            self.entries.shrink_to((self.entries.len() * 2).max(KEPT_CAPACITY));
        }
    }

    fn entry(&self, sequence: u64) -> Option<&Entry> {
        self.entries.get(usize::try_from(sequence.checked_sub(self.low_water)?).ok()?)
    }

    fn entry_mut(&mut self, sequence: u64) -> Option<&mut Entry> {
        self.entries.get_mut(usize::try_from(sequence.checked_sub(self.low_water)?).ok()?)
    }
}

/// How many of the first `records` bits are set.
fn count(bitmap: &Bitmap, records: u16) -> u16 {
    let set = (0..records.min(MOST_RECORDS))
        .filter(|index| bitmap[usize::from(index / 64)] & (1 << (index % 64)) != 0)
        .count();
    u16::try_from(set).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests;
