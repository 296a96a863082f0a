use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

const LIVES: Duration = Duration::from_secs(44);

fn pico(amount: i128) -> Credits {
    Credits::from_pico(amount).unwrap()
}

fn user() -> UserId {
    UserId::from_uuid(uuid::Uuid::from_u128(1))
}

/// The books' side of it, as `store::leases` does it in SQL.
#[derive(Debug, Default)]
struct Books {
    balance: Credits,
    /// By gateway: amount and needed.
    leases: BTreeMap<usize, (Credits, Credits)>,
    committed: BTreeMap<usize, i64>,
}

impl Books {
    fn of(balance: i128) -> Self {
        Self { balance: pico(balance), ..Self::default() }
    }

    fn grant(&mut self, gateway: usize, asked: &LeaseRequest) -> (LeaseGrant, i64) {
        let others = || self.leases.iter().filter(|(other, _)| **other != gateway).map(|(_, lease)| *lease);
        let sum = |amounts: &mut dyn Iterator<Item = Credits>| amounts.fold(Credits::ZERO, more);
        let leased = sum(&mut others().map(|(amount, _)| amount));
        let others_needed = sum(&mut others().map(|(_, needed)| needed));
        let others_unmet = sum(&mut others().map(|(amount, needed)| less(needed, amount)));
        let free = less(self.balance, leased);
        let had = self.leases.get(&gateway).map_or(Credits::ZERO, |(amount, _)| *amount);
        let kept = asked.keep.min(free.max(had));
        let rest = less(free, kept);
        let waited = if rest >= asked.step { asked.missing.min(rest) } else { Credits::ZERO };
        let half = pico(less(rest, waited).pico() / 2);
        let lacks = others_unmet.is_positive() || waited < asked.missing;
        let room = if lacks { Credits::ZERO } else { asked.room.min(half) };
        let amount = more(more(kept, waited), room);
        if asked.gives_back {
            self.leases.remove(&gateway);
        } else {
            self.leases.insert(gateway, (amount, asked.needed));
        }
        let balance = self.balance;
        let grant = LeaseGrant { user: user(), amount, balance, free, others_needed, others_unmet };
        (grant, self.committed.get(&gateway).copied().unwrap_or(0))
    }

    fn renew(&mut self, gateway: usize, lease: &mut Lease, held: i128, now: Instant) -> LeaseRequest {
        let asked = lease.ask(user(), pico(held), false, now).expect("it is due");
        let (grant, position) = self.grant(gateway, &asked);
        lease.answer(&asked, grant, position, now + LIVES);
        asked
    }
}

#[test]
fn a_first_request_gets_what_it_waits_for_and_room_for_the_next() {
    let now = Instant::now();
    let (mut books, mut lease) = (Books::of(1_000_000), Lease::new(now));
    assert_eq!(lease.spendable(now), Credits::ZERO);
    lease.wait(1, pico(100), pico(100), now);
    assert_eq!(lease.prospect(1, Credits::ZERO), Prospect::Unknown);
    books.renew(0, &mut lease, 0, now);
    // A hundred that are waited for, and 4,096 times as much.
    assert_eq!(lease.spendable(now), pico(409_700));
}

#[test]
fn room_is_never_more_than_half_of_what_nobody_has() {
    let now = Instant::now();
    let mut books = Books::of(1000);
    let (mut first, mut second) = (Lease::new(now), Lease::new(now));
    first.wait(1, pico(100), pico(100), now);
    books.renew(0, &mut first, 0, now);
    assert_eq!(first.spendable(now), pico(550));
    second.wait(1, pico(100), pico(100), now);
    books.renew(1, &mut second, 0, now);
    assert_eq!(second.spendable(now), pico(275));
}

#[test]
fn room_goes_back_as_soon_as_another_lacks_money() {
    let now = Instant::now();
    let mut books = Books::of(1000);
    let (mut first, mut second) = (Lease::new(now), Lease::new(now));
    first.wait(1, pico(100), pico(100), now);
    books.renew(0, &mut first, 0, now);
    first.stop_waiting(1);
    first.used(pico(100), now);
    second.wait(1, pico(800), pico(800), now);
    books.renew(1, &mut second, 0, now);
    assert_eq!(second.spendable(now), Credits::ZERO);
    // Not needed by the first: it comes.
    assert_eq!(second.prospect(1, Credits::ZERO), Prospect::MayCome);
    let soon = now + RENEWAL_INTERVAL;
    books.renew(0, &mut first, 100, soon);
    // Now it knows, and lets go at once.
    books.renew(0, &mut first, 100, soon + WAITING_INTERVAL);
    assert_eq!(first.spendable(soon), pico(100));
    books.renew(1, &mut second, 0, soon);
    // And room, half of what is left.
    assert_eq!(second.spendable(soon), pico(850));
}

