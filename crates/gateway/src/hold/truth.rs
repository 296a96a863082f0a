//! Holds against what requests really cost: on the trace of a real service, and on the recorded answers of real providers.
//!
//! Both have tokens and no requests. A prompt is taken to be as long as English text in JSON; no request sets a limit, which is the hard case.

use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::Arc;

use tollgate_domain::{ApiKeyId, ModelId, PriceList};
use tollgate_testkit::corpus::{CORPUS_FILE, read_corpus};
use tollgate_testkit::trace::{TRACE_FILE, read_trace};

use super::*;
use crate::view::BalanceUpdate;

/// The least time that an answer takes, and what each token adds.
const FIRST_TOKEN_MS: i64 = 200;
const TOKEN_MS: i64 = 20;

fn prices() -> PriceList {
    PriceList {
        input_price: "0.000003".parse().unwrap(),
        output_price: "0.000015".parse().unwrap(),
        ..PriceList::default()
    }
}

fn charge(prompt: u64, completion: u64) -> i128 {
    i128::from(prompt) * 3_000_000 + i128::from(completion) * 15_000_000
}

fn estimated(prompt: u64, usual: Option<u64>) -> Estimate {
    let wanted = Wanted {
        body_bytes: prompt * 4,
        max_output_tokens: None,
        choices: 1,
        is_clear: true,
        usual_output_tokens: usual,
    };
    estimate(&wanted, &prices())
}

/// The middle of how many times its charge a hold is, in per cent.
fn median_percent(mut ratios: Vec<i128>) -> i128 {
    ratios.sort_unstable();
    ratios[ratios.len() / 2]
}

fn shared(file: &str) -> Option<std::path::PathBuf> {
    let shared = tollgate_testkit::shared_dir().filter(|shared| shared.join(file).is_file());
    if shared.is_none() {
        eprintln!("skipped: {file} is not here");
    }
    shared
}

#[test]
fn of_recorded_answers_the_middle_hold_is_at_most_three_times_the_charge() {
    let Some(shared) = shared(CORPUS_FILE) else { return };
    let learned = Learned::default();
    let key = ApiKeyId::generate();
    let mut models: HashMap<Option<String>, ModelId> = HashMap::new();
    let mut ratios = Vec::new();
    for exchange in read_corpus(&shared) {
        let Some(counts) = exchange.expected.filter(|counts| counts.prompt > 0 && counts.completion > 0)
        else {
            continue;
        };
        let (prompt, completion) = (counts.prompt.unsigned_abs(), counts.completion.unsigned_abs());
        let model = *models.entry(exchange.request_model).or_insert_with(ModelId::generate);
        let expected = estimated(prompt, learned.usual(key, model)).expected;
        ratios.push(expected.pico() * 100 / charge(prompt, completion));
        learned.saw(key, model, completion);
    }
    assert!(ratios.len() > 1000);
    let median = median_percent(ratios);
    eprintln!("the middle hold is {median}% of the charge");
    assert!(median <= 300, "{median}%");
}

#[test]
fn on_the_trace_the_middle_hold_is_at_most_three_times_the_charge_and_hardly_anyone_is_refused_for_nothing() {
    let Some(shared) = shared(TRACE_FILE) else { return };
    let trace = read_trace(&shared);
    let (key, model, user) = (ApiKeyId::generate(), ModelId::generate(), UserId::generate());
    let (learned, view) = (Learned::default(), Arc::new(LiveView::new()));
    // Enough for all of it, and for nothing more: so at the end holds and money meet.
    let cost = |request: &tollgate_testkit::trace::TraceRequest| {
        charge(request.prompt.unsigned_abs(), request.completion.unsigned_abs())
    };
    let total: i128 = trace.iter().map(cost).sum();
    view.apply_balances(BalanceUpdate {
        full: true,
        balances: vec![(user, Credits::from_pico(total).unwrap())],
        committed_position: 0,
    });
    let mut ends: BinaryHeap<std::cmp::Reverse<(i64, usize)>> = BinaryHeap::new();
    let mut holds: BTreeMap<usize, Hold> = BTreeMap::new();
    let (mut ratios, mut refused_for_nothing, mut in_flight) = (Vec::new(), 0_usize, 0_i128);
    for (index, request) in trace.iter().enumerate() {
        let now = request.at.as_millisecond();
        while let Some(std::cmp::Reverse((at, ended))) = ends.peek().copied().filter(|end| end.0.0 <= now) {
            debug_assert!(at <= now);
            ends.pop();
            let cost = cost(&trace[ended]);
            in_flight -= cost;
            learned.saw(key, model, trace[ended].completion.unsigned_abs());
            let (position, cost) = (i64::try_from(ended).unwrap() + 1, Credits::from_pico(cost).unwrap());
            holds.remove(&ended).unwrap().end(HoldEnd::Charged { position, cost });
        }
        let estimate = estimated(request.prompt.unsigned_abs(), learned.usual(key, model));
        ratios.push(estimate.expected.pico() * 100 / cost(request).max(1));
        match view.hold(user, estimate, WhenSpent::Finish) {
            Ok(hold) => {
                holds.insert(index, hold);
                in_flight += cost(request);
                ends.push(std::cmp::Reverse((now + FIRST_TOKEN_MS + TOKEN_MS * request.completion, index)));
            }
            Err(_) if view.available(user).pico() - in_flight >= cost(request) => refused_for_nothing += 1,
            Err(_) => {}
        }
    }
    let median = median_percent(ratios);
    eprintln!(
        "the middle hold is {median}% of the charge; {refused_for_nothing} of {} were refused and would have fitted",
        trace.len()
    );
    assert!(median <= 300, "{median}%");
    assert!(refused_for_nothing * 100 < trace.len(), "{refused_for_nothing}");
}
