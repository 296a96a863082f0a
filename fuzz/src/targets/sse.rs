//! Event streams: the splitter, the frames, and the tap over them.
//!
//! - The splitter and the frames agree with a reader that takes the whole stream line by line.
//! - However the stream is cut: the same bytes out, the same facts, the same bytes held for the record.
//! - Bytes out are bytes in. If usage was asked for by us, the frames that state usage without a choice are left out, whole, and nothing else.
//! - Skipping frames that say nothing changes nothing: reading every one of them gives the same usage.
//!
//! Options: surface, status, end, `Content-Length`, whose usage chunk, fill, cut, cut.

use serde_json::Value;

use crate::input::{Bytes as Shown, Input};
use crate::reference::event_stream::{Frame, frames};
use crate::tapping::{Tapped, head, tap};
use crate::usage::extract::Extraction;
use crate::usage::{sse, tap::ResponseHead};
use crate::wire::Surface;

pub(crate) fn run(input: &[u8]) {
    let input = Input::new(input);
    let body = input.filled(5);
    let (surface, head, end) = head(&input, Some("text/event-stream; charset=utf-8"));
    let length = body.len() as u64;
    let head = ResponseHead {
        // No HTTP client gives more bytes than that.
        content_length: input.choose(3, &[None, Some(length), Some(length + 1)]),
        injected_usage: surface.has_include_usage() && input.option(4, 2) == 1,
        ..head
    };
    let frames = frames(&body);
    check_splitter(&body, &[&body], &frames);

    let whole = tap(surface, head, end, &[&body]);
    let is_filled = body.len() > input.raw().len();
    if head.injected_usage {
        if !is_filled {
            check_withheld(surface, &body, &frames, &whole);
        }
    } else {
        assert!(whole.out == *body, "bytes out are bytes in");
    }
    if !is_filled {
        check_nothing_was_missed(surface, &body, &frames, &whole);
    }
    for chunks in input.ways(&body) {
        check_splitter(&body, &chunks, &frames);
        let cut = tap(surface, head, end, &chunks);
        assert_eq!(cut.out, whole.out, "bytes out depend on how they came");
        if is_filled {
            // Of a frame beyond the limit that is no whole document either, more or less can be read.
            if frames
                .iter()
                .all(|frame| frame.ended && (frame.data.is_none() || document(frame).is_some_and(is_json)))
            {
                assert_eq!(cut.charged_by(), whole.charged_by());
            }
            continue;
        }
        assert_eq!(cut.facts(), whole.facts());
        // Blanks before the first line flow until it is known what the body is.
        if whole.observed.saw_terminal && !matches!(body.first(), Some(b' ' | b'\t' | b'\r' | b'\n' | 0xEF)) {
            assert_eq!(cut.held, whole.held, "what waits for the record depends on how it came");
        }
    }
}

fn check_splitter(body: &[u8], chunks: &[&[u8]], frames: &[Frame]) {
    let mut splitter = sse::Splitter::default();
    let (mut ends, mut before) = (Vec::new(), 0);
    for chunk in chunks {
        let mut at = splitter.rest_of_line_end(chunk);
        if at > 0
            && let Some(end) = ends.last_mut()
            && *end == before
        {
            *end += at;
        }
        while let Some(end) = splitter.next_end(chunk, at) {
            ends.push(before + end);
            at = end;
        }
        before += chunk.len();
    }
    let expected: Vec<usize> =
        frames.iter().filter(|frame| frame.ended).map(|frame| frame.bytes.end).collect();
    assert_eq!(ends, expected, "where frames end");
    for frame in frames {
        let read = sse::Frame::parse(&body[frame.bytes.clone()]);
        assert_eq!(read.data.as_deref(), frame.data.as_deref());
        assert_eq!(read.event, frame.event.as_deref());
    }
}

/// What a frame says by itself; `None` for one without a document, or cut off in it.
fn document(frame: &Frame) -> Option<&[u8]> {
    let data = frame.data.as_deref().filter(|data| !data.is_empty())?;
    (frame.ended || is_json(data)).then_some(data)
}

fn is_json(data: &[u8]) -> bool {
    data.trim_ascii() == b"[DONE]" || serde_json::from_slice::<serde::de::IgnoredAny>(data).is_ok()
}

/// Whether the body is read as an event stream, and frames may be told apart by the keys of its surface alone.
fn is_plain(surface: Surface, body: &[u8]) -> bool {
    const FOREIGN: [&str; 22] = [
        "\\u",
        "\"Usage\"",
        "usageMetadata",
        "usage_metadata",
        "eval_count",
        "tokens_evaluated",
        "token_count",
        "TokenCount",
        "num_tokens",
        "tokens_predicted",
        "generation_token",
        "done_reason",
        "stop_reason",
        "stopReason",
        "meta_info",
        "stats",
        "metrics",
        "\"meta\"",
        "Metrics",
        "base_resp",
        "status",
        "\"result\"",
    ];
    let is_event_stream = !matches!(body.trim_ascii_start().first(), None | Some(b'{' | b'['));
    is_event_stream
        && (surface == Surface::PassThrough
            || FOREIGN.iter().all(|name| memchr::memmem::find(body, name.as_bytes()).is_none()))
}

fn check_nothing_was_missed(surface: Surface, body: &[u8], frames: &[Frame], whole: &Tapped) {
    if !is_plain(surface, body) {
        return;
    }
    let mut every = Extraction::new(surface);
    for frame in frames {
        if let Some(data) = document(frame) {
            every.document(frame.event.as_deref(), data);
        }
    }
    let mut observed = whole.observed.clone();
    // Of a stream that broke off an estimate would take its place; what was stated is still what the frames say.
    observed.keep_early_usage();
    assert_eq!((observed.usage, observed.usage_source), every.usage(), "usage in a frame that was not read");
    assert_eq!(observed.finish_reason, every.finish_reason);
}

fn check_withheld(surface: Surface, body: &[u8], frames: &[Frame], whole: &Tapped) {
    if !is_plain(surface, body) {
        return;
    }
    let is_withheld = |frame: &Frame| {
        document(frame)
            .is_some_and(|data| Extraction::new(surface).document(frame.event.as_deref(), data).only_usage)
    };
    let (withheld, kept): (Vec<&Frame>, Vec<&Frame>) = frames.iter().partition(|frame| is_withheld(frame));
    let kept: Vec<u8> = kept.iter().flat_map(|frame| &body[frame.bytes.clone()]).copied().collect();
    assert_eq!(whole.out, Shown(kept), "more or less than the usage was withheld");
    for frame in withheld {
        let Ok(document) = serde_json::from_slice::<Value>(frame.data.as_deref().unwrap_or_default()) else {
            continue;
        };
        assert_eq!(document["choices"], Value::Array(Vec::new()), "a frame with a choice was withheld");
        assert!(document["usage"].is_object() && !document["usage"]["prompt_tokens"].is_object());
    }
}
