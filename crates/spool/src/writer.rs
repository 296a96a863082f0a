//! The thread that owns the database: takes what waits, commits it once, tells everybody.
//!
//! Nothing that failed is tried again, with one exception: when the file system is full, SQLite has rolled back before any commit,
//! so the reserve is given up and the group is written once more, without the admissions in it.

use std::{
    fs::File,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use tollgate_failpoints::{Point, hit};

use crate::{
    Class, Group, Level, Position, Record, SpoolError,
    database::Transaction,
    desk,
    directory::remove_if_there,
    error::chain,
    group,
    open::Opened,
    queue::{Acknowledgement, Identities, Request, Seen, Shared, Waiting},
    read,
    space::set_reserve_aside,
    state::State,
};

/// Identities reserved ahead. A crash skips at most this many.
pub(crate) const IDENTITY_BLOCK: i64 = 1 << 20;
/// How often a reserve that was given up is tried to be set aside again, as nobody tells when a file system has space.
const RESERVE_RETRY: Duration = Duration::from_secs(1);
/// Groups forgotten in one transaction, so that it stays short.
const FORGET_AT_ONCE: u64 = 4096;
/// Groups given up in one transaction when space is short: each takes more than the one group that came.
const GIVE_UP_AT_ONCE: usize = 64;

const WRITER_PANICKED: &str = "its writer panicked";

/// The writer and what it owns.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    opened: Opened,
    reserve_bytes: u64,
    seen: Seen,
    /// Groups below this were confirmed, or were found at opening.
    confirmed: u64,
    level: Level,
    mark_failed: bool,
    retry_at: Instant,
    /// Bytes of the database's free pages: space that is ours already.
    free_bytes: u64,
    /// Acknowledgements were stored since the last look at the space.
    space_may_have_come: bool,
    /// When the last of the acknowledgements came, by the caller's clock.
    acknowledged_at_micros: i64,
}

/// One turn's work.
struct Turn {
    groups: Vec<Vec<Waiting>>,
    acknowledgements: Vec<Acknowledgement>,
    acknowledged_at_micros: i64,
    requests: Vec<Request>,
    /// The queue was closed, and this is the rest of it.
    last: bool,
}

impl Writer {
    /// With what was opened, and with its block of identities reserved.
    pub(crate) fn start(shared: Arc<Shared>, opened: Opened, reserve_bytes: u64) -> Result<Self, SpoolError> {
        let mut writer = Self {
            shared,
            confirmed: opened.state.next,
            opened,
            reserve_bytes,
            seen: Seen::default(),
            level: Level::Normal,
            mark_failed: false,
            retry_at: Instant::now() + RESERVE_RETRY,
            free_bytes: 0,
            space_may_have_come: false,
            acknowledged_at_micros: 0,
        };
        if let Some(files) = &writer.opened.files {
            files.directory.sync()?;
        }
        writer.publish()?;
        writer.shared.next.send_replace(writer.seen.next);
        writer.set_reserve_aside();
        {
            let mut queue = writer.shared.queue.lock();
            let end = writer.opened.state.identities;
            queue.identities = Identities { next: writer.opened.next_identity, end };
        }
        writer.mark();
        Ok(writer)
    }

