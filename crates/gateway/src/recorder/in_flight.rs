//! A request between admission and its record.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tollgate_domain::{Credits, Outcome, RawAnalyticsRecord, UsageSource, utc_day};
use tollgate_failpoints::{Point, hit};

use super::kept::{Keeping, Kept};
use super::{Durable, Finished, NotDurable, RecordSlot};
use crate::hold::{Growing, Hold, HoldEnd, Learned};
use crate::limit::Passed;
use crate::metrics::Metrics;
use crate::usage::Observed;
use crate::view::{KeyEntry, LiveModel, LiveView, cost_of};

/// A request that was admitted and has not ended. It ends once: through [`InFlight::finish`], or, where nobody came to
/// that (a panic, the end of the process around it), when it is dropped.
#[derive(Debug)]
pub(crate) struct InFlight {
    /// `None` once it has ended. What holds this is moved often, from one future into the next.
    open: Option<Box<Open>>,
    started: Instant,
    view: Arc<LiveView>,
    metrics: Arc<Metrics>,
    key: Arc<KeyEntry>,
    model: Option<Arc<LiveModel>>,
    learned: Arc<Learned>,
}

#[derive(Debug)]
struct Open {
    slot: Box<dyn RecordSlot>,
    record: RawAnalyticsRecord,
    /// Whether the sink has the admission safe.
    admitted: Durable,
    /// Of its owner's credits.
    hold: Hold,
    /// One of the requests in flight at once.
    permit: OwnedSemaphorePermit,
    /// Shutdown waits for it.
    token: TaskTrackerToken,
    /// Of the limits of its key, its user and its model.
    passed: Passed,
}

/// What an [`InFlight`] is made of.
#[derive(Debug)]
pub(crate) struct Admission {
    pub(crate) slot: Box<dyn RecordSlot>,
    /// All that is known at admission; its ending says that the client went away unanswered, until it is known better.
    pub(crate) record: RawAnalyticsRecord,
    /// The declared length of the request's body.
    pub(crate) body_bytes: Option<u64>,
    pub(crate) started: Instant,
    pub(crate) view: Arc<LiveView>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) key: Arc<KeyEntry>,
    pub(crate) model: Option<Arc<LiveModel>>,
    pub(crate) hold: Hold,
    pub(crate) learned: Arc<Learned>,
    pub(crate) permit: OwnedSemaphorePermit,
    pub(crate) token: TaskTrackerToken,
    pub(crate) passed: Passed,
}

/// How a request ended.
#[derive(Debug)]
pub(crate) struct Ended<'a> {
    pub(crate) outcome: Outcome,
    /// What the response said, where there was one.
    pub(crate) observed: Option<&'a Observed>,
}

/// What the client may be told.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Receipt {
    /// What the request costs; `None` while it has no price.
    pub(crate) cost: Option<Credits>,
}

/// A request that has ended, and its record.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) receipt: Receipt,
    pub(crate) kept: Kept,
}

impl InFlight {
    /// Hands the admission to the sink, and is in flight from then on.
    pub(crate) fn new(admission: Admission) -> Self {
        let Admission {
            slot,
            record,
            body_bytes,
            started,
            view,
            metrics,
            key,
            model,
            hold,
            learned,
            permit,
            token,
            passed,
        } = admission;
        metrics.admitted.inc();
        metrics.in_flight.inc();
        let admitted = Durable::already();
        let open = Some(Box::new(Open { slot, record, admitted, hold, permit, token, passed }));
        // Should the sink panic, there is a record already.
        let mut in_flight = Self { open, started, view, metrics, key, model, learned };
        if let Some(open) = &mut in_flight.open {
            open.admitted = open.slot.admit(&open.record, body_bytes);
            hit(Point::AdmissionAppended);
        }
        in_flight
    }

    /// Waits until the admission is safe. **The first byte of a response is released only after this has resolved.**
    pub(crate) async fn admitted(&mut self) -> Result<(), NotDurable> {
        std::future::poll_fn(|cx| self.poll_admitted(cx)).await
    }

