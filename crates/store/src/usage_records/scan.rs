//! Every row, or those of a range of keys, streamed by COPY: what is not read yet waits in the socket, not in memory.
//!
//! The whole table is cut into [`Slice`]s of pages that several transactions on one snapshot ([`crate::Store::tx_sharing`]) read side by side.

use std::pin::pin;

use futures_util::TryStreamExt;
use tollgate_domain::CorrelationId;

use super::ScannedRow;
use super::decode::Decoder;
use super::encode::COLUMNS;
use crate::utc::UtcDay;
use crate::{StoreError, Tx};

/// Some pages of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// Quoted.
    table: String,
    first_page: i64,
    /// `None`: to the end, wherever that is by now.
    until_page: Option<i64>,
}

/// A run of keys of one instance and day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyRange {
    /// The day.
    pub day: UtcDay,
    /// The instance.
    pub instance_no: i32,
    /// The first correlation id.
    pub first: CorrelationId,
    /// The last one, which belongs to it.
    pub last: CorrelationId,
}

/// Slices of so many pages at most that together hold every row of the transaction's snapshot. It must have one, taken before.
pub async fn slices(tx: &Tx, slice_pages: i64) -> Result<Vec<Slice>, StoreError> {
    // Read after the snapshot was taken: no row of it lies behind these sizes.
    let rows = tx
        .query(
            "select relid::text, pg_relation_size(relid) / current_setting('block_size')::bigint
             from pg_partition_tree('usage_records') where isleaf",
            &[],
        )
        .await?;
    let mut slices = Vec::new();
    for row in rows {
        let (table, pages): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
        let mut first_page = 0;
        while first_page < pages {
            let next = first_page.saturating_add(slice_pages.max(1));
            let until_page = (next < pages).then_some(next);
            slices.push(Slice { table: table.clone(), first_page, until_page });
            first_page = next;
        }
    }
    Ok(slices)
}

/// Calls `each` for every row of the slice.
pub async fn scan(tx: &Tx, slice: &Slice, each: impl FnMut(ScannedRow)) -> Result<(), StoreError> {
    let Slice { table, first_page, until_page } = slice;
    let end = until_page.map_or_else(String::new, |page| format!(" and ctid < '({page},0)'"));
    copy(tx, &format!("only {table} where ctid >= '({first_page},0)'{end}"), each).await
}

/// Calls `each` for every row whose key is in one of the ranges, range by range. Reads these rows, however many others there are.
pub async fn scan_keys(
    tx: &Tx,
    ranges: &[KeyRange],
    mut each: impl FnMut(ScannedRow),
) -> Result<(), StoreError> {
    // A planner whose statistics are older than the day's partition could take it for empty, and read all of it.
    tx.batch_execute("set local enable_seqscan = off").await?;
    for KeyRange { day, instance_no, first, last } in ranges {
        let from = format!(
            "usage_records where day = date '2000-01-01' + {} and instance_no = {instance_no}
             and correlation_id between {} and {}",
            day.to_wire(),
            first.get(),
            last.get()
        );
        copy(tx, &from, &mut each).await?;
    }
    tx.batch_execute("set local enable_seqscan = on").await?;
    Ok(())
}

async fn copy(tx: &Tx, from: &str, mut each: impl FnMut(ScannedRow)) -> Result<(), StoreError> {
    let sql = format!("copy (select {COLUMNS}, xmin from {from}) to stdout (format binary)");
    let mut pieces = pin!(tx.copy_out(sql.as_str()).await?);
    let mut decoder = Decoder::default();
    while let Some(piece) = pieces.try_next().await? {
        decoder.piece(&piece, &mut each)?;
    }
    Ok(())
}
