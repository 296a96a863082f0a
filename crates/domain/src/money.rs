//! Money and prices: exact integers of 10⁻¹² credit, and nothing else.
//!
//! What does not fit is refused where it enters (a price with more than twelve decimals, an amount past
//! the range of `numeric(28,12)`); nothing here rounds.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Decimal places of a credit. One pico-credit is the smallest amount there is.
const SCALE: u32 = 12;
const PICO_PER_CREDIT: i128 = 1_000_000_000_000;
/// `numeric(28,12)` holds 28 digits, twelve of them behind the point.
const MAX_PICO: i128 = 9_999_999_999_999_999_999_999_999_999;

/// Why an amount or a price was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The text is no decimal number.
    #[error("`{0}` is not a decimal number; write it like 0.00001")]
    NotADecimal(String),
    /// More than twelve decimal places: it could only be stored rounded.
    #[error("`{0}` has more than 12 decimal places; the smallest amount is 0.000000000001")]
    TooManyDecimals(String),
    /// Past ±9,999,999,999,999,999.999999999999.
    #[error("the amount is out of range; at most 16 digits may stand before the decimal point")]
    OutOfRange,
    /// A price below zero.
    #[error("`{0}` is negative; a price is zero or more")]
    NegativePrice(String),
}

/// An amount of money in credits, exact to 10⁻¹²; may be negative (a balance, a ledger entry).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Credits(i128);

impl Credits {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// From pico-credits (10⁻¹² credit).
    pub const fn from_pico(pico: i128) -> Result<Self, MoneyError> {
        if pico > MAX_PICO || pico < -MAX_PICO { Err(MoneyError::OutOfRange) } else { Ok(Self(pico)) }
    }

    /// In pico-credits (10⁻¹² credit).
    pub const fn pico(self) -> i128 {
        self.0
    }

    /// The sum, or `OutOfRange`.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.0.checked_add(other.0).ok_or(MoneyError::OutOfRange).and_then(Self::from_pico)
    }

    /// The difference, or `OutOfRange`.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.0.checked_sub(other.0).ok_or(MoneyError::OutOfRange).and_then(Self::from_pico)
    }

    /// The same amount with the other sign; the range is symmetric, so this cannot fail.
    #[must_use]
    pub const fn negated(self) -> Self {
        Self(self.0.saturating_neg())
    }

    /// More than zero.
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// As a decimal, for SQL `numeric` and for APIs.
    pub fn to_decimal(self) -> Decimal {
        Decimal::from_i128_with_scale(self.0, SCALE)
    }
}

impl TryFrom<Decimal> for Credits {
    type Error = MoneyError;

    fn try_from(decimal: Decimal) -> Result<Self, MoneyError> {
        let exact = decimal.normalize();
        let missing = SCALE
            .checked_sub(exact.scale())
            .ok_or_else(|| MoneyError::TooManyDecimals(decimal.to_string()))?;
        let factor = 10_i128.checked_pow(missing).ok_or(MoneyError::OutOfRange)?;
        exact.mantissa().checked_mul(factor).ok_or(MoneyError::OutOfRange).and_then(Self::from_pico)
    }
}

impl FromStr for Credits {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let text = text.trim();
        // `Decimal::from_scientific` rounds what it cannot hold, in silence.
        let plain = without_exponent(text).ok_or_else(|| MoneyError::NotADecimal(text.to_owned()))?;
        let decimal = Decimal::from_str_exact(&plain);
        match decimal {
            Ok(decimal) => Self::try_from(decimal),
            Err(rust_decimal::Error::Underflow) => Err(MoneyError::TooManyDecimals(text.to_owned())),
            // rust_decimal reports too many digits as a text only.
            Err(_) if is_plain_number(&plain) => Err(MoneyError::OutOfRange),
            Err(_) => Err(MoneyError::NotADecimal(text.to_owned())),
        }
    }
}

/// Largest exponent that is read, either way: with the 28 digits of an amount, any other is a mistake.
const MAX_EXPONENT: usize = 64;

/// The number written out: `1.5e-3` as `0.0015`. `None`: that is no exponent.
fn without_exponent(text: &str) -> Option<Cow<'_, str>> {
    let Some((number, exponent)) = text.split_once(['e', 'E']) else { return Some(Cow::Borrowed(text)) };
    if !is_plain_number(number) {
        return None;
    }
    let exponent: i32 = exponent.parse().ok()?;
    let places = usize::try_from(exponent.unsigned_abs()).ok().filter(|places| *places <= MAX_EXPONENT)?;
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    let digits = digits.strip_prefix('+').unwrap_or(digits);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let zeros = "0".repeat(places);
    // The point moves through zeros enough for it.
    let (whole, fraction) = if exponent < 0 {
        let whole = format!("{zeros}{whole}");
        let (left, moved) = whole.split_at_checked(whole.len().checked_sub(places)?)?;
        (left.to_owned(), format!("{moved}{fraction}"))
    } else {
        let fraction = format!("{fraction}{zeros}");
        let (moved, right) = fraction.split_at_checked(places)?;
        (format!("{whole}{moved}"), right.to_owned())
    };
    // Zeros at the ends say nothing, and would count as digits.
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let point = if fraction.is_empty() { "" } else { "." };
    Some(Cow::Owned(format!("{sign}0{whole}{point}{fraction}")))
}

/// An optional sign, digits, and at most one point.
fn is_plain_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    !whole.is_empty() && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for Credits {
    /// The shortest exact decimal: `0.025`, `-3`, `10`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let magnitude = self.0.unsigned_abs();
        let unit = PICO_PER_CREDIT.unsigned_abs();
        let whole = magnitude.checked_div(unit).unwrap_or_default();
        let fraction = magnitude.checked_rem(unit).unwrap_or_default();
        let text = if fraction == 0 {
            format!("{sign}{whole}")
        } else {
            format!("{sign}{whole}.{}", format!("{fraction:012}").trim_end_matches('0'))
        };
        f.pad(&text)
    }
}

impl Serialize for Credits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Credits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A price in credits for one token (or for one request): zero or more, exact to 10⁻¹².
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PricePerToken(i64);

impl PricePerToken {
    /// Nothing to pay.
    pub const ZERO: Self = Self(0);

    /// From pico-credits per token.
    pub fn from_pico(pico: i64) -> Result<Self, MoneyError> {
        if pico < 0 { Err(MoneyError::NegativePrice(pico.to_string())) } else { Ok(Self(pico)) }
    }

    /// In pico-credits per token.
    pub const fn pico(self) -> i64 {
        self.0
    }
}

impl From<PricePerToken> for Credits {
    fn from(price: PricePerToken) -> Self {
        Self(i128::from(price.0))
    }
}

impl TryFrom<Credits> for PricePerToken {
    type Error = MoneyError;

    fn try_from(credits: Credits) -> Result<Self, MoneyError> {
        if credits.0 < 0 {
            return Err(MoneyError::NegativePrice(credits.to_string()));
        }
        i64::try_from(credits.0).map(Self).map_err(|_| MoneyError::OutOfRange)
    }
}

impl FromStr for PricePerToken {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        Self::try_from(text.parse::<Credits>()?)
    }
}

impl fmt::Display for PricePerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Credits::from(*self).fmt(f)
    }
}

impl Serialize for PricePerToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PricePerToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
