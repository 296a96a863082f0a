//! As fast as it goes: Tollgate and the limits in turn, several times, and the median of each.

use std::time::{Duration, Instant};

use tokio::time::timeout;
use tollgate_domain::{CorrelationId, RawAnalyticsRecord};
use tollgate_testkit::gauge::Target;

use super::limits::Limits;
use super::{BOOKS, Bench, PATIENCE, close};
use crate::cost::{Cost, Meter, memory, peak_memory};
use crate::report::{Report, heading, line};
use crate::statistics::median;

/// One of the three that are measured in a round.
type Side = fn(&Round) -> &Cost;

/// One round.
struct Round {
    tollgate: Cost,
    same_table: Cost,
    bare: Cost,
    appended_in: Option<Duration>,
    peak_bytes: u64,
    prepared_bytes: u64,
}

pub(super) async fn run(bench: &Bench<'_>, report: &mut Report) -> anyhow::Result<()> {
    let options = bench.options;
    let count = options.records;
    heading(&format!(
        "{count} records a round, {} rounds, batches of {}, {} connection(s), {}{}{}",
        options.rounds,
        options.batch_size,
        options.connections,
        if options.channel {
            "in-memory channel".to_owned()
        } else {
            format!("journal, {:?}", options.durability)
        },
        if options.prefilled { " (filled before)" } else { "" },
        if options.hot_user { ", one user" } else { "" },
    ));
    let limits = Limits::prepare(bench).await?;
    let mut rounds = Vec::with_capacity(options.rounds);
    for number in 0..options.rounds {
        let round = measure(bench, &limits, number).await?;
        let rate = |cost: &Cost| count as f64 / cost.took.as_secs_f64();
        line(
            &format!("round {}: Tollgate, COPY, COPY without index", number + 1),
            &format!(
                "{:>9.0} {:>9.0} {:>9.0} records/s",
                rate(&round.tollgate),
                rate(&round.same_table),
                rate(&round.bare)
            ),
        );
        rounds.push(round);
    }
    print(&rounds, count, report);
    Ok(())
}

async fn measure(bench: &Bench<'_>, limits: &Limits, number: usize) -> anyhow::Result<Round> {
    let seed = u64::try_from(number)?;
    let records = bench.world.records(bench.mix(), seed, bench.options.records);
    let prepared_bytes = memory("VmRSS:")?;
    let (tollgate, appended_in) = if bench.options.channel {
        (through_channel(bench, records).await?, None)
    } else {
        through_journal(bench, records, number).await?
    };
    let peak_bytes = peak_memory()?;
    let same_table = limits.measure(bench, Target::SameTable, number).await?;
    let bare = limits.measure(bench, Target::Bare, number).await?;
    Ok(Round { tollgate, same_table, bare, appended_in, peak_bytes, prepared_bytes })
}

async fn through_journal(
    bench: &Bench<'_>,
    records: Vec<RawAnalyticsRecord>,
    number: usize,
) -> anyhow::Result<(Cost, Option<Duration>)> {
    let count = records.len();
    let gauge = bench.server.gauge(BOOKS).await;
    let journal = bench.journal(&format!("round-{number}")).await?;
    bench.flushes.restart();
    let all = u64::try_from(count)?;
    let (meter, running, appended_in);
    if bench.options.prefilled {
        let started = Instant::now();
        crate::journal::append_all(&journal, records).await?;
        appended_in = started.elapsed();
        meter = Meter::start(&gauge, bench.server.pid()?).await?;
        running = bench.batcher_of(&journal);
    } else {
        running = bench.batcher_of(&journal);
        meter = Meter::start(&gauge, bench.server.pid()?).await?;
        let started = Instant::now();
        crate::journal::append_all(&journal, records).await?;
        appended_in = started.elapsed();
    }
    let ended_at = timeout(PATIENCE, bench.flushes.reached(all)).await??;
    let cost = meter.stop(&gauge, ended_at).await?;
    running.stop(count).await?;
    close(journal).await?;
    std::fs::remove_dir_all(bench.spool_directory(&format!("round-{number}")))?;
    Ok((cost, Some(appended_in)))
}

