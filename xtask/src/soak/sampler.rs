//! What is seen once a second, and kept for the trends.

use std::{
    fs,
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context;
use tollgate_testkit::ProcessUse;

use crate::load::{
    arrivals::{Sample, Samples},
    millis, percentile,
    server::Metrics,
};

/// A line for people is printed so often.
const SAY_EVERY: Duration = Duration::from_mins(1);

/// One look.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    /// Since the first look.
    pub(super) after: Duration,
    pub(super) server: ProcessUse,
    /// While it runs.
    pub(super) postgres: Option<ProcessUse>,
    pub(super) tasks: f64,
    pub(super) connections: f64,
    pub(super) in_flight: f64,
    pub(super) spool_bytes: f64,
    pub(super) spool_waiting: f64,
    /// How long the oldest record that the books lack has waited.
    pub(super) books_lag_s: f64,
}

impl Seen {
    pub(super) fn of(metrics: &Metrics, server: ProcessUse, postgres: Option<ProcessUse>) -> Self {
        Self {
            after: Duration::ZERO,
            server,
            postgres,
            tasks: metrics.get("tollgate_runtime_alive_tasks"),
            connections: metrics.get("tollgate_gateway_connections"),
            in_flight: metrics.get("tollgate_gateway_in_flight"),
            spool_bytes: metrics.get("tollgate_spool_used_bytes"),
            spool_waiting: metrics.get("tollgate_spool_waiting_records"),
            books_lag_s: metrics.get("tollgate_spool_oldest_waiting_seconds"),
        }
    }
}

/// All looks.
#[derive(Debug)]
pub(super) struct Sampler {
    started: Instant,
    looks: Vec<Seen>,
    /// The looks that count.
    from: usize,
    to: Option<usize>,
    samples: Samples,
    /// The latencies since the last line.
    lately: Vec<Sample>,
    counted: Vec<Sample>,
    say_at: Instant,
    /// How often PostgreSQL was stopped.
    pub(super) outages: u32,
}

impl Sampler {
    pub(super) fn new(samples: Samples) -> Self {
        let now = Instant::now();
        Self {
            started: now,
            looks: Vec::new(),
            from: 0,
            to: None,
            samples,
            lately: Vec::new(),
            counted: Vec::new(),
            say_at: now + SAY_EVERY,
            outages: 0,
        }
    }

    /// From here on the looks count for the trends.
    pub(super) fn begin(&mut self) {
        self.from = self.looks.len();
        println!("   warmed up after {:.0} s; from here on it counts", self.started.elapsed().as_secs_f64());
    }

    /// Until here they count.
    pub(super) fn end(&mut self) {
        self.to = Some(self.looks.len());
    }

    pub(super) fn note(&mut self, seen: Seen) {
        let seen = Seen { after: self.started.elapsed(), ..seen };
        self.looks.push(seen);
        self.lately.extend(self.samples.take());
        if Instant::now() >= self.say_at {
            self.say_at += SAY_EVERY;
            self.say(&seen);
        }
    }

    fn say(&mut self, seen: &Seen) {
        let lately = std::mem::take(&mut self.lately);
        let latencies: Vec<Duration> = lately.iter().map(|sample| sample.latency).collect();
        let failed = lately.iter().filter(|sample| sample.failure.is_some()).count();
        println!(
            "   {:>4.0} s: {} requests, {failed} failed, p50 {:.1} ms, p99 {:.1} ms; {} MiB, {} descriptors, {} threads, {} tasks; \
             PostgreSQL {} MiB; spool {:.1} MiB, {} waiting, lag {:.1} s; PostgreSQL stopped {} times",
            seen.after.as_secs_f64(),
            lately.len(),
            millis(percentile(&latencies, 50)),
            millis(percentile(&latencies, 99)),
            seen.server.resident_bytes >> 20,
            seen.server.descriptors,
            seen.server.threads,
            seen.tasks,
            seen.postgres.map_or(0, |postgres| postgres.resident_bytes >> 20),
            seen.spool_bytes / f64::from(1 << 20),
            seen.spool_waiting,
            seen.books_lag_s,
            self.outages,
        );
        self.counted.extend(lately);
    }

    /// The looks that count.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.looks.get(self.from..self.to.unwrap_or(self.looks.len())).unwrap_or_default().to_vec()
    }

    /// Every request since the sampler was made.
    pub(super) fn take_samples(&mut self) -> Vec<Sample> {
        let mut all = std::mem::take(&mut self.counted);
        all.append(&mut self.lately);
        all.extend(self.samples.take());
        all
    }

    /// Writes all looks, those of the warm-up too.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let writing = || format!("writing {}", path.display());
        let mut file = std::io::BufWriter::new(fs::File::create(path).with_context(writing)?);
        writeln!(
            file,
            "seconds,resident_bytes,private_bytes,descriptors,threads,tasks,connections,in_flight,cpu_ms,postgres_private_bytes,\
             postgres_shared_bytes,spool_bytes,spool_waiting,books_lag_s"
        )?;
        for seen in &self.looks {
            let postgres = seen.postgres.unwrap_or_default();
            writeln!(
                file,
                "{:.3},{},{},{},{},{},{},{},{},{},{},{},{},{}",
                seen.after.as_secs_f64(),
                seen.server.resident_bytes,
                seen.server.private_bytes,
                seen.server.descriptors,
                seen.server.threads,
                seen.tasks,
                seen.connections,
                seen.in_flight,
                seen.server.cpu_ms,
                postgres.private_bytes,
                postgres.shared_bytes,
                seen.spool_bytes,
                seen.spool_waiting,
                seen.books_lag_s,
            )?;
        }
        file.flush().with_context(writing)
    }
}
