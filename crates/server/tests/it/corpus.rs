//! Every recorded exchange of the corpus, answered by the scripted upstream and metered through the real gateway.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, client::legacy::connect::HttpConnector, rt::TokioExecutor};
use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::JoinSet};
use tollgate_testkit::{
    ScriptedUpstream,
    corpus::{ExchangeKind, RecordedExchange, read_corpus},
    shared_dir,
};

use crate::harness::{Place, eventually, sql};

/// Requests under way at once.
const CONCURRENCY: usize = 16;
const MODEL: &str = "corpus-model";

/// The token counts of a row, as far as the corpus states them.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    prompt: Option<i32>,
    completion: Option<i32>,
    cache_read: Option<i32>,
    cache_write: Option<i32>,
    reasoning: Option<i32>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn recorded_exchanges_are_entered_exactly_whole_and_split_anywhere() {
    let Some(shared) = shared_dir() else {
        eprintln!("skipped: the recorded exchanges are not on this machine");
        return;
    };
    let corpus = Arc::new(read_corpus(&shared));
    let upstream = ScriptedUpstream::start().await;
    for exchange in corpus.iter() {
        upstream.record(&exchange.id, exchange.recorded());
    }
    let place = Place::with_database().await;
    place.cli("user create corpus --credits 1000000").await;
    place.cli(&format!("endpoint create up {}", upstream.base_url())).await;
    place.cli(&format!("model create {MODEL} --endpoint up")).await;
    place.cli(&format!("tariff set {MODEL} --input-price 0.000001 --output-price 0.000002")).await;
    let key = place.cli("key create --user corpus --trusted").await;
    let key = Arc::new(key["secret"].as_str().unwrap().to_owned());
    let app = place.serve().await;
    let base = format!("http://{}", app.address());

    let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let gate = Arc::new(Semaphore::new(CONCURRENCY));
    let mut sent: i64 = 0;
    for pass in ["whole", "split"] {
        let mut requests = JoinSet::new();
        for index in 0..corpus.len() {
            let split = if pass == "split" { format!(" chunk=random:{index}") } else { String::new() };
            let (corpus, client, base, key) = (corpus.clone(), client.clone(), base.clone(), key.clone());
            let permit = gate.clone().acquire_owned().await.unwrap();
            requests.spawn(async move {
                let exchange = &corpus[index];
                let request = request(exchange, &base, &key, pass, &split);
                let response = client.request(request).await.unwrap();
                let status = response.status().as_u16();
                let body = response.into_body().collect().await.unwrap().to_bytes();
                drop(permit);
                (index, status, body)
            });
            sent += 1;
        }
        while let Some(answer) = requests.join_next().await {
            let (index, status, body) = answer.unwrap();
            let exchange = &corpus[index];
            assert_eq!(status, exchange.status, "{pass} {}", exchange.id);
            let expected = what_the_client_gets(exchange);
            assert!(body == expected, "{pass} {}: {:?}\nis not\n{expected:?}", exchange.id, body);
        }
    }

    let sql = sql(place.database_url()).await;
    eventually("every request is in the books", async || {
        let row = sql.query_one("select count(*) from http_analytics", &[]).await.unwrap();
        row.get::<_, i64>(0) == sent
    })
    .await;
    let rows = sql
        .query(
            "select custom_id, prompt_tokens, completion_tokens, cache_read_tokens,
                    cache_write_5m_tokens + cache_write_1h_tokens, reasoning_tokens, usage_source, status_code
             from http_analytics",
            &[],
        )
        .await
        .unwrap();
    let mut by_id = HashMap::new();
    for row in rows {
        let counts = Row {
            prompt: row.get(1),
            completion: row.get(2),
            cache_read: row.get(3),
            cache_write: row.get(4),
            reasoning: row.get(5),
        };
        let source: String = row.get(6);
        let status: i32 = row.get(7);
        by_id.insert(row.get::<_, String>(0), (counts, source, status));
    }
    let mut differences = Vec::new();
    for pass in ["whole", "split"] {
        for exchange in corpus.iter() {
            let (counts, source, status) = &by_id[&format!("{pass}-{}", exchange.id)];
            let right = match exchange.expected {
                Some(expected) => {
                    let count = |number: i64| Some(i32::try_from(number).unwrap());
                    let embedding = exchange.kind == ExchangeKind::Embeddings;
                    let expected = Row {
                        prompt: count(expected.prompt),
                        completion: counts
                            .completion
                            .or((!embedding).then_some(-1))
                            .and(count(expected.completion)),
                        cache_read: count(expected.cache_read),
                        cache_write: count(expected.cache_write),
                        reasoning: count(expected.reasoning),
                    };
                    source == "provider" && *counts == expected
                }
                None => source == "estimated" || source == "none",
            };
            if !right || *status != i32::from(exchange.status) {
                differences.push(format!(
                    "{pass} {} {:?} {}: {:?} {source} {status}, expected {:?} {}",
                    exchange.id, exchange.kind, exchange.provider, counts, exchange.expected, exchange.status
                ));
            }
        }
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    assert_eq!(place.cli("audit").await["ok"], json!(true));
    app.stop().await.unwrap();
}

/// A request of the exchange's kind; the recorded ones were not kept.
fn request(
    exchange: &RecordedExchange,
    base: &str,
    key: &str,
    pass: &str,
    split: &str,
) -> Request<Full<Bytes>> {
    let messages = json!([{ "role": "user", "content": "Say hello." }]);
    let (path, body) = match exchange.kind {
        ExchangeKind::ChatCompletions => {
            let mut body = json!({ "messages": messages, "model": MODEL, "stream": exchange.stream });
            if asked_for_usage(exchange) {
                body["stream_options"] = json!({ "include_usage": true });
            }
            ("/v1/chat/completions".to_owned(), body)
        }
        ExchangeKind::Responses => (
            "/v1/responses".to_owned(),
            json!({ "input": "Say hello.", "model": MODEL, "stream": exchange.stream }),
        ),
        ExchangeKind::AnthropicMessages => (
            "/v1/messages".to_owned(),
            json!({ "max_tokens": 64, "messages": messages, "model": MODEL, "stream": exchange.stream }),
        ),
        ExchangeKind::Embeddings => {
            ("/v1/embeddings".to_owned(), json!({ "input": "hello", "model": MODEL }))
        }
        ExchangeKind::GeminiGenerate => {
            let method = if exchange.path.contains(":streamGenerateContent") {
                "streamGenerateContent?alt=sse"
            } else {
                "generateContent"
            };
            let body = json!({ "contents": [{ "role": "user", "parts": [{ "text": "Say hello." }] }] });
            (format!("/v1beta/models/{MODEL}:{method}"), body)
        }
    };
    Request::post(format!("{base}{path}"))
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .header("x-tollgate-custom-id", format!("{pass}-{}", exchange.id))
        .header("x-script", format!("replay={}{split}", exchange.id))
        .body(Full::from(body.to_string()))
        .unwrap()
}

/// Whether the client itself wants the usage chunk. Where the recording does not say, it does when there is one.
fn asked_for_usage(exchange: &RecordedExchange) -> bool {
    exchange.stream && exchange.include_usage == Some(true)
}

/// The recorded bytes, but for a usage chunk that only the gateway asked for: frames with empty `choices` and a usage.
fn what_the_client_gets(exchange: &RecordedExchange) -> Bytes {
    let is_stream = exchange.stream && exchange.status == StatusCode::OK;
    if exchange.kind != ExchangeKind::ChatCompletions || !is_stream || asked_for_usage(exchange) {
        return Bytes::from(exchange.response.clone());
    }
    let kept = exchange.response.split_inclusive("\n\n").filter(|frame| !is_usage_alone(frame));
    Bytes::from(kept.collect::<String>())
}

fn is_usage_alone(frame: &str) -> bool {
    let Some(data) = frame.trim_end().strip_prefix("data:") else { return false };
    let Ok(chunk) = serde_json::from_str::<Value>(data) else { return false };
    chunk["choices"].as_array().is_some_and(Vec::is_empty) && chunk["usage"].is_object()
}
