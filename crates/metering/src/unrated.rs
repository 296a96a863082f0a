//! Rating later: records that had no price when they came, once a tariff for their time has arrived.
//!
//! Call it after every change of tariffs; a running batcher does within a second. However many do at once, each record is charged
//! once: the update is guarded by the state, and only the rows it returns move balances and rollups.

use std::collections::HashMap;

use parking_lot::Mutex;
use serde::Serialize;
use tollgate_domain::{Credits, RatingFacts, UsageState};
use tollgate_store::catalog::{self, Catalog, CatalogModel};
use tollgate_store::epochs::Ground;
use tollgate_store::ledger::BalanceChange;
use tollgate_store::usage_dimensions::{self, Dimensions};
use tollgate_store::usage_records::{self, RecordKey, Settlement, UsageRow};
use tollgate_store::{Store, StoreError, Tx, epochs, leases, notify, overdrafts, usage_commits};

use crate::digest::RecordKeys;
use crate::dimensions::OTHER;
use crate::effects::Effects;
use crate::enrich::MAX_TEXT_BYTES;
use crate::flush::is_poison;
use crate::write;

/// Records in one transaction: some milliseconds under the shared pricing lock.
const PAGE_ROWS: i64 = 1000;

/// What came of it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Rating {
    /// Records that got their price.
    pub rated: u64,
    /// Records that still wait for one.
    pub left: u64,
    /// Taken from balances.
    pub charged: Credits,
    /// Balances that this moved.
    #[serde(skip)]
    pub balances: Vec<BalanceChange>,
}

/// One transaction's part of it.
struct Page {
    last: Option<RecordKey>,
    rated: u64,
    left: u64,
    charged: Credits,
    balances: Vec<BalanceChange>,
}

/// Rates every record that waits for a price and now has one.
pub async fn rate_unrated(store: &Store, keys: &RecordKeys) -> Result<Rating, StoreError> {
    let mut rating = Rating::default();
    let mut catalog: Option<Catalog> = None;
    let mut after = None;
    let mut limit = PAGE_ROWS;
    loop {
        let current = if let Some(current) = &catalog {
            current
        } else {
            let read = store.tx_repeatable_read("load_catalog", async |tx| catalog::load(&tx).await).await?;
            catalog.insert(read)
        };
        let tried = Mutex::new(None);
        let page = store
            .tx("rate_unrated", async |tx| rate_page(&tx, current, keys, (after, limit), &tried).await)
            .await;
        let page = match page {
            // As with a flush: what one record alone cannot do (a balance at the end of its range) holds up no other.
            Err(error) if is_poison(&error) => {
                if limit > 1 {
                    limit /= 2;
                    continue;
                }
                let Some(alone) = tried.into_inner() else { return Err(error) };
                tracing::warn!(correlation_id = %alone.correlation_id, %error, "a record that waits for a price cannot be entered at it");
                rating.left += 1;
                after = Some(alone);
                continue;
            }
            page => page?,
        };
        limit = limit.saturating_mul(2).min(PAGE_ROWS);
        let Some(page) = page else {
            // Prices or models changed since the catalog was read.
            catalog = None;
            continue;
        };
        rating.rated += page.rated;
        rating.left += page.left;
        rating.charged = rating.charged.checked_add(page.charged)?;
        rating.balances.extend(page.balances);
        match page.last {
            Some(last) => after = Some(last),
            None => break,
        }
    }
    if rating.rated > 0 {
        tracing::info!(rated = rating.rated, left = rating.left, charged = %rating.charged, "late prices were applied");
    }
    Ok(rating)
}

/// As [`rate_unrated`], and tells the gateways where that moved balances. `now_micros` is the time since 1970 of the notification.
pub async fn rate_and_notify(
    store: &Store,
    keys: &RecordKeys,
    now_micros: i64,
) -> Result<Rating, StoreError> {
    let rating = rate_unrated(store, keys).await?;
    if !rating.balances.is_empty() {
        store.tx("notify_balances", async |tx| notify::notify_balances(&tx, now_micros).await).await?;
    }
    Ok(rating)
}

