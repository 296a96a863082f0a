//! What providers and servers answer that are not among the recorded exchanges: a table, read through the tap
//! whole, in single bytes, and cut in two at every byte.
//!
//! The bodies are written after each provider's public reference, cut to what is read. Where two readings are
//! possible the case says which rule decides: counts are what the provider states.

use bytes::Bytes;
use tollgate_domain::UsageSource;

use super::tap::{BodyEnd, ResponseHead, ResponseTap};
use crate::wire::{Pieces, Surface};

mod streams;
mod whole;

const JSON: &str = "application/json";
const SSE: &str = "text/event-stream; charset=utf-8";
const NDJSON: &str = "application/x-ndjson";

/// One answer and what it states.
struct Case {
    name: &'static str,
    surface: Surface,
    content_type: &'static str,
    body: &'static str,
    /// `None`: it states nothing, which is not zero.
    expected: Option<Counts>,
}

/// Prompt, completion, cache read, cache write for five minutes and for an hour, reasoning.
type Counts = [i64; 6];

/// A prompt and a completion, with nothing more to say about either.
#[expect(clippy::unnecessary_wraps, reason = "it stands where a case says what is expected")]
const fn plain(prompt: i64, completion: i64) -> Option<Counts> {
    Some([prompt, completion, 0, 0, 0, 0])
}

const fn json(name: &'static str, surface: Surface, body: &'static str, expected: Option<Counts>) -> Case {
    Case { name, surface, content_type: JSON, body, expected }
}

const fn sse(name: &'static str, surface: Surface, body: &'static str, expected: Option<Counts>) -> Case {
    Case { name, surface, content_type: SSE, body, expected }
}

fn read(case: &Case, injected_usage: bool, chunks: &[&[u8]]) -> (Vec<u8>, Option<Counts>) {
    let head = ResponseHead {
        status: 200,
        content_type: Some(case.content_type),
        injected_usage,
        ..ResponseHead::default()
    };
    let mut tap = ResponseTap::new(case.surface, head);
    let mut out = Pieces::new();
    for chunk in chunks {
        out.append(tap.push(Bytes::copy_from_slice(chunk)).flow);
    }
    let finished = tap.finish(BodyEnd::Complete);
    out.append(finished.held);
    let (usage, source) = (finished.observed.usage, finished.observed.usage_source);
    let stated = (source == UsageSource::Provider).then(|| {
        [
            usage.prompt_tokens.expect("a prompt"),
            usage.completion_tokens.expect("a completion"),
            usage.cache_read_tokens,
            usage.cache_write_5m_tokens,
            usage.cache_write_1h_tokens,
            usage.reasoning_tokens,
        ]
    });
    (out.into_bytes().to_vec(), stated)
}

#[test]
fn every_dialect_states_what_its_reference_says_however_it_is_cut() {
    for case in whole::CASES.iter().chain(streams::CASES) {
        let body = case.body.as_bytes();
        let expected = (body.to_vec(), case.expected);
        assert_eq!(read(case, false, &[body]), expected, "{}", case.name);
        let bytes: Vec<&[u8]> = body.chunks(1).collect();
        assert_eq!(read(case, false, &bytes), expected, "{} in single bytes", case.name);
        for at in 1..body.len() {
            let (start, end) = body.split_at(at);
            assert_eq!(read(case, false, &[start, end]), expected, "{} cut at {at}", case.name);
        }
    }
}

/// A stream's usage chunk with `choices` being an empty list is the one that `include_usage` adds. All else is the
/// provider's own and stays, whatever it states.
#[test]
fn of_what_providers_state_only_the_chunk_without_choices_is_withheld() {
    let kept = [
        r#"{"choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#,
        r#"{"choices":[],"usage":null}"#,
        r#"{"choices":[],"usage":{}}"#,
        r#"{"choices":[],"cost":"0"}"#,
        r#"{"choices":null,"usage":{"prompt_tokens":3,"completion_tokens":4}}"#,
        r#"{"usage":{"prompt_tokens":3,"completion_tokens":4}}"#,
        r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}"#,
        r#"{"choices":[{"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":3,"completion_tokens":4}}]}"#,
        r#"{"choices":[{"delta":{}}],"x_groq":{"usage":{"prompt_tokens":3,"completion_tokens":4}}}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":3},"error":{"message":"overloaded"}}"#,
    ];
    let withheld = r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#;
    let frame = |json: &str| format!("data: {json}\n\n");
    let content = frame(r#"{"choices":[{"delta":{"content":"Hi"}}]}"#);
    let done = "data: [DONE]\n\n";
    for json in kept {
        let own = frame(json);
        let usage = frame(withheld);
        // Before the content, after it, two to withhold, and one after the end.
        let body = [&own, &content, &own, &usage, &usage, done, &usage].concat();
        let left: String = [&own, &content, &own, done].concat();
        let case = sse("withheld", Surface::ChatCompletions, body.leak(), plain(3, 4));
        for size in [1, 3, 10, 64, 10_000] {
            let chunks: Vec<&[u8]> = case.body.as_bytes().chunks(size).collect();
            let (out, stated) = read(&case, true, &chunks);
            assert_eq!((String::from_utf8(out).unwrap(), stated), (left.clone(), case.expected), "{json}");
        }
    }
}
