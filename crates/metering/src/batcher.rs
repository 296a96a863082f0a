//! The batcher as a whole: made with its sender, run until it is told to stop, drained before it ends.

use std::sync::Arc;

use prometheus_client::registry::Registry;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Duration;
use tokio_util::sync::CancellationToken;
use tollgate_domain::{Clock, InstanceId};
use tollgate_store::Store;

use crate::collect::Inbox;
use crate::config::AnalyticsConfig;
use crate::delivery::Queued;
use crate::digest::RecordKeys;
use crate::flush::Engine;
use crate::housekeeping;
use crate::journal::{self, Feed, FeedError, Journal};
use crate::metrics::Metrics;
use crate::sender::{AnalyticsSender, EndOnDrop, Stream};
use crate::source::Source;

/// Longest wait, at the end, for a notification that is due: many times what it takes.
const LAST_WORD_TIMEOUT: Duration = Duration::from_secs(2);

/// Turns records into books. One `run` for its life.
#[derive(Debug)]
pub struct AnalyticsBatcher {
    engine: Engine,
    receiver: mpsc::Receiver<Queued>,
    intake: Intake,
}

/// Who feeds the channel.
#[derive(Debug)]
enum Intake {
    /// Senders in this process.
    Senders {
        /// To see, at the end, what is still reserved; weak, so that the end of all senders is still the end.
        channel: mpsc::WeakSender<Queued>,
        stream: Arc<Stream>,
        end_on_drop: EndOnDrop,
    },
    /// The log of a spool.
    Journal { journal: Journal, channel: mpsc::Sender<Queued> },
}

/// What a batcher that ended in order leaves behind: nothing, or what a spool keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Records that were sent or read from a spool; each is in the books or in quarantine.
    pub records: u64,
    /// Of these, the ones that the books did not have before.
    pub inserted: u64,
    /// Records that are still in the spool, because time ran out. They are entered after the next start.
    pub left_in_spool: u64,
}

/// A batcher that could not write everything in time.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Time ran out. Of a transaction that was under way nobody knows whether it committed, so this is the most it can be.
    #[error(
        "shutdown took longer than analytics.shutdown_timeout_ms, and up to {records} records that were sent are lost; \
         they are in neither the books nor the quarantine"
    )]
    Lost {
        /// How many.
        records: u64,
    },
    /// Time ran out for requests that had reserved a place and sent no record. Nothing that was sent is lost; what
    /// they still send is, and is counted as it comes.
    #[error(
        "shutdown took longer than analytics.shutdown_timeout_ms: {reservations} requests that must be recorded had not ended"
    )]
    Reserved {
        /// How many.
        reservations: u64,
    },
    /// A task of the batcher ended by a panic.
    #[error("a task of the batcher panicked; up to {records} records that were sent are lost")]
    Panicked {
        /// How many; zero where a spool has them.
        records: u64,
    },
    /// The spool could not be read on. What it has is entered after the next start, or when it is mended.
    #[error("the batcher cannot go on")]
    Feed(#[from] FeedError),
    /// What reads the spool panicked. What it has is entered after the next start.
    #[error("the reader of the spool panicked")]
    FeedPanicked,
}

impl AnalyticsBatcher {
    /// A batcher and the sender that feeds it. Opens no connection yet; settings out of range are brought into it (see
    /// [`AnalyticsConfig::validate`]). What waits, waits in memory: see [`AnalyticsBatcher::with_journal`].
    ///
    /// `keys` must be the same for everything that works on one database.
    pub fn new(
        store: Store,
        config: AnalyticsConfig,
        clock: Arc<dyn Clock>,
        keys: RecordKeys,
        registry: &mut Registry,
    ) -> (Self, AnalyticsSender) {
        let config = config.clamped();
        let metrics = Metrics::register(registry);
        let (sender, stream, receiver) = AnalyticsSender::new(
            InstanceId::generate(),
            config.channel_capacity,
            metrics.unaccounted.clone(),
        );
        let intake = Intake::Senders {
            channel: sender.weak_channel(),
            end_on_drop: EndOnDrop(Arc::clone(&stream)),
            stream: Arc::clone(&stream),
        };
        let engine = Engine::new(store, config, clock, keys, Source::Memory(stream), metrics, registry);
        (Self { engine, receiver, intake }, sender)
    }

