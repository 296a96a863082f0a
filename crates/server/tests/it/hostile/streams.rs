//! What a stream may do: state usage at any odd place or nowhere, end wrongly, go on after its end, break off.

use super::{
    CHARGED, Case, Class, Upstream, case,
    request::{STREAM, chat},
    wicked::{Deed, say},
    wire::Act,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_end_break_or_state_usage_oddly_are_charged_for_what_they_stated() {
    super::house::House::run(streamed()).await;
}

const ROLE: &str = r#"{"object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#;
const WORD: &str = r#"{"object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":"Hello there"}}]}"#;
const STOP: &str = r#"{"object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
const USAGE: &str = r#"{"object":"chat.completion.chunk","model":"m","choices":[],"usage":{"prompt_tokens":100,"completion_tokens":10,"total_tokens":110}}"#;
const ERROR: &str = r#"{"error":{"message":"overloaded","type":"server_error"}}"#;
const DONE: &str = "[DONE]";

/// A request for a stream that asks for its usage, so that all of it is the client's.
const ASKED: &str = r#"{"model":"hostile","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}"#;

fn events(data: &[&str]) -> String {
    data.iter().flat_map(|data| ["data: ", *data, "\n\n"]).collect()
}

/// The upstream streams these bytes; the client gets all of them.
fn bytes(name: &str, said: impl Into<Vec<u8>>, row: &str) -> Case {
    let upstream = Upstream::Document {
        status: 200,
        content_type: "text/event-stream",
        body: said.into(),
        script: "chunk=random:7".to_owned(),
    };
    case(name, chat(ASKED).sent()).upstream(upstream).answers("200").books(&[row])
}

/// The upstream streams these events; the client gets all of them.
fn stream(name: &str, data: &[&str], row: &str) -> Case {
    bytes(name, events(data), row)
}

/// The upstream does this after the head of a stream.
fn does(name: &str, mut deeds: Vec<Deed>, answer: &str, row: &str) -> Case {
    deeds.insert(0, say("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"));
    case(name, chat(ASKED.replace("hostile", "wicked")).sent())
        .upstream(Upstream::Wicked(deeds))
        .answers(answer)
        .books(&[row])
}

pub(crate) fn streamed() -> Class {
    const ESTIMATED: &str = "200 completed charged estimated *";
    let with_usage =
        |event: &str, usage: &str| format!(r#"{},"usage":{usage}}}"#, event.strip_suffix('}').unwrap());
    let growing = |n: u32| {
        with_usage(
            WORD,
            &format!(r#"{{"prompt_tokens":100,"completion_tokens":{n},"total_tokens":{}}}"#, 100 + n),
        )
    };
    let said = |data: &[&str]| say(events(data));
    let mut cases = vec![
        stream("no usage", &[ROLE, WORD, STOP, DONE], ESTIMATED),
        stream(
            "usage: null in every chunk",
            &[&with_usage(ROLE, "null"), &with_usage(WORD, "null"), &with_usage(STOP, "null"), DONE],
            ESTIMATED,
        ),
        stream(
            "usage of zero",
            &[ROLE, WORD, STOP, r#"{"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0}}"#, DONE],
            "200 completed free provider 0+0",
        ),
        stream("usage in every chunk", &[&growing(1), &growing(4), &growing(10), STOP, USAGE, DONE], CHARGED),
        stream(
            "usage in every chunk, and null in the last",
            &[&growing(1), &growing(10), &with_usage(STOP, "null"), DONE],
            CHARGED,
        ),
        stream("usage that shrinks", &[&growing(500), &growing(10), STOP, DONE], CHARGED),
        stream("usage with content", &[ROLE, &growing(10), STOP, DONE], CHARGED),
        stream("usage before content", &[USAGE, ROLE, WORD, STOP, DONE], CHARGED),
        stream(
            "usage with the finish reason",
            &[ROLE, WORD, &with_usage(STOP, r#"{"prompt_tokens":100,"completion_tokens":10}"#), DONE],
            CHARGED,
        ),
        stream("usage after the finish reason", &[ROLE, WORD, STOP, USAGE, DONE], CHARGED),
        stream("content after the usage", &[ROLE, WORD, STOP, USAGE, WORD, DONE], CHARGED),
        stream("no [DONE]", &[ROLE, WORD, STOP, USAGE], CHARGED),
        stream("no [DONE], no usage", &[ROLE, WORD], ESTIMATED),
        stream("nothing but [DONE]", &[DONE], "200 completed unrated none"),
        stream("[DONE] many times", &[ROLE, WORD, STOP, USAGE, DONE, DONE, DONE], CHARGED),
        stream("content after [DONE]", &[ROLE, WORD, STOP, USAGE, DONE, WORD], CHARGED),
        // The record is made at [DONE]: what comes with it is read, what comes later is not waited for.
        does("usage with [DONE], after it", vec![said(&[ROLE, WORD, STOP, DONE, USAGE])], "200", CHARGED),
        stream("usage after [DONE], later", &[ROLE, WORD, STOP, DONE, USAGE], ESTIMATED),
        stream(
            "other usage after [DONE]",
            &[
                ROLE,
                WORD,
                STOP,
                USAGE,
                DONE,
                r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#,
            ],
            CHARGED,
        ),
        stream(
            "[DONE] inside of content",
            &[ROLE, r#"{"choices":[{"delta":{"content":"data: [DONE]\n\n"}}]}"#, STOP, USAGE, DONE],
            CHARGED,
        ),
        stream("an error in a 200", &[ERROR], "200 failed free none"),
        stream("an error after content", &[ROLE, WORD, ERROR], "200 failed free none"),
        stream(
            "an error after the usage",
            &[ROLE, WORD, STOP, USAGE, ERROR, DONE],
            "200 failed charged provider 100+10",
        ),
        bytes(
            "an error by its event's name",
            format!("{}event: error\ndata: {{\"message\":\"no\"}}\n\n", events(&[ROLE, WORD])),
            "200 failed free none",
        ),
        stream(
            "negative usage",
            &[
                ROLE,
                WORD,
                STOP,
                r#"{"choices":[],"usage":{"prompt_tokens":-100,"completion_tokens":10}}"#,
                DONE,
            ],
            "quarantined: prompt_tokens of -100 is out of range*",
        ),
        stream(
            "usage as texts and floats",
            &[
                ROLE,
                WORD,
                STOP,
                r#"{"choices":[],"usage":{"prompt_tokens":"100","completion_tokens":1e1}}"#,
                DONE,
            ],
            CHARGED,
        ),
        stream("a chunk that is no JSON", &[ROLE, "{{{", WORD, STOP, USAGE, DONE], CHARGED),
        stream(
            "chunks that are arrays and texts",
            &["[]", "null", "7", r#""x""#, WORD, USAGE, DONE],
            CHARGED,
        ),
        stream(
            "choices that are no list",
            &[r#"{"choices":{"0":{"delta":{"content":"Hello"}}}}"#, USAGE, DONE],
            CHARGED,
        ),
        stream(
            "a lone surrogate beside the usage",
            &[ROLE, &USAGE.replace(r#""m""#, r#""\ud800""#), DONE],
            CHARGED,
        ),
        stream(
            "arrays 100,000 deep",
            &[ROLE, &format!(r#"{{"x":{}"#, "[".repeat(100_000)), WORD, USAGE, DONE],
            CHARGED,
        ),
        stream(
            "a frame of a megabyte with the usage at its end",
            &[
                ROLE,
                &with_usage(
                    &WORD.replace("Hello", &"x".repeat(1 << 20)),
                    r#"{"prompt_tokens":100,"completion_tokens":10}"#,
                ),
                DONE,
            ],
            CHARGED,
        ),
        bytes(
            "a name that is not UTF-8 beside the usage",
            [b"data: {\"model\":\"\xff\",".as_slice(), &USAGE.as_bytes()[1..], b"\n\ndata: [DONE]\n\n"]
                .concat(),
            CHARGED,
        ),
        bytes(
            "a name with a raw NUL beside the usage",
            [b"data: {\"model\":\"\0\",".as_slice(), &USAGE.as_bytes()[1..], b"\n\ndata: [DONE]\n\n"]
                .concat(),
            CHARGED,
        ),
        bytes(
            "carriage returns alone",
            events(&[ROLE, WORD, STOP, USAGE, DONE]).replace('\n', "\r"),
            CHARGED,
        ),
        bytes(
            "line ends of every kind",
            events(&[ROLE, WORD])
                + &events(&[STOP]).replace('\n', "\r\n")
                + &events(&[USAGE, DONE]).replace('\n', "\r"),
            CHARGED,
        ),
        bytes("a byte order mark", format!("\u{feff}{}", events(&[ROLE, WORD, STOP, USAGE, DONE])), CHARGED),
        bytes(
            "no blank after the colon",
            events(&[ROLE, WORD, STOP, USAGE, DONE]).replace("data: ", "data:"),
            CHARGED,
        ),
        bytes(
            "comments, ids and fields that nobody knows",
            format!(": hi\n\nid: \0\nretry: never\nfoo\n\n{}", events(&[ROLE, WORD, STOP, USAGE, DONE])),
            CHARGED,
        ),
        bytes(
            "100,000 comments",
            format!("{}{}", ": still here\n\n".repeat(100_000), events(&[ROLE, WORD, STOP, USAGE, DONE])),
            CHARGED,
        ),
        bytes(
            "usage over several lines",
            events(&[ROLE, WORD, STOP, &USAGE.replace(",\"usage\"", "\ndata: ,\"usage\""), DONE]),
            CHARGED,
        ),
        bytes(
            "usage without the blank line that ends it",
            format!("{}data: {USAGE}", events(&[ROLE, WORD, STOP])),
            CHARGED,
        ),
        bytes(
            "half of the usage",
            format!("{}{}", events(&[ROLE, WORD, STOP]), &USAGE[..USAGE.len() - 30]),
            ESTIMATED,
        ),
        does(
            "a reset before content",
            vec![said(&[ROLE]), Deed::Reset],
            "200 cut off",
            "200 failed free none",
        ),
        does(
            "a reset after content",
            vec![said(&[ROLE, WORD]), Deed::Reset],
            "200 cut off",
            "200 failed charged estimated *",
        ),
        does(
            "a reset after the last token",
            vec![said(&[ROLE, WORD, STOP]), Deed::Reset],
            "200 cut off",
            "200 failed charged estimated *",
        ),
        does(
            "a reset after the usage",
            vec![said(&[ROLE, WORD, STOP, USAGE]), Deed::Reset],
            "200 cut off",
            "200 failed charged provider 100+10",
        ),
        does(
            "a reset after [DONE]",
            vec![said(&[ROLE, WORD, STOP, USAGE, DONE]), Deed::Reset],
            "200",
            CHARGED,
        ),
        does(
            "megabytes after [DONE]",
            vec![said(&[ROLE, WORD, STOP, USAGE, DONE]), Deed::Repeat(vec![b'x'; 1 << 16], 64)],
            "200",
            CHARGED,
        ),
    ];
    // A stream without an end, and a client that leaves it: bounded by what is drained.
    let endless = events(&[WORD]).repeat(100).into_bytes();
    let mut leaves = does(
        "an endless stream, and the client leaves",
        vec![Deed::Repeat(endless, u64::MAX)],
        "left",
        "200 cancelled charged estimated *",
    );
    leaves.acts.extend([Act::Hear("Hello there"), Act::Leave]);
    cases.push(leaves);
    let mut leaves = does(
        "a stream that hangs, and the client leaves",
        vec![said(&[ROLE, WORD]), Deed::Hang],
        "left",
        "200 cancelled charged estimated *",
    );
    leaves.acts.extend([Act::Hear("Hello there"), Act::Leave]);
    cases.push(leaves);
    cases.push(
        case("usage that only we asked for, in the same frame as content", chat(STREAM).sent())
            .upstream(Upstream::Document {
                status: 200,
                content_type: "text/event-stream",
                body: events(&[ROLE, &growing(10), STOP, USAGE, DONE]).into_bytes(),
                script: String::new(),
            })
            .passes()
            .hears(&["Hello there", "[DONE]", r#"!"choices":[],"usage""#]),
    );
    Class { name: "upstream: streams", tuning: |gateway| gateway.drain_timeout_ms = 500, cases }
}
