//! What a request costs: each disjoint kind of token times its own price, in integers.

use serde::{Deserialize, Serialize};

use crate::{Credits, MoneyError, PricePerToken, TokenCount, TokenUsage};

/// The prices of one tariff, in credits. A kind without a price of its own is priced as input or output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PriceList {
    /// Per uncached input token.
    pub input_price: PricePerToken,
    /// Per output token.
    pub output_price: PricePerToken,
    /// Per input token read from a cache; input's price where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_read_price: Option<PricePerToken>,
    /// Per input token written to a five-minute cache; input's price where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_5m_price: Option<PricePerToken>,
    /// Per input token written to a one-hour cache; input's price where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_1h_price: Option<PricePerToken>,
    /// Per input token of audio; input's price where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_input_price: Option<PricePerToken>,
    /// Per input token of images; input's price where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_input_price: Option<PricePerToken>,
    /// Per output token of reasoning; output's price where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_price: Option<PricePerToken>,
    /// Per output token of audio; output's price where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_output_price: Option<PricePerToken>,
    /// For each request that succeeded, whatever its tokens; nothing where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_price: Option<PricePerToken>,
}

impl PriceList {
    /// Whether no usage whatever can cost anything.
    pub fn is_free(&self) -> bool {
        let Self {
            input_price,
            output_price,
            cache_read_price,
            cache_write_5m_price,
            cache_write_1h_price,
            audio_input_price,
            image_input_price,
            reasoning_price,
            audio_output_price,
            request_price,
        } = *self;
        let optional = [
            cache_read_price,
            cache_write_5m_price,
            cache_write_1h_price,
            audio_input_price,
            image_input_price,
            reasoning_price,
            audio_output_price,
            request_price,
        ];
        input_price == PricePerToken::ZERO
            && output_price == PricePerToken::ZERO
            && optional.into_iter().flatten().all(|price| price == PricePerToken::ZERO)
    }
}

/// Why a charge could not be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChargeError {
    /// The amount is larger than one usage record holds (9,223,372.036854775807 credits).
    #[error("the charge is larger than 9223372.036854775807 credits, the most that one request may cost")]
    OutOfRange(#[from] MoneyError),
}

/// One line of a charge: so many of a kind, at this price each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChargeLine {
    /// The kind of token, by its name in [`TokenUsage`]; `request` for the request itself.
    pub kind: &'static str,
    /// How many.
    pub quantity: TokenCount,
    /// For each.
    pub price: PricePerToken,
}

impl ChargeLine {
    /// What the line comes to.
    pub fn amount(&self) -> Result<Credits, MoneyError> {
        Credits::from_pico(times(self.quantity, self.price)?)
    }
}

/// Every line of a charge, in a fixed order, those of nothing included. Their sum is [`charge`].
pub fn charge_lines(usage: &TokenUsage, prices: &PriceList) -> [ChargeLine; 10] {
    let input = prices.input_price;
    let output = prices.output_price;
    let line = |kind, quantity, price| ChargeLine { kind, quantity, price };
    [
        line("uncached_input", usage.uncached_input, input),
        line("cache_read", usage.cache_read, prices.cache_read_price.unwrap_or(input)),
        line("cache_write_5m", usage.cache_write_5m, prices.cache_write_5m_price.unwrap_or(input)),
        line("cache_write_1h", usage.cache_write_1h, prices.cache_write_1h_price.unwrap_or(input)),
        line("audio_input", usage.audio_input, prices.audio_input_price.unwrap_or(input)),
        line("image_input", usage.image_input, prices.image_input_price.unwrap_or(input)),
        line("output", usage.output, output),
        line("reasoning", usage.reasoning, prices.reasoning_price.unwrap_or(output)),
        line("audio_output", usage.audio_output, prices.audio_output_price.unwrap_or(output)),
        line("request", TokenCount::ONE, prices.request_price.unwrap_or(PricePerToken::ZERO)),
    ]
}

/// The cost of one request, in credits: Σ over the disjoint kinds of tokens × price, plus the price of the request.
/// Zero or more, at most `i64::MAX` pico-credits.
pub fn charge(usage: &TokenUsage, prices: &PriceList) -> Result<Credits, ChargeError> {
    let mut total = 0_i128;
    for line in charge_lines(usage, prices) {
        total = total.checked_add(times(line.quantity, line.price)?).ok_or(MoneyError::OutOfRange)?;
    }
    if i64::try_from(total).is_err() {
        return Err(MoneyError::OutOfRange.into());
    }
    Ok(Credits::from_pico(total)?)
}

fn times(tokens: TokenCount, price: PricePerToken) -> Result<i128, MoneyError> {
    i128::from(tokens.get()).checked_mul(i128::from(price.pico())).ok_or(MoneyError::OutOfRange)
}

#[cfg(test)]
mod tests;
