//! Looking into a spool, and entering again what the books have had from it.

use std::sync::Arc;

use jiff::Timestamp;
use tollgate_domain::RawAnalyticsRecord;
use tollgate_spool::{Delivery, Record, Spool, SpoolError, Which};

use super::wire::{self, Entry};
use crate::AnalyticsSender;
use crate::sender::Closed;

/// Groups read at once.
const PAGE_GROUPS: usize = 64;

/// What a replay came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Replayed {
    /// Records sent to the books, which know those that they have.
    pub records: u64,
    /// Groups that are damaged.
    pub damaged_groups: u64,
    /// Records that this version cannot read.
    pub unreadable: u64,
}

/// Why a replay ended early. What was sent until then is entered; beginning again does no harm.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The spool cannot be read.
    #[error("the spool cannot be read")]
    Spool(#[from] SpoolError),
    /// The batcher takes nothing more.
    #[error("the batcher ended before everything was sent")]
    Closed,
}

impl From<Closed> for ReplayError {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

/// Sends every end that the spool keeps to the books again: those that wait, and those that were acknowledged since `since`.
pub async fn replay(
    spool: &Arc<Spool>,
    since: Timestamp,
    sender: &AnalyticsSender,
) -> Result<Replayed, ReplayError> {
    let mut replayed = Replayed::default();
    let mut from = Some(0);
    while let Some(start) = from {
        let reader = Arc::clone(spool);
        let reading = tokio::task::spawn_blocking(move || reader.read(start, PAGE_GROUPS, Which::All));
        let page = reading.await.map_err(|_| SpoolError::Closed)??;
        for delivery in page.deliveries {
            let Delivery::Group(group) = delivery else {
                replayed.damaged_groups += 1;
                continue;
            };
            if group.acknowledged_at_micros.is_some_and(|at| at < since.as_microsecond()) {
                continue;
            }
            for (_, record) in &group.records {
                match wire::decode(record.kind, &record.bytes) {
                    Ok(Entry::Finished(finished)) => {
                        sender.send(finished.record).await?;
                        replayed.records += 1;
                    }
                    Ok(Entry::Admitted(_)) => {}
                    Err(_) => replayed.unreadable += 1,
                }
            }
        }
        from = page.next;
    }
    Ok(replayed)
}

/// A record of the spool in one line, for people: who and what, never a secret.
pub fn describe(record: &Record) -> String {
    let line = |what: &str, record: &RawAnalyticsRecord| {
        format!(
            "{what} {}-{} {} {} {} prompt={} completion={}",
            record.instance_id,
            record.correlation_id,
            record.timestamp,
            record.request_model.as_deref().unwrap_or("-").escape_debug(),
            record.outcome.as_str(),
            record.usage.prompt_tokens.map_or("-".to_owned(), |tokens| tokens.to_string()),
            record.usage.completion_tokens.map_or("-".to_owned(), |tokens| tokens.to_string()),
        )
    };
    match wire::decode(record.kind, &record.bytes) {
        Ok(Entry::Admitted(admitted)) => line("admitted", &admitted.record),
        Ok(Entry::Finished(finished)) => line("finished", &finished.record),
        Err(error) => format!("unreadable: {error}"),
    }
}
