//! What the tap lets flow, holds and reports, as claims.

use std::io::Write as _;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::json;
use tollgate_domain::UsageSource;

use super::{BodyEnd, Finished, HELD_LIMIT, ResponseHead, ResponseTap};
use crate::usage::reader::FRAME_LIMIT;
use crate::wire::Surface;
use crate::wire::json::tests::cut;

const SSE: ResponseHead<'static> = ResponseHead {
    status: 200,
    content_type: Some("text/event-stream; charset=utf-8"),
    content_encoding: None,
    content_length: None,
    injected_usage: false,
    follows_length: false,
};
const JSON: ResponseHead<'static> = ResponseHead { content_type: Some("application/json"), ..SSE };

const ROLE: &str =
    "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}],\"usage\":null}\n\n";
const HELLO: &str = "data: {\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"Hello, this is content\"}}],\"usage\":null}\n\n";
const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n";
const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":7}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

/// What came of a push, as text.
#[derive(Debug, PartialEq)]
struct Came(String, bool, bool);

fn push(tap: &mut ResponseTap, bytes: &str) -> Came {
    let tapped = tap.push(Bytes::copy_from_slice(bytes.as_bytes()));
    let flow = String::from_utf8(tapped.flow.into_bytes().to_vec()).unwrap();
    Came(flow, tapped.first_content, tapped.terminal)
}

fn held(finished: Finished) -> String {
    String::from_utf8(finished.held.into_bytes().to_vec()).unwrap()
}

fn flows(bytes: &str) -> Came {
    Came(bytes.into(), false, false)
}

/// All that a client gets, and what was observed.
fn run(surface: Surface, head: ResponseHead<'_>, chunks: &[impl AsRef<[u8]>]) -> (Vec<u8>, Finished) {
    let mut tap = ResponseTap::new(surface, head);
    let mut out = Vec::new();
    for chunk in chunks {
        out.extend_from_slice(&tap.push(Bytes::copy_from_slice(chunk.as_ref())).flow.into_bytes());
    }
    let finished = tap.finish(BodyEnd::Complete);
    out.extend_from_slice(&finished.held.clone().into_bytes());
    (out, finished)
}

#[test]
fn everything_before_the_end_marker_flows_at_once_and_the_marker_is_held() {
    let mut tap = ResponseTap::new(Surface::ChatCompletions, SSE);
    assert_eq!(push(&mut tap, ROLE), flows(ROLE));
    assert_eq!(push(&mut tap, HELLO), Came(HELLO.into(), true, false));
    assert_eq!(push(&mut tap, HELLO), flows(HELLO));
    assert_eq!(push(&mut tap, &[STOP, USAGE, DONE].concat()), Came([STOP, USAGE].concat(), false, true));
    assert_eq!(push(&mut tap, ": bye\n\n"), Came(String::new(), false, true));
    let finished = tap.finish(BodyEnd::Complete);
    let observed = &finished.observed;
    assert_eq!((observed.usage.prompt_tokens, observed.usage.completion_tokens), (Some(5), Some(7)));
    assert_eq!(
        (observed.usage_source, observed.saw_terminal, observed.is_error),
        (UsageSource::Provider, true, false)
    );
    assert_eq!(
        (observed.response_model.as_deref(), observed.finish_reason.as_deref()),
        (Some("m"), Some("stop"))
    );
    assert_eq!(observed.response_type, "chat_completion_stream");
    assert_eq!(held(finished), [DONE, ": bye\n\n"].concat());
}

