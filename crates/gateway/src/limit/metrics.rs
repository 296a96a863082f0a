//! What of limits shows in the metrics.

use std::sync::{Arc, Weak};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::Limiter;

/// Which limit, and of what kind of subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LimitLabels {
    limit: &'static str,
    of: &'static str,
}

#[derive(Debug, Default)]
pub(super) struct LimitMetrics {
    limited: Family<LimitLabels, Counter>,
}

impl LimitMetrics {
    /// A request was refused for this limit.
    pub(super) fn limited(&self, limit: &'static str, of: &'static str) {
        self.limited.get_or_create(&LimitLabels { limit, of }).inc();
    }
}

impl Limiter {
    /// A limiter whose metrics are in `registry`.
    pub(crate) fn register(registry: &mut Registry) -> Arc<Self> {
        let limiter = Arc::new(Self::default());
        registry.register(
            "tollgate_gateway_limited_requests",
            "Requests that were refused for a limit or a spend cap, by which and on what",
            limiter.metrics.limited.clone(),
        );
        registry.register_collector(Box::new(Entries(Arc::downgrade(&limiter))));
        limiter
    }
}

/// Counted when it is asked for.
#[derive(Debug)]
struct Entries(Weak<Limiter>);

impl Collector for Entries {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let entries = self.0.upgrade().map_or(0, |limiter| limiter.entries());
        let gauge = ConstGauge::new(i64::try_from(entries).unwrap_or(i64::MAX));
        let metric = encoder.encode_descriptor(
            "tollgate_gateway_limiter_entries",
            "Keys, users and models whose use of a limit is kept count of; idle ones are forgotten",
            None,
            gauge.metric_type(),
        )?;
        gauge.encode(metric)
    }
}
