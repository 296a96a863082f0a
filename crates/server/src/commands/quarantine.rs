//! `tollgate quarantine`: records that the books refused. What is in them is not shown: it is the reason that helps.

use serde_json::json;
use tollgate_metering::quarantine::{self, Replayed};
use uuid::Uuid;

use super::Session;
use crate::{
    cli::QuarantineCommand,
    explain,
    output::{Answer, Column, or_none, table},
};

pub(super) async fn answer(session: &Session, command: QuarantineCommand) -> anyhow::Result<Answer> {
    match command {
        QuarantineCommand::List { all, limit } => list(session, all, limit).await,
        QuarantineCommand::Replay { ids } => replay(session, ids).await,
        QuarantineCommand::WriteOff { ids, by } => write_off(session, &ids, &by).await,
    }
}

async fn list(session: &Session, all: bool, limit: u32) -> anyhow::Result<Answer> {
    let entries = quarantine::list(&session.store, all, limit.into()).await?;
    let columns =
        [Column::Text("ID"), Column::Text("SINCE"), Column::Text("REASON"), Column::Text("WRITTEN OFF BY")];
    let rows = entries.iter().map(|entry| {
        vec![
            entry.id.to_string(),
            format!("{:.0}", entry.quarantined_at),
            entry.reason.clone(),
            or_none(entry.written_off_by.as_ref()),
        ]
    });
    Answer::new(&entries, table(&columns, rows, "The quarantine is empty."))
}

/// One record that is refused again does not keep the others from being tried; it makes the exit code 1.
async fn replay(session: &Session, ids: Vec<Uuid>) -> anyhow::Result<Answer> {
    let keys = session.record_keys().await?;
    let ids = if ids.is_empty() {
        let waiting = quarantine::list(&session.store, false, i64::MAX).await?;
        waiting.into_iter().map(|entry| entry.id).collect()
    } else {
        ids
    };
    let (mut outcomes, mut lines, mut refused) = (Vec::new(), Vec::new(), false);
    for id in ids {
        match quarantine::replay(&session.store, &keys, id).await {
            Ok(replayed) => {
                let said = match replayed {
                    Replayed::Entered => "is in the books now",
                    Replayed::AlreadyEntered => "was in the books already",
                };
                lines.push(format!("{id} {said}"));
                outcomes.push(json!({ "id": id, "outcome": replayed }));
            }
            Err(error) => {
                let error = explain(&error.into());
                refused = true;
                lines.push(format!("{id} stays: {error}"));
                outcomes.push(json!({ "id": id, "outcome": "refused", "error": error }));
            }
        }
    }
    let text = if lines.is_empty() { "The quarantine is empty.".to_owned() } else { lines.join("\n") };
    Ok(Answer::new(&outcomes, text)?.finding(refused))
}

async fn write_off(session: &Session, ids: &[Uuid], by: &str) -> anyhow::Result<Answer> {
    for id in ids {
        quarantine::write_off(&session.store, *id, by).await?;
    }
    Answer::new(&json!({ "written_off": ids, "by": by }), format!("{} records are written off.", ids.len()))
}
