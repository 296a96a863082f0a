//! NOTIFY and LISTEN on one channel. A notification is a hint: it may be lost, and comes once for several changes. Who waits
//! for one also polls.
//!
//! The listener has a connection of its own, because a pool drops notifications, and reconnects by itself. As a connection on which nothing
//! comes may lead nowhere, it asks now and then whether anybody is there.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client};

use crate::connect::{Connector, Limits};
use crate::connection::ANSWER_TIMEOUT;
use crate::{Store, StoreError, Tx};

/// The channel of every notification.
pub const CHANNEL: &str = "auth_config_changed";
/// How a notification about balances starts; the time in microseconds follows.
pub const BALANCES_PREFIX: &str = "credits_transactions:";
/// First wait after a lost connection; doubled for each further attempt that fails.
const RECONNECT_DELAY: Duration = Duration::from_millis(100);
/// Longest wait between two attempts: meanwhile the poll each second does the work.
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(5);
/// How often a listener on a quiet line asks whether the server is still there: a line that is dead without a word costs a
/// poll's second for each change, no more.
const PROBE_INTERVAL: Duration = Duration::from_secs(10);
/// Hints that wait for a slow reader. More are dropped: one refresh answers them all.
const WAITING_HINTS: usize = 64;

/// Tells every gateway, when this transaction commits, that balances changed.
pub async fn notify_balances(tx: &Tx, epoch_micros: i64) -> Result<(), StoreError> {
    let notify = tx.prepare_cached("select pg_notify($1, $2)").await?;
    tx.execute(&notify, &[&CHANNEL, &format!("{BALANCES_PREFIX}{epoch_micros}")]).await?;
    Ok(())
}

/// A reason to look at the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// Listening from now on; what happened before may have gone unheard.
    Connected,
    /// Somebody said that something changed: `{table}:{epoch_micros}` or `credits_transactions:{epoch_micros}`.
    Notified(String),
}

impl Hint {
    /// Whether balances may have changed.
    pub fn is_about_balances(&self) -> bool {
        match self {
            Self::Connected => true,
            Self::Notified(payload) => payload.starts_with(BALANCES_PREFIX),
        }
    }

    /// Whether the configuration may have changed.
    pub fn is_about_configuration(&self) -> bool {
        match self {
            Self::Connected => true,
            Self::Notified(payload) => !payload.starts_with(BALANCES_PREFIX),
        }
    }
}

/// Listens until it is dropped.
#[derive(Debug)]
pub struct Listener {
    hints: mpsc::Receiver<Hint>,
    task: JoinHandle<()>,
}

impl Listener {
    /// Starts to connect and to listen. Needs a Tokio runtime.
    pub fn start(store: &Store) -> Self {
        let (sender, hints) = mpsc::channel(WAITING_HINTS);
        let task = tokio::spawn(listen(Arc::clone(&store.connector), sender));
        Self { hints, task }
    }

    /// The next hint. Never ends while the listener lives; may be dropped and called again without losing one.
    pub async fn next(&mut self) -> Hint {
        match self.hints.recv().await {
            Some(hint) => hint,
            // The task ends only with this listener.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(connector: Arc<Connector>, hints: mpsc::Sender<Hint>) {
    let mut delay = RECONNECT_DELAY;
    loop {
        let (heard, messages) = mpsc::channel(WAITING_HINTS);
        match connector.open(Limits::None, move |message| forward(&heard, message)).await {
            Ok(client) => {
                if answers(&client, &format!("listen {CHANNEL}")).await {
                    delay = RECONNECT_DELAY;
                    offer(&hints, Hint::Connected);
                    listen_on(&client, messages, &hints).await;
                    tracing::info!(
                        "the connection that listens for changes was lost; polling until it is back"
                    );
                }
            }
            Err(error) => tracing::debug!(%error, "could not connect to listen for changes"),
        }
        let wait = rand::rng().random_range(delay / 2..=delay);
        tokio::time::sleep(wait).await;
        delay = (delay * 2).min(MAX_RECONNECT_DELAY);
    }
}

/// Hands on what comes, until the connection ends or nobody answers on it.
async fn listen_on(client: &Client, mut messages: mpsc::Receiver<String>, hints: &mpsc::Sender<Hint>) {
    loop {
        match tokio::time::timeout(PROBE_INTERVAL, messages.recv()).await {
            Ok(Some(payload)) => offer(hints, Hint::Notified(payload)),
            Err(_) if answers(client, "select 1").await => {}
            Ok(None) | Err(_) => return,
        }
    }
}

/// Whether the server does this in the time that it should take.
async fn answers(client: &Client, statement: &str) -> bool {
    match tokio::time::timeout(ANSWER_TIMEOUT, client.batch_execute(statement)).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::debug!(error = %StoreError::from(error), "could not listen for changes");
            false
        }
        Err(_) => {
            tracing::debug!("the server does not answer the connection that listens for changes");
            false
        }
    }
}

fn forward(heard: &mpsc::Sender<String>, message: AsyncMessage) {
    if let AsyncMessage::Notification(notification) = message
        && let Err(mpsc::error::TrySendError::Full(_)) = heard.try_send(notification.payload().to_owned())
    {
        tracing::trace!("a hint was dropped: more than enough are waiting");
    }
}

fn offer(hints: &mpsc::Sender<Hint>, hint: Hint) {
    if let Err(mpsc::error::TrySendError::Full(_)) = hints.try_send(hint) {
        tracing::trace!("a hint was dropped: more than enough are waiting");
    }
}

/// Drives a connection and hands over what the server says unasked, until the connection ends.
pub(crate) async fn drive<S, T>(
    mut connection: tokio_postgres::Connection<S, T>,
    mut on_message: impl FnMut(AsyncMessage),
) where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
        match message {
            Ok(message) => on_message(message),
            Err(error) => {
                tracing::debug!(error = %StoreError::from(error), "a database connection ended");
                return;
            }
        }
    }
}
