//! A batch made ready to be written: each record a row, or a named refusal.

use std::sync::Arc;

use tollgate_domain::{InstanceId, RawAnalyticsRecord, RecordDigest};
use tollgate_store::catalog::Catalog;
use tollgate_store::quarantine::Refused;
use tollgate_store::usage_details::UsageDetails;
use tollgate_store::usage_records::UsageRow;
use tollgate_store::utc::UtcDay;
use tollgate_store::{Store, StoreError};

use crate::digest::RecordKeys;
use crate::dimensions::{Interner, Unnumbered};
use crate::effects::Effects;
use crate::enrich::{EnrichedRecord, MAX_DETAIL_BYTES, Refusal};
use crate::instances::Instances;

/// A record that can be written.
#[derive(Debug)]
pub(crate) struct PreparedRow {
    pub(crate) row: UsageRow,
    pub(crate) details: Option<Box<UsageDetails>>,
    /// Whether its gateway may have held something else for it than it costs ([`EnrichedRecord::is_unheld`]).
    pub(crate) is_unheld: bool,
    /// The record itself, as an index into the batch.
    pub(crate) index: usize,
}

/// A batch, enriched from one catalog.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) catalog: Arc<Catalog>,
    /// Whether any record asked for something that the catalog did not have.
    pub(crate) missed: bool,
    pub(crate) rows: Vec<PreparedRow>,
    pub(crate) refused: Vec<Refused>,
    /// What the rows do to balances and rollups, if every one of them goes in.
    pub(crate) effects: Effects,
    records: usize,
    unnumbered: Unnumbered,
    /// Rows of an instance without a number, which have none yet.
    of_new_instances: Vec<(usize, InstanceId)>,
    /// Rows without a digest, because they lack a number.
    without_digest: Vec<usize>,
}

impl Prepared {
    /// None yet.
    pub(crate) fn begin(catalog: Arc<Catalog>, capacity: usize) -> Self {
        Self {
            missed: false,
            rows: Vec::with_capacity(capacity),
            refused: Vec::new(),
            effects: Effects::default(),
            records: 0,
            unnumbered: Unnumbered::on(catalog.server),
            of_new_instances: Vec::new(),
            without_digest: Vec::new(),
            catalog,
        }
    }
}

/// What preparing needs, and remembers from batch to batch.
#[derive(Debug)]
pub(crate) struct Preparer {
    pub(crate) store: Store,
    pub(crate) keys: RecordKeys,
    pub(crate) interner: Interner,
    pub(crate) instances: Instances,
}

impl Preparer {
    /// Enriches and rates `records`, and gives their instances and dimensions numbers.
    pub(crate) async fn prepare(
        &self,
        records: &[&RawAnalyticsRecord],
        catalog: Arc<Catalog>,
    ) -> Result<Prepared, StoreError> {
        let mut prepared = Prepared::begin(catalog, records.len());
        self.add(&mut prepared, records.iter().copied());
        self.number(&mut prepared).await?;
        Ok(prepared)
    }

