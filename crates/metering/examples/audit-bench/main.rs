//! How long audits take: fills a throw-away database through the real batcher, audits the whole of it, and what is new beside it.
//!
//! `cargo run --release -p tollgate-metering --example audit-bench -- --rows 10000000 [--json]`
//!
//! An example of this crate, because it needs the batcher and the audit and nothing else of Tollgate: `xtask` may not know
//! either, and would build them for each of its tasks. With `--database` it fills, or audits again, a database of yours.

#![expect(clippy::print_stdout, reason = "it talks to the person who started it")]

mod fill;

use std::time::{Duration, Instant};

use clap::Parser;
use serde_json::json;
use tollgate_domain::MasterKey;
use tollgate_metering::RecordKeys;
use tollgate_metering::audit::{self, IncrementalAudit, Pass};
use tollgate_store::{Store, StoreConfig};
use tollgate_testkit::TestPostgres;

/// Not secret: the database is thrown away.
const MASTER_KEY: [u8; 32] = [7; 32];

#[derive(Debug, Parser)]
#[command(about = "How long a whole audit takes")]
struct Options {
    /// Usage records to audit. Each takes about 300 bytes of disk, in the directory for temporary files.
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// Audits, one after the other: the first one finds the files in no cache of PostgreSQL's.
    #[arg(long, default_value_t = 3)]
    runs: u32,
    /// Records that come after that, for the audit of what is new.
    #[arg(long, default_value_t = 100_000)]
    new_rows: u64,
    /// An empty database to fill, or one that this program has filled before; it is kept.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// End with one JSON object.
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    let mut postgres = None;
    let url = match &options.database {
        Some(url) => url.clone(),
        None => postgres.insert(TestPostgres::private().await).url(),
    };
    let store = Store::connect(&StoreConfig::new(url))?;
    store.migrate().await?;
    let keys = RecordKeys::derive(&MasterKey::from_bytes(MASTER_KEY));

    let started = Instant::now();
    let filled = fill::fill(&store, &MasterKey::from_bytes(MASTER_KEY), options.rows).await?;
    let fill_took = started.elapsed();
    if filled {
        say(&options, &format!("{} records written in {}", options.rows, seconds(fill_took)));
    }
    let mut audits = Vec::new();
    let mut is_right = true;
    for _ in 0..options.runs {
        let started = Instant::now();
        let report = audit::audit(&store, &keys).await?;
        let took = started.elapsed();
        is_right &= report.ok() && report.records >= options.rows;
        let (balances, charges) = (report.timings.balances_ms, report.timings.charges_ms);
        let line = format!(
            "{} records: balances and states in {}, every charge in {}",
            report.records,
            seconds(Duration::from_millis(balances)),
            seconds(Duration::from_millis(charges))
        );
        say(&options, &line);
        audits.push(json!({ "balances_ms": balances, "charges_ms": charges, "total_ms": millis(took) }));
        if let Some(finding) = report.findings.first() {
            say(&options, &format!("{} findings, such as {finding:?}", report.findings_in_all));
        }
    }
    let new = audit_new(&options, &store, &keys).await?;
    is_right &= new.is_right;
    if options.json {
        let object = json!({
            "rows": options.rows,
            "fill_ms": filled.then(|| millis(fill_took)),
            "audits": audits,
            "new_rows": options.new_rows,
            "new_ms": millis(new.took),
            "nothing_new_ms": millis(new.took_for_nothing),
            "ok": is_right,
        });
        println!("{object}");
    }
    drop(store);
    if let Some(mut postgres) = postgres {
        postgres.stop().await;
    }
    if is_right {
        Ok(())
    } else {
        Err("the audit of sound books found something, or not every record".into())
    }
}

/// Passes of the incremental audit.
struct New {
    took: Duration,
    took_for_nothing: Duration,
    is_right: bool,
}

async fn audit_new(
    options: &Options,
    store: &Store,
    keys: &RecordKeys,
) -> Result<New, Box<dyn std::error::Error>> {
    let mut audit = IncrementalAudit::new(store.clone(), keys.clone());
    audit.pass().await?;
    fill::go_on(store, &MasterKey::from_bytes(MASTER_KEY), options.new_rows).await?;
    let mut took = [Duration::ZERO; 2];
    let mut is_right = true;
    for (took, records) in took.iter_mut().zip([options.new_rows, 0]) {
        let started = Instant::now();
        let pass = audit.pass().await?;
        *took = started.elapsed();
        is_right &=
            matches!(&pass, Pass::Checked(found) if found.findings_in_all == 0 && found.records == records);
        say(options, &format!("{records} new records checked in {}", seconds(*took)));
        if !is_right {
            say(options, &format!("{pass:?}"));
        }
    }
    let [took, took_for_nothing] = took;
    Ok(New { took, took_for_nothing, is_right })
}

fn say(options: &Options, line: &str) {
    if options.json {
        eprintln!("{line}");
    } else {
        println!("{line}");
    }
}

fn seconds(took: Duration) -> String {
    format!("{:.2} s", took.as_secs_f64())
}

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}
