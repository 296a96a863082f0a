//! What the requests in flight hold, told when it is asked for.

use std::sync::Weak;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use tollgate_domain::Credits;

use crate::view::{Exposure, Holds, LiveView};

/// Reads the view's holds.
#[derive(Debug)]
pub(crate) struct HoldMetrics(pub(crate) Weak<LiveView>);

impl Collector for HoldMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Exposure { leased, unconfirmed, uncovered, overrun } =
            self.0.upgrade().map(|view| view.exposure()).unwrap_or_default();
        let Holds { count, held, at_most, unbounded, oldest } =
            self.0.upgrade().map(|view| view.holds()).unwrap_or_default();
        let mut gauge = |name, help, value| {
            let gauge = ConstGauge::new(value);
            let encoder = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            gauge.encode(encoder)
        };
        gauge("tollgate_holds", "Requests that hold credits of their owners", whole(count))?;
        gauge(
            "tollgate_holds_unbounded",
            "Of them, those whose client has set no limit to what they cost",
            whole(unbounded),
        )?;
        gauge(
            "tollgate_held_credits",
            "What the requests in flight hold of their users' credits: what they are expected to cost, or at most where money is short",
            credits(held),
        )?;
        gauge(
            "tollgate_held_at_most_credits",
            "What the requests in flight may cost at most, which the next one has to fit beside",
            credits(at_most),
        )?;
        gauge("tollgate_hold_oldest_seconds", "Age of the oldest hold", oldest.as_secs_f64())?;
        gauge("tollgate_leased_credits", "What this gateway may spend without asking", credits(leased))?;
        gauge(
            "tollgate_unconfirmed_credits",
            "What it has charged that the books did not have when they granted its leases",
            credits(unconfirmed),
        )?;
        gauge(
            "tollgate_uncovered_credits",
            "What accounts may be overdrawn by through this gateway now: held and charged beyond its leases, and what requests may cost beyond their holds",
            credits(uncovered),
        )?;
        gauge(
            "tollgate_overrun_credits",
            "What requests have cost beyond their holds, and beyond what was free when they ended, since the gateway began",
            credits(overrun),
        )
    }
}

#[expect(clippy::cast_precision_loss, reason = "a metric is a float")]
const fn whole(count: usize) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "a metric is a float; the books are exact")]
const fn credits(credits: Credits) -> f64 {
    credits.pico() as f64 / 1e12
}
