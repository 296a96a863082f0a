//! Whether an answer can still come: what is asked, on another connection, while a transaction keeps us waiting.
//!
//! A slow statement and a server that is gone look the same on a connection: silence. So after a moment of it the database is asked
//! over a line of its own whether it still has our session. When whoever answers does not know it (a standby that was promoted, a
//! server that was started again), waiting is pointless and ends at once. When nobody answers, it ends after the
//! transaction's usual limit, also for transactions that have none of their own.

use std::time::{Duration, Instant};

use tokio_postgres::{Client, SimpleQueryMessage};

use crate::connect::Limits;
use crate::connection::ANSWER_TIMEOUT;
use crate::{Store, StoreError};

/// How long a transaction may keep silent before the first question, and the pause between questions. The promise behind it: five seconds after a
/// database is back it is written to again.
const PROBE_INTERVAL: Duration = Duration::from_secs(2);

/// One life of one database server, told by the time of its start. What was read or written in one life is there for all of
/// that life; after a failover or a restore, another server may never have had it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ServerRun(i64);

/// What names a session: asked for in each transaction's first line, and answered with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) server: ServerRun,
    pid: i32,
}

impl Session {
    /// What asks for it.
    pub(crate) const QUERY: &str = "select pg_backend_pid(), \
         (extract(epoch from pg_postmaster_start_time()) * 1000000)::bigint";

    /// From the answers of a simple query that ended with [`Session::QUERY`].
    pub(crate) fn from_answers(answers: &[SimpleQueryMessage]) -> Result<Self, StoreError> {
        let found = answers.iter().find_map(|answer| match answer {
            SimpleQueryMessage::Row(row) => {
                Some(Self { pid: row.get(0)?.parse().ok()?, server: ServerRun(row.get(1)?.parse().ok()?) })
            }
            _ => None,
        });
        found.ok_or_else(|| StoreError::Corrupt("the database did not say which session this is".to_owned()))
    }

    fn question(self) -> String {
        let Self { server: ServerRun(started), pid } = self;
        format!(
            "select 1 from pg_stat_activity where pid = {pid} \
             and {started} = (extract(epoch from pg_postmaster_start_time()) * 1000000)::bigint"
        )
    }
}

/// What came of one question.
enum Heard {
    /// The session is there.
    Alive,
    /// The server is there, and could not say.
    Something,
    /// Another server, or the same after a new start.
    Gone,
    Nothing,
}

impl Store {
    /// Ends when it has become pointless to wait for `session`, and says why.
    pub(crate) async fn until_pointless(&self, name: &'static str, session: Session) -> StoreError {
        let mut heard_at = Instant::now();
        let mut line = None;
        loop {
            tokio::time::sleep(PROBE_INTERVAL).await;
            match self.ask(session, &mut line).await {
                Heard::Alive | Heard::Something => heard_at = Instant::now(),
                Heard::Gone => return StoreError::Lost { name },
                Heard::Nothing => {}
            }
            if heard_at.elapsed() >= self.transaction_timeout {
                return StoreError::Timeout { name, after: self.transaction_timeout };
            }
        }
    }

    /// Asks over `line`, or over a new one that is then kept there as long as it answers.
    async fn ask(&self, session: Session, line: &mut Option<Client>) -> Heard {
        let client = match line.take() {
            Some(client) => client,
            None => match self.connector.open(Limits::Server, |_| ()).await {
                Ok(client) => client,
                Err(error) => {
                    return if error.sqlstate().is_some() { Heard::Something } else { Heard::Nothing };
                }
            },
        };
        let question = session.question();
        match tokio::time::timeout(ANSWER_TIMEOUT, client.simple_query(&question)).await {
            Ok(Ok(answers)) => {
                let is_there = answers.iter().any(|answer| matches!(answer, SimpleQueryMessage::Row(_)));
                *line = Some(client);
                if is_there { Heard::Alive } else { Heard::Gone }
            }
            Ok(Err(error)) if error.code().is_some() => Heard::Something,
            Ok(Err(_)) | Err(_) => Heard::Nothing,
        }
    }
}
