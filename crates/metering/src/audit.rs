//! The audit: proof, row by row and sum by sum, that the books are right.
//!
//! Nothing stored is trusted where it can be computed again. Each record is charged anew, at the tariff selected anew among those that
//! were known when it was rated, from token counts that its keyed digest vouches for. Balances are compared with the ledger,
//! rollups with the records. It reads one snapshot, streams the rows, and may run beside everything else.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use futures_util::TryStreamExt;
use jiff::Timestamp;
use serde::Serialize;
use tollgate_domain::{RatingFacts, Tariff, UsageState, UserId, find_best_tariff};
use tollgate_store::catalog::{self, Catalog, CatalogModel, CatalogTariff};
use tollgate_store::usage_dimensions::{self, Dimensions};
use tollgate_store::usage_records::{self, UsageRow};
use tollgate_store::{Store, StoreError, Tx, audit as queries, tariffs};

use crate::digest::{DimensionsRef, RecordKeys};

/// Findings that are listed; the others are counted. Books with more than this have one cause, and it is among these.
const MAX_LISTED: usize = 1000;
/// Tariff lists, as of one pricing epoch, that are remembered.
const MAX_REMEMBERED: usize = 10_000;

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
    /// Everything that is wrong, as far as it is listed.
    pub findings: Vec<Finding>,
    /// How many things are wrong.
    pub findings_in_all: u64,
}

impl AuditReport {
    /// Whether the books are right.
    pub fn ok(&self) -> bool {
        self.findings_in_all == 0
    }

    fn add(&mut self, finding: Finding) {
        self.findings_in_all += 1;
        if self.findings.len() < MAX_LISTED {
            self.findings.push(finding);
        }
    }
}

/// What rule is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A balance is the sum of the user's ledger.
    BalanceIsLedger,
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
    /// Rows beside each other agree.
    RowsAgree,
}

/// One thing that is wrong.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// The rule that is broken.
    pub rule: Rule,
    /// Whose books it is in.
    pub user: Option<UserId>,
    /// The UTC day it is in.
    pub day: Option<String>,
    /// Which row or sum, and how it differs.
    pub what: String,
}

/// Reads everything and reports what is wrong. `keys` must be those that the records were written with.
pub async fn audit(store: &Store, keys: &RecordKeys) -> Result<AuditReport, StoreError> {
    store
        .tx_unbounded("audit", async |tx| {
            let mut report = AuditReport::default();
            let dimensions = check_dimensions(&tx, keys, &mut report).await?;
            let catalog = catalog::load(&tx).await?;
            let ends = tariffs::all_ends(&tx).await?;
            check_rows(&tx, keys, (&catalog, &ends), &dimensions, &mut report).await?;
            check_sums(&tx, &mut report).await?;
            Ok(report)
        })
        .await
}

/// The ends that a tariff was given, by its number, with the pricing epoch from which on each held.
type TariffEnds = HashMap<i32, Vec<(i32, Option<Timestamp>)>>;
type DimensionsByNo = HashMap<i32, Dimensions, RandomState>;

async fn check_dimensions(
    tx: &Tx,
    keys: &RecordKeys,
    report: &mut AuditReport,
) -> Result<DimensionsByNo, StoreError> {
    let mut by_no = DimensionsByNo::default();
    let mut scratch = Vec::new();
    for (no, fingerprint, dimensions) in usage_dimensions::all(tx).await? {
        DimensionsRef::of(&dimensions).encode(&mut scratch);
        if keys.fingerprint(&scratch) != fingerprint {
            report.add(Finding {
                rule: Rule::DimensionsAreUntouched,
                user: None,
                day: None,
                what: format!("usage_dimensions {no} is not what its fingerprint says"),
            });
        }
        by_no.insert(no, dimensions);
    }
    Ok(by_no)
}

async fn check_rows(
    tx: &Tx,
    keys: &RecordKeys,
    (catalog, ends): (&Catalog, &TariffEnds),
    dimensions: &DimensionsByNo,
    report: &mut AuditReport,
) -> Result<(), StoreError> {
    let mut books = Books {
        catalog,
        ends,
        models: catalog.models.values().map(|model| (model.no, model)).collect(),
        key_owners: catalog.keys.values().map(|key| (key.no, key.user_no)).collect(),
        known_at: HashMap::default(),
    };
    let mut rows = std::pin::pin!(usage_records::stream(tx).await?);
    let mut scratch = Vec::new();
    while let Some(row) = rows.try_next().await? {
        report.records += 1;
        match row.state {
            UsageState::Charged => report.charged += 1,
            UsageState::Free => report.free += 1,
            UsageState::Unrated => report.unrated += 1,
            UsageState::Voided => report.voided += 1,
        }
        if keys.rated_digest(&row, &mut scratch) != row.rated_digest {
            report.add(books.finding(&row, Rule::RowIsUntouched, "is not what its digest says"));
        }
        if let Err(what) = books.check_payer(&row) {
            report.add(books.finding(&row, Rule::PayerOwnsKey, what));
        }
        match dimensions.get(&row.dimensions_no) {
            None => {
                report.add(books.finding(&row, Rule::DimensionsAreUntouched, "has dimensions that are gone"));
            }
            Some(dimensions) => {
                if let Err(what) = books.check_amount(&row, dimensions) {
                    report.add(books.finding(&row, Rule::AmountIsCharge, &what));
                }
            }
        }
    }
    Ok(())
}

