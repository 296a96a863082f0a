//! The running server: what it is made of, in which order it starts, and how it ends.
//!
//! It ends in the order of the flow: the gateway stops accepting and lets its streams end, then the batcher writes what they
//! left, then the database stops. A task that ends unasked ends the server.

mod auditor;
mod closer;
mod deliverer;
mod health;
mod leases;
mod probe;
pub(crate) mod refresher;
mod sink;
mod spending;
mod stores;
mod supervise;

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use axum::Router;
use prometheus_client::registry::Registry;
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;
use tollgate_admin::{Admin, resolve_by_system};
use tollgate_domain::{Clock, MasterKey};
use tollgate_failpoints::{Point, hit};
use tollgate_gateway::{Gateway, view::LiveView};
use tollgate_metering::{AnalyticsBatcher, Journal, RecordKeys};
use tollgate_store::Store;

use self::{
    auditor::Auditor,
    closer::Closer,
    deliverer::Deliverer,
    health::{AliveTasks, Health, Operations, SnapshotAge, SpoolState},
    leases::Leaser,
    refresher::Refresher,
    sink::JournalSink,
    spending::SpendingReader,
    supervise::{Ended, Tasks},
};
use crate::{
    commands::load_master_key,
    config::Config,
    data_dir::{DataDir, ServeLock},
    database::Database,
    webhook::WebhookClient,
};

/// How long the disk may take to close the spool: its last group, and folding its log.
const CLOSING_PATIENCE: Duration = Duration::from_secs(30);

const ADMIN: &str = "management API";
const AUDITOR: &str = "auditor";
const GATEWAY: &str = "gateway";
const BATCHER: &str = "batcher";
const CLOSER: &str = "closer of hours";
const DELIVERER: &str = "deliverer of webhooks";
const LEASER: &str = "leaser";
const REFRESHER: &str = "refresher";
const SPENDING: &str = "reader of what is spent";

/// Starts servers.
#[derive(Debug, Clone, Copy)]
pub struct App;

/// A server that serves. Call [`RunningApp::stop`] or [`RunningApp::run_until`]; dropped, it ends without draining.
#[derive(Debug)]
pub struct RunningApp {
    address: SocketAddr,
    admin_address: Option<SocketAddr>,
    tasks: Tasks,
    gateway: Gateway,
    journal: Journal,
    /// No new requests; streams may end.
    stop_gateway: CancellationToken,
    /// No new records; what was sent is written.
    stop_batcher: CancellationToken,
    stop_background: CancellationToken,
    database: Database,
    /// Dropped last: until then nobody else serves this data directory.
    _lock: ServeLock,
}

impl App {
    /// Starts a server and returns when it serves. Time is what `clock` says: prices, days and records follow it.
    pub async fn start(config: Config, clock: Arc<dyn Clock>) -> anyhow::Result<RunningApp> {
        config.analytics.validate()?;
        config.spool.validate()?;
        let data_dir = DataDir::prepare(&config.data_dir)?;
        let lock = data_dir.lock_for_serving().await?;
        let database = Database::for_serving(&config, &data_dir).await?;
        // It is large, and every caller would carry it.
        match Box::pin(assemble(&config, clock, &database, &data_dir, &lock)).await {
            Ok(parts) => Ok(parts.spawn(&config, database, lock)),
            Err(error) => {
                database.stop().await?;
                Err(error)
            }
        }
    }
}

/// Everything that a server is made of, ready to run.
struct Parts {
    address: SocketAddr,
    listener: TcpListener,
    router: Router,
    admin: Option<(Admin, TcpListener)>,
    gateway: Gateway,
    journal: Journal,
    batcher: AnalyticsBatcher,
    refresher: Refresher,
    spending: SpendingReader,
    leaser: Leaser,
    auditor: Option<Auditor>,
    closer: Closer,
    deliverer: Deliverer,
    health: Arc<Health>,
}

