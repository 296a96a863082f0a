//! The journal: what makes a request's charge outlive the process that served it.
//!
//! A gateway takes a [`Place`] for each request, writes its admission, and later its end, into a spool on the disk of its
//! machine. The end is durable before the client has the whole response; so is the admission before the first byte of it. The
//! batcher reads the spool's log in its order, from memory while it keeps up and from the disk where it does not, and has the spool forget
//! what the books have. After a crash the log says what must still be entered, and which requests were open: those are settled by
//! a policy ([`OnInterrupted`]).
//!
//! The books name, in the transaction of each flush, how far in the log they reach. So after a restart, and after a failover to a
//! database that lost commits, reading begins where the books really are.

mod config;
mod feed;
mod metrics;
mod reader;
mod replay;
mod settle;
mod wire;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Poll;

use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use tokio::sync::watch;
use tokio::time::Instant;
use tollgate_domain::{Clock, CorrelationId, InstanceId, Outcome, RawAnalyticsRecord, UsageSource};
use tollgate_failpoints::{Point, hit};
use tollgate_spool::{Class, Durability, Options, Receipt, Spool, SpoolError, Ticket};
use tollgate_store::instances::{self, Stand};
use tollgate_store::{ServerRun, Store, StoreError, Tx, usage_records};
use uuid::Uuid;

use self::metrics::JournalMetrics;
use self::reader::Life;
use self::wire::Admitted;
use crate::Position;
use crate::delivery::Spooled;

pub use tollgate_spool::attend;

pub use config::{DurabilitySetting, OnInterrupted, SpoolConfig};
pub use feed::FeedError;
pub(crate) use feed::{Feed, append_refused, forget};
pub use replay::{ReplayError, Replayed, describe, replay};
pub use wire::Unreadable;

/// A durable log of one gateway's requests. Cheap to clone; all clones are one journal.
#[derive(Debug, Clone)]
pub struct Journal(Arc<Shared>);

/// What gateway and batcher share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) spool: Arc<Spool>,
    instance_id: InstanceId,
    directory: PathBuf,
    config: SpoolConfig,
    clock: Arc<dyn Clock>,
    life: Life,
    /// The spool has lost acknowledgements: an admission that waits in it may have an end that does not.
    acknowledgements_lost: bool,
    /// Behind the last end of the lives before this one; empty until the log has been read so far.
    former_end: OnceLock<i64>,
    /// The position given last. Numbering and appending happen under this one lock, so the log has the same order.
    last_position: Mutex<Position>,
    /// Rises when the log must be read again from where the books are.
    generation: watch::Sender<u64>,
    /// Where the last reading began; `None` before the first.
    begun: Mutex<Option<Begun>>,
    /// How far in the log the books were ever seen to be, by this process.
    committed: AtomicI64,
    /// Ends of requests whose own ends had no room on the disk; they are appended when there is.
    refused: Mutex<Vec<Vec<u8>>>,
    pub(crate) metrics: JournalMetrics,
}

/// Where one reading of the log begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Begun {
    pub(crate) generation: u64,
    /// How far in the log the books were then,
    pub(crate) log_position: i64,
    /// and whose books.
    pub(crate) server: ServerRun,
}

/// Why there is no journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The spool cannot be used.
    #[error("the spool cannot be used")]
    Spool(#[from] SpoolError),
    /// The books could not be asked how far they are.
    #[error("the books could not be asked how far they are")]
    Store(#[from] StoreError),
}

/// Why nothing can be admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoPlace {
    /// The spool is nearly full; there is room again when the books have caught up.
    #[error("the spool is full")]
    Full,
    /// The spool takes nothing more until it is opened again.
    #[error("the spool is broken")]
    Broken,
}

impl Journal {
    /// Opens the journal in a directory, or makes one. `store` must be reachable: positions go on where its books are.
    pub async fn open(
        store: &Store,
        config: &SpoolConfig,
        directory: &Path,
        clock: Arc<dyn Clock>,
        registry: &mut Registry,
    ) -> Result<Self, JournalError> {
        let (settings, place) = (config.clone(), directory.to_owned());
        let opening = tokio::task::spawn_blocking(move || settings.open(&place));
        let spool = Arc::new(opening.await.map_err(|_| SpoolError::Closed)??);
        hit(Point::SpoolOpened);
        let report = spool.report();
        metrics::tell_of_opening(report);
        let acknowledgements_lost = report.damaged_acknowledgements > 0 || report.rebuilt.is_some();
        let instance_id = InstanceId::from_uuid(spool.instance_id());
        let stand = stand_of(store, instance_id, &spool).await?;
        hit(Point::StandRead);
        let stats = spool.stats();
        let life = Life { begins: stats.next, started: Instant::now() };
        let metrics = JournalMetrics::register(registry, &spool);
        Ok(Self(Arc::new(Shared {
            spool,
            instance_id,
            directory: directory.to_owned(),
            config: config.clone(),
            clock,
            life,
            acknowledgements_lost,
            former_end: OnceLock::new(),
            last_position: Mutex::new(stand.committed_position),
            generation: watch::Sender::new(0),
            begun: Mutex::default(),
            committed: AtomicI64::new(0),
            refused: Mutex::default(),
            metrics,
        })))
    }

