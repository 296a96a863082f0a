//! One customer until the money is used up.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tollgate_testkit::{OraclePrices, ScriptedUpstream, oracle_charge, oracle_sum};

use super::ASK_AGAIN;
use crate::{
    load::{random::Random, server::Metrics},
    stage::{books::text, cast::MODELS, http, tollgate::Tollgate, wait_for},
};

/// For about a thousand requests: 425 tokens in and 200 out, by the mean of what the models cost.
const CREDITS: &str = "4.5";
const CREDITS_PICO: i128 = 4_500_000_000_000;
/// A client that is told so often in a row that its request is too dear for what is left asks for nothing more.
const GIVE_UP: u32 = 4;
/// What is held comes free within seconds; one that is told for longer that credits are held is a fault.
const HELD_FOR: Duration = Duration::from_mins(1);

/// What a gateway says whose database does not answer in time, as one on a busy machine may not.
const UNCONFIRMED: &str = "credits cannot be confirmed";

/// What becomes of streams that outgrow the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Policy {
    Finish,
    Cut,
}

impl Policy {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Finish => "finish",
            Self::Cut => "cut",
        }
    }
}

/// What is played.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene {
    pub(super) seed: u64,
    pub(super) run: u32,
    /// Whether every request sets a limit.
    pub(super) is_capped: bool,
    pub(super) policy: Policy,
    pub(super) clients: usize,
}

/// How it went. Amounts are in pico-credits.
#[derive(Debug, Clone)]
pub(super) struct Played {
    scene: Scene,
    served: u64,
    refused: u64,
    unconfirmed: u64,
    balance: i128,
    /// What the gateways say that requests have cost beyond their holds.
    bound: i128,
    took: Duration,
    /// Of the books, against the upstream's own.
    pub(super) faults: Vec<String>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    served: u64,
    refused: u64,
    unconfirmed: u64,
}

impl Scene {
    pub(super) async fn play(
        self,
        gateways: &[Tollgate],
        upstream: &ScriptedUpstream,
    ) -> anyhow::Result<Played> {
        let started = Instant::now();
        let first = gateways.first().context("there is a gateway")?;
        let user = format!("{}-{}", if self.is_capped { "capped" } else { "open" }, self.run);
        first.cli(&["user", "create", &user, "--credits", CREDITS])?;
        first.cli(&["user", "set", &user, "--when-spent", self.policy.as_str()])?;
        let key = first.cli(&["key", "create", "--user", &user])?;
        let key: Arc<str> = text(&key, "secret")?.into();
        let overrun_before = overruns(gateways).await?;
        for gateway in gateways {
            let models = || {
                http::get(
                    &format!("{}/v1/models", gateway.url()),
                    &[("authorization", &format!("Bearer {key}"))],
                )
            };
            wait_for("the gateways to know the customer", async || {
                Ok((http::send(models()?).await?.status == StatusCode::OK).then_some(()))
            })
            .await?;
        }

        let urls: Arc<[String]> = gateways.iter().map(Tollgate::url).collect();
        let mut clients = JoinSet::new();
        for client in 0..self.clients {
            let (urls, key, user) = (Arc::clone(&urls), Arc::clone(&key), user.clone());
            let random = Random::of(self.seed, client as u64 * 2 + u64::from(self.is_capped));
            clients.spawn(async move { self.client(random, &urls, &key, &user).await });
        }
        let mut all = Tally::default();
        while let Some(tally) = clients.join_next().await {
            let tally = tally??;
            all.served += tally.served;
            all.refused += tally.refused;
            all.unconfirmed += tally.unconfirmed;
        }
        settled(gateways).await?;
        let balance = text(&first.cli(&["balance", &user])?, "balance")?.to_owned();
        let faults = self.compare(&user, &balance, upstream).await?;
        Ok(Played {
            scene: self,
            served: all.served,
            refused: all.refused,
            unconfirmed: all.unconfirmed,
            balance: pico(&balance)?,
            bound: overruns(gateways).await? - overrun_before,
            took: started.elapsed(),
            faults,
        })
    }

