//! Claims about limits, by a clock that is turned by hand.

use std::sync::Arc;

use proptest::prelude::*;
use tokio::time::Instant;
use uuid::Uuid;

use super::*;

fn key(number: u128) -> Subject {
    Subject::Key(ApiKeyId::from_uuid(Uuid::from_u128(number)))
}

fn model() -> Subject {
    Subject::Model(ModelId::from_uuid(Uuid::from_u128(1)))
}

fn only(subject: Subject, rates: Rates) -> Limited {
    [Some((subject, rates)), None, None]
}

fn requests(limit: u32) -> Rates {
    Rates { requests_per_minute: Some(limit), ..Rates::default() }
}

fn tokens(limit: u64) -> Rates {
    Rates { tokens_per_minute: Some(limit), ..Rates::default() }
}

fn limiter() -> (Arc<Limiter>, Instant) {
    (Arc::default(), Instant::now())
}

#[test]
fn what_is_used_comes_back_evenly_in_a_minute_and_no_more_of_it() {
    let (limiter, start) = limiter();
    let pass = |seconds| limiter.pass(only(key(1), requests(60)), 0, start + Duration::from_secs(seconds));
    for _ in 0..60 {
        pass(0).unwrap().end(0);
    }
    let exceeded = pass(0).unwrap_err();
    assert_eq!(
        (exceeded.what, exceeded.limit, exceeded.retry_after),
        (What::Requests, 60, Duration::from_secs(1))
    );
    pass(1).unwrap().end(0);
    pass(1).unwrap_err();
    let passed = pass(3600).unwrap();
    let level = passed.standing().unwrap().requests.unwrap();
    assert_eq!((level.limit, level.remaining, level.full_in), (60, 59, Duration::from_secs(1)));
    passed.end(0);
}

#[test]
fn a_request_that_one_limit_refuses_takes_nothing_of_the_others() {
    let (limiter, now) = limiter();
    let both = [Some((key(1), requests(10))), None, Some((model(), requests(1)))];
    limiter.pass(both, 0, now).unwrap().end(0);
    for _ in 0..20 {
        let exceeded = limiter.pass(both, 0, now).unwrap_err();
        assert_eq!((exceeded.subject, exceeded.standing.requests.unwrap().remaining), (model(), 0));
    }
    let passed = limiter.pass(only(key(1), requests(10)), 0, now).unwrap();
    assert_eq!(passed.standing().unwrap().requests.unwrap().remaining, 8);
}

#[test]
fn one_that_is_dropped_before_its_end_gives_all_back_and_one_that_ended_its_place_alone() {
    let (limiter, now) = limiter();
    let all = Rates { concurrent_requests: Some(1), tokens_per_minute: Some(100), ..requests(2) };
    let passed = limiter.pass(only(key(1), all), 60, now).unwrap();
    assert_eq!(limiter.pass(only(key(1), all), 1, now).unwrap_err().what, What::Concurrency);
    drop(passed);
    limiter.pass(only(key(1), all), 60, now).unwrap().end(90);
    let passed = limiter.pass(only(key(1), all), 10, now).unwrap();
    let Standing { requests, tokens } = passed.standing().unwrap();
    assert_eq!((requests.unwrap().remaining, tokens.unwrap().remaining), (0, 0));
    passed.end(10);
    assert!(limiter.pass(only(key(1), all), 0, now).is_err());
}

#[test]
fn who_used_more_than_there_was_waits_for_all_of_it() {
    let (limiter, start) = limiter();
    let pass = |seconds| limiter.pass(only(key(1), tokens(60)), 1, start + Duration::from_secs(seconds));
    pass(0).unwrap().end(180);
    assert_eq!(pass(0).unwrap_err().retry_after, Duration::from_secs(121));
    pass(120).unwrap_err();
    pass(121).unwrap().end(1);
}