#[test]
fn the_first_content_is_neither_a_role_nor_a_ping() {
    for (surface, before, content) in [
        (Surface::ChatCompletions, vec![": ping\n\n", ROLE, "data: {\"choices\":[]}\n\n"], HELLO),
        (
            Surface::ChatCompletions,
            vec![ROLE],
            "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"so\"}}]}\n\n",
        ),
        (
            Surface::Completions,
            vec!["data: {\"choices\":[{\"text\":\"\"}]}\n\n"],
            "data: {\"choices\":[{\"text\":\"a\"}]}\n\n",
        ),
        (
            Surface::AnthropicMessages,
            vec![
                "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"role\":\"assistant\",\"content\":[]}}\n\n",
                "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
                "event: ping\ndata: {\"type\": \"ping\"}\n\n",
            ],
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\n",
        ),
        (
            Surface::Responses,
            vec![
                "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"output\":[]}}\n\n",
                "event: response.output_item.added\ndata: {\"type\":\"response.output_item.added\",\"item\":{\"status\":\"in_progress\"}}\n\n",
            ],
            "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\n",
        ),
        (
            Surface::GeminiStreamGenerate,
            vec![
                "data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"\"}]}}]}\r\n\r\n",
            ],
            "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}\r\n\r\n",
        ),
    ] {
        let mut tap = ResponseTap::new(surface, SSE);
        for frame in before {
            assert_eq!(push(&mut tap, frame), flows(frame), "{surface:?}");
        }
        assert_eq!(push(&mut tap, content), Came(content.into(), true, false), "{surface:?}");
        assert_eq!(push(&mut tap, content), flows(content), "{surface:?}: said once");
    }
}

#[test]
fn a_frame_in_pieces_flows_when_it_is_whole() {
    let mut tap = ResponseTap::new(Surface::ChatCompletions, SSE);
    let (start, end) = HELLO.split_at(20);
    assert_eq!(push(&mut tap, start), flows(""));
    assert_eq!(push(&mut tap, &[end, &HELLO[..5]].concat()), Came(HELLO.into(), true, false));
    let finished = tap.finish(BodyEnd::Cut);
    assert_eq!(finished.observed.end, BodyEnd::Cut);
    assert_eq!(held(finished), &HELLO[..5]);
}

#[test]
fn a_keep_alive_flows_before_its_blank_line() {
    let mut tap = ResponseTap::new(Surface::ChatCompletions, SSE);
    assert_eq!(push(&mut tap, ": ping\n"), flows(": ping\n"));
    assert_eq!(push(&mut tap, ":\r\n"), flows(":\r\n"));
    assert_eq!(push(&mut tap, ": half a com"), flows(""));
    assert_eq!(push(&mut tap, "ment\ndata: {}"), flows(""));
    assert_eq!(push(&mut tap, "\n\n"), flows(": half a comment\ndata: {}\n\n"));
}

#[test]
fn a_usage_chunk_that_only_we_asked_for_is_withheld_and_nothing_else() {
    let head = ResponseHead { injected_usage: true, ..SSE };
    let with_choices =
        "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}],\"usage\":{\"prompt_tokens\":1}}\n\n";
    let filter = "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n";
    for end in ["\n", "\r\n", "\r"] {
        let frames = [filter, ROLE, HELLO, with_choices, STOP, USAGE, ": after\n\n", DONE];
        let frames = frames.map(|frame| frame.replace('\n', end));
        let expected: String =
            frames.iter().filter(|frame| !frame.contains("completion_tokens")).cloned().collect();
        let stream = frames.concat();
        for size in [1, 2, 7, 50, 10_000] {
            let chunks: Vec<&[u8]> = stream.as_bytes().chunks(size).collect();
            let (out, finished) = run(Surface::ChatCompletions, head, &chunks);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{end:?} in chunks of {size}");
            assert_eq!(finished.observed.usage.completion_tokens, Some(7));
            assert!(!finished.observed.flags.usage_not_withheld);
        }
    }
    // The last frame may lack its blank line.
    let (out, finished) = run(Surface::ChatCompletions, head, &[HELLO, USAGE.trim_end()]);
    assert_eq!(out, HELLO.as_bytes());
    assert_eq!(finished.observed.usage.prompt_tokens, Some(5));
    // Whoever asked for it gets it.
    let (out, _) = run(Surface::ChatCompletions, SSE, &[HELLO, USAGE, DONE]);
    assert_eq!(out, [HELLO, USAGE, DONE].concat().into_bytes());
}

