//! Records that nobody waits for yet. They are held for company, for a moment; and whoever appended one can take it back while it is here.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::{options::MAX_GROUP_RECORDS, queue::Waiting};

/// How long a record that nobody waits for is held.
const LINGER: Duration = Duration::from_millis(1);

/// Records in the order in which they came, each with a number by which it is found again.
#[derive(Debug, Default)]
pub(crate) struct Lingering {
    /// A place is empty where a record was taken out of the middle; the first one never is.
    places: VecDeque<Option<(Instant, Waiting)>>,
    /// The number of the first place.
    first: u64,
    /// Places that are not empty.
    records: usize,
}

impl Lingering {
    /// Takes a record; returns its number.
    pub(crate) fn push(&mut self, since: Instant, record: Waiting) -> u64 {
        self.places.push_back(Some((since, record)));
        self.records += 1;
        self.first + self.places.len() as u64 - 1
    }

    /// Gives back the record of that number, if it is still here.
    pub(crate) fn remove(&mut self, number: u64) -> Option<Waiting> {
        let place = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let (_, record) = self.places.get_mut(place)?.take()?;
        self.records -= 1;
        while let Some(None) = self.places.front() {
            self.places.pop_front();
            self.first += 1;
        }
        Some(record)
    }

    /// Gives back everything.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Waiting> {
        self.first += self.places.len() as u64;
        self.records = 0;
        self.places.drain(..).flatten().map(|(_, record)| record)
    }

    /// When what is here is to be written.
    pub(crate) fn due_at(&self) -> Option<Instant> {
        let (since, _) = self.places.front()?.as_ref()?;
        Some(if self.records < MAX_GROUP_RECORDS { *since + LINGER } else { *since })
    }

    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.due_at().is_some_and(|due| due <= now)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.records == 0
    }

    pub(crate) const fn len(&self) -> usize {
        self.records
    }
}

#[cfg(test)]
mod tests;
