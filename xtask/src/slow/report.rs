//! What was measured, for people and as JSON, and what of it is not as it must be.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use tollgate_testkit::slow_clients::{SlowKind, SlowTally};

use super::{
    DESCRIPTORS_TO_SPARE, Options,
    rounds::{Phase, Rounds, With},
};
use crate::{
    load::{arrivals::Sample, median, millis, percentile},
    stage::table,
};

/// The p99 with slow connections is less than so many times the one without.
const MOST_RATIO: f64 = 2.0;

/// Everything that was measured.
pub(super) struct Report<'a> {
    pub(super) options: &'a Options,
    pub(super) samples: Vec<Sample>,
    pub(super) rounds: Rounds,
    /// Of the gateway, before all and after all.
    pub(super) descriptors: (u64, u64),
    /// Requests that reached the upstream.
    pub(super) requests: i64,
    pub(super) differences: Vec<String>,
    pub(super) audit_ok: bool,
}

/// The latencies of one phase.
struct Latencies {
    p50: Duration,
    p99: Duration,
    requests: usize,
}

impl Report<'_> {
    /// Prints it; answers what is not as it must be.
    pub(super) fn print(&self) -> Vec<String> {
        let mut lines =
            table(&["phase", "requests", "p50", "p99", "connections", "descriptors", "memory", "processor"]);
        for phase in &self.rounds.phases {
            let latencies = self.of(phase);
            lines.add_row([
                match phase.with {
                    With::Nothing => "quiet".to_owned(),
                    With::SlowConnections => format!("{} slow", self.options.connections),
                },
                latencies.requests.to_string(),
                format!("{:.1} ms", millis(latencies.p50)),
                format!("{:.1} ms", millis(latencies.p99)),
                phase.connections.to_string(),
                phase.most.descriptors.to_string(),
                format!("{} MiB", phase.most.resident_bytes >> 20),
                format!("{:.1} %", phase.cpu * 100.0),
            ]);
        }
        println!("{lines}");
        for (kind, tally) in self.tallies() {
            let held = tally.held_ms.map_or_else(String::new, |(shortest, longest)| {
                format!(", after {:.1} s to {:.1} s", seconds(shortest), seconds(longest))
            });
            println!(
                "   {kind:?}: {} held at the end of the rounds, {} ended by the gateway{held}, answered {:?}",
                tally.held, tally.ended, tally.answered
            );
        }
        println!(
            "   p99, median of the phases: {:.1} ms without, {:.1} ms with slow connections: {:.2} times (must be less than {MOST_RATIO})",
            self.p99(With::Nothing),
            self.p99(With::SlowConnections),
            self.ratio()
        );
        println!(
            "   a slow connection takes {:.1} KiB of the gateway's memory; descriptors of the gateway: {} before all, {} after all",
            self.bytes_per_connection() / 1024.0,
            self.descriptors.0,
            self.descriptors.1
        );
        let faults = self.faults();
        for fault in &faults {
            println!("   NOT as it must be: {fault}");
        }
        faults
    }

    /// One object.
    pub(super) fn json(&self, faults: &[String]) -> Value {
        let phases: Vec<Value> = self.rounds.phases.iter().map(|phase| self.phase_json(phase)).collect();
        json!({
            "connections": self.options.connections,
            "rate_per_s": self.options.rate,
            "rounds": self.options.rounds,
            "seconds": self.options.seconds,
            "requests": self.samples.len(),
            "failed": self.failures().count(),
            "p99_quiet_ms": self.p99(With::Nothing),
            "p99_slow_ms": self.p99(With::SlowConnections),
            "ratio": self.ratio(),
            "phases": phases,
            "slow": self.tallies(),
            "bytes_per_connection": self.bytes_per_connection(),
            "descriptors_before": self.descriptors.0,
            "descriptors_after": self.descriptors.1,
            "upstream_requests": self.requests,
            "books_equal": self.differences.is_empty(),
            "audit_ok": self.audit_ok,
            "faults": faults,
            "ok": faults.is_empty(),
        })
    }

    fn phase_json(&self, phase: &Phase) -> Value {
        let latencies = self.of(phase);
        json!({
            "slow_connections": phase.with == With::SlowConnections,
            "requests": latencies.requests,
            "p50_ms": millis(latencies.p50),
            "p99_ms": millis(latencies.p99),
            "gateway_connections": phase.connections,
            "gateway_descriptors": phase.most.descriptors,
            "gateway_resident_bytes": phase.most.resident_bytes,
            "gateway_cpu": phase.cpu,
        })
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = self.differences.clone();
        if let Some(first) = self.failures().next() {
            faults.push(format!("{} good requests failed, the first: {first}", self.failures().count()));
        }
        if self.ratio() >= MOST_RATIO {
            faults.push(format!("p99 is {:.2} times as long with slow connections", self.ratio()));
        }
        for (kind, tally) in self.tallies() {
            if let Some(failure) = tally.first_failure {
                faults.push(format!("{} {kind:?} connections failed, the first: {failure}", tally.failed));
            }
        }
        let (before, after) = self.descriptors;
        if after > before + DESCRIPTORS_TO_SPARE {
            faults.push(format!("the gateway had {before} descriptors before, and {after} after all"));
        }
        if !self.audit_ok {
            faults.push("`tollgate audit` found the books wrong".to_owned());
        }
        faults
    }

    fn failures(&self) -> impl Iterator<Item = &str> {
        self.samples.iter().filter_map(|sample| sample.failure.as_deref())
    }

    fn of(&self, phase: &Phase) -> Latencies {
        let during = self.samples.iter().filter(|sample| phase.from <= sample.due && sample.due < phase.to);
        let latencies: Vec<Duration> = during.map(|sample| sample.latency).collect();
        Latencies {
            p50: percentile(&latencies, 50),
            p99: percentile(&latencies, 99),
            requests: latencies.len(),
        }
    }

    fn phases(&self, with: With) -> impl Iterator<Item = &Phase> {
        self.rounds.phases.iter().filter(move |phase| phase.with == with)
    }

    /// The median of the phases' p99, in milliseconds.
    fn p99(&self, with: With) -> f64 {
        let all: Vec<f64> = self.phases(with).map(|phase| millis(self.of(phase).p99)).collect();
        median(&all)
    }

    fn ratio(&self) -> f64 {
        self.p99(With::SlowConnections) / self.p99(With::Nothing)
    }

    /// From the first phase, since memory that was freed may stay with the process.
    #[expect(clippy::cast_precision_loss, reason = "bytes for people")]
    fn bytes_per_connection(&self) -> f64 {
        let resident = |phase: &Phase| phase.most.resident_bytes as f64;
        let first = self.phases(With::Nothing).map(resident).next().unwrap_or_default();
        let most = self.phases(With::SlowConnections).map(resident).fold(first, f64::max);
        (most - first) / self.options.connections.max(1) as f64
    }

    /// Of all rounds together.
    fn tallies(&self) -> BTreeMap<SlowKind, SlowTally> {
        let mut all: BTreeMap<SlowKind, SlowTally> = BTreeMap::new();
        for (kind, tally) in self.rounds.tallies.iter().flatten() {
            let sum = all.entry(*kind).or_default();
            sum.held += tally.held;
            sum.ended += tally.ended;
            sum.failed += tally.failed;
            sum.first_failure = sum.first_failure.take().or_else(|| tally.first_failure.clone());
            for (status, count) in &tally.answered {
                *sum.answered.entry(*status).or_default() += count;
            }
            sum.held_ms = match (sum.held_ms, tally.held_ms) {
                (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
                (one, other) => one.or(other),
            };
        }
        all
    }
}

#[expect(clippy::cast_precision_loss, reason = "a time for people")]
fn seconds(millis: u64) -> f64 {
    millis as f64 / 1_000.0
}
