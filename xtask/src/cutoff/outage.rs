//! Half a minute without PostgreSQL, at four gateways under load whose leases cover it: no request may fail.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde_json::{Value, json};

use super::traffic::Traffic;
use crate::{
    load::{ledger::Ledger, millis, percentile},
    stage::several::Several,
};

const WITHOUT: Duration = Duration::from_secs(30);
/// Until every gateway has leases of every customer.
const BEFORE: Duration = Duration::from_secs(5);
const AFTER: Duration = Duration::from_secs(5);
/// How it went.
#[derive(Debug, Clone)]
pub(super) struct Outage {
    requests: usize,
    failed: usize,
    p50: Duration,
    p99: Duration,
    /// Of those that failed, how many with which words.
    failures: BTreeMap<String, usize>,
}

pub(super) async fn play(stage: &mut Several, rate: f64, ledger: &mut Ledger) -> anyhow::Result<Outage> {
    println!("── {} s without PostgreSQL", WITHOUT.as_secs());
    let traffic = Traffic::start(&stage.gateways, &stage.keys, rate);
    tokio::time::sleep(BEFORE).await;
    stage.without_database(WITHOUT).await?;
    tokio::time::sleep(AFTER).await;
    let samples = traffic.stop().await;
    ledger.take_rest(&stage.upstream).await?;
    let latencies: Vec<Duration> = samples.iter().map(|sample| sample.latency).collect();
    let mut failures: BTreeMap<String, usize> = BTreeMap::new();
    for failure in samples.iter().filter_map(|sample| sample.failure.clone()) {
        *failures.entry(failure).or_default() += 1;
    }
    Ok(Outage {
        requests: samples.len(),
        failed: failures.values().sum(),
        p50: percentile(&latencies, 50),
        p99: percentile(&latencies, 99),
        failures,
    })
}

impl Outage {
    pub(super) fn fault(&self) -> Option<String> {
        (self.failed > 0)
            .then(|| format!("of {} requests failed without PostgreSQL: {:?}", self.requests, self.failures))
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "requests": self.requests,
            "failed": self.failed,
            "p50_ms": millis(self.p50),
            "p99_ms": millis(self.p99),
        })
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requests, failed, p50, p99, .. } = self;
        write!(
            f,
            "{requests} requests, {failed} failed, p50 {:.1} ms, p99 {:.1} ms",
            millis(*p50),
            millis(*p99)
        )
    }
}
