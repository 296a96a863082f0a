//! A constant rate: how long until a record is in the books, and how much of a core all of it takes.

use tokio::time::timeout;

use super::{BOOKS, Bench, PATIENCE, close};
use crate::cost::Meter;
use crate::flushes::Flush;
use crate::journal::{Ended, at_rate};
use crate::report::{Report, heading, line};
use crate::statistics::{milliseconds, quantile};

/// Seconds of requests before those that count.
const WARM_UP_SECONDS: usize = 2;

pub(super) async fn run(bench: &Bench<'_>, rate: u32, report: &mut Report) -> anyhow::Result<()> {
    let seconds = bench.options.steady_seconds;
    heading(&format!("{rate} records/s for {seconds} s"));
    let gauge = bench.server.gauge(BOOKS).await;
    let name = format!("steady-{rate}");
    let journal = bench.journal(&name).await?;
    let running = bench.batcher_of(&journal);
    let rate_count = usize::try_from(rate)?;
    let warm_up = bench.world.records(bench.mix(), 7, rate_count * WARM_UP_SECONDS);
    let counted = bench.world.records(bench.mix(), 8, rate_count * usize::try_from(seconds)?);
    let (before, count) = (warm_up.len(), counted.len());
    bench.flushes.restart();
    at_rate(&journal, warm_up, rate.into()).await?;
    timeout(PATIENCE, bench.flushes.reached(u64::try_from(before)?)).await??;
    bench.flushes.restart();
    let meter = Meter::start(&gauge, bench.server.pid()?).await?;
    let ended = at_rate(&journal, counted, rate.into()).await?;
    let ended_at = timeout(PATIENCE, bench.flushes.reached(u64::try_from(count)?)).await??;
    let cost = meter.stop(&gauge, ended_at).await?;
    let lags = lags(&ended, &bench.flushes.all());
    running.stop(before + count).await?;
    close(journal).await?;
    anyhow::ensure!(lags.len() == count, "{} of {count} records were seen in flushes", lags.len());

    let lag = |part| quantile(lags.iter().copied(), part);
    let durable = |part| quantile(ended.iter().map(|one| milliseconds(one.durable_at - one.at)), part);
    let cores = (cost.client + cost.postgres).as_secs_f64() / cost.took.as_secs_f64();
    let flushes = bench.flushes.all().len();
    line(
        "lag, from the end of a request to COMMIT",
        &format!("p50 {:.1} ms, p99 {:.1} ms", lag(0.5), lag(0.99)),
    );
    line("… until its end is durable", &format!("p50 {:.1} ms, p99 {:.1} ms", durable(0.5), durable(0.99)));
    line(
        "CPU, clients, spool and PostgreSQL included",
        &format!(
            "{cores:.2} cores ({:.2} here, {:.2} PostgreSQL)",
            cost.client.as_secs_f64() / cost.took.as_secs_f64(),
            cost.postgres.as_secs_f64() / cost.took.as_secs_f64()
        ),
    );
    line("records in a transaction, on average", &format!("{:.1}", count as f64 / flushes as f64));
    // The rate of the two that most installations are nearer to has the plain names.
    let suffix = if rate == 500 { String::new() } else { format!("_at_{rate}") };
    report.figure(&format!("lag_p50_ms{suffix}"), lag(0.5));
    report.figure(&format!("lag_p99_ms{suffix}"), lag(0.99));
    report.figure(&format!("durable_p50_ms{suffix}"), durable(0.5));
    report.figure(&format!("durable_p99_ms{suffix}"), durable(0.99));
    report.figure(&format!("cores_at_{rate}"), cores);
    Ok(())
}

/// Of each request the time from its end to the end of the flush that it was in. One flusher takes the ends in the order of their
/// positions, so the first so many are those of the first flush.
fn lags(ended: &[Ended], flushes: &[Flush]) -> Vec<f64> {
    let mut ended = ended.iter();
    let mut lags = Vec::new();
    for flush in flushes {
        for _ in 0..flush.records {
            let Some(one) = ended.next() else { return lags };
            lags.push(milliseconds(flush.ended_at.saturating_duration_since(one.at)));
        }
    }
    lags
}
