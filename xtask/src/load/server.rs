//! What the server says of itself (`/metrics`), and what its process has.

use std::collections::HashMap;

use anyhow::Context;
use tollgate_testkit::ProcessUse;

use crate::stage::{http, tollgate::Tollgate};

/// The values of `/metrics` at a time.
#[derive(Debug, Default)]
pub(crate) struct Metrics(HashMap<String, f64>);

impl Metrics {
    /// Asks the server.
    pub(crate) async fn read(url: &str) -> anyhow::Result<Self> {
        let answer = http::send(http::get(&format!("{url}/metrics"), &[])?).await?;
        Ok(Self::parse(&String::from_utf8_lossy(&answer.body)))
    }

    fn parse(text: &str) -> Self {
        let values = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Self(values.collect())
    }

    /// The value of one, by its name with its labels; zero where there is none yet.
    pub(crate) fn get(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or_default()
    }
}

/// What the server's process has.
pub(crate) fn process_use(tollgate: &Tollgate) -> anyhow::Result<ProcessUse> {
    let pid = tollgate.pid().context("the server runs")?;
    ProcessUse::of(pid).context("looking at the server's process")
}

#[cfg(test)]
mod tests;
