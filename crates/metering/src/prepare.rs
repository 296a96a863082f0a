//! A batch made ready to be written: each record a row, or a named refusal.

use std::sync::Arc;

use tollgate_domain::{InstanceId, RawAnalyticsRecord, RecordDigest};
use tollgate_store::catalog::Catalog;
use tollgate_store::quarantine::Refused;
use tollgate_store::usage_details::UsageDetails;
use tollgate_store::usage_records::{RecordKey, UsageRow};
use tollgate_store::utc::UtcDay;
use tollgate_store::{Store, StoreError};

use crate::digest::RecordKeys;
use crate::dimensions::{Interner, Unnumbered};
use crate::enrich::{EnrichedRecord, MAX_DETAIL_BYTES, Refusal};
use crate::instances::Instances;

/// A record that can be written.
#[derive(Debug)]
pub(crate) struct PreparedRow {
    pub(crate) row: UsageRow,
    pub(crate) details: Option<Box<UsageDetails>>,
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
        let server = catalog.server;
        let mut prepared =
            Prepared { catalog, missed: false, rows: Vec::with_capacity(records.len()), refused: Vec::new() };
        let mut unnumbered = Unnumbered::on(server);
        let mut scratch = Vec::with_capacity(1024);
        let mut instance: Option<(InstanceId, i32)> = None;
        for (index, record) in records.iter().enumerate() {
            let raw_digest = self.keys.raw_digest(record, &mut scratch);
            match self.row(record, raw_digest, &mut prepared, &mut unnumbered, &mut scratch) {
                Ok((mut row, details)) => {
                    row.key.instance_no = match instance {
                        Some((id, no)) if id == record.instance_id => no,
                        _ => self.instances.number(&self.store, server, record.instance_id).await?,
                    };
                    instance = Some((record.instance_id, row.key.instance_no));
                    let details = details.map(|mut details| {
                        details.key = row.key;
                        details
                    });
                    prepared.rows.push(PreparedRow { row, details, index });
                }
                Err(refusal) => {
                    prepared.refused.push(refused(record, raw_digest, refusal.to_string(), None));
                }
            }
        }
        let rows = &mut prepared.rows;
        self.interner
            .assign(&self.store, &self.keys, unnumbered, |at, number| {
                if let Some(waiting) = rows.get_mut(at) {
                    waiting.row.dimensions_no = number;
                }
            })
            .await?;
        for PreparedRow { row, .. } in rows {
            row.rated_digest = self.keys.rated_digest(row, &mut scratch);
        }
        Ok(prepared)
    }

    /// The row of one record; the row will be the next in `prepared.rows`.
    fn row(
        &self,
        record: &RawAnalyticsRecord,
        raw_digest: RecordDigest,
        prepared: &mut Prepared,
        unnumbered: &mut Unnumbered,
        scratch: &mut Vec<u8>,
    ) -> Result<(UsageRow, Option<Box<UsageDetails>>), Refusal> {
        let catalog = Arc::clone(&prepared.catalog);
        let enriched = EnrichedRecord::new(record, &catalog).inspect_err(|refusal| {
            prepared.missed |= matches!(refusal, Refusal::UnknownKey(_));
        })?;
        prepared.missed |= enriched.missed;
        let mut row = enriched.row(raw_digest, catalog.pricing_epoch)?;
        let details = details(record, row.key)?;
        let dimensions = enriched.dimensions()?;
        let next = prepared.rows.len();
        let number = self.interner.number(&dimensions, enriched.model.is_some(), next, unnumbered, scratch);
        row.dimensions_no = number.unwrap_or(0);
        Ok((row, details))
    }
}

/// The unique strings of a record, if it has any.
fn details(record: &RawAnalyticsRecord, key: RecordKey) -> Result<Option<Box<UsageDetails>>, Refusal> {
    let text = |field, value: &Option<String>| match value {
        Some(value) if value.contains('\0') => Err(Refusal::Nul { field }),
        Some(value) => Ok(value.get(..value.floor_char_boundary(MAX_DETAIL_BYTES)).map(str::to_owned)),
        None => Ok(None),
    };
    let details = UsageDetails {
        key,
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
