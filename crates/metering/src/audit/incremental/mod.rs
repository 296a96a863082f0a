//! The incremental audit: what was committed since the pass before, checked while it is new.
//!
//! A pass reads one snapshot and compares it with the moment of the pass before: the snapshot that was in force then. What is visible
//! now and was not visible then is exactly what committed in between; [`usage_commits`] says which records that is. Each
//! of them is held against every rule for single records. Then the sums: what each balance moved by must be its movements and these
//! records, what each of their rollups moved by must be these records, and each transaction's records must all be there, as it
//! wrote them.

mod hours;
mod news;

use std::collections::{BTreeSet, HashMap};

use foldhash::fast::RandomState;
use parking_lot::Mutex;
use tollgate_store::audit::{self as queries, Used};
use tollgate_store::epochs::Epochs;
use tollgate_store::rollups::{self, RollupDelta, RollupKey};
use tollgate_store::usage_commits::{self, Commit, Mark};
use tollgate_store::{Store, StoreError, Tx, epochs, instances, usage_dimensions, usage_records};

use self::hours::Hours;
use self::news::News;
use super::books::{Checker, Facts};
use super::report::{Finding, Findings, Rule, credits};
use crate::digest::RecordKeys;

/// Most new records of one pass: a few seconds of one core. At a pass each minute, a server of 8,000 records a second stays below it.
pub const MAX_RECORDS: u64 = 500_000;

/// An audit of what is new, pass after pass. The first one only takes the moment to begin at.
///
/// # What a pass costs
/// It reads the ring of latest transactions, one row of each user, the new records, and the rollups that they are in: nothing that is
/// old, however much of that there is. More than [`MAX_RECORDS`] new records, or more transactions than the ring holds, are
/// not read: the pass says so and begins anew. Memory: a number for each user, and the rollups of the last hours.
///
/// # What it does not check, and the whole audit does
/// - What was in the books when the process began, or when a pass began anew. A balance is compared with how it moved: one that
///   was wrong before stays as wrong as it was, unsaid.
/// - Records that are changed, forged or removed behind the back of the code that enters them, once a pass has seen them, or where
///   no new record is near.
/// - Rollups that no new record is in; how much was in those of an hour that had begun before the process did, or that nothing
///   came to for long, or that late prices moved. How they move after that, it does.
/// - Sums over closed hours (`usage_sums`) against their rollups.
/// - Dimensions once they are known; movements against the audit log; details; quarantine.
///
/// Everybody who writes to the database must be of a version that keeps `usage_commits`: what others write moves balances without
/// records, and is reported.
#[derive(Debug)]
pub struct IncrementalAudit {
    store: Store,
    keys: RecordKeys,
    /// Taken out while a pass uses it. Read anew where a pass failed, and where a price or a piece of configuration changed.
    facts: Mutex<Option<KnownFacts>>,
    seen: Option<Seen>,
}

/// What records are checked against, and which version of it this is.
#[derive(Debug)]
struct KnownFacts {
    epochs: Epochs,
    facts: Facts,
}

/// The books as the pass before saw them.
#[derive(Debug)]
struct Seen {
    mark: Mark,
    /// What each user had used, in 10⁻¹² credit: movements less balance.
    used: HashMap<i32, i128, RandomState>,
    rollups: Hours,
}

/// What a pass came to.
#[derive(Debug)]
pub enum Pass {
    /// Nothing was compared: from this moment on it is.
    Began(Reason),
    /// Everything that is new was checked.
    Checked(Checked),
}

/// Why a pass began anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It was the first.
    First,
    /// The database was started again, or is another server: transaction ids of before mean nothing to it.
    OtherServer,
    /// More was committed than a pass may read, or than the ring of latest transactions holds.
    TooMuch,
}

/// What a pass found.
#[derive(Debug, Default)]
pub struct Checked {
    /// Records that are new, or were rated.
    pub records: u64,
    /// What is wrong, as far as it is listed.
    pub findings: Vec<Finding>,
    /// How many things are wrong.
    pub findings_in_all: u64,
}

/// A pass, and what it leaves for the next one.
enum Passed {
    Began(Reason, Seen),
    Checked {
        checked: Checked,
        mark: Mark,
        used: Vec<Used>,
        rollups: Vec<(RollupKey, RollupDelta)>,
        rated: BTreeSet<RollupKey>,
    },
}

impl IncrementalAudit {
    /// One that has seen nothing. `keys` must be those that records are written with.
    pub fn new(store: Store, keys: RecordKeys) -> Self {
        Self { store, keys, facts: Mutex::default(), seen: None }
    }

    /// Checks what was committed since the pass before. A failure of the database is no finding: the next pass reaches
    /// back to the last one that ended.
    pub async fn pass(&mut self) -> Result<Pass, StoreError> {
        let this = &*self;
        let passed = this.store.tx_repeatable_read("audit_new", async |tx| this.run(&tx).await).await?;
        match passed {
            Passed::Began(reason, seen) => {
                // What was written in between may not have been read.
                *self.facts.lock() = None;
                self.seen = Some(seen);
                Ok(Pass::Began(reason))
            }
            Passed::Checked { checked, mark, used, rollups, rated } => {
                if let Some(seen) = &mut self.seen {
                    seen.mark = mark;
                    seen.used.extend(used.iter().map(|used| (used.user_no, used.pico)));
                    seen.rollups.remember(rollups, &rated);
                }
                Ok(Pass::Checked(checked))
            }
        }
    }

