//! Keeps the gateway's view up to date with the database.
//!
//! One code path: a refresh takes no input and reads what changed since the last one. A notification only wakes it, and a poll each second
//! guarantees it, so a lost notification costs a second. While the database is away the last view stays in
//! force, and its age grows.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tollgate_domain::{ApiKeyId, InstanceId, MasterKey, ModelId, Tariff, UserId};
use tollgate_gateway::limit::{Caps, Limits, Rates, Subject};
use tollgate_gateway::view::{
    self, AuthStyle, BalanceUpdate, EndpointEntry, KeyEntry, LiveView, ModelEntry, OnDisconnect,
    OnMissingUsage, WhenSpent,
};
use tollgate_store::limits::{Limited, Of};
use tollgate_store::{
    ServerRun, Store, StoreError, Tx, balances::Cursor, endpoints, epochs, notify::Listener, snapshot, users,
};

use super::health::Health;
use super::spending::HasCaps;

/// What makes a change known when no notification does.
const POLL: Duration = Duration::from_secs(1);
/// The end of one refresh and the start of the next are at least this far apart, so that a burst of
/// notifications (a script that makes a thousand keys) is answered by a few refreshes.
const PAUSE: Duration = Duration::from_millis(20);

/// Reads the database into the view.
#[derive(Debug)]
pub(super) struct Refresher {
    store: Store,
    master_key: MasterKey,
    view: Arc<LiveView>,
    /// The stream of records whose debits the view holds.
    instance: InstanceId,
    health: Arc<Health>,
    /// Who reads what was spent is told after each refresh.
    refreshed: watch::Sender<HasCaps>,
    seen: Seen,
}

/// How far the view is.
#[derive(Debug, Default)]
struct Seen {
    config_epoch: Option<(ServerRun, i64)>,
    cursor: Option<Cursor>,
    /// What the view could not use, so that it is logged once.
    problems: BTreeSet<String>,
}

impl Refresher {
    /// One that has read nothing yet.
    pub(super) fn new(
        store: Store,
        master_key: MasterKey,
        view: Arc<LiveView>,
        instance: InstanceId,
        health: Arc<Health>,
        refreshed: watch::Sender<HasCaps>,
    ) -> Self {
        Self { store, master_key, view, instance, health, refreshed, seen: Seen::default() }
    }

    /// Refreshes until `shutdown`. `listen` for hints where the connection can carry them.
    pub(super) async fn run(mut self, listen: bool, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut listener = listen.then(|| Listener::start(&self.store));
        let mut is_away = false;
        loop {
            let refreshed = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                refreshed = self.refresh() => refreshed,
            };
            match refreshed {
                Ok(()) if is_away => {
                    is_away = false;
                    tracing::info!("the database is back; the view is up to date again");
                }
                Err(error) if !is_away => {
                    is_away = true;
                    tracing::warn!(%error, "the view could not be refreshed; the last one stays in force");
                }
                Ok(()) | Err(_) => {}
            }
            let ended = Instant::now();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                () = sleep_until(ended + POLL) => {}
                () = hint(&mut listener) => {
                    sleep_until(ended + PAUSE).await;
                    forget_waiting(&mut listener).await;
                }
            }
        }
    }

    /// Reads what changed and puts it in force.
    pub(super) async fn refresh(&mut self) -> Result<(), StoreError> {
        let epochs = self.store.tx("read_epochs", async |tx: Tx| epochs::read(&tx).await).await?;
        // After a failover the epoch may be one that was seen, of other contents.
        let config = if self.seen.config_epoch == Some((epochs.server, epochs.config)) {
            None
        } else {
            Some(snapshot::load_config(&self.store, &self.master_key).await?)
        };
        // Read after the configuration and put in force before it: no key is known without its owner's balance.
        let changes = snapshot::load_balances(&self.store, self.seen.cursor).await?;
        let own = changes.committed_positions.iter().find(|(instance, _)| *instance == self.instance);
        self.view.apply_balances(BalanceUpdate {
            full: changes.is_full,
            balances: changes.balances,
            committed_position: own.map_or(0, |(_, position)| *position),
        });
        self.seen.cursor = Some(changes.cursor);
        let mut has_caps = *self.refreshed.borrow();
        if let Some(config) = config {
            has_caps = config.limits.iter().any(|limited| limited.limits.has_caps());
            self.seen.config_epoch = Some((config.server, config.config_epoch));
            let problems = self.view.replace_config(translate(config));
            self.log_new(problems.iter().map(ToString::to_string).collect());
        }
        self.refreshed.send_replace(has_caps);
        self.health.refreshed();
        Ok(())
    }

    fn log_new(&mut self, problems: BTreeSet<String>) {
        for problem in problems.difference(&self.seen.problems) {
            tracing::warn!(%problem, "a part of the configuration cannot be used and is left out");
        }
        self.seen.problems = problems;
    }
}

