//! Replays 1,587 recorded exchanges with 20 providers through the tap, whole and split anywhere.
//!
//! The recordings are not part of the project; without them the tests say so and pass.

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tollgate_domain::UsageSource;

use super::Observed;
use super::tap::{BodyEnd, ResponseHead, ResponseTap};
use crate::wire::{Pieces, Surface};

#[derive(serde::Deserialize)]
struct Exchange {
    id: String,
    provider: String,
    kind: String,
    path: String,
    status: u16,
    content_type: String,
    response: String,
    expected: Option<Expected>,
}

#[derive(Debug, PartialEq, Eq, serde::Deserialize)]
struct Expected {
    prompt: i64,
    completion: i64,
    cache_read: i64,
    cache_write: i64,
    reasoning: i64,
}

fn exchanges() -> Vec<Exchange> {
    let Some(shared) = tollgate_testkit::shared_dir() else {
        eprintln!("skipped: no recorded exchanges beside the repository");
        return Vec::new();
    };
    let lines = std::fs::read_to_string(shared.join("corpus/provider-responses.jsonl")).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn surface(exchange: &Exchange) -> Surface {
    match exchange.kind.as_str() {
        "chat_completions" => Surface::ChatCompletions,
        "responses" => Surface::Responses,
        "embeddings" => Surface::Embeddings,
        "anthropic_messages" => Surface::AnthropicMessages,
        "gemini_generate" if exchange.path.contains(":stream") => Surface::GeminiStreamGenerate,
        "gemini_generate" => Surface::GeminiGenerate,
        other => panic!("an unknown kind: {other}"),
    }
}

/// Drives a tap, and checks that what comes out is what went in.
fn replay(exchange: &Exchange, chunks: &[Bytes]) -> Observed {
    replay_on(surface(exchange), exchange, chunks)
}

fn replay_on(surface: Surface, exchange: &Exchange, chunks: &[Bytes]) -> Observed {
    let head = ResponseHead {
        status: exchange.status,
        content_type: Some(&exchange.content_type),
        ..ResponseHead::default()
    };
    let mut tap = ResponseTap::new(surface, head);
    let mut out = Pieces::new();
    let mut contents = 0;
    for chunk in chunks {
        let tapped = tap.push(chunk.clone());
        contents += u32::from(tapped.first_content);
        out.append(tapped.flow);
    }
    let finished = tap.finish(BodyEnd::Complete);
    out.append(finished.held);
    assert_eq!(out.into_bytes(), exchange.response, "{} {}", exchange.id, exchange.provider);
    assert!(contents <= 1, "{}", exchange.id);
    finished.observed
}

fn check(exchange: &Exchange, observed: &Observed) -> Result<(), String> {
    let usage = &observed.usage;
    match &exchange.expected {
        Some(expected) => {
            let stated = Expected {
                prompt: usage.prompt_tokens.ok_or("no prompt")?,
                completion: usage.completion_tokens.ok_or("no completion")?,
                cache_read: usage.cache_read_tokens,
                cache_write: usage.cache_write_5m_tokens + usage.cache_write_1h_tokens,
                reasoning: usage.reasoning_tokens,
            };
            if stated != *expected || observed.usage_source != UsageSource::Provider {
                return Err(format!("{stated:?} instead of {expected:?}"));
            }
        }
        None if observed.usage_source != UsageSource::None => {
            return Err(format!("{usage:?} instead of none"));
        }
        None => {}
    }
    Ok(())
}

fn verdict(exchange: &Exchange, observed: &Observed) -> Option<String> {
    let wrong = check(exchange, observed).err()?;
    Some(format!("{} {} {}: {wrong}", exchange.id, exchange.provider, exchange.kind))
}

#[test]
fn every_recorded_exchange_states_exactly_the_expected_usage() {
    let wrong: Vec<String> = exchanges()
        .iter()
        .filter_map(|exchange| {
            verdict(exchange, &replay(exchange, &[Bytes::from(exchange.response.clone())]))
        })
        .collect();
    assert!(wrong.is_empty(), "{} differences\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn on_a_path_that_tells_no_format_every_recorded_exchange_states_the_same() {
    let wrong: Vec<String> = exchanges()
        .iter()
        .filter_map(|exchange| {
            let chunks = [Bytes::from(exchange.response.clone())];
            verdict(exchange, &replay_on(Surface::PassThrough, exchange, &chunks))
        })
        .collect();
    assert!(wrong.is_empty(), "{} differences\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn splitting_a_recorded_exchange_anywhere_changes_nothing() {
    let mut random = StdRng::seed_from_u64(7);
    for exchange in exchanges() {
        let whole = Bytes::from(exchange.response.clone());
        let expected = format!("{:?}", replay(&exchange, std::slice::from_ref(&whole)));
        for mean in [1, 3, 17, 200, 5_000] {
            if whole.len() > 60_000 && mean == 1 {
                continue;
            }
            let mut rest = whole.clone();
            let mut chunks = Vec::new();
            while !rest.is_empty() {
                let length = random.random_range(1..=mean * 2 - 1).min(rest.len());
                chunks.push(rest.split_to(length));
            }
            let observed = replay(&exchange, &chunks);
            assert_eq!(verdict(&exchange, &observed), None);
            assert_eq!(format!("{observed:?}"), expected, "{} in chunks of about {mean}", exchange.id);
        }
    }
}

#[test]
fn every_stream_has_a_first_content_and_an_end_or_an_error() {
    for exchange in
        exchanges().iter().filter(|exchange| exchange.content_type.starts_with("text/event-stream"))
    {
        let head = ResponseHead {
            status: exchange.status,
            content_type: Some(&exchange.content_type),
            ..ResponseHead::default()
        };
        let mut tap = ResponseTap::new(surface(exchange), head);
        let tapped = tap.push(Bytes::from(exchange.response.clone()));
        let finished = tap.finish(BodyEnd::Complete);
        let context = format!("{} {} {:?}", exchange.id, exchange.provider, finished.observed);
        assert!(tapped.first_content, "{context}");
        assert!(finished.observed.saw_terminal || finished.observed.is_error, "{context}");
        assert!(!finished.held.is_empty() || finished.observed.is_error, "{context}");
        assert!(finished.observed.response_model.is_some(), "{context}");
        assert!(!finished.observed.flags.malformed, "{context}");
        assert!(finished.observed.response_type.ends_with("_stream"), "{context}");
    }
}
