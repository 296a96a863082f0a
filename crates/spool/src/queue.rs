//! What stands between the callers and the writer's thread: one lock, one bell.

use std::{
    collections::VecDeque,
    sync::{Arc, mpsc::SyncSender},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

use crate::{
    Class, Page, Position, SpoolError, Which,
    desk::{Desk, Waiter},
    lingering::Lingering,
    options::{MAX_GROUP_BYTES, MAX_GROUP_RECORDS},
    space::Space,
    tail::Tail,
};

/// Shared by all handles and the writer.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) queue: Mutex<Queue>,
    pub(crate) bell: Condvar,
    /// Where readers look first.
    pub(crate) tail: Mutex<Tail>,
    /// The sequence of the next group, for readers that wait for it. Sent again when the spool ends.
    pub(crate) next: watch::Sender<u64>,
}

/// What waits for the writer, and what it last said.
#[derive(Debug)]
pub(crate) struct Queue {
    /// Records that somebody waits for.
    pub(crate) records: VecDeque<Waiting>,
    /// Records that nobody waits for yet.
    pub(crate) lingering: Lingering,
    pub(crate) acknowledgements: Vec<Acknowledgement>,
    pub(crate) acknowledged_at_micros: i64,
    pub(crate) requests: VecDeque<Request>,
    pub(crate) space: Space,
    pub(crate) identities: Identities,
    pub(crate) poisoned: Option<Arc<str>>,
    pub(crate) closing: bool,
    pub(crate) seen: Seen,
    /// Since when the writer has been at what it took last.
    pub(crate) working_since: Option<Instant>,
    /// Until when records that somebody waits for wait for company.
    pub(crate) company_until: Option<Instant>,
    /// When the first of the waiting acknowledgements came.
    pub(crate) acknowledgements_since: Option<Instant>,
}

/// A record that waits to be written.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) class: Class,
    pub(crate) kind: u8,
    pub(crate) bytes: Vec<u8>,
    pub(crate) receipt: Waiter,
    /// Where whoever waits is told.
    pub(crate) desk: Option<Arc<Desk>>,
}

/// What is acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Acknowledgement {
    Records(Vec<Position>),
    Group(u64),
    UpTo(u64),
}

/// What the writer is asked, beside writing. The answer goes to whoever waits for it.
#[derive(Debug)]
pub(crate) enum Request {
    Read { from: u64, most: usize, which: Which, answer: SyncSender<Result<Page, SpoolError>> },
    Forget { before_micros: i64, below: u64, answer: SyncSender<Result<u64, SpoolError>> },
    Flush { answer: SyncSender<Result<(), SpoolError>> },
}

/// Identities that may be given out: a block of them is durably reserved ahead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identities {
    pub(crate) next: i64,
    /// Reserved up to here, without it.
    pub(crate) end: i64,
}

/// What the writer says after each commit.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    pub(crate) first: u64,
    pub(crate) next: u64,
    pub(crate) low_water: u64,
    pub(crate) waiting_records: u64,
    pub(crate) oldest_waiting: Option<Instant>,
    pub(crate) commits: u64,
    pub(crate) committed_records: u64,
    pub(crate) damaged_groups: u64,
}

/// Groups in one commit: where an fsync takes long, a second's worth of a busy gateway still goes with one or two.
const MAX_GROUPS_PER_COMMIT: usize = 16;
/// How long records wait for company after a commit of several, for each of them but the first, and at most. Most of what
/// a commit costs is not its records, so where many come at once it pays to write fewer of larger ones; one that comes alone never waits.
const COMPANY_LINGER_EACH: Duration = Duration::from_micros(125);
const COMPANY_LINGER: Duration = Duration::from_micros(500);
/// How long acknowledgements wait for a group to be committed with. One that is lost means a delivery again, nothing worse.
const ACKNOWLEDGEMENT_LINGER: Duration = Duration::from_millis(50);
/// A turn of the writer that takes this long waits for a disk that does not answer: folding a long log takes a second or two.
const STALLED_AFTER: Duration = Duration::from_secs(5);

