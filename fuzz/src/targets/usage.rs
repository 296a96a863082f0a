//! JSON bodies in every wire format: whole documents, series of them, one after another.
//!
//! - However the body is cut: the same bytes out, the same facts, the same bytes held for the record.
//! - The incremental reader, which keeps nothing of a large body but the members that matter, states the same as a whole document parsed.
//! - A slow reader of the three main formats states the same.
//!
//! Options: surface, status, end, content type, whether the body is written by the generator, fill, cut, cut.

use std::borrow::Cow;

use serde_json::Value;

use crate::input::{Bytes as Shown, Input};
use crate::reference;
use crate::tapping::{Tapped, head, tap};
use crate::usage::ObservedFlags;
use crate::usage::extract::{Extraction, stated_usage};
use crate::wire::Surface;

mod generator;

const CONTENT_TYPES: [Option<&str>; 5] = [
    Some("application/json"),
    Some("application/x-ndjson"),
    Some("text/event-stream"),
    None,
    Some("Application/JSON; charset=utf-8"),
];

pub(crate) fn run(input: &[u8]) {
    let input = Input::new(input);
    let (surface, head, end) = head(&input, input.choose(3, &CONTENT_TYPES));
    let body = if input.option(4, 2) == 1 {
        Cow::Owned(generator::document(surface, input.raw()))
    } else {
        input.filled(5)
    };
    let whole = tap(surface, head, end, &[&body]);
    assert!(whole.out == *body, "bytes out are bytes in");
    for chunks in input.ways(&body) {
        let cut = tap(surface, head, end, &chunks);
        assert!(cut.out == *body, "bytes out are bytes in");
        // The limit of a frame is the business of `sse`.
        if body.len() > input.raw().len() && !matches!(body.trim_ascii_start().first(), Some(b'{' | b'[')) {
            continue;
        }
        assert_eq!(cut.facts(), whole.facts());
        if whole.observed.saw_terminal {
            assert_eq!(cut.held, whole.held, "what waits for the record depends on how it came");
        }
    }
    // A key may be escaped, which no provider does: parsing undoes that, the incremental reader compares what stands there.
    // Of a key given twice the last one counts to a parser; here that is so where both are kept.
    if !body.contains(&b'\\')
        && let Ok(document @ Value::Object(_)) = serde_json::from_slice::<Value>(&body)
        && members(&document) == colons(&body)
    {
        check_readers_agree(surface, &body, &whole);
        check_reference_agrees(surface, &body, &document);
    }
}

/// How many members there are in all objects.
fn members(value: &Value) -> usize {
    match value {
        Value::Object(object) => object.len() + object.values().map(members).sum::<usize>(),
        Value::Array(list) => list.iter().map(members).sum(),
        _ => 0,
    }
}

/// How many members are written, of a document without escapes.
fn colons(document: &[u8]) -> usize {
    let outside = document.split(|byte| *byte == b'"').step_by(2);
    outside.map(|text| memchr::memchr_iter(b':', text).count()).sum()
}

/// The members that the incremental reader keeps are all that a parser of the whole would look at.
fn check_readers_agree(surface: Surface, body: &[u8], whole: &Tapped) {
    let observed = &whole.observed;
    if observed.flags.oversized_frame {
        return;
    }
    let mut parsed = Extraction::new(surface);
    parsed.document(None, body);
    let body = Shown(body.to_vec());
    assert_eq!((observed.usage, observed.usage_source), parsed.usage(), "{body:?}");
    assert_eq!(observed.finish_reason, parsed.finish_reason, "{body:?}");
    assert_eq!(observed.response_model, parsed.model, "{body:?}");
    let answered = ObservedFlags { malformed: observed.flags.malformed, ..parsed.flags };
    assert_eq!(
        observed.flags,
        ObservedFlags { held_overflow: observed.flags.held_overflow, ..answered },
        "{body:?}"
    );
}

fn check_reference_agrees(surface: Surface, body: &[u8], document: &Value) {
    if let Some(expected) = reference::usage::stated(surface, document) {
        assert_eq!(stated_usage(surface, body), expected.0, "{:?}", Shown(body.to_vec()));
    }
}
