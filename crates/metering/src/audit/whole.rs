//! The whole audit: every record, every balance, every rollup, in one snapshot, while the server writes on.
//!
//! First the sums that the database makes by itself, in one parallel scan: balances and states. Then everything else, cut into units that
//! a few connections take in turn: a slice of the records, which are streamed and checked here, or the rollups of a day. They all
//! read by the snapshot of the transaction that began it. Memory is bounded by users, keys, tariffs and dimensions, and not by records.

use std::collections::HashMap;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, sleep};
use tollgate_domain::UserId;
use tollgate_store::audit::{self as queries, Chain, ClosedDifference, RollupDifference, RollupShare, Sums};
use tollgate_store::audit_log::ChainHead;
use tollgate_store::instances::{self, Instance, LogMark};
use tollgate_store::overdrafts::{self, Exceeded};
use tollgate_store::usage_records::{self, Slice};
use tollgate_store::{SharedSnapshot, Store, StoreError, Tx, users};

use super::books::{Checker, Facts, Tally};
use super::report::{AuditReport, Finding, InstanceReport, Rule, millis};
use crate::digest::RecordKeys;

/// Most connections that check at a time. Each keeps about one core of the database and one here busy.
const MAX_WORKERS: usize = 8;

/// Pages of 8 KB in a slice: 32 MB, some 200,000 rows. Half a second of work, so that those who share the slices end at about the
/// same time.
const SLICE_PAGES: i64 = 4096;

/// A gateway that lives tells within this time what its requests cost beyond their holds; it does so several times a second.
const TOLD_WITHIN: Duration = Duration::from_secs(6);
const ASKED_EVERY: Duration = Duration::from_millis(200);

/// Reads everything and reports what is wrong. `keys` must be those that the records were written with.
///
/// It takes one connection of the store's and as many more as there are cores; where the store has fewer, it makes do with those.
pub async fn audit(store: &Store, keys: &RecordKeys) -> Result<AuditReport, StoreError> {
    audit_against(store, keys, None).await
}

/// As [`audit`]; and the audit log must still have the head that was `noted`.
pub async fn audit_against(
    store: &Store,
    keys: &RecordKeys,
    noted: Option<ChainHead>,
) -> Result<AuditReport, StoreError> {
    let exceeded = overdrafts(store).await?;
    let work = async |tx| {
        let (mut report, mut tally) = (AuditReport::default(), Tally::default());
        add_overdrafts(&exceeded, &mut tally);
        whole(store, &tx, keys, &mut report, tally, noted).await?;
        Ok(report)
    };
    store.tx_unbounded("audit", work).await
}

/// Whose balances fell further below zero than the bound says. A charge may be in the books a moment before its gateway tells
/// that it was more than its hold: what is wrong stays wrong.
async fn overdrafts(store: &Store) -> Result<Vec<Exceeded>, StoreError> {
    let exceeded = async || store.tx("audit_overdrafts", async |tx| overdrafts::exceeded(&tx).await).await;
    let until = Instant::now() + TOLD_WITHIN;
    loop {
        let found = exceeded().await?;
        if found.is_empty() || Instant::now() >= until {
            return Ok(found);
        }
        sleep(ASKED_EVERY).await;
    }
}

fn add_overdrafts(exceeded: &[Exceeded], tally: &mut Tally) {
    for Exceeded { user, fallen, bound } in exceeded {
        let what = format!(
            "charges took the balance {fallen} credits below zero in all; what requests cost beyond their holds and what lost leases \
             were explains {bound}"
        );
        tally.findings.add(Finding::new(Rule::OverdraftIsBounded, Some(*user), None, what));
    }
}

async fn whole(
    store: &Store,
    tx: &Tx,
    keys: &RecordKeys,
    report: &mut AuditReport,
    mut tally: Tally,
    noted: Option<ChainHead>,
) -> Result<(), StoreError> {
    let started = Instant::now();
    // The first statement: from here on the transaction has its snapshot.
    let sums = queries::sums(tx).await?;
    add_states(&sums, &mut tally);
    report.timings.balances_ms = millis(started.elapsed());

    let started = Instant::now();
    let instances = instances::list(tx).await?;
    let facts = Arc::new(Facts::load(tx, keys, &instances, &mut tally.findings).await?);
    let units = Units::of(tx).await?;
    let snapshot = tx.share_snapshot().await?;
    let workers = workers(store);
    let checked = if workers == 0 {
        let mut checked = Tally::default();
        for unit in &units.all {
            checked.merge(check_unit(tx, unit, &facts).await?);
        }
        checked
    } else {
        share(store, &snapshot, Arc::new(units), &facts, workers).await?
    };
    tally.merge(checked);
    for stray in queries::strays(tx).await? {
        let what = format!("{}: {}", stray.rule, stray.what);
        tally.findings.add(Finding::new(Rule::RowsAgree, stray.user_id, stray.day, what));
    }
    add_audit_log(queries::chain(tx, noted).await?, report, &mut tally);
    report.timings.charges_ms = millis(started.elapsed());

    check_completeness(&sums, &mut tally);
    add_balances(&sums, &mut tally);
    finish(report, tally, &instances);
    name_users(tx, report).await
}

