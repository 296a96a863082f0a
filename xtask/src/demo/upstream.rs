//! The upstream of the demo: testkit's, which speaks every format and keeps its own books.

use tollgate_testkit::ScriptedUpstream;

use crate::stage::books::Served;

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
        self.0.books().into_iter().filter_map(|entry| Served::of(entry).transpose()).collect()
    }
}