/// Waits for a hint; for ever where there is no listener.
async fn hint(listener: &mut Option<Listener>) {
    match listener {
        Some(listener) => drop(listener.next().await),
        None => std::future::pending().await,
    }
}

/// Drops the hints that came since: the refresh that follows answers them all.
async fn forget_waiting(listener: &mut Option<Listener>) {
    loop {
        tokio::select! {
            biased;
            () = hint(listener) => {}
            () = std::future::ready(()) => return,
        }
    }
}

/// From the store's words into the gateway's, which must not know the store.
fn translate(config: snapshot::Config) -> view::Config {
    let mut tariffs: Vec<Tariff> = Vec::new();
    let models = config.models.into_iter().map(|model| {
        tariffs.extend(model.tariffs);
        ModelEntry {
            id: model.id,
            alias: model.alias,
            endpoint: model.endpoint_id,
            upstream_model: model.upstream_model,
            created_at: model.created_at,
        }
    });
    let models = models.collect();
    let keys = config.keys.into_iter().map(|key| KeyEntry {
        id: key.id,
        digest: key.digest,
        user: key.user_id,
        purpose: key.purpose,
        trusted: key.trusted,
        revoked: key.revoked,
        when_spent: match key.when_spent {
            users::WhenSpent::Finish => WhenSpent::Finish,
            users::WhenSpent::Cut => WhenSpent::Cut,
        },
        revoke_at: key.revoke_at,
    });
    let limits = config.limits.iter().map(limits).collect();
    view::Config {
        keys: keys.collect(),
        models,
        endpoints: config.endpoints.into_iter().map(endpoint).collect(),
        tariffs,
        limits,
    }
}

/// What the database says is limited. What it refuses to hold is without limit.
fn limits(limited: &Limited) -> (Subject, Limits) {
    let subject = match limited.of {
        Of::Key => Subject::Key(ApiKeyId::from_uuid(limited.id)),
        Of::User => Subject::User(UserId::from_uuid(limited.id)),
        Of::Model => Subject::Model(ModelId::from_uuid(limited.id)),
    };
    let stored = limited.limits;
    let rates = Rates {
        requests_per_minute: stored.requests_per_minute.and_then(|limit| limit.try_into().ok()),
        tokens_per_minute: stored.tokens_per_minute.and_then(|limit| limit.try_into().ok()),
        concurrent_requests: stored.concurrent_requests.and_then(|limit| limit.try_into().ok()),
    };
    let caps = Caps { daily: stored.daily_cap, weekly: stored.weekly_cap, monthly: stored.monthly_cap };
    (subject, Limits { rates, caps })
}

/// An endpoint of the database as the gateway takes it.
pub(crate) fn endpoint(config: snapshot::ConfigEndpoint) -> EndpointEntry {
    let snapshot::ConfigEndpoint { endpoint, secret } = config;
    EndpointEntry {
        id: endpoint.id,
        name: endpoint.name,
        base_url: endpoint.base_url,
        provider_name: endpoint.provider_name,
        auth_style: match endpoint.auth_style {
            endpoints::AuthStyle::Bearer => AuthStyle::Bearer,
            endpoints::AuthStyle::XApiKey => AuthStyle::XApiKey,
            endpoints::AuthStyle::ApiKey => AuthStyle::ApiKey,
            endpoints::AuthStyle::XGoogApiKey => AuthStyle::XGoogApiKey,
            endpoints::AuthStyle::None => AuthStyle::None,
        },
        secret,
        inject_usage: endpoint.inject_usage,
        on_disconnect: match endpoint.on_disconnect {
            endpoints::OnDisconnect::Drain => OnDisconnect::Drain,
            endpoints::OnDisconnect::Cancel => OnDisconnect::Cancel,
        },
        on_missing_usage: match endpoint.on_missing_usage {
            endpoints::OnMissingUsage::Estimate => OnMissingUsage::Estimate,
            endpoints::OnMissingUsage::Unrated => OnMissingUsage::Unrated,
        },
        path_templates: endpoint.path_templates,
        pass_through_paths: endpoint.pass_through_paths,
        public_only: endpoint.public_only,
    }
}
