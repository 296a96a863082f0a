//! What was measured, for people and as JSON, and what of it is not as it must be.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{
    sampler::Seen,
    trend::{MOST_GROWTH, Of, Trend, Verdict},
};
use crate::{
    load::{arrivals::Sample, good::Kind, millis, percentile},
    stage::table,
};

const MIB: f64 = 1_048_576.0;

/// Everything that was measured.
pub(super) struct Report {
    pub(super) minutes: f64,
    pub(super) capacity: f64,
    pub(super) rate: f64,
    /// How often PostgreSQL was stopped while it counted.
    pub(super) outages: u32,
    pub(super) seen: Vec<Seen>,
    pub(super) samples: Vec<Sample>,
    /// Requests that reached the upstream, all in all.
    pub(super) requests: i64,
    pub(super) differences: Vec<String>,
    pub(super) audit_ok: bool,
}

/// A quantity that must not grow.
struct Quantity {
    name: &'static str,
    unit: &'static str,
    scale: f64,
    by: Of,
    /// Growth in one run that is nothing for its kind, in its own unit.
    nothing: f64,
    /// Whether the run fails where it grows; else it is told.
    must_be_flat: bool,
    of: fn(&Seen) -> Option<f64>,
}

#[expect(clippy::cast_precision_loss, reason = "bytes and counts for a trend")]
const QUANTITIES: [Quantity; 7] = [
    Quantity {
        name: "resident memory",
        unit: "MiB",
        scale: MIB,
        by: Of::Mean,
        nothing: 1.0,
        must_be_flat: true,
        of: |seen| Some(seen.server.resident_bytes as f64),
    },
    Quantity {
        name: "file descriptors",
        unit: "",
        scale: 1.0,
        by: Of::Least,
        nothing: 2.0,
        must_be_flat: true,
        of: |seen| Some(seen.server.descriptors as f64),
    },
    Quantity {
        name: "threads",
        unit: "",
        scale: 1.0,
        by: Of::Mean,
        nothing: 1.0,
        must_be_flat: true,
        of: |seen| Some(seen.server.threads as f64),
    },
    Quantity {
        name: "tasks",
        unit: "",
        scale: 1.0,
        by: Of::Least,
        nothing: 5.0,
        must_be_flat: true,
        of: |seen| Some(seen.tasks),
    },
    Quantity {
        name: "records waiting",
        unit: "",
        scale: 1.0,
        by: Of::Least,
        nothing: 1_000.0,
        must_be_flat: true,
        of: |seen| Some(seen.spool_waiting),
    },
    Quantity {
        name: "PostgreSQL, own memory",
        unit: "MiB",
        scale: MIB,
        by: Of::Mean,
        nothing: 4.0,
        must_be_flat: true,
        of: |seen| seen.postgres.map(|postgres| postgres.private_bytes as f64),
    },
    // Filled once to its size, which is configured.
    Quantity {
        name: "PostgreSQL, buffers in use",
        unit: "MiB",
        scale: MIB,
        by: Of::Mean,
        nothing: 1.0,
        must_be_flat: false,
        of: |seen| seen.postgres.map(|postgres| postgres.shared_bytes as f64),
    },
];

impl Quantity {
    fn trend(&self, seen: &[Seen]) -> Option<Trend> {
        let points: Vec<(Duration, f64)> =
            seen.iter().filter_map(|seen| Some((seen.after, (self.of)(seen)? / self.scale))).collect();
        Trend::of(&points, self.by, self.nothing)
    }
}

