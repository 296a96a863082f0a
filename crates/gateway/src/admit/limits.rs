//! The guard of limits: what a request takes of those of its key, its user and its model.

use tokio::time::Instant;

use super::{Caller, Destination, Intake, Refusal, declared_length};
use crate::gateway::{Arrival, Inner};
use crate::limit::{Limited, Passed, Subject, Told, estimate};
use crate::view::Snapshot;

/// Guard 7.
pub(super) fn pass(
    gateway: &Inner,
    snapshot: &Snapshot,
    arrival: &Arrival,
    caller: &Caller,
    destination: &Destination,
    intake: &Intake,
) -> Result<Passed, Refusal> {
    if !snapshot.has_limits() {
        return Ok(Passed::nothing());
    }
    // Who has a spend cap alone is not counted, and is told what its upstream tells.
    let rates = |subject: Subject| {
        let rates = snapshot.limits(subject)?.rates;
        rates.is_any().then_some((subject, rates))
    };
    let model = destination.model.as_ref().map(|model| Subject::Model(model.entry.id));
    let limited: Limited =
        [rates(Subject::Key(caller.key.id)), rates(Subject::User(caller.key.user)), model.and_then(rates)];
    let body_bytes = declared_length(&arrival.headers).unwrap_or(0).max(intake.read_bytes());
    let tokens = estimate(body_bytes, intake.facts().max_tokens);
    gateway.limiter.pass(limited, tokens, Instant::now()).map_err(|exceeded| {
        let told = Told { standing: exceeded.standing, at: gateway.clock.now() };
        Refusal::RateLimited(Box::new(exceeded), told)
    })
}
