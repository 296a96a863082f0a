//! When records are in the books, without asking the database: the batcher's own `flush` span ends right after the commit.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::watch;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{Targets, filter_fn};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

/// What has been flushed, in the order in which flushes ended.
#[derive(Debug, Clone)]
pub(crate) struct Flushes {
    ended: Arc<Mutex<Vec<Flush>>>,
    records: watch::Sender<u64>,
}

/// One flush.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flush {
    pub(crate) records: u64,
    pub(crate) ended_at: Instant,
}

/// Watches every batcher of this process from now on, and prints warnings.
pub(crate) fn watch() -> Flushes {
    let flushes = Flushes { ended: Arc::default(), records: watch::Sender::new(0) };
    let is_flush = |metadata: &Metadata<'_>| metadata.is_span() && metadata.name() == "flush";
    // That a connection was closed under the pool is our own doing: see `limits`.
    let warnings = Targets::new().with_default(LevelFilter::WARN).with_target("deadpool", LevelFilter::ERROR);
    let print = tracing_subscriber::fmt::layer().without_time().with_writer(std::io::stderr);
    tracing_subscriber::registry()
        .with(Watching(flushes.clone()).with_filter(filter_fn(is_flush)))
        .with(print.with_filter(warnings))
        .init();
    flushes
}

impl Flushes {
    /// Begins to count at zero.
    pub(crate) fn restart(&self) {
        self.ended.lock().clear();
        self.records.send_replace(0);
    }

    /// Waits until so many records have been flushed, and says when that was.
    pub(crate) async fn reached(&self, records: u64) -> anyhow::Result<Instant> {
        self.records.subscribe().wait_for(|flushed| *flushed >= records).await?;
        let ended = self.ended.lock();
        let mut sum = 0;
        let at = ended.iter().find(|flush| {
            sum += flush.records;
            sum >= records
        });
        Ok(at.map_or_else(Instant::now, |flush| flush.ended_at))
    }

    /// Every flush since the last restart.
    pub(crate) fn all(&self) -> Vec<Flush> {
        self.ended.lock().clone()
    }
}

/// The layer that hears of spans.
struct Watching(Flushes);

/// The number of records that a span was opened with.
#[derive(Debug, Clone, Copy, Default)]
struct Records(u64);

impl Visit for Records {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "records" {
            self.0 = value;
        }
    }

    fn record_debug(&mut self, _field: &Field, _value: &dyn std::fmt::Debug) {}
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Watching {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut records = Records::default();
        attributes.record(&mut records);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(records);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let records = context.span(&id).and_then(|span| span.extensions().get::<Records>().copied());
        if let Some(Records(records)) = records {
            self.0.ended.lock().push(Flush { records, ended_at: Instant::now() });
            self.0.records.send_modify(|flushed| *flushed += records);
        }
    }
}
