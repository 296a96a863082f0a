//! `cargo demo`: Tollgate before your eyes, on a machine that has only a Rust toolchain.
//!
//! The real binary serves on a real PostgreSQL in a directory of its own, made for this run. A scripted upstream keeps
//! its own books. Customers send real HTTP requests, one of them until the credits are gone. Then both books are
//! laid side by side, and the auditor proves that Tollgate's are right.

mod books;
mod costs;
mod history;
mod llm;
mod progress;
mod traffic;
mod upstream;

use std::{path::Path, time::Instant};

use anyhow::{Context, bail, ensure};
use clap::Args;

use crate::{
    ci::{Seconds, find_postgres},
    stage::{
        audit,
        cast::{self, BATCH_WINDOW, Customer, MODELS},
        interrupted,
        tollgate::{self, Tollgate},
        wait_until_admitted,
    },
};

/// Two who can pay, and one who soon cannot.
const CUSTOMERS: [Customer; 3] = [
    Customer { name: "acme", credits: "50", purpose: "realtime", window: None, share: 9 },
    Customer { name: "globex", credits: "20", purpose: "batch", window: Some(BATCH_WINDOW), share: 7 },
    Customer { name: "initech", credits: "0.5", purpose: "playground", window: None, share: 4 },
];

/// A person who may do everything.
const OPERATOR: &str = "operator";

/// What may be asked of the demo.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// End after the books instead of serving on; the exit code says whether they agree.
    #[arg(long)]
    exit: bool,
    /// Put a real language model behind it as well (SmolLM2-135M on one CPU thread).
    #[arg(long)]
    llm: bool,
    /// How many requests to send; with fewer than a thousand nobody would run dry.
    #[arg(long, default_value_t = 3_000, value_parser = clap::value_parser!(u32).range(1_000..=1_000_000))]
    requests: u32,
    /// Use a debug build of the server: sooner built, slower.
    #[arg(long)]
    debug: bool,
}

/// Shows it.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(show(options))
}

async fn show(options: &Options) -> anyhow::Result<()> {
    // Interrupted at whatever point, the server is stopped in order on the way out.
    let shown = tokio::select! {
        shown = demonstrate(options) => shown?,
        interrupted = interrupted() => {
            interrupted?;
            bail!("interrupted");
        }
    };
    if !options.exit {
        invite(&shown)?;
        let url = shown.tollgate.url();
        tokio::select! {
            never = traffic::go_on(&url, &shown.keys) => never?,
            interrupted = interrupted() => interrupted?,
        }
        println!();
    }
    shown.tollgate.stop().await?;
    ensure!(shown.right, "the books are not right: see above");
    Ok(())
}

/// What still runs after the demonstration, and how it went.
struct Shown {
    tollgate: Tollgate,
    _upstream: upstream::Upstream,
    _llm: Option<llm::Llm>,
    /// Of [`CUSTOMERS`].
    keys: Vec<String>,
    /// Whether all books agree, and the auditor with them.
    right: bool,
}

async fn demonstrate(options: &Options) -> anyhow::Result<Shown> {
    let started = Instant::now();
    // Before the server, which has it within it.
    tokio::task::spawn_blocking(crate::dashboard::build_if_possible).await??;
    let binary = tollgate::build_with(options.debug, history::BUILT_WITH)?;
    println!("── PostgreSQL");
    tokio::task::spawn_blocking(find_postgres).await??;
    println!("── a gateway, an upstream, {} customers, {} models", CUSTOMERS.len(), MODELS.len());
    let upstream = upstream::Upstream::start().await;
    let tollgate = Tollgate::serve(binary, &[]).await?;
    let keys = cast::create(&tollgate, &upstream.url(), &CUSTOMERS)?;
    println!("── what they did before");
    let since = history::write(&tollgate)?;
    costs::set(&tollgate, since.parse().context("the history ends at an instant")?)?;
    wait_until_admitted(&tollgate, &keys).await?;
    println!("   {} is ready, after {}", tollgate.url(), Seconds(started.elapsed()));

    println!("── {} requests, half of them streams", options.requests);
    let seen = traffic::send(&tollgate.url(), &keys, usize::try_from(options.requests)?).await?;

    println!("── the books");
    let lines = books::read(&tollgate, &since, &seen, &upstream.served()?).await?;
    let mut right = books::print(&lines, &seen);
    let mut llm = None;
    if options.llm {
        println!("── a real language model");
        right &= llm
            .insert(llm::Llm::start()?)
            .show(&tollgate, keys.first().context("there is a customer")?)
            .await?;
    }
    right &= audit(&tollgate);
    println!("── done in {}", Seconds(started.elapsed()));
    Ok(Shown { tollgate, _upstream: upstream, _llm: llm, keys, right })
}

/// How to go on by hand.
fn invite(shown: &Shown) -> anyhow::Result<()> {
    let Shown { tollgate, keys, .. } = shown;
    let path = |path: &Path| path.display().to_string();
    let (binary, data) = (path(tollgate.binary()), path(tollgate.data_directory()));
    let key = keys.first().context("there is a customer")?;
    tollgate.cli(&["user", "create", OPERATOR])?;
    tollgate.cli(&["user", "role", OPERATOR, "manager"])?;
    let [customer, ..] = CUSTOMERS;
    println!("\nStill serving, with a request now and then; Ctrl-C ends it and removes its data.");
    println!("\nThe dashboard, by links that work once, within a quarter of an hour:");
    for (name, who) in [(OPERATOR, "who runs the platform"), (customer.name, "a customer")] {
        println!("\n  {name}, {who}\n  {}", tollgate.sign_in_link(name)?);
    }
    println!(
        "\nOr try:\n\n  \
         curl {url}/v1/chat/completions \\\n    \
         -H 'authorization: Bearer {key}' \\\n    \
         -H 'content-type: application/json' \\\n    \
         -d '{{\"model\": \"gpt-demo\", \"messages\": [{{\"role\": \"user\", \"content\": \"Hello\"}}]}}'\n\n  \
         {binary} ledger acme --limit 5 --data-dir {data}\n  \
         {binary} user sign-in-link {OPERATOR} --data-dir {data}\n",
        url = tollgate.url(),
    );
    Ok(())
}
