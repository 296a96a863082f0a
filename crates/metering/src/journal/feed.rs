//! The feed: the log of the spool, read in its order into the batcher's channel.
//!
//! It begins where the books stand, and begins again when they turn out to stand further back. What was committed to the spool lately
//! comes from memory, everything else from the disk. The channel is bounded: while the database is away the feed waits, and
//! what comes meanwhile stays in the spool.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tollgate_domain::InstanceId;
use tollgate_failpoints::{Point, hit};
use tollgate_spool::{self as spool, Delivery, Group, Page, Record, SpoolError, Which};
use tollgate_store::instances::{self, Stand};
use tollgate_store::{ServerRun, Store, StoreError, Tx};

use super::reader::{Reader, Step, sequence};
use super::wire::Unreadable;
use super::{Begun, Shared, settle, wire};
use crate::backoff::Backoff;
use crate::delivery::{Queued, Spooled};

/// Groups read at once. From the disk, a commit waits meanwhile.
const PAGE_GROUPS: usize = 64;

/// Where one look at the log found so many records, the next is a moment later: each look wakes whoever is behind, however few it finds.
const MANY: usize = 4;
const LOOKS_APART: Duration = Duration::from_millis(1);

/// Why the feed cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The spool cannot be read any more.
    #[error("the spool cannot be read")]
    Spool(#[from] SpoolError),
    /// A record that this version cannot read.
    #[error("record {index} of group {sequence} in the spool cannot be read")]
    Unreadable {
        /// Its group.
        sequence: u64,
        /// Its place in the group.
        index: u16,
        /// Why.
        source: wire::Unreadable,
    },
}

/// Why reading ended.
enum Ended {
    /// Everything was delivered, and no more comes.
    Drained,
    /// The books stand further back than was thought.
    Rewound,
    /// The batcher takes nothing more.
    Closed,
}

/// What the feed needs.
#[derive(Debug)]
pub(crate) struct Feed {
    pub(crate) journal: Arc<Shared>,
    pub(crate) store: Store,
    pub(crate) channel: mpsc::Sender<Queued>,
    /// From here on no request is admitted, and every end is in the spool: deliver the rest, and end.
    pub(crate) shutdown: CancellationToken,
    pub(crate) retry_base_delay: Duration,
    /// Interrupted requests have been settled by this process.
    pub(crate) has_settled: bool,
}

/// One reading of the log, from where the books stood.
struct Reading<'a> {
    journal: &'a Arc<Shared>,
    channel: &'a mpsc::Sender<Queued>,
    rewound: watch::Receiver<u64>,
    generation: u64,
    reader: Reader,
    /// The next group to read.
    next: u64,
    /// The first group that the books may lack in part.
    base: u64,
    delivered: i64,
    /// The next look.
    look_at: Instant,
}

impl Feed {
    /// Delivers until `shutdown`, then what is left.
    pub(crate) async fn run(mut self) -> Result<(), FeedError> {
        loop {
            let rewound = self.journal.generation.subscribe();
            let generation = *rewound.borrow();
            let seen = self.journal.seen();
            let Some((stand, server)) = self.stand().await else { return Ok(()) };
            let log_position = stand.mark.log_position;
            self.journal.begin(Begun { generation, log_position, server }, seen);
            let stats = self.journal.spool.stats();
            let base = sequence(log_position);
            let mut reading = Reading {
                journal: &self.journal,
                channel: &self.channel,
                rewound,
                generation,
                reader: Reader::new(self.journal.life, stand),
                next: stats.low_water.min(base),
                base,
                delivered: 0,
                look_at: Instant::now(),
            };
            reading.skip_to(stats.first);
            match reading.run(&self.shutdown, &mut self.has_settled).await? {
                Ended::Rewound => {}
                Ended::Drained | Ended::Closed => return Ok(()),
            }
        }
    }

    /// Where the books stand, asked until there is an answer; `None`: there is none before the end.
    async fn stand(&self) -> Option<(Stand, ServerRun)> {
        let mut backoff = Backoff::new(self.retry_base_delay);
        loop {
            match stand(&self.store, self.journal.instance_id).await {
                Ok(stand) => return Some(stand),
                Err(error) => self.wait(&error, &mut backoff).await?,
            }
        }
    }

