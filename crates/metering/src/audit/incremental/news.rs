//! The new records, added up as they are read: by user, by rollup, and by the transaction that wrote them.

use std::collections::{BTreeSet, HashMap};

use foldhash::fast::RandomState;
use tollgate_store::rollups::{RollupDelta, RollupKey};
use tollgate_store::usage_commits::{self, Commit};
use tollgate_store::usage_records::{KeyRange, ScannedRow, UsageRow};
use tollgate_store::utc::UtcDay;

use super::super::report::{Finding, Findings, Rule, credits};
use crate::effects;

type Map<K, V> = HashMap<K, V, RandomState>;

/// Sums over the records of some transactions.
pub(super) struct News<'a> {
    commits: &'a [Commit],
    /// Transactions by the half of their id that a row carries: the ring is far shorter than the half.
    by_xid: Map<u32, usize>,
    /// What was found of each transaction: records, and what they cost.
    found: Vec<(u64, i128)>,
    users: Map<i32, OfUser>,
    cells: Map<RollupKey, RollupDelta>,
    /// Rollups that records moved between, or within, when they got a price late.
    rated: BTreeSet<RollupKey>,
    /// Where transactions wrote new records, in order.
    written: Vec<KeyRange>,
    /// Records that were written and rated since the last pass: the transaction that wrote them misses them.
    maybe_written_and_rated: u64,
}

#[derive(Debug, Clone, Copy)]
struct OfUser {
    pico: i128,
    first_day: UtcDay,
    last_day: UtcDay,
}

impl<'a> News<'a> {
    pub(super) fn new(commits: &'a [Commit]) -> Self {
        let half = |xid: u64| u32::try_from(xid & u64::from(u32::MAX)).unwrap_or(0);
        Self {
            commits,
            by_xid: commits.iter().enumerate().map(|(index, commit)| (half(commit.xid), index)).collect(),
            found: vec![(0, 0); commits.len()],
            users: Map::default(),
            cells: Map::default(),
            rated: BTreeSet::new(),
            written: usage_commits::joined(commits.iter().filter(|commit| !commit.is_rating)),
            maybe_written_and_rated: 0,
        }
    }

    /// Adds the row up, if one of the transactions wrote it; whether one did.
    pub(super) fn add(&mut self, scanned: &ScannedRow) -> bool {
        let Some(&index) = self.by_xid.get(&scanned.xid) else { return false };
        let row = &scanned.row;
        let amount = i128::from(row.amount_pico);
        if let Some((records, pico)) = self.found.get_mut(index) {
            *records += 1;
            *pico = pico.saturating_add(amount);
        }
        self.add_to_user(row, amount);
        if self.commits.get(index).is_some_and(|commit| commit.is_rating) {
            self.maybe_written_and_rated += u64::from(self.is_where_new_records_are(row));
            let after = effects::cell(row);
            // It may have had no model before.
            self.rated.extend([after, RollupKey { model_no: 0, ..after }]);
        } else {
            effects::add(self.cells.entry(effects::cell(row)).or_default(), &effects::delta(row));
        }
        true
    }

    fn add_to_user(&mut self, row: &UsageRow, amount: i128) {
        let Some(user_no) = row.user_no else { return };
        let day = row.key.day;
        let user = self.users.entry(user_no).or_insert(OfUser { pico: 0, first_day: day, last_day: day });
        user.pico = user.pico.saturating_add(amount);
        user.first_day = user.first_day.min(day);
        user.last_day = user.last_day.max(day);
    }

    fn is_where_new_records_are(&self, row: &UsageRow) -> bool {
        let key = row.key;
        let of = |range: &KeyRange| (range.day, range.instance_no, range.first);
        let after =
            self.written.partition_point(|range| of(range) <= (key.day, key.instance_no, key.correlation_id));
        after.checked_sub(1).and_then(|at| self.written.get(at)).is_some_and(|range| {
            (range.day, range.instance_no) == (key.day, key.instance_no) && key.correlation_id <= range.last
        })
    }

    /// Each transaction's records must be there as it wrote them.
    pub(super) fn check_commits(&self, findings: &mut Findings) {
        let short = |(commit, (records, pico)): (&'a Commit, &(u64, i128))| {
            (*records != commit.records || *pico != commit.amount_pico).then_some((commit, *records, *pico))
        };
        let short: Vec<_> = self.commits.iter().zip(&self.found).filter_map(short).collect();
        // A record that was rated carries the transaction that did it, and is short in the one that wrote it.
        let missing: u64 =
            short.iter().map(|(commit, records, _)| commit.records.saturating_sub(*records)).sum();
        if missing <= self.maybe_written_and_rated
            && short
                .iter()
                .all(|(commit, records, pico)| *records < commit.records && *pico == commit.amount_pico)
        {
            return;
        }
        for (commit, records, pico) in short {
            let where_it_wrote: Vec<String> = commit
                .ranges
                .iter()
                .take(3)
                .map(|range| {
                    let KeyRange { day, instance_no, first, last } = range;
                    format!("{day}/{instance_no}/{first} to {last}")
                })
                .collect();
            let what = format!(
                "transaction {} wrote {} records of {} credits, and {records} of {} are there as it wrote them (at {}{})",
                commit.xid,
                commit.records,
                credits(commit.amount_pico),
                credits(pico),
                where_it_wrote.join(", "),
                if commit.ranges.len() > where_it_wrote.len() { ", …" } else { "" }
            );
            let day = commit.ranges.first().map(|range| range.day.to_string());
            findings.add(Finding::new(Rule::RowsAgree, None, day, what));
        }
    }

    /// Users with new records.
    pub(super) fn users(&self) -> impl Iterator<Item = i32> {
        self.users.keys().copied()
    }

    /// What the user's new records cost, in 10⁻¹² credit, and the first and the last day they are of.
    pub(super) fn of_user(&self, user_no: i32) -> (i128, Vec<String>) {
        self.users.get(&user_no).map_or_else(Default::default, |user| {
            let mut days = vec![user.first_day.to_string()];
            if user.last_day > user.first_day {
                days.push(user.last_day.to_string());
            }
            (user.pico, days)
        })
    }

    /// The rollups of new records.
    pub(super) fn cells(&self) -> Vec<RollupKey> {
        self.cells.keys().copied().collect()
    }

    /// The rollups of new records and what these add to them; without those that late prices moved as well.
    pub(super) fn moved(&self) -> impl Iterator<Item = (&RollupKey, &RollupDelta)> {
        self.cells.iter().filter(|(key, _)| !self.rated.contains(key))
    }

    /// Rollups that late prices moved.
    pub(super) fn into_rated(self) -> BTreeSet<RollupKey> {
        self.rated
    }
}