async fn check_sums(tx: &Tx, report: &mut AuditReport) -> Result<(), StoreError> {
    for difference in queries::balance_differences(tx).await? {
        let stored = difference.stored.unwrap_or_else(|| "missing".to_owned());
        report.add(Finding {
            rule: Rule::BalanceIsLedger,
            user: difference.user_id,
            day: None,
            what: format!("the balance is {stored}, the ledger adds up to {}", difference.ledger),
        });
    }
    for difference in queries::rollup_differences(tx).await? {
        report.add(Finding {
            rule: Rule::RollupIsRecords,
            user: difference.user_id,
            day: Some(difference.hour.strftime("%Y-%m-%d").to_string()),
            what: format!(
                "the hour {} says {}, its records {} (requests, failed, unrated, prompt, completion, reasoning, cache \
                 read, cache write, pico-credits)",
                difference.hour, difference.stored, difference.records
            ),
        });
    }
    for stray in queries::strays(tx).await? {
        report.add(Finding {
            rule: Rule::RowsAgree,
            user: None,
            day: None,
            what: format!("{}: {}", stray.rule, stray.what),
        });
    }
    Ok(())
}

/// What rows are checked against.
struct Books<'a> {
    catalog: &'a Catalog,
    ends: &'a TariffEnds,
    models: HashMap<i32, &'a CatalogModel, RandomState>,
    key_owners: HashMap<i32, i32, RandomState>,
    /// A model's tariffs as they were known at a pricing epoch, with their numbers.
    known_at: HashMap<(i32, i32), Vec<(Tariff, i32)>, RandomState>,
}

impl Books<'_> {
    fn user(&self, row: &UsageRow) -> Option<UserId> {
        self.catalog.users_by_no.get(&row.user_no?).copied()
    }

    fn finding(&self, row: &UsageRow, rule: Rule, what: &str) -> Finding {
        let key = row.key;
        Finding {
            rule,
            user: self.user(row),
            day: Some(key.day.to_string()),
            what: format!("record {}/{}/{} {what}", key.day, key.instance_no, key.correlation_id),
        }
    }

    fn check_payer(&self, row: &UsageRow) -> Result<(), &'static str> {
        match (row.user_no, row.key_no) {
            (Some(user), _) if !self.catalog.users_by_no.contains_key(&user) => {
                Err("is charged to a user who does not exist")
            }
            (user, Some(key)) if self.key_owners.get(&key).copied() != user => {
                Err("is charged to somebody else than its key's owner")
            }
            (Some(_), None) => Err("is charged to a user without a key"),
            _ if row.key.day != row.requested_at.day() => Err("lies in another day than its time"),
            _ => Ok(()),
        }
    }

    fn check_amount(&mut self, row: &UsageRow, dimensions: &Dimensions) -> Result<(), String> {
        if row.state == UsageState::Voided {
            return if row.amount_pico == 0 {
                Ok(())
            } else {
                Err("is voided and costs something".to_owned())
            };
        }
        let facts = RatingFacts {
            user: self.user(row),
            status_code: row.status_code.into(),
            outcome: dimensions.outcome(),
            usage: row.counts.to_stated(),
            usage_source: row.usage_source,
        };
        let at = row.batch_created_at.unwrap_or(row.requested_at).timestamp();
        let window = dimensions.batch_completion_window.as_deref();
        let known = self.tariffs_known_to(row);
        let best = find_best_tariff(known.iter().map(|(tariff, _)| tariff), dimensions.purpose(), window, at);
        let number =
            best.and_then(|best| known.iter().find(|(tariff, _)| tariff.id == best.id)).map(|(_, no)| *no);
        let (rated, _) = facts.rate(best).map_err(|error| format!("cannot be charged: {error}"))?;
        if rated.state != row.state || rated.amount.pico() != i128::from(row.amount_pico) {
            return Err(format!(
                "is {} at {} pico-credits and should be {} at {}",
                row.state.as_str(),
                row.amount_pico,
                rated.state.as_str(),
                rated.amount.pico()
            ));
        }
        if number != row.tariff_no {
            return Err(format!("names the tariff {:?} where {number:?} was in force", row.tariff_no));
        }
        Ok(())
    }

    /// The tariffs of the row's model as a flush at the row's pricing epoch saw them.
    fn tariffs_known_to(&mut self, row: &UsageRow) -> &[(Tariff, i32)] {
        let Some(model) = row.model_no.and_then(|no| self.models.get(&no).copied()) else { return &[] };
        if self.known_at.len() >= MAX_REMEMBERED {
            self.known_at.clear();
        }
        let (epoch, ends) = (row.pricing_epoch, self.ends);
        self.known_at
            .entry((model.no, epoch))
            .or_insert_with(|| model.tariffs.iter().filter_map(|tariff| as_of(tariff, ends, epoch)).collect())
    }
}

/// The tariff as it was at a pricing epoch: not yet there, or with the end that it had then.
fn as_of(known: &CatalogTariff, ends: &TariffEnds, epoch: i32) -> Option<(Tariff, i32)> {
    if known.recorded_epoch > epoch {
        return None;
    }
    let mut tariff = known.tariff.clone();
    let ends = ends.get(&known.no).map_or(&[][..], Vec::as_slice);
    if let Some((_, then)) = ends.iter().rfind(|(since, _)| *since <= epoch) {
        tariff.valid_until = *then;
    }
    Some((tariff, known.no))
}
