//! Holds against what requests really cost: on the trace of a real service, and on the recorded answers of real providers.
//!
//! Both have tokens and no requests. A prompt is taken to be as long as English text in JSON. `cargo run -p tollgate-gateway --features probe
//! --example holds` prints the same in full.

use tollgate_domain::{PriceList, StatedUsage};
use tollgate_testkit::corpus::{CORPUS_FILE, read_corpus};
use tollgate_testkit::trace::{TRACE_FILE, read_trace};

use super::*;
use crate::probe::{Asked, Fate, Seen, replay};

fn prices() -> PriceList {
    PriceList {
        input_price: "0.000003".parse().unwrap(),
        output_price: "0.000015".parse().unwrap(),
        cache_read_price: Some("0.0000003".parse().unwrap()),
        cache_write_5m_price: Some("0.00000375".parse().unwrap()),
        ..PriceList::default()
    }
}

fn asked(account: usize, model: usize, at_ms: i64, usage: StatedUsage, max_tokens: Option<u64>) -> Asked {
    let body_bytes = usage.prompt_tokens.unwrap_or(0).unsigned_abs() * 4 + 200;
    Asked { account, model, at_ms, body_bytes, max_tokens, usage, prices: prices() }
}

fn shared(file: &str) -> Option<std::path::PathBuf> {
    let shared = tollgate_testkit::shared_dir().filter(|shared| shared.join(file).is_file());
    if shared.is_none() {
        eprintln!("skipped: {file} is not here");
    }
    shared
}

/// Everyone has what all their requests cost together, and no more: at the end holds and money meet.
fn all_that_they_cost(asked: &[Asked], accounts: usize) -> Vec<Credits> {
    let endless: Vec<Credits> = vec!["1000000".parse().unwrap(); accounts];
    let mut sums = vec![Credits::ZERO; accounts];
    for (request, seen) in asked.iter().zip(replay(asked, &endless)) {
        assert_eq!(seen.fate, Fate::Admitted);
        sums[request.account] = sums[request.account].checked_add(seen.cost).unwrap();
    }
    sums
}

/// The middle of how many times its charge the hold of those admitted is, in per cent; and how many of a thousand were refused for nothing.
fn middle_and_refused(name: &str, seen: &[Seen]) -> (i128, usize) {
    let admitted = seen.iter().filter(|seen| seen.fate == Fate::Admitted);
    let mut ratios: Vec<i128> = admitted.map(|seen| seen.hold.pico() * 100 / seen.cost.pico()).collect();
    ratios.sort_unstable();
    let middle = ratios[ratios.len() / 2];
    let for_nothing = seen.iter().filter(|seen| seen.fate == Fate::RefusedForNothing).count();
    eprintln!(
        "{name}: the middle hold is {middle}% of the charge; {for_nothing} of {} were refused and would have fitted",
        seen.len()
    );
    (middle, for_nothing * 1000 / seen.len())
}

#[test]
fn of_recorded_answers_the_middle_hold_is_at_most_three_times_the_charge() {
    let Some(shared) = shared(CORPUS_FILE) else { return };
    let mut models = Vec::new();
    let mut requests = Vec::new();
    for (turn, exchange) in read_corpus(&shared).into_iter().enumerate() {
        let Some(counts) = exchange.expected.filter(|counts| counts.prompt > 0 && counts.completion > 0)
        else {
            continue;
        };
        let model = models.iter().position(|known| *known == exchange.request_model).unwrap_or(models.len());
        if model == models.len() {
            models.push(exchange.request_model);
        }
        let usage = StatedUsage {
            prompt_tokens: Some(counts.prompt),
            completion_tokens: Some(counts.completion),
            cache_read_tokens: counts.cache_read,
            cache_write_5m_tokens: counts.cache_write,
            reasoning_tokens: counts.reasoning,
            ..StatedUsage::default()
        };
        requests.push(asked(0, model, i64::try_from(turn).unwrap() * 500, usage, None));
    }
    assert!(requests.len() > 1000);
    for max_tokens in [None, Some(4096)] {
        for request in &mut requests {
            request.max_tokens = max_tokens;
        }
        let credits = all_that_they_cost(&requests, 1);
        let (middle, refused) =
            middle_and_refused(&format!("recorded answers, {max_tokens:?}"), &replay(&requests, &credits));
        assert!(middle <= 300, "{middle}%");
        assert!(refused < 10, "{refused} of a thousand");
    }
}

#[test]
fn on_the_trace_the_middle_hold_is_at_most_three_times_the_charge_and_hardly_anyone_is_refused_for_nothing() {
    let Some(shared) = shared(TRACE_FILE) else { return };
    let trace = read_trace(&shared);
    for max_tokens in [None, Some(4096)] {
        let request = |request: &tollgate_testkit::trace::TraceRequest| {
            let usage = StatedUsage {
                prompt_tokens: Some(request.prompt),
                completion_tokens: Some(request.completion),
                ..StatedUsage::default()
            };
            asked(0, 0, request.at.as_millisecond(), usage, max_tokens)
        };
        let requests: Vec<Asked> = trace.iter().map(request).collect();
        let credits = all_that_they_cost(&requests, 1);
        let (middle, refused) =
            middle_and_refused(&format!("trace, {max_tokens:?}"), &replay(&requests, &credits));
        assert!(middle <= 300, "{middle}%");
        assert!(refused < 10, "{refused} of a thousand");
    }
}
