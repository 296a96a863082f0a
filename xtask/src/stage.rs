//! What the demo and the load tests are played on: the real binary on a real PostgreSQL, the upstream with books of its own, models and
//! customers, and the requests of every kind of client.

pub(crate) mod ask;
pub(crate) mod books;
pub(crate) mod cast;
pub(crate) mod http;
pub(crate) mod several;
pub(crate) mod tollgate;

use std::time::{Duration, Instant};

use anyhow::bail;
use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use tokio::signal::unix::{SignalKind, signal};

use self::tollgate::Tollgate;

/// Nothing that is waited for takes longer.
const PATIENCE: Duration = Duration::from_mins(1);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Ctrl-C, or a polite request to end.
pub(crate) async fn interrupted() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// Runs `tollgate audit`, which proves what must always hold and says what it looked at; answers whether it does.
pub(crate) fn audit(tollgate: &Tollgate) -> bool {
    println!("── tollgate audit");
    let result = tollgate.show(&["audit"]);
    if let Err(error) = &result {
        println!("   NOT ok: {error:#}");
    }
    result.is_ok()
}

/// The gateway learns of keys, models and balances within a second.
pub(crate) async fn wait_until_admitted(tollgate: &Tollgate, keys: &[String]) -> anyhow::Result<()> {
    for key in keys {
        let bearer = format!("Bearer {key}");
        wait_for("the gateway to know the customers", async || {
            let models = http::get(&format!("{}/v1/models", tollgate.url()), &[("authorization", &bearer)])?;
            let answer = http::send(models).await?;
            let body = String::from_utf8_lossy(&answer.body);
            let all = cast::MODELS.iter().all(|model| body.contains(&format!("\"{}\"", model.alias)));
            Ok((answer.status == hyper::StatusCode::OK && all).then_some(()))
        })
        .await?;
    }
    Ok(())
}

/// Asks until there is an answer.
pub(crate) async fn wait_for<T>(
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

/// An empty table with numbers to the right.
pub(crate) fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(head);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
