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

/// The cost of one request, in credits: Σ over the disjoint kinds of tokens × price, plus the price of the request.
/// Zero or more, at most `i64::MAX` pico-credits.
pub fn charge(usage: &TokenUsage, prices: &PriceList) -> Result<Credits, ChargeError> {
    let input = prices.input_price;
    let output = prices.output_price;
    let terms = [
        (usage.uncached_input, input),
        (usage.cache_read, prices.cache_read_price.unwrap_or(input)),
        (usage.cache_write_5m, prices.cache_write_5m_price.unwrap_or(input)),
        (usage.cache_write_1h, prices.cache_write_1h_price.unwrap_or(input)),
        (usage.audio_input, prices.audio_input_price.unwrap_or(input)),
        (usage.image_input, prices.image_input_price.unwrap_or(input)),
        (usage.output, output),
        (usage.reasoning, prices.reasoning_price.unwrap_or(output)),
        (usage.audio_output, prices.audio_output_price.unwrap_or(output)),
    ];
    let request = prices.request_price.unwrap_or(PricePerToken::ZERO);
    let mut total = i128::from(request.pico());
    for (tokens, price) in terms {
        total = total.checked_add(times(tokens, price)?).ok_or(MoneyError::OutOfRange)?;
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
