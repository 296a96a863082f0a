//! A request whose answer is all here, while its admission is still on its way to the disk.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tollgate_domain::Outcome;

use super::{Plan, settle};
use crate::recorder::{InFlight, Recorded};
use crate::request_body::Progress;
use crate::usage::Observed;

/// Makes the record when the admission is safe. The client may leave meanwhile; the record is made all the same.
#[derive(Debug)]
pub(super) struct Ending(Option<Box<Open>>);

#[derive(Debug)]
struct Open {
    in_flight: InFlight,
    outcome: Outcome,
    observed: Observed,
    progress: Progress,
    plan: Arc<Plan>,
}

impl Ending {
    pub(super) fn new(
        in_flight: InFlight,
        outcome: Outcome,
        observed: Observed,
        progress: Progress,
        plan: Arc<Plan>,
    ) -> Self {
        Self(Some(Box::new(Open { in_flight, outcome, observed, progress, plan })))
    }
}

impl Future for Ending {
    type Output = Recorded;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Recorded> {
        let admitted = match &mut self.0 {
            Some(open) => ready!(open.in_flight.poll_admitted(cx)),
            None => return Poll::Pending,
        };
        let Some(open) = self.0.take() else { return Poll::Pending };
        let Open { in_flight, outcome, observed, .. } = *open;
        Poll::Ready(match admitted {
            Ok(()) => settle::record(in_flight, outcome, &observed),
            Err(_) => settle::record_unadmitted(in_flight),
        })
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let Some(open) = self.0.take() else { return };
        if std::thread::panicking() {
            return;
        }
        let Open { in_flight, outcome, observed, progress, plan } = *open;
        let tracker = plan.lifecycle.tracker.clone();
        // Without a runtime, which is on its way out, dropping it records it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let settled = async move {
                settle::admit_and_record(in_flight, outcome, observed, false, &progress, &plan).await
            };
            tracker.spawn_on(settled, &runtime);
        }
    }
}
