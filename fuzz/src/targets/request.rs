//! Requests: the splicer that replaces the model and asks for usage while the body passes.
//!
//! - What comes out parses to what went in, with the model and `stream_options` changed and nothing else; all other bytes are the
//!   client's own.
//! - However the body is cut, and whenever it is said what to rewrite: the same bytes, the same facts, the same verdict.
//! - The length that is announced when nothing can change any more is the length that comes out.
//! - Adapting what was adapted changes nothing.
//! - The estimate of the prompt does not depend on how the body came.
//!
//! Options: surface, the upstream's name, whether usage is asked for, content type, whether the prompt is estimated, fill, cut, cut.

use bytes::Bytes;
use serde_json::Value;

use crate::adapter::Adapter;
use crate::input::{Bytes as Shown, Input};
use crate::reference;
use crate::usage::estimate::RequestText;
use crate::usage::tap::{BodyEnd, ResponseHead, ResponseTap};
use crate::wire::request::{RequestError, RequestFacts, Rewrite};
use crate::wire::{Pieces, Surface};

const NAMES: [Option<&str>; 4] = [Some("upstream/model"), None, Some("m"), Some("quoted \"\\\n\u{1}é😀")];
const CONTENT_TYPES: [Option<&str>; 3] =
    [Some("application/json"), None, Some("multipart/form-data; boundary=x")];

pub(crate) fn run(input: &[u8]) {
    let input = Input::new(input);
    let surface = input.choose(0, &Surface::ALL);
    let rewrite = Rewrite { model: input.choose(1, &NAMES), inject_usage: input.option(2, 2) == 0 };
    let body = input.filled(5);
    let how = How { surface, content_type: input.choose(3, &CONTENT_TYPES), rewrite };

    let whole = how.adapt(&[&body], When::AtTheEnd);
    let estimates = input.option(4, 4) == 1 && body.len() < 1024;
    for chunks in input.ways(&body) {
        for when in [When::ModelKnown, When::AtTheEnd] {
            let cut = how.adapt(&chunks, when);
            match (&cut, &whole) {
                (Ok(cut), Ok(whole)) => {
                    assert_eq!(cut.out, whole.out, "bytes out depend on how they came");
                    assert_eq!(cut.facts, whole.facts);
                    if estimates {
                        assert_eq!(tokens(&cut.text), tokens(&whole.text));
                    }
                }
                // A body with two faults may be refused for either.
                (Err(_), Err(_)) => {}
                _ => panic!("{cut:?}, and {whole:?} when it comes whole"),
            }
        }
    }
    if let Ok(adapted) = &whole {
        how.check_adapted(&body, adapted);
    }
}

/// When the splicer is told what to rewrite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    ModelKnown,
    AtTheEnd,
}

struct How<'a> {
    surface: Surface,
    content_type: Option<&'a str>,
    rewrite: Rewrite<'a>,
}

/// It shows what went in: an input is no secret.
#[derive(Debug)]
struct Adapted {
    out: Shown,
    facts: RequestFacts,
    text: RequestText,
}

impl How<'_> {
    fn adapt(&self, chunks: &[&[u8]], when: When) -> Result<Adapted, RequestError> {
        let mut adapter = Adapter::new(self.surface, self.content_type, true);
        let length = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        let (mut out, mut announced, mut is_told) = (Pieces::new(), None, false);
        for chunk in chunks {
            adapter.push(Bytes::copy_from_slice(chunk))?;
            if when == When::ModelKnown && !is_told && adapter.facts().model.is_some() {
                is_told = true;
                adapter.rewrite(self.rewrite)?;
            }
            if !is_told && !matches!(adapter, Adapter::Opaque { .. }) {
                assert!(adapter.take().is_empty(), "bytes went before it was said what to change in them");
            }
            out.append(adapter.take());
            if is_told {
                let now = adapter.adapted_length(length);
                assert!(
                    announced.is_none() || announced == now,
                    "{announced:?} was announced, now it is {now:?}"
                );
                announced = now;
            }
        }
        adapter.finish()?;
        if !is_told {
            adapter.rewrite(self.rewrite)?;
        }
        out.append(adapter.take());
        let out = Shown(out.into_bytes().to_vec());
        assert_eq!(adapter.adapted_length(length), Some(out.0.len() as u64), "the length that is announced");
        assert!(announced.is_none_or(|announced| announced == out.0.len() as u64));
        Ok(Adapted { out, facts: adapter.facts().clone(), text: adapter.into_text() })
    }

    fn check_adapted(&self, body: &[u8], adapted: &Adapted) {
        if self.rewrite.model.is_none() && !adapted.facts.injected_usage {
            assert!(adapted.out == *body, "there was nothing to change");
        }
        check_spans(body, adapted, self.rewrite);
        let is_json = self.surface.is_metered() || self.content_type == Some("application/json");
        // What only looks like JSON (no UTF-8, a number like 1-2) is the upstream's to refuse.
        if is_json && let Ok(request) = serde_json::from_slice::<Value>(body) {
            let (expected, injected) = reference::request::adapted(self.surface, &request, self.rewrite);
            let out: Value = serde_json::from_slice(&adapted.out.0).unwrap();
            assert_eq!(out, expected);
            let facts = reference::request::facts(self.surface, &request);
            // What it may cost has claims of its own, in the crate.
            let RequestFacts { max_tokens, choices, prompts, is_unclear, .. } = adapted.facts;
            let expected =
                RequestFacts { injected_usage: injected, max_tokens, choices, prompts, is_unclear, ..facts };
            assert_eq!(adapted.facts, expected);
        }
        let again = self.adapt(&[&adapted.out.0], When::AtTheEnd).unwrap();
        assert_eq!(again.out, adapted.out, "what was adapted is adapted again");
        assert!(!again.facts.injected_usage);
    }
}

/// Two spans at most differ, the model and the options: what stands before the first and after the last is the client's own.
fn check_spans(body: &[u8], adapted: &Adapted, rewrite: Rewrite<'_>) {
    let before = body.iter().zip(&adapted.out.0).take_while(|(one, other)| one == other).count();
    let (rest, out) = (&body[before..], &adapted.out.0[before..]);
    let after = rest.iter().rev().zip(out.iter().rev()).take_while(|(one, other)| one == other).count();
    let changed = &out[..out.len() - after];
    let model = rewrite.model.map_or(0, |name| Value::from(name).to_string().len());
    let one_change =
        !adapted.facts.injected_usage || adapted.facts.model.is_none() || rewrite.model.is_none();
    if one_change {
        let most = model.max(r#","stream_options":{"include_usage":true}"#.len());
        assert!(changed.len() <= most, "{} bytes were changed", changed.len());
    }
}

/// How many tokens are estimated for the prompt.
fn tokens(text: &RequestText) -> Option<i64> {
    let mut tap =
        ResponseTap::new(Surface::ChatCompletions, ResponseHead { status: 200, ..ResponseHead::default() });
    tap.push(Bytes::from_static(br#"{"choices":[]}"#));
    let mut observed = tap.finish(BodyEnd::Complete).observed;
    assert!(observed.wants_estimate());
    observed.estimate(text, "gpt-4o");
    observed.usage.prompt_tokens
}
