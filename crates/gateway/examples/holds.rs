//! What requests hold against what they cost, on the recordings in `../shared`:
//!
//! ```text
//! cargo run -p tollgate-gateway --features probe --example holds
//! ```
//!
//! Every line is a replay of all requests of a recording, with a limit (`max_tokens`) or without. `start` are those before enough answers of their
//! model had come, `then` those after it. Everyone has credits for all that their requests cost and no more, so that in the end holds and money
//! meet; `for nothing` are the requests that were refused and would have fitted.
#![expect(clippy::print_stdout, reason = "it talks to the person who started it")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use std::path::Path;

use tollgate_domain::{Credits, PriceList, StatedUsage};
use tollgate_gateway::probe::{Asked, Fate, Seen, replay};
use tollgate_testkit::corpus::{CORPUS_FILE, ExchangeKind, read_corpus};
use tollgate_testkit::trace::{TRACE_FILE, read_trace};

/// Limits as clients state them: none, a common one, and the most that many models take.
const LIMITS: [Option<u64>; 4] = [None, Some(1024), Some(4096), Some(16_384)];
/// Among so many users the trace is shared out, besides all of it being one user's.
const USERS: usize = 20;
/// Between two recorded answers, which have no times: a few are in flight at once.
const APART_MS: i64 = 500;

fn main() {
    let Some(shared) = tollgate_testkit::shared_dir() else {
        println!("there are no recordings here (`../shared`)");
        return;
    };
    println!(
        "{:<34} {:>7} {:>24} {:>24} {:>18} {:>9} {:>12}",
        "",
        "limit",
        "hold/charge p10 p50 p90",
        "at most p10 p50 p90",
        "start p50, then",
        "refused",
        "for nothing"
    );
    if shared.join(TRACE_FILE).is_file() {
        for users in [1, USERS] {
            let requests = trace(&shared, users);
            show(&format!("trace, {users} user(s)"), requests, users);
        }
    }
    if shared.join(CORPUS_FILE).is_file() {
        show("recorded answers", corpus(&shared), 1);
    }
}

fn show(name: &str, mut requests: Vec<Asked>, users: usize) {
    for limit in LIMITS {
        for request in &mut requests {
            request.max_tokens = limit;
        }
        let credits = all_that_they_cost(&requests, users);
        let seen = replay(&requests, &credits);
        let ratios = |of: fn(&Seen) -> Credits, which: fn(&Seen) -> bool| {
            let admitted = seen.iter().filter(|seen| seen.fate == Fate::Admitted && which(seen));
            let mut ratios: Vec<f64> =
                admitted.map(|seen| of(seen).pico() as f64 / seen.cost.pico() as f64).collect();
            ratios.sort_by(f64::total_cmp);
            move |percent: usize| {
                ratios.get((ratios.len() * percent / 100).min(ratios.len().saturating_sub(1))).copied()
            }
        };
        let (hold, at_most) = (ratios(|seen| seen.hold, |_| true), ratios(|seen| seen.at_most, |_| true));
        let start = ratios(|seen| seen.hold, |seen| seen.is_start)(50);
        let then = ratios(|seen| seen.hold, |seen| !seen.is_start)(50);
        let three = |of: &dyn Fn(usize) -> Option<f64>| {
            let shown = [10, 50, 90].map(|percent| format!("{:>8.2}", of(percent).unwrap_or(f64::NAN)));
            shown.concat()
        };
        let count = |fate: Fate| seen.iter().filter(|seen| seen.fate == fate).count();
        let share = |count: usize| format!("{:.2}%", 100.0 * count as f64 / seen.len() as f64);
        let (for_nothing, refused) = (count(Fate::RefusedForNothing), count(Fate::Refused));
        println!(
            "{name:<34} {:>7} {} {} {:>9.2}{:>9.2} {:>9} {:>12}",
            limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string()),
            three(&hold),
            three(&at_most),
            start.unwrap_or(f64::NAN),
            then.unwrap_or(f64::NAN),
            share(refused + for_nothing),
            share(for_nothing),
        );
    }
}

/// What the requests of each user cost together.
fn all_that_they_cost(requests: &[Asked], users: usize) -> Vec<Credits> {
    let endless = Credits::from_pico(i128::from(i64::MAX)).unwrap_or_default();
    let mut sums = vec![Credits::ZERO; users];
    for (request, seen) in requests.iter().zip(replay(requests, &vec![endless; users])) {
        if let Some(sum) = sums.get_mut(request.account) {
            *sum = sum.checked_add(seen.cost).unwrap_or(*sum);
        }
    }
    sums
}

fn trace(shared: &Path, users: usize) -> Vec<Asked> {
    let asked = |(index, request): (usize, tollgate_testkit::trace::TraceRequest)| {
        let usage = StatedUsage {
            prompt_tokens: Some(request.prompt),
            completion_tokens: Some(request.completion),
            ..StatedUsage::default()
        };
        asked(index % users, 0, request.at.as_millisecond(), usage, prices("3", "15", "0.3", "3.75"))
    };
    read_trace(shared).into_iter().enumerate().map(asked).collect()
}

fn corpus(shared: &Path) -> Vec<Asked> {
    let (mut models, mut requests) = (Vec::new(), Vec::new());
    for exchange in read_corpus(shared) {
        let Some(counts) = exchange.expected.filter(|counts| counts.prompt > 0 && counts.completion > 0)
        else {
            continue;
        };
        let model = models.iter().position(|known| *known == exchange.request_model).unwrap_or(models.len());
        if model == models.len() {
            models.push(exchange.request_model.clone());
        }
        let usage = StatedUsage {
            prompt_tokens: Some(counts.prompt),
            completion_tokens: Some(counts.completion),
            cache_read_tokens: counts.cache_read,
            cache_write_5m_tokens: counts.cache_write,
            reasoning_tokens: counts.reasoning,
            ..StatedUsage::default()
        };
        // What such models cost in the middle of 2025, a million tokens.
        let prices = match exchange.kind {
            ExchangeKind::AnthropicMessages => prices("3", "15", "0.3", "3.75"),
            ExchangeKind::GeminiGenerate => prices("0.3", "2.5", "0.075", "0.3"),
            ExchangeKind::Responses => prices("1.25", "10", "0.125", "1.25"),
            ExchangeKind::ChatCompletions | ExchangeKind::Embeddings => prices("2", "8", "0.5", "2"),
        };
        let turn = i64::try_from(requests.len()).unwrap_or(i64::MAX);
        requests.push(asked(0, model, turn * APART_MS, usage, prices));
    }
    requests
}

fn asked(account: usize, model: usize, at_ms: i64, usage: StatedUsage, prices: PriceList) -> Asked {
    // English text in JSON, and what is around it.
    let body_bytes = usage.prompt_tokens.unwrap_or(0).max(0).unsigned_abs() * 4 + 200;
    Asked { account, model, at_ms, body_bytes, max_tokens: None, usage, prices }
}

/// Credits for a million tokens.
fn prices(input: &str, output: &str, cache_read: &str, cache_write: &str) -> PriceList {
    let price = |millions: &str| {
        let pico = (millions.parse::<f64>().unwrap_or(0.0) * 1e6).round();
        format!("{:.12}", pico / 1e12).parse().unwrap_or_default()
    };
    PriceList {
        input_price: price(input),
        output_price: price(output),
        cache_read_price: Some(price(cache_read)),
        cache_write_5m_price: Some(price(cache_write)),
        ..PriceList::default()
    }
}