    async fn wait(&self, error: &StoreError, backoff: &mut Backoff) -> Option<()> {
        if backoff.tries() == 0 {
            tracing::warn!(%error, "the books cannot be asked how far they are; it is tried again");
        }
        tokio::select! {
            () = tokio::time::sleep(backoff.next_delay()) => Some(()),
            () = self.channel.closed() => None,
        }
    }
}

/// Where the books of an instance stand, and whose books they are.
async fn stand(store: &Store, instance: InstanceId) -> Result<(Stand, ServerRun), StoreError> {
    let asked = async |tx: Tx| Ok((instances::stand(&tx, instance).await?, tx.server()));
    let (stand, server) = store.tx("find_instance", asked).await?;
    // A database that has lost the instance has lost all of its commits.
    Ok((stand.unwrap_or_default(), server))
}

impl Reading<'_> {
    /// Begins no earlier than with the first group that is still there. What lies between it and the place where the books stand is lost; the
    /// group that they stand in may be in them to its end.
    fn skip_to(&mut self, first: u64) {
        if self.next >= first || self.journal.spool.recent(self.next, 1).is_some() {
            return;
        }
        self.next = first;
        if first > self.base + 1 {
            self.missing(first - (self.base + 1));
        }
    }

    async fn run(
        &mut self,
        shutdown: &CancellationToken,
        has_settled: &mut bool,
    ) -> Result<Ended, FeedError> {
        loop {
            if !*has_settled && self.next >= self.journal.life.begins {
                *has_settled = true;
                self.journal.former_end.get_or_init(|| self.reader.log_position());
                self.settle_interrupted().await;
            }
            if self.rewound.has_changed().unwrap_or(false) {
                return Ok(Ended::Rewound);
            }
            let ended = if let Some(groups) = self.journal.spool.recent(self.next, PAGE_GROUPS) {
                self.take_recent(&groups).await?
            } else if self.next < self.journal.spool.stats().next {
                self.take_from_disk().await?
            } else if shutdown.is_cancelled() {
                if self.flush_spool().await? {
                    hit(Point::FeedDrained);
                    return Ok(Ended::Drained);
                }
                None
            } else {
                tokio::select! {
                    written = self.journal.spool.written(self.next) => written?,
                    () = shutdown.cancelled() => {}
                    _ = self.rewound.changed() => return Ok(Ended::Rewound),
                    () = self.channel.closed() => return Ok(Ended::Closed),
                }
                tokio::time::sleep_until(self.look_at).await;
                None
            };
            if let Some(ended) = ended {
                return Ok(ended);
            }
        }
    }

    async fn take_recent(&mut self, groups: &[Arc<Group>]) -> Result<Option<Ended>, FeedError> {
        let found: usize = groups.iter().map(|group| group.records.len()).sum();
        self.look_at = Instant::now() + if found < MANY { Duration::ZERO } else { LOOKS_APART };
        for group in groups {
            if let Some(ended) = self.take_group(group).await? {
                return Ok(Some(ended));
            }
        }
        Ok(None)
    }

    /// Before the mark only what still waits is read: an open request, or what the spool does not know to be in the books. After it
    /// everything is, as the books lack what a database has lost; and before it, too, where acknowledgements were lost: an admission whose own
    /// was, beside that of its end, would be taken for an open request and settled a second time.
    async fn take_from_disk(&mut self) -> Result<Option<Ended>, FeedError> {
        let is_known = self.next < self.base && !self.journal.acknowledgements_lost;
        let which = if is_known { Which::Waiting } else { Which::All };
        let end = self.journal.spool.stats().next;
        let page = self.read(which).await?;
        let next = page.next;
        for delivery in page.deliveries {
            if which == Which::Waiting && delivery.sequence() >= self.base {
                self.next = self.base;
                return Ok(None);
            }
            // The group that the mark lies in may be in the books to its end, and forgotten.
            let expected = self.next.max(self.base + 1);
            if which == Which::All && delivery.sequence() > expected {
                self.missing(delivery.sequence() - expected);
            }
            match delivery {
                Delivery::Group(group) => {
                    if let Some(ended) = self.take_group(&group).await? {
                        return Ok(Some(ended));
                    }
                }
                Delivery::Damaged(damage) => {
                    self.journal.metrics.lost_groups.inc();
                    tracing::error!(
                        group = damage.sequence,
                        cause = %damage.cause,
                        kept_in = damage.kept_in.as_ref().map(|path| tracing::field::display(path.display())),
                        "a group of the spool cannot be delivered: the requests in it are not in the books, but for those whose admission stands elsewhere"
                    );
                    self.journal
                        .spool
                        .acknowledge_group(damage.sequence, self.journal.clock.now().as_microsecond())?;
                    self.next = damage.sequence + 1;
                }
            }
        }
        self.next = match next {
            Some(next) => next,
            None if which == Which::Waiting => self.next.max(self.base.min(end)),
            None => self.next.max(end),
        };
        Ok(None)
    }

    /// Groups after the mark that were acknowledged and are gone: the database that had them has lost them, and so has the spool.
    fn missing(&self, groups: u64) {
        self.journal.metrics.lost_groups.inc_by(groups);
        tracing::error!(
            groups,
            "the database lost commits that the spool does not keep any more (spool.keep_acknowledged_s): compare the upstream's bill"
        );
    }

    async fn read(&self, which: Which) -> Result<Page, FeedError> {
        let (spool, from) = (Arc::clone(&self.journal.spool), self.next);
        let reading = tokio::task::spawn_blocking(move || spool.read(from, PAGE_GROUPS, which));
        Ok(reading.await.map_err(|_| SpoolError::Closed)??)
    }

    async fn take_group(&mut self, group: &Group) -> Result<Option<Ended>, FeedError> {
        let mut known = Vec::new();
        for (at, record) in &group.records {
            let entry = match wire::decode(record.kind, &record.bytes) {
                Ok(entry) => entry,
                // Whoever wrote it reads it; to go on without would enter what comes after it and not it.
                Err(source @ Unreadable::Later { .. }) => {
                    return Err(FeedError::Unreadable { sequence: at.sequence, index: at.index, source });
                }
                Err(source) => {
                    self.set_aside(*at, record, &source).await;
                    known.push(Spooled { end: *at, admission: None });
                    continue;
                }
            };
            match self.reader.read(*at, entry) {
                Step::Open => {}
                Step::Known(spooled) => known.push(spooled),
                Step::Deliver(delivered) => {
                    let Ok(place) = self.channel.reserve().await else { return Ok(Some(Ended::Closed)) };
                    self.delivered += 1;
                    place.send(Queued {
                        generation: self.generation,
                        index: self.delivered,
                        ended_at: delivered.ended_at,
                        record: delivered.record,
                        reach: delivered.reach,
                        spooled: Some(delivered.spooled),
                    });
                    hit(Point::FeedDelivered);
                }
            }
        }
        self.journal.acknowledge(known.into_iter());
        self.next = group.sequence + 1;
        let open = i64::try_from(self.reader.open_requests()).unwrap_or(i64::MAX);
        self.journal.metrics.open_requests.set(open);
        Ok(None)
    }

    /// A record that no version writes, in a group that is whole: a mistake of ours, which must not keep every other record from the books.
    async fn set_aside(&self, at: spool::Position, record: &Record, why: &Unreadable) {
        let path = self.journal.directory.join(format!("record-{}-{}.unreadable", at.sequence, at.index));
        self.journal.metrics.unreadable_records.inc();
        let kept = tokio::fs::write(&path, &record.bytes).await;
        tracing::error!(
            error = %why,
            kept_in = %path.display(),
            is_kept = kept.is_ok(),
            "a record of the spool cannot be read: its request is not in the books, but for its admission; please report this"
        );
    }

    /// Everything of the lives before this one was read: what is open of them has no end, and gets one.
    async fn settle_interrupted(&mut self) {
        let policy = self.journal.config.on_interrupted;
        let interrupted = self.reader.take_interrupted();
        if interrupted.is_empty() {
            return;
        }
        hit(Point::SettlingBegun);
        let count = interrupted.len();
        let mut receipts = Vec::with_capacity(count);
        for admitted in interrupted {
            let record = settle::settle(admitted, policy);
            let is_estimated = record.usage.is_known();
            let (_position, receipt) = self.journal.append_end(record, false);
            receipts.push((receipt, is_estimated));
            hit(Point::SettlementAppended);
        }
        let mut failed = 0_usize;
        for (receipt, is_estimated) in receipts {
            let written = match receipt {
                Ok(receipt) => receipt.await.map(|_position| ()),
                Err(error) => Err(error),
            };
            match written {
                Ok(()) if is_estimated => drop(self.journal.metrics.estimated.inc()),
                Ok(()) => drop(self.journal.metrics.voided.inc()),
                Err(_) => failed += 1,
            }
        }
        hit(Point::SettlementDurable);
        tracing::warn!(
            requests = count,
            ?policy,
            "requests were in flight when the process before this one ended; they are settled by spool.on_interrupted"
        );
        if failed > 0 {
            tracing::error!(
                requests = failed,
                "of these, some could not be settled now; they are at the next start"
            );
        }
    }

    /// Makes what is in the spool's hands readable; tells whether everything was read.
    async fn flush_spool(&self) -> Result<bool, FeedError> {
        let spool = Arc::clone(&self.journal.spool);
        let flushing = tokio::task::spawn_blocking(move || spool.flush());
        flushing.await.map_err(|_| SpoolError::Closed)??;
        Ok(self.next >= self.journal.spool.stats().next)
    }
}

