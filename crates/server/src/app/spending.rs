//! Brings what was spent under spend caps from the database into the gateway's view.
//!
//! Nothing is asked where nobody has a cap. Else, after each refresh of the view, it is asked what changed since the last time, of those who have
//! caps and whose balance moved; and now and then for everything, by which records that are entered days late come in as well.
//!
//! It is a task of its own, since it may have much to read: keys, prices and balances never wait for it. So a cap that is new is in force
//! before it is known what was spent under it; until that is read, which takes about a second, only what this gateway spends counts.

use std::{sync::Arc, time::Duration};

use jiff::civil::Date;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;
use tollgate_domain::{ApiKeyId, Clock, InstanceId, SpendWindow, UserId, start_of_day, utc_day};
use tollgate_gateway::{
    limit::Subject,
    view::{LiveView, SpendingUpdate},
};
use tollgate_store::{
    Store, StoreError,
    balances::Cursor,
    limits::Of,
    spending::{self, Reach, Spent},
};

/// How often everything is read again.
const ALL_EVERY: Duration = Duration::from_mins(5);

/// Whether anybody has a cap, by the configuration that is in force. Sent with each refresh of it.
pub(super) type HasCaps = bool;

/// Reads what was spent.
#[derive(Debug)]
pub(super) struct SpendingReader {
    store: Store,
    view: Arc<LiveView>,
    clock: Arc<dyn Clock>,
    instance: InstanceId,
    refreshed: watch::Receiver<HasCaps>,
    cursor: Option<Cursor>,
    /// When everything was read, and from which day on.
    all_read: Option<(Instant, Date)>,
}

impl SpendingReader {
    /// One that has read nothing yet.
    pub(super) fn new(
        store: Store,
        view: Arc<LiveView>,
        clock: Arc<dyn Clock>,
        instance: InstanceId,
        refreshed: watch::Receiver<HasCaps>,
    ) -> Self {
        Self { store, view, clock, instance, refreshed, cursor: None, all_read: None }
    }

    /// Reads after each refresh until `shutdown`.
    pub(super) async fn run(mut self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut is_away = false;
        loop {
            let read = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                read = self.refresh() => read,
            };
            match read {
                Ok(()) if is_away => {
                    is_away = false;
                    tracing::info!("what was spent under caps is up to date again");
                }
                Err(error) if !is_away => {
                    is_away = true;
                    tracing::warn!(%error, "what was spent under caps could not be read; what is known stays in force");
                }
                Ok(()) | Err(_) => {}
            }
            let next = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                next = self.refreshed.changed() => next,
            };
            if next.is_err() {
                // Whoever refreshes has ended, and with it the server does.
                shutdown.cancelled().await;
            }
        }
    }

    /// Reads what changed and puts it in force.
    pub(super) async fn refresh(&mut self) -> Result<(), StoreError> {
        let has_caps = *self.refreshed.borrow_and_update();
        if !has_caps {
            // Should there be caps again, everything is read.
            self.cursor = None;
            return Ok(());
        }
        let (first, reach) = reach(utc_day(self.clock.now()));
        // A clock that was set back asks for days that were not read.
        let is_due = self.all_read.is_none_or(|(at, from)| at.elapsed() >= ALL_EVERY || first < from);
        let since = self.cursor.filter(|_| !is_due);
        let changes = spending::load(&self.store, self.instance, since, reach).await?;
        let spent = changes.spent.into_iter().filter_map(|Spent { of, id, day, amount }| {
            let subject = match of {
                Of::Key => Subject::Key(ApiKeyId::from_uuid(id)),
                Of::User => Subject::User(UserId::from_uuid(id)),
                Of::Model => return None,
            };
            Some((subject, day, amount))
        });
        self.view.apply_spending(SpendingUpdate {
            full: changes.is_full,
            spent: spent.collect(),
            committed_position: changes.committed_position,
        });
        self.cursor = Some(changes.cursor);
        if changes.is_full {
            self.all_read = Some((Instant::now(), first));
        }
        Ok(())
    }
}

/// Days fill until those that began on them have ended, so the day before today may; and windows reach to the start of the month, or of the
/// week, with a day to spare for a clock that is set back.
fn reach(today: Date) -> (Date, Reach) {
    let yesterday = today.yesterday().unwrap_or(today);
    let first = SpendWindow::ALL.into_iter().map(|window| *window.around(yesterday).start()).min();
    let first = first.unwrap_or(yesterday);
    (first, Reach { recent: start_of_day(yesterday), all: start_of_day(first) })
}
