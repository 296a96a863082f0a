//! Tasks that must live as long as the server does.
//!
//! A gateway whose billing has died would give away what it should sell, so the end of any task that was not asked to
//! end, a panic included, ends the server.

use std::collections::HashMap;

use anyhow::{Context, anyhow};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};

/// The tasks of a server, by name.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    set: JoinSet<anyhow::Result<()>>,
    names: HashMap<Id, &'static str>,
}

/// The end of one task.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) name: &'static str,
    pub(super) result: anyhow::Result<()>,
}

impl Tasks {
    /// Starts a task.
    pub(super) fn spawn(
        &mut self,
        name: &'static str,
        task: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) -> AbortHandle {
        let handle = self.set.spawn(task);
        self.names.insert(handle.id(), name);
        handle
    }

    /// Waits for the next task that ends; for ever when there is none.
    pub(super) async fn next_end(&mut self) -> Ended {
        match self.set.join_next_with_id().await {
            Some(Ok((id, result))) => {
                let name = self.name(id);
                Ended { name, result: result.with_context(|| format!("the {name} failed")) }
            }
            Some(Err(error)) => {
                let name = self.name(error.id());
                Ended { name, result: Err(of_join(name, &error)) }
            }
            None => std::future::pending().await,
        }
    }

    /// Waits until the task `name` has ended. What other tasks end with meanwhile is kept in `others`.
    pub(super) async fn end_of(&mut self, name: &'static str, others: &mut Vec<Ended>) -> anyhow::Result<()> {
        while self.names.values().any(|running| *running == name) {
            let ended = self.next_end().await;
            if ended.name == name {
                return ended.result;
            }
            others.push(ended);
        }
        Ok(())
    }

    fn name(&mut self, id: Id) -> &'static str {
        self.names.remove(&id).unwrap_or("unnamed task")
    }
}

/// The panic's own text is not repeated: the panic hook has printed it, and it may quote what no error may.
fn of_join(name: &str, error: &JoinError) -> anyhow::Error {
    if error.is_cancelled() { anyhow!("the {name} was cancelled") } else { anyhow!("the {name} panicked") }
}

#[cfg(test)]
mod tests;