#[test]
fn what_does_not_suffice_for_any_that_waits_is_left_to_others() {
    let now = Instant::now();
    let (mut books, mut lease) = (Books::of(99), Lease::new(now));
    lease.wait(1, pico(100), pico(100), now);
    books.renew(0, &mut lease, 0, now);
    assert_eq!(lease.spendable(now), Credits::ZERO);
    assert_eq!(lease.prospect(1, Credits::ZERO), Prospect::Hopeless);
}

#[test]
fn a_rest_that_is_of_no_use_here_goes_to_where_it_is() {
    let now = Instant::now();
    let mut books = Books::of(100);
    let (mut first, mut second) = (Lease::new(now), Lease::new(now));
    first.wait(1, pico(100), pico(100), now);
    books.renew(0, &mut first, 0, now);
    // Sixty of it are held; the other forty do not suffice for the next, which goes on waiting.
    first.stop_waiting(1);
    first.used(pico(60), now);
    first.wait(2, pico(50), pico(50), now);
    second.wait(1, pico(40), pico(40), now);
    books.renew(1, &mut second, 0, now);
    assert_eq!(second.spendable(now), Credits::ZERO);
    books.renew(0, &mut first, 60, now);
    books.renew(1, &mut second, 0, now + WAITING_INTERVAL);
    assert_eq!(second.spendable(now), pico(40));
}

#[test]
fn an_answer_that_is_lost_leaves_what_is_kept_and_no_more() {
    let now = Instant::now();
    let (mut books, mut lease) = (Books::of(1000), Lease::new(now));
    lease.wait(1, pico(100), pico(100), now);
    books.renew(0, &mut lease, 0, now);
    lease.stop_waiting(1);
    let before = lease.spendable(now);
    for tick in 1..=3 {
        let later = now + LIVES / PARTS_OF_LIFE + SETTLING_INTERVAL * tick;
        let asked = lease.ask(user(), pico(100), false, later).unwrap();
        assert!(asked.keep >= lease.spendable(later));
        assert!(lease.spendable(now) <= before);
    }
}

#[test]
fn a_lease_is_spent_from_until_its_time_and_not_longer() {
    let now = Instant::now();
    let (mut books, mut lease) = (Books::of(1000), Lease::new(now));
    lease.wait(1, pico(100), pico(100), now);
    books.renew(0, &mut lease, 0, now);
    assert!(lease.spendable(now + LIVES - Duration::from_millis(1)).is_positive());
    assert_eq!(lease.spendable(now + LIVES), Credits::ZERO);
}

#[test]
fn a_charge_counts_until_the_books_say_that_they_have_it() {
    let now = Instant::now();
    let (mut books, mut lease) = (Books::of(1000), Lease::new(now));
    lease.wait(1, pico(100), pico(100), now);
    books.renew(0, &mut lease, 0, now);
    lease.stop_waiting(1);
    let before = lease.spendable(now);
    lease.ended(1, pico(30), Credits::ZERO, now);
    assert_eq!(lease.spendable(now), pico(before.pico() - 30));
    let later = now + SETTLING_INTERVAL;
    books.renew(0, &mut lease, 0, later);
    assert_eq!(lease.unconfirmed(), pico(30));
    books.balance = pico(970);
    books.committed.insert(0, 1);
    books.renew(0, &mut lease, 0, later + SETTLING_INTERVAL);
    assert_eq!(lease.unconfirmed(), Credits::ZERO);
}

#[test]
fn a_charge_that_was_in_the_books_before_its_hold_ended_is_not_there_to_be_spent_again() {
    let now = Instant::now();
    let mut books = Books::of(100);
    let (mut first, mut second) = (Lease::new(now), Lease::new(now));
    first.wait(1, pico(60), pico(60), now);
    books.renew(0, &mut first, 0, now);
    first.stop_waiting(1);
    first.used(pico(60), now);
    second.wait(1, pico(20), pico(20), now);
    books.renew(1, &mut second, 0, now);
    // The record of the first is in the books, and its hold has not ended yet.
    books.balance = pico(40);
    books.committed.insert(0, 1);
    books.renew(0, &mut first, 60, now + SETTLING_INTERVAL);
    first.ended(1, pico(60), Credits::ZERO, now);
    let there = less(books.balance, second.spendable(now));
    assert!(first.spendable(now) <= there, "{:?} of {there:?}", first.spendable(now));
}