    /// Enriches and rates further records, with the numbers that are known.
    pub(crate) fn add<'a>(
        &self,
        prepared: &mut Prepared,
        records: impl IntoIterator<Item = &'a RawAnalyticsRecord>,
    ) {
        let mut scratch = Vec::with_capacity(1024);
        let mut instance: Option<(InstanceId, Option<i32>)> = None;
        for record in records {
            let index = prepared.records;
            prepared.records += 1;
            let raw_digest = self.keys.raw_digest(record, &mut scratch);
            let (PreparedRow { mut row, details, is_unheld, .. }, has_dimensions) =
                match self.row(record, raw_digest, index, prepared, &mut scratch) {
                    Ok(row) => row,
                    Err(refusal) => {
                        prepared.refused.push(refused(record, raw_digest, refusal.to_string(), None));
                        continue;
                    }
                };
            let instance_no = match instance {
                Some((id, no)) if id == record.instance_id => no,
                _ => self.instances.known(prepared.catalog.server, record.instance_id),
            };
            instance = Some((record.instance_id, instance_no));
            let at = prepared.rows.len();
            match instance_no {
                Some(no) => row.key.instance_no = no,
                None => prepared.of_new_instances.push((at, record.instance_id)),
            }
            if has_dimensions && instance_no.is_some() {
                row.rated_digest = self.keys.rated_digest(&row, &mut scratch);
            } else {
                prepared.without_digest.push(at);
            }
            prepared.effects.add(&row);
            prepared.rows.push(PreparedRow { row, details, is_unheld, index });
        }
    }

    /// Gives numbers to what has none yet, which the database then remembers.
    pub(crate) async fn number(&self, prepared: &mut Prepared) -> Result<(), StoreError> {
        let server = prepared.catalog.server;
        let rows = &mut prepared.rows;
        for (at, id) in prepared.of_new_instances.drain(..) {
            let number = self.instances.number(&self.store, server, id).await?;
            if let Some(waiting) = rows.get_mut(at) {
                waiting.row.key.instance_no = number;
            }
        }
        let unnumbered = std::mem::replace(&mut prepared.unnumbered, Unnumbered::on(server));
        self.interner
            .assign(&self.store, &self.keys, unnumbered, |at, number| {
                if let Some(waiting) = rows.get_mut(at) {
                    waiting.row.dimensions_no = number;
                }
            })
            .await?;
        let mut scratch = Vec::new();
        for at in prepared.without_digest.drain(..) {
            if let Some(waiting) = rows.get_mut(at) {
                waiting.row.rated_digest = self.keys.rated_digest(&waiting.row, &mut scratch);
            }
        }
        Ok(())
    }

    /// The row of one record, which will be the next in `prepared.rows`, and whether its dimensions have a number.
    fn row(
        &self,
        record: &RawAnalyticsRecord,
        raw_digest: RecordDigest,
        index: usize,
        prepared: &mut Prepared,
        scratch: &mut Vec<u8>,
    ) -> Result<(PreparedRow, bool), Refusal> {
        let catalog = Arc::clone(&prepared.catalog);
        let enriched = EnrichedRecord::new(record, &catalog).inspect_err(|refusal| {
            prepared.missed |= matches!(refusal, Refusal::UnknownKey(_));
        })?;
        prepared.missed |= enriched.missed;
        let mut row = enriched.row(raw_digest, catalog.pricing_epoch)?;
        let details = details(record)?;
        let dimensions = enriched.dimensions()?;
        let next = prepared.rows.len();
        let knows_model = enriched.model.is_some();
        let number = self.interner.number(&dimensions, knows_model, next, &mut prepared.unnumbered, scratch);
        row.dimensions_no = number.unwrap_or(0);
        let row = PreparedRow { row, details, is_unheld: enriched.is_unheld(), index };
        Ok((row, number.is_some()))
    }
}

/// The unique strings of a record, if it has any.
fn details(record: &RawAnalyticsRecord) -> Result<Option<Box<UsageDetails>>, Refusal> {
    let text = |field, value: &Option<String>| match value {
        Some(value) if value.contains('\0') => Err(Refusal::Nul { field }),
        Some(value) => Ok(value.get(..value.floor_char_boundary(MAX_DETAIL_BYTES)).map(str::to_owned)),
        None => Ok(None),
    };
    let details = UsageDetails {
        batch_id: record.batch.batch_id,
        batch_request_id: record.batch.batch_request_id,
        custom_id: text("custom_id", &record.batch.custom_id)?,
        trace_id: text("trace_id", &record.trace_id)?,
    };
    let is_empty = details.batch_id.is_none()
        && details.batch_request_id.is_none()
        && details.custom_id.is_none()
        && details.trace_id.is_none();
    Ok((!is_empty).then(|| Box::new(details)))
}

/// Longest reason, in bytes: a sentence or two.
const MAX_REASON_BYTES: usize = 1000;

/// A record on its way to the quarantine.
pub(crate) fn refused(
    record: &RawAnalyticsRecord,
    raw_digest: RecordDigest,
    mut reason: String,
    sqlstate: Option<String>,
) -> Refused {
    reason.truncate(reason.floor_char_boundary(MAX_REASON_BYTES));
    let payload = serde_json::to_vec(record).unwrap_or_else(|error| {
        // Unreachable as long as a record has only fields that JSON can hold; the identity is in the row itself.
        tracing::error!(%error, "a record could not be written as JSON for the quarantine");
        Vec::new()
    });
    Refused {
        instance_id: record.instance_id,
        correlation_id: record.correlation_id,
        day: UtcDay::clamped(record.timestamp),
        raw_digest,
        payload,
        reason,
        sqlstate,
    }
}
