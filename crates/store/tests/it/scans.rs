//! Reading usage records in bulk: several connections on one snapshot, and ranges of keys.

use std::collections::BTreeSet;
use std::sync::Mutex;

use tollgate_domain::{CorrelationId, RecordDigest, UsageSource, UsageState};
use tollgate_store::usage_records::{self, KeyRange, RecordKey, UsageCounts, UsageRow};
use tollgate_store::utc::{UtcDay, UtcMicros};
use tollgate_store::{StoreError, partitions};

use crate::support::{Books, at};

/// A free record of the day that the tests begin on, or of a later one.
fn row(days_later: i32, correlation_id: i64) -> UsageRow {
    let requested_at = at(i64::from(days_later) * 86_400);
    UsageRow {
        key: RecordKey {
            day: UtcDay::clamped(requested_at),
            instance_no: 1,
            correlation_id: CorrelationId::new(correlation_id),
        },
        requested_at: UtcMicros::try_from(requested_at).unwrap(),
        batch_created_at: None,
        amount_pico: 0,
        raw_digest: RecordDigest::from_bytes([1; 16]),
        rated_digest: RecordDigest::from_bytes([2; 16]),
        user_no: None,
        key_no: None,
        model_no: None,
        tariff_no: None,
        pricing_epoch: 1,
        dimensions_no: 1,
        duration_ms: 1,
        first_byte_ms: None,
        counts: UsageCounts { prompt: Some(5), ..UsageCounts::default() },
        status_code: 200,
        flags: 0,
        state: UsageState::Free,
        usage_source: UsageSource::Provider,
    }
}

async fn write(books: &Books, rows: &[UsageRow]) {
    let rows: Vec<&UsageRow> = rows.iter().collect();
    books.store.tx("write", async |tx| usage_records::copy(&tx, &rows).await).await.unwrap();
}

#[tokio::test]
async fn slices_hold_every_row_of_the_snapshot_once_and_none_that_came_later() {
    let books = Books::open().await;
    partitions::ensure(&books.store, UtcDay::clamped(at(0)), 0).await.unwrap();
    // In a partition of its own, and in the default one; some ten pages each.
    let before: Vec<UsageRow> = (0..500).flat_map(|number| [row(0, number), row(3, number)]).collect();
    write(&books, &before).await;
    let found: Vec<UsageRow> = books
        .store
        .tx_unbounded("whole", async |tx| {
            let slices = usage_records::slices(&tx, 3).await?;
            assert!(slices.len() > 4, "{slices:?}");
            let snapshot = tx.share_snapshot().await?;
            let after: Vec<UsageRow> = (1000..1200).map(|number| row(0, number)).collect();
            write(&books, &after).await;
            let found = Mutex::new(Vec::new());
            let part = |step: usize| {
                let (store, snapshot, slices, found) = (&books.store, &snapshot, &slices, &found);
                async move {
                    for slice in slices.iter().skip(step).step_by(2) {
                        let rows = store
                            .tx_sharing("part", snapshot, async |tx| {
                                let mut rows = Vec::new();
                                usage_records::scan(&tx, slice, |scanned| rows.push(scanned.row)).await?;
                                Ok(rows)
                            })
                            .await?;
                        found.lock().unwrap().extend(rows);
                    }
                    Ok::<_, StoreError>(())
                }
            };
            tokio::try_join!(part(0), part(1))?;
            Ok(found.into_inner().unwrap())
        })
        .await
        .unwrap();
    assert_eq!(found.len(), before.len());
    let keys = |rows: &[UsageRow]| rows.iter().map(|row| row.key).collect::<BTreeSet<_>>();
    assert_eq!(keys(&found), keys(&before));
    assert!(found.iter().all(|row| before.contains(row)), "each as it was written");
}

#[tokio::test]
async fn a_range_of_keys_is_read_without_reading_the_rest() {
    let books = Books::open().await;
    partitions::ensure(&books.store, UtcDay::clamped(at(0)), 1).await.unwrap();
    let rows: Vec<UsageRow> = (0..20_000).map(|number| row(0, number)).collect();
    write(&books, &rows).await;
    write(&books, &[row(1, 100)]).await;
    let day = UtcDay::clamped(at(0));
    let range = |first, last| KeyRange {
        day,
        instance_no: 1,
        first: CorrelationId::new(first),
        last: CorrelationId::new(last),
    };
    let (found, before, after) = books
        .store
        .tx_repeatable_read("ranges", async |tx| {
            // What this connection did so far, in this transaction and in those just before.
            let scans = async || -> Result<(i64, i64), StoreError> {
                let row = tx
                    .query_one(
                        "select sum(seq_scan)::bigint, sum(idx_tup_fetch)::bigint from pg_stat_xact_user_tables
                         where relname like 'usage_records%'",
                        &[],
                    )
                    .await?;
                Ok((row.try_get(0)?, row.try_get(1)?))
            };
            let before = scans().await?;
            let mut found = Vec::new();
            usage_records::scan_keys(&tx, &[range(90, 109), range(19_990, 30_000)], |scanned| {
                found.push(scanned.row.key.correlation_id.get());
            })
            .await?;
            Ok((found, before, scans().await?))
        })
        .await
        .unwrap();
    assert_eq!(found, (90..110).chain(19_990..20_000).collect::<Vec<_>>());
    assert_eq!(after.0 - before.0, 0, "no scan of a whole partition");
    assert_eq!(after.1 - before.1, 30, "and no row but those");
}
