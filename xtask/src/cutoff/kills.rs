//! A gateway that has nearly all of a customer's money in its lease is killed, as a machine that is gone: when may the others spend it?

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, StatusCode};
use serde_json::json;
use tokio::task::JoinSet;

use super::traffic::Traffic;
use crate::{
    load::{arrivals::Sample, ledger::Ledger},
    stage::{books::text, http, several::Several, tollgate::Tollgate, wait_for},
};

const CREDITS: &str = "0.1";
/// At 0.000015 a token, three quarters of that: two such requests do not fit.
const LIMIT: u64 = 5_000;
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Far more than what may pass.
const PATIENCE: Duration = Duration::from_mins(3);

/// Plays it once; tells how long it took until the last of the others admitted a request that needs what the dead one had, and how the
/// requests of other customers went meanwhile.
pub(super) async fn play(
    stage: &mut Several,
    rate: f64,
    number: u32,
    ledger: &mut Ledger,
) -> anyhow::Result<(Duration, Vec<Sample>)> {
    let user = format!("kill-{number}");
    let first = stage.first()?;
    first.cli(&["user", "create", &user, "--credits", CREDITS])?;
    let key = first.cli(&["key", "create", "--user", &user])?;
    let key = text(&key, "secret")?.to_owned();
    let (victim, others) = stage.gateways.split_last_mut().context("there are gateways")?;
    for gateway in others.iter().chain([&*victim]) {
        wait_for("the gateways to know the customer", async || {
            Ok((ask(gateway, &user, &key).await? == StatusCode::OK).then_some(()))
        })
        .await?;
    }
    // At the others only: what the victim has under way dies with it.
    let traffic = Traffic::start(others, &stage.keys, rate);
    let mut streams = JoinSet::new();
    let held = request(victim, &user, &key, true)?;
    streams.spawn(async move { http::send(held).await.map(drop) });
    for gateway in &*others {
        wait_for("the victim to hold the money", async || {
            Ok((ask(gateway, &user, &key).await? == StatusCode::PAYMENT_REQUIRED).then_some(()))
        })
        .await?;
    }

    victim.kill()?;
    let killed = Instant::now();
    for gateway in &*others {
        while ask(gateway, &user, &key).await? != StatusCode::OK {
            ensure!(killed.elapsed() < PATIENCE, "the money is not back after {PATIENCE:?}");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
    let back = killed.elapsed();
    let samples = traffic.stop().await;
    // It settles what it left behind.
    victim.start().await?;
    ledger.take_rest(&stage.upstream).await?;
    Ok((back, samples))
}

async fn ask(gateway: &Tollgate, user: &str, key: &str) -> anyhow::Result<StatusCode> {
    Ok(http::send(request(gateway, user, key, false)?).await?.status)
}

/// It may cost three quarters of the money, and costs next to nothing; one that `stalls` does not end by itself.
fn request(gateway: &Tollgate, user: &str, key: &str, stalls: bool) -> anyhow::Result<Request<Full<Bytes>>> {
    let more = if stalls { "frames=8 stall=1" } else { "" };
    let content = format!("[[script tag={user} prompt=10 completion=20 {more}]]");
    let body = json!({
        "model": "gpt-demo", "max_tokens": LIMIT, "stream": stalls,
        "messages": [{ "role": "user", "content": content }]
    });
    let url = format!("{}/v1/chat/completions", gateway.url());
    http::post(&url, &[("authorization", &format!("Bearer {key}"))], &body)
}
