//! `cargo demo`: Tollgate before your eyes, on a machine that has only a Rust toolchain.
//!
//! The real binary serves on a real PostgreSQL in a directory of its own, made for this run. A scripted upstream keeps
//! its own books. Customers send real HTTP requests, one of them until the credits are gone. Then both books are
//! laid side by side, and the auditor proves that Tollgate's are right.

mod books;
mod http;
mod llm;
mod progress;
mod scenario;
mod tollgate;
mod traffic;
mod upstream;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::ci::{Seconds, find_postgres};
use tollgate::Tollgate;

/// Nothing that the demo waits for takes longer.
const PATIENCE: Duration = Duration::from_mins(1);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

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
        invite(&shown.tollgate, &shown.key);
        interrupted().await?;
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
    /// A key that works.
    key: String,
    /// Whether all books agree, and the auditor with them.
    right: bool,
}

async fn demonstrate(options: &Options) -> anyhow::Result<Shown> {
    let started = Instant::now();
    let binary = tollgate::build(options.debug)?;
    println!("── PostgreSQL");
    tokio::task::spawn_blocking(find_postgres).await??;
    println!(
        "── a gateway, an upstream, {} customers, {} models",
        scenario::CUSTOMERS.len(),
        scenario::MODELS.len()
    );
    let upstream = upstream::Upstream::start().await;
    let tollgate = Tollgate::serve(binary).await?;
    let keys = scenario::create(&tollgate, &upstream.url())?;
    let key = keys.first().context("there is a customer")?.clone();
    wait_until_admitted(&tollgate, &keys).await?;
    println!("   {} is ready, after {}", tollgate.url(), Seconds(started.elapsed()));

    println!("── {} requests, half of them streams", options.requests);
    let seen = traffic::send(&tollgate.url(), &keys, usize::try_from(options.requests)?).await?;

    println!("── the books");
    let lines = books::read(&tollgate, &seen, &upstream.served()?).await?;
    let mut right = books::print(&lines, &seen);
    let mut llm = None;
    if options.llm {
        println!("── a real language model");
        right &= llm.insert(llm::Llm::start()?).show(&tollgate, &key).await?;
    }
    right &= audit(&tollgate);
    println!("── done in {}", Seconds(started.elapsed()));
    Ok(Shown { tollgate, _upstream: upstream, _llm: llm, key, right })
}

/// Ctrl-C, or a polite request to end.
async fn interrupted() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// Runs `tollgate audit`, which proves what must always hold and says what it looked at; answers whether it does.
fn audit(tollgate: &Tollgate) -> bool {
    println!("── tollgate audit");
    let result = tollgate.show(&["audit"]);
    if let Err(error) = &result {
        println!("   NOT ok: {error:#}");
    }
    result.is_ok()
}

/// How to go on by hand.
fn invite(tollgate: &Tollgate, key: &str) {
    let shown = |path: &Path| path.display().to_string();
    println!(
        "\nStill serving; Ctrl-C ends it and removes its data. Try:\n\n  \
         curl {url}/v1/chat/completions \\\n    \
         -H 'authorization: Bearer {key}' \\\n    \
         -H 'content-type: application/json' \\\n    \
         -d '{{\"model\": \"gpt-demo\", \"messages\": [{{\"role\": \"user\", \"content\": \"Hello\"}}]}}'\n\n  \
         {binary} ledger acme --limit 5 --data-dir {data}\n",
        url = tollgate.url(),
        binary = shown(tollgate.binary()),
        data = shown(tollgate.data_directory()),
    );
}

/// The gateway learns of keys, models and balances within a second.
async fn wait_until_admitted(tollgate: &Tollgate, keys: &[String]) -> anyhow::Result<()> {
    for key in keys {
        let bearer = format!("Bearer {key}");
        wait_for("the gateway to know the customers", async || {
            let models = http::get(&format!("{}/v1/models", tollgate.url()), &[("authorization", &bearer)])?;
            let answer = http::send(models).await?;
            let body = String::from_utf8_lossy(&answer.body);
            let all = scenario::MODELS.iter().all(|model| body.contains(&format!("\"{}\"", model.alias)));
            Ok((answer.status == hyper::StatusCode::OK && all).then_some(()))
        })
        .await?;
    }
    Ok(())
}

/// Asks until there is an answer.
async fn wait_for<T>(
    what: &str,
    mut ask: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
        if Instant::now() > deadline {
            bail!("waited {} s for {what}", PATIENCE.as_secs());
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
