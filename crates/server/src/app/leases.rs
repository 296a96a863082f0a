//! Keeps the gateway's leases: asks the books, off the request path, for what it may spend of its users' credits.
//!
//! Four times a second what was used is renewed and what is not needed goes back; at once where a request waits for money, for its user. Where
//! nothing has happened, a lease is renewed at a quarter of its life, or when another gateway is heard to lack what it has. At the end everything goes back. A gateway that dies leaves its leases behind; they run out
//! by themselves, and whoever lives sweeps them up.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tollgate_gateway::view::{LeaseAnswer, LeaseGrant, LeaseRequest, LiveView, RENEWAL_INTERVAL};
use tollgate_metering::Journal;
use tollgate_store::{
    Store, StoreError, Tx,
    leases::{self, Epoch, Granted, Wanted},
};
use uuid::Uuid;

use crate::config::LeaseConfig;

/// Between two renewals at least, so that requests that come together wait together.
const PAUSE: Duration = Duration::from_millis(4);
/// While requests wait for what others do not need, both sides ask more often.
const WAITING: Duration = Duration::from_millis(50);
/// A database that does not answer for so long is away. A lease that is not renewed meanwhile is spent from all the same.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Others' needs are heard of within this time, or with the next renewal.
const HEARD_WITHIN: Duration = Duration::from_secs(1);
/// How often leases of the dead are swept up. Nobody waits for it: a lease that has run out counts for nothing.
const SWEEP_INTERVAL: Duration = Duration::from_secs(10);
/// The same while there may be some of former lives of this gateway, which do count.
const FORMER_INTERVAL: Duration = Duration::from_secs(1);
/// At the end: one renewal that tells what has come into the books, one that gives back, and one to spare.
const RETURNS: usize = 3;

/// Renews leases.
#[derive(Debug)]
pub(super) struct Leaser {
    store: Store,
    view: Arc<LiveView>,
    epoch: Epoch,
    /// It knows when the books have all of the lives before this one.
    journal: Journal,
    /// The leases of those were ended.
    has_ended_former: bool,
    lifetime: Duration,
    spent_for: Duration,
    is_away: bool,
}

impl Leaser {
    pub(super) fn new(config: &LeaseConfig, store: Store, view: Arc<LiveView>, journal: Journal) -> Self {
        Self {
            store,
            view,
            epoch: Epoch { instance: journal.instance_id(), id: Uuid::new_v4() },
            journal,
            has_ended_former: false,
            lifetime: config.lifetime(),
            spent_for: config.spent_for(),
            is_away: false,
        }
    }

