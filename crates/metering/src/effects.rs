//! What rows that went in do to balances and rollups. Computed from those rows, and from nothing else.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use tollgate_domain::{Credits, MoneyError, UsageState};
use tollgate_store::rollups::{RollupDelta, RollupKey};
use tollgate_store::usage_records::{FLAG_FAILED, UsageRow};

/// Sums over rows.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    balances: HashMap<i32, i128, RandomState>,
    rollups: HashMap<RollupKey, RollupDelta, RandomState>,
    charged_pico: i128,
}

impl Effects {
    /// A row went in.
    pub(crate) fn add(&mut self, row: &UsageRow) {
        self.charge(row);
        add(self.rollups.entry(cell(row)).or_default(), &delta(row));
    }

    /// A row that waited for a price got it.
    pub(crate) fn settle(&mut self, before: &UsageRow, after: &UsageRow) {
        self.charge(after);
        let RollupDelta {
            requests,
            failed_requests,
            unrated_requests,
            prompt_tokens,
            completion_tokens,
            reasoning_tokens,
            cache_read_tokens,
            cache_write_tokens,
            amount_pico,
        } = delta(before);
        let taken = RollupDelta {
            requests: -requests,
            failed_requests: -failed_requests,
            unrated_requests: -unrated_requests,
            prompt_tokens: -prompt_tokens,
            completion_tokens: -completion_tokens,
            reasoning_tokens: -reasoning_tokens,
            cache_read_tokens: -cache_read_tokens,
            cache_write_tokens: -cache_write_tokens,
            amount_pico: -amount_pico,
        };
        add(self.rollups.entry(cell(before)).or_default(), &taken);
        add(self.rollups.entry(cell(after)).or_default(), &delta(after));
    }

    fn charge(&mut self, row: &UsageRow) {
        if row.amount_pico > 0
            && let Some(user) = row.user_no
        {
            // At most 2⁶³ a row: no number of rows that fits memory comes near the end of an i128.
            *self.balances.entry(user).or_default() -= i128::from(row.amount_pico);
            self.charged_pico += i128::from(row.amount_pico);
        }
    }

    /// The same in 10⁻¹² credit, whatever its size.
    pub(crate) const fn charged_pico(&self) -> i128 {
        self.charged_pico
    }

    /// What is taken from balances in all.
    pub(crate) fn charged(&self) -> Result<Credits, MoneyError> {
        Credits::from_pico(self.charged_pico)
    }

    /// What to add to each balance.
    pub(crate) fn balance_deltas(&self) -> Result<Vec<(i32, Credits)>, MoneyError> {
        self.balances.iter().map(|(user, pico)| Ok((*user, Credits::from_pico(*pico)?))).collect()
    }

    /// What to add to each rollup, sorted.
    pub(crate) fn rollup_deltas(&self) -> Vec<(RollupKey, RollupDelta)> {
        let mut deltas: Vec<_> = self
            .rollups
            .iter()
            .filter(|(_, delta)| **delta != RollupDelta::default())
            .map(|(key, delta)| (*key, *delta))
            .collect();
        deltas.sort_unstable_by_key(|(key, _)| *key);
        deltas
    }
}

/// The sum that a row is a part of.
pub(crate) fn cell(row: &UsageRow) -> RollupKey {
    RollupKey {
        hour: row.requested_at.hour(),
        user_no: row.user_no.unwrap_or(0),
        key_no: row.key_no.unwrap_or(0),
        model_no: row.model_no.unwrap_or(0),
    }
}

/// What a row adds to it.
pub(crate) fn delta(row: &UsageRow) -> RollupDelta {
    let counts = &row.counts;
    RollupDelta {
        requests: 1,
        failed_requests: i64::from(row.flags & FLAG_FAILED != 0),
        unrated_requests: i64::from(row.state == UsageState::Unrated),
        prompt_tokens: counts.prompt.unwrap_or(0).into(),
        completion_tokens: counts.completion.unwrap_or(0).into(),
        reasoning_tokens: counts.reasoning.into(),
        cache_read_tokens: counts.cache_read.into(),
        cache_write_tokens: i64::from(counts.cache_write_5m) + i64::from(counts.cache_write_1h),
        amount_pico: row.amount_pico.into(),
    }
}

pub(crate) fn add(sum: &mut RollupDelta, delta: &RollupDelta) {
    sum.requests += delta.requests;
    sum.failed_requests += delta.failed_requests;
    sum.unrated_requests += delta.unrated_requests;
    sum.prompt_tokens += delta.prompt_tokens;
    sum.completion_tokens += delta.completion_tokens;
    sum.reasoning_tokens += delta.reasoning_tokens;
    sum.cache_read_tokens += delta.cache_read_tokens;
    sum.cache_write_tokens += delta.cache_write_tokens;
    sum.amount_pico += delta.amount_pico;
}
