//! What a request must cost, computed without any of the gateway's money code: decimal strings, big integers, and the
//! rules as DESIGN words them.

use num_bigint::BigInt;

use crate::upstream::Counts;

/// Prices per token as decimal strings, such as `0.0000025`; `None` is a kind without a price of its own.
#[derive(Debug, Clone, Copy, Default)]
pub struct OraclePrices<'a> {
    /// Per token in.
    pub input: &'a str,
    /// Per token out.
    pub output: &'a str,
    /// Else `input`.
    pub cache_read: Option<&'a str>,
    /// Else `input`.
    pub cache_write_5m: Option<&'a str>,
    /// Else `input`.
    pub cache_write_1h: Option<&'a str>,
    /// Else `input`.
    pub audio_input: Option<&'a str>,
    /// Else `input`.
    pub image_input: Option<&'a str>,
    /// Else `output`.
    pub reasoning: Option<&'a str>,
    /// Else `output`.
    pub audio_output: Option<&'a str>,
    /// Per request that succeeded; else nothing.
    pub request: Option<&'a str>,
}

/// A non-negative decimal number, exact: `digits` × 10^−`scale`.
#[derive(Debug, Clone)]
struct Exact {
    digits: BigInt,
    scale: u32,
}

impl Exact {
    fn read(text: &str) -> Self {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits: BigInt =
            format!("{whole}{fraction}").parse().unwrap_or_else(|_| panic!("{text:?} is no decimal"));
        Self { digits, scale: u32::try_from(fraction.len()).unwrap() }
    }

    fn plus(&self, other: &Self) -> Self {
        let scale = self.scale.max(other.scale);
        Self { digits: self.at(scale) + other.at(scale), scale }
    }

    fn times(&self, count: i64) -> Self {
        Self { digits: &self.digits * count, scale: self.scale }
    }

    /// The digits when written with `scale` decimals, which may not be fewer than there are.
    fn at(&self, scale: u32) -> BigInt {
        &self.digits * BigInt::from(10).pow(scale - self.scale)
    }

    /// Without trailing zeros.
    fn text(&self) -> String {
        let is_negative = self.digits.sign() == num_bigint::Sign::Minus;
        let digits = self.digits.magnitude().to_string();
        let scale = usize::try_from(self.scale).unwrap();
        let padded = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = padded.split_at(padded.len() - scale);
        let fraction = fraction.trim_end_matches('0');
        let sign = if is_negative { "-" } else { "" };
        if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
    }
}

/// The charge for one request, as a decimal without trailing zeros. Every token is counted once: parts are taken out of
/// their whole, never more than is left of it.
pub fn oracle_charge(counts: &Counts, prices: &OraclePrices<'_>) -> String {
    let mut total = Exact::read(prices.request.unwrap_or("0"));
    let input = [
        (counts.cache_read, prices.cache_read),
        (counts.cache_write_5m, prices.cache_write_5m),
        (counts.cache_write_1h, prices.cache_write_1h),
        (counts.audio_input, prices.audio_input),
        (counts.image_input, prices.image_input),
    ];
    let output = [(counts.reasoning, prices.reasoning), (counts.audio_output, prices.audio_output)];
    for (whole, price, parts) in
        [(counts.prompt, prices.input, &input[..]), (counts.completion, prices.output, &output[..])]
    {
        let mut left = whole;
        for (part, own_price) in parts {
            let taken = left.min(*part);
            left -= taken;
            total = total.plus(&Exact::read(own_price.unwrap_or(price)).times(taken));
        }
        total = total.plus(&Exact::read(price).times(left));
    }
    total.text()
}

/// `a + b`, exactly; either may be negative. To add up a ledger.
pub fn oracle_sum<'a>(amounts: impl IntoIterator<Item = &'a str>) -> String {
    let start = Exact { digits: BigInt::ZERO, scale: 0 };
    amounts.into_iter().fold(start, |sum, amount| sum.plus(&Exact::read(amount))).text()
}

#[cfg(test)]
mod tests;
