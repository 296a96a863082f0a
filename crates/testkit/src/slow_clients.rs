//! Clients that hold a connection and do little with it: what a server meets from poor networks, and from who wishes it ill.
//!
//! Five kinds in equal parts, kept up: a connection that the server ends is counted and opened anew, until [`SlowClients::close`].
//! They are good citizens of the process they run in: a task and a few hundred bytes each.

mod kinds;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

/// The tag of their requests in the upstream's books.
pub const TAG: &str = "slow";

/// A way to be slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlowKind {
    /// Sends the head of a request byte by byte.
    SlowHead,
    /// Sends a head with a key that is good, and then the body byte by byte.
    SlowBody,
    /// Asks for a long stream and reads nothing of it.
    NonReader,
    /// Has one small answer, and then keeps the connection without a word.
    IdleKeepAlive,
    /// Connects and never says anything. A peer that vanished from the network looks the same to a server.
    HalfOpen,
}

impl SlowKind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::SlowHead, Self::SlowBody, Self::NonReader, Self::IdleKeepAlive, Self::HalfOpen];
}

/// Whom they bother, and how.
#[derive(Debug, Clone)]
pub struct SlowPlan {
    /// The server.
    pub address: SocketAddr,
    /// A key that it knows.
    pub key: String,
    /// A chat model that it has, whose upstream is a [`ScriptedUpstream`](crate::ScriptedUpstream).
    pub model: String,
    /// Between two bytes of those that send byte by byte.
    pub pace: Duration,
    /// Between two connections while they are opened.
    pub opening_pace: Duration,
}

/// How one connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlowEnd {
    /// The server closed it, or broke it, without an answer to what was held back.
    Closed,
    /// The server answered with this status first.
    Answered(u16),
}

/// What became of the connections of one kind.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SlowTally {
    /// Held right now.
    pub held: usize,
    /// Ended by the server after they were held.
    pub ended: usize,
    /// Of these, answered before the end, by status.
    pub answered: BTreeMap<u16, usize>,
    /// The shortest and the longest that an ended one was held, in milliseconds.
    pub held_ms: Option<(u64, u64)>,
    /// Never came to be held: connecting or the first exchange failed. There should be none.
    pub failed: usize,
    /// Why the first of these failed.
    pub first_failure: Option<String>,
}

type Tallies = BTreeMap<SlowKind, SlowTally>;

/// Slow clients at work. Dropped, they close their connections.
#[derive(Debug)]
pub struct SlowClients {
    tallies: Arc<watch::Sender<Tallies>>,
    tasks: JoinSet<()>,
}

impl SlowClients {
    /// Begins to open `total` connections, as many of each kind as of the next.
    pub fn open(plan: &SlowPlan, total: usize) -> Self {
        let tallies: Tallies = SlowKind::ALL.into_iter().map(|kind| (kind, SlowTally::default())).collect();
        let tallies = Arc::new(watch::Sender::new(tallies));
        let plan = Arc::new(plan.clone());
        let turns = Arc::new(tokio::sync::Mutex::new({
            let mut turns = interval(plan.opening_pace.max(Duration::from_micros(1)));
            turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
            turns
        }));
        let mut tasks = JoinSet::new();
        for (kind, number) in SlowKind::ALL.into_iter().cycle().zip(0..total) {
            let client = Client { kind, number, plan: Arc::clone(&plan), tallies: Arc::clone(&tallies) };
            let turns = Arc::clone(&turns);
            tasks.spawn(async move {
                loop {
                    turns.lock().await.tick().await;
                    client.hold_once().await;
                }
            });
        }
        Self { tallies, tasks }
    }

    /// The tallies of all kinds.
    pub fn tallies(&self) -> BTreeMap<SlowKind, SlowTally> {
        self.tallies.borrow().clone()
    }

    /// The tallies once `is_met` holds of them.
    pub async fn wait_for(
        &self,
        mut is_met: impl FnMut(&BTreeMap<SlowKind, SlowTally>) -> bool,
    ) -> BTreeMap<SlowKind, SlowTally> {
        self.tallies.subscribe().wait_for(|tallies| is_met(tallies)).await.unwrap().clone()
    }

    /// Closes every connection and answers what was until then.
    pub async fn close(mut self) -> BTreeMap<SlowKind, SlowTally> {
        self.tasks.shutdown().await;
        self.tallies()
    }
}

/// How many of all kinds are held.
pub fn held(tallies: &BTreeMap<SlowKind, SlowTally>) -> usize {
    tallies.values().map(|tally| tally.held).sum()
}

/// One of them.
struct Client {
    kind: SlowKind,
    number: usize,
    plan: Arc<SlowPlan>,
    tallies: Arc<watch::Sender<Tallies>>,
}

impl Client {
    async fn hold_once(&self) {
        let held_since = Mutex::new(None);
        let on_held = || {
            *held_since.lock().unwrap() = Some(Instant::now());
            self.tally(|tally| tally.held += 1);
        };
        // Also when it is closed in between, which drops this future.
        let not_held = OnDrop(|| {
            if held_since.lock().unwrap().is_some() {
                self.tally(|tally| tally.held -= 1);
            }
        });
        let end = kinds::hold(self.kind, self.number, &self.plan, on_held).await;
        drop(not_held);
        let held_for = held_since.lock().unwrap().map(|since| since.elapsed());
        self.tally(|tally| tally.count(held_for, end));
    }

    fn tally(&self, change: impl FnOnce(&mut SlowTally)) {
        self.tallies.send_modify(|tallies| change(tallies.entry(self.kind).or_default()));
    }
}

impl SlowTally {
    fn count(&mut self, held_for: Option<Duration>, end: std::io::Result<SlowEnd>) {
        match (held_for, end) {
            (Some(held_for), Ok(end)) => {
                self.ended += 1;
                if let SlowEnd::Answered(status) = end {
                    *self.answered.entry(status).or_default() += 1;
                }
                let millis = u64::try_from(held_for.as_millis()).unwrap();
                let (shortest, longest) = self.held_ms.unwrap_or((millis, millis));
                self.held_ms = Some((shortest.min(millis), longest.max(millis)));
            }
            (None, Ok(end)) => self.fail(format!("{end:?} before it was held")),
            (_, Err(error)) => self.fail(error.to_string()),
        }
    }

    fn fail(&mut self, how: String) {
        self.failed += 1;
        self.first_failure.get_or_insert(how);
    }
}

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        self.0();
    }
}