impl Queue {
    /// Whether new work may be admitted.
    pub(crate) fn check_admission(&self) -> Result<(), SpoolError> {
        self.check()?;
        self.space.check_admission()?;
        match self.working_since.map(|since| since.elapsed()) {
            Some(since) if since > STALLED_AFTER => Err(SpoolError::Stalled { since }),
            _ => Ok(()),
        }
    }

    /// Whether the spool still takes work.
    pub(crate) fn check(&self) -> Result<(), SpoolError> {
        match &self.poisoned {
            Some(reason) => Err(SpoolError::Poisoned { reason: Arc::clone(reason) }),
            None if self.closing => Err(SpoolError::Closed),
            None => Ok(()),
        }
    }

    /// The next groups, each up to its limits, to be committed together: what somebody waits for, and what has waited for company long
    /// enough. On a disk that is full only one, so that as much as can be still finds its place.
    pub(crate) fn take_groups(&mut self, now: Instant) -> Vec<Vec<Waiting>> {
        if self.closing || !self.requests.is_empty() || self.lingering.is_due(now) {
            self.records.extend(self.lingering.drain());
        }
        let most = if self.space.is_reserve_released() { 1 } else { MAX_GROUPS_PER_COMMIT };
        let groups: Vec<Vec<Waiting>> = std::iter::from_fn(|| self.take_group()).take(most).collect();
        let company = groups.iter().map(Vec::len).sum::<usize>().saturating_sub(1);
        let linger = COMPANY_LINGER_EACH.saturating_mul(u32::try_from(company).unwrap_or(u32::MAX));
        self.company_until = Some(now + linger.min(COMPANY_LINGER));
        groups
    }

    fn take_group(&mut self) -> Option<Vec<Waiting>> {
        let mut bytes = 0;
        let fits = |record: &&Waiting| {
            bytes += record.bytes.len();
            bytes <= MAX_GROUP_BYTES
        };
        let most = self.records.iter().take(MAX_GROUP_RECORDS).take_while(fits).count();
        (most > 0).then(|| self.records.drain(..most).collect())
    }

    /// Whether nothing is left to be written.
    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.lingering.is_empty()
    }

    /// How many records are to be written.
    pub(crate) fn len(&self) -> usize {
        self.records.len() + self.lingering.len()
    }

    /// How long until there is something to do; nothing, if only a bell can tell.
    pub(crate) fn due_in(&self, now: Instant) -> Option<Duration> {
        if self.closing || !self.requests.is_empty() {
            return Some(Duration::ZERO);
        }
        if !self.records.is_empty() {
            let company = self.company_until.map(|until| until.saturating_duration_since(now));
            return Some(company.unwrap_or_default());
        }
        let acknowledgements = self.acknowledgements_since.map(|since| since + ACKNOWLEDGEMENT_LINGER);
        let due = self.lingering.due_at().into_iter().chain(acknowledgements).min()?;
        Some(due.saturating_duration_since(now))
    }
}

impl Shared {
    /// Nothing is taken any more. The first reason stays.
    pub(crate) fn set_poisoned(&self, reason: String) -> SpoolError {
        let reason = Arc::clone(self.queue.lock().poisoned.get_or_insert_with(|| {
            tracing::error!(reason, "the spool is poisoned: it takes nothing more until it is opened again");
            reason.into()
        }));
        SpoolError::Poisoned { reason }
    }

    /// The same, and everything that waits is told: nothing of that was written.
    pub(crate) fn poison(&self, reason: String) -> SpoolError {
        let error = self.set_poisoned(reason);
        let mut queue = self.queue.lock();
        let waiting = &mut *queue;
        for record in waiting.records.drain(..).chain(waiting.lingering.drain()) {
            record.receipt.send(Err(error.clone())).ok();
        }
        // Dropping a request tells whoever waits for its answer.
        queue.requests.clear();
        drop(queue);
        self.next.send_modify(|_| ());
        error
    }
}
