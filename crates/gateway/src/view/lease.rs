//! What this gateway may spend of one user's credits without asking anybody: its lease, and how much of it to ask for.
//!
//! A lease is a part of the balance that the other gateways leave alone. It covers what the requests in flight hold and what
//! they have cost that the books do not have yet; the rest of it is room for the next ones. The books are asked for it off the request path, by
//! whoever owns the database: [`LeaseRequest`] goes out, a [`LeaseGrant`] comes back.
//!
//! Guarantees, on which the bound on overdrafts rests (decision 12):
//!
//! - From the moment that a request is made until its answer is applied, no more is spent than the books leave with this gateway:
//!   [`Lease::ask`] lowers the limit to what it asks for *before* anything is sent, so an answer that is lost does no harm.
//! - What is granted beyond what nobody else has is spent only as far as it was this gateway's before, less what it has charged of it.
//! - A lease is spent from until a time by the gateway's own monotonic clock that began before the books' did.
//! - A charge counts against it until the books say that the balance they granted from includes it.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use tollgate_domain::{Credits, UserId};

/// A lease that was used is renewed this often: what it does not need any more goes back.
pub const RENEWAL_INTERVAL: Duration = Duration::from_millis(250);
/// The same of one to which nothing has happened, and whose last charges, or last answer, have not come yet.
const SETTLING_INTERVAL: Duration = Duration::from_millis(500);
/// One with nothing to be said of it is renewed when this part of the time is over that it may be spent for, so that three quarters of it are left when
/// the database goes away: 33 s with the default.
const PARTS_OF_LIFE: u32 = 4;
/// While a request waits for what others do not need, both sides ask this often.
const WAITING_INTERVAL: Duration = Duration::from_millis(50);
/// A lease that nobody has used for so long is given back.
const IDLE: Duration = Duration::from_secs(10);
/// The room is for so much more of what is being spent: longer than a lease lives without its database.
const ROOM_SECONDS: i128 = 60;
/// At least for so many requests like the largest lately, which is as many as a gateway has in flight by default: while its database is away it
/// cannot ask for more, and what is held is many times what is spent.
const ROOM_HOLDS: i128 = 4096;
/// What was spent in a second, and the largest that was held, is remembered as half of that after so long.
const HALVED_AFTER: Duration = Duration::from_secs(10);

/// What a gateway wants to have of one user's credits. Amounts are not negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseRequest {
    /// Whose.
    pub user: UserId,
    /// What it keeps of what it has, and may be spending while this is on its way.
    pub keep: Credits,
    /// Beyond that, what the smallest request that waits for money lacks; less is of no use.
    pub step: Credits,
    /// What all that wait lack.
    pub missing: Credits,
    /// Room for those to come, if nobody needs it more.
    pub room: Credits,
    /// What it cannot do without: held, spent, or waited for.
    pub needed: Credits,
    /// What the requests in flight hold, for people: less than what is set aside for them as long as the money covers that easily.
    pub held: Credits,
    /// What requests have cost beyond their holds whose charges the books have, since it was told last.
    pub overrun: Credits,
    /// It wants nothing more: the lease ends.
    pub gives_back: bool,
}

/// What a gateway may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseGrant {
    /// Whose.
    pub user: UserId,
    /// What the books have entered for it, in holds and in charges beyond the position that this answer includes. Where it is more than `free`,
    /// it counts only as far as the gateway had it before.
    pub amount: Credits,
    /// The balance that it was granted from.
    pub balance: Credits,
    /// Of the balance, what no other gateway has.
    pub free: Credits,
    /// Of it, what other gateways cannot do without.
    pub others_needed: Credits,
    /// Of that, what they do not have.
    pub others_unmet: Credits,
}

/// The answer to all requests of one renewal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseAnswer {
    /// The balances include the charges of this gateway up to here.
    pub committed_position: i64,
    /// One for each request.
    pub grants: Vec<LeaseGrant>,
}