#[test]
fn every_surface_has_its_own_end_marker() {
    let event = |kind: &str, rest: &str| format!("event: {kind}\ndata: {{\"type\":\"{kind}\"{rest}}}\n\n");
    for (surface, last) in [
        (Surface::ChatCompletions, DONE.to_owned()),
        (Surface::ChatCompletions, "data:[DONE]\r\n\r\n".to_owned()),
        (Surface::AnthropicMessages, event("message_stop", "")),
        (
            Surface::AnthropicMessages,
            event("message_stop", ",\"padding\":\"ppppppppppppppppppppppppppppppppppp\""),
        ),
        (Surface::Responses, event("response.completed", ",\"response\":{\"usage\":null}")),
        (Surface::Responses, event("response.incomplete", ",\"response\":{\"status\":\"incomplete\"}")),
        (Surface::Responses, event("response.failed", ",\"response\":{\"status\":\"failed\"}")),
    ] {
        let mut tap = ResponseTap::new(surface, SSE);
        push(&mut tap, HELLO);
        assert_eq!(push(&mut tap, &last), Came(String::new(), false, true), "{last}");
        let finished = tap.finish(BodyEnd::Complete);
        assert!(finished.observed.saw_terminal);
        assert_eq!(held(finished), last);
    }
}

#[test]
fn after_a_gemini_finish_reason_the_latest_chunk_is_held() {
    let chunk = |text: &str, reason: &str| {
        let candidate = format!("{{\"content\":{{\"parts\":[{{\"text\":\"{text}\"}}]}}{reason}}}");
        format!(
            "data: {{\"candidates\":[{candidate}],\"usageMetadata\":{{\"promptTokenCount\":{}}}}}\r\n\r\n",
            text.len()
        )
    };
    let mut tap = ResponseTap::new(Surface::GeminiStreamGenerate, SSE);
    let (first, end, more, last) = (
        chunk("a", ""),
        chunk("ab", ",\"finishReason\":\"STOP\""),
        chunk("abc", ""),
        chunk("abcd", ",\"finishReason\":\"MAX_TOKENS\""),
    );
    assert_eq!(push(&mut tap, &first), Came(first.clone(), true, false));
    assert_eq!(push(&mut tap, &end), flows(""));
    assert_eq!(push(&mut tap, ": ping\r\n\r\n"), flows(""));
    assert_eq!(push(&mut tap, &more), flows(&(end + ": ping\r\n\r\n")));
    assert_eq!(push(&mut tap, &last), flows(&more));
    let finished = tap.finish(BodyEnd::Complete);
    assert_eq!(finished.observed.usage.prompt_tokens, Some(4));
    assert_eq!(finished.observed.finish_reason.as_deref(), Some("MAX_TOKENS"));
    assert_eq!(held(finished), last);
}

#[test]
fn gemini_without_sse_is_read_element_by_element() {
    let element = |text: &str, reason: &str| {
        json!({"candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": reason}],
            "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": text.len()}, "modelVersion": "g"})
        .to_string()
    };
    let (first, last) = (element("", ""), element("abc", "STOP"));
    let mut tap = ResponseTap::new(Surface::GeminiStreamGenerate, JSON);
    assert_eq!(push(&mut tap, &format!("[{first}")), flows(&format!("[{first}")));
    let all_but_brace = format!(",\r\n{}", &last[..last.len() - 1]);
    assert_eq!(push(&mut tap, &format!(",\r\n{last}")), Came(all_but_brace, true, false));
    assert_eq!(push(&mut tap, "\n]\n"), Came(String::new(), false, true));
    let finished = tap.finish(BodyEnd::Complete);
    assert_eq!(finished.observed.usage.completion_tokens, Some(3));
    assert_eq!(finished.observed.response_type, "generate_content_stream");
    assert_eq!(finished.observed.response_model.as_deref(), Some("g"));
    assert_eq!(held(finished), "}\n]\n");
}

