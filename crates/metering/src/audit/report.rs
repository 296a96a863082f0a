//! What an audit found, for people and for programs.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use foldhash::fast::RandomState;
use serde::Serialize;
use tollgate_domain::{Credits, InstanceId, UserId};
use tollgate_store::audit_log::ChainHead;
use tollgate_store::usage_records::RecordKey;

/// Findings that are listed for each rule; the others are counted. Books with more than this have one cause, and it is among these.
const MAX_LISTED: usize = 250;
/// Users and days that are listed, for the same reason.
const MAX_DAYS: usize = 10_000;

/// What an audit found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct AuditReport {
    /// Usage records read.
    pub records: u64,
    /// Of these, paid.
    pub charged: u64,
    /// Of these, with nothing to pay.
    pub free: u64,
    /// Of these, waiting for a price.
    pub unrated: u64,
    /// Of these, admitted and never answered.
    pub voided: u64,
    /// Entries of the audit log.
    pub audit_log_entries: u64,
    /// Where the audit log ends: to be noted elsewhere, and looked for by a later audit.
    pub audit_log_head: ChainHead,
    /// How long it took.
    pub timings: Timings,
    /// What each instance has in the books.
    pub instances: Vec<InstanceReport>,
    /// Which users' records or rollups differ on which days, as far as they are listed.
    pub days: Vec<DayDifference>,
    /// Everything that is wrong, as far as it is listed, by rule, day and record.
    pub findings: Vec<Finding>,
    /// How many things are wrong.
    pub findings_in_all: u64,
}

impl AuditReport {
    /// Whether the books are right.
    pub fn ok(&self) -> bool {
        self.findings_in_all == 0
    }
}

/// How long the parts of an audit took, in milliseconds.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Timings {
    /// Every balance against its ledger, and the states of all records: sums that the database makes.
    pub balances_ms: u64,
    /// Every record by itself (digest, payer, tariff, charge), every rollup, and what must not be there.
    pub charges_ms: u64,
}

/// Milliseconds, for [`Timings`].
pub(super) fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

/// What one instance has in the books.
#[derive(Debug, Clone, Serialize)]
pub struct InstanceReport {
    /// The instance.
    pub instance: InstanceId,
    /// Its number in the books.
    pub no: i32,
    /// Up to here everything that it finished is in the books.
    pub committed_position: i64,
    /// Its usage records.
    pub records: u64,
    /// Of these, admitted and never answered.
    pub voided: u64,
    /// Its records in quarantine, those that were written off included.
    pub quarantined: u64,
    /// Requests that its log counted as admitted, as far as the books have read it; zero for one without a log.
    pub admitted: i64,
    /// Of these, ended.
    pub finished: i64,
    /// Of these, interrupted by the end of the gateway, and settled.
    pub interrupted: i64,
    /// Of these, neither: in flight, or a part of the log was damaged (then it may be negative).
    pub open: i64,
}

/// A user and a day whose records do not have the amounts that they should have, or whose rollups say something else than the
/// records. Amounts are in credits, exact, as text: a tampered one may fit no number.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DayDifference {
    /// The user; `None` for records that nobody pays.
    pub user: Option<UserId>,
    /// What the user is called.
    pub user_name: Option<String>,
    /// The UTC day.
    pub day: String,
    /// Records that are not as they should be.
    pub records: u64,
    /// What these records cost, less what they should cost.
    pub amounts_off: String,
    /// What the rollups count, less the records.
    pub rollup_requests_off: i64,
    /// What the rollups add up to, less the records.
    pub rollup_amount_off: String,
}

/// What rule is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A balance is the sum of the user's ledger.
    BalanceIsLedger,
    /// A record is in one of the four states, and has an amount that is possible there.
    StateIsOne,
    /// A row is as it was written: its digest says so.
    RowIsUntouched,
    /// Amount, state and tariff are what the record's own time and tokens give.
    AmountIsCharge,
    /// A row's key belongs to the user who pays, and both exist.
    PayerOwnsKey,
    /// What a row refers to is there and as it was written.
    DimensionsAreUntouched,
    /// A sum in the rollups is the sum of its records.
    RollupIsRecords,
    /// A sum over closed hours is the sum of their rollups.
    SumIsRollups,
    /// Rows beside each other agree.
    RowsAgree,
    /// What an instance's log counted as ended is in the books or in quarantine.
    InstanceIsComplete,
    /// No balance fell further below zero than requests cost beyond their holds, and than lost leases were.
    OverdraftIsBounded,
    /// The audit log is one chain from its first entry to its head, as it was written.
    AuditLogIsChain,
}

/// Which record it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RecordId {
    /// Its instance, where one has the number.
    pub instance: Option<InstanceId>,
    /// The number of its instance.
    pub instance_no: i32,
    /// Minted at admission.
    pub correlation_id: i64,
}