    /// Whose requests these are.
    pub fn instance_id(&self) -> InstanceId {
        self.0.instance_id
    }

    /// A place for one request, with its number. Never blocks.
    pub fn try_reserve(&self) -> Result<Place, NoPlace> {
        let reserve = || {
            self.0.spool.check_admission()?;
            self.0.spool.next_identity()
        };
        match reserve() {
            Ok(identity) => Ok(Place {
                journal: Arc::clone(&self.0),
                correlation_id: CorrelationId::new(identity),
                body_bytes: None,
                admission: None,
            }),
            Err(SpoolError::Poisoned { .. } | SpoolError::Closed) => Err(NoPlace::Broken),
            Err(_) => Err(NoPlace::Full),
        }
    }

    /// Whether a request could be admitted now.
    pub fn has_room(&self) -> bool {
        self.0.spool.check_admission().is_ok()
    }

    /// Whether what is appended is still made durable.
    pub fn is_sound(&self) -> bool {
        !self.0.spool.stats().poisoned
    }

    /// Whether what is confirmed outlives the process at all.
    pub fn is_durable(&self) -> bool {
        self.0.config.durability != config::DurabilitySetting::Memory
    }

    /// Records in the spool that the books do not have yet.
    pub fn waiting(&self) -> u64 {
        self.0.spool.stats().waiting_records
    }

    /// How far in the log the books have to be ([`LogMark::log_position`](instances::LogMark::log_position)) to have all that was finished in the
    /// lives before this one; `None` until the log has been read so far. It takes no request of this life to get there.
    pub fn former_end(&self) -> Option<i64> {
        self.0.former_end.get().copied()
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.0.directory
    }

    /// Writes what waits and closes the spool. Blocks.
    pub fn close(&self) -> Result<(), SpoolError> {
        self.0.spool.close()
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }
}

/// Where the books of the instance stand. A database that does not know it begins with what waits in the spool.
async fn stand_of(store: &Store, instance: InstanceId, spool: &Spool) -> Result<Stand, JournalError> {
    let stats = spool.stats();
    let group = |sequence| reader::number(tollgate_spool::Position { sequence, index: 0 });
    let found = store.tx("find_instance", async |tx| instances::stand(&tx, instance).await).await?;
    match found {
        Some(stand) if stand.mark.log_position <= group(stats.next) => Ok(stand),
        Some(_) => {
            // What is appended from now on would be taken for what the books have.
            tracing::error!(
                "the books are further than the spool: its end is lost, by a power cut without fsync or because an older copy of its \
                 directory was put in its place. What was lost is in the books as far as they had it"
            );
            // The numbers of what was lost are used up: the books have their records.
            let last = async |tx: Tx| usage_records::last_correlation_id(&tx, instance).await;
            if let Some(last) = store.tx("find_last_number", last).await? {
                spool.skip_identities(last)?;
            }
            let reset = async |tx: Tx| {
                instances::reset_log(&tx, instance, group(stats.next)).await?;
                Ok(instances::stand(&tx, instance).await?.unwrap_or_default())
            };
            Ok(store.tx("reset_instance", reset).await?)
        }
        None => {
            if stats.low_water > stats.first {
                tracing::warn!(
                    "this database does not know the spool, which has delivered to another one: only what waits in it is \
                     entered. If the database lost its last commits, `tollgate spool replay` enters what the spool still keeps"
                );
            }
            let adopt = async |tx: Tx| {
                instances::adopt(&tx, instance, group(stats.low_water)).await?;
                Ok(instances::stand(&tx, instance).await?.unwrap_or_default())
            };
            Ok(store.tx("adopt_instance", adopt).await?)
        }
    }
}

impl Shared {
    pub(crate) fn instance_id(&self) -> InstanceId {
        self.instance_id
    }

    /// The books lack what they were seen to have, or may: they stand further back, or are another server's while something was committed
    /// out of order. Reads the log again from where they are now.
    pub(crate) fn rewind(&self, seen_in: u64) {
        self.generation.send_if_modified(|generation| {
            let is_news = *generation == seen_in;
            *generation += u64::from(is_news);
            is_news
        });
    }