#[test]
fn a_json_body_is_held_from_its_last_bracket() {
    let mut tap = ResponseTap::new(Surface::ChatCompletions, JSON);
    assert_eq!(push(&mut tap, " \n"), flows(" \n"));
    let start =
        "{\"choices\":[{\"message\":{\"content\":\"}\"},\"finish_reason\":\"stop\"}],\"model\":\"m\",";
    assert_eq!(push(&mut tap, start), Came(start.into(), true, false));
    assert_eq!(push(&mut tap, "\"usage\":{\"total_tokens\":1}}\n"), flows("\"usage\":{\"total_tokens\":1}"));
    let finished = tap.finish(BodyEnd::Complete);
    assert!(finished.observed.saw_terminal);
    assert_eq!(finished.observed.usage.total_tokens, Some(1));
    assert_eq!(finished.observed.finish_reason.as_deref(), Some("stop"));
    assert_eq!(finished.observed.response_type, "chat_completion");
    assert_eq!(held(finished), "}\n");
}

#[test]
fn a_body_of_known_length_is_never_given_whole() {
    for (content_type, body) in
        [("audio/mpeg", "ID3 sound"), ("text/event-stream", "data: {\"a\":1}\n\n"), ("text/plain", "x")]
    {
        let head =
            ResponseHead { content_type: Some(content_type), content_length: Some(body.len() as u64), ..SSE };
        let mut tap = ResponseTap::new(Surface::PassThrough, head);
        let (start, end) = body.split_at(body.len() - 1);
        let flown = push(&mut tap, start).0 + &push(&mut tap, end).0;
        assert!(flown.len() < body.len(), "{content_type}");
        assert_eq!(flown + &held(tap.finish(BodyEnd::Complete)), body);
    }
}

#[test]
fn an_unending_tail_after_the_end_is_let_go() {
    let mut tap = ResponseTap::new(Surface::ChatCompletions, SSE);
    push(&mut tap, DONE);
    let comment = format!(": {}\n\n", "x".repeat(100_000));
    let mut flown = 0;
    for _ in 0..20 {
        flown += push(&mut tap, &comment).0.len();
    }
    assert!(flown > HELD_LIMIT);
    let finished = tap.finish(BodyEnd::Complete);
    assert!(finished.observed.flags.held_overflow);
    assert!(held(finished).len() <= HELD_LIMIT);
}

#[test]
fn a_frame_over_the_limit_flows_as_it_comes_and_its_usage_is_read() {
    let image = "A".repeat(3 * FRAME_LIMIT);
    let last = json!({"type": "response.completed", "response": {
        "output": [{"result": image}], "model": "m", "status": "completed", "usage": {"input_tokens": 5, "output_tokens": 7}
    }});
    let partial = json!({"type": "response.image_generation_call.partial_image", "partial_image_b64": image});
    let stream = format!("event: partial\ndata: {partial}\n\nevent: response.completed\ndata: {last}\n\n");
    let mut tap = ResponseTap::new(Surface::Responses, SSE);
    let (mut flown, mut most_held) = (0, 0);
    for chunk in stream.as_bytes().chunks(10_000) {
        flown += tap.push(Bytes::copy_from_slice(chunk)).flow.len();
        most_held = most_held.max(tap.tail.len() + tap.held.len());
    }
    assert!(most_held <= FRAME_LIMIT, "{most_held}");
    let finished = tap.finish(BodyEnd::Complete);
    let observed = &finished.observed;
    assert_eq!(observed.usage.completion_tokens, Some(7));
    assert!(observed.flags.oversized_frame && observed.saw_terminal);
    assert_eq!(observed.finish_reason.as_deref(), Some("completed"));
    assert_eq!(flown + finished.held.len(), stream.len());
    assert!(
        held(finished).ends_with("\n\n"),
        "the client does not get the blank line before the record is durable"
    );
}

