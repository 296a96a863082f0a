//! The reckoning: faults stop, everything drains, and the three books are laid side by side.

use std::{collections::HashMap, time::Duration};

use tollgate_testkit::oracle_sum;

use crate::{
    books::{self, Row},
    cluster::Cluster,
    plan::GATEWAYS,
    scene,
    verdict::{self, Counted, Fault, Kind, Served},
};

/// Until the books have everything, with a database that is up.
const DRAINS_WITHIN: Duration = Duration::from_mins(1);
/// A client that left at once may have left a request behind that its gateway has not looked at yet.
const STRAGGLERS: Duration = Duration::from_millis(150);

/// What is carried from round to round.
#[derive(Debug)]
pub(crate) struct Ledger {
    seed: u64,
    /// The first request that has not been compared.
    first: u64,
    /// Entries of the upstream's books that have been.
    served: usize,
    rows: u64,
    /// By user.
    spent: HashMap<String, String>,
    pub(crate) counted: Counted,
}

impl Ledger {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, first: 1, served: 0, rows: 0, spent: HashMap::new(), counted: Counted::default() }
    }

    /// Compares everything since the last time.
    pub(crate) async fn reckon(&mut self, cluster: &mut Cluster) -> anyhow::Result<Vec<Fault>> {
        for index in 0..GATEWAYS {
            cluster.ensure_up(index).await?;
        }
        cluster.database_is_shaken = false;
        let next = cluster.load.next_number();
        let sent = cluster.load.pause().await;
        let next = next.max(cluster.load.next_number());
        let client = cluster.postgres.connect().await?;
        tokio::time::sleep(STRAGGLERS).await;
        for index in 0..GATEWAYS {
            if let Err(error) = cluster.gateway(index)?.drained(DRAINS_WITHIN).await {
                cluster.fault(format!("gateway {index}: {error:#}"));
            }
        }
        let entries = cluster.upstream.books_after(self.served);
        self.served += entries.len();
        let served: Vec<Served> = entries
            .iter()
            .map(|entry| Served {
                trace: trace_of(entry.header("traceparent")),
                status: entry.status,
                stated: entry.stated,
            })
            .collect();
        let rows = books::rows(&client, &scene::trace(self.seed, self.first)).await?;
        let (counted, mut faults) = verdict::compare(&sent, &served, &rows, &cluster.crashed);
        self.first = next;
        self.counted.add(counted);
        self.rows += counted.rows;
        self.spend(&rows);
        let totals = books::totals(&client).await?;
        faults.extend(verdict::compare_balances(&totals.balances, &self.spent));
        let known = i64::try_from(self.rows)?;
        if totals.rows != known || totals.traces != known {
            faults.push(Fault::new(
                Kind::Double,
                format!(
                    "the books have {} rows of {} traces, and {known} were compared",
                    totals.rows, totals.traces
                ),
            ));
        }
        if totals.quarantined > 0 {
            faults.push(Fault::new(Kind::Lost, format!("{} records are in quarantine", totals.quarantined)));
        }
        let data = cluster.gateway(0)?.data.clone();
        if let Err(error) = cluster.program.ask(&data, "audit").await {
            faults.push(Fault::new(Kind::Double, format!("the auditor: {error:#}")));
        }
        faults.append(&mut cluster.faults);
        if faults.is_empty() {
            cluster.events.clear();
            for gateway in &cluster.gateways {
                gateway.forget_logs()?;
            }
        }
        Ok(faults)
    }

    fn spend(&mut self, rows: &[Row]) {
        for row in rows {
            let Some(user) = &row.user else { continue };
            let spent = self.spent.entry(user.clone()).or_insert_with(|| "0".to_owned());
            *spent = oracle_sum([spent.as_str(), row.cost.as_str()]);
        }
    }
}

fn trace_of(traceparent: Option<&str>) -> String {
    traceparent.and_then(|text| text.split('-').nth(1)).unwrap_or_default().to_owned()
}