    async fn run(&self, tx: &Tx) -> Result<Passed, StoreError> {
        // The first statement: from here on the transaction has its snapshot.
        let mark = usage_commits::mark(tx).await?;
        let Some(seen) = &self.seen else { return begin(tx, mark, Reason::First).await };
        if !mark.is_of_the_same_server(&seen.mark) {
            return begin(tx, mark, Reason::OtherServer).await;
        }
        if !mark.reaches(&seen.mark) {
            return begin(tx, mark, Reason::TooMuch).await;
        }
        let commits = usage_commits::since(tx, &seen.mark).await?;
        if commits.iter().map(|commit| commit.records).sum::<u64>() > MAX_RECORDS {
            return begin(tx, mark, Reason::TooMuch).await;
        }
        let mut findings = Findings::default();
        let known = self.known_facts(tx, seen, &mark, &commits, &mut findings).await?;
        let mut checker = Checker::new(&known.facts);
        let mut news = News::new(&commits);
        usage_records::scan_keys(tx, &usage_commits::joined(&commits), |scanned| {
            if news.add(&scanned) {
                checker.check(&scanned);
            } else if mark.is_news_since(&seen.mark, scanned.xid) {
                checker.check(&scanned);
                checker.accuse(
                    &scanned.row,
                    Rule::RowIsUntouched,
                    "was written by a transaction that entered no records",
                );
            }
        })
        .await?;
        let records = checker.tally.records;
        findings.merge(checker.tally.findings);
        news.check_commits(&mut findings);
        let used = queries::used_since(tx, &seen.mark, &mark).await?;
        check_balances(seen, &used, &news, &known.facts, &mut findings);
        let rollups = rollups::read(tx, &news.cells()).await?;
        check_rollups(seen, &rollups, &news, &known.facts, &mut findings);
        let rated = news.into_rated();
        *self.facts.lock() = Some(known);
        let (findings, findings_in_all) = findings.finish();
        let checked = Checked { records, findings, findings_in_all };
        Ok(Passed::Checked { checked, mark, used, rollups, rated })
    }

    /// What the new records are checked against: as it was in the pass before, and what is new of it.
    async fn known_facts(
        &self,
        tx: &Tx,
        seen: &Seen,
        mark: &Mark,
        commits: &[Commit],
        findings: &mut Findings,
    ) -> Result<KnownFacts, StoreError> {
        let epochs = epochs::read(tx).await?;
        let known = self.facts.lock().take().filter(|known| known.epochs == epochs);
        let Some(mut known) = known else {
            let facts = Facts::load(tx, &self.keys, &instances::list(tx).await?, findings).await?;
            return Ok(KnownFacts { epochs, facts });
        };
        let mut ranges = commits.iter().flat_map(|commit| &commit.ranges);
        if ranges.any(|range| !known.facts.knows_instance(range.instance_no)) {
            known.facts.add_instances(&instances::list(tx).await?);
        }
        known.facts.add_dimensions(usage_dimensions::written_since(tx, &seen.mark, mark).await?, findings);
        Ok(known)
    }
}

/// Takes the books as they are.
async fn begin(tx: &Tx, mark: Mark, reason: Reason) -> Result<Passed, StoreError> {
    let used = queries::used(tx).await?.iter().map(|used| (used.user_no, used.pico)).collect();
    let rollups = Hours::after(rollups::newest_hour(tx).await?);
    Ok(Passed::Began(reason, Seen { mark, used, rollups }))
}

/// What each balance moved by must be its movements and the new records.
fn check_balances(seen: &Seen, used: &[Used], news: &News<'_>, facts: &Facts, findings: &mut Findings) {
    let now: HashMap<i32, i128, RandomState> = used.iter().map(|used| (used.user_no, used.pico)).collect();
    let users: BTreeSet<i32> = now.keys().copied().chain(news.users()).collect();
    for user_no in users {
        let before = seen.used.get(&user_no).copied().unwrap_or(0);
        let after = now.get(&user_no).copied().unwrap_or(before);
        let (records, days) = news.of_user(user_no);
        let moved = after.saturating_sub(before);
        if moved != records {
            let what = format!(
                "since the last pass the balance less the movements went down by {}, the new records cost {}",
                credits(moved),
                credits(records)
            );
            let user = facts.user(Some(user_no));
            let mut finding = Finding::new(Rule::BalanceIsLedger, user, None, what);
            finding.days = days;
            findings.add(finding);
        }
    }
}

/// What each rollup moved by must be the new records in it.
fn check_rollups(
    seen: &Seen,
    rollups: &[(RollupKey, RollupDelta)],
    news: &News<'_>,
    facts: &Facts,
    findings: &mut Findings,
) {
    let now: HashMap<RollupKey, RollupDelta, RandomState> = rollups.iter().copied().collect();
    for (key, moved) in news.moved() {
        let Some(mut should_be) = seen.rollups.before(key) else { continue };
        crate::effects::add(&mut should_be, moved);
        let is = now.get(key).copied().unwrap_or_default();
        if is != should_be {
            let what = format!(
                "the hour {} says {}; what it said before, with the new records, is {} (requests, failed, unrated, prompt, \
                 completion, reasoning, cache read, cache write, pico-credits)",
                key.hour.timestamp(),
                listed(&is),
                listed(&should_be)
            );
            let day = Some(key.hour.day().to_string());
            findings.add(Finding::new(Rule::RollupIsRecords, facts.user(Some(key.user_no)), day, what));
        }
    }
}

fn listed(sums: &RollupDelta) -> String {
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
    } = sums;
    format!(
        "{{{requests},{failed_requests},{unrated_requests},{prompt_tokens},{completion_tokens},{reasoning_tokens},\
         {cache_read_tokens},{cache_write_tokens},{amount_pico}}}"
    )
}