/// How many connections there are beside the one that holds the snapshot.
fn workers(store: &Store) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    cores.min(MAX_WORKERS).min(store.max_connections().saturating_sub(1))
}

/// The work that is shared.
struct Units {
    all: Vec<Unit>,
    next: AtomicUsize,
}

enum Unit {
    Rollups(RollupShare),
    Records(Slice),
}

impl Units {
    async fn of(tx: &Tx) -> Result<Self, StoreError> {
        // Rollups first: the ones of a busy day take longer than any slice, and nobody should wait for them at the end.
        let rollups = queries::rollup_shares(tx).await?.into_iter().map(Unit::Rollups);
        let records = usage_records::slices(tx, SLICE_PAGES).await?.into_iter().map(Unit::Records);
        Ok(Self { all: rollups.chain(records).collect(), next: AtomicUsize::new(0) })
    }

    fn take(&self) -> Option<&Unit> {
        self.all.get(self.next.fetch_add(1, Ordering::Relaxed))
    }
}

/// Checks all units on several connections. The first failure ends all of them.
async fn share(
    store: &Store,
    snapshot: &SharedSnapshot,
    units: Arc<Units>,
    facts: &Arc<Facts>,
    workers: usize,
) -> Result<Tally, StoreError> {
    let mut tasks = JoinSet::new();
    for _ in 0..workers {
        let (store, snapshot) = (store.clone(), snapshot.clone());
        let (units, facts) = (Arc::clone(&units), Arc::clone(facts));
        tasks.spawn(async move {
            let mut tally = Tally::default();
            while let Some(unit) = units.take() {
                // A transaction for each: should it have to run again, nothing is counted twice.
                let found = store
                    .tx_sharing("audit_unit", &snapshot, async |tx| check_unit(&tx, unit, &facts).await)
                    .await?;
                tally.merge(found);
            }
            Ok::<_, StoreError>(tally)
        });
    }
    let mut tally = Tally::default();
    while let Some(ended) = tasks.join_next().await {
        let found = ended.map_err(|_| StoreError::Corrupt("a part of the audit panicked".to_owned()))?;
        tally.merge(found?);
    }
    Ok(tally)
}

async fn check_unit(tx: &Tx, unit: &Unit, facts: &Facts) -> Result<Tally, StoreError> {
    match unit {
        Unit::Records(slice) => {
            let mut checker = Checker::new(facts);
            usage_records::scan(tx, slice, |row| checker.check(&row)).await?;
            Ok(checker.tally)
        }
        Unit::Rollups(share) => {
            let mut tally = Tally::default();
            for difference in queries::rollup_differences(tx, share).await? {
                add_rollup(&difference, &mut tally);
            }
            for difference in queries::closed_differences(tx, share).await? {
                let ClosedDifference { day, sum, user_id, stored, rollups } = difference;
                let what = format!(
                    "the sum of closed hours {sum} says {stored}, their rollups {rollups} (requests, failed, unrated, prompt, \
                     completion, reasoning, cache read, cache write, pico-credits)"
                );
                tally.findings.add(Finding::new(Rule::SumIsRollups, user_id, Some(day), what));
            }
            Ok(tally)
        }
    }
}

fn add_audit_log(chain: Chain, report: &mut AuditReport, tally: &mut Tally) {
    report.audit_log_entries = chain.entries;
    report.audit_log_head = chain.head;
    if let Some(first) = chain.first_break {
        // What comes after the first is mostly its consequence.
        let what = match chain.breaks.saturating_sub(1) {
            0 => first,
            more => format!("{first}; and {more} more after it"),
        };
        tally.findings.add(Finding::new(Rule::AuditLogIsChain, None, None, what));
    }
}

fn add_rollup(difference: &RollupDifference, tally: &mut Tally) {
    let RollupDifference { day, hour, user_id, stored, records, .. } = difference;
    // An amount past every number is told by the finding alone.
    let pico = |text: &str| text.parse::<i128>().unwrap_or(0);
    tally.days.rollup(
        *user_id,
        day,
        stored.requests.saturating_sub(records.requests),
        pico(&stored.amount_pico).saturating_sub(pico(&records.amount_pico)),
    );
    let what = format!(
        "the hour {hour} says {}, its records {} (requests, failed, unrated, prompt, completion, reasoning, cache read, \
         cache write, pico-credits)",
        stored.all, records.all
    );
    tally.findings.add(Finding::new(Rule::RollupIsRecords, *user_id, Some(day.clone()), what));
}

