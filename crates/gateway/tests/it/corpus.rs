//! 1,587 recorded exchanges with 20 providers through the gateway: the bytes and the counts.
//!
//! The recordings are not part of the project; without them the test says so and passes.

use std::collections::HashMap;

use futures_util::StreamExt;
use http::header;
use http_body_util::Full;
use serde_json::Value;
use tollgate_domain::{RawAnalyticsRecord, UsageSource};
use tollgate_testkit::corpus::{ExchangeKind, RecordedExchange, read_corpus};
use tollgate_testkit::shared_dir;

use crate::house::{House, Plan, RUNNER};

/// Requests at once.
const AT_ONCE: usize = 8;

/// How an exchange is replayed.
#[derive(Debug, Clone, Copy)]
struct Manner {
    name: &'static str,
    /// How the scripted upstream cuts the body.
    chunk: &'static str,
    /// Whether a client of chats asks for usage itself.
    asks_for_usage: bool,
}

const MANNERS: [Manner; 2] = [
    Manner { name: "whole", chunk: "", asks_for_usage: true },
    Manner { name: "split", chunk: "chunk=random:7", asks_for_usage: false },
];

fn path(exchange: &RecordedExchange) -> &'static str {
    match exchange.kind {
        ExchangeKind::AnthropicMessages => "/v1/messages",
        ExchangeKind::ChatCompletions => "/v1/chat/completions",
        ExchangeKind::Responses => "/v1/responses",
        ExchangeKind::Embeddings => "/v1/embeddings",
        ExchangeKind::GeminiGenerate if exchange.path.contains(":stream") => {
            "/v1beta/models/chat:streamGenerateContent?alt=sse"
        }
        ExchangeKind::GeminiGenerate => "/v1beta/models/chat:generateContent",
    }
}

fn body(exchange: &RecordedExchange, manner: Manner) -> String {
    let stream = if exchange.stream { r#","stream":true"# } else { "" };
    let is_chat = exchange.kind == ExchangeKind::ChatCompletions;
    let options = if exchange.stream && is_chat && manner.asks_for_usage {
        r#","stream_options":{"include_usage":true}"#
    } else {
        ""
    };
    format!(r#"{{"model":"chat","messages":[{{"role":"user","content":"hello"}}]{stream}{options}}}"#)
}

/// What the client must get: the recorded bytes, but for a usage chunk that only we asked for.
fn expected_body(exchange: &RecordedExchange, manner: Manner) -> String {
    let is_chat_stream = exchange.stream && exchange.kind == ExchangeKind::ChatCompletions;
    if manner.asks_for_usage || !is_chat_stream || exchange.status >= 400 {
        return exchange.response.clone();
    }
    let only_usage = |frame: &&str| {
        let data = frame.lines().find_map(|line| line.strip_prefix("data:"));
        let value: Option<Value> = data.and_then(|data| serde_json::from_str(data).ok());
        value.is_some_and(|value| {
            value["choices"].as_array().is_some_and(Vec::is_empty) && value["usage"].is_object()
        })
    };
    let end = if exchange.response.contains("\r\n\r\n") { "\r\n\r\n" } else { "\n\n" };
    exchange.response.split_inclusive(end).filter(|frame| !only_usage(frame)).collect()
}

async fn replay(house: &House, exchange: &RecordedExchange, manner: Manner) -> Option<String> {
    let request = house
        .post(path(exchange), RUNNER)
        .header(header::USER_AGENT, format!("{}/{}", exchange.id, manner.name))
        .header("x-script", format!("replay={} {}", exchange.id, manner.chunk))
        .body(Full::from(body(exchange, manner)))
        .unwrap();
    let reply = house.send(request).await;
    let expected = expected_body(exchange, manner);
    let name = format!("{} {} {}", exchange.id, exchange.provider, manner.name);
    if reply.status.as_u16() != exchange.status {
        return Some(format!("{name}: status {} instead of {}", reply.status, exchange.status));
    }
    (reply.body != expected).then(|| format!("{name}: {:?}\ninstead of {expected:?}", reply.body))
}

fn difference(exchange: &RecordedExchange, record: &RawAnalyticsRecord) -> Option<String> {
    let usage = &record.usage;
    let Some(expected) = exchange.expected else {
        return (record.usage_source == UsageSource::Provider)
            .then(|| format!("{} {}: {usage:?} out of nothing", exchange.id, exchange.provider));
    };
    let matches = record.usage_source == UsageSource::Provider
        && usage.prompt_tokens == Some(expected.prompt)
        && usage.completion_tokens.unwrap_or(0) == expected.completion
        && usage.cache_read_tokens == expected.cache_read
        && usage.cache_write_5m_tokens + usage.cache_write_1h_tokens == expected.cache_write
        && usage.reasoning_tokens == expected.reasoning;
    (!matches).then(|| format!("{} {}: {usage:?} instead of {expected:?}", exchange.id, exchange.provider))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_recorded_exchange_passes_unchanged_and_is_recorded_with_its_counts() {
    let Some(shared) = shared_dir() else {
        eprintln!("skipped: no recorded exchanges beside the repository");
        return;
    };
    let corpus = read_corpus(&shared);
    assert!(corpus.len() >= 1587);
    let withheld = corpus.iter().filter(|exchange| expected_body(exchange, MANNERS[1]) != exchange.response);
    assert!(withheld.count() > 20, "chunks that are withheld are part of the claim");
    let house = House::open_with(Plan { capacity: 100_000, ..Plan::default() }).await;
    // Enough for all of it.
    house.view.apply_balances(tollgate_gateway::view::BalanceUpdate {
        full: false,
        balances: vec![(crate::house::user("runner"), crate::house::credits("1000000"))],
        committed_position: 0,
    });
    for exchange in &corpus {
        house.upstream.record(&exchange.id, exchange.recorded());
    }
    let jobs = corpus.iter().flat_map(|exchange| MANNERS.map(|manner| (exchange, manner)));
    let mut differences: Vec<String> = futures_util::stream::iter(jobs)
        .map(|(exchange, manner)| replay(&house, exchange, manner))
        .buffer_unordered(AT_ONCE)
        .filter_map(std::future::ready)
        .collect()
        .await;
    let records = house.sink.wait_for(corpus.len() * MANNERS.len()).await;
    assert_eq!(records.len(), corpus.len() * MANNERS.len());
    let by_id: HashMap<&str, &RecordedExchange> =
        corpus.iter().map(|exchange| (exchange.id.as_str(), exchange)).collect();
    for record in &records {
        let (id, _) = record.user_agent.as_deref().unwrap().split_once('/').unwrap();
        differences.extend(difference(by_id[id], record));
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}
