//! Works off what webhooks are owed. Each server runs one; what one has claimed the others leave alone, and of one user
//! a webhook gets one message after the other.
//!
//! A message is tried at once, then with growing pauses until three days after it was entered, and then given up; `tollgate webhook
//! deliveries` shows it. While it waits, the user's next ones wait behind it; those that have waited so for three days are tried once. When a webhook takes
//! a message, what waits for its return is tried at once.
//!
//! Messages are on their way each in a task of its own, a few of each webhook, so that a receiver that hangs keeps up none but itself.
//! What becomes of them is entered one after the other, by the loop: many that end together take one connection, not the whole pool.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64},
    },
    time::Duration,
};

use anyhow::Context;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use rand::RngExt;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tollgate_domain::{Clock, MasterKey};
use tollgate_store::{
    Store, StoreError, Tx, sealing,
    webhook_deliveries::{self, Attempted, Backlog, Claimed, Most},
};

use crate::webhook::{AWAKE_SECONDS, Message, Sent, SigningKey, Target, WebhookClient};

/// How often it is looked whether anything is due.
const POLL: Duration = Duration::from_secs(1);
/// How often what is owed is counted, for the metrics.
const COUNT_EVERY: Duration = Duration::from_secs(5);
/// Messages that are on their way at once, of all webhooks. Each is a task that waits.
const AT_ONCE: usize = 32;
/// And of one webhook: enough to be quick, and few enough that many must hang before others wait.
const AT_ONCE_PER_WEBHOOK: i64 = 2;
/// So many messages wait for one webhook and user at most; of more the oldest are given up, since the newest say how things are.
const MOST_WAITING: i64 = 1000;
/// For so long after it was entered a message is tried.
const TRIED_FOR_SECONDS: f64 = 3.0 * 86_400.0;
/// Pauses before the second and each further attempt. The specification recommends about these.
const PAUSES_SECONDS: [f64; 10] =
    [1.0, 5.0, 30.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, LONGEST_PAUSE_SECONDS];
const LONGEST_PAUSE_SECONDS: f64 = 72_000.0;
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
    on_their_way: JoinSet<(Claimed, Sent)>,
    /// How attempts ended that is not entered yet. While the database is away they wait here; lost with this process, they are made again.
    ended: VecDeque<(Claimed, Attempted)>,
    is_away: bool,
    counted: Option<Instant>,
    forgot: Option<Instant>,
}

impl Deliverer {
    pub(super) fn new(
        store: Store,
        master_key: MasterKey,
        clock: Arc<dyn Clock>,
        client: WebhookClient,
        registry: &mut Registry,
    ) -> Self {
        let metrics = Metrics::register(registry);
        Self {
            store,
            master_key,
            clock,
            client,
            metrics,
            on_their_way: JoinSet::new(),
            ended: VecDeque::new(),
            is_away: false,
            counted: None,
            forgot: None,
        }
    }

    /// Delivers until `shutdown`. What is on its way then is cut off, and tried again by whoever comes next.
    pub(super) async fn run(mut self, shutdown: CancellationToken) -> anyhow::Result<()> {
        loop {
            let passed = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                passed = self.pass() => passed,
            };
            match passed {
                Ok(()) => {
                    if std::mem::take(&mut self.is_away) {
                        tracing::info!("webhooks are delivered again");
                    }
                }
                Err(error) => {
                    if !std::mem::replace(&mut self.is_away, true) {
                        tracing::warn!(%error, "webhooks cannot be delivered while the database is away");
                    }
                }
            }
            let poll = Instant::now() + POLL;
            let ended = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                Some(ended) = self.on_their_way.join_next() => ended,
                () = sleep_until(poll) => continue,
            };
            let (claimed, sent) = ended.context("an attempt to deliver a webhook")?;
            self.sent(claimed, sent);
        }
    }

    /// Enters how attempts have ended, and sends what is due as far as there is room.
    async fn pass(&mut self) -> Result<(), StoreError> {
        while let Some((claimed, attempted)) = self.ended.front() {
            let enter = async |tx: Tx| {
                webhook_deliveries::ended(&tx, claimed, attempted).await?;
                if attempted.error.is_none() {
                    webhook_deliveries::wake(&tx, claimed.webhook, AWAKE_SECONDS).await?;
                }
                Ok(())
            };
            self.store.tx("end_webhook", enter).await?;
            self.ended.pop_front();
        }
        let room = AT_ONCE.saturating_sub(self.on_their_way.len());
        if room > 0 {
            let most =
                Most { in_all: i64::try_from(room).unwrap_or(i64::MAX), per_webhook: AT_ONCE_PER_WEBHOOK };
            let claim = async |tx: Tx| webhook_deliveries::claim(&tx, most).await;
            for claimed in self.store.tx("claim_webhooks", claim).await? {
                self.send(claimed);
            }
        }
        self.count().await?;
        self.forget().await
    }

    fn send(&mut self, claimed: Claimed) {
        let key = self.key(&claimed);
        let (client, clock) = (self.client.clone(), Arc::clone(&self.clock));
        self.on_their_way.spawn(async move {
            let sent = match key {
                Ok(key) => {
                    let to = Target { url: claimed.url.clone(), public_only: claimed.public_only };
                    client.send(&to, &Message::of(&claimed), &key, clock.now()).await
                }
                Err(error) => Sent { status: None, error: Some(error) },
            };
            (claimed, sent)
        });
    }

    /// An attempt has ended.
    fn sent(&mut self, claimed: Claimed, sent: Sent) {
        let Sent { status, error } = sent;
        let pause = pause(claimed.attempt, claimed.age_seconds).filter(|_| error.is_some());
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
        self.ended.push_back((claimed, attempted));
    }

    fn key(&self, claimed: &Claimed) -> Result<SigningKey, String> {
        let secret = sealing::open_webhook(&self.master_key, claimed.webhook, &claimed.sealed_secret);
        let secret = secret.map_err(|error| error.to_string())?;
        SigningKey::parse(&secret).map_err(|error| error.to_string())
    }

    async fn count(&mut self) -> Result<(), StoreError> {
        if self.counted.is_none_or(|at| at.elapsed() >= COUNT_EVERY) {
            let trim = async |tx: Tx| webhook_deliveries::trim(&tx, MOST_WAITING).await;
            let trimmed = self.store.tx("trim_webhooks", trim).await?;
            if trimmed > 0 {
                tracing::warn!(
                    messages = trimmed,
                    "more messages waited for webhooks than are kept; the oldest were given up"
                );
            }
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

/// How long to wait after this attempt, the first being 1, at a message of this age; `None`: no longer at all.
fn pause(attempt: i32, age_seconds: f64) -> Option<f64> {
    let left = TRIED_FOR_SECONDS - age_seconds;
    if left <= 0.0 {
        return None;
    }
    let index = usize::try_from(attempt.checked_sub(1)?).ok()?;
    let pause = PAUSES_SECONDS.get(index).copied().unwrap_or(LONGEST_PAUSE_SECONDS);
    Some((pause * (1.0 + rand::rng().random_range(0.0..JITTER))).min(left))
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

#[cfg(test)]
mod tests;