/// Found by fuzzing: what a frame said of itself was lost where it was over the limit and came in pieces.
#[test]
fn a_frame_over_the_limit_is_content_or_an_error_as_a_small_one_is() {
    let large = "A".repeat(FRAME_LIMIT);
    let image = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{large}\"}}}}]}}\n\n");
    let error = format!("event: error\ndata: {{\"message\":\"{large}\"}}\n\n");
    let comment = format!(": {large}\n\n");
    for (stream, content, is_error) in [(image, true, false), (error, false, true), (comment, false, false)] {
        let chunks: Vec<&[u8]> = stream.as_bytes().chunks(100_000).collect();
        let (out, finished) = run(Surface::ChatCompletions, SSE, &chunks);
        assert!(out == stream.as_bytes());
        assert_eq!((finished.observed.streamed_content, finished.observed.is_error), (content, is_error));
    }
}

#[test]
fn a_large_json_body_is_read_without_being_kept() {
    let vectors: Vec<_> =
        (0..2000).map(|index| json!({"index": index, "embedding": vec![0.123_456_78; 100]})).collect();
    let body =
        json!({"data": vectors, "model": "e", "usage": {"prompt_tokens": 9, "total_tokens": 9}}).to_string();
    assert!(body.len() > 2_000_000);
    let chunks: Vec<&[u8]> = body.as_bytes().chunks(16_000).collect();
    let (out, finished) = run(Surface::Embeddings, JSON, &chunks);
    assert!(out == body.as_bytes());
    assert_eq!(finished.observed.usage.prompt_tokens, Some(9));
    assert_eq!(finished.observed.response_model.as_deref(), Some("e"));
}

#[test]
fn an_encoded_body_flows_as_it_is_and_is_read() {
    let stream = [ROLE, HELLO, STOP, USAGE, DONE].concat();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(stream.as_bytes()).unwrap();
    let encoded = encoder.finish().unwrap();
    let head = ResponseHead { content_encoding: Some("gzip"), injected_usage: true, ..SSE };
    for size in [1, 10, 1000] {
        let chunks: Vec<&[u8]> = encoded.chunks(size).collect();
        let (out, finished) = run(Surface::ChatCompletions, head, &chunks);
        assert_eq!(out, encoded);
        let observed = finished.observed;
        assert_eq!(observed.usage.completion_tokens, Some(7));
        assert!(observed.saw_terminal && observed.flags.usage_not_withheld && !observed.flags.undecodable);
        assert!(!finished.held.is_empty());
    }
}

#[test]
fn an_encoded_body_that_cannot_be_read_flows_and_is_unknown() {
    let body = b"this is no gzip at all, whatever the header says";
    for (encoding, undecodable, unknown) in
        [("gzip", true, false), ("gzip, br", false, true), ("compress", false, true)]
    {
        let head = ResponseHead { content_encoding: Some(encoding), ..JSON };
        let (out, finished) = run(Surface::ChatCompletions, head, &[body]);
        assert_eq!(out, body);
        assert_eq!(finished.observed.usage_source, UsageSource::None);
        let flags = finished.observed.flags;
        assert_eq!((flags.undecodable, flags.unknown_encoding), (undecodable, unknown), "{encoding}");
        assert!(!finished.observed.wants_estimate());
    }
}

#[test]
fn an_error_inside_a_stream_is_an_error() {
    for frame in [
        "event: error\ndata: {\"x\":1}\n\n",
        "data: {\"error\":{\"message\":\"overloaded\"}}\n\n",
        "event:error\ndata: not even json\n\n",
    ] {
        let (out, finished) = run(Surface::ChatCompletions, SSE, &[HELLO, frame]);
        assert_eq!(out, [HELLO, frame].concat().into_bytes());
        assert!(finished.observed.is_error, "{frame}");
        assert!(!finished.observed.saw_terminal);
    }
    let body = "data: {\"choices\":[{\"delta\":{\"content\":\"the \\\"error\\\": word, [DONE] and \\\"usage\\\":1\"}}]}\n\n";
    let (_, finished) = run(Surface::ChatCompletions, SSE, &[HELLO, body]);
    assert!(!finished.observed.is_error && !finished.observed.saw_terminal);
    assert_eq!(finished.observed.usage_source, UsageSource::None);
}

