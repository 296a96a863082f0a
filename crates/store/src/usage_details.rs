//! `usage_details`: the unique strings of a request, written only where it has any.

use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::usage_records::RecordKey;
use crate::utc::UtcDay;
use crate::{StoreError, Tx};

/// The strings of one request that are its alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageDetails {
    /// The batch.
    pub batch_id: Option<Uuid>,
    /// The request within the batch.
    pub batch_request_id: Option<Uuid>,
    /// The client's own name for it.
    pub custom_id: Option<String>,
    /// Trace of the request.
    pub trace_id: Option<String>,
}

/// Writes the details of records that went in in this transaction.
pub async fn insert(tx: &Tx, rows: &[(RecordKey, &UsageDetails)]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let statement = tx
        .prepare_cached(
            "insert into usage_details
                 (day, instance_no, correlation_id, batch_id, batch_request_id, custom_id, trace_id)
             select * from unnest($1::date[], $2::int[], $3::bigint[], $4::uuid[], $5::uuid[], $6::text[], $7::text[])",
        )
        .await?;
    tx.execute(&statement, &Columns::of(rows).parameters()).await?;
    Ok(())
}

/// Details as arrays of columns: `$1` to `$7` of the INSERT.
pub(crate) struct Columns<'a> {
    days: Vec<UtcDay>,
    instances: Vec<i32>,
    correlation_ids: Vec<i64>,
    batches: [Vec<Option<Uuid>>; 2],
    texts: [Vec<Option<&'a str>>; 2],
}

impl<'a> Columns<'a> {
    pub(crate) fn of(rows: &[(RecordKey, &'a UsageDetails)]) -> Self {
        let key = || rows.iter().map(|(key, _)| key);
        let details = || rows.iter().map(|(_, details)| *details);
        Self {
            days: key().map(|key| key.day).collect(),
            instances: key().map(|key| key.instance_no).collect(),
            correlation_ids: key().map(|key| key.correlation_id.get()).collect(),
            batches: [
                details().map(|details| details.batch_id).collect(),
                details().map(|details| details.batch_request_id).collect(),
            ],
            texts: [
                details().map(|details| details.custom_id.as_deref()).collect(),
                details().map(|details| details.trace_id.as_deref()).collect(),
            ],
        }
    }

    pub(crate) fn parameters(&self) -> [&(dyn ToSql + Sync); 7] {
        let [batches, requests] = &self.batches;
        let [custom_ids, traces] = &self.texts;
        [&self.days, &self.instances, &self.correlation_ids, batches, requests, custom_ids, traces]
    }
}