/// One thing that is wrong.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// The rule that is broken.
    pub rule: Rule,
    /// Whose books it is in.
    pub user: Option<UserId>,
    /// What the user is called.
    pub user_name: Option<String>,
    /// The UTC day it is in.
    pub day: Option<String>,
    /// The record it is about; with the day its identity.
    pub record: Option<RecordId>,
    /// Of a balance: the days on which the user's records or rollups differ as well.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<String>,
    /// Which row or sum, and how it differs.
    pub what: String,
}

impl Finding {
    /// One that is about no single record.
    pub(super) fn new(
        rule: Rule,
        user: Option<UserId>,
        day: Option<String>,
        what: impl Into<String>,
    ) -> Self {
        Self { rule, user, user_name: None, day, record: None, days: Vec::new(), what: what.into() }
    }
}

/// Findings as they come, from several connections.
#[derive(Debug, Default)]
pub(super) struct Findings(BTreeMap<Rule, (u64, Vec<Finding>)>);

impl Findings {
    pub(super) fn add(&mut self, finding: Finding) {
        let (count, listed) = self.0.entry(finding.rule).or_default();
        *count += 1;
        if listed.len() < MAX_LISTED {
            listed.push(finding);
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (rule, (more, findings)) in other.0 {
            let (count, listed) = self.0.entry(rule).or_default();
            *count += more;
            listed.extend(findings);
            listed.truncate(MAX_LISTED);
        }
    }

    /// By rule, day and record, and how many there are in all.
    pub(super) fn finish(self) -> (Vec<Finding>, u64) {
        let count = self.0.values().map(|(count, _)| count).sum();
        let mut findings: Vec<Finding> = self.0.into_values().flat_map(|(_, findings)| findings).collect();
        findings.sort_by(|a, b| {
            let order = |finding: &Finding| {
                (
                    finding.rule,
                    finding.day.clone(),
                    finding.record.map(|record| (record.instance_no, record.correlation_id)),
                )
            };
            order(a).cmp(&order(b)).then_with(|| a.what.cmp(&b.what))
        });
        (findings, count)
    }
}

/// Differences by user and day as they come.
#[derive(Debug, Default)]
pub(super) struct Days(HashMap<(Option<UserId>, String), Differences, RandomState>);

#[derive(Debug, Default, Clone, Copy)]
struct Differences {
    last_record: Option<RecordKey>,
    records: u64,
    amounts_pico: i128,
    rollup_requests: i64,
    rollup_pico: i128,
}

impl Days {
    /// A record is not as it should be. Findings about one record come one after the other.
    pub(super) fn record(&mut self, user: Option<UserId>, key: RecordKey, off_pico: i128) {
        if let Some(day) = self.at(user, key.day.to_string()) {
            day.records += u64::from(day.last_record.replace(key) != Some(key));
            day.amounts_pico = day.amounts_pico.saturating_add(off_pico);
        }
    }

    /// A rollup is not the sum of its records.
    pub(super) fn rollup(&mut self, user: Option<UserId>, day: &str, requests: i64, pico: i128) {
        if let Some(day) = self.at(user, day.to_owned()) {
            day.rollup_requests = day.rollup_requests.saturating_add(requests);
            day.rollup_pico = day.rollup_pico.saturating_add(pico);
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        for ((user, day), more) in other.0 {
            if let Some(day) = self.at(user, day) {
                day.records += more.records;
                day.amounts_pico = day.amounts_pico.saturating_add(more.amounts_pico);
                day.rollup_requests = day.rollup_requests.saturating_add(more.rollup_requests);
                day.rollup_pico = day.rollup_pico.saturating_add(more.rollup_pico);
            }
        }
    }

    fn at(&mut self, user: Option<UserId>, day: String) -> Option<&mut Differences> {
        let is_full = self.0.len() >= MAX_DAYS;
        let key = (user, day);
        if is_full && !self.0.contains_key(&key) { None } else { Some(self.0.entry(key).or_default()) }
    }

    /// The days on which a user's records or rollups differ.
    pub(super) fn of(&self, user: Option<UserId>) -> Vec<String> {
        let mut days: Vec<String> =
            self.0.keys().filter(|(whose, _)| *whose == user).map(|(_, day)| day.clone()).collect();
        days.sort();
        days
    }

    /// By day and user.
    pub(super) fn finish(self) -> Vec<DayDifference> {
        let mut days: Vec<DayDifference> = self
            .0
            .into_iter()
            .map(|((user, day), differences)| DayDifference {
                user,
                user_name: None,
                day,
                records: differences.records,
                amounts_off: credits(differences.amounts_pico),
                rollup_requests_off: differences.rollup_requests,
                rollup_amount_off: credits(differences.rollup_pico),
            })
            .collect();
        days.sort_by(|a, b| (&a.day, a.user).cmp(&(&b.day, b.user)));
        days
    }
}

/// An amount in credits, whatever its size.
pub(super) fn credits(pico: i128) -> String {
    Credits::from_pico(pico).map_or_else(|_| format!("{pico}e-12"), |credits| credits.to_string())
}

#[cfg(test)]
mod tests;