    /// Where the reading of a generation began; `None` where a later one has begun since.
    pub(crate) fn begun(&self, generation: u64) -> Option<Begun> {
        self.begun.lock().filter(|begun| begun.generation == generation)
    }

    /// A commit was seen that reaches so far.
    pub(crate) fn committed(&self, log_position: i64) {
        self.committed.fetch_max(log_position, Ordering::Relaxed);
    }

    /// How far the books were seen to be. Ask before the books are asked: they only go on meanwhile.
    fn seen(&self) -> i64 {
        self.committed.load(Ordering::Relaxed)
    }

    /// A reading begins. Says so where the books have lost what they were `seen` to have before they were asked.
    fn begin(&self, begun: Begun, seen: i64) {
        *self.begun.lock() = Some(begun);
        if begun.log_position < seen {
            self.committed.store(begun.log_position, Ordering::Relaxed);
            self.metrics.rewinds.inc();
            tracing::error!(
                "the database has lost commits that it had confirmed (a failover?); what the spool still keeps of them is entered again"
            );
        } else if begun.generation > 0 {
            tracing::info!(
                "another database server answers, or the same one after a new start, while several flushers were at work: the log is read \
                 again from where its books are"
            );
        }
    }

    /// Whether the books still have what they were `seen` to have before they were asked. Where they have not, the log is read again.
    fn check(&self, log_position: i64, seen: i64) -> bool {
        let Some(begun) = *self.begun.lock() else { return false };
        let has_all = log_position >= seen;
        if !has_all {
            self.rewind(begun.generation);
        }
        has_all
    }

    /// The books have these: the spool may forget them.
    pub(crate) fn acknowledge(&self, spooled: impl Iterator<Item = Spooled>) {
        let positions: Vec<_> = spooled.flat_map(|at| [Some(at.end), at.admission]).flatten().collect();
        if positions.is_empty() {
            return;
        }
        if let Err(error) = self.spool.acknowledge(&positions, self.clock.now().as_microsecond()) {
            // It will deliver them again, and the books will know them.
            tracing::warn!(%error, "the spool cannot be told what the books have");
        }
    }

    /// Gives an end the next position and appends it.
    fn append_end(
        &self,
        record: RawAnalyticsRecord,
        without_admission: bool,
    ) -> (Position, Result<Receipt, SpoolError>) {
        self.append_encoded(self.encode_end(record, without_admission))
    }

    fn encode_end(&self, record: RawAnalyticsRecord, without_admission: bool) -> Vec<u8> {
        let after = u64::try_from(self.life.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        wire::encode_finished(record, after, without_admission)
    }

    /// There was no room for an end, and its client was told so: it ends as what the end of a process interrupts does, when there is room.
    fn refuse(&self, bytes: &[u8], body_bytes: Option<u64>) {
        if let Ok(wire::Entry::Finished(finished)) = wire::decode(wire::FINISHED, bytes) {
            let admitted = Admitted { record: finished.record, body_bytes };
            let settled = settle::settle(admitted, self.config.on_interrupted);
            self.refused.lock().push(self.encode_end(settled, finished.without_admission));
        }
    }

    fn append_encoded(&self, mut bytes: Vec<u8>) -> (Position, Result<Receipt, SpoolError>) {
        let mut last = self.last_position.lock();
        *last = last.saturating_add(1);
        wire::set_position(&mut bytes, *last);
        (*last, self.spool.append_first(wire::FINISHED, bytes))
    }
}

/// One request's place in the journal.
#[derive(Debug)]
pub struct Place {
    journal: Arc<Shared>,
    correlation_id: CorrelationId,
    body_bytes: Option<u64>,
    /// Set once the admission was appended.
    admission: Option<Admission>,
}

/// An admission that was appended.
#[derive(Debug)]
struct Admission {
    /// While the spool may hold it for company.
    ticket: Option<Ticket>,
    /// What became of it, as far as is known.
    fate: Arc<AtomicU8>,
}

/// The spool has not said yet what became of an admission.
const UNKNOWN: u8 = 0;
/// It is in the log.
const WRITTEN: u8 = 1;
/// It is not.
const MISSING: u8 = 2;

/// An append under way. Resolves when it is durable.
#[derive(Debug)]
pub struct Pending {
    receipt: Result<Receipt, SpoolError>,
    of: PendingOf,
}

#[derive(Debug)]
enum PendingOf {
    Admission {
        /// Held for company until somebody waits for it, who says so here.
        held: Option<(Arc<Spool>, Ticket)>,
        /// Told what became of it.
        fate: Arc<AtomicU8>,
    },
    End {
        journal: Arc<Shared>,
        /// To be settled where there was no room for it: a request that never ended would keep the spool from forgetting what comes
        /// after it.
        bytes: Vec<u8>,
        body_bytes: Option<u64>,
    },
}

impl Pending {
    /// Whether the spool has taken it, durable or not.
    pub const fn is_taken(&self) -> bool {
        self.receipt.is_ok()
    }

