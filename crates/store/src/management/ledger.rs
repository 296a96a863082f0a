//! A user's ledger in pages, each entry with the balance after it, filtered and searched; entries of batches one by one, or many in a line.
//!
//! A page reads what it shows: hourly sums say in which days there are charges, and only records of those days are read, from new to old, until the
//! page is full (`usage`). The balance after an entry is reckoned back from the present one by movements, hourly sums, and the records of one
//! hour (`balances`). So all of a page must be read by one snapshot. Records carry no index by user: of a day that is read, every record is looked at. A search,
//! which no sum helps, may read all days. Bound it with [`super::bound_report`].
//!
//! **Nothing moves while pages are read.** Entries stand at their own time, and it never changes. A line of a batch stands where the first of its
//! charges was when it was first entered, and stays there, whatever is entered for it later (`batch_lines`); a line of requests by keys for
//! batches that name no batch stands at the beginning of its hour. So whoever reads page after page sees every entry and line that was there when the first was read
//! exactly once: each with what it holds when its page is read.
//!
//! Filters are held against what a row shows. A line is one row: its time is where it stands, and it holds all of its charges.

use std::cmp::Reverse;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use tollgate_domain::{ApiKeyId, Credits, UserId};
use uuid::Uuid;

use super::{Page, rows_for};
use crate::reports::LedgerEntry;
use crate::text::check_text;
use crate::{StoreError, Tx};

mod balances;
mod lines;
mod usage;

/// An entry and what was left after it; or a line of many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningEntry {
    /// The entry. Of a line: where it stands, with the sum of all amounts.
    pub entry: LedgerEntry,
    /// The balance after it, in credits. Of a line: after everything of the instant of its last entry.
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

    /// Behind which entries the balance is told.
    fn told_at(&self) -> Place {
        match &self.line {
            // Behind every id: letters and digits are before it.
            Some(line) => Place { at: line.last_at, id: "~".to_owned() },
            None => self.place(),
        }
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
    /// When the last of them was made.
    pub last_at: Timestamp,
}

/// Where an entry stands in the ledger's order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// When it was made.
    pub at: Timestamp,
    /// The entry.
    pub id: String,
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
    /// Draw entries of batches together in lines.
    pub in_lines: bool,
}

/// What is asked of the tables: the filter by numbers, resolved once.
#[derive(Debug)]
struct Asked<'a> {
    user: UserId,
    user_no: i32,
    key_no: Option<i32>,
    model_nos: Option<Vec<i32>>,
    batch: Option<Uuid>,
    /// Requests of keys for batches that name no batch, as their line of one hour says.
    hour_line: Option<&'a str>,
    search: Option<&'a str>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    behind: Option<&'a Place>,
    transaction_type: Option<&'a str>,
    in_lines: bool,
    rows: i64,
}

/// The entries or lines of a user, newest first, behind a place. The transaction must have one snapshot.
pub async fn page(
    tx: &Tx,
    user: UserId,
    filter: &LedgerFilter,
    behind: Option<&Place>,
    limit: u32,
) -> Result<Page<RunningEntry>, StoreError> {
    let texts = [&filter.transaction_type, &filter.model, &filter.search, &filter.line];
    for text in texts.into_iter().flatten() {
        check_text("the filter", text)?;
    }
    let nothing = Page { rows: Vec::new(), has_more: false };
    let Some(asked) = Asked::resolve(tx, user, filter, behind, limit).await? else { return Ok(nothing) };
    let kind = asked.transaction_type;
    let is_of_requests =
        filter.api_key.is_some() || filter.model.is_some() || asked.batch.is_some() || filter.line.is_some();
    let mut rows = Vec::new();
    if !is_of_requests && kind != Some("usage") {
        rows.extend(lines::movements(tx, &asked).await?);
    }
    if kind.is_none_or(|kind| kind == "usage") {
        if asked.in_lines {
            rows.extend(lines::of_batches(tx, &asked).await?);
        }
        // What names its batch stands in a line, and there is nothing else of it.
        if !(asked.in_lines && asked.batch.is_some()) {
            usage::add(tx, &asked, &mut rows).await?;
        }
    }
    rows.sort_by_cached_key(|row| Reverse(row.place()));
    rows.truncate(usize::try_from(asked.rows).unwrap_or(usize::MAX));
    let mut page = Page::of(rows, limit);
    balances::fill_in(tx, &asked, &mut page.rows).await?;
    Ok(page)
}

