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

use anyhow::{bail, ensure};
use clap::Args;

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
    /// How many requests to send.
    #[arg(long, default_value_t = 3_000, value_parser = clap::value_parser!(u32).range(20..=1_000_000))]
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
    wait_until_admitted(&tollgate, &keys).await?;
    println!("   {} is ready, after {}", tollgate.url(), Seconds(started.elapsed()));

    println!("── {} requests, half of them streams", options.requests);
    let seen = traffic::send(&tollgate.url(), &keys, usize::try_from(options.requests)?).await?;

    println!("── the books");
    let lines = books::read(&tollgate, &seen, &upstream.served()?).await?;
    let mut right = books::print(&lines, &seen);
    let llm = if options.llm {
        println!("── a real language model");
        let llm = llm::Llm::start()?;
        right &= llm.show(&tollgate, first(&keys)?).await?;
        Some(llm)
    } else {
        None
    };
    right &= audit(&tollgate);
    println!("── done in {}", Seconds(started.elapsed()));
    if !options.exit {
        invite(&tollgate, first(&keys)?);
        tokio::signal::ctrl_c().await?;
        println!();
    }
    tollgate.stop().await?;
    drop(llm);
    ensure!(right, "the books are not right: see above");
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
         curl {url}/v1/chat/completions -H 'authorization: Bearer {key}' -H 'content-type: application/json' \\\n    \
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

fn first(keys: &[String]) -> anyhow::Result<&str> {
    keys.first().map(String::as_str).ok_or_else(|| anyhow::anyhow!("there is a customer"))
}
