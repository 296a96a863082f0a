//! Audits what is new, pass after pass, and says what it finds in metrics and once in the log.
//!
//! A database that is away is no finding: the next pass reaches back to the last one that ended. What is found stays in
//! `tollgate_audit_differences` for as long as the process lives, because it does not go away by itself; `tollgate audit`
//! then says what the whole of it is.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tollgate_domain::Clock;
use tollgate_metering::{
    RecordKeys,
    audit::{AuditConfig, Checked, IncrementalAudit, Pass, Reason},
};
use tollgate_store::Store;

/// Findings of one pass that are logged one by one; the others as a number. They have one cause.
const MAX_LOGGED: usize = 20;

/// Runs the incremental audit.
#[derive(Debug)]
pub(super) struct Auditor {
    audit: IncrementalAudit,
    interval: Duration,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    is_failing: bool,
}

impl Auditor {
    /// One that has seen nothing, or `None` where the configuration wants none.
    pub(super) fn new(
        config: &AuditConfig,
        store: Store,
        keys: RecordKeys,
        clock: Arc<dyn Clock>,
        registry: &mut Registry,
    ) -> Option<Self> {
        let interval = config.interval()?;
        let metrics = Metrics::register(registry);
        let audit = IncrementalAudit::new(store, keys);
        Some(Self { audit, interval, clock, metrics, is_failing: false })
    }

    /// Passes until `shutdown`. The first one only takes the moment to begin at, so it does not wait.
    pub(super) async fn run(mut self, shutdown: CancellationToken) -> anyhow::Result<()> {
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                () = self.pass() => {}
            }
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                () = sleep(self.interval) => {}
            }
        }
    }

    async fn pass(&mut self) {
        let started = Instant::now();
        let passed = self.audit.pass().await;
        self.metrics.duration_seconds.observe(started.elapsed().as_secs_f64());
        match passed {
            Ok(pass) => {
                if self.is_failing {
                    self.is_failing = false;
                    tracing::info!("the books are audited again");
                }
                self.report(&pass);
            }
            Err(error) => {
                self.metrics.count(Outcome::FAILED);
                if !self.is_failing {
                    self.is_failing = true;
                    tracing::warn!(%error, "what is new in the books could not be audited; the next pass makes up for it");
                }
            }
        }
    }

    fn report(&self, pass: &Pass) {
        match pass {
            Pass::Began(reason) => {
                self.metrics.count(Outcome::SKIPPED);
                match reason {
                    Reason::First => {}
                    Reason::OtherServer => tracing::info!(
                        "the database was started again, or is another server: what was entered between the last pass and now is \
                         left to `tollgate audit`"
                    ),
                    Reason::TooMuch => tracing::warn!(
                        "more was entered since the last pass than an audit of what is new may read, and is left to \
                         `tollgate audit`; a shorter audit.interval_s keeps up"
                    ),
                }
            }
            Pass::Checked(checked) => {
                self.metrics.records.inc_by(checked.records);
                if checked.findings_in_all == 0 {
                    self.metrics.count(Outcome::RIGHT);
                    self.metrics.succeeded(self.clock.as_ref());
                } else {
                    self.metrics.count(Outcome::WRONG);
                    self.metrics
                        .differences
                        .inc_by(i64::try_from(checked.findings_in_all).unwrap_or(i64::MAX));
                    log_findings(checked);
                }
            }
        }
    }
}

fn log_findings(checked: &Checked) {
    for finding in checked.findings.iter().take(MAX_LOGGED) {
        let user = finding.user.map(|user| user.to_string()).unwrap_or_default();
        let days = finding.day.clone().unwrap_or_else(|| finding.days.join(" to "));
        tracing::error!(rule = ?finding.rule, user, days, what = finding.what, "the books are wrong");
    }
    let listed = u64::try_from(MAX_LOGGED.min(checked.findings.len())).unwrap_or(u64::MAX);
    let more = checked.findings_in_all.saturating_sub(listed);
    if more > 0 {
        tracing::error!(more, "the books are wrong in more places; `tollgate audit` lists them");
    }
}

/// Label `outcome` of passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

impl Outcome {
    /// Everything that is new is as it should be.
    const RIGHT: Self = Self { outcome: "right" };
    /// Something is not.
    const WRONG: Self = Self { outcome: "wrong" };
    /// Nothing was compared: the first pass, or one that could not reach back.
    const SKIPPED: Self = Self { outcome: "skipped" };
    /// The database did not answer, or not to the end.
    const FAILED: Self = Self { outcome: "failed" };
}

/// What the audit says of itself. Counters get their `_total` from the registry.
#[derive(Debug)]
struct Metrics {
    runs: Family<Outcome, Counter>,
    records: Counter,
    differences: Gauge,
    duration_seconds: Histogram,
    last_success_timestamp_seconds: Gauge<f64, AtomicU64>,
}

impl Metrics {
    fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            runs: Family::default(),
            records: Counter::default(),
            differences: Gauge::default(),
            // 4 ms to a minute, at which a pass is given up.
            duration_seconds: Histogram::new(exponential_buckets(0.004, 2.0, 15)),
            last_success_timestamp_seconds: Gauge::default(),
        };
        for outcome in [Outcome::RIGHT, Outcome::WRONG, Outcome::SKIPPED, Outcome::FAILED] {
            // There from the start: a rate over what appears with its first event misses that event.
            drop(metrics.runs.get_or_create(&outcome));
        }
        registry.register(
            "tollgate_audit_runs",
            "Audits of what is new: right, wrong, skipped (nothing to compare with) or failed (no database)",
            metrics.runs.clone(),
        );
        registry.register(
            "tollgate_audit_records",
            "New records that were checked one by one",
            metrics.records.clone(),
        );
        registry.register(
            "tollgate_audit_differences",
            "What audits of what is new have found wrong since the process began; the log says what",
            metrics.differences.clone(),
        );
        registry.register(
            "tollgate_audit_duration_seconds",
            "How long an audit of what is new took",
            metrics.duration_seconds.clone(),
        );
        registry.register(
            "tollgate_audit_last_success_timestamp_seconds",
            "When an audit of what is new last ended and found nothing wrong, in seconds since 1970",
            metrics.last_success_timestamp_seconds.clone(),
        );
        metrics
    }

    fn count(&self, outcome: Outcome) {
        self.runs.get_or_create(&outcome).inc();
    }

    fn succeeded(&self, clock: &dyn Clock) {
        let now = clock.now();
        self.last_success_timestamp_seconds.set(now.as_duration().as_secs_f64());
    }
}
