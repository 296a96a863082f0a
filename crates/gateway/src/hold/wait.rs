//! A request that waits for its user's lease: the first one has none yet, and where money is short, what others do not need comes back within
//! moments.
//!
//! It waits for the next answer that takes it into account, which is a round trip to the database away, and goes on waiting only where other
//! gateways have the money, and may not need it. No SQL runs on its path: it wakes the task that renews.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tollgate_domain::{Credits, UserId};

use super::{Estimate, Hold};
use crate::view::{LiveView, Prospect, Short, WhenSpent};

/// Longest wait for what others do not need: they hear several times a second who lacks money, and then give it back at once.
const PATIENCE: Duration = Duration::from_secs(1);
/// Longest wait for any answer: a database under load takes its time.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// Why a request holds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoHold {
    /// There is not enough money.
    Short(Short),
    /// Nobody knows: the books do not answer, and the lease is spent or has run out.
    Unconfirmed,
}

/// Counts as waiting for as long as it lives.
struct Waiting<'a> {
    view: &'a LiveView,
    user: UserId,
    number: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.view.stop_waiting(self.user, self.number);
    }
}

/// Holds what a request may cost, and waits for it where that helps.
pub(crate) async fn hold(
    view: &Arc<LiveView>,
    user: UserId,
    estimate: Estimate,
    when_spent: WhenSpent,
) -> Result<Hold, NoHold> {
    let hold = || view.hold(user, estimate, when_spent);
    match hold() {
        Ok(hold) => Ok(hold),
        // What is more than there is, no lease makes fit.
        Err(short) if !view.is_leasing() || (estimate.is_bounded && estimate.most > short.balance) => {
            Err(NoHold::Short(short))
        }
        Err(_) => wait(view, user, view.least_hold(user, &estimate), estimate.most, hold).await,
    }
}

/// Adds to a hold from `least` to `most`, as soon as there is so much; `None`: there is not.
pub(super) async fn extend(
    view: &LiveView,
    user: UserId,
    number: u64,
    least: Credits,
    most: Credits,
) -> Option<Credits> {
    let extend = || view.extend_hold(user, number, least, most).ok_or_else(|| view.short(user));
    if !view.is_leasing() {
        return extend().ok();
    }
    wait(view, user, least, most, extend).await.ok()
}

/// Tries until it works, or there is no hope. Every answer is a new chance.
async fn wait<T>(
    view: &LiveView,
    user: UserId,
    least: Credits,
    most: Credits,
    attempt: impl Fn() -> Result<T, Short>,
) -> Result<T, NoHold> {
    // Before it is said that somebody waits: no answer goes unheard.
    let mut answers = view.lease_answers();
    let waiting = Waiting { view, user, number: view.wait(user, least, most) };
    // The books did not answer just now. They are asked again, because something was wanted; nobody waits for that with a body in memory.
    if view.is_cut_off() {
        return Err(NoHold::Unconfirmed);
    }
    let since = Instant::now();
    loop {
        // Whatever the last answer said, there may be another.
        let late = sleep_until(since + ANSWER_WITHIN);
        let in_time = tokio::select! {
            biased;
            answered = answers.changed() => answered.is_ok(),
            () = late => false,
        };
        let short = match attempt() {
            Ok(done) => return Ok(done),
            Err(short) => short,
        };
        match view.prospect(user, waiting.number) {
            Prospect::Unknown if in_time && !view.is_cut_off() => {}
            Prospect::Unknown => return Err(NoHold::Unconfirmed),
            Prospect::MayCome if in_time && since.elapsed() < PATIENCE => {}
            // The last renewal failed, so what others do not need may have come back unseen.
            Prospect::MayCome if view.is_cut_off() => return Err(NoHold::Unconfirmed),
            Prospect::MayCome | Prospect::Hopeless => return Err(NoHold::Short(short)),
        }
    }
}

#[cfg(test)]
mod tests;
