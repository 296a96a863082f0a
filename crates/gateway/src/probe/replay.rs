//! What recorded requests would have held, and which of them would have been refused: a replay through the estimate, what is learned of earlier
//! answers, and the account of a gateway with leases.
//!
//! Time is the recording's. The books answer at once when a request waits for money, and else have everything within a second; there is one
//! gateway. Who is refused does not come again, which a client would do.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use foldhash::{HashMap, HashMapExt};
use tokio::time::Instant;
use tollgate_domain::{ApiKeyId, Credits, ModelId, PriceList, StatedUsage, TokenUsage, UserId, charge};

use crate::hold::{Estimate, Hold, HoldEnd, Learned, Wanted, estimate};
use crate::view::{BalanceUpdate, LeaseAnswer, LeaseGrant, LeaseRequest, LiveView, WhenSpent};

/// The least time that an answer takes, and what each token adds.
const FIRST_TOKEN_MS: i64 = 200;
const TOKEN_MS: i64 = 20;
/// The books have what was finished so long ago.
const IN_THE_BOOKS_AFTER_MS: i64 = 1000;
/// A lease is spent for longer than a replay takes.
const SPENT_FOR: Duration = Duration::from_hours(1);

/// A request of a recording, and what came of it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Who pays: an index into the credits that a replay begins with. Each has one key.
    pub account: usize,
    /// Any number; what is learned is learned of each model.
    pub model: usize,
    /// When it came, in milliseconds.
    pub at_ms: i64,
    /// The bytes of its body.
    pub body_bytes: u64,
    /// The limit that it states.
    pub max_tokens: Option<u64>,
    /// What it used.
    pub usage: StatedUsage,
    /// What that costs.
    pub prices: PriceList,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It held something, and ran.
    Admitted,
    /// There was not enough money for it.
    Refused,
    /// There was: the balance without what those in flight would come to cost was more than what it would have cost.
    RefusedForNothing,
}

/// A request of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// What it cost, or would have.
    pub cost: Credits,
    /// What it held when it was admitted, as its owner is told; what it wanted to, where it was refused.
    pub hold: Credits,
    /// What was set aside for it.
    pub at_most: Credits,
    /// Whether too few answers had come yet to know how long they are.
    pub is_start: bool,
    /// What became of it.
    pub fate: Fate,
}

/// Replays requests in the order in which they came, for accounts with these credits. What cannot be charged is left out.
pub fn replay(asked: &[Asked], credits: &[Credits]) -> Vec<Seen> {
    let mut accounts: Vec<Account> = credits.iter().map(|credits| Account::new(*credits)).collect();
    let (learned, mut models) = (Learned::default(), HashMap::new());
    let mut ends: BinaryHeap<Reverse<(i64, usize)>> = BinaryHeap::new();
    let mut seen = Vec::with_capacity(asked.len());
    for (index, request) in asked.iter().enumerate() {
        while let Some(Reverse((at, ended))) = ends.peek().copied().filter(|end| end.0.0 <= request.at_ms) {
            ends.pop();
            if let Some(request) = asked.get(ended)
                && let Some(account) = accounts.get_mut(request.account)
            {
                account.ended(ended, at);
                let model = *models.entry(request.model).or_insert_with(ModelId::generate);
                learned.saw(account.key, model, completion(request));
            }
        }
        let (Some(account), Some(cost)) = (accounts.get_mut(request.account), cost(request)) else {
            continue;
        };
        let model = *models.entry(request.model).or_insert_with(ModelId::generate);
        let usual = learned.usual(account.key, model);
        let wanted = Wanted {
            body_bytes: request.body_bytes,
            max_output_tokens: request.max_tokens,
            choices: 1,
            is_clear: true,
            usual_output_tokens: usual,
        };
        account.commit_until(request.at_ms.saturating_sub(IN_THE_BOOKS_AFTER_MS));
        let estimate = estimate(&wanted, &request.prices);
        let (hold, at_most, fate) = account.asks(index, estimate, cost);
        if fate == Fate::Admitted {
            let takes = TOKEN_MS.saturating_mul(i64::try_from(completion(request)).unwrap_or(0));
            ends.push(Reverse((request.at_ms.saturating_add(FIRST_TOKEN_MS).saturating_add(takes), index)));
        }
        seen.push(Seen { cost, hold, at_most, is_start: usual.is_none(), fate });
    }
    seen
}

fn completion(request: &Asked) -> u64 {
    request.usage.completion_tokens.unwrap_or(0).max(0).unsigned_abs()
}

fn cost(request: &Asked) -> Option<Credits> {
    let (usage, _clamped) = TokenUsage::split(&request.usage).ok()?;
    charge(&usage, &request.prices).ok().filter(|cost| cost.is_positive())
}

