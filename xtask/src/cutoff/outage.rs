//! Half a minute without PostgreSQL, at four gateways under load whose leases cover it: no request may fail.

use std::{fmt, time::Duration};

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
/// Failures that are told in their own words.
const TOLD: usize = 3;

/// How it went.
#[derive(Debug, Clone)]
pub(super) struct Outage {
    requests: usize,
    failed: usize,
    p50: Duration,
    p99: Duration,
    failures: Vec<String>,
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
    let failures: Vec<String> = samples.iter().filter_map(|sample| sample.failure.clone()).collect();
    Ok(Outage {
        requests: samples.len(),
        failed: failures.len(),
        p50: percentile(&latencies, 50),
        p99: percentile(&latencies, 99),
        failures: failures.into_iter().take(TOLD).collect(),
    })
}

impl Outage {
    pub(super) fn fault(&self) -> Option<String> {
        (self.failed > 0).then(|| {
            format!("{} requests failed without PostgreSQL: {}", self.failed, self.failures.join("; "))
        })
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
        write!(f, "{requests} requests, {failed} failed, p50 {:.1} ms, p99 {:.1} ms", millis(*p50), millis(*p99))
    }
}
