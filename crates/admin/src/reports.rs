//! Reports: questions whose cost grows with the books. They have places, so that nobody's reports take the database from the rest.
//!
//! One at a time for each user, and in all no more than half of the connections; further ones wait a moment for their turn. A client that
//! hangs up gives its place back when its query has surely ended, and not before: else hanging up would be a way past the limit.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tollgate_domain::UserId;
use tollgate_store::StoreError;
use tollgate_store::management::CLIENT_CHECK_INTERVAL;

use crate::problem::{Kind, Problem};

/// How long a report waits for its turn.
const TURN_TIMEOUT: Duration = Duration::from_secs(10);
/// By then the database has noticed that nobody waits for an answer any more.
const GONE_WITHIN: Duration = CLIENT_CHECK_INTERVAL.saturating_mul(2);

/// The places for reports.
#[derive(Debug)]
pub(crate) struct Reports {
    places: Arc<Semaphore>,
    /// The one place of each user who has a report, or waits for one.
    of_users: Mutex<HashMap<UserId, Weak<Semaphore>>>,
    turn_timeout: Duration,
}

/// A place that is taken.
#[derive(Debug)]
struct Place(Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)>);

impl Reports {
    /// Places for the reports of a store that has so many connections.
    pub(crate) fn new(max_connections: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new((max_connections / 2).max(1))),
            of_users: Mutex::default(),
            turn_timeout: TURN_TIMEOUT,
        }
    }

    /// Reads a report for this user, when it is its turn.
    pub(crate) async fn run<T>(
        &self,
        user: UserId,
        read: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, Problem> {
        let place = self.enter(user).await?;
        let report = read.await;
        place.leave();
        Ok(report?)
    }

    async fn enter(&self, user: UserId) -> Result<Place, Problem> {
        let own = self.of_user(user);
        // Its own first: whoever waits for that takes nobody else's place.
        let turn = async {
            let own = own.acquire_owned().await.ok()?;
            let place = Arc::clone(&self.places).acquire_owned().await.ok()?;
            Some(Place(Some((own, place))))
        };
        tokio::time::timeout(self.turn_timeout, turn).await.ok().flatten().ok_or_else(|| {
            Problem::new(
                Kind::TooManyReports,
                "other reports are being read; ask for one at a time, and try again in a moment",
            )
        })
    }

    fn of_user(&self, user: UserId) -> Arc<Semaphore> {
        let mut of_users = self.of_users.lock().unwrap_or_else(PoisonError::into_inner);
        of_users.retain(|_, place| place.strong_count() > 0);
        if let Some(place) = of_users.get(&user).and_then(Weak::upgrade) {
            return place;
        }
        let place = Arc::new(Semaphore::new(1));
        of_users.insert(user, Arc::downgrade(&place));
        place
    }
}

impl Place {
    /// The report has ended, and with it its query.
    fn leave(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Whoever asked has hung up in the middle; the query goes on until the database looks for its client.
        if let (Some(permits), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move {
                tokio::time::sleep(GONE_WITHIN).await;
                drop(permits);
            });
        }
    }
}

#[cfg(test)]
mod tests;
