//! Works off what webhooks are owed. Each server runs one; what one has claimed the others leave alone, and of one user
//! a webhook gets one message after the other.
//!
//! A message is tried at once, then with growing pauses for three days, and then given up; `tollgate webhook deliveries` shows it. While it
//! waits, the user's next ones wait behind it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64},
    },
    time::Duration,
};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use rand::RngExt;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tollgate_domain::{Clock, MasterKey};
use tollgate_store::{
    Store, StoreError, Tx, sealing,
    webhook_deliveries::{self, Attempted, Backlog, Claimed},
};

use crate::webhook::{Message, Sent, SigningKey, WebhookClient};

/// How often it is looked whether anything is due.
const POLL: Duration = Duration::from_secs(1);
/// How often what is owed is counted, for the metrics.
const COUNT_EVERY: Duration = Duration::from_secs(5);
/// Messages that are on their way at once.
const AT_ONCE: i64 = 16;
/// Pauses before the second and each further attempt: three days in all. The specification recommends about these.
const PAUSES_SECONDS: [f64; 11] =
    [1.0, 5.0, 30.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0];
/// A random part of this much is added to each, so that those that failed together do not come back together.
const JITTER: f64 = 0.1;
/// What has ended is kept for so long, for people to look at.
const KEPT_DAYS: i32 = 30;
const FORGET_EVERY: Duration = Duration::from_hours(1);

/// Delivers.
#[derive(Debug)]
pub(super) struct Deliverer {
    store: Store,
    master_key: MasterKey,
    clock: Arc<dyn Clock>,
    client: WebhookClient,
    metrics: Metrics,
    is_away: bool,
    counted: Option<Instant>,
    forgot: Option<Instant>,
}

impl Deliverer {
    pub(super) fn new(
        store: Store,
        master_key: MasterKey,
        clock: Arc<dyn Clock>,
        registry: &mut Registry,
    ) -> anyhow::Result<Self> {
        let (client, metrics) = (WebhookClient::new()?, Metrics::register(registry));
        Ok(Self { store, master_key, clock, client, metrics, is_away: false, counted: None, forgot: None })
    }

    /// Delivers until `shutdown`. What is on its way then is cut off, and tried again by whoever comes next.
    pub(super) async fn run(mut self, shutdown: CancellationToken) -> anyhow::Result<()> {
        loop {
            let passed = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                passed = self.pass() => passed,
            };
            let has_more = match passed {
                Ok(delivered) => {
                    if std::mem::take(&mut self.is_away) {
                        tracing::info!("webhooks are delivered again");
                    }
                    delivered > 0
                }
                Err(error) => {
                    if !std::mem::replace(&mut self.is_away, true) {
                        tracing::warn!(%error, "webhooks cannot be delivered while the database is away");
                    }
                    false
                }
            };
            if !has_more {
                tokio::select! {
                    biased;
                    () = shutdown.cancelled() => return Ok(()),
                    () = sleep(POLL) => {}
                }
            }
        }
    }

    /// Tries what is due, and says how much that was.
    async fn pass(&mut self) -> Result<usize, StoreError> {
        let claim = async |tx: Tx| webhook_deliveries::claim(&tx, AT_ONCE).await;
        let claimed = self.store.tx("claim_webhooks", claim).await?;
        let attempts = claimed.iter().map(|claimed| self.attempt(claimed));
        for ended in futures_util::future::join_all(attempts).await {
            ended?;
        }
        self.count().await?;
        self.forget().await?;
        Ok(claimed.len())
    }

    async fn attempt(&self, claimed: &Claimed) -> Result<(), StoreError> {
        let Sent { status, error } = match self.key(claimed) {
            Ok(key) => {
                let message = Message::of(claimed);
                self.client.send(&claimed.url, &message, &key, self.clock.now()).await
            }
            Err(error) => Sent { status: None, error: Some(error) },
        };
        let pause = pause(claimed.attempt).filter(|_| error.is_some());
        self.metrics.attempted(match (&error, pause) {
            (None, _) => "delivered",
            (Some(_), Some(_)) => "failed",
            (Some(_), None) => "given_up",
        });
        if let (Some(error), None) = (&error, pause) {
            let message = webhook_deliveries::message_id(claimed.message_id);
            tracing::warn!(webhook = %claimed.webhook, message, error, "a webhook was given up");
        }
        let attempted = Attempted {
            status: status.map(|status| i32::from(status.as_u16())),
            error,
            again_after_seconds: pause,
        };
        let end = async |tx: Tx| webhook_deliveries::ended(&tx, claimed, &attempted).await;
        self.store.tx("end_webhook", end).await
    }

    fn key(&self, claimed: &Claimed) -> Result<SigningKey, String> {
        let secret = sealing::open_webhook(&self.master_key, claimed.webhook, &claimed.sealed_secret);
        let secret = secret.map_err(|error| error.to_string())?;
        SigningKey::parse(&secret).map_err(|error| error.to_string())
    }

    async fn count(&mut self) -> Result<(), StoreError> {
        if self.counted.is_none_or(|at| at.elapsed() >= COUNT_EVERY) {
            let backlog = async |tx: Tx| webhook_deliveries::backlog(&tx).await;
            let Backlog { waiting, oldest_seconds } = self.store.tx("count_webhooks", backlog).await?;
            self.metrics.waiting.set(waiting);
            self.metrics.oldest_seconds.set(oldest_seconds);
            self.counted = Some(Instant::now());
        }
        Ok(())
    }

    async fn forget(&mut self) -> Result<(), StoreError> {
        if self.forgot.is_none_or(|at| at.elapsed() >= FORGET_EVERY) {
            let forget = async |tx: Tx| webhook_deliveries::forget(&tx, KEPT_DAYS).await;
            self.store.tx("forget_webhooks", forget).await?;
            self.forgot = Some(Instant::now());
        }
        Ok(())
    }
}

/// How long to wait after this attempt, the first being 1; `None`: no longer at all.
fn pause(attempt: i32) -> Option<f64> {
    let index = usize::try_from(attempt.checked_sub(1)?).ok()?;
    let pause = PAUSES_SECONDS.get(index)?;
    Some(pause * (1.0 + rand::rng().random_range(0.0..JITTER)))
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Debug, Default)]
struct Metrics {
    attempts: Family<OutcomeLabel, Counter>,
    waiting: Gauge<i64, AtomicI64>,
    oldest_seconds: Gauge<f64, AtomicU64>,
}

impl Metrics {
    fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let group = registry.sub_registry_with_prefix("tollgate_webhook");
        group.register(
            "attempts",
            "Attempts to deliver messages, by how they ended",
            metrics.attempts.clone(),
        );
        group.register(
            "waiting_deliveries",
            "Messages that webhooks are owed, of all servers",
            metrics.waiting.clone(),
        );
        group.register(
            "oldest_waiting_seconds",
            "How long the oldest of them has waited; zero where there is none",
            metrics.oldest_seconds.clone(),
        );
        metrics
    }

    fn attempted(&self, outcome: &'static str) {
        self.attempts.get_or_create(&OutcomeLabel { outcome }).inc();
    }
}