    /// Asks until the money is used up.
    async fn client(
        self,
        mut random: Random,
        urls: &[String],
        key: &str,
        user: &str,
    ) -> anyhow::Result<Tally> {
        let (mut tally, mut given_up) = (Tally::default(), 0);
        while given_up < GIVE_UP {
            let question = Question::draw(&mut random, self.is_capped);
            let since = Instant::now();
            loop {
                let gateway = random.between(0, urls.len() as u64 - 1);
                let url = usize::try_from(gateway).ok().and_then(|at| urls.get(at)).context("a gateway")?;
                let answer = http::send(question.request(url, key, user)?).await?;
                let said = String::from_utf8_lossy(&answer.body);
                match answer.status {
                    StatusCode::OK => {
                        tally.served += 1;
                        given_up = 0;
                        break;
                    }
                    StatusCode::PAYMENT_REQUIRED | StatusCode::SERVICE_UNAVAILABLE
                        if said.contains("requests in flight hold") || said.contains(UNCONFIRMED) =>
                    {
                        if answer.status == StatusCode::SERVICE_UNAVAILABLE {
                            tally.unconfirmed += 1;
                        } else {
                            tally.refused += 1;
                        }
                        if since.elapsed() > HELD_FOR {
                            bail!("credits are held for more than {HELD_FOR:?}: {said}");
                        }
                        tokio::time::sleep(ASK_AGAIN * u32::try_from(random.between(1, 5))?).await;
                    }
                    StatusCode::PAYMENT_REQUIRED => {
                        given_up += 1;
                        break;
                    }
                    status => bail!("a request was answered with {status}: {said}"),
                }
            }
        }
        Ok(tally)
    }

    /// The balance against what the upstream's book says. It knows nothing of where a stream was cut off: there it says what was to be paid at most.
    async fn compare(
        &self,
        user: &str,
        balance: &str,
        upstream: &ScriptedUpstream,
    ) -> anyhow::Result<Vec<String>> {
        let mut amounts = vec![CREDITS.to_owned()];
        wait_for("the upstream to be done", async || {
            for entry in upstream.take_ended() {
                if entry.tag.as_deref() != Some(user) {
                    continue;
                }
                let model = MODELS.iter().find(|model| Some(model.upstream) == entry.model.as_deref());
                let tariff = model.and_then(|model| model.tariffs.first()).context("a model with a price")?;
                let prices =
                    OraclePrices { input: tariff.input, output: tariff.output, ..OraclePrices::default() };
                let counts = entry.stated.context("an answer with usage")?;
                amounts.push(format!("-{}", oracle_charge(&counts, &prices)));
            }
            Ok(upstream.books().is_empty().then_some(()))
        })
        .await?;
        let expected = oracle_sum(amounts.iter().map(String::as_str));
        // Where every request has a limit nothing is ever cut off, whatever the policy.
        let is_exact = self.is_capped || self.policy == Policy::Finish;
        let is_right = if is_exact { expected == balance } else { pico(&expected)? <= pico(balance)? };
        let mut faults = Vec::new();
        if !is_right {
            faults.push(format!("{user} has {balance} credits, and {expected} by the upstream's book"));
        }
        Ok(faults)
    }
}

impl Played {
    pub(super) fn overdraft(&self) -> i128 {
        (-self.balance).max(0)
    }

    pub(super) const fn bound(&self) -> i128 {
        self.bound
    }

    pub(super) const fn is_capped(&self) -> bool {
        self.scene.is_capped
    }

    /// What part of the credits was used, one at most.
    #[expect(clippy::cast_precision_loss, reason = "a ratio to be shown")]
    pub(super) fn utilisation(&self) -> f64 {
        (CREDITS_PICO - self.balance.max(0)) as f64 / CREDITS_PICO as f64
    }
}

impl fmt::Display for Played {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scene { seed, is_capped, policy, .. } = self.scene;
        write!(
            f,
            "seed {seed}, {}, {}: {} served, {} told that credits are held and {} that nobody knows, {:.2}% used, overdraft {:.6}, bound {:.6}, {:.1} s",
            if is_capped { "capped" } else { "open" },
            policy.as_str(),
            self.served,
            self.refused,
            self.unconfirmed,
            self.utilisation() * 100.0,
            credits(self.overdraft()),
            credits(self.bound),
            self.took.as_secs_f64()
        )
    }
}

/// For people, and for JSON: the books are exact.
#[expect(clippy::cast_precision_loss, reason = "an amount to be shown")]
pub(super) fn credits(pico: i128) -> f64 {
    pico as f64 / 1e12
}

/// What is given to the customer of a scene.
pub(super) const fn given() -> i128 {
    CREDITS_PICO
}

