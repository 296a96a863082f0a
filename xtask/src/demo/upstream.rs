//! The upstream of the demo: testkit's, which speaks every format and keeps its own books.
//!
//! Each request says in its text how many tokens it shall cost and whose it is, as a script that only the upstream
//! understands; to the gateway it is text like any other.

use anyhow::Context;
use tollgate_testkit::upstream::{Counts, ScriptedUpstream};

use super::scenario::MODELS;

/// What the upstream says it served in one request.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) customer: String,
    /// The alias that customers know the model by.
    pub(crate) model: &'static str,
    pub(crate) counts: Counts,
}

/// A running upstream.
#[derive(Debug)]
pub(crate) struct Upstream(ScriptedUpstream);

impl Upstream {
    pub(crate) async fn start() -> Self {
        Self(ScriptedUpstream::start().await)
    }

    pub(crate) fn url(&self) -> String {
        self.0.base_url()
    }

    /// Every request that it answered with usage.
    pub(crate) fn served(&self) -> anyhow::Result<Vec<Served>> {
        let answered =
            self.0.books().into_iter().filter_map(|entry| entry.stated.map(|counts| (entry, counts)));
        answered
            .map(|(entry, counts)| {
                let upstream = entry.model.context("a request without a model")?;
                let model = MODELS.iter().find(|model| model.upstream == upstream);
                Ok(Served {
                    customer: entry.tag.context("a request without a customer")?,
                    model: model.with_context(|| format!("nobody offers {upstream}"))?.alias,
                    counts,
                })
            })
            .collect()
    }
}

/// The text of request `number`: what the upstream shall state, and whose request it is.
pub(crate) fn prompt(customer: &str, number: usize, has_cache: bool) -> String {
    let prompt = 150 + number * 37 % 1_900;
    let completion = 10 + number * 53 % 390;
    let cached = if has_cache && number.is_multiple_of(3) { prompt / 2 } else { 0 };
    format!(
        "Request {number}. [[script tag={customer} prompt={prompt} completion={completion} cache_read={cached}]]"
    )
}
