//! Weeks of history for `cargo demo`: what customers would have asked before anybody looked, entered by the real batcher.
//!
//! `cargo demo` runs it, on the private database of its own server, once models and its customers are there. Each record is of its own time, and
//! priced by the tariff that was in force then: prices are entered as of the history's beginning, and one model's was halved on the way. The
//! same seed makes the same history, up to the hour that it ends with. It prints what it did as JSON.
//!
//! The ledger takes no movement of another day than today, and should not: so credits are bought today, as much as the history can cost, and what is
//! left of them lapses. Those who had a balance before have the same one afterwards.
//!
//! An example of this crate, because it needs the batcher and nothing else of Tollgate, as `audit-bench` does.

#![expect(clippy::print_stdout, reason = "it talks to the person who started it")]

mod traffic;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use jiff::{SignedDuration, Timestamp};
use prometheus_client::registry::Registry;
use serde::Deserialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tollgate_domain::{ApiKeyId, ApiKeyPurpose, Clock, Credits, ManualClock, MasterKey, RawAnalyticsRecord};
use tollgate_metering::{AnalyticsBatcher, AnalyticsConfig, RecordKeys};
use tollgate_store::movements::{self, MovementKind, NewMovement};
use tollgate_store::tariffs::{self, WantedTariff};
use tollgate_store::users::{self, UserKind};
use tollgate_store::utc::UtcDay;
use tollgate_store::{Store, StoreConfig, api_keys, partitions, reports};

use self::traffic::{CUSTOMERS, Customer, History};

const ACTOR: &str = "demo-history";
/// Bought at a time.
const PURCHASE: &str = "50";
/// When prices changed that did.
const CHANGED_DAYS_AGO: i64 = 25;

type Failure = Box<dyn std::error::Error>;

#[derive(Debug, Parser)]
#[command(about = "Weeks of history for the demo")]
struct Options {
    /// The data directory of the demo's server, which runs.
    #[arg(long)]
    data_dir: PathBuf,
    /// A JSON object of models by alias, each with the `prices` that are in force, and those of `before`, if there were others. In the form
    /// of `tollgate tariff replace`, without `valid_from`.
    #[arg(long)]
    tariffs: PathBuf,
    /// Ends with the last full hour, and is so long.
    #[arg(long, default_value_t = 60)]
    days: i32,
    /// Other numbers make other histories.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let options = Options::parse();
    let started = Instant::now();
    let url = std::fs::read_to_string(options.data_dir.join("database.url"))?;
    let master = MasterKey::from_hex(std::fs::read_to_string(options.data_dir.join("master.key"))?.trim())?;
    let store = Store::connect(&StoreConfig::new(url.trim().to_owned()))?;
    let now = now();
    let until = Timestamp::from_second(now.as_second() / 3600 * 3600)?;
    let from = until.checked_sub(SignedDuration::from_hours(24 * i64::from(options.days)))?;
    set_prices(&store, &options.tariffs, (from, until, now)).await?;
    partitions::ensure(&store, UtcDay::clamped(from), options.days).await?;
    let mut keys = HashMap::new();
    for customer in &CUSTOMERS {
        keys.insert(customer.name, key_of(&store, &master, customer).await?);
    }
    let history = History::new(&keys, from, until, options.seed).make();
    let mut before = HashMap::new();
    for customer in &CUSTOMERS {
        before.insert(customer.name, balance(&store, customer).await?);
        let cost = history.most_credits.get(customer.name).copied().unwrap_or_default();
        buy(&store, customer, cost).await?;
    }
    let records = history.records.len();
    enter(&store, &master, now, history.records).await?;
    for customer in &CUSTOMERS {
        let left = customer.left.parse::<Credits>()?;
        let wanted = before.get(customer.name).copied().unwrap_or_default().checked_add(left)?;
        lapse(&store, customer, balance(&store, customer).await?.checked_sub(wanted)?).await?;
    }
    let said = json!({
        "requests": records,
        "days": options.days,
        "customers": CUSTOMERS.len(),
        "until": until,
        "seconds": started.elapsed().as_secs_f64(),
    });
    println!("{said}");
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a history ends now")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// What models cost since before the history, and since when they cost what they do.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Prices {
    prices: Vec<WantedTariff>,
    #[serde(default)]
    before: Vec<WantedTariff>,
}