    /// Waits until what was appended is durable.
    pub async fn durable(self) -> Result<(), SpoolError> {
        let outcome = match self.receipt {
            Ok(mut receipt) => match futures_util::poll!(&mut receipt) {
                Poll::Ready(written) => written,
                Poll::Pending => {
                    if let PendingOf::Admission { held: Some((spool, ticket)), .. } = &self.of {
                        spool.hurry(*ticket);
                    }
                    receipt.await
                }
            },
            Err(error) => Err(error),
        };
        match (&outcome, self.of) {
            (_, PendingOf::Admission { fate, .. }) => {
                let told = if outcome.is_ok() { WRITTEN } else { MISSING };
                fate.store(told, Ordering::Relaxed);
            }
            (
                Err(SpoolError::DiskFull | SpoolError::Full { .. }),
                PendingOf::End { journal, bytes, body_bytes },
            ) => {
                journal.refuse(&bytes, body_bytes);
            }
            _ => {}
        }
        outcome.map(|_position| ())
    }
}

impl Place {
    /// The number of the request: given once, ever.
    pub fn correlation_id(&self) -> CorrelationId {
        self.correlation_id
    }

    /// Appends that the request was admitted. Never blocks.
    pub fn admit(&mut self, admitted: &RawAnalyticsRecord, body_bytes: Option<u64>) -> Pending {
        let bytes = wire::encode_admitted(admitted, body_bytes);
        let receipt = self.journal.spool.append(Class::Admission, wire::ADMITTED, bytes);
        let fate = Arc::new(AtomicU8::new(if receipt.is_err() { MISSING } else { UNKNOWN }));
        let ticket = receipt.as_ref().ok().and_then(Receipt::ticket);
        self.admission = Some(Admission { ticket, fate: Arc::clone(&fate) });
        self.body_bytes = body_bytes;
        let held = ticket.map(|ticket| (Arc::clone(&self.journal.spool), ticket));
        Pending { receipt, of: PendingOf::Admission { held, fate } }
    }

    /// Takes the admission back where the spool has not begun to write it: the request has ended, its end says all that the admission
    /// does, and must follow at once. `true`: what [`Place::admit`] returned need not be waited for, and never resolves well.
    pub fn withdraw(&mut self) -> bool {
        let Some(Admission { ticket: Some(ticket), fate }) = &self.admission else { return false };
        let is_withdrawn = self.journal.spool.withdraw(*ticket);
        if is_withdrawn {
            fate.store(MISSING, Ordering::Relaxed);
        }
        is_withdrawn
    }

    /// Appends how the request ended; one that this gateway's own end interrupted is settled by the policy. Never blocks. Its position
    /// counts the ends of this gateway, in the order in which they reach the books.
    pub fn finish(self, mut record: RawAnalyticsRecord) -> (Position, Pending) {
        if record.outcome == Outcome::Interrupted && record.usage_source == UsageSource::None {
            let admitted = Admitted { record, body_bytes: self.body_bytes };
            record = settle::settle(admitted, self.journal.config.on_interrupted);
        }
        let without_admission = self.admission.as_ref().is_none_or(|admission| {
            // One that is still held would come after its end.
            if let Some(ticket) = admission.ticket {
                self.journal.spool.hurry(ticket);
            }
            // Nobody waited for one of which nothing is known. A full disk may still refuse it, and have room for the end: whoever reads the
            // log sees whether it is there.
            admission.fate.load(Ordering::Relaxed) != WRITTEN
        });
        let bytes = self.journal.encode_end(record, without_admission);
        let (position, receipt) = self.journal.append_encoded(bytes.clone());
        let of = PendingOf::End { journal: self.journal, bytes, body_bytes: self.body_bytes };
        (position, Pending { receipt, of })
    }
}

impl SpoolConfig {
    /// Opens the spool in a directory, or makes one. Blocks.
    pub fn open(&self, directory: &Path) -> Result<Spool, SpoolError> {
        let options = Options::new(directory, Uuid::now_v7())
            .durability(Durability::from(self.durability))
            .limits(self.size_limit_bytes, self.reserve_bytes);
        Spool::open(&options)
    }
}
