//! The guard of spend caps: what a key and its user may still spend in the day, the week and the month that it is.

use jiff::Timestamp;
use tollgate_domain::{UserId, end_of_day, find_best_tariff, utc_day};

use super::{Caller, Destination, Refusal};
use crate::gateway::Inner;
use crate::limit::{CapReached, Subject};
use crate::view::Snapshot;

/// Part of guard 5. Like the balance, a cap is reached when nothing is left of it; what requests in flight will cost is not in it, and
/// what costs nothing passes.
pub(super) fn check(
    gateway: &Inner,
    snapshot: &Snapshot,
    caller: &Caller,
    destination: &Destination,
    now: Timestamp,
) -> Result<(), Refusal> {
    if !snapshot.has_limits() {
        return Ok(());
    }
    let today = utc_day(now);
    let subjects = [Subject::Key(caller.key.id), Subject::User(caller.key.user)];
    let mut reached: Option<CapReached> = None;
    for subject in subjects {
        let Some(limits) = snapshot.limits(subject) else { continue };
        if !limits.caps.is_any() {
            continue;
        }
        let spent = gateway.view.spent(subject, today);
        for ((window, cap), spent) in limits.caps.each().zip(spent) {
            let Some(cap) = cap.filter(|cap| spent >= *cap) else { continue };
            let opens_at = end_of_day(*window.around(today).end());
            if reached.as_ref().is_none_or(|reached| reached.opens_at < opens_at) {
                reached = Some(CapReached { subject, window, cap, spent, now, opens_at });
            }
        }
    }
    match reached {
        Some(reached) if !is_free(caller, destination, now) => {
            gateway.limiter.cap_reached(&reached);
            Err(Refusal::CapReached(Box::new(reached)))
        }
        _ => Ok(()),
    }
}

fn is_free(caller: &Caller, destination: &Destination, now: Timestamp) -> bool {
    let priced_at = caller.batch.batch_created_at.unwrap_or(now);
    let window = caller.batch.batch_completion_window.as_deref();
    let tariff = destination
        .model
        .as_ref()
        .and_then(|model| find_best_tariff(&model.tariffs, Some(caller.key.purpose), window, priced_at));
    caller.key.user == UserId::SYSTEM || tariff.is_some_and(|tariff| tariff.prices.is_free())
}