async fn assemble(
    config: &Config,
    clock: Arc<dyn Clock>,
    database: &Database,
    data_dir: &DataDir,
    lock: &ServeLock,
) -> anyhow::Result<Parts> {
    let mut registry = Registry::default();
    let store = stores::of_books(config, database, &mut registry).await?;
    // Commands change things.
    lock.publish_database(database.admin_url.as_ref().unwrap_or(&database.url))?;
    let gateway_store = stores::of_gateway(database, &store).await?;
    let master_key = load_master_key(&config.master_key_path(), &store).await?;

    let journal =
        Journal::open(&store, &config.spool, &data_dir.spool(), Arc::clone(&clock), &mut registry).await?;
    let keys = RecordKeys::derive(&master_key);
    let auditor = Auditor::new(&config.audit, store.clone(), keys.clone(), Arc::clone(&clock), &mut registry);
    let closer = Closer::new(store.clone(), Arc::clone(&clock));
    let batcher = AnalyticsBatcher::with_journal(
        store.clone(),
        config.analytics.clone(),
        Arc::clone(&clock),
        keys,
        &journal,
        &mut registry,
    );
    let webhooks = WebhookClient::new(&config.admin.allowed_networks)?;
    let deliverer = Deliverer::new(
        store.clone(),
        master_key.clone(),
        Arc::clone(&clock),
        webhooks.clone(),
        &mut registry,
    );
    let view = Arc::new(LiveView::leasing());
    let leaser = Leaser::new(&config.leases, gateway_store.clone(), Arc::clone(&view), journal.clone());
    let sink = Arc::new(JournalSink::new(journal.clone()));
    let mut settings = config.gateway.clone();
    settings.allowed_networks = config.admin.allowed_networks.clone();
    let instance = journal.instance_id();
    let (refreshed, seen) = watch::channel(false);
    let mut spending =
        SpendingReader::new(gateway_store.clone(), Arc::clone(&view), Arc::clone(&clock), instance, seen);
    let tried_at = Arc::clone(&clock);
    let admin = open_admin(config, database, &store, &master_key, Arc::clone(&clock)).await?;
    let gateway = Gateway::new(settings, Arc::clone(&view), sink, clock, &master_key, &mut registry)?;
    let health = Arc::new(Health::new());
    registry.register_collector(Box::new(SnapshotAge(Arc::clone(&health))));
    registry
        .register_collector(Box::new(AliveTasks(tokio::runtime::Handle::current(), Some(gateway.clone()))));
    let mut refresher =
        Refresher::new(gateway_store, master_key, view, instance, Arc::clone(&health), refreshed);
    refresher.refresh().await.context("the first snapshot could not be read")?;
    // From its first request on it knows what was spent before.
    spending.refresh().await.context("what was spent under caps could not be read")?;

    let operations = Operations {
        health: Arc::clone(&health),
        registry: Arc::new(registry),
        spool: Arc::new({
            let journal = journal.clone();
            move || SpoolState { is_sound: journal.is_sound(), has_room: journal.has_room() }
        }),
    };
    let probed = operations.clone();
    let router = operations.router().merge(gateway.router());
    // Last: who finds the port closed knows that nobody serves yet.
    let listener =
        TcpListener::bind(&config.listen).await.map_err(|error| cannot_listen(&config.listen, &error))?;
    let address = listener.local_addr()?;
    if let Some((admin, listener)) = &admin {
        admin.observe(probe::gateway(address, probed));
        admin.check_endpoints_by(probe::upstreams(gateway.clone()));
        admin.try_webhooks_by(probe::webhooks(webhooks, store.clone(), tried_at));
        lock.publish_admin_address(listener.local_addr()?)?;
    }
    lock.publish_address(address)?;
    hit(Point::ServerListening);
    Ok(Parts {
        address,
        listener,
        router,
        admin,
        gateway,
        journal,
        batcher,
        refresher,
        spending,
        leaser,
        auditor,
        closer,
        deliverer,
        health,
    })
}