#[test]
fn an_error_status_is_an_error_and_its_usage_counts() {
    let head = ResponseHead { status: 429, ..JSON };
    let (_, finished) = run(
        Surface::ChatCompletions,
        head,
        &["{\"error\":{},\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":0}}"],
    );
    assert!(finished.observed.is_error);
    assert_eq!(finished.observed.usage_source, UsageSource::Provider);
}

#[test]
fn the_body_decides_where_the_content_type_lies() {
    let body = "{\"error\":{\"message\":\"m\"}}";
    let (_, finished) = run(Surface::ChatCompletions, SSE, &[body]);
    assert!(finished.observed.is_error);
    assert_eq!(finished.observed.response_type, "chat_completion");
    for size in [1, 3, 1000] {
        let stream = [HELLO, USAGE, DONE].concat();
        let chunks: Vec<&[u8]> = stream.as_bytes().chunks(size).collect();
        let head = ResponseHead { content_type: Some("text/plain"), ..SSE };
        let (out, finished) = run(Surface::ChatCompletions, head, &chunks);
        assert_eq!(out, stream.as_bytes());
        assert_eq!(finished.observed.usage.prompt_tokens, Some(5), "in chunks of {size}");
        assert!(finished.observed.saw_terminal);
    }
}

#[test]
fn lines_of_json_flow_line_by_line() {
    let head = ResponseHead { content_type: Some("application/x-ndjson"), ..SSE };
    let mut tap = ResponseTap::new(Surface::PassThrough, head);
    push(&mut tap, "{\"a\":1}\n");
    push(&mut tap, "{\"a\":2}\n");
    assert_eq!(push(&mut tap, "{\"a\":3}\n"), flows("{\"a\":3}\n"));
}

/// Found by fuzzing: blanks, a mark or a form feed before the first line made a difference where they came by themselves.
#[test]
fn what_comes_before_the_first_line_means_the_same_however_it_is_cut() {
    let usage = "{\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":7}}";
    let sse = |before: &str| format!("{before}data: {usage}\n\n");
    let json = |before: &str, between: &str| format!("{before}{usage}{between}{usage}");
    for (head, body, states) in [
        (SSE, sse("\u{feff}"), true),
        (SSE, sse("\r\n\n"), true),
        (SSE, sse("  "), false),
        (SSE, sse("\n \u{feff}"), false),
        (SSE, sse(&" ".repeat(40)), false),
        (JSON, sse("\u{feff}"), true),
        (JSON, json("\r\n\t \u{feff}", " \r\n"), true),
        (SSE, json("\n\u{feff}", ""), true),
        (JSON, json("\u{c}", ""), false),
        (JSON, json("", "\u{c}"), true),
    ] {
        for at in 0..=body.len() {
            let (start, end) = body.as_bytes().split_at(at);
            let (out, finished) = run(Surface::ChatCompletions, head, &[start, end]);
            assert_eq!(out, body.as_bytes());
            let is_stated = finished.observed.usage_source == UsageSource::Provider;
            assert_eq!(is_stated, states, "{body:?} cut at {at}");
            let flags = finished.observed.flags;
            assert_eq!(flags.malformed, body.contains("}\u{c}"), "{body:?} cut at {at}");
        }
    }
}

/// Found by fuzzing: what was no document after others was held to the end, if it came with the last of them.
#[test]
fn lines_of_json_that_break_off_into_something_else_still_flow() {
    let body = "{\"done\":false}\n{\"done\":true}\nnothing";
    for size in [1, 7, 1000] {
        let mut tap = ResponseTap::new(Surface::PassThrough, JSON);
        let flown: Vec<u8> = body
            .as_bytes()
            .chunks(size)
            .flat_map(|chunk| tap.push(Bytes::copy_from_slice(chunk)).flow.into_bytes())
            .collect();
        assert_eq!(flown, body.as_bytes(), "in chunks of {size}");
        assert!(tap.finish(BodyEnd::Complete).observed.flags.malformed);
    }
}

