//! Which state a request ends in, and at what amount. One decision, in one place.

use crate::{
    ChargeError, ChargeLine, Credits, Outcome, PriceList, PricePerToken, RawAnalyticsRecord, StatedUsage,
    Tariff, TokenCount, TokenCountError, TokenUsage, UsageSource, UserId, charge, charge_lines,
};

/// The state of a usage record. Every record is in exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UsageState {
    /// Paid: the amount is positive.
    Charged,
    /// Nothing to pay: a price of zero, no user to pay, or a failed request without usage.
    Free,
    /// No price yet; kept until there is one.
    Unrated,
    /// Admitted and never answered.
    Voided,
}

impl UsageState {
    /// The name, as in the views.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Charged => "charged",
            Self::Free => "free",
            Self::Unrated => "unrated",
            Self::Voided => "voided",
        }
    }
}

/// A state and its amount: positive when charged, zero otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rated {
    /// The state.
    pub state: UsageState,
    /// What is taken from the balance.
    pub amount: Credits,
}

impl Rated {
    const FREE: Self = Self { state: UsageState::Free, amount: Credits::ZERO };
    const UNRATED: Self = Self { state: UsageState::Unrated, amount: Credits::ZERO };
    const VOIDED: Self = Self { state: UsageState::Voided, amount: Credits::ZERO };
}

/// Everything about a record that decides its amount. Whoever says what a request costs (the gateway at its end, the flush, the rater
/// of late prices, the audit) says it through this, so that all of them say the same.
#[derive(Debug, Clone, Copy)]
pub struct RatingFacts {
    /// Who pays.
    pub user: Option<UserId>,
    /// HTTP status.
    pub status_code: i32,
    /// How the request ended.
    pub outcome: Outcome,
    /// Token counts as stated.
    pub usage: StatedUsage,
    /// Where they come from.
    pub usage_source: UsageSource,
}

/// Why no amount can be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RatingError {
    /// A count is no count.
    #[error(transparent)]
    TokenCount(#[from] TokenCountError),
    /// The amount does not fit.
    #[error(transparent)]
    Charge(#[from] ChargeError),
}

impl RatingFacts {
    /// Those of a record that `user` pays for. An embedding that states only a total means its prompt.
    pub fn of(record: &RawAnalyticsRecord, user: Option<UserId>) -> Self {
        let mut usage = record.usage;
        if usage.prompt_tokens.is_none()
            && usage.completion_tokens.is_none()
            && record.response_type.starts_with("embedding")
        {
            usage.prompt_tokens = usage.total_tokens;
        }
        let RawAnalyticsRecord { status_code, outcome, usage_source, .. } = *record;
        Self { user, status_code, outcome, usage, usage_source }
    }

    /// Whether the upstream refused or broke off, or the gateway did.
    pub fn is_failed(&self) -> bool {
        !(200..300).contains(&self.status_code)
            || matches!(self.outcome, Outcome::Failed | Outcome::Interrupted)
    }

    /// The lines that a charge at this tariff is the sum of, those of nothing left out; none where nothing is charged.
    pub fn lines(&self, tariff: &Tariff) -> Result<Vec<ChargeLine>, RatingError> {
        let (rated, _) = self.rate(Some(tariff))?;
        if rated.state != UsageState::Charged {
            return Ok(Vec::new());
        }
        let (usage, _) = TokenUsage::split(&self.usage)?;
        let failed = is_failed(self.status_code, self.outcome);
        let Some(prices) = prices_for(self.source(), failed, &tariff.prices) else { return Ok(Vec::new()) };
        let lines = charge_lines(&usage, &prices);
        let counts =
            |line: &ChargeLine| line.quantity != TokenCount::ZERO && line.price != PricePerToken::ZERO;
        Ok(lines.into_iter().filter(counts).collect())
    }

    /// Where usage comes from that has a price: a total that nobody split into input and output has none; unknown is never zero.
    fn source(&self) -> UsageSource {
        let is_split = self.usage.prompt_tokens.is_some() || self.usage.completion_tokens.is_some();
        if is_split { self.usage_source } else { UsageSource::None }
    }

    /// State and amount at this tariff, and whether stated parts had to be clamped.
    pub fn rate(&self, tariff: Option<&Tariff>) -> Result<(Rated, bool), RatingError> {
        let (usage, clamped) = TokenUsage::split(&self.usage)?;
        let rated = rate(self.user, self.status_code, self.outcome, self.source(), &usage, tariff)?;
        Ok((rated, clamped))
    }
}

/// Rates one request: `tariff` is what [`crate::find_best_tariff`] chose for it.
///
/// In this order: a request that the gateway's own end interrupted, and whose usage nobody knows, is voided; a failed request without usage is free; one that nobody pays for (no user, the system user)
/// is free; without a tariff it is unrated; without usage it pays the price of a request where the tariff has one, and is
/// unrated where it has not, because unknown is never zero; else the charge decides.
pub fn rate(
    user: Option<UserId>,
    status_code: i32,
    outcome: Outcome,
    usage_source: UsageSource,
    usage: &TokenUsage,
    tariff: Option<&Tariff>,
) -> Result<Rated, ChargeError> {
    if outcome == Outcome::Interrupted && usage_source == UsageSource::None {
        return Ok(Rated::VOIDED);
    }
    let failed = is_failed(status_code, outcome);
    if failed && usage_source == UsageSource::None {
        return Ok(Rated::FREE);
    }
    if user.is_none_or(|user| user == UserId::SYSTEM) {
        return Ok(Rated::FREE);
    }
    let Some(tariff) = tariff else { return Ok(Rated::UNRATED) };
    let Some(prices) = prices_for(usage_source, failed, &tariff.prices) else {
        return Ok(if tariff.prices.is_free() { Rated::FREE } else { Rated::UNRATED });
    };
    let amount = charge(usage, &prices)?;
    Ok(if amount.is_positive() { Rated { state: UsageState::Charged, amount } } else { Rated::FREE })
}

const fn is_failed(status_code: i32, outcome: Outcome) -> bool {
    !(200 <= status_code && status_code < 300) || matches!(outcome, Outcome::Failed)
}

/// The prices that count for such a request: without usage that of the request alone, after a failure never that. `None`: a request
/// without usage at a tariff without a price for it.
fn prices_for(usage_source: UsageSource, failed: bool, prices: &PriceList) -> Option<PriceList> {
    let mut prices = *prices;
    if usage_source == UsageSource::None {
        prices = PriceList { request_price: Some(prices.request_price?), ..PriceList::default() };
    }
    if failed {
        prices.request_price = Some(PricePerToken::ZERO);
    }
    Some(prices)
}

#[cfg(test)]
mod tests;
