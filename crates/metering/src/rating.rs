//! The price of one record: the same decision when it is written, when it is rated later, and when it is audited.

use tollgate_domain::{
    ChargeError, Outcome, Rated, StatedUsage, Tariff, TokenCountError, TokenUsage, UsageSource, UserId, rate,
};

/// Everything that decides the amount, as it is stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    /// Who pays.
    pub(crate) user: Option<UserId>,
    /// HTTP status.
    pub(crate) status_code: i32,
    /// How the request ended.
    pub(crate) outcome: Outcome,
    /// Token counts as stated.
    pub(crate) usage: StatedUsage,
    /// Where they come from.
    pub(crate) usage_source: UsageSource,
}

/// Why no amount can be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RatingError {
    /// A count is no count.
    #[error(transparent)]
    TokenCount(#[from] TokenCountError),
    /// The amount does not fit.
    #[error(transparent)]
    Charge(#[from] ChargeError),
}

impl Facts {
    /// Whether the upstream refused or broke off.
    pub(crate) fn is_failed(&self) -> bool {
        !(200..300).contains(&self.status_code) || self.outcome == Outcome::Failed
    }

    /// State and amount at this tariff, and whether stated parts had to be clamped.
    pub(crate) fn rate(&self, tariff: Option<&Tariff>) -> Result<(Rated, bool), RatingError> {
        let (usage, clamped) = TokenUsage::split(&self.usage)?;
        // A total that nobody split into input and output has no price; unknown is never zero.
        let is_split = self.usage.prompt_tokens.is_some() || self.usage.completion_tokens.is_some();
        let source = if is_split { self.usage_source } else { UsageSource::None };
        let rated = rate(self.user, self.status_code, self.outcome, source, &usage, tariff)?;
        Ok((rated, clamped))
    }
}