impl<'a> Asked<'a> {
    /// `None`: nothing can meet the filter.
    async fn resolve(
        tx: &Tx,
        user: UserId,
        filter: &'a LedgerFilter,
        behind: Option<&'a Place>,
        limit: u32,
    ) -> Result<Option<Self>, StoreError> {
        let sql = "select (select no from users where id = $1), (select no from api_keys where id = $2 and user_id = $1),
                          array(select no from deployed_models where alias = $3)";
        let row = tx
            .query_one(sql, &[&user.as_uuid(), &filter.api_key.map(ApiKeyId::as_uuid), &filter.model])
            .await?;
        let (user_no, key_no): (Option<i32>, Option<i32>) = (row.try_get(0)?, row.try_get(1)?);
        let Some(user_no) = user_no else { return Ok(None) };
        if filter.api_key.is_some() && key_no.is_none() {
            return Ok(None);
        }
        let mut asked = Self {
            user,
            user_no,
            key_no,
            model_nos: filter.model.as_ref().map(|_| row.try_get(2)).transpose()?,
            batch: filter.batch,
            hour_line: None,
            search: filter.search.as_deref(),
            since: filter.since,
            until: filter.until,
            behind,
            transaction_type: filter.transaction_type.as_deref(),
            in_lines: filter.in_lines,
            rows: rows_for(limit),
        };
        if asked.model_nos.as_ref().is_some_and(Vec::is_empty) {
            return Ok(None);
        }
        match filter.line.as_deref().map(|line| (line, usage::hour_of(line))) {
            Some((line, Some(hour))) => {
                asked.hour_line = Some(line);
                asked.narrow(hour, usage::end_of_hour(hour));
            }
            Some((line, None)) if !asked.open_batch_line(tx, line).await? => return Ok(None),
            _ => {}
        }
        if !asked.in_lines && asked.batch.is_some() && !asked.narrow_to_batch(tx).await? {
            return Ok(None);
        }
        Ok(Some(asked))
    }

    /// Only what was made from the one instant on and before the other.
    fn narrow(&mut self, since: Timestamp, until: Timestamp) {
        self.since = Some(self.since.map_or(since, |asked| asked.max(since)));
        self.until = Some(self.until.map_or(until, |asked| asked.min(until)));
    }
}

/// What a query of rows selects, in this order.
fn from_row(row: &Row) -> Result<RunningEntry, StoreError> {
    let line = match row.try_get::<_, Option<String>>("line")? {
        Some(id) => Some(BatchLine {
            id,
            entries: row.try_get("entries")?,
            first_at: row.try_get("first_at")?,
            last_at: row.try_get("last_at")?,
        }),
        None => None,
    };
    Ok(RunningEntry {
        entry: LedgerEntry {
            id: row.try_get("id")?,
            created_at: row.try_get("at")?,
            transaction_type: row.try_get("type")?,
            amount: credits(row, "amount")?,
            source_id: row.try_get("source_id")?,
            description: row.try_get("description")?,
            batch_id: row.try_get("batch_id")?,
            api_key_id: row.try_get::<_, Option<Uuid>>("api_key_id")?.map(ApiKeyId::from_uuid),
            model: row.try_get("model")?,
        },
        balance_after: Credits::ZERO,
        request_id: row.try_get("request_id")?,
        line,
    })
}

fn credits(row: &Row, column: &str) -> Result<Credits, StoreError> {
    Ok(Credits::try_from(row.try_get::<_, Decimal>(column)?)?)
}
