//! The handle: append, read, acknowledge, and what is known at a glance.

use std::{
    fmt,
    io::{self, Write},
    pin::Pin,
    sync::{Arc, mpsc},
    task::{Context, Poll, ready},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use crate::{
    Class, Damage, Delivery, Group, Level, MAX_RECORD_BYTES, OpenReport, Options, Page, Position, Record,
    SpoolError, Which, desk,
    lingering::Lingering,
    open::open,
    queue::{Acknowledgement, Identities, Queue, Request, Seen, Shared, Waiting},
    space::Space,
    tail::Tail,
    writer::Writer,
};

/// Groups that [`Spool::verify`] and [`Spool::dump`] read at once, so that commits are not held up.
const PAGE_GROUPS: usize = 64;

/// A durable queue of opaque records. One handle owns it; share it in an `Arc`. Dropping it closes it.
#[derive(Debug)]
pub struct Spool {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
    instance_id: Uuid,
    report: OpenReport,
}

/// The promise that a record will be durable. To wait, await it; to not wait, drop it: the record is written all the same.
#[derive(Debug)]
#[must_use = "await it, or drop it where nobody needs to know that the record is durable"]
pub struct Receipt {
    told: oneshot::Receiver<Result<Position, SpoolError>>,
    ticket: Option<Ticket>,
}

/// A record that may be held for company, for those who want it hurried or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket(u64);

/// What is known at a glance, for metrics. Counters are since opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// The first group that has not been forgotten.
    pub first: u64,
    /// The sequence of the next group.
    pub next: u64,
    /// Every group below this is acknowledged.
    pub low_water: u64,
    /// Durable records that are not acknowledged.
    pub waiting_records: u64,
    /// Records that are not durable yet.
    pub queued_records: u64,
    /// How long the oldest record that waits has been in the spool; for one from before, since it was opened.
    pub oldest_waiting_age: Option<Duration>,
    /// Bytes of pages in use, with those that are queued.
    pub used_bytes: u64,
    /// The limit that was set.
    pub limit_bytes: u64,
    /// What records of admitted work can still take.
    pub left_for_admitted_bytes: u64,
    /// How full it is.
    pub level: Level,
    /// Group commits: with durability `fsync`, one fsync each.
    pub commits: u64,
    /// Records in them.
    pub committed_records: u64,
    /// Groups that were found damaged.
    pub damaged_groups: u64,
    /// Whether it is poisoned.
    pub poisoned: bool,
}

/// What [`Spool::verify`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    /// Whole groups.
    pub groups: u64,
    /// Records in them.
    pub records: u64,
    /// Bytes of those records.
    pub bytes: u64,
    /// Groups that cannot be delivered.
    pub damaged: Vec<Damage>,
}

