//! One record against what the books say must be true of it.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use jiff::Timestamp;
use tollgate_domain::{
    ApiKeyPurpose, InstanceId, Outcome, RatingFacts, RecordDigest, Tariff, UsageState, UserId,
    find_best_tariff,
};
use tollgate_store::catalog::{self, CatalogTariff};
use tollgate_store::instances::Instance;
use tollgate_store::usage_dimensions::{self, Dimensions};
use tollgate_store::usage_records::{ScannedRow, UsageRow};
use tollgate_store::{StoreError, Tx, tariffs};

use super::report::{Days, Finding, Findings, RecordId, Rule};
use crate::digest::{DimensionsRef, RecordKeys};

/// Tariff lists, as of one pricing epoch, that are remembered.
const MAX_REMEMBERED: usize = 10_000;

type Map<K, V> = HashMap<K, V, RandomState>;
/// The ends that a tariff was given, by its number, with the pricing epoch from which on each held.
pub(super) type TariffEnds = HashMap<i32, Vec<(i32, Option<Timestamp>)>>;

/// What records are checked against: everything that they refer to, in the form in which it is asked for.
#[derive(Debug)]
pub(super) struct Facts {
    keys: RecordKeys,
    users: Map<i32, UserId>,
    key_owners: Map<i32, i32>,
    /// A model's tariffs by the model's number.
    tariffs: Map<i32, Vec<CatalogTariff>>,
    ends: TariffEnds,
    instances: Map<i32, InstanceId>,
    dimensions: Map<i32, DimensionFacts>,
}

/// What of the dimensions decides an amount.
#[derive(Debug)]
struct DimensionFacts {
    purpose: Option<ApiKeyPurpose>,
    outcome: Outcome,
    completion_window: Option<String>,
}

impl Facts {
    /// Reads them. Combinations of dimensions that are not what their fingerprint says are findings.
    pub(super) async fn load(
        tx: &Tx,
        keys: &RecordKeys,
        instances: &[Instance],
        findings: &mut Findings,
    ) -> Result<Self, StoreError> {
        let catalog = catalog::load(tx).await?;
        let mut facts = Self {
            keys: keys.clone(),
            key_owners: catalog.keys.values().map(|key| (key.no, key.user_no)).collect(),
            users: catalog.users_by_no,
            tariffs: catalog.models.into_values().map(|model| (model.no, model.tariffs)).collect(),
            ends: tariffs::all_ends(tx).await?,
            instances: Map::default(),
            dimensions: Map::default(),
        };
        facts.add_instances(instances);
        facts.add_dimensions(usage_dimensions::all(tx).await?, findings);
        Ok(facts)
    }

    pub(super) fn add_instances(&mut self, instances: &[Instance]) {
        self.instances.extend(instances.iter().map(|instance| (instance.no, instance.id)));
    }

    pub(super) fn add_dimensions(
        &mut self,
        stored: Vec<(i32, RecordDigest, Dimensions)>,
        findings: &mut Findings,
    ) {
        let mut scratch = Vec::new();
        for (no, fingerprint, dimensions) in stored {
            DimensionsRef::of(&dimensions).encode(&mut scratch);
            if self.keys.fingerprint(&scratch) != fingerprint {
                let what = format!("usage_dimensions {no} is not what its fingerprint says");
                findings.add(Finding::new(Rule::DimensionsAreUntouched, None, None, what));
            }
            let facts = DimensionFacts {
                purpose: dimensions.purpose(),
                outcome: dimensions.outcome(),
                completion_window: dimensions.batch_completion_window,
            };
            self.dimensions.insert(no, facts);
        }
    }

    pub(super) fn knows_instance(&self, no: i32) -> bool {
        self.instances.contains_key(&no)
    }

    pub(super) fn user(&self, user_no: Option<i32>) -> Option<UserId> {
        self.users.get(&user_no?).copied()
    }
}

/// What was found in some of the records.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) records: u64,
    pub(super) states: StateCounts,
    pub(super) instances: Map<i32, StateCounts>,
    pub(super) findings: Findings,
    pub(super) days: Days,
}

/// Records by state.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct StateCounts {
    pub(super) charged: u64,
    pub(super) free: u64,
    pub(super) unrated: u64,
    pub(super) voided: u64,
}

impl StateCounts {
    fn count(&mut self, state: UsageState) {
        match state {
            UsageState::Charged => self.charged += 1,
            UsageState::Free => self.free += 1,
            UsageState::Unrated => self.unrated += 1,
            UsageState::Voided => self.voided += 1,
        }
    }

    fn add(&mut self, other: Self) {
        self.charged += other.charged;
        self.free += other.free;
        self.unrated += other.unrated;
        self.voided += other.voided;
    }

    pub(super) fn all(&self) -> u64 {
        self.charged + self.free + self.unrated + self.voided
    }
}

impl Tally {
    pub(super) fn merge(&mut self, other: Self) {
        self.records += other.records;
        self.states.add(other.states);
        for (instance, counts) in other.instances {
            self.instances.entry(instance).or_default().add(counts);
        }
        self.findings.merge(other.findings);
        self.days.merge(other.days);
    }
}

/// Why an amount is wrong.
struct Wrong {
    what: String,
    /// What it is less what it should be, in 10⁻¹² credit.
    off_pico: i128,
}

impl Wrong {
    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), off_pico: 0 }
    }
}

/// Checks records one after the other. Allocates for what is wrong, and for nothing else.
pub(super) struct Checker<'a> {
    facts: &'a Facts,
    /// A model's tariffs as they were known at a pricing epoch, with their numbers.
    known_at: Map<(i32, i32), Vec<(Tariff, i32)>>,
    scratch: Vec<u8>,
    pub(super) tally: Tally,
}