    /// The same, to be polled.
    pub(crate) fn poll_admitted(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), NotDurable>> {
        match &mut self.open {
            Some(open) => Pin::new(&mut open.admitted).poll(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    /// The request ends here, with nothing of it let go. Whether [`InFlight::finish`] may follow at once: the admission is safe, or not
    /// needed any more. Otherwise [`InFlight::admitted`] comes first.
    pub(crate) fn may_finish(&mut self) -> bool {
        let Some(open) = &mut self.open else { return true };
        if !open.admitted.is_already() && open.slot.withdraw() {
            open.admitted = Durable::already();
        }
        open.admitted.is_already()
    }

    /// The status that the client gets, or would have got.
    pub(crate) fn answered(&mut self, status_code: u16) {
        if let Some(open) = &mut self.open {
            open.record.status_code = i32::from(status_code);
        }
    }

    /// The first byte of content has come.
    pub(crate) fn first_content(&mut self) {
        let elapsed = self.elapsed_ms();
        if let Some(open) = &mut self.open {
            open.record.duration_to_first_byte_ms.get_or_insert(elapsed);
        }
    }

    /// Whether a long answer may have it hold more.
    pub(crate) fn may_grow(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.hold.is_held())
    }

    /// Whether an answer that grows beyond what there is ends there.
    pub(crate) fn may_be_cut(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.hold.may_cut())
    }

    /// The answer has about so many tokens so far: holds more for it where that is due. What it returns is waited for, and said to
    /// [`InFlight::grown`], before anything more is let go.
    pub(crate) fn grow(&mut self, written: u64) -> Option<Growing> {
        self.open.as_mut()?.hold.grow(written)
    }

    /// Whether the answer goes on.
    pub(crate) fn grown(&mut self, by: Option<Credits>) -> bool {
        self.open.as_mut().is_none_or(|open| open.hold.grown(by))
    }

    /// Hands the record to the sink and debits its cost. **The last bytes of a response are released only after
    /// [`Recorded::kept`] has resolved**; those who have none to release may drop it.
    pub(crate) fn finish(mut self, ended: &Ended<'_>) -> Recorded {
        self.end(ended)
    }

    /// Counts this request as draining for as long as the guard lives.
    pub(crate) fn draining(&self) -> Draining {
        self.metrics.draining.inc();
        Draining(Arc::clone(&self.metrics))
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    fn elapsed_ms(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    fn end(&mut self, ended: &Ended<'_>) -> Recorded {
        // Before anything is taken: should it panic, the drop of this makes the record.
        hit(Point::BeforeEnd);
        let duration_ms = self.elapsed_ms();
        let Some(open) = self.open.take() else {
            return Recorded { receipt: Receipt::default(), kept: Kept::nothing() };
        };
        let Open { slot, mut record, admitted, hold, permit, token, passed } = *open;
        record.duration_ms = duration_ms;
        record.outcome = ended.outcome;
        if let Some(observed) = ended.observed {
            record.usage = observed.usage;
            record.usage_source = observed.usage_source;
            record.response_model.clone_from(&observed.response_model);
            record.finish_reason.clone_from(&observed.finish_reason);
            observed.response_type.clone_into(&mut record.response_type);
        }
        let cost = self.cost(&record);
        passed.end(tokens_used(&record));
        self.learn(&record);
        let day = utc_day(record.timestamp);
        let Finished { position, durable: finished } = slot.finish(record);
        hit(Point::EndAppended);
        if let Some(cost) = cost {
            self.view.spend(&self.key, day, position, cost);
        }
        hold.end(match cost {
            Some(cost) if cost.is_positive() => HoldEnd::Charged { position, cost },
            Some(_) => HoldEnd::Free,
            None => HoldEnd::Unrated,
        });
        self.metrics.ended(ended.outcome);
        self.metrics.in_flight.dec();
        let metrics = Arc::clone(&self.metrics);
        let kept = Kept::new(Keeping { admitted, finished, metrics, _permit: permit, token });
        Recorded { receipt: Receipt { cost }, kept }
    }

    /// What the upstream stated is remembered for the estimates of others.
    fn learn(&self, record: &RawAnalyticsRecord) {
        if let (UsageSource::Provider, Some(tokens), Some(model)) =
            (record.usage_source, record.usage.completion_tokens, &self.model)
        {
            self.learned.saw(self.key.id, model.entry.id, tokens.max(0).unsigned_abs());
        }
    }

    /// By the prices in force now; those of a model that has been deleted since are the ones it was admitted with.
    fn cost(&self, record: &RawAnalyticsRecord) -> Option<Credits> {
        let snapshot = self.view.snapshot();
        let model = self.model.as_ref()?;
        let model = snapshot.model_by_id(model.entry.id).unwrap_or(model);
        cost_of(record, &self.key, &model.tariffs)
    }
}

/// As the limits on tokens count them; none where nobody knows.
fn tokens_used(record: &RawAnalyticsRecord) -> u64 {
    let usage = &record.usage;
    let parts = usage.prompt_tokens.unwrap_or(0).saturating_add(usage.completion_tokens.unwrap_or(0));
    u64::try_from(parts.max(usage.total_tokens.unwrap_or(0))).unwrap_or(0)
}

/// Counts a request whose client has gone.
#[derive(Debug)]
pub(crate) struct Draining(Arc<Metrics>);

impl Drop for Draining {
    fn drop(&mut self) {
        self.0.draining.dec();
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.open.is_some() {
            self.answered(http::StatusCode::INTERNAL_SERVER_ERROR.as_u16());
            // A client that leaves is seen by the exchange. What drops this without a panic is the end of the runtime.
            let outcome = if std::thread::panicking() { Outcome::Failed } else { Outcome::Interrupted };
            drop(self.end(&Ended { outcome, observed: None }));
        }
    }
}

#[cfg(test)]
mod tests;