/// One user at one gateway, and the books.
#[derive(Debug)]
struct Account {
    user: UserId,
    key: ApiKeyId,
    view: Arc<LiveView>,
    /// In the books.
    balance: Credits,
    committed_position: i64,
    finished: i64,
    /// Charges that the books do not have: when they were finished, and how much.
    charged: BTreeMap<i64, (i64, Credits)>,
    in_flight: BTreeMap<usize, (Hold, Credits)>,
}

impl Account {
    fn new(credits: Credits) -> Self {
        let account = Self {
            user: UserId::generate(),
            key: ApiKeyId::generate(),
            view: Arc::new(LiveView::leasing()),
            balance: credits,
            committed_position: 0,
            finished: 0,
            charged: BTreeMap::new(),
            in_flight: BTreeMap::new(),
        };
        account.tell();
        account
    }

    /// A request comes. Returns what it holds as people are told, what is set aside for it, and what becomes of it.
    fn asks(&mut self, index: usize, estimate: Estimate, cost: Credits) -> (Credits, Credits, Fate) {
        let mut admitted = self.hold(estimate);
        let fits_some_day = !estimate.is_bounded || estimate.most <= self.view.available(self.user);
        if admitted.is_none() && fits_some_day {
            let least = self.view.least_hold(self.user, &estimate);
            let number = self.view.wait(self.user, least, estimate.most);
            let requests = self.view.urgent_lease_requests(1);
            self.renew(&requests);
            admitted = self.hold(estimate);
            self.view.stop_waiting(self.user, number);
        }
        if let Some(hold) = admitted {
            self.in_flight.insert(index, (hold, cost));
            let holds = self.view.holds();
            let is_most = holds.held == holds.at_most;
            let hold = if is_most { estimate.most } else { estimate.expected };
            return (hold, estimate.most, Fate::Admitted);
        }
        let coming = self.in_flight.values().fold(cost, |sum, (_, cost)| plus(sum, *cost));
        let fits = coming <= self.view.available(self.user);
        let fate = if fits { Fate::RefusedForNothing } else { Fate::Refused };
        (estimate.most, estimate.most, fate)
    }

    fn hold(&self, estimate: Estimate) -> Option<Hold> {
        self.view.hold(self.user, estimate, WhenSpent::Finish).ok()
    }

    fn ended(&mut self, index: usize, at_ms: i64) {
        let Some((hold, cost)) = self.in_flight.remove(&index) else { return };
        self.finished = self.finished.saturating_add(1);
        self.charged.insert(self.finished, (at_ms, cost));
        hold.end(HoldEnd::Charged { position: self.finished, cost });
    }

    /// What was finished until then is in the books.
    fn commit_until(&mut self, until_ms: i64) {
        let before = self.committed_position;
        while let Some(first) = self.charged.first_entry().filter(|first| first.get().0 <= until_ms) {
            let (position, (_, cost)) = first.remove_entry();
            self.committed_position = position;
            self.balance = self.balance.checked_sub(cost).unwrap_or(self.balance);
        }
        if self.committed_position > before {
            self.tell();
            let requests = self.view.lease_requests(1);
            self.renew(&requests);
        }
    }

    fn tell(&self) {
        self.view.apply_balances(BalanceUpdate {
            full: false,
            balances: vec![(self.user, self.balance)],
            committed_position: self.committed_position,
        });
    }

    /// The books' answer, as `store::leases` gives it to a gateway that is alone.
    fn renew(&self, requests: &[LeaseRequest]) {
        if requests.is_empty() {
            return;
        }
        let grant = |request: &LeaseRequest| grant(request, self.balance.max(Credits::ZERO), self.balance);
        let answer = LeaseAnswer {
            committed_position: self.committed_position,
            grants: requests.iter().map(grant).collect(),
        };
        self.view.apply_leases(requests, &answer, Instant::now() + SPENT_FOR);
    }
}

/// What the books grant a gateway that is alone, of `free`.
pub(super) fn grant(request: &LeaseRequest, free: Credits, balance: Credits) -> LeaseGrant {
    let rest = free.checked_sub(request.keep).unwrap_or(Credits::ZERO).max(Credits::ZERO);
    let waited = if rest >= request.step { request.missing.min(rest) } else { Credits::ZERO };
    let half = rest.checked_sub(waited).ok().and_then(|left| Credits::from_pico(left.pico() / 2).ok());
    let half = half.unwrap_or(Credits::ZERO);
    let room = if waited < request.missing { Credits::ZERO } else { request.room.min(half) };
    LeaseGrant {
        user: request.user,
        amount: plus(plus(request.keep, waited), room),
        balance,
        free,
        others_needed: Credits::ZERO,
        others_unmet: Credits::ZERO,
    }
}

/// The sum; where it does not fit, the first.
fn plus(left: Credits, right: Credits) -> Credits {
    left.checked_add(right).unwrap_or(left)
}
