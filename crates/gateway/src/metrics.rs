//! Counters of the gateway. Handles are kept; every label is from a fixed set.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tollgate_domain::Outcome;

/// How a request ended: refused at admission (the code of the error), answered here, or one of [`Outcome`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

/// An oddity of a response worth counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OddityLabel {
    oddity: &'static str,
}

/// Why a connection was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Debug, Default)]
pub(crate) struct Metrics {
    requests: Family<OutcomeLabel, Counter>,
    given_up: Family<ReasonLabel, Counter>,
    oddities: Family<OddityLabel, Counter>,
    pub(crate) admitted: Counter,
    pub(crate) in_flight: Gauge,
    pub(crate) draining: Gauge,
    pub(crate) connections: Gauge,
    pub(crate) panics: Counter,
    pub(crate) unaccounted: Counter,
    pub(crate) cut_for_credits: Counter,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let group = registry.sub_registry_with_prefix("tollgate_gateway");
        group.register(
            "requests",
            "Requests that have ended, by the one way in which they did",
            metrics.requests.clone(),
        );
        group.register(
            "admitted",
            "Requests that were admitted; each makes one record",
            metrics.admitted.clone(),
        );
        group.register(
            "in_flight",
            "Requests that were admitted and have not ended",
            metrics.in_flight.clone(),
        );
        group.register(
            "draining",
            "Of those in flight, the ones whose client has gone",
            metrics.draining.clone(),
        );
        group.register(
            "unaccounted_requests",
            "Requests that were served and whose record could not be kept; zero, or the sink is broken",
            metrics.unaccounted.clone(),
        );
        group.register(
            "cut_for_credits",
            "Streams that were cut off because the credits of their users were used up",
            metrics.cut_for_credits.clone(),
        );
        group.register("panics", "Requests on whose path the gateway panicked", metrics.panics.clone());
        group.register("connections", "Connections of clients", metrics.connections.clone());
        group.register(
            "connections_given_up",
            "Connections of clients that ended because their client took too long, by what it did not do in time",
            metrics.given_up.clone(),
        );
        group.register(
            "response_oddities",
            "Responses that could not be read as usual",
            metrics.oddities.clone(),
        );
        metrics
    }

    /// A request that reached no upstream: refused, or answered by the gateway itself.
    pub(crate) fn answered_here(&self, outcome: &'static str) {
        self.requests.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    pub(crate) fn ended(&self, outcome: Outcome) {
        self.requests.get_or_create(&OutcomeLabel { outcome: outcome.as_str() }).inc();
    }

    pub(crate) fn given_up(&self, reason: &'static str) {
        self.given_up.get_or_create(&ReasonLabel { reason }).inc();
    }

    pub(crate) fn oddity(&self, oddity: &'static str) {
        self.oddities.get_or_create(&OddityLabel { oddity }).inc();
    }
}