/// One user's lease.
#[derive(Debug)]
pub(super) struct Lease {
    limit: Credits,
    spent_until: Option<Instant>,
    /// When it is renewed although nothing has happened.
    renew_at: Option<Instant>,
    /// Another gateway was heard to lack what this one may have.
    others_lack: bool,
    /// Own charges that the balance behind `limit` does not include, by position.
    charges: BTreeMap<i64, Charge>,
    unconfirmed: Credits,
    position: i64,
    /// Requests that wait for money, by number: how much would do for each, and how much it would like.
    waiting: BTreeMap<u64, Waiting>,
    asked: u64,
    answered: u64,
    asked_at: Option<Instant>,
    last: Option<LeaseGrant>,
    /// The books may have something of it.
    is_entered: bool,
    /// Something was held, charged or released since it was asked for.
    changed: bool,
    used_at: Instant,
    /// What a request held at most, lately.
    largest: Credits,
    spent: Credits,
    /// Pico-credits in a second, as it was at its most lately.
    pace: i128,
    overrun: Credits,
}

/// What a request has cost.
#[derive(Debug, Clone, Copy)]
struct Charge {
    cost: Credits,
    /// More than it held.
    beyond: Credits,
}

/// A request that waits for money.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    pub(super) least: Credits,
    pub(super) most: Credits,
    /// How often the lease had been asked for when it came.
    since: u64,
}

/// What becomes of one that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prospect {
    /// No answer has come that takes it into account.
    Unknown,
    /// Other gateways have it. What they do not need, they give back within moments.
    MayCome,
    /// This gateway holds it, or there is not so much.
    Hopeless,
}

