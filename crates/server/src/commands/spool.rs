//! `tollgate spool`: looks into the durable queue, and enters again what a database has lost of it.

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context, bail};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tollgate_domain::Clock;
use tollgate_metering::{AnalyticsBatcher, journal};
use tollgate_spool::{Damage, Spool, SpoolError};

use super::Session;
use crate::{
    cli::{SpoolCommand, parse_instant},
    config::Config,
    data_dir::DataDir,
    output::{Answer, Column, count, table},
};

/// What needs no database.
pub(crate) fn look(config: &Config, command: &SpoolCommand) -> anyhow::Result<Answer> {
    let (spool, directory) = open(config)?;
    match command {
        SpoolCommand::Status => status(&spool, &directory),
        SpoolCommand::Verify => verify(&spool),
        SpoolCommand::Dump => dump(&spool),
        SpoolCommand::Replay { .. } => bail!("a replay needs the database"),
    }
}

/// The spool of the data directory, which this command has alone.
fn open(config: &Config) -> anyhow::Result<(Spool, PathBuf)> {
    let directory = config.data_dir.join("spool");
    if !directory.exists() {
        bail!("there is no spool in {}: no server has run with this data directory", directory.display());
    }
    if DataDir::prepare(&config.data_dir)?.is_served() {
        bail!(
            "a server runs on {} and has the spool; stop it first. While it runs, its /metrics say how full the spool is \
             (tollgate_spool_…)",
            config.data_dir.display()
        );
    }
    match config.spool.open(&directory) {
        Ok(spool) => Ok((spool, directory)),
        Err(error @ SpoolError::InUse { .. }) => {
            Err(error).context("the spool is in use: stop the server first")
        }
        Err(error) => Err(error).context("the spool cannot be opened"),
    }
}

fn status(spool: &Spool, directory: &std::path::Path) -> anyhow::Result<Answer> {
    let stats = spool.stats();
    let json = json!({
        "directory": directory,
        "instance_id": spool.instance_id(),
        "waiting_records": stats.waiting_records,
        "used_bytes": stats.used_bytes,
        "limit_bytes": stats.limit_bytes,
        "first_group": stats.first,
        "next_group": stats.next,
        "low_water_group": stats.low_water,
    });
    let text = format!(
        "The spool in {} (instance {}) has {} that the books may not have; {} of {} bytes are in use.",
        directory.display(),
        spool.instance_id(),
        count(stats.waiting_records, "record"),
        stats.used_bytes,
        stats.limit_bytes
    );
    Answer::new(&json, text)
}

fn verify(spool: &Spool) -> anyhow::Result<Answer> {
    let found = spool.verify()?;
    let damaged: Vec<Value> = found.damaged.iter().map(damage).collect();
    let is_damaged = !damaged.is_empty();
    let json =
        json!({ "groups": found.groups, "records": found.records, "bytes": found.bytes, "damaged": damaged });
    let sound = format!("{} in {} are whole.", count(found.records, "record"), count(found.groups, "group"));
    if !is_damaged {
        return Answer::new(&json, sound);
    }
    let columns = [Column::Number("GROUP"), Column::Text("WHAT"), Column::Text("KEPT IN")];
    let rows = found.damaged.iter().map(|damage| {
        let kept = damage.kept_in.as_ref().map_or("-".to_owned(), |path| path.display().to_string());
        vec![damage.sequence.to_string(), damage.cause.to_string(), kept]
    });
    let text = format!("{}\n\n{sound} These groups cannot be delivered.", table(&columns, rows, ""));
    Ok(Answer::new(&json, text)?.finding(true))
}

fn damage(damage: &Damage) -> Value {
    json!({ "group": damage.sequence, "cause": damage.cause.to_string(), "kept_in": damage.kept_in })
}

fn dump(spool: &Spool) -> anyhow::Result<Answer> {
    let mut lines = Vec::new();
    spool.dump(&mut lines, journal::describe)?;
    let text = String::from_utf8_lossy(&lines).trim_end().to_owned();
    let json: Vec<&str> = text.lines().collect();
    let text = if text.is_empty() { "The spool is empty.".to_owned() } else { text.clone() };
    Answer::new(&json, text)
}

/// Sends everything that the spool keeps since then to the books again.
pub(super) async fn replay(session: &Session, since: &str) -> anyhow::Result<Answer> {
    let since = parse_instant(since, session.clock.now())?;
    let (spool, _directory) = open(session.config())?;
    let spool = Arc::new(spool);
    let mut registry = Registry::default();
    let (batcher, sender) = AnalyticsBatcher::new(
        session.store.clone(),
        session.config().analytics.clone(),
        Arc::new(session.clock),
        session.record_keys().await?,
        &mut registry,
    );
    let shutdown = CancellationToken::new();
    let batching = tokio::spawn(batcher.run(shutdown.clone()));
    let replayed = journal::replay(&spool, since, &sender).await;
    shutdown.cancel();
    let entered = batching.await.context("the batcher panicked")??.inserted;
    let replayed = replayed?;
    let json = json!({
        "records": replayed.records,
        "entered": entered,
        "damaged_groups": replayed.damaged_groups,
        "unreadable": replayed.unreadable,
    });
    let text = format!(
        "{} were sent to the books, which lacked {entered} of them.",
        count(replayed.records, "record")
    );
    let mut warnings = Vec::new();
    if replayed.damaged_groups + replayed.unreadable > 0 {
        warnings.push(format!(
            "{} are damaged and {} cannot be read by this version; see `tollgate spool verify`",
            count(replayed.damaged_groups, "group"),
            count(replayed.unreadable, "record")
        ));
    }
    Ok(Answer::new(&json, text)?.warning(warnings))
}
