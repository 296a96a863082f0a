//! A few thousand requests of five kinds of clients, many at a time.
//!
//! The order is fixed: request *n* is always the same customer's, of the same kind. Half of all requests are streams.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context;
use bytes::Bytes;
use hyper::StatusCode;
use serde_json::Value;
use tokio::task::JoinSet;

use super::{CUSTOMERS, progress::Progress};
use crate::stage::{
    ask::{Ask, PATTERN, Surface, scripted_prompt},
    http::{self, Answer},
};

/// Requests in flight: enough to keep the gateway busy, few enough that an account that runs dry is overdrawn little.
const CONCURRENCY: usize = 16;
/// The shortest pause between requests while somebody looks on.
const PAUSE: Duration = Duration::from_millis(150);

/// What one customer's client saw.
#[derive(Debug, Default, Clone)]
pub(crate) struct Seen {
    /// Answered with 200.
    pub(crate) answered: usize,
    /// Of these, streams.
    pub(crate) streams: usize,
    /// Refused with 402.
    pub(crate) refused: usize,
    /// Everything else: there should be none.
    pub(crate) failed: usize,
    /// The first of them.
    pub(crate) first_failure: Option<String>,
    /// Of the answered ones.
    pub(crate) latencies: Vec<Duration>,
    /// When the last answer was there.
    pub(crate) last_answer: Option<Instant>,
}

impl Seen {
    /// The latency that so many of a hundred requests stayed below.
    pub(crate) fn percentile(&self, of_hundred: usize) -> Duration {
        let mut sorted = self.latencies.clone();
        sorted.sort();
        let rank = sorted.len().saturating_mul(of_hundred).div_ceil(100).saturating_sub(1);
        sorted.get(rank).copied().unwrap_or_default()
    }
}

/// Sends `count` requests; answers what each customer of [`CUSTOMERS`] saw.
pub(crate) async fn send(url: &str, keys: &[String], count: usize) -> anyhow::Result<Vec<Seen>> {
    let shared =
        Arc::new((url.to_owned(), keys.to_vec(), AtomicUsize::new(0), Progress::new("requests", count)));
    let mut workers = JoinSet::new();
    for _ in 0..CONCURRENCY {
        let shared = Arc::clone(&shared);
        workers.spawn(async move {
            let (url, keys, next, progress) = &*shared;
            let mut seen = vec![Seen::default(); CUSTOMERS.len()];
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return anyhow::Ok(seen);
                }
                send_one(url, keys, number, |refused| progress.say_once(refused), &mut seen).await?;
                progress.advance();
            }
        });
    }
    let mut all = vec![Seen::default(); CUSTOMERS.len()];
    while let Some(worker) = workers.join_next().await {
        for (sum, part) in all.iter_mut().zip(worker??) {
            sum.add(part);
        }
    }
    shared.3.finish();
    Ok(all)
}

/// Sends a request now and then, for whoever looks on, until it is dropped.
pub(crate) async fn go_on(url: &str, keys: &[String]) -> anyhow::Result<()> {
    for number in 0_usize.. {
        let mut seen = vec![Seen::default(); CUSTOMERS.len()];
        send_one(url, keys, number, |_| (), &mut seen).await?;
        // Uneven, as customers are.
        tokio::time::sleep(PAUSE * u32::try_from(number * 7 % 5 + 1)?).await;
    }
    Ok(())
}

async fn send_one(
    url: &str,
    keys: &[String],
    number: usize,
    say_refused: impl FnOnce(&str),
    seen: &mut [Seen],
) -> anyhow::Result<()> {
    let index = whose(number);
    let customer = CUSTOMERS.get(index).context("there is such a customer")?;
    let key = keys.get(index).context("every customer has a key")?;
    let (surface, stream) = what(number);
    let ask = Ask {
        surface,
        stream,
        prompt: scripted_prompt(customer.name, number, surface != Surface::Embeddings, ""),
        // Every other stream forgets to ask for usage, as clients do: the gateway asks for it.
        asks_for_usage: number.is_multiple_of(2),
    };
    let request = ask.request(url, key, customer)?;
    let answer = http::send(request).await;
    if let Some(seen) = seen.get_mut(index) {
        seen.count(answer, stream, |message| say_refused(&format!("{}: 402 {message}", customer.name)));
    }
    Ok(())
}

impl Seen {
    fn count(&mut self, answer: anyhow::Result<Answer>, stream: bool, say_refused: impl FnOnce(&str)) {
        match answer {
            Ok(answer) if answer.status == StatusCode::OK => {
                self.answered += 1;
                self.streams += usize::from(stream);
                self.latencies.push(answer.took);
                self.last_answer = Some(Instant::now());
            }
            Ok(answer) if answer.status == StatusCode::PAYMENT_REQUIRED => {
                self.refused += 1;
                say_refused(&message(&answer.body));
            }
            Ok(answer) => self.fail(format!("{}: {}", answer.status, String::from_utf8_lossy(&answer.body))),
            Err(error) => self.fail(format!("{error:#}")),
        }
    }

    fn fail(&mut self, how: String) {
        self.failed += 1;
        self.first_failure.get_or_insert(how);
    }

    fn add(&mut self, other: Self) {
        self.answered += other.answered;
        self.streams += other.streams;
        self.refused += other.refused;
        self.failed += other.failed;
        self.first_failure = self.first_failure.take().or(other.first_failure);
        self.latencies.extend(other.latencies);
        self.last_answer = self.last_answer.max(other.last_answer);
    }
}

/// The customer of request `number`, by the shares.
fn whose(number: usize) -> usize {
    let shares: usize = CUSTOMERS.iter().map(|customer| customer.share).sum();
    // Seven is prime to the sum, so customers alternate instead of coming in blocks.
    let mut place = number.wrapping_mul(7) % shares;
    for (index, customer) in CUSTOMERS.iter().enumerate() {
        if place < customer.share {
            return index;
        }
        place -= customer.share;
    }
    0
}

/// The kind of request `number`, turning the pattern a little each round so that every customer sends every kind.
fn what(number: usize) -> (Surface, bool) {
    let place = (number + number / 20) % PATTERN.len();
    PATTERN.get(place).copied().unwrap_or((Surface::Chat, false))
}

/// The message in an error body, in any of the three shapes.
fn message(body: &Bytes) -> String {
    let parsed: Value = serde_json::from_slice(body).unwrap_or_default();
    let message = parsed.pointer("/error/message").and_then(Value::as_str);
    message.map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned)
}

#[cfg(test)]
mod tests;
