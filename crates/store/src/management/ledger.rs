//! A user's ledger in pages, each entry with the balance after it, filtered and searched; entries of batches one by one, or many in a line.
//!
//! The running balance is summed over the whole ledger before anything is filtered away or drawn together, so each page reads all of the user's
//! entries (usage records carry no index by user: among very many records it is a scan). Bound it with [`super::bound_report`].
//!
//! A line of batch usage holds the charges of one batch with one key for one model; of requests by keys for batches that name no batch, those of
//! one hour. It stands where its last entry stands, with the balance after that: the same one that the entry has by itself. Entries of others may lie
//! between its first and its last, so the balances of two lines next to each other may differ by more than what stands in one of them.
//!
//! All pages of a list are of one moment, that of its first page: later ones show what that page's snapshot shows, and nothing that was committed
//! since. What comes late for an earlier time moves no balance, and a batch that goes on moves no line, from one page to another. A row's own
//! transaction tells (its `xmin`): a record is in the ledger from the transaction on that charged it, and neither it nor a movement is ever written
//! again. Whatever writes them must use no subtransactions (savepoints, exception blocks of PL/pgSQL), for a snapshot lists the ids of whole
//! transactions alone. A row tells but half of its transaction's id: one that is older by all halves, or was written anew by a migration, would be
//! taken for a new one. So a cursor carries how many entries the whole ledger had and what they came to, and a page that finds another ledger is refused.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use tollgate_domain::{ApiKeyId, Credits, UserId};
use uuid::Uuid;

use super::{Page, rows_for};
use crate::reports::LedgerEntry;
use crate::text::check_text;
use crate::usage_commits::{is_visible_in, number};
use crate::{ServerRun, StoreError, Tx};

/// An entry and what was left after it; or a line of many, as of its last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningEntry {
    /// The entry. Of a line: its last one, with the sum of all amounts.
    pub entry: LedgerEntry,
    /// The balance after it, in credits.
    pub balance_after: Credits,
    /// The request, as its response's `x-request-id` named it; `None` for what is no usage, and for a line.
    pub request_id: Option<String>,
    /// What it is a line of, where it is one.
    pub line: Option<BatchLine>,
}

impl RunningEntry {
    /// Where it stands.
    pub fn place(&self) -> Place {
        Place { at: self.entry.created_at, id: self.entry.id.clone() }
    }
}

/// What stands in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchLine {
    /// By which [`LedgerFilter::line`] finds its entries. Text that says nothing.
    pub id: String,
    /// How many entries.
    pub entries: i64,
    /// When the first of them was made.
    pub first_at: Timestamp,
}

/// Where an entry stands in the ledger's order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// When it was made.
    pub at: Timestamp,
    /// The entry.
    pub id: String,
}

/// The moment that a list is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// As `pg_current_snapshot` writes it.
    snapshot: String,
    /// Whose: to another server it means nothing.
    server: ServerRun,
    /// How many entries the whole ledger had, whatever was asked for.
    entries: i64,
    /// What they came to.
    total: Credits,
}

impl Moment {
    /// Below this one all transactions had ended.
    fn xmin(&self) -> Result<u64, StoreError> {
        number(self.snapshot.split(':').next().unwrap_or_default())
    }
}

/// Where the next page begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct After {
    /// Behind this one, in the order from new to old.
    pub behind: Place,
    /// Of the first page, and of every other.
    pub moment: Moment,
}

/// Which entries, and how.
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
    /// Of this line alone, one by one.
    pub line: Option<String>,
    /// Draw entries of batches together in lines; a line holds those alone that meet the other filters.
    pub in_lines: bool,
}