#[test]
fn one_that_nobody_uses_is_given_back_whole() {
    let now = Instant::now();
    let (mut books, mut lease) = (Books::of(1000), Lease::new(now));
    lease.wait(1, pico(100), pico(100), now);
    books.renew(0, &mut lease, 0, now);
    lease.stop_waiting(1);
    let later = now + IDLE;
    assert!(books.renew(0, &mut lease, 0, later).gives_back);
    assert!(books.leases.is_empty() && lease.is_over(Credits::ZERO, false, later));
}

#[test]
fn room_follows_what_is_spent() {
    let now = Instant::now();
    let (mut books, mut lease) = (Books::of(1_000_000), Lease::new(now));
    lease.wait(1, pico(1), pico(1), now);
    books.renew(0, &mut lease, 0, now);
    lease.stop_waiting(1);
    for tick in 1..=8_u32 {
        lease.ended(tick.into(), pico(100), Credits::ZERO, now);
        books.renew(0, &mut lease, 0, now + RENEWAL_INTERVAL * tick);
    }
    // 400 in a second: as much for a minute, which an outage of half a minute does not use up.
    let room = less(lease.limit, lease.unconfirmed).pico();
    assert!((20_000..=26_000).contains(&room), "{room}");
}

#[test]
fn one_that_nothing_happens_to_is_renewed_at_a_quarter_of_its_life_or_when_another_lacks_money() {
    let now = Instant::now();
    let (mut books, mut lease) = (Books::of(1000), Lease::new(now));
    lease.wait(1, pico(100), pico(100), now);
    books.renew(0, &mut lease, 0, now);
    lease.stop_waiting(1);
    lease.used(pico(100), now);
    books.renew(0, &mut lease, 100, now + RENEWAL_INTERVAL);
    let quarter = now + RENEWAL_INTERVAL + LIVES / PARTS_OF_LIFE;
    let before = quarter - Duration::from_millis(1);
    assert_eq!(lease.ask(user(), pico(100), false, before), None);
    let soon = now + RENEWAL_INTERVAL + WAITING_INTERVAL;
    assert!(lease.spendable(soon) > pico(100));
    lease.others_lack();
    books.renew(0, &mut lease, 100, soon);
    assert_eq!(lease.spendable(soon), pico(100), "its room goes back at once");
    assert!(lease.ask(user(), pico(100), false, soon + LIVES / PARTS_OF_LIFE).is_some());
}

#[test]
fn one_large_request_is_forgotten_by_and_by() {
    let now = Instant::now();
    let (mut books, mut lease) = (Books::of(1_000_000_000), Lease::new(now));
    lease.wait(1, pico(100_000), pico(100_000), now);
    books.renew(0, &mut lease, 0, now);
    lease.stop_waiting(1);
    let before = lease.spendable(now);
    for second in 1..=120_u64 {
        let now = now + Duration::from_secs(second);
        lease.used(pico(10), now);
        books.renew(0, &mut lease, 10, now);
    }
    let (room, small) = (lease.limit.pico(), 10 * ROOM_HOLDS);
    assert!(before.pico() > 100 * room && room > small, "{room}");
}

#[test]
fn what_was_beyond_a_hold_is_told_when_the_charge_is_in_the_books() {
    let now = Instant::now();
    let (mut books, mut lease) = (Books::of(1000), Lease::new(now));
    lease.wait(1, pico(100), pico(100), now);
    books.renew(0, &mut lease, 0, now);
    lease.stop_waiting(1);
    lease.ended(1, pico(130), pico(30), now);
    let at = |seconds: u64| now + Duration::from_secs(seconds);
    assert_eq!(books.renew(0, &mut lease, 0, at(1)).overrun, Credits::ZERO);
    books.balance = pico(870);
    books.committed.insert(0, 1);
    assert_eq!(books.renew(0, &mut lease, 0, at(2)).overrun, Credits::ZERO);
    assert_eq!(books.renew(0, &mut lease, 0, at(3)).overrun, pico(30));
    assert_eq!(lease.ask(user(), Credits::ZERO, false, at(4)), None, "and not again");
}

/// What may happen to one of three gateways.
#[derive(Debug, Clone)]
enum Step {
    /// A request comes, holds so much, if it may.
    Hold(usize, i128),
    /// The record of the oldest request that has none is made: it costs so much of its hold, in per cent. It may be in the books at once.
    Record(usize, i128),
    /// The hold of the oldest request that has a record ends, which may be later than its charge is in the books.
    End(usize),
    /// All that has ended so far comes into the books.
    Commit(usize),
    /// It asks.
    Ask(usize),
    /// The books answer what was asked last, if nobody has.
    Grant(usize),
    /// The answer arrives.
    Arrive(usize),
    /// The answer is lost, on the way there or back.
    Lose(usize),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let gateway = 0..3_usize;
    let step = prop_oneof![
        4 => (gateway.clone(), 1..40_i128).prop_map(|(gateway, amount)| Step::Hold(gateway, amount)),
        3 => (gateway.clone(), 0..=100_i128).prop_map(|(gateway, part)| Step::Record(gateway, part)),
        3 => gateway.clone().prop_map(Step::End),
        2 => gateway.clone().prop_map(Step::Commit),
        4 => gateway.clone().prop_map(Step::Ask),
        4 => gateway.clone().prop_map(Step::Grant),
        4 => gateway.clone().prop_map(Step::Arrive),
        1 => gateway.prop_map(Step::Lose),
        1 => (100..2000_u64).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 1..200)
}

