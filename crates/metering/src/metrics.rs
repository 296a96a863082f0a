//! What the batcher says of itself.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::{Atomic as _, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use tollgate_domain::Credits;

/// Label `outcome` of retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// Label `phase` of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Phase {
    phase: &'static str,
}

/// Label `action` of notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Action {
    action: &'static str,
}

/// Handles of the batcher's own metrics. Counters get their `_total` from the registry.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    pub(crate) lag_seconds: Histogram,
    pub(crate) batch_duration_seconds: Histogram,
    pub(crate) batch_records: Histogram,
    pub(crate) batched_records: Counter,
    pub(crate) duplicates: Counter,
    pub(crate) conflicts: Counter,
    pub(crate) unrated_records: Counter,
    pub(crate) quarantined_records: Counter,
    /// A metric, not money: the books are exact, this is a float as every Prometheus value.
    credits_deducted: Counter<f64, std::sync::atomic::AtomicU64>,
    pub(crate) retries: Counter,
    pub(crate) retried_batches: Counter,
    pub(crate) enrich_errors: Counter,
    pub(crate) write_errors: Counter,
    pub(crate) notifications_allowed: Counter,
    pub(crate) notifications_rate_limited: Counter,
    pub(crate) notifications_sent: Counter,
    pub(crate) queue_depth: Gauge,
    pub(crate) unrated: Gauge,
    pub(crate) quarantined: Gauge,
    pub(crate) unaccounted: Gauge,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let retries = Family::<Outcome, Counter>::default();
        let errors = Family::<Phase, Counter>::default();
        let notifications = Family::<Action, Counter>::default();
        let metrics = Self {
            // 1 ms to 2 minutes: a database that was away shows here.
            lag_seconds: Histogram::new(exponential_buckets(0.001, 2.0, 17)),
            batch_duration_seconds: Histogram::new(exponential_buckets(0.0005, 2.0, 16)),
            batch_records: Histogram::new(exponential_buckets(1.0, 4.0, 8)),
            batched_records: Counter::default(),
            duplicates: Counter::default(),
            conflicts: Counter::default(),
            unrated_records: Counter::default(),
            quarantined_records: Counter::default(),
            credits_deducted: Counter::default(),
            retries: retries.get_or_create_owned(&Outcome { outcome: "retry" }),
            retried_batches: retries.get_or_create_owned(&Outcome { outcome: "success" }),
            enrich_errors: errors.get_or_create_owned(&Phase { phase: "enrich" }),
            write_errors: errors.get_or_create_owned(&Phase { phase: "write" }),
            notifications_allowed: notifications.get_or_create_owned(&Action { action: "allowed" }),
            notifications_rate_limited: notifications.get_or_create_owned(&Action { action: "rate_limited" }),
            notifications_sent: notifications.get_or_create_owned(&Action { action: "sent" }),
            queue_depth: Gauge::default(),
            unrated: Gauge::default(),
            quarantined: Gauge::default(),
            unaccounted: Gauge::default(),
        };
        metrics.enter(registry);
        registry.register(
            "tollgate_analytics_batch_retries",
            "Tries of a flush that failed and are repeated (retry), and batches that went in after one (success)",
            retries,
        );
        registry.register(
            "tollgate_analytics_errors",
            "Failures while looking up and rating records (enrich) and while writing them (write)",
            errors,
        );
        registry.register(
            "tollgate_sync_notifications",
            "Notifications of depleted balances: due at once (allowed), put off (rate_limited), sent (sent)",
            notifications,
        );
        metrics
    }

    fn enter(&self, registry: &mut Registry) {
        registry.register(
            "tollgate_analytics_lag_seconds",
            "From the end of a request until its record was in the books",
            self.lag_seconds.clone(),
        );
        registry.register(
            "tollgate_analytics_batch_duration_seconds",
            "How long a flush took, tries included",
            self.batch_duration_seconds.clone(),
        );
        registry.register(
            "tollgate_analytics_batch_records",
            "Records in a flush",
            self.batch_records.clone(),
        );
        registry.register(
            "tollgate_analytics_batched_records",
            "Records that went into the books",
            self.batched_records.clone(),
        );
        registry.register(
            "tollgate_credits_duplicates",
            "Records that were in the books before and had no effect again",
            self.duplicates.clone(),
        );
        registry.register(
            "tollgate_analytics_conflicts",
            "Records whose identity was in the books with other contents",
            self.conflicts.clone(),
        );
        registry.register(
            "tollgate_analytics_unrated_records",
            "Records that were written without a price",
            self.unrated_records.clone(),
        );
        registry.register(
            "tollgate_analytics_quarantined_records",
            "Records that were set aside",
            self.quarantined_records.clone(),
        );
        registry.register(
            "tollgate_credits_deducted",
            "Credits taken from balances for usage",
            self.credits_deducted.clone(),
        );
        registry.register(
            "tollgate_analytics_queue_depth",
            "Records and reservations between the gateway and the batcher",
            self.queue_depth.clone(),
        );
        registry.register(
            "tollgate_analytics_unrated",
            "Records in the books that wait for a price",
            self.unrated.clone(),
        );
        registry.register(
            "tollgate_analytics_quarantined",
            "Records in quarantine that wait to be replayed or written off",
            self.quarantined.clone(),
        );
        registry.register(
            "tollgate_analytics_unaccounted",
            "Records that are in no state because they were lost; zero unless a shutdown ran out of time",
            self.unaccounted.clone(),
        );
    }

    pub(crate) fn deduct(&self, credits: Credits) {
        #[expect(clippy::cast_precision_loss, reason = "a metric is a float; the books are exact")]
        let credits = credits.pico() as f64 / 1e12;
        self.credits_deducted.inner().inc_by(credits);
    }
}
