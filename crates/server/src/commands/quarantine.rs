//! `tollgate quarantine`: records that the books refused. Shown is whose request it was and
//! what was measured of it, by which somebody decides; never what was asked or answered, which no record holds.

use serde_json::json;
use tollgate_metering::quarantine::{self, Replayed};
use uuid::Uuid;

use super::{ACTOR, Session};
use crate::{
    cli::QuarantineCommand,
    explain,
    output::{Answer, Column, count, or_none, table},
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
    let columns = [
        Column::Text("ID"),
        Column::Text("REQUESTED"),
        Column::Text("USER"),
        Column::Text("KEY"),
        Column::Text("MODEL"),
        Column::Number("STATUS"),
        Column::Number("PROMPT"),
        Column::Number("COMPLETION"),
        Column::Text("REASON"),
        Column::Text("WRITTEN OFF BY"),
    ];
    let rows = entries.iter().map(|entry| {
        let request = entry.request.as_ref();
        vec![
            entry.id.to_string(),
            or_none(request.map(|request| format!("{:.0}", request.at))),
            or_none(request.and_then(|request| request.user.as_ref())),
            or_none(request.and_then(|request| request.key_prefix.as_ref())),
            or_none(request.and_then(|request| request.model.as_ref())),
            or_none(request.map(|request| request.status_code)),
            or_none(request.and_then(|request| request.prompt_tokens)),
            or_none(request.and_then(|request| request.completion_tokens)),
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
    let (mut outcomes, mut lines, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for id in ids {
        match quarantine::replay(&session.store, &keys, id, ACTOR).await {
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
                refused.push(format!("{id} stays in quarantine: {error}"));
                outcomes.push(json!({ "id": id, "outcome": "refused", "error": error }));
            }
        }
    }
    let text = if outcomes.is_empty() { "The quarantine is empty.".to_owned() } else { lines.join("\n") };
    Ok(Answer::new(&outcomes, text)?.warning(refused))
}

async fn write_off(session: &Session, ids: &[Uuid], by: &str) -> anyhow::Result<Answer> {
    for id in ids {
        quarantine::write_off(&session.store, *id, by, ACTOR).await?;
    }
    let verb = if ids.len() == 1 { "is" } else { "are" };
    let text = format!("{} {verb} written off.", count(ids.len(), "record"));
    Answer::new(&json!({ "written_off": ids, "by": by }), text)
}