#[test]
fn a_limit_that_is_put_on_later_begins_with_nothing_used_and_one_that_is_lowered_keeps_its_part() {
    let (limiter, now) = limiter();
    let left = |number: u128, rates: Rates| {
        let passed = limiter.pass(only(key(number), rates), 1, now).unwrap();
        let left = passed.standing().unwrap().tokens.unwrap().remaining;
        drop(passed);
        left
    };
    limiter.pass(only(key(1), requests(1_000)), 1_000_000, now).unwrap().end(1_000_000);
    assert_eq!(left(1, tokens(60)), 59, "nothing was counted without limit");
    limiter.pass(only(key(2), tokens(1_000_000)), 500_000, now).unwrap().end(500_000);
    assert_eq!(left(2, tokens(60)), 29, "half of it was used");
    assert_eq!(left(2, tokens(1_000)), 969, "and of a higher one as much as there was");
    limiter.pass(only(key(3), tokens(1_000_000)), 0, now).unwrap().end(2_000_000);
    let exceeded = limiter.pass(only(key(3), tokens(60)), 1, now).unwrap_err();
    assert_eq!(exceeded.retry_after, Duration::from_secs(61), "not the two minutes of a thousand hours");
    // One that began under the limit that is gone gives nothing back to the one that is new.
    let before = limiter.pass(only(key(4), tokens(100)), 100, now).unwrap();
    limiter.pass(only(key(4), requests(10)), 0, now).unwrap().end(0);
    limiter.pass(only(key(4), tokens(100)), 100, now).unwrap().end(100);
    before.end(0);
    limiter.pass(only(key(4), tokens(100)), 1, now).unwrap_err();
}

#[test]
fn who_asks_for_more_than_all_shuts_out_nobody_for_longer_than_a_minute() {
    let (limiter, start) = limiter();
    let limited = |number| [Some((key(number), tokens(10_000))), None, Some((model(), tokens(1_000)))];
    let running = limiter.pass(limited(1), 10_u64.pow(18), start).unwrap();
    let exceeded = limiter.pass(limited(2), 1_000, start).unwrap_err();
    assert_eq!((exceeded.subject, exceeded.retry_after), (model(), Duration::from_mins(1)));
    let next = limiter.pass(limited(2), 1_000, start + Duration::from_mins(1)).unwrap();
    // Each limit is set right by what was taken of it.
    running.end(100);
    next.end(1_000);
    let passed = limiter.pass(only(key(1), tokens(10_000)), 0, start + Duration::from_mins(1)).unwrap();
    assert_eq!(passed.standing().unwrap().tokens.unwrap().remaining, 10_000);
    passed.end(0);
    limiter.pass(limited(2), 1, start + Duration::from_mins(1)).unwrap_err();
}

#[test]
fn what_time_has_brought_back_is_not_given_back_once_more() {
    let (limiter, start) = limiter();
    let pass =
        |minutes| limiter.pass(only(key(1), tokens(1_000)), 1_000, start + Duration::from_mins(minutes));
    let mut streams: Vec<Passed> = (0..10).map(|minute| pass(minute).unwrap()).collect();
    let newest = streams.pop().unwrap();
    for stream in streams {
        stream.end(0);
        pass(9).unwrap_err();
    }
    newest.end(400);
    let exceeded = pass(9).unwrap_err();
    assert_eq!(exceeded.standing.tokens.unwrap().remaining, 600, "what the newest did not use");
}

#[test]
fn idle_ones_are_forgotten_and_those_that_run_or_have_used_something_are_not() {
    let (limiter, start) = limiter();
    let running = limiter.pass(only(key(1), requests(60)), 0, start).unwrap();
    let at = |number: u128| start + Duration::from_secs(u64::try_from(number).unwrap());
    for number in 2..100_000 {
        limiter.pass(only(key(number), requests(60)), 0, at(number)).unwrap().end(0);
    }
    assert!(limiter.entries() <= 2048, "{}", limiter.entries());
    limiter.pass(only(key(99_999), requests(1)), 0, at(99_999)).unwrap_err();
    running.end(0);
}

#[test]
fn a_time_until_it_is_there_again_is_written_as_go_writes_it() {
    for (millis, written) in [
        (0, "0s"),
        (12, "12ms"),
        (1_000, "1s"),
        (7_660, "7.66s"),
        (59_001, "59.001s"),
        (360_000, "6m0s"),
        (3_661_500, "1h1m1.5s"),
    ] {
        assert_eq!(headers::span(Duration::from_millis(millis)), written);
    }
    assert_eq!(headers::span(Duration::from_nanos(1)), "1ms", "never earlier than it is");
}

