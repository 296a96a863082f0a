//! The life of one customer, and how long each turn of it took to reach the last gateway.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use hyper::StatusCode;

use super::probe::{Probes, request};
use crate::{
    load::random::Random,
    stage::{books::text, http, several::Several},
};

/// More than all probes of a life cost, and less than [`EVERYTHING`].
const CREDITS: &str = "2";
/// Tokens out of the answer that costs more than the customer has: at 0.000015, 15 credits. No limit is set, so nobody could know.
const EVERYTHING: u64 = 1_000_000;
/// What is given after that, to have something again.
const RESCUE: &str = "40";
/// Each act begins at some time within so many milliseconds, so that it meets polls and renewals at any point of their turns.
const WITHIN_MS: u64 = 1_000;

/// What happens to a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Credits are taken away by the command line.
    Removal,
    /// Credits are spent by one request through one gateway.
    Depletion,
    /// The key is revoked.
    Revocation,
    /// Credits are given by the command line.
    Grant,
}

impl Act {
    pub(super) const ALL: [Self; 4] = [Self::Depletion, Self::Removal, Self::Revocation, Self::Grant];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Removal => "removal",
            Self::Depletion => "depletion",
            Self::Revocation => "revocation",
            Self::Grant => "grant",
        }
    }
}

/// One customer.
pub(super) struct Trial<'a> {
    pub(super) name: &'a str,
    /// The gateway that the money is spent at.
    pub(super) spent_at: usize,
    pub(super) stage: &'a Several,
    pub(super) random: Random,
}

impl Trial<'_> {
    /// Plays it, and tells how long after each act the last gateway did as it should. It counts from when the command of it has ended, or the
    /// client has the whole answer that cost too much.
    pub(super) async fn play(mut self) -> anyhow::Result<Vec<(Act, Duration)>> {
        let name = self.name;
        self.cli(&["user", "create", name, "--credits", CREDITS])?;
        let created = self.cli(&["key", "create", "--user", name])?;
        let key = text(&created, "secret")?.to_owned();
        let key_id = text(&created, "id")?.to_owned();
        let now = Instant::now();
        let mut probes = Probes::start(&self.stage.gateways, name, &key);
        probes.settled(StatusCode::OK, now, now).await.context("waiting for all to know the customer")?;

        let mut times = Vec::new();
        // The probes have spent some of it: it falls below zero.
        let removal = ["credit", "remove", name, CREDITS, "--source-id", &format!("{name}-removal")];
        times.push(self.by_command(Act::Removal, &mut probes, &removal).await?);
        let grant = ["credit", "grant", name, CREDITS, "--source-id", &format!("{name}-grant")];
        times.push(self.by_command(Act::Grant, &mut probes, &grant).await?);
        times.push(self.by_request(&mut probes, &key).await?);
        let rescue = ["credit", "grant", name, RESCUE, "--source-id", &format!("{name}-rescue")];
        times.push(self.by_command(Act::Grant, &mut probes, &rescue).await?);
        times.push(self.by_command(Act::Revocation, &mut probes, &["key", "revoke", &key_id]).await?);
        Ok(times)
    }

    async fn by_command(
        &mut self,
        act: Act,
        probes: &mut Probes,
        command: &[&str],
    ) -> anyhow::Result<(Act, Duration)> {
        let expected = match act {
            Act::Removal | Act::Depletion => StatusCode::PAYMENT_REQUIRED,
            Act::Revocation => StatusCode::UNAUTHORIZED,
            Act::Grant => StatusCode::OK,
        };
        self.pause().await;
        let began = Instant::now();
        self.cli(command)?;
        let done = Instant::now();
        let time = probes.settled(expected, began, done).await;
        Ok((act, time.with_context(|| format!("{} of {}", act.as_str(), self.name))?))
    }

    async fn by_request(&mut self, probes: &mut Probes, key: &str) -> anyhow::Result<(Act, Duration)> {
        let gateway = self.stage.gateways.get(self.spent_at).context("there is such a gateway")?;
        let request = request(&gateway.url(), self.name, key, (10, EVERYTHING), None)?;
        self.pause().await;
        let began = Instant::now();
        let answer = http::send(request).await?;
        let done = Instant::now();
        let said = String::from_utf8_lossy(&answer.body);
        ensure!(answer.status == StatusCode::OK, "{}: {said}", answer.status);
        let time = probes.settled(StatusCode::PAYMENT_REQUIRED, began, done).await;
        Ok((Act::Depletion, time.with_context(|| format!("depletion of {}", self.name))?))
    }

    async fn pause(&mut self) {
        tokio::time::sleep(Duration::from_millis(self.random.between(0, WITHIN_MS))).await;
    }

    fn cli(&self, arguments: &[&str]) -> anyhow::Result<serde_json::Value> {
        self.stage.first()?.cli(arguments)
    }
}