impl Report {
    /// Prints it; answers what is not as it must be.
    pub(super) fn print(&self) -> Vec<String> {
        let mut lines = table(&["", "mean", "slope per hour", "95%", "allowed", "verdict"]);
        for quantity in &QUANTITIES {
            let Some(trend) = quantity.trend(&self.seen) else { continue };
            let with_unit = |number: f64| format!("{number:.2} {}", quantity.unit).trim_end().to_owned();
            lines.add_row([
                quantity.name.to_owned(),
                with_unit(trend.mean),
                with_unit(trend.slope_per_hour),
                format!("± {}", with_unit(trend.uncertainty_per_hour)),
                if quantity.must_be_flat { with_unit(trend.allowed_per_hour) } else { "–".to_owned() },
                trend.verdict().to_string(),
            ]);
        }
        println!("{lines}");
        println!(
            "   flat: the slope's 95% interval stays below a growth of {:.0}% of the mean, or of next to nothing, in the whole run \
             of {} minutes",
            MOST_GROWTH * 100.0,
            self.minutes
        );
        println!(
            "   {} requests, {} failed, {} left by their clients; p50 {:.1} ms, p99 {:.1} ms; PostgreSQL was stopped {} times; at most \
             {} records waited, and the books were {:.1} s behind",
            self.samples.len(),
            self.failures().count(),
            self.of_kind(Kind::Left),
            millis(self.latency(50)),
            millis(self.latency(99)),
            self.outages,
            self.most(|seen| seen.spool_waiting),
            self.most(|seen| seen.books_lag_s),
        );
        println!(
            "   spool {:.1} MiB at the end, {:.1} MiB at most",
            self.seen.last().map_or(0.0, |seen| seen.spool_bytes / MIB),
            self.most(|seen| seen.spool_bytes) / MIB
        );
        let faults = self.faults();
        for fault in &faults {
            println!("   NOT as it must be: {fault}");
        }
        if faults.is_empty() {
            println!("   The upstream's own books say the same as Tollgate's, and nothing grew.");
        }
        faults
    }

    /// One object.
    pub(super) fn json(&self, faults: &[String]) -> Value {
        let trends: Map<String, Value> = QUANTITIES
            .iter()
            .filter_map(|quantity| {
                let unit =
                    if quantity.unit.is_empty() { String::new() } else { format!(" ({})", quantity.unit) };
                Some((format!("{}{unit}", quantity.name), quantity.trend(&self.seen)?.json()))
            })
            .collect();
        json!({
            "minutes": self.minutes,
            "capacity_per_s": self.capacity,
            "rate_per_s": self.rate,
            "requests": self.samples.len(),
            "failed": self.failures().count(),
            "left": self.of_kind(Kind::Left),
            "upstream_requests": self.requests,
            "outages": self.outages,
            "p50_ms": millis(self.latency(50)),
            "p99_ms": millis(self.latency(99)),
            "most_waiting_records": self.most(|seen| seen.spool_waiting),
            "most_books_lag_s": self.most(|seen| seen.books_lag_s),
            "trends": trends,
            "books_equal": self.differences.is_empty(),
            "audit_ok": self.audit_ok,
            "faults": faults,
            "ok": faults.is_empty(),
        })
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = self.differences.clone();
        if let Some(first) = self.failures().next() {
            faults.push(format!("{} requests failed, the first: {first}", self.failures().count()));
        }
        for quantity in QUANTITIES.iter().filter(|quantity| quantity.must_be_flat) {
            match quantity.trend(&self.seen) {
                None => faults.push(format!("{}: the run was too short for a trend", quantity.name)),
                Some(trend) => match trend.verdict() {
                    Verdict::Flat => {}
                    Verdict::Growing => faults.push(format!("{} grows", quantity.name)),
                    Verdict::CannotTell => {
                        faults.push(format!("{}: too noisy to tell, run it longer", quantity.name));
                    }
                },
            }
        }
        if !self.audit_ok {
            faults.push("`tollgate audit` found the books wrong".to_owned());
        }
        faults
    }

    fn failures(&self) -> impl Iterator<Item = &str> {
        self.samples.iter().filter_map(|sample| sample.failure.as_deref())
    }

    fn of_kind(&self, kind: Kind) -> usize {
        self.samples.iter().filter(|sample| sample.kind == kind).count()
    }

    /// Of requests that take no time of their own.
    fn latency(&self, of_hundred: usize) -> Duration {
        let quick = self.samples.iter().filter(|sample| matches!(sample.kind, Kind::Whole | Kind::Stream));
        let latencies: Vec<Duration> = quick.map(|sample| sample.latency).collect();
        percentile(&latencies, of_hundred)
    }

    fn most(&self, of: fn(&Seen) -> f64) -> f64 {
        self.seen.iter().map(of).fold(0.0, f64::max)
    }
}