    /// Work until the spool is closed or poisoned. A panic poisons it too, so that nobody waits for ever.
    pub(crate) fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| {
            loop {
                let turn = self.wait();
                let last = turn.last;
                if let Err(error) = self.work(turn) {
                    return self.poison(&error);
                }
                if last {
                    return self.close();
                }
            }
        }));
        if outcome.is_err() {
            shared.poison(WRITER_PANICKED.into());
        }
    }

    fn wait(&mut self) -> Turn {
        let mut queue = self.shared.queue.lock();
        queue.working_since = None;
        loop {
            let now = Instant::now();
            let retry =
                queue.space.is_reserve_released().then(|| self.retry_at.saturating_duration_since(now));
            match queue.due_in(now).into_iter().chain(retry).min() {
                Some(now_or_never) if now_or_never.is_zero() => break,
                Some(later) => {
                    self.shared.bell.wait_for(&mut queue, later);
                }
                None => self.shared.bell.wait(&mut queue),
            }
        }
        let now = Instant::now();
        if self.retry_at <= now {
            self.retry_at = now + RESERVE_RETRY;
            self.space_may_have_come = true;
        }
        let groups = queue.take_groups(now);
        queue.working_since = Some(now);
        queue.acknowledgements_since = None;
        Turn {
            last: queue.closing && queue.is_empty(),
            groups,
            acknowledgements: std::mem::take(&mut queue.acknowledgements),
            acknowledged_at_micros: queue.acknowledged_at_micros,
            // Requests see what was appended before them: they wait for the rest of the queue.
            requests: if queue.is_empty() { queue.requests.drain(..).collect() } else { Vec::new() },
        }
    }

    fn work(&mut self, turn: Turn) -> Result<(), SpoolError> {
        self.acknowledged_at_micros = turn.acknowledged_at_micros;
        for acknowledgement in turn.acknowledgements {
            match acknowledgement {
                Acknowledgement::Records(positions) => {
                    for position in positions {
                        self.opened.index.acknowledge(position);
                    }
                }
                Acknowledgement::Group(sequence) => self.opened.index.acknowledge_group(sequence),
                Acknowledgement::UpTo(sequence) => self.opened.index.acknowledge_up_to(sequence),
            }
        }
        let outcome = self.commit(turn.groups, turn.acknowledged_at_micros).and_then(|()| self.keep_house());
        for request in turn.requests {
            self.answer(request, outcome.as_ref().err())?;
        }
        outcome
    }

    /// Write groups with everything else that is due, and tell those who wait for them. What fails is void before they are told so.
    fn commit(&mut self, mut groups: Vec<Vec<Waiting>>, at_micros: i64) -> Result<(), SpoolError> {
        // A panic is held until the groups are void, as those who wait take the end of their records for a failure.
        match std::panic::catch_unwind(AssertUnwindSafe(|| self.try_commit(&mut groups, at_micros))) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                self.refuse(groups, chain(&error));
                Err(error)
            }
            Err(panic) => {
                self.refuse(groups, WRITER_PANICKED.into());
                std::panic::resume_unwind(panic)
            }
        }
    }

    /// The commit of these groups failed, in whole or before anybody was told. Whether they are on the disk, nobody knows; they must not count.
    fn refuse(&self, groups: Vec<Vec<Waiting>>, reason: String) {
        let poisoned = self.shared.set_poisoned(reason);
        if let Some(files) = self.opened.files.as_ref().filter(|_| !groups.is_empty()) {
            files.end_at(&State { next: self.confirmed, ..self.opened.state });
        }
        for record in groups.into_iter().flatten() {
            // A receiver that is gone does not want to know.
            record.receipt.send(Err(poisoned.clone())).ok();
        }
    }

    /// As [`Writer::commit`]. What is left of the groups after an error was not confirmed.
    fn try_commit(&mut self, groups: &mut Vec<Vec<Waiting>>, at_micros: i64) -> Result<(), SpoolError> {
        let state = self.due_state();
        if groups.is_empty() && !self.opened.index.has_unsaved() && state.is_none() {
            return Ok(());
        }
        let has_records = !groups.is_empty();
        if has_records {
            hit(Point::SpoolBeforeCommit);
        }
        let taken: Vec<usize> = groups.iter().flatten().map(|record| record.bytes.len()).collect();
        let mut result = self.write(groups, at_micros, state);
        if let Err(error) = &result
            && error.is_disk_full()
        {
            tracing::error!(
                "the file system of the spool is full: the reserve is given up, new admissions are refused"
            );
            self.release_reserve()?;
            let is_admission = |record: &mut Waiting| record.class == Class::Admission;
            for record in groups.iter_mut().flat_map(|group| group.extract_if(.., is_admission)) {
                // A receiver that is gone does not want to know.
                record.receipt.send(Err(SpoolError::DiskFull)).ok();
            }
            groups.retain(|group| !group.is_empty());
            result = self.write(groups, at_micros, state);
            if groups.is_empty() && result.as_ref().is_err_and(SpoolError::is_disk_full) {
                self.release_last_reserve()?;
                result = self.write(groups, at_micros, state);
            }
        }
        let sequence = self.opened.state.next;
        match result {
            Ok(()) => self.committed(groups, state),
            Err(error) if error.is_disk_full() => {
                tracing::error!(
                    records = groups.iter().map(Vec::len).sum::<usize>(),
                    "the file system of the spool is full, and the reserve is used up"
                );
                for record in groups.drain(..).flatten() {
                    record.receipt.send(Err(SpoolError::DiskFull)).ok();
                }
            }
            Err(error) => return Err(error),
        }
        {
            let mut queue = self.shared.queue.lock();
            for bytes in taken {
                queue.space.give_back(bytes);
            }
        }
        self.publish()?;
        self.tell(sequence, std::mem::take(groups));
        if has_records {
            hit(Point::SpoolTold);
        }
        Ok(())
    }

    /// Confirm the records of groups that are committed, and hand them to readers.
    fn tell(&mut self, first: u64, groups: Vec<Vec<Waiting>>) {
        if groups.is_empty() {
            return;
        }
        // From here on they count: readers have them.
        self.confirmed = first + groups.len() as u64;
        let mut receipts = Vec::with_capacity(groups.iter().map(Vec::len).sum());
        let mut next = first;
        {
            let mut tail = self.shared.tail.lock();
            for (sequence, group) in (first..).zip(groups) {
                let mut records = Vec::with_capacity(group.len());
                for (index, Waiting { kind, bytes, receipt, desk, .. }) in (0..).zip(group) {
                    let position = Position { sequence, index };
                    records.push((position, Record { kind, bytes }));
                    receipts.push((desk, receipt, Ok(position)));
                }
                tail.push(Group { sequence, acknowledged_at_micros: None, records });
                next = sequence + 1;
            }
        }
        self.shared.next.send_replace(next);
        desk::tell(receipts.into_iter());
    }

    fn write(
        &mut self,
        groups: &[Vec<Waiting>],
        at_micros: i64,
        state: Option<State>,
    ) -> Result<(), SpoolError> {
        let encoded = (self.opened.state.next..).zip(groups).map(|(sequence, group)| {
            let records = group.iter().map(|record| (record.kind, record.bytes.as_slice()));
            let payload = group::encode(sequence, records);
            (sequence, u16::try_from(group.len()).unwrap_or(u16::MAX), payload)
        });
        self.opened.database.write(&Transaction {
            groups: &encoded.collect::<Vec<_>>(),
            acknowledged: self.opened.index.unsaved().collect(),
            acknowledged_at_micros: at_micros,
            state,
            ..Transaction::default()
        })
    }

    fn committed(&mut self, groups: &[Vec<Waiting>], state: Option<State>) {
        if let Some(state) = state {
            self.opened.state.identities = state.identities;
            self.shared.queue.lock().identities.end = state.identities;
        }
        if self.opened.index.has_unsaved() {
            hit(Point::AcknowledgementStored);
            self.space_may_have_come = true;
        }
        self.opened.index.saved();
        if !groups.is_empty() {
            hit(Point::SpoolCommitted);
            self.seen.commits += 1;
        }
        for group in groups {
            let records = u16::try_from(group.len()).unwrap_or(u16::MAX);
            self.opened.index.push(records, false, self.now_ms());
            self.opened.state.next += 1;
            self.seen.committed_records += u64::from(records);
        }
        self.mark();
        if !groups.is_empty() {
            hit(Point::SpoolMarked);
        }
    }

    /// The state to be written, when more than half of the reserved identities are given out.
    fn due_state(&self) -> Option<State> {
        let next = self.shared.queue.lock().identities.next;
        let state = self.opened.state;
        (state.identities - next < IDENTITY_BLOCK / 2)
            .then(|| state.identities.checked_add(IDENTITY_BLOCK))
            .flatten()
            .map(|identities| State { identities, ..state })
    }

    fn mark(&mut self) {
        let Some(files) = &self.opened.files else { return };
        match files.mark.write(&self.opened.state) {
            Ok(()) => self.mark_failed = false,
            Err(error) if !self.mark_failed => {
                self.mark_failed = true;
                tracing::warn!(%error, "the mark of the spool cannot be written: a lost tail would not be noticed");
            }
            Err(_) => {}
        }
    }

    /// Fold the log, make room where it is short, take the reserve back when there is room again.
    fn keep_house(&mut self) -> Result<(), SpoolError> {
        if let Err(error) = self.opened.database.checkpoint_if_due() {
            if !error.is_disk_full() {
                return Err(error);
            }
            self.release_reserve()?;
            // Half of the reserve may be enough to fold; if not, the other half is kept for nothing else.
            match self.opened.database.checkpoint_if_due() {
                Err(error) if error.is_disk_full() => {
                    self.release_last_reserve()?;
                    match self.opened.database.checkpoint_if_due() {
                        Err(error) if !error.is_disk_full() => return Err(error),
                        _ => {}
                    }
                }
                outcome => outcome?,
            }
        }
        while self.shared.queue.lock().space.is_under_pressure() && self.make_room()? {}
        let (over, released) = {
            let queue = self.shared.queue.lock();
            (queue.space.is_over_the_limit(), queue.space.is_reserve_released())
        };
        if over && !released {
            self.release_reserve()?;
        }
        if released && self.space_may_have_come && self.shared.queue.lock().space.has_room() {
            self.set_reserve_aside();
        }
        self.space_may_have_come = false;
        self.tell_level();
        Ok(())
    }

    /// Give up the oldest groups that are acknowledged. Tells whether there were any.
    fn make_room(&mut self) -> Result<bool, SpoolError> {
        let index = &self.opened.index;
        let first = index.low_water().min(index.first() + GIVE_UP_AT_ONCE as u64);
        let release = if first > index.first() { Vec::new() } else { index.releasable(GIVE_UP_AT_ONCE) };
        if first == index.first() && release.is_empty() {
            return Ok(false);
        }
        self.give_up(first, release)
    }

    /// Forget groups below `first`, and the payloads of others.
    fn give_up(&mut self, first: u64, release: Vec<u64>) -> Result<bool, SpoolError> {
        let state = State { first, ..self.opened.state };
        // With the acknowledgements that it goes by: a crash must not find a payload gone and nothing that says why.
        let transaction = Transaction {
            state: Some(state),
            forget_below: Some(first),
            release,
            acknowledged: self.opened.index.unsaved().collect(),
            acknowledged_at_micros: self.acknowledged_at_micros,
            ..Transaction::default()
        };
        let mut written = self.opened.database.write(&transaction);
        if written.as_ref().is_err_and(SpoolError::is_disk_full) {
            self.release_last_reserve()?;
            written = self.opened.database.write(&transaction);
        }
        match written {
            Ok(()) => {}
            Err(error) if error.is_disk_full() => return Ok(false),
            Err(error) => return Err(error),
        }
        hit(Point::SpoolForgotten);
        self.opened.state = state;
        self.opened.index.saved();
        self.opened.index.forget_below(first);
        for sequence in transaction.release {
            self.opened.index.released(sequence);
        }
        self.space_may_have_come = true;
        self.mark();
        self.publish()?;
        Ok(true)
    }

    /// On a file system that is still full, free pages of the database are as good: the file does not shrink.
    fn set_reserve_aside(&mut self) {
        let Some(files) = &self.opened.files else { return };
        let half = self.reserve_bytes / 2;
        let set = set_reserve_aside(&files.directory.last_reserve(), half)
            .and_then(|()| set_reserve_aside(&files.directory.reserve(), self.reserve_bytes - half));
        let is_there = set.is_ok() || self.free_bytes >= self.reserve_bytes;
        if let Err(error) = &set
            && !self.shared.queue.lock().space.is_reserve_released()
        {
            tracing::error!(%error, is_there, "the reserve of the spool cannot be set aside; without one, new admissions are refused");
        }
        let mut queue = self.shared.queue.lock();
        queue.space.reserve_is_released(!is_there);
        if is_there {
            queue.space.last_reserve_is_released(false);
        }
    }

    fn release_last_reserve(&mut self) -> Result<(), SpoolError> {
        let was_released = {
            let mut queue = self.shared.queue.lock();
            queue.space.reserve_is_released(true);
            queue.space.last_reserve_is_released(true)
        };
        if !was_released {
            tracing::error!(
                "the last reserve of the spool is given up: until there is room, only acknowledgements are written"
            );
        }
        let Some(files) = &self.opened.files else { return Ok(()) };
        remove_if_there(&files.directory.reserve())?;
        remove_if_there(&files.directory.last_reserve())
    }

    fn release_reserve(&mut self) -> Result<(), SpoolError> {
        self.shared.queue.lock().space.reserve_is_released(true);
        match &self.opened.files {
            Some(files) => remove_if_there(&files.directory.reserve()),
            None => Ok(()),
        }
    }

    /// Say it once when the level changes.
    fn tell_level(&mut self) {
        let (level, used, limit) = {
            let queue = self.shared.queue.lock();
            (queue.space.level(), queue.space.total(), queue.space.limit())
        };
        if level > self.level {
            tracing::warn!(?level, used_bytes = used, limit_bytes = limit, "the spool is filling up");
        } else if level < self.level {
            tracing::info!(?level, used_bytes = used, limit_bytes = limit, "the spool has room again");
        }
        self.level = level;
    }

    fn answer(&mut self, request: Request, failed: Option<&SpoolError>) -> Result<(), SpoolError> {
        // Whoever asked and has gone does not want the answer.
        match request {
            Request::Flush { answer } => {
                answer.send(failed.map_or(Ok(()), |error| Err(self.shared.poison(chain(error))))).ok()
            }
            Request::Read { from, most, which, answer } => {
                let read = read::read(&mut self.opened, from, most, which);
                if let Ok((_, newly_damaged)) = &read {
                    self.seen.damaged_groups += newly_damaged;
                    self.shared.queue.lock().seen.damaged_groups = self.seen.damaged_groups;
                }
                answer.send(read.map(|(page, _)| page)).ok()
            }
            Request::Forget { before_micros, below, answer } => {
                let forgotten = failed.cloned().map_or_else(|| self.forget(before_micros, below), Err);
                let outcome = forgotten.as_ref().map(|_| ()).map_err(Clone::clone);
                let told = forgotten.map_err(|error| self.shared.poison(chain(&error)));
                answer.send(told).ok();
                return outcome;
            }
        };
        Ok(())
    }

    /// Forget what was acknowledged before a time, up to `below`, or the first group for which that is not so.
    fn forget(&mut self, before_micros: i64, below: u64) -> Result<u64, SpoolError> {
        let (first, low_water) = (self.opened.index.first(), self.opened.index.low_water());
        let mut end = first;
        while end < low_water.min(first + FORGET_AT_ONCE).min(below) {
            match self.opened.database.acknowledgement(end)? {
                Some(stored) if stored.at_micros < before_micros => end += 1,
                _ => break,
            }
        }
        if end == first {
            return Ok(0);
        }
        hit(Point::SpoolForgetting);
        Ok(if self.give_up(end, Vec::new())? { end - first } else { 0 })
    }

    /// Measure, and let everybody see.
    fn publish(&mut self) -> Result<(), SpoolError> {
        let (used, free) = self.opened.database.measure()?;
        self.free_bytes = free;
        let index = &self.opened.index;
        self.seen.first = index.first();
        self.seen.next = index.next();
        self.seen.low_water = index.low_water();
        self.seen.waiting_records = index.waiting_records();
        self.seen.oldest_waiting = index
            .oldest_waiting_ms()
            .map(|milliseconds| self.opened.since + Duration::from_millis(milliseconds));
        let mut queue = self.shared.queue.lock();
        queue.space.measured(used);
        queue.seen = self.seen;
        Ok(())
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.opened.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn poison(self, error: &SpoolError) {
        self.shared.poison(chain(error));
        if let Some(files) = self.opened.files.as_ref().filter(|_| error.is_corruption())
            && let Err(error) = File::create(files.directory.rebuild_wanted())
        {
            tracing::warn!(%error, "no note of the damage could be left for the next start");
        }
        // The log stays as it is: folding it now would be the retry that must not happen.
        if let Err(error) = self.opened.database.close() {
            tracing::warn!(%error, "the poisoned spool was not closed cleanly");
        }
    }

    /// The queue is empty: give identities that were not used back, fold the log, end.
    fn close(mut self) {
        hit(Point::SpoolClosing);
        let mut state = self.opened.state;
        state.identities = self.shared.queue.lock().identities.next;
        let written = self
            .opened
            .database
            .write(&Transaction { state: Some(state), ..Transaction::default() })
            .and_then(|()| self.opened.database.checkpoint_whole());
        match written {
            Ok(()) => {
                hit(Point::SpoolClosed);
                self.opened.state = state;
                let marked =
                    self.opened.files.as_ref().map(|files| files.mark.write_and_sync(&self.opened.state));
                if let Some(Err(error)) = marked {
                    tracing::warn!(%error, "the mark of the spool cannot be written and fsynced");
                }
            }
            Err(error) => tracing::error!(
                reason = chain(&error),
                "the spool was not closed cleanly; opening it reads what is there"
            ),
        }
        if let Err(error) = self.opened.database.close() {
            tracing::warn!(%error, "the database of the spool was not closed cleanly");
        }
    }
}
