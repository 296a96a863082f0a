//! Real requests of one customer at every gateway, one each ten milliseconds, and when which of them first answers as it should.
//!
//! A gateway does as it should from the first probe on of which no later one was answered otherwise; its time is when that one was *answered*.
//! So what a probe waits for within the gateway counts as well, and the measure is at most an interval and a latency above the truth.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use hyper::StatusCode;
use serde_json::json;
use tokio::task::JoinSet;

use crate::stage::{http, tollgate::Tollgate};

const INTERVAL: Duration = Duration::from_millis(10);
/// Of one gateway at once: some may wait within it.
const MOST_UNDER_WAY: usize = 16;
/// Nobody changes their mind any more after so long.
const SETTLED_FOR: Duration = Duration::from_millis(300);
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// What is measured takes a second or two.
const PATIENCE: Duration = Duration::from_secs(30);
/// Tokens in and out of a probe.
const ANSWER: (u64, u64) = (10, 5);

/// What a gateway answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) gateway: usize,
    pub(super) sent: Instant,
    pub(super) answered: Instant,
    pub(super) status: StatusCode,
}

/// Probes at all gateways. Dropped, they stop.
#[derive(Debug)]
pub(super) struct Probes {
    seen: Arc<Mutex<Vec<Seen>>>,
    gateways: usize,
    probing: JoinSet<anyhow::Result<()>>,
}

impl Probes {
    pub(super) fn start(gateways: &[Tollgate], user: &str, key: &str) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut probing = JoinSet::new();
        for (gateway, tollgate) in gateways.iter().enumerate() {
            let (url, user, key) = (tollgate.url(), user.to_owned(), key.to_owned());
            probing.spawn(probe(gateway, url, user, key, Arc::clone(&seen)));
        }
        Self { seen, gateways: gateways.len(), probing }
    }

    /// Waits until every gateway has answered with `status` and nothing else for a while, of those asked after `since`; tells how long after `from` the last
    /// of them began to.
    pub(super) async fn settled(
        &mut self,
        status: StatusCode,
        since: Instant,
        from: Instant,
    ) -> anyhow::Result<Duration> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(ended) = self.probing.try_join_next() {
                ended??;
                bail!("probing ended by itself");
            }
            // In a block of its own, so that the lock is gone before anything is waited for.
            let at = {
                let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                seen.retain(|seen| seen.sent >= since);
                settled_at(&seen, self.gateways, status, Instant::now())
            };
            if let Some(at) = at {
                return Ok(at.saturating_duration_since(from));
            }
            if Instant::now() > deadline {
                bail!("not every gateway answered with {status} within {PATIENCE:?}");
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

/// When the last of the gateways began to answer with `status` alone; `None` before all of them have, for long enough.
fn settled_at(seen: &[Seen], gateways: usize, status: StatusCode, now: Instant) -> Option<Instant> {
    let mut last = None;
    for gateway in 0..gateways {
        let of_gateway = || seen.iter().filter(|seen| seen.gateway == gateway);
        let otherwise = of_gateway().filter(|seen| seen.status != status).map(|seen| seen.sent).max();
        let as_it_should = of_gateway().filter(|seen| otherwise.is_none_or(|sent| seen.sent > sent));
        let first = as_it_should.min_by_key(|seen| seen.sent)?;
        if now.saturating_duration_since(first.answered) < SETTLED_FOR {
            return None;
        }
        last = last.max(Some(first.answered));
    }
    last
}

async fn probe(
    gateway: usize,
    url: String,
    user: String,
    key: String,
    seen: Arc<Mutex<Vec<Seen>>>,
) -> anyhow::Result<()> {
    let mut turns = tokio::time::interval(INTERVAL);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut under_way: JoinSet<anyhow::Result<Seen>> = JoinSet::new();
    loop {
        let answered = tokio::select! {
            biased;
            Some(answered) = under_way.join_next() => answered,
            _ = turns.tick(), if under_way.len() < MOST_UNDER_WAY => {
                let request = request(&url, &user, &key, ANSWER, Some(ANSWER.1))?;
                under_way.spawn(async move {
                    let sent = Instant::now();
                    let answer = http::send(request).await.context("probing")?;
                    Ok(Seen { gateway, sent, answered: Instant::now(), status: answer.status })
                });
                continue;
            }
        };
        let answered = answered??;
        seen.lock().unwrap_or_else(PoisonError::into_inner).push(answered);
    }
}

/// A chat that the upstream answers with so many tokens, whole.
pub(super) fn request(
    url: &str,
    user: &str,
    key: &str,
    (prompt, completion): (u64, u64),
    limit: Option<u64>,
) -> anyhow::Result<hyper::Request<http_body_util::Full<bytes::Bytes>>> {
    let content = format!("[[script tag={user} prompt={prompt} completion={completion}]]");
    let mut body = json!({ "model": "gpt-demo", "messages": [{ "role": "user", "content": content }] });
    if let (Some(limit), Some(fields)) = (limit, body.as_object_mut()) {
        fields.insert("max_tokens".to_owned(), json!(limit));
    }
    http::post(&format!("{url}/v1/chat/completions"), &[("authorization", &format!("Bearer {key}"))], &body)
}

#[cfg(test)]
mod tests;
