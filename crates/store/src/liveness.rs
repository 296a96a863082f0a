//! Whether an answer can still come: what is asked, on another connection, while a transaction keeps us waiting.
//!
//! A slow statement and a server that is gone look the same on a connection: silence. So after a moment of it the database is asked
//! over a line of its own whether it still has our session. When whoever answers does not know it (a standby that was promoted, a
//! server that was started again), waiting is pointless and ends at once. When nobody answers, it ends after the
//! transaction's usual limit, also for transactions that have none of their own.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio_postgres::{Client, Row, SimpleQueryMessage};

use crate::connect::Limits;
use crate::connection::ANSWER_TIMEOUT;
use crate::{Store, StoreError};

/// How long a transaction may keep silent before the first question, and the pause between questions. The promise behind it: five seconds after a
/// database is back it is written to again.
const PROBE_INTERVAL: Duration = Duration::from_secs(2);

/// One database in one run of its server. What was read or written in a run is there to its end; after a failover or a restore,
/// another server, or another database in the place of the one before, may never have had it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct ServerRun(u64);

/// What names a session: asked for in each transaction's first line, and answered with it. Not once for each connection: with a pooling
/// proxy in between, each transaction may have another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    pid: i32,
    /// As the server writes it: to read it would cost more than the transaction's own start.
    server_started: String,
    /// Where a table of ours lies, with the number of its database: a restore gives it another.
    database: String,
}

impl Session {
    /// What asks for it.
    pub(crate) const QUERY: &str = "select pg_backend_pid(), pg_postmaster_start_time()::text, \
         coalesce(pg_relation_filepath(to_regclass('installation')), '')";

    /// From what it answers.
    pub(crate) fn from_row(row: &Row) -> Result<Self, StoreError> {
        let server_started: String = row.try_get(1)?;
        if server_started.contains('\'') {
            return Err(StoreError::Corrupt("the database did not say when it was started".to_owned()));
        }
        Ok(Self { pid: row.try_get(0)?, server_started, database: row.try_get(2)? })
    }

    fn is_of_the_run_of(&self, other: &Self) -> bool {
        self.server_started == other.server_started && self.database == other.database
    }

    /// The run that it belongs to.
    pub(crate) fn server(&self) -> ServerRun {
        let mut hasher = DefaultHasher::new();
        (&self.server_started, &self.database).hash(&mut hasher);
        ServerRun(hasher.finish())
    }

    fn question(&self) -> String {
        let Self { pid, server_started, database: _ } = self;
        format!(
            "select case \
               when pg_postmaster_start_time()::text = '{server_started}' \
                 and exists (select from pg_stat_activity where pid = {pid}) then 'alive' \
               when pg_is_in_recovery() then 'something' \
               else 'gone' end"
        )
    }
}

/// What came of one question.
enum Heard {
    /// The session is there.
    Alive,
    /// Somebody is there, and could not say: a server that is starting, or a standby, to which some proxies send whoever only asks.
    Something,
    /// Another server, or the same after a new start.
    Gone,
    Nothing,
}

impl Heard {
    fn from_answers(answers: &[SimpleQueryMessage]) -> Self {
        let word = answers.iter().find_map(|answer| match answer {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        match word {
            Some("alive") => Self::Alive,
            Some("gone") => Self::Gone,
            _ => Self::Something,
        }
    }
}

/// The session of the last transaction: by it a statement can tell whether it is the server, and the database, that it is meant for.
#[derive(Debug, Clone, Default)]
pub(crate) struct LastSession(Arc<Mutex<Option<(ServerRun, Session)>>>);

/// How a statement tells a run of a server.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) server_started: String,
    pub(crate) database: String,
}

impl Store {
    /// A transaction began in this session.
    pub(crate) fn remember(&self, session: &Session) {
        let mut last = self.last_session.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = last.as_ref().is_some_and(|(_, last)| last.is_of_the_run_of(session));
        if !is_same {
            *last = Some((session.server(), session.clone()));
        }
    }

    /// What tells this run; `None` where the last transaction was in another.
    pub(crate) fn identity(&self, server: ServerRun) -> Option<Identity> {
        let last = self.last_session.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, session) = last.as_ref().filter(|(run, _)| *run == server)?;
        Some(Identity { server_started: session.server_started.clone(), database: session.database.clone() })
    }

    /// Ends when it has become pointless to wait for `session`, and says why.
    pub(crate) async fn until_pointless(&self, name: &'static str, session: &Session) -> StoreError {
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
    async fn ask(&self, session: &Session, line: &mut Option<Client>) -> Heard {
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
                *line = Some(client);
                Heard::from_answers(&answers)
            }
            Ok(Err(error)) if error.code().is_some() => Heard::Something,
            Ok(Err(_)) | Err(_) => Heard::Nothing,
        }
    }
}
