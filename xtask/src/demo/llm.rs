//! A real language model behind the gateway: SmolLM2-135M on one CPU thread, served by llama.cpp.
//!
//! What the server said of its tokens is read by the client from the bodies that it received, and compared with
//! the ledger.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tollgate_testkit::{oracle_charge, upstream::Counts};

use super::progress::Progress;
use crate::{
    process::{Run, target_directory},
    sdks,
    stage::{
        books::{self, Sum},
        cast::{self, Tariff},
        http, table,
        tollgate::Tollgate,
        wait_for,
    },
};

/// The name that clients ask for, and the server's own.
const ALIAS: &str = "smollm2";
const UPSTREAM_MODEL: &str = "smollm2-135m";
const ENDPOINT: &str = "llm";
/// Enough to see all four kinds of answers several times, in some ten seconds.
const REQUESTS: usize = 16;
const MAX_TOKENS: usize = 24;

/// A running model server. Dropped, it ends.
#[derive(Debug)]
pub(crate) struct Llm {
    server: Child,
    url: String,
}

impl Llm {
    /// Installs it under the target directory where it is missing, and starts it.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let environment = target_directory()?.join("llm");
        let ours = crate::repository().join("xtask/llm");
        // The package of the weights wants a command line of its own, which nobody needs here.
        sdks::python_environment(&environment, &ours.join("requirements.txt"), &["--no-deps"])?;
        let mut serve = Run::program(environment.join("bin/python")).arg(ours.join("serve.py")).command();
        serve.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = serve.spawn().context("starting the model server")?;
        let mut url = String::new();
        let output = server.stdout.take().context("the model server has an output")?;
        BufReader::new(output).read_line(&mut url)?;
        let url = url.trim().to_owned();
        if url.is_empty() {
            bail!(
                "the model server ended at once: run `target/llm/bin/python xtask/llm/serve.py` to see why"
            );
        }
        Ok(Self { server, url })
    }

    /// Sends some requests as the owner of `key`; answers whether the ledger says what the server said.
    pub(crate) async fn show(&self, tollgate: &Tollgate, key: &str) -> anyhow::Result<bool> {
        tollgate.cli(&[
            "endpoint",
            "create",
            ENDPOINT,
            &self.url,
            "--provider",
            "llama.cpp",
            "--auth-style",
            "none",
        ])?;
        let price = Tariff {
            purpose: "realtime",
            window: None,
            input: "0.000001",
            output: "0.000002",
            cache_read: None,
        };
        cast::create_model(tollgate, ALIAS, ENDPOINT, UPSTREAM_MODEL, &[price])?;
        wait_until_known(tollgate, key).await?;
        let mut said = Sum::default();
        let progress = Progress::new("requests to SmolLM2", REQUESTS);
        for number in 0..REQUESTS {
            let (prompt, completion) = ask(&tollgate.url(), key, number).await?;
            said.requests += 1;
            said.prompt += prompt;
            said.completion += completion;
            progress.advance();
        }
        progress.finish();
        let counts = Counts { prompt: said.prompt, completion: said.completion, ..Counts::default() };
        said.charged = oracle_charge(&counts, &price.oracle_prices());
        let booked = wait_for_books(tollgate, said.requests).await?;
        let mut table = table(&["SmolLM2-135M", "requests", "prompt tokens", "completion tokens", "charged"]);
        for (who, sum) in [("the server said", &said), ("the ledger says", &booked)] {
            table.add_row([
                who.to_owned(),
                sum.requests.to_string(),
                sum.prompt.to_string(),
                sum.completion.to_string(),
                sum.charged.clone(),
            ]);
        }
        println!("{table}");
        Ok(said == booked)
    }
}

impl Drop for Llm {
    fn drop(&mut self) {
        // Its standard input ends, and with it the server; killed all the same, should it hang.
        drop(self.server.stdin.take());
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

/// The gateway learns of a new model within a second.
async fn wait_until_known(tollgate: &Tollgate, key: &str) -> anyhow::Result<()> {
    wait_for("the gateway to offer the model", async || {
        let models = http::get(
            &format!("{}/v1/models", tollgate.url()),
            &[("authorization", &format!("Bearer {key}"))],
        )?;
        let answer = http::send(models).await?;
        Ok(String::from_utf8_lossy(&answer.body).contains(&format!("\"{ALIAS}\"")).then_some(()))
    })
    .await
}

async fn wait_for_books(tollgate: &Tollgate, requests: i64) -> anyhow::Result<Sum> {
    wait_for("the books to hold every request", async || {
        let booked = books::of(&books::sums(tollgate, &["--group-by", "model"])?, ALIAS);
        Ok((booked.requests >= requests).then_some(booked))
    })
    .await
}

/// One request, of four kinds in turn; answers the tokens that the server stated, prompt and completion.
async fn ask(url: &str, key: &str, number: usize) -> anyhow::Result<(i64, i64)> {
    let stream = number % 4 < 2;
    let prompt = format!("Tell me one short fact about the number {number}.");
    let (path, body) = if number.is_multiple_of(2) {
        let mut body = json!({"model": ALIAS, "max_tokens": MAX_TOKENS, "stream": stream,
                              "messages": [{"role": "user", "content": prompt}]});
        if stream && let Some(fields) = body.as_object_mut() {
            fields.insert("stream_options".to_owned(), json!({"include_usage": true}));
        }
        ("/v1/chat/completions", body)
    } else {
        (
            "/v1/responses",
            json!({"model": ALIAS, "max_output_tokens": MAX_TOKENS, "stream": stream, "input": prompt}),
        )
    };
    let request = http::post(&format!("{url}{path}"), &[("authorization", &format!("Bearer {key}"))], &body)?;
    let answer = http::send(request).await?;
    let text = String::from_utf8_lossy(&answer.body);
    if answer.status != hyper::StatusCode::OK {
        bail!("{path} was answered with {}: {text}", answer.status);
    }
    stated(&text).with_context(|| format!("the server stated no usage on {path}: {text}"))
}

/// The last usage in a body or in the frames of a stream.
fn stated(body: &str) -> Option<(i64, i64)> {
    let frames = body.lines().filter_map(|line| line.strip_prefix("data: "));
    let texts = frames.chain(std::iter::once(body)).rev();
    texts.filter_map(|text| serde_json::from_str::<Value>(text).ok()).find_map(|value| usage(&value))
}

fn usage(value: &Value) -> Option<(i64, i64)> {
    let usage = value.get("usage").or_else(|| value.pointer("/response/usage"))?;
    let count = |names: [&str; 2]| names.into_iter().find_map(|name| usage.get(name)?.as_i64());
    Some((count(["prompt_tokens", "input_tokens"])?, count(["completion_tokens", "output_tokens"])?))
}

#[cfg(test)]
mod tests;
