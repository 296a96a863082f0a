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
