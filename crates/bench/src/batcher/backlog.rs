//! A start with a million records in the spool: how soon it could admit, and how soon the backlog is in the books while requests are served.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::{Bench, PATIENCE, close};
use crate::journal::{append_all, at_rate};
use crate::report::{Report, heading, line};
use crate::statistics::{milliseconds, quantile};

const BACKLOG: usize = 1_000_000;
const PART: usize = 100_000;
const SERVED_PER_SECOND: u32 = 200;
const SERVED_SECONDS: usize = 30;
const NAME: &str = "backlog";

pub(super) async fn run(bench: &Bench<'_>, report: &mut Report) -> anyhow::Result<()> {
    heading(&format!("a backlog of {BACKLOG} records, {:?}", bench.options.durability));
    let filling = Instant::now();
    let journal = bench.journal(NAME).await?;
    for (part, seed) in (0..BACKLOG).step_by(PART).zip(0..) {
        let records = bench.world.records(bench.mix(), seed, PART.min(BACKLOG - part));
        append_all(&journal, records).await?;
    }
    close(journal).await?;
    let bytes = size_of(&bench.spool_directory(NAME))?;
    line("filled in", &format!("{:.1} s, {} MB", filling.elapsed().as_secs_f64(), bytes / (1024 * 1024)));

    bench.flushes.restart();
    let served = bench.world.records(bench.mix(), 99, usize::try_from(SERVED_PER_SECOND)? * SERVED_SECONDS);
    let served_count = served.len();
    let started = Instant::now();
    let journal = bench.journal(NAME).await?;
    anyhow::ensure!(journal.has_room(), "it could not admit");
    drop(journal.try_reserve());
    let could_admit = started.elapsed();
    let running = bench.batcher_of(&journal);
    let drained = timeout(PATIENCE, bench.flushes.reached(u64::try_from(BACKLOG)?));
    let (drained, served) = tokio::join!(drained, at_rate(&journal, served, SERVED_PER_SECOND.into()));
    let drain = drained?? - started;
    let durable: Vec<f64> = served?.iter().map(|one| milliseconds(one.durable_at - one.at)).collect();
    running.stop(BACKLOG + served_count).await?;
    close(journal).await?;

    let durable = |part| quantile(durable.iter().copied(), part);
    line("could admit after", &format!("{:.0} ms", milliseconds(could_admit)));
    line("a million records in the books after", &seconds(drain));
    line(
        &format!("meanwhile, at {SERVED_PER_SECOND} requests/s, an end durable"),
        &format!("p50 {:.1} ms, p99 {:.1} ms", durable(0.5), durable(0.99)),
    );
    report.figure("could_admit_ms", milliseconds(could_admit));
    report.figure("drain_seconds", drain.as_secs_f64());
    report.figure("records_per_second", BACKLOG as f64 / drain.as_secs_f64());
    report.figure("durable_p50_ms", durable(0.5));
    report.figure("durable_p99_ms", durable(0.99));
    Ok(())
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// Bytes of the files in a directory.
fn size_of(directory: &std::path::Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory)? {
        let metadata = entry?.metadata()?;
        bytes += if metadata.is_file() { metadata.len() } else { 0 };
    }
    Ok(bytes)
}
