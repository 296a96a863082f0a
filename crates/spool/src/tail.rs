//! Groups that were committed lately, still in memory: a reader that keeps up never reads the disk.

use std::{collections::VecDeque, sync::Arc};

use crate::Group;

/// How much of the newest groups is kept, in bytes of records: seconds of a busy gateway. A reader further behind reads the disk.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// What a record takes beside its bytes, so that a tail of tiny records stays bounded too.
const RECORD_OVERHEAD_BYTES: usize = 64;

/// The newest groups, without a gap, up to the end of the queue.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    groups: VecDeque<Arc<Group>>,
    bytes: usize,
}

impl Tail {
    /// The next group of the queue.
    pub(crate) fn push(&mut self, group: Group) {
        self.bytes += bytes(&group);
        self.groups.push_back(Arc::new(group));
        while self.bytes > MOST_BYTES
            && let Some(oldest) = self.groups.pop_front()
        {
            self.bytes -= bytes(&oldest);
        }
    }

    /// At most so many groups from a sequence on; `None` when that one is not here.
    pub(crate) fn from(&self, sequence: u64, most: usize) -> Option<Vec<Arc<Group>>> {
        let first = self.groups.front()?.sequence;
        let skipped = usize::try_from(sequence.checked_sub(first)?).ok()?;
        Some(self.groups.iter().skip(skipped).take(most).cloned().collect())
            .filter(|found: &Vec<_>| !found.is_empty())
    }
}

fn bytes(group: &Group) -> usize {
    group.records.iter().map(|(_, record)| record.bytes.len() + RECORD_OVERHEAD_BYTES).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Position, Record};

    fn group(sequence: u64, bytes: usize) -> Group {
        let record = Record { kind: 1, bytes: vec![0; bytes] };
        Group {
            sequence,
            acknowledged_at_micros: None,
            records: vec![(Position { sequence, index: 0 }, record)],
        }
    }

    fn sequences(tail: &Tail, from: u64) -> Option<Vec<u64>> {
        Some(tail.from(from, 3)?.iter().map(|group| group.sequence).collect())
    }

    #[test]
    fn the_newest_groups_are_found_by_sequence() {
        let mut tail = Tail::default();
        assert_eq!(sequences(&tail, 1), None);
        for sequence in 5..10 {
            tail.push(group(sequence, 10));
        }
        assert_eq!(sequences(&tail, 4), None);
        assert_eq!(sequences(&tail, 5), Some(vec![5, 6, 7]));
        assert_eq!(sequences(&tail, 8), Some(vec![8, 9]));
        assert_eq!(sequences(&tail, 10), None);
    }

    #[test]
    fn what_does_not_fit_is_forgotten_from_the_oldest_on() {
        let mut tail = Tail::default();
        for sequence in 1..=5 {
            tail.push(group(sequence, MOST_BYTES / 4));
        }
        assert_eq!(sequences(&tail, 2), None);
        assert_eq!(sequences(&tail, 3), Some(vec![3, 4, 5]));
    }
}