    /// A batcher that a journal feeds, which outlives the process. Otherwise as [`AnalyticsBatcher::new`].
    pub fn with_journal(
        store: Store,
        config: AnalyticsConfig,
        clock: Arc<dyn Clock>,
        keys: RecordKeys,
        journal: &Journal,
        registry: &mut Registry,
    ) -> Self {
        let config = config.clamped();
        let metrics = Metrics::register(registry);
        let (channel, receiver) = mpsc::channel(config.channel_capacity);
        let source = Source::Spool(Arc::clone(journal.shared()));
        let engine = Engine::new(store, config, clock, keys, source, metrics, registry);
        Self { engine, receiver, intake: Intake::Journal { journal: journal.clone(), channel } }
    }

    /// Writes what comes until `shutdown`, or until every sender is gone; then what is left, and ends.
    ///
    /// From `shutdown` on senders are refused. What was sent or reserved before is waited for and written, within
    /// `shutdown_timeout_ms`; so is what a journal was given before. Dropping this future loses what is in a sender's channel, and nothing
    /// of a journal.
    pub async fn run(self, shutdown: CancellationToken) -> Result<Drained, RunError> {
        let Self { engine, receiver, intake } = self;
        let engine = Arc::new(engine);
        let inbox = Arc::new(Inbox::new(
            receiver,
            engine.config.batch_size,
            engine.config.flush_interval(),
            engine.metrics.clone(),
        ));
        let stop_helpers = CancellationToken::new();
        let _stop_on_drop = stop_helpers.clone().drop_guard();
        let mut helpers = JoinSet::new();
        helpers.spawn(Arc::clone(&engine.depletions).run(
            engine.store.clone(),
            Arc::clone(&engine.clock),
            engine.config.notification_interval(),
            stop_helpers.clone(),
        ));
        helpers.spawn(housekeeping::run(Arc::clone(&engine), stop_helpers.clone()));
        let mut feeding = JoinSet::new();
        let (intake, close_channel) = match intake {
            Intake::Senders { channel, stream, end_on_drop } => {
                (Running::Senders { channel, stream, _end_on_drop: end_on_drop }, shutdown.clone())
            }
            Intake::Journal { journal, channel } => {
                helpers.spawn(journal::forget(Arc::clone(journal.shared()), stop_helpers.clone()));
                let feed = Feed {
                    journal: Arc::clone(journal.shared()),
                    store: engine.store.clone(),
                    channel,
                    shutdown: shutdown.clone(),
                    retry_base_delay: engine.config.retry_base_delay(),
                    has_settled: false,
                };
                feeding.spawn(feed.run());
                // The feed ends the channel when it has delivered everything.
                (Running::Journal(journal), CancellationToken::new())
            }
        };
        let mut flushers = JoinSet::new();
        for _ in 0..engine.config.flushers {
            let (engine, inbox, close) = (Arc::clone(&engine), Arc::clone(&inbox), close_channel.clone());
            flushers.spawn(async move { engine.run(&inbox, &close).await });
        }
        let in_time = tokio::select! {
            ended = flush_all(&mut flushers, &shutdown, &engine.config) => ended,
            () = a_panic(&mut helpers) => Ended::Panicked,
        };
        let last_word = async {
            stop_helpers.cancel();
            // The last word of a depletion is a hint: a database that does not answer must not hold up the end for it.
            let all_ended = async { while helpers.join_next().await.is_some() {} };
            if tokio::time::timeout(LAST_WORD_TIMEOUT, all_ended).await.is_err() {
                tracing::warn!(
                    "the last notification of depleted balances was not sent; gateways see them when they poll"
                );
            }
        };
        let ended = match intake {
            Running::Senders { channel, stream, _end_on_drop } => {
                let reservations =
                    channel.upgrade().map_or(0, |channel| channel.max_capacity() - channel.capacity());
                flushers.shutdown().await;
                // Aborted or ended: from here on nobody takes a record.
                let sent = stream.end();
                last_word.await;
                end_of_senders(&engine, in_time, sent, reservations)
            }
            Running::Journal(journal) => {
                flushers.shutdown().await;
                let fed = end_of_feed(&mut feeding).await;
                last_word.await;
                end_of_journal(&engine, &journal, in_time, fed)
            }
        };
        ended.inspect_err(|error| tracing::error!(%error, "the batcher did not end in order"))
    }
}

