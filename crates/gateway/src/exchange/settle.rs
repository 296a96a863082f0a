//! From what a response said to its record.

use tollgate_domain::Outcome;

use super::{NoAnswer, Plan};
use crate::recorder::{Ended, InFlight, NotDurable, Recorded};
use crate::request_body::Progress;
use crate::usage::{Observed, ObservedFlags};
use crate::view::OnMissingUsage;

/// Whether tokens are to be counted by us.
pub(super) fn wants_estimate(plan: &Plan, observed: &Observed) -> bool {
    plan.on_missing_usage == OnMissingUsage::Estimate && observed.wants_estimate()
}

/// Makes the record at once.
pub(super) fn record(in_flight: InFlight, outcome: Outcome, observed: &Observed) -> Recorded {
    count_oddities(&in_flight, observed.flags);
    in_flight.finish(&Ended { outcome, observed: Some(observed) })
}

/// Makes the record after an estimate, where one is wanted. Counting takes milliseconds of CPU, so it is done off the
/// threads that serve. Should it panic, the record is made without.
pub(super) async fn estimate_and_record(
    in_flight: InFlight,
    outcome: Outcome,
    mut observed: Observed,
    progress: &Progress,
    plan: &Plan,
) -> Recorded {
    if wants_estimate(plan, &observed) {
        let (text, model) = (progress.take_text(), plan.model.clone());
        let mut guess = observed.clone();
        let counting = tokio::task::spawn_blocking(move || {
            guess.estimate(&text, &model);
            guess
        });
        match counting.await {
            Ok(estimated) => observed = estimated,
            Err(error) => {
                tracing::error!(%error, "an estimate of tokens failed; the request is recorded without usage");
            }
        }
    }
    record(in_flight, outcome, &observed)
}

/// Makes the record once the admission is safe. Where it fails to be, so does the request, and nothing of it is let go.
pub(super) async fn admit_and_record(
    mut in_flight: InFlight,
    outcome: Outcome,
    observed: Observed,
    estimate: bool,
    progress: &Progress,
    plan: &Plan,
) -> Recorded {
    match in_flight.admitted().await {
        Ok(()) if !estimate => record(in_flight, outcome, &observed),
        // Few come here, and all would carry it.
        Ok(()) => Box::pin(estimate_and_record(in_flight, outcome, observed, progress, plan)).await,
        Err(NotDurable) => record_unadmitted(in_flight),
    }
}

/// Makes the record of a request that fails because its admission did.
pub(super) fn record_unadmitted(mut in_flight: InFlight) -> Recorded {
    in_flight.answered(NoAnswer::Unrecordable.status().as_u16());
    in_flight.finish(&Ended { outcome: Outcome::Failed, observed: None })
}

fn count_oddities(in_flight: &InFlight, flags: ObservedFlags) {
    let oddities = [
        (flags.oversized_frame, "oversized_frame"),
        (flags.undecodable, "undecodable"),
        (flags.unknown_encoding, "unknown_encoding"),
        (flags.usage_not_withheld, "usage_not_withheld"),
        (flags.held_overflow, "held_overflow"),
        (flags.malformed, "malformed"),
        (flags.cache_write_as_input, "cache_write_as_input"),
    ];
    for (_, oddity) in oddities.into_iter().filter(|(seen, _)| *seen) {
        in_flight.metrics().oddity(oddity);
    }
}