impl Lease {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            limit: Credits::ZERO,
            spent_until: None,
            renew_at: None,
            others_lack: false,
            charges: BTreeMap::new(),
            unconfirmed: Credits::ZERO,
            position: i64::MIN,
            waiting: BTreeMap::new(),
            asked: 0,
            answered: 0,
            asked_at: None,
            last: None,
            is_entered: false,
            changed: false,
            used_at: now,
            largest: Credits::ZERO,
            spent: Credits::ZERO,
            pace: 0,
            overrun: Credits::ZERO,
        }
    }

    /// What may be held in all now.
    pub(super) fn spendable(&self, now: Instant) -> Credits {
        if self.is_live(now) { less(self.limit, self.unconfirmed) } else { Credits::ZERO }
    }

    /// What the books have granted, as far as it may still be spent from.
    pub(super) fn leased(&self, now: Instant) -> Credits {
        if self.is_live(now) { self.limit } else { Credits::ZERO }
    }

    /// Charges that the books do not have.
    pub(super) const fn unconfirmed(&self) -> Credits {
        self.unconfirmed
    }

    /// What there is for the requests of this gateway: the balance without its charges, and without what other gateways need. None while
    /// somebody lacks money, here or elsewhere.
    pub(super) fn money(&self) -> Credits {
        let Some(last) = self.last else { return Credits::ZERO };
        if self.is_waited_for() || self.others_lack || last.others_unmet.is_positive() {
            return Credits::ZERO;
        }
        less(less(last.balance, last.others_needed), self.unconfirmed)
    }

    pub(super) fn is_live(&self, now: Instant) -> bool {
        self.spent_until.is_some_and(|until| now < until)
    }

    pub(super) const fn last(&self) -> Option<&LeaseGrant> {
        self.last.as_ref()
    }

    /// A request holds something.
    pub(super) fn used(&mut self, held: Credits, now: Instant) {
        self.changed = true;
        self.used_at = now;
        self.largest = self.largest.max(held);
    }

    /// A request has ended. `beyond` is what it costs more than it held.
    pub(super) fn ended(&mut self, position: i64, cost: Credits, beyond: Credits, now: Instant) {
        self.changed = true;
        self.used_at = now;
        self.spent = more(self.spent, cost);
        if position <= self.position {
            // An answer that includes this charge was here before: what was kept then was not lowered by it.
            self.limit = less(self.limit, cost);
            self.overrun = more(self.overrun, beyond);
        } else if self.charges.insert(position, Charge { cost, beyond }).is_none() {
            self.unconfirmed = more(self.unconfirmed, cost);
        }
    }

    /// A hold has ended without a charge.
    pub(super) const fn released(&mut self) {
        self.changed = true;
    }

    pub(super) fn wait(&mut self, number: u64, least: Credits, most: Credits, now: Instant) {
        self.used_at = now;
        self.largest = self.largest.max(most);
        self.waiting.insert(number, Waiting { least, most, since: self.asked });
    }

    pub(super) fn stop_waiting(&mut self, number: u64) {
        self.waiting.remove(&number);
    }

    /// Whether a request waits for it.
    pub(super) fn is_waited_for(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Another gateway lacks money of this user.
    pub(super) const fn others_lack(&mut self) {
        self.others_lack = true;
    }

    /// Of the request `number`, which waits. `held` is what this gateway holds.
    pub(super) fn prospect(&self, number: u64, held: Credits) -> Prospect {
        let (Some(waiting), Some(last)) = (self.waiting.get(&number), &self.last) else {
            return Prospect::Unknown;
        };
        if self.answered <= waiting.since {
            return Prospect::Unknown;
        }
        let elsewhere = less(last.balance, more(held, self.unconfirmed));
        if elsewhere >= waiting.least { Prospect::MayCome } else { Prospect::Hopeless }
    }

    fn is_idle(&self, held: Credits, now: Instant) -> bool {
        self.waiting.is_empty()
            && !held.is_positive()
            && !self.unconfirmed.is_positive()
            && now.duration_since(self.used_at) >= IDLE
    }

    /// Whether nothing is left to be said of it. `ends`: there will be no more requests.
    pub(super) fn is_over(&self, held: Credits, ends: bool, now: Instant) -> bool {
        let is_free = !held.is_positive() && !self.unconfirmed.is_positive() && self.waiting.is_empty();
        is_free && !self.is_entered && !self.overrun.is_positive() && (ends || self.is_idle(held, now))
    }

    /// Whether it has room that another gateway needs.
    fn gives_way(&self, held: Credits) -> bool {
        (self.others_lack || self.last.is_some_and(|last| last.others_unmet.is_positive()))
            && self.limit > more(held, self.unconfirmed)
    }

    fn is_due(&self, held: Credits, now: Instant) -> bool {
        let Some(asked_at) = self.asked_at else { return true };
        if self.waiting.values().any(|waiting| waiting.since == self.asked) {
            return true;
        }
        let interval = if !self.waiting.is_empty() || self.gives_way(held) {
            WAITING_INTERVAL
        } else if self.changed || self.overrun.is_positive() {
            RENEWAL_INTERVAL
        } else if self.unconfirmed.is_positive() || self.answered < self.asked || self.is_idle(held, now) {
            SETTLING_INTERVAL
        } else {
            return self.renew_at.is_none_or(|at| now >= at);
        };
        // A tick that comes a little early is not put off to the next.
        now.duration_since(asked_at) + RENEWAL_INTERVAL / 10 >= interval
    }

    /// What to ask for now, if anything. From here on no more is spent than that.
    pub(super) fn ask(
        &mut self,
        user: UserId,
        held: Credits,
        ends: bool,
        now: Instant,
    ) -> Option<LeaseRequest> {
        if !ends && !self.is_due(held, now) {
            return None;
        }
        self.follow_pace(now);
        let base = more(held, self.unconfirmed);
        let (least, waiting) = self.waiting.values().fold((None, Credits::ZERO), |(least, sum), waiting| {
            let least = least.map_or(waiting.least, |least: Credits| least.min(waiting.least));
            (Some(least), more(sum, waiting.most))
        });
        let room = if ends || self.is_idle(held, now) { Credits::ZERO } else { self.room(base, now) };
        let wanted = more(more(base, waiting), room);
        // What does not suffice for any that waits may suffice for one that waits elsewhere.
        let is_of_use = least.is_none_or(|least| less(self.limit, base) >= least);
        self.limit = self.limit.min(if is_of_use { wanted } else { base });
        let keep = base.max(self.leased(now));
        let missing = less(more(base, waiting), keep);
        self.asked += 1;
        self.asked_at = Some(now);
        self.changed = false;
        self.is_entered = true;
        Some(LeaseRequest {
            user,
            keep,
            step: least.map_or(Credits::ZERO, |least| less(more(base, least), keep)),
            missing,
            room: less(wanted, more(keep, missing)),
            needed: more(base, waiting),
            held,
            overrun: self.overrun,
            gives_back: wanted == Credits::ZERO,
        })
    }

    /// What was asked for has come. `spent_until` counts from before it was sent.
    pub(super) fn answer(
        &mut self,
        request: &LeaseRequest,
        grant: LeaseGrant,
        position: i64,
        spent_until: Instant,
    ) {
        self.position = self.position.max(position);
        self.overrun = less(self.overrun, request.overrun);
        let mut confirmed = Credits::ZERO;
        if let Some(first_kept) = self.position.checked_add(1) {
            let kept = self.charges.split_off(&first_kept);
            for Charge { cost, beyond } in std::mem::replace(&mut self.charges, kept).into_values() {
                confirmed = more(confirmed, cost);
                // Told from now on: what explains a fall in the books must not come before the charge that makes it.
                self.overrun = more(self.overrun, beyond);
            }
            self.unconfirmed = less(self.unconfirmed, confirmed);
        }
        let was_live = self.asked_at.is_some_and(|asked_at| self.is_live(asked_at));
        let before = if was_live { less(self.limit, confirmed) } else { Credits::ZERO };
        self.limit =
            if grant.amount <= grant.free { grant.amount } else { grant.free.max(before.min(grant.amount)) };
        self.answered = self.asked;
        self.others_lack = false;
        self.spent_until = Some(spent_until);
        self.renew_at =
            self.asked_at.map(|asked_at| asked_at + spent_until.duration_since(asked_at) / PARTS_OF_LIFE);
        self.last = Some(grant);
        self.is_entered = !request.gives_back;
    }

    fn follow_pace(&mut self, now: Instant) {
        let millis =
            |since: Instant| i128::try_from(now.duration_since(since).as_millis()).unwrap_or(i128::MAX);
        let elapsed = self.asked_at.map_or(0, millis);
        // Of a time that is too short to say anything, what was spent counts as that of a whole interval.
        let least = i128::try_from(RENEWAL_INTERVAL.as_millis()).unwrap_or(i128::MAX);
        let pace = self.spent.pico().saturating_mul(1000) / elapsed.max(least);
        let halved_after = i128::try_from(HALVED_AFTER.as_millis()).unwrap_or(i128::MAX);
        // A straight line is near enough to halving, as it is followed several times a second.
        let left = |of: i128| {
            of.saturating_sub(of.saturating_mul(elapsed.min(halved_after)) / halved_after.saturating_mul(2))
        };
        self.pace = pace.max(left(self.pace));
        self.largest = Credits::from_pico(left(self.largest.pico())).unwrap_or(Credits::ZERO);
        self.spent = Credits::ZERO;
    }

    /// Room for what is to come: sized by what is spent, never more than half of what nobody needs, none where somebody lacks it.
    fn room(&self, base: Credits, now: Instant) -> Credits {
        let wanted =
            self.pace.saturating_mul(ROOM_SECONDS).max(self.largest.pico().saturating_mul(ROOM_HOLDS));
        let wanted = Credits::from_pico(wanted).unwrap_or(Credits::ZERO);
        let Some(last) = &self.last else { return wanted };
        if self.others_lack || last.others_unmet.is_positive() {
            return Credits::ZERO;
        }
        let own = less(self.leased(now), base);
        let half = more(own, less(last.free, last.amount)).pico() / 2;
        wanted.min(Credits::from_pico(half).unwrap_or(Credits::ZERO))
    }
}

/// The sum; where it does not fit, which no account that the books hold can reach, the first.
pub(super) fn more(left: Credits, right: Credits) -> Credits {
    left.checked_add(right).unwrap_or(left)
}

/// The difference, and nothing where it would be negative.
pub(super) fn less(left: Credits, right: Credits) -> Credits {
    left.checked_sub(right).unwrap_or(left).max(Credits::ZERO)
}

#[cfg(test)]
mod tests;
