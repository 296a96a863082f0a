//! A stream that outgrows its hold: when to hold more, and how much.
//!
//! It outgrows what it was expected to cost first: then it is expected to cost more. That asks nobody, because what it may cost at most is set aside
//! already. Only past that is there anything to be had:
//!
//! How long an answer is so far is a guess from its frames ([`crate::usage::tap::ResponseTap::written`]); what it costs is known at its end. So
//! more is held a little ahead of need, as long as there is money beside the other requests. Where there is none any more, the customer's policy
//! decides: the stream goes on, and what it costs beyond its hold is its overrun; or it is cut off.

use tollgate_domain::{Credits, PricePerToken};

use super::Estimate;
use crate::view::WhenSpent;

/// So many tokens before the end of the hold, or an eighth of it, more is asked for.
const AHEAD_TOKENS: u64 = 64;
/// More by so many tokens, or by half of what was held for the answer.
const STEP_TOKENS: u64 = 512;
/// At the end of the hold, less than this is not worth going on for.
const LEAST_TOKENS: u64 = 32;
/// A client that sets a limit has held for all of it. Only an answer that is clearly longer is one that does not heed it: its length is a guess.
const BEYOND_LIMIT: u64 = 2;
/// And by so many tokens: of a short one the frames say little, because they are mostly what stands around it.
const BEYOND_LIMIT_TOKENS: u64 = 512;

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    /// Hold more if it is there.
    Ahead(Step),
    /// What is held is used up.
    Now(Step),
}

/// How much more: at least, and at best.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) least: Credits,
    pub(super) most: Credits,
}

/// Follows one answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Growth {
    prompt: Credits,
    per_token: PricePerToken,
    is_bounded: bool,
    when_spent: WhenSpent,
    held: Credits,
    /// So long an answer is expected to be.
    expected_tokens: u64,
    /// Nothing is asked for ahead before the answer is so long.
    next_ahead: u64,
    /// There was no more money: whatever it costs, it goes on.
    is_over: bool,
}

impl Growth {
    pub(super) fn new(estimate: &Estimate, held: Credits, when_spent: WhenSpent) -> Self {
        let Estimate { prompt, per_token, is_bounded, expected_tokens, .. } = *estimate;
        Self {
            prompt,
            per_token,
            is_bounded,
            when_spent,
            held,
            expected_tokens,
            next_ahead: 0,
            is_over: false,
        }
    }

    /// An answer of `written` tokens is longer than it was expected to be: how much more it is expected to cost now, half as much again as what is
    /// there or so, so that this is said a few times and not with each token.
    pub(super) fn outgrown(&mut self, written: u64) -> Option<Credits> {
        let beyond = written.checked_sub(self.expected_tokens).filter(|beyond| *beyond > 0)?;
        let by = beyond.saturating_add(AHEAD_TOKENS.max(written / 2));
        self.expected_tokens = self.expected_tokens.saturating_add(by);
        Some(self.price(by))
    }

    /// What an answer of `written` tokens needs.
    pub(super) fn due(&mut self, written: u64) -> Due {
        if self.is_over || self.per_token == PricePerToken::ZERO {
            return Due::Nothing;
        }
        let covered = self.covered();
        let step = Step {
            least: self.price(LEAST_TOKENS.saturating_add(written.saturating_sub(covered))),
            most: self.price(STEP_TOKENS.max(covered / 2).saturating_add(written.saturating_sub(covered))),
        };
        if self.is_bounded {
            let is_beyond =
                written > covered.saturating_mul(BEYOND_LIMIT).saturating_add(BEYOND_LIMIT_TOKENS);
            return if is_beyond { Due::Now(step) } else { Due::Nothing };
        }
        let ahead = AHEAD_TOKENS.max(covered / 8);
        if written >= covered {
            Due::Now(step)
        } else if written.saturating_add(ahead) >= covered && written >= self.next_ahead {
            self.next_ahead = written.saturating_add(ahead / 4);
            Due::Ahead(step)
        } else {
            Due::Nothing
        }
    }

    /// Whether the answer ends where the money does.
    pub(super) const fn may_end(&self) -> bool {
        matches!(self.when_spent, WhenSpent::Cut)
    }

    /// More is held by so much.
    pub(super) fn grown(&mut self, by: Credits) {
        self.held = self.held.checked_add(by).unwrap_or(self.held);
    }

    /// There is no more. Whether the stream goes on all the same.
    pub(super) fn spent(&mut self) -> bool {
        self.is_over = true;
        self.when_spent == WhenSpent::Finish
    }

    fn covered(&self) -> u64 {
        let for_answer = self.held.checked_sub(self.prompt).unwrap_or(Credits::ZERO).max(Credits::ZERO);
        u64::try_from(for_answer.pico() / i128::from(self.per_token.pico()).max(1)).unwrap_or(u64::MAX)
    }

    fn price(&self, tokens: u64) -> Credits {
        let pico = i128::from(tokens).saturating_mul(i128::from(self.per_token.pico()));
        Credits::from_pico(pico.min(i128::from(i64::MAX))).unwrap_or(Credits::ZERO)
    }
}

#[cfg(test)]
mod tests;
