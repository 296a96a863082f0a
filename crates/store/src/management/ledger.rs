//! A user's ledger in pages, each entry with the balance after it, filtered and searched.
//!
//! The running balance is summed over the whole ledger before anything is filtered away, so each page reads all of the user's entries
//! (usage records carry no index by user: among very many records it is a scan). Bound it with [`super::bound_report`].

use jiff::Timestamp;
use rust_decimal::Decimal;
use tokio_postgres::Row;
use tollgate_domain::{ApiKeyId, Credits, UserId};
use uuid::Uuid;

use super::{Page, rows_for};
use crate::reports::LedgerEntry;
use crate::text::check_text;
use crate::{StoreError, Tx};

/// An entry and what was left after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningEntry {
    /// The entry.
    pub entry: LedgerEntry,
    /// The balance after it, in credits.
    pub balance_after: Credits,
    /// The request, as its response's `x-request-id` named it; `None` for what is no usage.
    pub request_id: Option<String>,
}

/// Which entries.
#[derive(Debug, Clone, Default)]
pub struct LedgerFilter {
    /// `usage`, or the type of a movement.
    pub transaction_type: Option<String>,
    /// Made with this key.
    pub api_key: Option<ApiKeyId>,
    /// For this model, by alias.
    pub model: Option<String>,
    /// Of this batch.
    pub batch: Option<Uuid>,
    /// Whose description or source id holds this, in whatever case.
    pub search: Option<String>,
    /// From this instant on.
    pub since: Option<Timestamp>,
    /// Until just before this instant.
    pub until: Option<Timestamp>,
}

/// The entries of a user, newest first, behind the one of this time and id.
pub async fn page(
    tx: &Tx,
    user: UserId,
    filter: &LedgerFilter,
    after: Option<(Timestamp, &str)>,
    limit: u32,
) -> Result<Page<RunningEntry>, StoreError> {
    for text in [&filter.transaction_type, &filter.model, &filter.search].into_iter().flatten() {
        check_text("the filter", text)?;
    }
    let (at, id) = after.unzip();
    let rows = tx
        .query(
            "with signed as (
                 select *, case when transaction_type = 'usage' then -amount
                                else amount * movement_sign(transaction_type) end as change
                 from credits_transactions where user_id = $1),
             running as (
                 select *, sum(change) over (order by created_at, id collate \"C\") as balance_after from signed)
             select id, created_at, transaction_type, change, source_id, description, batch_id, api_key_id, model,
                    balance_after,
                    case when transaction_type = 'usage' then (
                        select i.id || '-' || split_part(source_id, '/', 3) from instances i
                        where i.no = split_part(source_id, '/', 2)::integer) end as request_id
             from running
             where ($2::text is null or transaction_type = $2) and ($3::uuid is null or api_key_id = $3)
               and ($4::text is null or model = $4) and ($5::uuid is null or batch_id = $5)
               and ($6::text is null or strpos(lower(description), lower($6)) > 0
                    or strpos(lower(source_id), lower($6)) > 0)
               and ($7::timestamptz is null or created_at >= $7) and ($8::timestamptz is null or created_at < $8)
               and ($9::timestamptz is null or (created_at, id collate \"C\") < ($9, $10 collate \"C\"))
             order by created_at desc, id collate \"C\" desc limit $11",
            &[
                &user.as_uuid(),
                &filter.transaction_type,
                &filter.api_key.map(ApiKeyId::as_uuid),
                &filter.model,
                &filter.batch,
                &filter.search,
                &filter.since,
                &filter.until,
                &at,
                &id,
                &rows_for(limit),
            ],
        )
        .await?;
    Ok(Page::of(rows.iter().map(from_row).collect::<Result<_, _>>()?, limit))
}

fn from_row(row: &Row) -> Result<RunningEntry, StoreError> {
    Ok(RunningEntry {
        entry: LedgerEntry {
            id: row.try_get(0)?,
            created_at: row.try_get(1)?,
            transaction_type: row.try_get(2)?,
            amount: credits(row, 3)?,
            source_id: row.try_get(4)?,
            description: row.try_get(5)?,
            batch_id: row.try_get(6)?,
            api_key_id: row.try_get::<_, Option<Uuid>>(7)?.map(ApiKeyId::from_uuid),
            model: row.try_get(8)?,
        },
        balance_after: credits(row, 9)?,
        request_id: row.try_get(10)?,
    })
}

fn credits(row: &Row, column: usize) -> Result<Credits, StoreError> {
    Ok(Credits::try_from(row.try_get::<_, Decimal>(column)?)?)
}