async fn through_channel(bench: &Bench<'_>, records: Vec<RawAnalyticsRecord>) -> anyhow::Result<Cost> {
    let count = records.len();
    let gauge = bench.server.gauge(BOOKS).await;
    let (running, sender) = bench.batcher_of_channel();
    bench.flushes.restart();
    let meter = Meter::start(&gauge, bench.server.pid()?).await?;
    for (mut record, number) in records.into_iter().zip(1..) {
        record.instance_id = sender.instance_id();
        record.correlation_id = CorrelationId::new(number);
        sender.send(record).await?;
    }
    let ended_at = timeout(PATIENCE, bench.flushes.reached(u64::try_from(count)?)).await??;
    let cost = meter.stop(&gauge, ended_at).await?;
    running.stop(count).await?;
    Ok(cost)
}

fn print(rounds: &[Round], count: usize, report: &mut Report) {
    let per = count as f64;
    let middle = |of: &dyn Fn(&Round) -> f64| median(rounds.iter().map(of));
    let rate = |of: Side| middle(&|round| per / of(round).took.as_secs_f64());
    let cpu =
        |of: Side, part: fn(&Cost) -> Duration| middle(&|round| part(of(round)).as_secs_f64() * 1e6 / per);
    heading("median");
    let sides: [(&str, &str, Side); 3] = [
        ("Tollgate", "", |round| &round.tollgate),
        ("COPY into the same table", "copy_", |round| &round.same_table),
        ("COPY into a bare table", "bare_copy_", |round| &round.bare),
    ];
    for (name, prefix, of) in sides {
        let (client, postgres) = (cpu(of, |cost| cost.client), cpu(of, |cost| cost.postgres));
        let wal = middle(&|round| of(round).wal_bytes / per);
        let text = format!(
            "{:>9.0} records/s, CPU {client:>5.2} µs here + {postgres:>5.2} µs PostgreSQL, {wal:>5.0} B of WAL a record",
            rate(of)
        );
        line(name, &text);
        report.figure(&format!("{prefix}records_per_second"), rate(of));
        report.figure(&format!("{prefix}cpu_us_per_record"), client + postgres);
        report.figure(&format!("{prefix}client_cpu_us_per_record"), client);
        report.figure(&format!("{prefix}postgres_cpu_us_per_record"), postgres);
        report.figure(&format!("{prefix}wal_bytes_per_record"), wal);
    }
    let ratio = |to: Side| middle(&|round| to(round).took.as_secs_f64() / round.tollgate.took.as_secs_f64());
    let (to_copy, to_bare) = (ratio(|round| &round.same_table), ratio(|round| &round.bare));
    line("ratio to COPY into the same table", &format!("{to_copy:.2}"));
    line("ratio to COPY into a bare table", &format!("{to_bare:.2}"));
    report.figure("ratio_to_copy", to_copy);
    report.figure("ratio_to_bare_copy", to_bare);
    let stored = |of: fn(&Cost) -> f64| middle(&|round| of(&round.tollgate) / per);
    let (heap, index) = (stored(|cost| cost.records_heap), stored(|cost| cost.records_index));
    let (details, sums) = (stored(|cost| cost.details), stored(|cost| cost.sums));
    line("stored a record: heap, index", &format!("{heap:.0} + {index:.0} B"));
    line("… what only batch requests have (details)", &format!("{details:.0} B"));
    line("… rollups and balances, grown by", &format!("{sums:.0} B"));
    report.figure("stored_bytes_per_record", heap + index + details);
    report.figure("heap_bytes_per_record", heap);
    report.figure("index_bytes_per_record", index);
    report.figure("details_bytes_per_record", details);
    report.figure("sums_bytes_per_record", sums);
    if rounds.iter().all(|round| round.appended_in.is_some()) {
        let appended = middle(&|round| per / round.appended_in.unwrap_or_default().as_secs_f64());
        line("appended to the journal, durable", &format!("{appended:>9.0} records/s"));
        report.figure("appended_per_second", appended);
    }
    let megabytes = |bytes: u64| bytes as f64 / (1024.0 * 1024.0);
    let (peak, prepared) =
        (middle(&|round| megabytes(round.peak_bytes)), middle(&|round| megabytes(round.prepared_bytes)));
    line(
        "peak memory",
        &format!("{peak:.0} MB; {prepared:.0} MB before the clock started, with the records prepared"),
    );
    report.figure("peak_memory_mb", peak);
}