/// Appends, when there is room on the disk again, the ends of requests for whose own ends there was none. They have no other place than
/// memory until then; a process that ends before leaves their requests open, to be settled by the next one.
pub(crate) async fn append_refused(journal: Arc<Shared>, stop: CancellationToken) {
    const EVERY: std::time::Duration = std::time::Duration::from_secs(1);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        let refused = std::mem::take(&mut *journal.refused.lock());
        for (at, bytes) in refused.iter().enumerate() {
            let outcome = match journal.append_encoded(bytes.clone()).1 {
                Ok(receipt) => receipt.await,
                Err(error) => Err(error),
            };
            if outcome.is_err() {
                journal.refused.lock().extend_from_slice(&refused[at..]);
                break;
            }
            tracing::warn!(
                "a request for whose end there was no room on the disk is settled by spool.on_interrupted"
            );
        }
    }
}

/// Forgets, each minute, what the books have had for long enough. The books are asked before: a database that took the place of
/// another may lack what that one had, and then this is the last copy.
pub(crate) async fn forget(journal: Arc<Shared>, store: Store, stop: CancellationToken) {
    const EVERY: std::time::Duration = std::time::Duration::from_mins(1);
    const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(50);
    loop {
        // Not before it is known where the books stand, and that what they lack is being read.
        if journal.begun.lock().is_none() {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_AGAIN) => continue,
            }
        }
        let seen = journal.seen();
        match stand(&store, journal.instance_id).await {
            Ok((stand, _server)) if journal.check(stand.mark.log_position, seen) => {
                forget_below(&journal, sequence(stand.mark.log_position)).await;
            }
            // The log is read again; or the books cannot be reached, as whoever writes says.
            Ok(_) | Err(_) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

async fn forget_below(journal: &Arc<Shared>, below: u64) {
    let spool = Arc::clone(&journal.spool);
    let keep = i64::try_from(journal.config.keep_acknowledged().as_micros()).unwrap_or(i64::MAX);
    let before = journal.clock.now().as_microsecond().saturating_sub(keep);
    let forgetting = tokio::task::spawn_blocking(move || {
        while !matches!(spool.forget_acknowledged(before, below)?, 0) {}
        Ok::<(), SpoolError>(())
    });
    if let Ok(Err(error)) = forgetting.await {
        tracing::warn!(%error, "what the books have cannot be forgotten by the spool");
    }
}
