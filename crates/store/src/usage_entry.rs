//! A flush of a few records in one statement, which is a transaction of its own: the function `enter_usage` of the schema.
//!
//! At some hundred requests a second a transaction writes three or four records, and what it costs is not them but the statements: each is
//! an answer that wakes us, and a plan that is set up. Where anything is in the way that wants looking at, nothing is
//! written, and whoever called takes the longer way.

use std::sync::LazyLock;

use rust_decimal::Decimal;
use tokio_postgres::types::ToSql;
use tollgate_domain::{Credits, InstanceId};

use crate::epochs::Epochs;
use crate::instances::LogMark;
use crate::rollups::{self, RollupDelta, RollupKey};
use crate::usage_details::{self, UsageDetails};
use crate::usage_records::{self, RecordKey, UsageRow};
use crate::{Store, StoreError, usage_commits};

/// What `enter_usage` raises when it finds on its way that somebody has to be told of a balance, or what it relied on is not so.
const NOT_AT_ONCE: &str = "TG001";

static ENTER: LazyLock<String> = LazyLock::new(|| {
    let places: Vec<String> = (1..=PARAMETERS).map(|place| format!("${place}")).collect();
    format!("select enter_usage(row({})::usage_entry)", places.join(", "))
});
const PARAMETERS: usize = 68;

/// Records, and everything that they bring with them.
#[derive(Debug)]
pub struct UsageEntry<'a> {
    /// Sorted by key, each key once.
    pub rows: &'a [&'a UsageRow],
    /// Of those that have any.
    pub details: &'a [(RecordKey, &'a UsageDetails)],
    /// Sorted by key, each key once.
    pub rollups: &'a [(RollupKey, RollupDelta)],
    /// What to add to each payer's balance: below zero, each payer once.
    pub balances: &'a [(i32, Credits)],
    /// What the records cost together, in 10⁻¹² credit.
    pub charged_pico: i128,
    /// What they were rated from, and on which server they got their numbers.
    pub epochs: Epochs,
    /// Whether the epoch of the configuration must be this one as well as that of prices.
    pub is_bound_to_config: bool,
    /// Whose records they are.
    pub instance: InstanceId,
    /// The last of its finished requests that the books have with these.
    pub position: i64,
    /// How far in its log the books are with these, where it has one.
    pub mark: Option<LogMark>,
    /// How far they were seen to be. Where the database is not as far, it has lost commits.
    pub seen_log_position: i64,
}

impl Store {
    /// Enters the records, and returns the epoch of the configuration. `None`: not in this way, and nothing is written.
    ///
    /// Fails with `Duplicate` when any of them is there already, and then none is written.
    pub async fn enter_usage(&self, entry: &UsageEntry<'_>) -> Result<Option<i64>, StoreError> {
        let Some(identity) = self.identity(entry.epochs.server) else { return Ok(None) };
        let known_config = entry.is_bound_to_config.then_some(entry.epochs.config);
        let rows = usage_records::Columns::of(entry.rows);
        let details = usage_details::Columns::of(entry.details);
        let rollups = rollups::Columns::of(entry.rollups)?;
        let runs = usage_commits::Runs::of(entry.rows.iter().map(|row| row.key));
        let charged = usage_commits::amount(entry.charged_pico)?;
        let payers: Vec<i32> = entry.balances.iter().map(|(user, _)| *user).collect();
        let deltas: Vec<Decimal> = entry.balances.iter().map(|(_, delta)| delta.to_decimal()).collect();
        let instance = entry.instance.as_uuid();
        let mark = entry.mark;
        let [log_position, admitted, finished, interrupted] = [
            mark.map(|mark| mark.log_position),
            mark.map(|mark| mark.admitted),
            mark.map(|mark| mark.finished),
            mark.map(|mark| mark.interrupted),
        ];
        let mut parameters: Vec<&(dyn ToSql + Sync)> = Vec::with_capacity(PARAMETERS);
        parameters.extend::<[&(dyn ToSql + Sync); 4]>([
            &identity.server_started,
            &identity.database,
            &entry.epochs.pricing,
            &known_config,
        ]);
        parameters.extend(rows.parameters());
        parameters.extend(details.parameters());
        parameters.extend(rollups.parameters());
        parameters.push(&charged);
        parameters.extend(runs.parameters());
        parameters.extend::<[&(dyn ToSql + Sync); 9]>([
            &payers,
            &deltas,
            &instance,
            &entry.seen_log_position,
            &entry.position,
            &log_position,
            &admitted,
            &finished,
            &interrupted,
        ]);
        match self.statement("flush_at_once", &ENTER, &parameters).await {
            Ok(config_epoch) => Ok(config_epoch),
            Err(error) if error.sqlstate() == Some(NOT_AT_ONCE) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
