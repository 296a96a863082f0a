//! What the journal says of itself: the spool at a glance when somebody asks, and counters of what happened.

use std::fmt;
use std::sync::Weak;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;
use tollgate_spool::{Level, OpenReport, Spool};

/// Label `settled` of interrupted requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Settled {
    settled: &'static str,
}

/// Counters of the journal.
#[derive(Debug, Clone)]
pub(crate) struct JournalMetrics {
    /// Requests that are open in the log.
    pub(super) open_requests: Gauge,
    pub(super) voided: Counter,
    pub(super) estimated: Counter,
    pub(super) lost_groups: Counter,
    pub(super) unreadable_records: Counter,
    pub(super) rewinds: Counter,
}

impl JournalMetrics {
    pub(super) fn register(registry: &mut Registry, spool: &std::sync::Arc<Spool>) -> Self {
        let interrupted = Family::<Settled, Counter>::default();
        let metrics = Self {
            open_requests: Gauge::default(),
            voided: interrupted.get_or_create_owned(&Settled { settled: "voided" }),
            estimated: interrupted.get_or_create_owned(&Settled { settled: "estimated" }),
            lost_groups: Counter::default(),
            unreadable_records: Counter::default(),
            rewinds: Counter::default(),
        };
        registry.register(
            "tollgate_open_requests",
            "Requests that were admitted and whose end the batcher has not read",
            metrics.open_requests.clone(),
        );
        registry.register(
            "tollgate_interrupted_requests",
            "Requests in flight when the process before this one ended, by how they were settled",
            interrupted,
        );
        registry.register(
            "tollgate_spool_lost_groups",
            "Groups of records that were damaged or missing when they were read; what can be read of them is kept beside the spool",
            metrics.lost_groups.clone(),
        );
        registry.register(
            "tollgate_spool_unreadable_records",
            "Records in whole groups that could not be read, which is a mistake of this program; they are kept beside the spool",
            metrics.unreadable_records.clone(),
        );
        registry.register(
            "tollgate_spool_rewinds",
            "Times that the database had lost commits, and the log was read again",
            metrics.rewinds.clone(),
        );
        registry.register_collector(Box::new(AtAGlance(std::sync::Arc::downgrade(spool))));
        metrics
    }
}

/// Reads the spool's own account whenever somebody asks.
#[derive(Debug)]
struct AtAGlance(Weak<Spool>);

impl Collector for AtAGlance {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(spool) = self.0.upgrade() else { return Ok(()) };
        let stats = spool.stats();
        let level = match stats.level {
            Level::Normal => 0,
            Level::Warning => 1,
            Level::AdmissionsRefused => 2,
            Level::ReserveInUse => 3,
        };
        let gauges = [
            (
                "tollgate_spool_waiting_records",
                "Records that the books do not have yet",
                stats.waiting_records,
            ),
            ("tollgate_spool_queued_records", "Records that are not durable yet", stats.queued_records),
            ("tollgate_spool_used_bytes", "Bytes in use", stats.used_bytes),
            ("tollgate_spool_limit_bytes", "Bytes that it may use", stats.limit_bytes),
            (
                "tollgate_spool_level",
                "How full it is: 0 normal, 1 warning, 2 new requests are refused, 3 its reserve is in use",
                level,
            ),
            (
                "tollgate_spool_poisoned",
                "Whether a write failed, so that it takes nothing until it is opened again",
                u64::from(stats.poisoned),
            ),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        let age = ConstGauge::new(stats.oldest_waiting_age.unwrap_or_default().as_secs_f64());
        let name = "tollgate_spool_oldest_waiting_seconds";
        let help = "How long the oldest record that the books do not have has been in it";
        age.encode(encoder.encode_descriptor(name, help, None, age.metric_type())?)?;
        let counters = [
            (
                "tollgate_spool_commits",
                "Group commits, each with one fsync where it is durable",
                stats.commits,
            ),
            ("tollgate_spool_committed_records", "Records in them", stats.committed_records),
        ];
        for (name, help, value) in counters {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        Ok(())
    }
}

/// What opening found deserves an alarm where it is anything.
pub(super) fn tell_of_opening(report: &OpenReport) {
    if let Some(rebuilt) = &report.rebuilt {
        tracing::error!(
            kept_in = %rebuilt.kept_in.display(),
            salvaged_groups = rebuilt.salvaged_groups,
            lost_groups = rebuilt.lost_groups,
            new_instance = rebuilt.new_instance,
            "the spool was damaged and was built anew"
        );
    }
    if report.voided_groups > 0 {
        tracing::warn!(
            groups = report.voided_groups,
            "what the spool could not write safely before its process ended was found on the disk, and is void: its clients were refused. \
             Requests whose admission was safe are settled by spool.on_interrupted"
        );
    }
    if report.mark_unreadable {
        tracing::warn!(
            "the mark of the spool could not be read: records at its very end that were lost would not have been noticed"
        );
    }
    if report.damaged_acknowledgements > 0 {
        tracing::warn!(
            acknowledgements = report.damaged_acknowledgements,
            "the spool has forgotten that the books have some records; they are delivered again, and have no second effect"
        );
    }
}
