//! The clients: a bounded number of them, one request after the other, at whichever gateway is up.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::watch, task::JoinSet};

use crate::{
    client::{self, Got},
    plan::GATEWAYS,
    scene::{Request, USERS},
};

/// Clients at once.
const CLIENTS: u64 = 8;
/// A client whose gateway is down looks again so soon.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// One life of one gateway; they are numbered over all gateways.
pub(crate) type Life = usize;

/// A request that was sent, and what came of it.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) request: Request,
    pub(crate) life: Life,
    pub(crate) got: Got,
}

/// Where requests can go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) life: Life,
}

#[derive(Debug)]
struct Shared {
    seed: u64,
    /// The secret of each user's key.
    keys: Vec<String>,
    next: AtomicU64,
    targets: Mutex<[Option<Target>; GATEWAYS]>,
    /// What was sent since it was taken last.
    sent: Mutex<Vec<Sent>>,
    /// Whether requests are sent.
    flows: watch::Sender<bool>,
    busy: watch::Sender<u64>,
}

/// The running clients. Dropped, they stop.
#[derive(Debug)]
pub(crate) struct Load {
    shared: Arc<Shared>,
    _clients: JoinSet<()>,
}

impl Load {
    /// Clients that wait until they may begin.
    pub(crate) fn new(seed: u64, keys: Vec<String>) -> Self {
        let shared = Arc::new(Shared {
            seed,
            keys,
            next: AtomicU64::new(1),
            targets: Mutex::default(),
            sent: Mutex::default(),
            flows: watch::Sender::new(false),
            busy: watch::Sender::new(0),
        });
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            clients.spawn(run(Arc::clone(&shared)));
        }
        Self { shared, _clients: clients }
    }

    /// A gateway is up, or is not any more.
    pub(crate) fn set_target(&self, gateway: usize, target: Option<Target>) {
        if let Some(place) = self.shared.targets.lock().get_mut(gateway) {
            *place = target;
        }
    }

    pub(crate) fn flow(&self) {
        self.shared.flows.send_replace(true);
    }

    /// Waits until nothing is under way. What was sent is left to be taken.
    pub(crate) async fn rest(&self) {
        self.shared.flows.send_replace(false);
        // The sender lives as long as this.
        drop(self.shared.busy.subscribe().wait_for(|busy| *busy == 0).await);
    }

    /// Waits until nothing is under way; answers what was sent since the last time.
    pub(crate) async fn pause(&self) -> Vec<Sent> {
        self.rest().await;
        std::mem::take(&mut *self.shared.sent.lock())
    }

    /// The number of the next request.
    pub(crate) fn next_number(&self) -> u64 {
        self.shared.next.load(Ordering::Relaxed)
    }
}

async fn run(shared: Arc<Shared>) {
    let mut flows = shared.flows.subscribe();
    loop {
        if flows.wait_for(|flows| *flows).await.is_err() {
            return;
        }
        shared.busy.send_modify(|busy| *busy += 1);
        // Who paused after the wait sees that this one is busy; who paused before it is seen here.
        if *shared.flows.borrow() {
            shared.send_one().await;
        }
        shared.busy.send_modify(|busy| *busy -= 1);
    }
}

impl Shared {
    async fn send_one(&self) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let Some(target) = self.target(number) else { return tokio::time::sleep(LOOK_AGAIN).await };
        let request = Request::new(self.seed, number);
        debug_assert_eq!(self.keys.len(), USERS.len());
        let Some(key) = self.keys.get(request.user) else { return };
        let got = client::send(target.address, key, &request).await;
        let connected = got.sent;
        self.sent.lock().push(Sent { request, life: target.life, got });
        if !connected {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// One of those that are up, in turn.
    fn target(&self, number: u64) -> Option<Target> {
        let targets = self.targets.lock();
        let up: Vec<Target> = targets.iter().copied().flatten().collect();
        let index = usize::try_from(number).unwrap_or(0).checked_rem(up.len())?;
        up.get(index).copied()
    }
}