/// Rates up to so many rows behind a key. `None`: the catalog is out of date. The last row that was looked at is left in `tried`.
async fn rate_page(
    tx: &Tx,
    catalog: &Catalog,
    keys: &RecordKeys,
    (after, limit): (Option<RecordKey>, i64),
    tried: &Mutex<Option<RecordKey>>,
) -> Result<Option<Page>, StoreError> {
    let Ground { epochs: seen, closing_until, .. } = epochs::read_shared(tx).await?;
    if seen.server != catalog.server
        || seen.pricing != catalog.pricing_epoch
        || seen.config != catalog.config_epoch
    {
        return Ok(None);
    }
    let rows = usage_records::unrated_page(tx, after, limit).await?;
    let is_full = i64::try_from(rows.len()).unwrap_or(i64::MAX) >= limit;
    let last = rows.last().map(|row| row.key);
    *tried.lock() = last;
    let last = last.filter(|_| is_full);
    let mut numbers: Vec<i32> = rows.iter().map(|row| row.dimensions_no).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let dimensions = usage_dimensions::by_no(tx, &numbers).await?;
    let models: HashMap<i32, &CatalogModel> =
        catalog.models.values().map(|model| (model.no, model)).collect();
    let mut scratch = Vec::new();
    let mut settled: HashMap<RecordKey, (UsageRow, UsageRow)> = HashMap::new();
    let mut settlements = Vec::new();
    let waiting = rows.len();
    for row in rows {
        let Some(after) = dimensions
            .get(&row.dimensions_no)
            .and_then(|dimensions| rate_row(&row, dimensions, catalog, &models))
        else {
            continue;
        };
        let after = UsageRow { rated_digest: keys.rated_digest(&after, &mut scratch), ..after };
        settlements.push(Settlement {
            key: after.key,
            model_no: after.model_no,
            tariff_no: after.tariff_no,
            pricing_epoch: after.pricing_epoch,
            state: after.state,
            amount_pico: after.amount_pico,
            rated_digest: after.rated_digest,
        });
        settled.insert(row.key, (row, after));
    }
    let mut returned = usage_records::settle(tx, &settlements).await?;
    returned.sort_unstable();
    let mut effects = Effects::default();
    for key in &returned {
        if let Some((before, after)) = settled.get(key) {
            effects.settle(before, after);
        }
    }
    let users: Vec<i32> = effects.balance_deltas()?.into_iter().map(|(user, _)| user).collect();
    leases::keep_out(tx, &users).await?;
    let balances = write::apply(tx, &effects, closing_until).await?;
    // Nothing was held for them: nobody knew a price.
    overdrafts::add_unheld(tx, &balances).await?;
    usage_commits::enter(tx, true, returned.iter().copied(), effects.charged_pico()).await?;
    Ok(Some(Page {
        last,
        rated: u64::try_from(returned.len()).unwrap_or(u64::MAX),
        left: u64::try_from(waiting.saturating_sub(settlements.len())).unwrap_or(u64::MAX),
        charged: effects.charged()?,
        balances,
    }))
}

/// The row as it is with a price, or `None` while there is none.
fn rate_row(
    row: &UsageRow,
    dimensions: &Dimensions,
    catalog: &Catalog,
    models: &HashMap<i32, &CatalogModel>,
) -> Option<UsageRow> {
    let model = match row.model_no {
        Some(no) => models.get(&no).copied(),
        None => by_alias(dimensions, catalog),
    }?;
    let at = row.batch_created_at.unwrap_or(row.requested_at).timestamp();
    let window = dimensions.batch_completion_window.as_deref();
    let tariff = model.best_tariff(dimensions.purpose(), window, at)?;
    let facts = RatingFacts {
        user: row.user_no.and_then(|no| catalog.users_by_no.get(&no).copied()),
        status_code: row.status_code.into(),
        outcome: dimensions.outcome(),
        usage: row.counts.to_stated(),
        usage_source: row.usage_source,
    };
    let (rated, _) = facts
        .rate(Some(&tariff.tariff))
        .inspect_err(|error| {
            let correlation_id = row.key.correlation_id;
            tracing::warn!(%correlation_id, %error, "a record that waits for a price cannot be charged at its tariff");
        })
        .ok()?;
    if rated.state == UsageState::Unrated {
        return None;
    }
    Some(UsageRow {
        model_no: Some(model.no),
        tariff_no: Some(tariff.no),
        pricing_epoch: catalog.pricing_epoch,
        state: rated.state,
        amount_pico: i64::try_from(rated.amount.pico()).ok()?,
        ..row.clone()
    })
}

/// The model that the record asked for by name and that did not exist then. A text that was shortened or collapsed names none.
fn by_alias<'a>(dimensions: &Dimensions, catalog: &'a Catalog) -> Option<&'a CatalogModel> {
    let alias = dimensions.request_model.as_deref()?;
    // Shortening stops at a character's start, up to three bytes early.
    if alias == OTHER || alias.len() + 3 >= MAX_TEXT_BYTES { None } else { catalog.model_by_alias(alias) }
}