async fn set_prices(
    store: &Store,
    file: &Path,
    (from, until, now): (Timestamp, Timestamp, Timestamp),
) -> Result<(), Failure> {
    let models: HashMap<String, Prices> = serde_json::from_slice(&std::fs::read(file)?)?;
    // A batch of the first hour was sent off before it.
    let opened = from.checked_sub(SignedDuration::from_hours(24))?;
    let changed = until.checked_sub(SignedDuration::from_hours(24 * CHANGED_DAYS_AGO))?;
    let clock = ManualClock::new(now);
    for (alias, Prices { prices, before }) in models {
        let since = |tariffs: Vec<WantedTariff>, at| {
            tariffs.into_iter().map(move |tariff| WantedTariff { valid_from: Some(at), ..tariff })
        };
        let at = if before.is_empty() { opened } else { changed };
        let wanted: Vec<WantedTariff> = since(before, opened).chain(since(prices, at)).collect();
        store
            .tx("set_prices", async |tx| tariffs::replace(&tx, &alias, &wanted, &clock, ACTOR).await)
            .await?;
    }
    Ok(())
}

/// The customer's key; who is not there yet is made.
async fn key_of(store: &Store, master: &MasterKey, customer: &Customer) -> Result<ApiKeyId, Failure> {
    let all = store.tx("list_users", async |tx| users::list(&tx).await).await?;
    if let Some(user) = all.iter().find(|user| user.name == customer.name) {
        let keys = store.tx("list_keys", async |tx| api_keys::list(&tx, None).await).await?;
        let key = keys.iter().find(|key| key.user_id == user.id);
        return key.map(|key| key.id).ok_or_else(|| format!("{} has no key", customer.name).into());
    }
    let new = api_keys::NewApiKey {
        user: customer.name.to_owned(),
        purpose: ApiKeyPurpose::Realtime,
        name: "production".to_owned(),
        ..api_keys::NewApiKey::default()
    };
    let create = async |tx| {
        users::create(&tx, customer.name, UserKind::Organization, ACTOR).await?;
        api_keys::create(&tx, master, &new, ACTOR).await
    };
    Ok(store.tx("create_customer", create).await?.key.id)
}

async fn balance(store: &Store, customer: &Customer) -> Result<Credits, Failure> {
    Ok(store.tx("balance", async |tx| reports::balance(&tx, customer.name).await).await?.balance)
}

/// As many purchases as cover so many credits.
async fn buy(store: &Store, customer: &Customer, credits: u64) -> Result<(), Failure> {
    let each = PURCHASE.parse::<Credits>()?;
    for number in 0..credits.div_ceil(PURCHASE.parse()?) {
        let invoice = format!("{}-{:03}", customer.name.to_uppercase(), number + 1);
        let description = format!("Top-up, invoice {invoice}, carried over");
        move_credits(store, customer, (MovementKind::Purchase, each), invoice, description).await?;
    }
    Ok(())
}

async fn lapse(store: &Store, customer: &Customer, credits: Credits) -> Result<(), Failure> {
    let (source, description) = (format!("{}-lapsed", customer.name), "Unused credits lapsed".to_owned());
    move_credits(store, customer, (MovementKind::Expiry, credits), source, description).await
}

async fn move_credits(
    store: &Store,
    customer: &Customer,
    (kind, amount): (MovementKind, Credits),
    source_id: String,
    description: String,
) -> Result<(), Failure> {
    let movement = NewMovement { user: customer.name.to_owned(), kind, amount, source_id, description };
    store.tx("move_credits", async |tx| movements::apply(&tx, &movement, ACTOR).await).await?;
    Ok(())
}

/// Through the batcher, as an embedder's records come.
async fn enter(
    store: &Store,
    master: &MasterKey,
    now: Timestamp,
    records: Vec<RawAnalyticsRecord>,
) -> Result<(), Failure> {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(now));
    let mut registry = Registry::default();
    let config = AnalyticsConfig { flush_interval_ms: 0, ..AnalyticsConfig::default() };
    let keys = RecordKeys::derive(master);
    let (batcher, sender) = AnalyticsBatcher::new(store.clone(), config, clock, keys, &mut registry);
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(batcher.run(shutdown.clone()));
    let count = u64::try_from(records.len())?;
    for record in records {
        sender.send(record).await?;
    }
    shutdown.cancel();
    let drained = running.await??;
    if drained.records == count { Ok(()) } else { Err("records are missing".into()) }
}
