//! What many requests cost at a list of prices, where only sums of their tokens are known: least and most.
//!
//! A charge is linear in its tokens and never rounded, so sums are enough wherever the kinds that they do not tell apart (audio and images within
//! the input, audio within the output, the two lifetimes of a cache) have one price. Where they have not, the bounds are those of all tokens at
//! the least and at the greatest of these prices.
//!
//! A request whose provider stated more of a part than of the whole was charged for the whole alone. Sums show that only where they do so
//! themselves; then the bounds are wide. One such request among others is not seen, and the bounds are then off by its excess.

use crate::{Credits, MoneyError, PriceList, PricePerToken};

/// Sums over requests that somebody pays for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UsageSums {
    /// Requests.
    pub requests: i64,
    /// Of these, the ones that failed or were broken off.
    pub failed_requests: i64,
    /// Every token in.
    pub prompt_tokens: i64,
    /// Every token out.
    pub completion_tokens: i64,
    /// Part of the tokens out.
    pub reasoning_tokens: i64,
    /// Part of the tokens in.
    pub cache_read_tokens: i64,
    /// Part of the tokens in, of both lifetimes.
    pub cache_write_tokens: i64,
}

/// Two amounts that an amount lies between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CostBounds {
    /// It is no less.
    pub least: Credits,
    /// It is no more.
    pub most: Credits,
}

impl CostBounds {
    /// Whether it is known.
    pub fn is_exact(&self) -> bool {
        self.least == self.most
    }

    /// Of both together.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        let least = self.least.checked_add(other.least)?;
        Ok(Self { least, most: self.most.checked_add(other.most)? })
    }
}

/// What these requests cost where each was charged by one of these lists; nothing where there is none.
pub fn cost_bounds(sums: &UsageSums, lists: &[PriceList]) -> Result<CostBounds, MoneyError> {
    let mut bounds = Pico { least: 0, most: 0 };
    if lists.is_empty() {
        return Ok(CostBounds::default());
    }
    let read = |list: &PriceList| vec![list.cache_read_price.unwrap_or(list.input_price)];
    let written = |list: &PriceList| {
        vec![
            list.cache_write_5m_price.unwrap_or(list.input_price),
            list.cache_write_1h_price.unwrap_or(list.input_price),
        ]
    };
    let other_input = |list: &PriceList| {
        vec![
            list.input_price,
            list.audio_input_price.unwrap_or(list.input_price),
            list.image_input_price.unwrap_or(list.input_price),
        ]
    };
    let reasoning = |list: &PriceList| vec![list.reasoning_price.unwrap_or(list.output_price)];
    let other_output =
        |list: &PriceList| vec![list.output_price, list.audio_output_price.unwrap_or(list.output_price)];
    let rest = |whole: i64, parts: [i64; 2]| {
        parts.into_iter().try_fold(whole, i64::checked_sub).filter(|rest| *rest >= 0)
    };
    if let Some(uncached) = rest(sums.prompt_tokens, [sums.cache_read_tokens, sums.cache_write_tokens]) {
        bounds.add(sums.cache_read_tokens, &prices(lists, read))?;
        bounds.add(sums.cache_write_tokens, &prices(lists, written))?;
        bounds.add(uncached, &prices(lists, other_input))?;
    } else {
        let any = |list: &PriceList| [read(list), written(list), other_input(list)].concat();
        bounds.add(sums.prompt_tokens, &prices(lists, any))?;
    }
    if let Some(answer) = rest(sums.completion_tokens, [sums.reasoning_tokens, 0]) {
        bounds.add(sums.reasoning_tokens, &prices(lists, reasoning))?;
        bounds.add(answer, &prices(lists, other_output))?;
    } else {
        let any = |list: &PriceList| [reasoning(list), other_output(list)].concat();
        bounds.add(sums.completion_tokens, &prices(lists, any))?;
    }
    // Whether one that was broken off pays for itself is not in the sums.
    let requests = prices(lists, |list| vec![list.request_price.unwrap_or(PricePerToken::ZERO)]);
    bounds.add_between(sums.requests.saturating_sub(sums.failed_requests), sums.requests, &requests)?;
    Ok(CostBounds { least: Credits::from_pico(bounds.least)?, most: Credits::from_pico(bounds.most)? })
}

/// The prices, by any of the lists, of tokens that are not told apart.
fn prices(lists: &[PriceList], of: impl Fn(&PriceList) -> Vec<PricePerToken>) -> Vec<PricePerToken> {
    lists.iter().flat_map(of).collect()
}

struct Pico {
    least: i128,
    most: i128,
}

impl Pico {
    fn add(&mut self, quantity: i64, prices: &[PricePerToken]) -> Result<(), MoneyError> {
        self.add_between(quantity, quantity, prices)
    }

    fn add_between(&mut self, fewest: i64, most: i64, prices: &[PricePerToken]) -> Result<(), MoneyError> {
        let pico = || prices.iter().map(|price| price.pico());
        let times = |quantity: i64, price: Option<i64>| {
            i128::from(quantity.max(0)).checked_mul(i128::from(price.unwrap_or(0)))
        };
        let sum = |before: i128, more: Option<i128>| {
            more.and_then(|more| before.checked_add(more)).ok_or(MoneyError::OutOfRange)
        };
        self.least = sum(self.least, times(fewest, pico().min()))?;
        self.most = sum(self.most, times(most, pico().max()))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