fn add_states(sums: &Sums, tally: &mut Tally) {
    let known = [b'c', b'f', b'u', b'v'];
    for state in &sums.states {
        let letter = char::from(state.letter);
        let what = if !known.contains(&state.letter) {
            format!("{} records are in the state `{letter}`, which is none", state.records)
        } else if state.impossible > 0 {
            format!("{} records in state `{letter}` have an amount that none there has", state.impossible)
        } else {
            continue;
        };
        tally.findings.add(Finding::new(Rule::StateIsOne, None, None, what));
    }
}

/// Both parts must have seen the same records.
fn check_completeness(sums: &Sums, tally: &mut Tally) {
    let summed: i64 = sums.states.iter().map(|state| state.records).sum();
    if u64::try_from(summed) != Ok(tally.records) {
        let what = format!("{} records were read one by one, {summed} were summed up", tally.records);
        tally.findings.add(Finding::new(Rule::RowsAgree, None, None, what));
    }
}

/// Last, when it is known on which days a user's records differ.
fn add_balances(sums: &Sums, tally: &mut Tally) {
    for balance in &sums.balances {
        let days = balance.user_id.map_or_else(Vec::new, |user| tally.days.of(Some(user)));
        let stored = balance.stored.as_deref().unwrap_or("missing");
        let off = match balance.difference.strip_prefix('-') {
            Some(missing) => format!("{missing} too little"),
            None => format!("{} too much", balance.difference),
        };
        let place = if balance.user_id.is_none() {
            format!("no user has the number {}", balance.user_no)
        } else if days.is_empty() {
            "no day of the records differs: the balance itself was changed, or a movement".to_owned()
        } else {
            format!("what differs in the records is on {}", days.join(", "))
        };
        let what =
            format!("the balance is {stored}, the ledger adds up to {}: {off}; {place}", balance.ledger);
        let mut finding = Finding::new(Rule::BalanceIsLedger, balance.user_id, None, what);
        finding.days = days;
        tally.findings.add(finding);
    }
}

/// Every end that the log of an instance counted is a row or in quarantine. With several flushers there may be more than were counted
/// yet; there are never fewer.
fn check_instances(tally: &mut Tally, instances: &[Instance]) {
    for instance in instances {
        let records = tally.instances.get(&instance.no).copied().unwrap_or_default().all();
        let found = i64::try_from(records).unwrap_or(i64::MAX).saturating_add(instance.quarantined);
        let LogMark { finished, interrupted, .. } = instance.stand.mark;
        let counted = finished.saturating_add(interrupted);
        if found < counted {
            let what = format!(
                "instance {} has {found} records in the books and in quarantine, and its log has counted {counted}: {} are missing",
                instance.id,
                counted.saturating_sub(found)
            );
            tally.findings.add(Finding::new(Rule::InstanceIsComplete, None, None, what));
        }
    }
}

fn finish(report: &mut AuditReport, mut tally: Tally, instances: &[Instance]) {
    check_instances(&mut tally, instances);
    report.records = tally.records;
    report.charged = tally.states.charged;
    report.free = tally.states.free;
    report.unrated = tally.states.unrated;
    report.voided = tally.states.voided;
    report.instances = instances
        .iter()
        .map(|instance| {
            let counts = tally.instances.get(&instance.no).copied().unwrap_or_default();
            let mark = instance.stand.mark;
            InstanceReport {
                instance: instance.id,
                no: instance.no,
                committed_position: instance.stand.committed_position,
                records: counts.all(),
                voided: counts.voided,
                quarantined: u64::try_from(instance.quarantined).unwrap_or(0),
                admitted: mark.admitted,
                finished: mark.finished,
                interrupted: mark.interrupted,
                open: mark.admitted.saturating_sub(mark.finished).saturating_sub(mark.interrupted),
            }
        })
        .collect();
    report.days = tally.days.finish();
    (report.findings, report.findings_in_all) = tally.findings.finish();
}

/// Gives the users of findings their names.
async fn name_users(tx: &Tx, report: &mut AuditReport) -> Result<(), StoreError> {
    let mut ids: Vec<UserId> = report.findings.iter().filter_map(|finding| finding.user).collect();
    ids.extend(report.days.iter().filter_map(|day| day.user));
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(());
    }
    let names: HashMap<UserId, String> = users::names(tx, &ids).await?;
    for finding in &mut report.findings {
        finding.user_name = finding.user.and_then(|user| names.get(&user).cloned());
    }
    for day in &mut report.days {
        day.user_name = day.user.and_then(|user| names.get(&user).cloned());
    }
    Ok(())
}