#[test]
fn a_byte_order_mark_hides_no_usage_however_it_is_cut() {
    let document = "\u{feff} {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}";
    let events = format!("\u{feff}{HELLO}{USAGE}{DONE}");
    for (head, body) in [(JSON, document), (SSE, &events)] {
        for cut in 0..body.len() {
            let (first, then) = body.as_bytes().split_at(cut);
            let (out, finished) = run(Surface::ChatCompletions, head, &[first, then]);
            assert_eq!(out, body.as_bytes());
            assert_eq!(finished.observed.usage_source, UsageSource::Provider, "cut at {cut}");
        }
    }
}

#[test]
fn a_broken_body_flows_and_is_flagged() {
    let body = "{\"choices\":[}, \"usage\":{\"prompt_tokens\":1}}";
    let (out, finished) = run(Surface::ChatCompletions, JSON, &[body]);
    assert_eq!(out, body.as_bytes());
    assert!(finished.observed.flags.malformed);
    assert_eq!(finished.observed.usage_source, UsageSource::None);
}

#[test]
fn a_tap_never_shows_what_passes() {
    let mut tap = ResponseTap::new(Surface::ChatCompletions, SSE);
    let tapped = tap.push(Bytes::from_static(HELLO.as_bytes()));
    tap.push(Bytes::from_static(b"data: {\"secret"));
    let shown = format!("{tapped:?} {tap:?}");
    assert!(!shown.contains("Hello") && !shown.contains("secret"), "{shown}");
    let shown = format!("{:?}", tap.finish(BodyEnd::Cut));
    assert!(!shown.contains("Hello") && !shown.contains("secret"), "{shown}");
}

proptest! {
    /// Whatever comes in whatever chunks on whatever surface: the same bytes come out, in order, and nothing
    /// panics.
    #[test]
    fn bytes_out_are_bytes_in(
        parts in prop::collection::vec(prop_oneof![
            Just(ROLE.as_bytes().to_vec()), Just(HELLO.as_bytes().to_vec()), Just(USAGE.as_bytes().to_vec()), Just(DONE.as_bytes().to_vec()),
            Just(b"{\"usage\":{}}".to_vec()), Just(b"[{\"candidates\":[{\"finishReason\":\"STOP\"}]},".to_vec()), Just(b"\r".to_vec()),
            Just(b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n".to_vec()), prop::collection::vec(any::<u8>(), 0..30),
        ], 0..8),
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        surface in prop::sample::select(Surface::ALL.to_vec()),
        event_stream: bool,
        with_length: bool,
    ) {
        let body = parts.concat();
        let head = ResponseHead {
            content_length: with_length.then_some(body.len() as u64),
            ..if event_stream { SSE } else { JSON }
        };
        let whole = run(surface, head, &[&body]);
        prop_assert_eq!(&whole.0, &body);
        let chunked = run(surface, head, &cut(&body, &places));
        prop_assert_eq!(&chunked.0, &body);
        prop_assert_eq!(format!("{:?}", chunked.1.observed), format!("{:?}", whole.1.observed));
    }
}

#[test]
fn an_answer_is_guessed_no_longer_for_the_places_where_the_network_cut_it() {
    let head = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\n";
    let ping = "event: ping\ndata: {\"type\":\"ping\"}\n\n";
    let delta = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a word\"}}\n\n";
    let stream = [head, ping, &delta.repeat(8)].concat();
    let written = |pieces: &[&str]| {
        let mut tap =
            ResponseTap::new(Surface::AnthropicMessages, ResponseHead { follows_length: true, ..SSE });
        for piece in pieces {
            push(&mut tap, piece);
        }
        tap.written().expect("an event stream")
    };
    assert_eq!(written(&[&stream]), 8);
    for at in 1..stream.len() {
        let (start, end) = stream.split_at(at);
        assert!((7..=9).contains(&written(&[start, end])), "cut at {at}");
    }
    let bytes: Vec<&str> = (0..stream.len()).map(|at| &stream[at..=at]).collect();
    assert_eq!(written(&bytes), 10, "each frame is cut");
}