/// One thing to ask.
#[derive(Debug, Clone, Copy)]
struct Question {
    api: u64,
    stream: bool,
    prompt: u64,
    completion: u64,
    limit: Option<u64>,
}

impl Question {
    fn draw(random: &mut Random, is_capped: bool) -> Self {
        let prompt = random.between(50, 800);
        let is_long = !is_capped && random.once_in(150);
        let completion = if is_long { random.between(4_000, 6_000) } else { random.between(5, 395) };
        // What clients ask for at most is a few times what they get.
        let limit = completion * random.between(100, 300) / 100;
        let sets_limit = is_capped || (!is_long && random.once_in(3));
        Self {
            api: random.between(0, 2),
            stream: random.once_in(2),
            prompt,
            completion,
            limit: sets_limit.then_some(limit),
        }
    }

    fn request(self, url: &str, key: &str, user: &str) -> anyhow::Result<Request<Full<Bytes>>> {
        let Self { api, stream, prompt, completion, limit } = self;
        // A frame for each token of a long answer, so that it can be seen growing.
        let frames = if completion > 1_000 { completion / 4 } else { 8 };
        let script = format!(
            "[[script tag={user} prompt={prompt} completion={completion} frames={frames} delay_ms=30 frame_delay_ms=1]]"
        );
        // As long as it says: a token is a byte at least.
        let words = "word ".repeat(usize::try_from(prompt)?.div_ceil(5));
        let content = format!("{words} {script}");
        let message = json!({ "role": "user", "content": content });
        let bearer = format!("Bearer {key}");
        let with_limit = |mut body: Value, name: &str| {
            if let (Some(limit), Some(fields)) = (limit, body.as_object_mut()) {
                fields.insert(name.to_owned(), json!(limit));
            }
            body
        };
        match api {
            0 => {
                let body = json!({ "model": "gpt-demo", "messages": [message], "stream": stream });
                let url = format!("{url}/v1/chat/completions");
                http::post(&url, &[("authorization", &bearer)], &with_limit(body, "max_tokens"))
            }
            1 => {
                let body = json!({ "model": "claude-demo", "messages": [message], "stream": stream });
                let headers = [("x-api-key", key), ("anthropic-version", "2023-06-01")];
                http::post(&format!("{url}/v1/messages"), &headers, &with_limit(body, "max_tokens"))
            }
            _ => {
                let method = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
                let config = with_limit(json!({}), "maxOutputTokens");
                let body = json!({
                    "contents": [{ "role": "user", "parts": [{ "text": content }] }],
                    "generationConfig": config
                });
                let url = format!("{url}/v1beta/models/gemini-demo:{method}");
                http::post(&url, &[("x-goog-api-key", key)], &body)
            }
        }
    }
}

/// Waits until nothing is in flight, nothing is held, and all is in the books.
async fn settled(gateways: &[Tollgate]) -> anyhow::Result<()> {
    for gateway in gateways {
        wait_for("everything to be in the books, and nothing to be held", async || {
            let metrics = Metrics::read(&gateway.url()).await?;
            let quiet = ["tollgate_gateway_in_flight", "tollgate_spool_waiting_records", "tollgate_holds"]
                .iter()
                .all(|name| metrics.get(name) == 0.0);
            Ok((quiet && metrics.get("tollgate_held_credits") == 0.0).then_some(()))
        })
        .await?;
    }
    Ok(())
}

/// Pico-credits that requests of all gateways have cost beyond their holds.
async fn overruns(gateways: &[Tollgate]) -> anyhow::Result<i128> {
    let mut sum = 0;
    for gateway in gateways {
        let credits = Metrics::read(&gateway.url()).await?.get("tollgate_overrun_credits");
        #[expect(
            clippy::cast_possible_truncation,
            reason = "rounded to whole pico-credits, far within range"
        )]
        let pico = (credits * 1e12).round() as i128;
        sum += pico;
    }
    Ok(sum)
}

/// A decimal with up to twelve places, exactly.
fn pico(text: &str) -> anyhow::Result<i128> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    anyhow::ensure!(fraction.len() <= 12, "{text} is no amount");
    let padded = format!("{whole}{fraction:0<12}");
    Ok(sign * padded.parse::<i128>().with_context(|| format!("{text} is no amount"))?)
}

#[cfg(test)]
mod tests;
