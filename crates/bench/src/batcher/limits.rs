//! What PostgreSQL takes at most: the same rows by binary COPY, and nothing else.

use std::time::Instant;

use tollgate_testkit::gauge::{Copiers, CopyRows, Gauge, Target};

use super::{BOOKS, Bench, LIMITS};
use crate::cost::{Cost, Meter};
use tollgate_domain::CorrelationId;

/// Above the number of any instance.
const FIRST_INSTANCE: i32 = 1_000_000;

/// Rows to copy, and a database to copy them into that holds as much as the books did when the first round began.
pub(super) struct Limits {
    rows: CopyRows,
    gauge: Gauge,
}

impl Limits {
    /// Has Tollgate write a round's records, takes the rows that they became, and makes the database.
    pub(super) async fn prepare(bench: &Bench<'_>) -> anyhow::Result<Self> {
        let records = bench.world.records(bench.mix(), u64::MAX, bench.options.records);
        let count = records.len();
        let (running, sender) = bench.batcher_of_channel();
        for (mut record, number) in records.into_iter().zip(1..) {
            record.instance_id = sender.instance_id();
            record.correlation_id = CorrelationId::new(number);
            sender.send(record).await?;
        }
        running.stop(count).await?;
        let books = bench.server.gauge(BOOKS).await;
        let rows = books.rows_of_instance(books.last_instance().await).await;
        anyhow::ensure!(rows.len() == count, "{} of {count} rows were found", rows.len());
        drop(books);
        // Who copies a database must be alone with it; the store's pool connects again when it is needed.
        bench.server.gauge("postgres").await.copy_database(BOOKS, LIMITS).await;
        let gauge = bench.server.gauge(LIMITS).await;
        Ok(Self { rows, gauge })
    }

    /// Copies the rows once more, under another instance's number.
    pub(super) async fn measure(
        &self,
        bench: &Bench<'_>,
        target: Target,
        round: usize,
    ) -> anyhow::Result<Cost> {
        let instance_no = FIRST_INSTANCE + i32::try_from(round)?;
        let batches = self.rows.batches(instance_no, bench.options.batch_size);
        let copiers = Copiers::connect(&bench.server.url(LIMITS), bench.options.connections).await;
        if target == Target::Bare {
            self.gauge.make_bare_table().await;
        }
        let meter = Meter::start(&self.gauge, bench.server.pid()?).await?;
        copiers.copy(target, batches).await;
        meter.stop(&self.gauge, Instant::now()).await
    }
}