#[derive(Debug)]
struct Gateway {
    lease: Lease,
    holds: Vec<i128>,
    /// Those that have a record and whose hold has not ended: hold, position, cost.
    recorded: VecDeque<(i128, i64, i128)>,
    finished: Vec<(i64, i128)>,
    position: i64,
    asked: Option<(LeaseRequest, Instant)>,
    granted: Option<(LeaseGrant, i64)>,
}

impl Gateway {
    /// As it reckons itself.
    fn held(&self) -> Credits {
        pico(self.holds.iter().sum::<i128>() + self.recorded.iter().map(|(hold, ..)| hold).sum::<i128>())
    }
}

proptest! {
    /// However renewals, charges and commits interleave, and whatever answers are lost: no balance falls below zero where no request costs
    /// more than it holds.
    #[test]
    fn gateways_together_never_spend_more_than_there_is(steps in steps(), balance in 1..300_i128) {
        let mut now = Instant::now();
        let mut books = Books::of(balance);
        let mut gateways: Vec<Gateway> = (0..3)
            .map(|_| Gateway {
                lease: Lease::new(now),
                holds: Vec::new(),
                recorded: VecDeque::new(),
                finished: Vec::new(),
                position: 0,
                asked: None,
                granted: None,
            })
            .collect();
        let mut waiting = 0;
        for step in steps {
            match step {
                Step::Hold(no, amount) => {
                    let gateway = &mut gateways[no];
                    if less(gateway.lease.spendable(now), gateway.held()) >= pico(amount) {
                        gateway.lease.used(pico(amount), now);
                        gateway.holds.push(amount);
                    } else {
                        waiting += 1;
                        gateway.lease.waiting.clear();
                        gateway.lease.wait(waiting, pico(amount), pico(amount), now);
                    }
                }
                Step::Record(no, part) => {
                    let gateway = &mut gateways[no];
                    if gateway.holds.is_empty() {
                        continue;
                    }
                    let hold = gateway.holds.remove(0);
                    let cost = hold * part / 100;
                    gateway.position += 1;
                    gateway.recorded.push_back((hold, gateway.position, cost));
                    gateway.finished.push((gateway.position, cost));
                }
                Step::End(no) => {
                    let gateway = &mut gateways[no];
                    if let Some((_, position, cost)) = gateway.recorded.pop_front() {
                        gateway.lease.ended(position, pico(cost), Credits::ZERO, now);
                    }
                }
                Step::Commit(no) => {
                    let gateway = &mut gateways[no];
                    for (position, cost) in gateway.finished.drain(..) {
                        books.balance = books.balance.checked_sub(pico(cost)).unwrap();
                        books.committed.insert(no, position);
                    }
                }
                Step::Ask(no) => {
                    let gateway = &mut gateways[no];
                    let held = gateway.held();
                    if gateway.asked.is_none()
                        && let Some(asked) = gateway.lease.ask(user(), held, false, now)
                    {
                        gateway.asked = Some((asked, now));
                    }
                }
                Step::Grant(no) => {
                    let gateway = &mut gateways[no];
                    if let (Some((asked, _)), None) = (&gateway.asked, &gateway.granted) {
                        gateway.granted = Some(books.grant(no, asked));
                    }
                }
                Step::Arrive(no) => {
                    let gateway = &mut gateways[no];
                    if let Some((grant, position)) = gateway.granted.take()
                        && let Some((asked, sent)) = gateway.asked.take()
                    {
                        gateway.lease.answer(&asked, grant, position, sent + LIVES);
                    }
                }
                Step::Lose(no) => {
                    gateways[no].asked = None;
                    gateways[no].granted = None;
                }
                Step::Wait(millis) => now += Duration::from_millis(millis),
            }
            let spoken_for: i128 = gateways
                .iter()
                .map(|gateway| {
                    let uncommitted: i128 = gateway.finished.iter().map(|(_, cost)| cost).sum();
                    gateway.holds.iter().sum::<i128>() + uncommitted
                })
                .sum();
            prop_assert!(spoken_for <= books.balance.pico(), "{spoken_for} of {:?}", books.balance);
        }
    }
}