/// The entries or lines of a user, newest first, and the moment that they are of. The transaction must have one snapshot for all its statements.
/// Nothing follows a page without rows, and its moment is of no use.
pub async fn page(
    tx: &Tx,
    user: UserId,
    filter: &LedgerFilter,
    after: Option<&After>,
    limit: u32,
) -> Result<(Page<RunningEntry>, Moment), StoreError> {
    let texts = [&filter.transaction_type, &filter.model, &filter.search, &filter.line];
    for text in texts.into_iter().flatten() {
        check_text("the filter", text)?;
    }
    if after.is_some_and(|after| after.moment.server != tx.server()) {
        return Err(StoreError::refused(
            "the database was started again, or another one took its place, since the first page was read: begin without a cursor",
        ));
    }
    let asked = "select s::text, pg_snapshot_xmax(s)::text from pg_current_snapshot() s";
    let now = tx.query_one(asked, &[]).await?;
    let (snapshot, xmax) = (now.try_get(0)?, number(now.try_get(1)?)?);
    let behind = after.map(|after| &after.behind);
    let snapshot = after.map_or(snapshot, |after| after.moment.snapshot.clone());
    let xmin = after.map(|after| after.moment.xmin()).transpose()?;
    // The first page shows what its own snapshot shows.
    let was_there = |of| match xmin {
        Some(xmin) => is_visible_in(of, "$9::text::pg_snapshot", xmin, xmax),
        None => "$9::text is not null".to_owned(),
    };
    let entries = entries(&was_there("r"), &was_there("c"));
    // What tells one line from another. Texts that a client wrote are told apart by quotes.
    let line = "case when transaction_type = 'usage'
                      and (batch_id is not null or api_key_id in (select id from api_keys where user_id = $1 and purpose = 'batch'))
                 then md5(jsonb_build_array(batch_id, api_key_id, model, case when batch_id is null
                     then extract(epoch from date_trunc('hour', created_at, 'UTC')) end)::text) end";
    let drawn_together = if filter.in_lines {
        "select *, row_number() over (line order by created_at desc, id collate \"C\" desc) as back,
                sum(change) over line as amount_of_all, count(*) over line as entries, min(created_at) over line as first_at
         from matching window line as (partition by coalesce('line ' || line, id))"
    } else {
        "select *, 1 as back, change as amount_of_all, 1::bigint as entries, created_at as first_at from matching"
    };
    let sql = format!(
        "with entries as ({entries}),
         signed as (
             select *, case when transaction_type = 'usage' then -amount
                            else amount * movement_sign(transaction_type) end as change, {line} as line
             from entries),
         running as (
             select *, sum(change) over (order by created_at, id collate \"C\") as balance_after,
                    count(*) over () as entries_of_all, sum(change) over () as total_of_all
             from signed),
         matching as (
             select * from running
             where ($2::text is null or transaction_type = $2) and ($3::uuid is null or api_key_id = $3)
               and ($4::text is null or model = $4) and ($5::uuid is null or batch_id = $5)
               and ($6::text is null or strpos(lower(description), lower($6)) > 0
                    or strpos(lower(source_id), lower($6)) > 0)
               and ($7::timestamptz is null or created_at >= $7) and ($8::timestamptz is null or created_at < $8)
               and ($13::text is null or line = $13)),
         drawn as ({drawn_together})
         select id, created_at, transaction_type, amount_of_all, source_id, description, batch_id, api_key_id, model,
                balance_after,
                case when transaction_type = 'usage' then (
                    select i.id || '-' || split_part(source_id, '/', 3) from instances i
                    where i.no = split_part(source_id, '/', 2)::integer) end as request_id,
                case when $14 then line end, entries, first_at, entries_of_all, total_of_all
         from drawn
         where back = 1 and ($10::timestamptz is null or (created_at, id collate \"C\") < ($10, $11 collate \"C\"))
         order by created_at desc, id collate \"C\" desc limit $12"
    );
    let rows = tx
        .query(
            &sql,
            &[
                &user.as_uuid(),
                &filter.transaction_type,
                &filter.api_key.map(ApiKeyId::as_uuid),
                &filter.model,
                &filter.batch,
                &filter.search,
                &filter.since,
                &filter.until,
                &snapshot,
                &behind.map(|place| place.at),
                &behind.map(|place| place.id.as_str()),
                &rows_for(limit),
                &filter.line,
                &filter.in_lines,
            ],
        )
        .await?;
    let (entries, total) = match rows.first() {
        Some(row) => (row.try_get(14)?, credits(row, 15)?),
        None => (0, Credits::ZERO),
    };
    let moment = Moment { snapshot, server: tx.server(), entries, total };
    // Where a cursor was given there was a row behind it, so a page without rows is of another ledger too.
    if after.is_some_and(|after| after.moment != moment) {
        return Err(StoreError::refused(
            "the ledger cannot be told any more as it was when the first page was read: begin without a cursor",
        ));
    }
    Ok((Page::of(rows.iter().map(from_row).collect::<Result<_, _>>()?, limit), moment))
}

/// The ledger of user `$1` as the view `credits_transactions` has it, of the usage records `r` and the movements `c` that meet these conditions:
/// the view cannot say which transaction wrote a row. Whose a record is, is compared first, because that costs less than what is asked of its transaction.
fn entries(records: &str, movements: &str) -> String {
    format!(
        "select 'usage:' || r.day || '/' || r.instance_no || '/' || r.correlation_id as id, 'usage' as transaction_type,
                (r.amount_pico * 0.000000000001)::numeric(28, 12) as amount,
                r.day || '/' || r.instance_no || '/' || r.correlation_id as source_id,
                'API usage: ' || coalesce(m.alias, d.request_model, 'unknown model') || ' (' || coalesce(r.prompt_tokens, 0)
                    || ' input + ' || coalesce(r.completion_tokens, 0) || ' output tokens)' as description,
                r.requested_at as created_at, x.batch_id, k.id as api_key_id, coalesce(m.alias, d.request_model) as model
         from usage_records r
         join usage_dimensions d on d.no = r.dimensions_no
         left join api_keys k on k.no = r.key_no
         left join deployed_models m on m.no = r.model_no
         left join usage_details x
                on x.day = r.day and x.instance_no = r.instance_no and x.correlation_id = r.correlation_id
         where r.amount_pico > 0 and r.user_no = (select no from users where id = $1) and {records}
         union all
         select c.id::text, c.type, c.amount, c.source_id, c.description, c.created_at, null, null, null
         from credit_movements c where c.user_id = $1 and {movements}"
    )
}

fn from_row(row: &Row) -> Result<RunningEntry, StoreError> {
    let model: Option<String> = row.try_get(8)?;
    let entries: i64 = row.try_get(12)?;
    let line = match row.try_get::<_, Option<String>>(11)? {
        Some(id) => Some(BatchLine { id, entries, first_at: row.try_get(13)? }),
        None => None,
    };
    let description = match &line {
        Some(_) => {
            format!("Batch usage: {} ({entries} requests)", model.as_deref().unwrap_or("unknown model"))
        }
        None => row.try_get(5)?,
    };
    Ok(RunningEntry {
        request_id: if line.is_some() { None } else { row.try_get(10)? },
        entry: LedgerEntry {
            id: row.try_get(0)?,
            created_at: row.try_get(1)?,
            transaction_type: row.try_get(2)?,
            amount: credits(row, 3)?,
            source_id: row.try_get(4)?,
            description,
            batch_id: row.try_get(6)?,
            api_key_id: row.try_get::<_, Option<Uuid>>(7)?.map(ApiKeyId::from_uuid),
            model,
        },
        balance_after: credits(row, 9)?,
        line,
    })
}

fn credits(row: &Row, column: usize) -> Result<Credits, StoreError> {
    Ok(Credits::try_from(row.try_get::<_, Decimal>(column)?)?)
}