    /// Renews until `shutdown`, which comes when the batcher has ended; then gives everything back.
    pub(super) async fn run(mut self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut swept_at: Option<Instant> = None;
        let mut next_at = Instant::now();
        loop {
            let is_tick = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                () = sleep_until(next_at) => true,
                () = self.view.lease_wanted() => false,
            };
            if is_tick {
                self.hear().await;
                let (is_short, is_all) = self.renew(self.view.lease_requests(leases::MAX_USERS)).await;
                let pause = if is_short { WAITING } else { RENEWAL_INTERVAL };
                next_at = Instant::now() + if is_all { pause } else { Duration::ZERO };
            } else {
                let (is_short, is_all) = self.renew(self.view.urgent_lease_requests(leases::MAX_USERS)).await;
                let pause = if is_all { WAITING } else { Duration::ZERO };
                if is_short || !is_all {
                    next_at = next_at.min(Instant::now() + pause);
                }
            }
            let ended = Instant::now();
            let interval = if self.has_ended_former { SWEEP_INTERVAL } else { FORMER_INTERVAL };
            if swept_at.is_none_or(|at| at + interval <= ended) {
                swept_at = Some(ended);
                // It must not keep leases from being renewed.
                let late = StoreError::Timeout { name: "sweep_leases", after: ANSWER_WITHIN };
                let swept = timeout(ANSWER_WITHIN, self.sweep()).await.unwrap_or(Err(late));
                self.say("leases that have run out could not be swept up", swept);
            }
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                () = sleep_until(ended + PAUSE) => {}
            }
        }
        self.give_back().await;
        Ok(())
    }

    /// Hears which users' money other gateways lack. Where this fails, the next renewal tells.
    async fn hear(&self) {
        if !self.view.has_leases() {
            return;
        }
        let epoch = self.epoch;
        let lacking = async |tx: Tx| leases::lacking(&tx, epoch).await;
        if let Ok(Ok(users)) = timeout(HEARD_WITHIN, self.store.tx("lacking_leases", lacking)).await {
            self.view.others_lack(&users);
        }
    }

    /// Asks for what is due. Returns whether money is short, here or elsewhere, and whether that was all that is due.
    async fn renew(&mut self, requests: Vec<LeaseRequest>) -> (bool, bool) {
        if requests.is_empty() {
            return (false, true);
        }
        let asked = self.ask(&requests).await;
        let is_busy = asked.as_ref().is_err_and(leases::is_busy);
        if asked.is_err() && !is_busy {
            self.view.leases_failed();
        }
        let is_short = is_busy
            || requests.iter().any(|request| request.missing.is_positive())
            || asked.as_ref().is_ok_and(|others_lack| *others_lack);
        // After an error there is no hurry.
        let is_all = requests.len() < leases::MAX_USERS || asked.is_err();
        let message = "leases could not be renewed; what is leased is spent until it runs out";
        self.say(message, asked.map(drop));
        (is_short, is_all)
    }

    /// Returns whether other gateways lack money of these users. What goes wrong with some of them does not keep it from the others.
    async fn ask(&self, requests: &[LeaseRequest]) -> Result<bool, StoreError> {
        let (mut others_lack, mut failed) = (false, None);
        for requests in requests.chunks(leases::MAX_USERS) {
            match self.ask_for(requests).await {
                Ok(lack) => others_lack |= lack,
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(others_lack), Err)
    }

    async fn ask_for(&self, requests: &[LeaseRequest]) -> Result<bool, StoreError> {
        let wanted: Vec<Wanted> = requests.iter().map(wanted).collect();
        // Before it is sent: the books' time begins later.
        let spent_until = Instant::now() + self.spent_for;
        let (epoch, lifetime) = (self.epoch, self.lifetime);
        let renew = async |tx: Tx| leases::renew(&tx, epoch, lifetime, &wanted).await;
        let renewing = timeout(ANSWER_WITHIN, self.store.tx("renew_leases", renew));
        let renewal = renewing
            .await
            .map_err(|_| StoreError::Timeout { name: "renew_leases", after: ANSWER_WITHIN })??;
        let answer = LeaseAnswer {
            committed_position: renewal.committed_position,
            grants: renewal.granted.iter().map(grant).collect(),
        };
        self.view.apply_leases(requests, &answer, spent_until);
        Ok(answer.grants.iter().any(|grant| grant.others_unmet.is_positive()))
    }

    async fn sweep(&mut self) -> Result<(), StoreError> {
        // Again and again: a renewal that a former life sent may commit after this one began.
        if let Some(former_end) = self.journal.former_end() {
            let epoch = self.epoch;
            let end = async |tx: Tx| leases::end_former(&tx, epoch, former_end).await;
            self.has_ended_former = self.store.tx("end_former_leases", end).await?;
        }
        let swept = self.store.tx("sweep_leases", async |tx| leases::sweep(&tx).await).await?;
        if swept > 0 {
            tracing::warn!(
                leases = swept,
                "leases have run out: their gateway died, or was cut off from the database for too long"
            );
        }
        Ok(())
    }

    /// As far as the books have what counts against them; the rest runs out by itself.
    async fn give_back(mut self) {
        for _ in 0..RETURNS {
            let requests = self.view.lease_returns();
            if requests.is_empty() {
                return;
            }
            let asked = self.ask(&requests).await;
            if asked.is_err() {
                self.say("leases could not be given back; they run out by themselves", asked.map(drop));
                return;
            }
        }
    }

    /// Says once that the database is away, and once that it is back.
    fn say(&mut self, message: &'static str, result: Result<(), StoreError>) {
        match result {
            Ok(()) if self.is_away => {
                self.is_away = false;
                tracing::info!("the database is back; leases are renewed again");
            }
            Err(error) if !self.is_away => {
                self.is_away = true;
                tracing::warn!(%error, "{message}");
            }
            Ok(()) | Err(_) => {}
        }
    }
}

/// From the gateway's words into the store's, which must not know each other.
fn wanted(request: &LeaseRequest) -> Wanted {
    let LeaseRequest { user, keep, step, missing, room, needed, held, overrun, gives_back } = *request;
    Wanted { user, keep, step, missing, room, needed, held, overrun, gives_back }
}

fn grant(granted: &Granted) -> LeaseGrant {
    let Granted { user, amount, balance, free, others_needed, others_unmet } = *granted;
    LeaseGrant { user, amount, balance, free, others_needed, others_unmet }
}