/// The management API and its listener; `None` where it is off.
async fn open_admin(
    config: &Config,
    database: &Database,
    books: &Store,
    master: &MasterKey,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Option<(Admin, TcpListener)>> {
    let Some(listener) = tollgate_admin::bind(&config.admin).await? else { return Ok(None) };
    let store = stores::of_admin(database, books).await?;
    let check = |endpoint| refresher::endpoint(endpoint).check();
    let admin = Admin::new(&config.admin, store, master.clone(), clock, Arc::new(check), resolve_by_system());
    Ok(Some((admin, listener)))
}

fn cannot_listen(address: &str, error: &io::Error) -> anyhow::Error {
    let advice = match error.kind() {
        ErrorKind::AddrInUse => {
            "another program listens there: stop it, or choose another port with --listen or `listen`"
        }
        ErrorKind::PermissionDenied => {
            "this user may not have that port: choose one above 1023 with --listen or `listen`"
        }
        ErrorKind::AddrNotAvailable => {
            "no interface of this machine has that address: choose another one with --listen or `listen`, such as \
             127.0.0.1:8080, or 0.0.0.0:8080 for every interface"
        }
        _ => "choose another address with --listen or `listen`, such as 127.0.0.1:8080",
    };
    anyhow::anyhow!("cannot listen on {address}: {error}; {advice}")
}

impl Parts {
    fn spawn(self, config: &Config, database: Database, lock: ServeLock) -> RunningApp {
        let Self {
            address,
            listener,
            router,
            admin,
            gateway,
            journal,
            batcher,
            refresher,
            spending,
            leaser,
            auditor,
            closer,
            deliverer,
            health,
        } = self;
        let mut tasks = Tasks::default();
        let (stop_gateway, stop_batcher, stop_background) =
            (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());

        let (alive, stop) = (health.batcher_alive(), stop_batcher.clone());
        tasks.spawn(BATCHER, async move {
            let _alive = alive;
            let drained = batcher.run(stop).await?;
            if drained.left_in_spool == 0 {
                tracing::info!(records = drained.records, "every record is in the books or in quarantine");
            }
            Ok(())
        });
        tasks.spawn(REFRESHER, refresher.run(config.database.listen, stop_background.clone()));
        tasks.spawn(LEASER, leaser.run(stop_background.clone()));
        if let Some(auditor) = auditor {
            tasks.spawn(AUDITOR, auditor.run(stop_background.clone()));
        }
        tasks.spawn(CLOSER, closer.run(stop_background.clone()));
        tasks.spawn(SPENDING, spending.run(stop_background.clone()));
        tasks.spawn(DELIVERER, deliverer.run(stop_background.clone()));
        let admin_address = admin.as_ref().and_then(|(_, listener)| listener.local_addr().ok());
        if let Some((admin, listener)) = admin {
            let stop = stop_gateway.clone();
            tasks.spawn(ADMIN, async move {
                admin.serve(listener, stop).await;
                Ok(())
            });
        }
        let (serving, stop) = (gateway.clone(), stop_gateway.clone());
        tasks.spawn(GATEWAY, async move { Ok(serving.serve_router(listener, router, stop).await?) });
        RunningApp {
            address,
            admin_address,
            tasks,
            gateway,
            journal,
            stop_gateway,
            stop_batcher,
            stop_background,
            database,
            _lock: lock,
        }
    }
}

impl RunningApp {
    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its management API listens; `None` where it is off.
    pub const fn admin_address(&self) -> Option<SocketAddr> {
        self.admin_address
    }

    /// Serves until `signal` returns, then stops in order; or until a task ends unasked, which is an error. When `signal` returns
    /// once more while it stops, streams are cut off at once; what they were until then is recorded and entered all the same.
    pub async fn run_until(mut self, mut signal: impl AsyncFnMut()) -> anyhow::Result<()> {
        let ended = tokio::select! {
            biased;
            ended = self.tasks.next_end() => Some(ended),
            () = signal() => None,
        };
        match ended {
            None => {
                tracing::info!(
                    "stopping: streams may end, then the books are completed; another signal cuts streams off"
                );
                self.stop_by(signal()).await
            }
            Some(Ended { name, result }) => {
                let error = result.err().unwrap_or_else(|| anyhow::anyhow!("the {name} ended unasked"));
                tracing::error!(error = %crate::explain(&error), "the server cannot go on");
                // Nobody would bill what streams on without a batcher: it is cut off. What it was until then goes into the spool.
                let cut_off = async {
                    if name != BATCHER {
                        signal().await;
                    }
                };
                if let Err(also) = self.stop_by(cut_off).await {
                    tracing::error!(error = %crate::explain(&also), "and it did not stop cleanly");
                }
                Err(error)
            }
        }
    }

    /// Stops in the order of the flow. An error says what was lost.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stop_by(std::future::pending()).await
    }

    /// As [`RunningApp::stop`]; streams that have not ended by `cut_off` are cut off.
    async fn stop_by(mut self, cut_off: impl Future<Output = ()>) -> anyhow::Result<()> {
        let mut others = Vec::new();
        self.stop_gateway.cancel();
        let in_time = tokio::select! {
            biased;
            ended = self.tasks.end_of(GATEWAY, &mut others) => Some(ended),
            () = cut_off => None,
        };
        let gateway = if let Some(ended) = in_time {
            ended
        } else {
            tracing::warn!("streams are cut off; what they were until now is recorded and entered");
            self.gateway.cut_off();
            self.tasks.end_of(GATEWAY, &mut others).await
        };
        hit(Point::GatewayStopped);
        self.stop_batcher.cancel();
        let batcher = self.tasks.end_of(BATCHER, &mut others).await;
        hit(Point::BatcherStopped);
        // Told to stop together with the gateway. The books do not wait for whoever reads a report.
        let admin = self.tasks.end_of(ADMIN, &mut others).await;
        self.stop_background.cancel();
        let refresher = self.tasks.end_of(REFRESHER, &mut others).await;
        let spending = self.tasks.end_of(SPENDING, &mut others).await;
        let auditor = self.tasks.end_of(AUDITOR, &mut others).await;
        let closer = self.tasks.end_of(CLOSER, &mut others).await;
        let deliverer = self.tasks.end_of(DELIVERER, &mut others).await;
        let leaser = self.tasks.end_of(LEASER, &mut others).await;
        let journal = self.journal.clone();
        let closing = tokio::task::spawn_blocking(move || journal.close());
        let spool = match tokio::time::timeout(CLOSING_PATIENCE, closing).await {
            Ok(Ok(closed)) => closed.context("the spool was not closed cleanly"),
            Ok(Err(error)) => Err(error).context("the spool was not closed"),
            Err(_elapsed) => Err(anyhow::anyhow!(
                "the spool was not closed in {CLOSING_PATIENCE:?}: its disk does not answer. What it has is entered after the next start"
            )),
        };
        let database = self.database.stop().await;
        hit(Point::ServerStopped);
        // What was lost comes first; the rest is logged.
        let results = [
            batcher, spool, gateway, admin, refresher, spending, leaser, auditor, closer, deliverer, database,
        ];
        let mut errors =
            results.into_iter().chain(others.into_iter().map(|ended| ended.result)).filter_map(Result::err);
        let Some(first) = errors.next() else { return Ok(()) };
        for error in errors {
            tracing::error!(error = %crate::explain(&error), "while stopping");
        }
        Err(first)
    }
}

#[cfg(test)]
mod tests;
