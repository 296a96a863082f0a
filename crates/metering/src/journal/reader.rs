//! Reading the log in its order: which requests are open, which ends go to the books, and how many there were. Pure.
//!
//! The books name, in the transaction that writes the records, how far in the log they reach ([`LogMark`]). So whoever reads the log
//! knows of each entry whether it was counted: those before the mark were, whatever became of the process that counted them.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use tokio::time::Instant;
use tollgate_domain::{CorrelationId, InstanceId, Outcome, RawAnalyticsRecord};
use tollgate_spool as spool;
use tollgate_store::instances::{LogMark, Stand};

use super::wire::{Admitted, Entry, Finished};
use crate::Position;
use crate::delivery::{Reach, Spooled};

/// What becomes of one entry.
#[derive(Debug)]
pub(super) enum Step {
    /// Nothing yet: its request is open.
    Open,
    /// It is in the books already; only the spool does not know.
    Known(Spooled),
    /// It goes to the books.
    Deliver(Box<Delivered>),
}

/// An end on its way to the books.
#[derive(Debug)]
pub(super) struct Delivered {
    pub(super) record: RawAnalyticsRecord,
    pub(super) spooled: Spooled,
    /// What the books reach once everything up to this record is in them.
    pub(super) reach: Reach,
    pub(super) ended_at: Instant,
}

/// A request whose end has not been read.
#[derive(Debug)]
struct Open {
    at: spool::Position,
    /// Kept where the life that admitted it is over: it will be settled without an end of its own.
    admitted: Option<Box<Admitted>>,
}

/// Where in the log this life of the process begins, and when that was.
#[derive(Debug, Clone, Copy)]
pub(super) struct Life {
    /// The first group of it.
    pub(super) begins: u64,
    pub(super) started: Instant,
}

/// The state of reading.
#[derive(Debug)]
pub(super) struct Reader {
    life: Life,
    /// Entries before this number are in the books.
    base: i64,
    reached: LogMark,
    position: Position,
    open: HashMap<(InstanceId, CorrelationId), Open, RandomState>,
}

impl Reader {
    /// For reading on from where the books stand.
    pub(super) fn new(life: Life, stand: Stand) -> Self {
        Self {
            life,
            base: stand.mark.log_position,
            reached: stand.mark,
            position: stand.committed_position,
            open: HashMap::default(),
        }
    }

    /// The next entry of the log.
    pub(super) fn read(&mut self, at: spool::Position, entry: Entry) -> Step {
        match entry {
            Entry::Admitted(admitted) => self.admitted(at, admitted),
            Entry::Finished(finished) => self.finished(at, *finished),
        }
    }

    /// Requests of lives that are over, which were open when they ended. Each is told once; they stay open until their ends are read.
    pub(super) fn take_interrupted(&mut self) -> Vec<Admitted> {
        let mut interrupted: Vec<(spool::Position, Admitted)> =
            self.open.values_mut().filter_map(|open| Some((open.at, *open.admitted.take()?))).collect();
        interrupted.sort_by_key(|(at, _)| *at);
        interrupted.into_iter().map(|(_, admitted)| admitted).collect()
    }

    /// What the books reach once all that was read is in them.
    pub(super) fn log_position(&self) -> i64 {
        self.reached.log_position
    }

    /// Requests that are open in the log as far as it was read.
    pub(super) fn open_requests(&self) -> usize {
        self.open.len()
    }

    fn admitted(&mut self, at: spool::Position, admitted: Box<Admitted>) -> Step {
        if number(at) >= self.base {
            self.reached.admitted += 1;
        }
        let key = (admitted.record.instance_id, admitted.record.correlation_id);
        let admitted = (at.sequence < self.life.begins).then_some(admitted);
        self.open.insert(key, Open { at, admitted });
        Step::Open
    }

    fn finished(&mut self, at: spool::Position, finished: Finished) -> Step {
        let Finished { record, position, ended_after_micros, without_admission } = finished;
        let admission = self.open.remove(&(record.instance_id, record.correlation_id));
        let spooled = Spooled { end: at, admission: admission.map(|open| open.at) };
        if number(at) < self.base {
            return Step::Known(spooled);
        }
        // One that is in the log after all was counted there.
        self.reached.admitted += i64::from(without_admission && spooled.admission.is_none());
        if record.outcome == Outcome::Interrupted {
            self.reached.interrupted += 1;
        } else {
            self.reached.finished += 1;
        }
        self.reached.log_position = number(at) + 1;
        let is_of_this_life = at.sequence >= self.life.begins;
        let ended_at = if is_of_this_life {
            self.position = position;
            self.life.started + std::time::Duration::from_micros(ended_after_micros)
        } else {
            Instant::now()
        };
        let reach = Reach { position: self.position, mark: Some(self.reached) };
        Step::Deliver(Box::new(Delivered { record, spooled, reach, ended_at }))
    }
}

/// A place in the log as one number; they rise in its order.
pub(super) fn number(at: spool::Position) -> i64 {
    const _: () = assert!(spool::MAX_GROUP_RECORDS <= 256);
    i64::try_from(at.sequence)
        .unwrap_or(i64::MAX >> 9)
        .saturating_mul(256)
        .saturating_add(i64::from(at.index))
}

/// The group of a number.
pub(super) fn sequence(number: i64) -> u64 {
    number.max(0).cast_unsigned() / 256
}

#[cfg(test)]
mod tests;
