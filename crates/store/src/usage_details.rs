//! `usage_details`: the unique strings of a request, written only where it has any.

use uuid::Uuid;

use crate::usage_records::RecordKey;
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
    type Row<'a> = (RecordKey, &'a UsageDetails);
    fn column<'a, T: 'a>(rows: &[Row<'a>], value: impl Fn(&Row<'a>) -> T) -> Vec<T> {
        rows.iter().map(value).collect()
    }
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
    tx.execute(
        &statement,
        &[
            &column(rows, |(key, _)| key.day),
            &column(rows, |(key, _)| key.instance_no),
            &column(rows, |(key, _)| key.correlation_id.get()),
            &column(rows, |(_, details)| details.batch_id),
            &column(rows, |(_, details)| details.batch_request_id),
            &column(rows, |(_, details)| details.custom_id.as_deref()),
            &column(rows, |(_, details)| details.trace_id.as_deref()),
        ],
    )
    .await?;
    Ok(())
}