proptest! {
    /// Whatever comes and ends, in whatever order: in no stretch of time do more pass than the limit and what came back in it.
    #[test]
    fn no_more_pass_than_were_there_and_came_back(
        limit in 1_u32..100,
        steps in proptest::collection::vec((0_u64..5_000, proptest::bool::ANY), 1..300),
    ) {
        let (limiter, start) = limiter();
        let (mut elapsed, mut passed, mut withdrawn) = (0, 0_u64, 0_u64);
        for (millis, withdraws) in steps {
            elapsed += millis;
            if let Ok(one) = limiter.pass(only(key(1), requests(limit)), 0, start + Duration::from_millis(elapsed)) {
                passed += 1;
                if withdraws {
                    withdrawn += 1;
                    drop(one);
                } else {
                    one.end(0);
                }
            }
            prop_assert!(passed - withdrawn <= u64::from(limit) + u64::from(limit) * elapsed / 60_000);
        }
    }
}

proptest! {
    /// Whoever knew beforehand what each uses would let the same ones pass, and then have as much left: so in no stretch of time do they
    /// use more than the limit and what came back in it.
    #[test]
    fn taking_too_much_and_giving_it_back_is_as_taking_what_is_used(
        limit in 1_u64..10_000,
        steps in proptest::collection::vec((0_u64..20_000, 0_u64..12_000, 0.0..1.0, proptest::option::of(0_usize..50)), 1..60),
    ) {
        let (limiter, start) = limiter();
        let at = |millis| start + Duration::from_millis(millis);
        let (mut elapsed, mut running, mut used) = (0, Vec::new(), Vec::new());
        for (millis, asked, part, ends) in steps {
            elapsed += millis;
            if let Ok(one) = limiter.pass(only(key(1), tokens(limit)), asked, at(elapsed)) {
                let uses = proportion(asked.min(limit), part);
                running.push((one, uses));
                used.push((elapsed, uses));
            }
            if let Some(index) = ends && index < running.len() {
                let (one, uses) = running.swap_remove(index);
                one.end(uses);
            }
        }
        for (one, uses) in running {
            one.end(uses);
        }
        let knowing = Arc::<Limiter>::default();
        for (millis, uses) in used {
            knowing.pass(only(key(1), tokens(limit)), uses, at(millis)).unwrap().end(uses);
        }
        let left = |limiter: &Arc<Limiter>| {
            limiter.pass(only(key(1), tokens(limit)), 0, at(elapsed)).unwrap().standing().unwrap().tokens
        };
        prop_assert_eq!(left(&limiter), left(&knowing));
    }

    /// However many run at once: what is kept of them is bounded, and more is never given back than that.
    #[test]
    fn with_many_at_once_no_more_is_left_than_whoever_knew_would_have(
        sizes in proptest::collection::vec((1_u64..100, 0.0..1.0), 100..400),
        order in 0_usize..1_000,
    ) {
        let (limiter, start) = limiter();
        let all = tokens(50_000);
        let mut running: Vec<(Passed, u64)> = Vec::new();
        let mut sum = 0;
        for (asked, part) in sizes {
            let uses = proportion(asked, part);
            running.push((limiter.pass(only(key(1), all), asked, start).unwrap(), uses));
            sum += uses;
        }
        while !running.is_empty() {
            let (one, uses) = running.swap_remove(order % running.len());
            one.end(uses);
        }
        let passed = limiter.pass(only(key(1), all), 0, start).unwrap();
        let left = passed.standing().unwrap().tokens.unwrap().remaining;
        prop_assert!(left <= 50_000 - sum, "{left} of {}", 50_000 - sum);
        passed.end(0);
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small numbers, of which any part will do"
)]
fn proportion(of: u64, part: f64) -> u64 {
    (of as f64 * part) as u64
}

#[test]
#[ignore = "a measurement, for a person to read: it says what admission with all limits costs"]
fn what_a_decision_costs() {
    let (limiter, start) = limiter();
    let all = |limit| Rates {
        requests_per_minute: Some(limit),
        tokens_per_minute: Some(1_000_000_000),
        concurrent_requests: Some(10),
    };
    let user = Subject::User(UserId::from_uuid(Uuid::from_u128(1)));
    let rounds = 200_000;
    let limited = |number: u32| {
        let key = key(u128::from(number % 1_000));
        [Some((key, all(1_000_000))), Some((user, all(100_000_000))), Some((model(), all(100_000_000)))]
    };
    for number in 0..rounds {
        limiter.pass(limited(number), 1_000, start + Duration::from_millis(number.into())).unwrap().end(500);
    }
    let took = start.elapsed();
    println!("nine limits decided and ended: {:?} a request", took / rounds);
}