impl<'a> Checker<'a> {
    pub(super) fn new(facts: &'a Facts) -> Self {
        Self { facts, known_at: Map::default(), scratch: Vec::with_capacity(512), tally: Tally::default() }
    }

    /// Holds one record against every rule.
    pub(super) fn check(&mut self, scanned: &ScannedRow) {
        let row = &scanned.row;
        self.tally.records += 1;
        self.tally.states.count(row.state);
        self.tally.instances.entry(row.key.instance_no).or_default().count(row.state);
        if !scanned.has_known_state {
            self.add(row, Rule::StateIsOne, &Wrong::new("is in no known state"));
        }
        if self.facts.keys.rated_digest(row, &mut self.scratch) != row.rated_digest {
            self.add(row, Rule::RowIsUntouched, &Wrong::new("is not what its digest says"));
        }
        if let Err(wrong) = self.check_payer(row) {
            self.add(row, Rule::PayerOwnsKey, &Wrong::new(wrong));
        }
        if !self.facts.knows_instance(row.key.instance_no) {
            self.add(row, Rule::RowsAgree, &Wrong::new("belongs to no known instance"));
        }
        let facts = self.facts;
        match facts.dimensions.get(&row.dimensions_no) {
            None => {
                self.add(row, Rule::DimensionsAreUntouched, &Wrong::new("has dimensions that are gone"));
            }
            Some(dimensions) => {
                if let Err(wrong) = self.check_amount(row, dimensions) {
                    self.add(row, Rule::AmountIsCharge, &wrong);
                }
            }
        }
    }

    /// Says of a record that it breaks a rule.
    pub(super) fn accuse(&mut self, row: &UsageRow, rule: Rule, what: &str) {
        self.add(row, rule, &Wrong::new(what));
    }

    fn add(&mut self, row: &UsageRow, rule: Rule, wrong: &Wrong) {
        let key = row.key;
        let user = self.facts.user(row.user_no);
        let instance = self.facts.instances.get(&key.instance_no).copied();
        self.tally.days.record(user, key, wrong.off_pico);
        self.tally.findings.add(Finding {
            record: Some(RecordId {
                instance,
                instance_no: key.instance_no,
                correlation_id: key.correlation_id.get(),
            }),
            ..Finding::new(
                rule,
                user,
                Some(key.day.to_string()),
                format!("record {}/{}/{} {}", key.day, key.instance_no, key.correlation_id, wrong.what),
            )
        });
    }

    fn check_payer(&self, row: &UsageRow) -> Result<(), &'static str> {
        match (row.user_no, row.key_no) {
            (Some(user), _) if !self.facts.users.contains_key(&user) => {
                Err("is charged to a user who does not exist")
            }
            (user, Some(key)) if self.facts.key_owners.get(&key).copied() != user => {
                Err("is charged to somebody else than its key's owner")
            }
            (Some(_), None) => Err("is charged to a user without a key"),
            _ if row.key.day != row.requested_at.day() => Err("lies in another day than its time"),
            _ => Ok(()),
        }
    }

    fn check_amount(&mut self, row: &UsageRow, dimensions: &DimensionFacts) -> Result<(), Wrong> {
        let amount = i128::from(row.amount_pico);
        if row.state == UsageState::Voided {
            return if amount == 0 {
                Ok(())
            } else {
                Err(Wrong { what: "is voided and costs something".to_owned(), off_pico: amount })
            };
        }
        let facts = RatingFacts {
            user: self.facts.user(row.user_no),
            status_code: row.status_code.into(),
            outcome: dimensions.outcome,
            usage: row.counts.to_stated(),
            usage_source: row.usage_source,
        };
        let at = row.batch_created_at.unwrap_or(row.requested_at).timestamp();
        let window = dimensions.completion_window.as_deref();
        let known = self.tariffs_known_to(row);
        let best = find_best_tariff(known.iter().map(|(tariff, _)| tariff), dimensions.purpose, window, at);
        let number =
            best.and_then(|best| known.iter().find(|(tariff, _)| tariff.id == best.id)).map(|(_, no)| *no);
        let (rated, _) =
            facts.rate(best).map_err(|error| Wrong::new(format!("cannot be charged: {error}")))?;
        let should_be = rated.amount.pico();
        if rated.state != row.state || should_be != amount {
            let what = format!(
                "is {} at {amount} pico-credits and should be {} at {should_be}",
                row.state.as_str(),
                rated.state.as_str(),
            );
            return Err(Wrong { what, off_pico: amount - should_be });
        }
        if number != row.tariff_no {
            let (named, in_force) = (tariff_name(row.tariff_no), tariff_name(number));
            return Err(Wrong::new(format!("names {named} where {in_force} was in force")));
        }
        Ok(())
    }

    /// The tariffs of the row's model as a flush at the row's pricing epoch saw them.
    fn tariffs_known_to(&mut self, row: &UsageRow) -> &[(Tariff, i32)] {
        let facts = self.facts;
        let Some((model, tariffs)) = row.model_no.and_then(|no| Some((no, facts.tariffs.get(&no)?))) else {
            return &[];
        };
        if self.known_at.len() >= MAX_REMEMBERED {
            self.known_at.clear();
        }
        let epoch = row.pricing_epoch;
        self.known_at.entry((model, epoch)).or_insert_with(|| {
            tariffs.iter().filter_map(|tariff| as_of(tariff, &facts.ends, epoch)).collect()
        })
    }
}

fn tariff_name(no: Option<i32>) -> String {
    no.map_or_else(|| "no tariff".to_owned(), |no| format!("tariff {no}"))
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
