//! A page of a long ledger reads the days that it shows, and no more of the history.

use std::collections::BTreeSet;

use tollgate_domain::{Credits, UserId};
use tollgate_store::management::bound_report;
use tollgate_store::management::ledger::{self, LedgerFilter, Place, RunningEntry};
use tollgate_store::utc::UtcDay;
use tollgate_store::{StoreError, Tx, partitions};

use crate::support::{Books, at};

const DAYS: i32 = 30;
/// Charges of each day: every second one of a batch, of which there are ten a day.
const OF_A_DAY: i64 = 400;

/// A month of charges of one user, each day in a partition.
async fn month(books: &Books) -> UserId {
    let first = UtcDay::clamped(at(0));
    partitions::ensure(&books.store, first, DAYS).await.unwrap();
    let ada = books.user("ada").await;
    books.model().await;
    let midnight = at(0).as_second().div_euclid(86_400) * 86_400;
    let sql = format!(
        "insert into instances (id) values (gen_random_uuid());
         insert into api_keys (id, digest, prefix, name, user_id, purpose)
             select gen_random_uuid(), sha256(id::text::bytea), 'tg-' || no, '', id, 'realtime' from users where no = {ada};
         insert into usage_dimensions (fingerprint, method, uri, response_type, outcome, access_source, request_origin)
             values (gen_random_uuid(), 'POST', '/', 'chat_completion', 'completed', 'api_key', 'api');
         insert into usage_records (requested_at, correlation_id, amount_pico, raw_digest, rated_digest, day, instance_no, user_no, key_no, model_no,
                                    tariff_no, pricing_epoch, dimensions_no, duration_ms, prompt_tokens, status_code, state, usage_source)
         select requested_at, n, 1000 + n, gen_random_uuid(), gen_random_uuid(), (requested_at at time zone 'UTC')::date, 1, k.user_no, k.no, m.no,
                1, 1, d.no, 1, 5, 200, 'c', 'p'
         from generate_series(0, {DAYS} * {OF_A_DAY}::bigint - 1) n
         cross join lateral (select to_timestamp({midnight}) + n * interval '1 day' / {OF_A_DAY}) at (requested_at)
         cross join (select k.no, u.no as user_no from api_keys k join users u on u.id = k.user_id) k
         cross join deployed_models m cross join usage_dimensions d;
         insert into usage_details (day, instance_no, correlation_id, batch_id)
         select day, instance_no, correlation_id, md5(correlation_id * 10 / {OF_A_DAY} || 'batch')::uuid from usage_records where correlation_id % 2 = 0;
         insert into usage_rollups (hour, user_no, key_no, model_no, requests, amount_pico)
         select date_trunc('hour', requested_at, 'UTC'), user_no, key_no, model_no, count(*), sum(amount_pico) from usage_records group by 1, 2, 3, 4;
         update user_balances b set balance = -(select sum(amount_pico) * 0.000000000001 from usage_records r where r.user_no = b.user_no)
             where user_no = {ada};
         analyze",
        ada = ada.no,
    );
    let fill = async |tx: Tx| Ok(tx.batch_execute(&sql).await?);
    books.store.tx_unbounded("fill", fill).await.unwrap();
    ada.id
}

/// Partitions of records of which something has been read by this connection.
async fn touched(tx: &Tx) -> Result<BTreeSet<(String, i64)>, StoreError> {
    let sql = "select relname::text, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables
               where relname like 'usage_records%' and coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) > 0";
    tx.query(sql, &[]).await?.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// A page, and of how many partitions something was read for it.
async fn page(
    books: &Books,
    user: UserId,
    filter: &LedgerFilter,
    behind: Option<&Place>,
) -> (Vec<RunningEntry>, usize) {
    let read = async |tx: Tx| {
        bound_report(&tx).await?;
        let before = touched(&tx).await?;
        let page = ledger::page(&tx, user, filter, behind, 50).await?;
        let after = touched(&tx).await?;
        Ok((page.rows, after.difference(&before).count()))
    };
    books.store.tx_repeatable_read("page", read).await.unwrap()
}

#[tokio::test]
async fn a_page_reads_the_days_that_it_shows_however_long_the_ledger_is() {
    let books = Books::open().await;
    let user = month(&books).await;
    for in_lines in [false, true] {
        let filter = LedgerFilter { in_lines, ..LedgerFilter::default() };
        let mut behind: Option<Place> = None;
        let mut deepest = 0;
        loop {
            let (rows, partitions) = page(&books, user, &filter, behind.as_ref()).await;
            let Some(last) = rows.last() else { break };
            let shown: BTreeSet<UtcDay> =
                rows.iter().map(|row| UtcDay::clamped(row.entry.created_at)).collect();
            assert!(partitions <= shown.len() + 2, "{partitions} partitions for {} days", shown.len());
            deepest += rows.len();
            behind = Some(last.place());
        }
        let all = usize::try_from(i64::from(DAYS) * OF_A_DAY).unwrap();
        let lines = usize::try_from(DAYS).unwrap() * 10;
        assert_eq!(deepest, if in_lines { all / 2 + lines } else { all });
    }
    // The balance after the first entry of all is that entry.
    let filter = LedgerFilter { until: Some(at(0)), ..LedgerFilter::default() };
    let (rows, _) = page(&books, user, &filter, None).await;
    let sum: i128 = (0..i64::from(DAYS) * OF_A_DAY)
        .filter(|n| rows[0].entry.source_id.rsplit('/').next().unwrap().parse::<i64>().unwrap() >= *n)
        .map(|n| i128::from(1000 + n))
        .sum();
    assert_eq!(rows[0].balance_after, Credits::from_pico(-sum).unwrap());
    // A batch is found by its lines, in its day alone.
    let batch = books.store.tx("batch", async |tx| {
        Ok(tx
            .query_one("select batch_id from batch_lines order by starts_at offset 100 limit 1", &[])
            .await?
            .try_get(0)?)
    });
    let filter = LedgerFilter { batch: Some(batch.await.unwrap()), ..LedgerFilter::default() };
    let (rows, partitions) = page(&books, user, &filter, None).await;
    assert_eq!((rows.len(), partitions <= 2), (usize::try_from(OF_A_DAY / 20).unwrap(), true));
}
