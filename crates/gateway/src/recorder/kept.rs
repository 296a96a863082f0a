//! A record that was handed over, until it is known whether it is kept.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tollgate_failpoints::{Point, hit};

use super::{Durable, NotDurable};
use crate::metrics::Metrics;

/// Resolves when the request's admission and its record are safe; only then may the end of its response be let go.
///
/// The record is the sink's by now. Where nobody is left to wait for it, it is waited for all the same, so that one that is
/// lost is counted.
#[derive(Debug)]
#[must_use = "the end of a response waits for it"]
pub(crate) struct Kept(Option<Keeping>);

/// What is held and watched until then.
#[derive(Debug)]
pub(super) struct Keeping {
    pub(super) admitted: Durable,
    pub(super) finished: Durable,
    pub(super) metrics: Arc<Metrics>,
    /// What waits for a slow disk is bounded by the limit of requests in flight.
    pub(super) _permit: OwnedSemaphorePermit,
    /// Shutdown waits for it.
    pub(super) token: TaskTrackerToken,
}

impl Kept {
    pub(super) const fn new(keeping: Keeping) -> Self {
        Self(Some(keeping))
    }

    /// Where there is no record to wait for.
    pub(super) const fn nothing() -> Self {
        Self(None)
    }
}

impl Future for Kept {
    type Output = Result<(), NotDurable>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), NotDurable>> {
        let Some(keeping) = &mut self.0 else { return Poll::Ready(Ok(())) };
        let result = ready!(keeping.poll(cx));
        self.0 = None;
        Poll::Ready(result)
    }
}

impl Keeping {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), NotDurable>> {
        // Nothing was let go, and nothing promised, of a request whose admission is not safe: it is answered with 503.
        ready!(Pin::new(&mut self.admitted).poll(cx))?;
        let result = ready!(Pin::new(&mut self.finished).poll(cx));
        if result.is_err() {
            self.metrics.unaccounted.inc();
        } else {
            hit(Point::EndDurable);
        }
        Poll::Ready(result)
    }

    const fn is_over(&self) -> bool {
        self.admitted.is_already() && self.finished.is_already()
    }
}

impl Drop for Kept {
    /// The client has gone, or the request ended without anyone to tell.
    fn drop(&mut self) {
        let Some(mut keeping) = self.0.take() else { return };
        if keeping.is_over() || std::thread::panicking() {
            return;
        }
        // Without a runtime, which is on its way out, there is nobody to count for.
        if let Ok(runtime) = Handle::try_current() {
            let tracker = keeping.token.task_tracker().clone();
            tracker.spawn_on(std::future::poll_fn(move |cx| keeping.poll(cx)), &runtime);
        }
    }
}