/// The intake while the batcher runs.
enum Running {
    Senders { channel: mpsc::WeakSender<Queued>, stream: Arc<Stream>, _end_on_drop: EndOnDrop },
    Journal(Journal),
}

fn end_of_senders(
    engine: &Engine,
    in_time: Ended,
    sent: i64,
    reservations: usize,
) -> Result<Drained, RunError> {
    let lost = u64::try_from(sent.saturating_sub(engine.progress.settled())).unwrap_or(0);
    if in_time == Ended::All && lost == 0 {
        let records = u64::try_from(sent).unwrap_or(0);
        return Ok(Drained { records, inserted: engine.metrics.batched_records.get(), left_in_spool: 0 });
    }
    engine.metrics.unaccounted.inc_by(i64::try_from(lost).unwrap_or(i64::MAX));
    Err(match in_time {
        Ended::Panicked => RunError::Panicked { records: lost },
        // Nothing of what was sent is left in the channel, so what is taken of it is reserved.
        Ended::OutOfTime if lost == 0 => {
            RunError::Reserved { reservations: u64::try_from(reservations).unwrap_or(u64::MAX) }
        }
        Ended::All | Ended::OutOfTime => RunError::Lost { records: lost },
    })
}

/// How the feed ended, which it has where it met an error or was waited for; it is stopped where it still waits.
async fn end_of_feed(feeding: &mut JoinSet<Result<(), FeedError>>) -> Result<(), RunError> {
    feeding.abort_all();
    match feeding.join_next().await {
        Some(Ok(ended)) => Ok(ended?),
        Some(Err(error)) if error.is_panic() => Err(RunError::FeedPanicked),
        Some(Err(_)) | None => Ok(()),
    }
}

fn end_of_journal(
    engine: &Engine,
    journal: &Journal,
    in_time: Ended,
    fed: Result<(), RunError>,
) -> Result<Drained, RunError> {
    fed?;
    if in_time == Ended::Panicked {
        return Err(RunError::Panicked { records: 0 });
    }
    let left_in_spool = if in_time == Ended::All { 0 } else { journal.waiting() };
    if left_in_spool > 0 {
        tracing::warn!(
            records = left_in_spool,
            "time ran out before everything was in the books; what is left is in the spool, and is entered after the next start"
        );
    }
    let records = u64::try_from(engine.progress.settled()).unwrap_or(0);
    Ok(Drained { records, inserted: engine.metrics.batched_records.get(), left_in_spool })
}

/// How the flushers ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    All,
    OutOfTime,
    Panicked,
}

/// Resolves when one of the helpers has panicked: what it did is missing from then on, and nobody would know.
async fn a_panic(helpers: &mut JoinSet<()>) {
    while let Some(ended) = helpers.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a helper of the batcher ended by a panic");
            return;
        }
    }
    std::future::pending::<()>().await;
}

async fn flush_all(
    flushers: &mut JoinSet<()>,
    shutdown: &CancellationToken,
    config: &AnalyticsConfig,
) -> Ended {
    let deadline = async {
        shutdown.cancelled().await;
        tokio::time::sleep(config.shutdown_timeout()).await;
    };
    let all = async {
        let mut ended = Ended::All;
        while let Some(result) = flushers.join_next().await {
            if let Err(error) = result {
                tracing::error!(%error, "a flusher ended by a panic");
                ended = Ended::Panicked;
                // The others may wait for its commit for ever. What is left is counted as lost.
                break;
            }
        }
        ended
    };
    tokio::select! {
        ended = all => ended,
        () = deadline => Ended::OutOfTime,
    }
}

#[cfg(test)]
mod tests;
