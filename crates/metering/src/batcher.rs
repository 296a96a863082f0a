//! The batcher as a whole: made with its sender, run until it is told to stop, drained before it ends.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use prometheus_client::registry::Registry;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tollgate_domain::{Clock, InstanceId};
use tollgate_store::Store;

use crate::collect::Inbox;
use crate::config::AnalyticsConfig;
use crate::depletion::Depletions;
use crate::digest::RecordKeys;
use crate::dimensions::{Interner, MAX_COMBINATIONS};
use crate::flush::Engine;
use crate::genai::GenAiMetrics;
use crate::housekeeping;
use crate::instances::Instances;
use crate::metrics::Metrics;
use crate::prepare::Preparer;
use crate::progress::Progress;
use crate::sender::{AnalyticsSender, EndOnDrop, Queued};
use crate::view::CatalogView;

/// Longest wait, at the end, for a notification that is due: many times what it takes.
const LAST_WORD_TIMEOUT: Duration = Duration::from_secs(2);

/// Turns records into books. One `run` for its life.
#[derive(Debug)]
pub struct AnalyticsBatcher {
    engine: Engine,
    receiver: mpsc::Receiver<Queued>,
    /// To see, at the end, what is still reserved; weak, so that the end of all senders is still the end.
    channel: mpsc::WeakSender<Queued>,
    end_on_drop: EndOnDrop,
}

/// What a batcher that ended in order leaves behind: nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Records that were sent; each is in the books or in quarantine.
    pub records: u64,
}

/// A batcher that could not write everything in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
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
    /// A flusher ended by a panic.
    #[error("a flusher panicked; up to {records} records that were sent are lost")]
    Panicked {
        /// How many.
        records: u64,
    },
}

impl AnalyticsBatcher {
    /// A batcher and the sender that feeds it. Opens no connection yet; settings out of range are brought into it (see
    /// [`AnalyticsConfig::validate`]).
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
        let genai = GenAiMetrics::register(registry);
        let (sender, stream, receiver) = AnalyticsSender::new(
            InstanceId::generate(),
            config.channel_capacity,
            metrics.unaccounted.clone(),
        );
        let preparer = Preparer {
            store: store.clone(),
            keys,
            interner: Interner::new(MAX_COMBINATIONS),
            instances: Instances::default(),
        };
        let engine = Engine {
            store,
            config,
            clock,
            preparer,
            view: CatalogView::default(),
            progress: Progress::default(),
            stream,
            depletions: Arc::new(Depletions::new(metrics.clone())),
            metrics,
            genai,
            commit_order: tokio::sync::Mutex::default(),
            has_partitions: AtomicBool::new(false),
            is_failing: AtomicBool::new(false),
        };
        let channel = sender.weak_channel();
        let end_on_drop = EndOnDrop(Arc::clone(&engine.stream));
        (Self { engine, receiver, channel, end_on_drop }, sender)
    }

    /// Writes what is sent until `shutdown`, or until every sender is gone; then what is left, and ends.
    ///
    /// From `shutdown` on the sender refuses. What was sent or reserved before is waited for and written, within
    /// `shutdown_timeout_ms`. Dropping this future loses what is in the channel; what is sent after that is counted as lost.
    pub async fn run(self, shutdown: CancellationToken) -> Result<Drained, RunError> {
        let Self { engine, receiver, channel, end_on_drop: _end_on_drop } = self;
        let engine = Arc::new(engine);
        let inbox = Arc::new(Inbox::new(
            receiver,
            engine.config.batch_size,
            engine.config.flush_interval(),
            engine.metrics.clone(),
        ));
        let stop_helpers = CancellationToken::new();
        let _stop_on_drop = stop_helpers.clone().drop_guard();
        let helpers = TaskTracker::new();
        helpers.spawn(Arc::clone(&engine.depletions).run(
            engine.store.clone(),
            Arc::clone(&engine.clock),
            engine.config.notification_interval(),
            stop_helpers.clone(),
        ));
        helpers.spawn(housekeeping::run(Arc::clone(&engine), stop_helpers.clone()));
        helpers.close();
        let mut flushers = JoinSet::new();
        for _ in 0..engine.config.flushers {
            let (engine, inbox, shutdown) = (Arc::clone(&engine), Arc::clone(&inbox), shutdown.clone());
            flushers.spawn(async move { engine.run(&inbox, &shutdown).await });
        }
        let in_time = flush_all(&mut flushers, &shutdown, &engine.config).await;
        let reservations = channel.upgrade().map_or(0, |channel| channel.max_capacity() - channel.capacity());
        flushers.shutdown().await;
        // Aborted or ended: from here on nobody takes a record.
        let sent = engine.stream.end();
        stop_helpers.cancel();
        // The last word of a depletion is a hint: a database that does not answer must not hold up the end for it.
        if tokio::time::timeout(LAST_WORD_TIMEOUT, helpers.wait()).await.is_err() {
            tracing::warn!(
                "the last notification of depleted balances was not sent; gateways see them when they poll"
            );
        }
        let lost = u64::try_from(sent.saturating_sub(engine.progress.settled())).unwrap_or(0);
        match in_time {
            Ended::All if lost == 0 => Ok(Drained { records: u64::try_from(sent).unwrap_or(0) }),
            ended => {
                engine.metrics.unaccounted.inc_by(i64::try_from(lost).unwrap_or(i64::MAX));
                let error = match ended {
                    Ended::Panicked => RunError::Panicked { records: lost },
                    // Nothing of what was sent is left in the channel, so what is taken of it is reserved.
                    Ended::OutOfTime if lost == 0 => {
                        RunError::Reserved { reservations: u64::try_from(reservations).unwrap_or(u64::MAX) }
                    }
                    Ended::All | Ended::OutOfTime => RunError::Lost { records: lost },
                };
                tracing::error!(%error, "the batcher did not end in order");
                Err(error)
            }
        }
    }
}

/// How the flushers ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    All,
    OutOfTime,
    Panicked,
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