impl Spool {
    /// Open the spool in a directory, or make one. Blocks; a million records take a second or two.
    pub fn open(options: &Options) -> Result<Self, SpoolError> {
        let opened = open(options)?;
        let report = opened.report.clone();
        let instance_id = opened.state.instance;
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue {
                records: std::collections::VecDeque::new(),
                lingering: Lingering::default(),
                acknowledgements: Vec::new(),
                acknowledged_at_micros: 0,
                requests: std::collections::VecDeque::new(),
                space: Space::new(options),
                identities: Identities { next: 0, end: 0 },
                poisoned: None,
                closing: false,
                seen: Seen::default(),
                working_since: None,
                company_until: None,
                acknowledgements_since: None,
            }),
            bell: Condvar::new(),
            tail: Mutex::new(Tail::default()),
            next: watch::Sender::new(0),
        });
        let writer = Writer::start(Arc::clone(&shared), opened, options.reserve_bytes)?;
        let thread = std::thread::Builder::new()
            .name("spool".into())
            .spawn(move || writer.run())
            .map_err(SpoolError::io("start the thread of the spool in", &options.directory))?;
        Ok(Self { shared, writer: Mutex::new(Some(thread)), instance_id, report })
    }

    /// The identity of the spool. It stays the same for as long as its directory is kept.
    pub fn instance_id(&self) -> Uuid {
        self.instance_id
    }

    /// What was found at opening.
    pub fn report(&self) -> &OpenReport {
        &self.report
    }

    /// A number that this spool gives out once, ever, however often it is opened again. Numbers rise; a crash skips some.
    pub fn next_identity(&self) -> Result<i64, SpoolError> {
        let mut queue = self.shared.queue.lock();
        queue.check()?;
        if queue.identities.next >= queue.identities.end {
            return Err(SpoolError::NoIdentityReserved);
        }
        let identity = queue.identities.next;
        queue.identities.next += 1;
        Ok(identity)
    }

    /// Gives out no number up to and including this one. Blocks while more are reserved.
    pub fn skip_identities(&self, last: i64) -> Result<(), SpoolError> {
        loop {
            match self.next_identity() {
                Ok(identity) if identity > last => return Ok(()),
                Ok(_) => {}
                // Each turn of the writer reserves another block.
                Err(SpoolError::NoIdentityReserved) => self.flush()?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Take a record. It never blocks: the record is written by the next group commit, and the receipt tells when it is durable. Records
    /// keep the order in which they were appended.
    pub fn append(&self, class: Class, kind: u8, bytes: impl Into<Vec<u8>>) -> Result<Receipt, SpoolError> {
        self.take(class, kind, bytes.into(), false)
    }

    /// As [`Spool::append`], of [`Class::Admitted`], and written without those that are held for company: they may come after it.
    pub fn append_first(&self, kind: u8, bytes: impl Into<Vec<u8>>) -> Result<Receipt, SpoolError> {
        self.take(Class::Admitted, kind, bytes.into(), true)
    }

    fn take(&self, class: Class, kind: u8, bytes: Vec<u8>, first: bool) -> Result<Receipt, SpoolError> {
        if bytes.len() > MAX_RECORD_BYTES {
            return Err(SpoolError::RecordTooLarge { bytes: bytes.len(), limit: MAX_RECORD_BYTES });
        }
        let (receipt, told) = oneshot::channel();
        let mut locked = self.shared.queue.lock();
        let queue = &mut *locked;
        queue.check()?;
        queue.space.take(class, bytes.len())?;
        let record = Waiting { class, kind, bytes, receipt, desk: desk::mine() };
        let due = queue.lingering.due_at();
        let (ticket, is_news) = match class {
            Class::Admission => {
                let number = queue.lingering.push(Instant::now(), record);
                (Some(Ticket(number)), queue.lingering.due_at() != due)
            }
            Class::Admitted => {
                let is_news = queue.records.is_empty();
                if !first {
                    queue.records.extend(queue.lingering.drain());
                }
                queue.records.push_back(record);
                (None, is_news)
            }
        };
        drop(locked);
        // The writer looks at everything that waits whenever it looks: it is called for the first only.
        if is_news {
            self.shared.bell.notify_one();
        }
        Ok(Receipt { told, ticket })
    }

    /// Somebody waits now for this record: it is not held for company any longer.
    pub fn hurry(&self, ticket: Ticket) {
        let mut queue = self.shared.queue.lock();
        let Some(record) = queue.lingering.remove(ticket.0) else { return };
        queue.records.push_back(record);
        drop(queue);
        self.shared.bell.notify_one();
    }

    /// Takes a record back that is still held for company, as if it had never been appended. `false`: it is written, or being
    /// written.
    pub fn withdraw(&self, ticket: Ticket) -> bool {
        let mut queue = self.shared.queue.lock();
        let Some(record) = queue.lingering.remove(ticket.0) else { return false };
        queue.space.give_back(record.bytes.len());
        true
    }

    /// Groups from a sequence on (0 for the beginning), at most so many. Blocks while the writer is busy.
    pub fn read(&self, from: u64, most_groups: usize, which: Which) -> Result<Page, SpoolError> {
        self.ask(|answer| Request::Read { from, most: most_groups.max(1), which, answer })?
    }

    /// Whether new work may be admitted now, or why not. What is admitted after a yes still fits.
    pub fn check_admission(&self) -> Result<(), SpoolError> {
        self.shared.queue.lock().check_admission()
    }

    /// Groups from a sequence on that were committed lately and are still in memory, acknowledged or not; at most so many. `None`
    /// when the first of them is not, or not yet: then [`Spool::read`] it, or wait with [`Spool::written`].
    pub fn recent(&self, from: u64, most_groups: usize) -> Option<Vec<Arc<Group>>> {
        self.shared.tail.lock().from(from, most_groups)
    }

    /// Waits until the group with this sequence is committed.
    pub async fn written(&self, sequence: u64) -> Result<(), SpoolError> {
        let mut next = self.shared.next.subscribe();
        loop {
            if *next.borrow_and_update() > sequence {
                return Ok(());
            }
            self.shared.queue.lock().check()?;
            // The sender lives as long as the spool, which this borrows.
            if next.changed().await.is_err() {
                return Err(SpoolError::Closed);
            }
        }
    }

    /// Acknowledge records: they are not delivered again. All of one call become durable together, within a moment; a crash before
    /// that delivers them again. Doing it twice is harmless. The time is when, in microseconds since 1970.
    pub fn acknowledge(&self, positions: &[Position], now_micros: i64) -> Result<(), SpoolError> {
        let last = positions.iter().map(|position| position.sequence).max().unwrap_or(0);
        self.acknowledge_all(last, Acknowledgement::Records(positions.to_vec()), now_micros)
    }

    /// Acknowledge all of a group, also of a damaged one.
    pub fn acknowledge_group(&self, sequence: u64, now_micros: i64) -> Result<(), SpoolError> {
        self.acknowledge_all(sequence, Acknowledgement::Group(sequence), now_micros)
    }

    /// Acknowledge every group before this one.
    pub fn acknowledge_up_to(&self, sequence: u64, now_micros: i64) -> Result<(), SpoolError> {
        self.acknowledge_all(sequence.saturating_sub(1), Acknowledgement::UpTo(sequence), now_micros)
    }

    /// Forget groups below one that were acknowledged before a time and have nothing waiting before them; tells how many. At most a few
    /// thousand at once: call it again while it finds some. What is acknowledged and not forgotten can be read with [`Which::All`], unless
    /// the space was needed.
    pub fn forget_acknowledged(&self, before_micros: i64, below: u64) -> Result<u64, SpoolError> {
        self.ask(|answer| Request::Forget { before_micros, below, answer })?
    }

    /// Wait until everything that was appended and acknowledged so far is durable.
    pub fn flush(&self) -> Result<(), SpoolError> {
        self.ask(|answer| Request::Flush { answer })?
    }

    /// Read every group that is still there and check it.
    pub fn verify(&self) -> Result<Verification, SpoolError> {
        let mut found = Verification::default();
        self.each(|delivery| {
            match delivery {
                Delivery::Group(group) => {
                    found.groups += 1;
                    found.records += group.records.len() as u64;
                    found.bytes +=
                        group.records.iter().map(|(_, record)| record.bytes.len() as u64).sum::<u64>();
                }
                Delivery::Damaged(damage) => found.damaged.push(damage),
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// One line per record: `sequence/index`, whether its group is acknowledged, its kind and length, and what `describe` makes of it.
    pub fn dump(&self, to: &mut dyn Write, describe: impl Fn(&Record) -> String) -> Result<(), SpoolError> {
        self.each(|delivery| match delivery {
            Delivery::Group(group) => {
                let state = if group.acknowledged_at_micros.is_some() { "acknowledged" } else { "waiting" };
                group.records.iter().try_for_each(|(position, record)| {
                    writeln!(
                        to,
                        "{}/{}\t{state}\tkind {}\t{} bytes\t{}",
                        position.sequence,
                        position.index,
                        record.kind,
                        record.bytes.len(),
                        describe(record)
                    )
                })
            }
            Delivery::Damaged(damage) => writeln!(to, "{}\tDAMAGED: {}", damage.sequence, damage.cause),
        })
    }

    /// Everything at a glance.
    pub fn stats(&self) -> Stats {
        let queue = self.shared.queue.lock();
        Stats {
            first: queue.seen.first,
            next: queue.seen.next,
            low_water: queue.seen.low_water,
            waiting_records: queue.seen.waiting_records,
            queued_records: queue.len() as u64,
            oldest_waiting_age: queue.seen.oldest_waiting.map(|since| since.elapsed()),
            used_bytes: queue.space.total(),
            limit_bytes: queue.space.limit(),
            left_for_admitted_bytes: queue.space.left_for_admitted(),
            level: queue.space.level(),
            commits: queue.seen.commits,
            committed_records: queue.seen.committed_records,
            damaged_groups: queue.seen.damaged_groups,
            poisoned: queue.poisoned.is_some(),
        }
    }

    /// Write what waits, and close. Later calls are told [`SpoolError::Closed`]. Tells whether the spool was poisoned.
    pub fn close(&self) -> Result<(), SpoolError> {
        self.shared.queue.lock().closing = true;
        self.shared.bell.notify_one();
        self.shared.next.send_modify(|_| ());
        if let Some(writer) = self.writer.lock().take()
            && writer.join().is_err()
        {
            tracing::error!("the thread of the spool panicked");
        }
        match &self.shared.queue.lock().poisoned {
            Some(reason) => Err(SpoolError::Poisoned { reason: Arc::clone(reason) }),
            None => Ok(()),
        }
    }

    fn acknowledge_all(&self, last: u64, what: Acknowledgement, now_micros: i64) -> Result<(), SpoolError> {
        {
            let mut queue = self.shared.queue.lock();
            queue.check()?;
            if last >= queue.seen.next {
                return Err(SpoolError::UnknownPosition { sequence: last, next: queue.seen.next });
            }
            queue.acknowledgements.push(what);
            queue.acknowledged_at_micros = now_micros;
            queue.acknowledgements_since.get_or_insert_with(Instant::now);
        }
        self.shared.bell.notify_one();
        Ok(())
    }

    fn ask<T>(&self, request: impl FnOnce(mpsc::SyncSender<T>) -> Request) -> Result<T, SpoolError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        {
            let mut queue = self.shared.queue.lock();
            queue.check()?;
            queue.requests.push_back(request(sender));
        }
        self.shared.bell.notify_one();
        receiver.recv().map_err(|_| self.shared.queue.lock().check().err().unwrap_or(SpoolError::Closed))
    }

    fn each(&self, mut visit: impl FnMut(Delivery) -> io::Result<()>) -> Result<(), SpoolError> {
        let mut from = Some(0);
        while let Some(start) = from {
            let page = self.read(start, PAGE_GROUPS, Which::All)?;
            for delivery in page.deliveries {
                visit(delivery).map_err(SpoolError::io("write the dump of the spool to", "its output"))?;
            }
            from = page.next;
        }
        Ok(())
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::warn!(%error, "a poisoned spool was dropped");
        }
    }
}

impl Receipt {
    /// Of a record of [`Class::Admission`], by which it is hurried or withdrawn.
    pub const fn ticket(&self) -> Option<Ticket> {
        self.ticket
    }

    /// Wait on a thread of one's own; never in an async task, which must await instead.
    pub fn wait(self) -> Result<Position, SpoolError> {
        self.told.blocking_recv().unwrap_or(Err(SpoolError::Closed))
    }
}

impl Future for Receipt {
    type Output = Result<Position, SpoolError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(ready!(Pin::new(&mut self.told).poll(context)).unwrap_or(Err(SpoolError::Closed)))
    }
}

impl fmt::Display for crate::DamageCause {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Corrupt => "its bytes are not what was written",
            Self::Lost => "it was written, and is not there",
        })
    }
}
