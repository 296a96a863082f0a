//! Brings what was spent under spend caps from the database into the gateway's view.
//!
//! Nothing is asked where nobody has a cap. Else each refresh asks what changed since the last one, of those who have caps and whose balance
//! moved; and now and then for everything, by which records that are entered days late come in as well.

use std::{sync::Arc, time::Duration};

use jiff::{Timestamp, civil::Date};
use tokio::time::Instant;
use tollgate_domain::{ApiKeyId, Clock, InstanceId, SpendWindow, UserId, start_of_day, utc_day};
use tollgate_gateway::{
    limit::Subject,
    view::{LiveView, SpendingUpdate},
};
use tollgate_store::{
    Store, StoreError,
    balances::Cursor,
    limits::{Limited, Of},
    spending::{self, Reach, Spent},
};

/// How often everything is read again.
const ALL_EVERY: Duration = Duration::from_mins(5);

/// Reads what was spent.
#[derive(Debug)]
pub(super) struct SpendingReader {
    clock: Arc<dyn Clock>,
    instance: InstanceId,
    /// Whether anybody has a cap, by the last configuration.
    has_caps: bool,
    cursor: Option<Cursor>,
    /// When everything was read, and from which time on.
    all_read: Option<(Instant, Timestamp)>,
}

impl SpendingReader {
    pub(super) fn new(clock: Arc<dyn Clock>, instance: InstanceId) -> Self {
        Self { clock, instance, has_caps: false, cursor: None, all_read: None }
    }

    /// A configuration was read. Read what was spent before it is put in force, so that no cap is known without.
    pub(super) fn configured(&mut self, limited: &[Limited]) {
        self.has_caps = limited.iter().any(|limited| limited.limits.has_caps());
    }

    /// Reads what changed and puts it in force.
    pub(super) async fn refresh(&mut self, store: &Store, view: &LiveView) -> Result<(), StoreError> {
        if !self.has_caps {
            // Should there be caps again, everything is read.
            self.cursor = None;
            return Ok(());
        }
        let reach = reach(utc_day(self.clock.now()));
        // A clock that was set back asks for days that were not read.
        let is_due = self.all_read.is_none_or(|(at, from)| at.elapsed() >= ALL_EVERY || reach.all < from);
        let since = self.cursor.filter(|_| !is_due);
        let changes = spending::load(store, self.instance, since, reach).await?;
        let spent = changes.spent.into_iter().filter_map(|Spent { of, id, day, amount }| {
            let subject = match of {
                Of::Key => Subject::Key(ApiKeyId::from_uuid(id)),
                Of::User => Subject::User(UserId::from_uuid(id)),
                Of::Model => return None,
            };
            Some((subject, day, amount))
        });
        view.apply_spending(SpendingUpdate {
            full: changes.is_full,
            spent: spent.collect(),
            committed_position: changes.committed_position,
        });
        self.cursor = Some(changes.cursor);
        if changes.is_full {
            self.all_read = Some((Instant::now(), reach.all));
        }
        Ok(())
    }
}

/// Days fill until those that began on them have ended, so the day before today may; and windows reach to the start of the month, or of the
/// week, with a day to spare for a clock that is set back.
fn reach(today: Date) -> Reach {
    let yesterday = today.yesterday().unwrap_or(today);
    let first = SpendWindow::ALL.into_iter().map(|window| *window.around(yesterday).start()).min();
    Reach { recent: start_of_day(yesterday), all: start_of_day(first.unwrap_or(yesterday)) }
}
