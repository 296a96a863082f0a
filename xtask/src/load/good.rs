//! Good clients: small requests of every kind, half of them streams, from several customers.
//!
//! Request *n* is always the same: the same customer's, of the same kind, with the same tokens.

use anyhow::Context;
use hyper::StatusCode;

use crate::stage::{
    ask::{Ask, PATTERN, Surface, scripted_prompt},
    cast::{BATCH_WINDOW, Customer},
    http::{self, Connection},
};

/// Those who send it. Their credits last.
pub(crate) const CUSTOMERS: [Customer; 4] = [
    Customer { name: "acme", credits: "1000000", purpose: "realtime", window: None, share: 4 },
    Customer { name: "globex", credits: "1000000", purpose: "batch", window: Some(BATCH_WINDOW), share: 3 },
    Customer { name: "initech", credits: "1000000", purpose: "playground", window: None, share: 2 },
    Customer { name: "umbrella", credits: "1000000", purpose: "realtime", window: None, share: 1 },
];

/// One in so many comes on a connection of its own, and so sees what accepting costs.
const FRESH_EVERY: usize = 8;
/// Of the streams, one in so many takes its time, as streams of models do. Prime to the customers' turns, as the next one is.
const LONG_STREAM_EVERY: usize = 3;
const LONG_STREAM: &str = "frames=8 frame_delay_ms=100";
/// Of the streams, one in so many loses its client after its first bytes.
const LEAVE_EVERY: usize = 17;
const LEFT_STREAM: &str = "frames=20 frame_delay_ms=25";

/// How varied it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mix {
    /// Every answer as fast as it can be.
    Quick,
    /// Some streams last a second, and some clients leave.
    Lively,
}

/// What becomes of a request, as far as its client decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Whole,
    Stream,
    /// A stream that lasts.
    LongStream,
    /// A stream whose client leaves.
    Left,
}

/// Who sends, and where to.
#[derive(Debug)]
pub(crate) struct Good {
    pub(crate) url: String,
    /// In the order of [`CUSTOMERS`].
    pub(crate) keys: Vec<String>,
    pub(crate) mix: Mix,
}

impl Good {
    /// What request `number` is.
    pub(crate) fn kind(&self, number: usize) -> Kind {
        let (_, stream) = what(number);
        // Of each pattern's streams, counted over rounds, so that every surface has some of each.
        let turn = number / PATTERN.len();
        match (stream, self.mix) {
            (false, _) => Kind::Whole,
            (true, Mix::Lively) if turn % LEAVE_EVERY == 1 => Kind::Left,
            (true, Mix::Lively) if turn.is_multiple_of(LONG_STREAM_EVERY) => Kind::LongStream,
            (true, Mix::Quick | Mix::Lively) => Kind::Stream,
        }
    }

    /// Sends request `number` and waits for the end of its answer. An error says what was wrong with it.
    pub(crate) async fn send(&self, number: usize) -> Result<(), String> {
        self.try_send(number).await.map_err(|error| format!("{error:#}"))
    }

    async fn try_send(&self, number: usize) -> anyhow::Result<()> {
        let index = whose(number);
        let customer = CUSTOMERS.get(index).context("there is such a customer")?;
        let key = self.keys.get(index).context("every customer has a key")?;
        let (surface, stream) = what(number);
        let kind = self.kind(number);
        let more = match kind {
            Kind::Whole | Kind::Stream => "",
            Kind::LongStream => LONG_STREAM,
            Kind::Left => LEFT_STREAM,
        };
        let prompt = scripted_prompt(customer.name, number, surface != Surface::Embeddings, more);
        let ask = Ask { surface, stream, prompt, asks_for_usage: number.is_multiple_of(2) };
        let request = ask.request(&self.url, key, customer)?;
        if kind == Kind::Left {
            let status = http::send_and_leave(request).await?;
            anyhow::ensure!(status == StatusCode::OK, "{status}");
            return Ok(());
        }
        let connection =
            if number.is_multiple_of(FRESH_EVERY) { Connection::Fresh } else { Connection::Kept };
        let answer = http::send_on(connection, request).await?;
        let said = || String::from_utf8_lossy(&answer.body).into_owned();
        anyhow::ensure!(answer.status == StatusCode::OK, "{}: {}", answer.status, said());
        Ok(())
    }
}

/// The customer of request `number`, by the shares.
fn whose(number: usize) -> usize {
    let shares: usize = CUSTOMERS.iter().map(|customer| customer.share).sum();
    // Seven is prime to the sum, so customers alternate; and shifted each round, so that everyone sends every kind.
    let mut place = (number + number / shares).wrapping_mul(7) % shares;
    for (index, customer) in CUSTOMERS.iter().enumerate() {
        if place < customer.share {
            return index;
        }
        place -= customer.share;
    }
    0
}

/// The wire format of request `number`, and whether it is a stream.
fn what(number: usize) -> (Surface, bool) {
    PATTERN.get(number % PATTERN.len()).copied().unwrap_or((Surface::Chat, false))
}

#[cfg(test)]
mod tests;
