//! Clients and upstreams that take their time. The server's patience is short here; the cases are the same with a long one.

use std::time::Duration;

use tollgate_gateway::GatewayConfig;

use super::{
    CHARGED, Case, Class, Upstream, case,
    request::{HI, STREAM, chat, hi, one_chunk},
    upstream::WICKED,
    usage::completion,
    wicked::{Deed, say},
    wire::Act,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_take_too_long_are_told_or_dropped_and_hold_up_nobody() {
    super::house::House::run(clients()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upstreams_that_take_too_long_are_cut_off_and_hold_up_nobody() {
    super::house::House::run(upstreams()).await;
}

/// The server's patience with everybody.
const PATIENCE_MS: u64 = 2000;
/// More than that.
const TOO_LONG: Duration = Duration::from_secs(4);
/// A pace at which every single byte is in time.
const PACE: Duration = Duration::from_millis(200);

/// Short times for everything.
pub(crate) fn impatient(gateway: &mut GatewayConfig) {
    gateway.header_read_timeout_ms = PATIENCE_MS;
    gateway.body_read_timeout_ms = PATIENCE_MS;
    gateway.client_write_timeout_ms = PATIENCE_MS;
    // It counts from the first byte that is sent to an upstream, so the client's body must have its time within.
    gateway.upstream_response_timeout_ms = 2 * PATIENCE_MS;
    gateway.upstream_idle_timeout_ms = PATIENCE_MS;
    gateway.drain_timeout_ms = PATIENCE_MS;
}

/// The client does this, and the connection is closed without a word.
fn dropped(name: &str, acts: Vec<Act>) -> Case {
    case(name, acts).answers("closed")
}

pub(crate) fn clients() -> Class {
    let head = hi().bytes();
    let half = &HI[..HI.len() / 2];
    let expecting = hi().with("expect: 100-continue").head();
    let long = "prompt=100 completion=10 frames=100000 reply=".to_owned() + &"x".repeat(1000);
    let cases = vec![
        dropped("a client that says nothing", vec![]),
        dropped("the beginning of HTTP/2, and nothing more", vec![Act::Send(b"PRI * HTTP".to_vec())]),
        dropped("half a head, and nothing more", vec![Act::Send(head[..60].to_vec())]),
        dropped("a head byte by byte, each in time", vec![Act::Trickle(head[..20].to_vec(), PACE)]),
        case("no body after the head", vec![Act::Send(hi().head())]).answers("408 body_timeout"),
        case("half a body, and nothing more", vec![Act::Send(hi().head()), Act::Send(half.into())])
            .answers("408 body_timeout"),
        case(
            "half a chunked body, and nothing more",
            vec![Act::Send(hi().chunked(format!("3f\r\n{half}")).bytes())],
        )
        .answers("408 body_timeout"),
        case("100 Continue, and then nothing", vec![Act::Send(expecting.clone()), Act::Hear("100 Continue")])
            .answers("100, 408 body_timeout"),
        case(
            "100 Continue, and then half a body",
            vec![Act::Send(expecting.clone()), Act::Hear("100 Continue"), Act::Send(half.into())],
        )
        .answers("100, 408 body_timeout"),
        case(
            "100 Continue, and the client leaves",
            vec![Act::Send(expecting), Act::Hear("100 Continue"), Act::Leave],
        )
        .answers("left"),
        case("the end of a body byte by byte, each in time", {
            let (first, last) = HI.split_at(HI.len() - 8);
            vec![Act::Send(hi().head()), Act::Send(first.into()), Act::Trickle(last.into(), PACE)]
        })
        .passes(),
        case(
            "a client that reads nothing of a long stream",
            vec![Act::Send(chat(STREAM).bytes()), Act::Ignore(TOO_LONG), Act::Leave],
        )
        .script(&long)
        .answers("left")
        .books(&["200 * charged *"]),
        case("chunks of one byte", {
            let bytes: String = HI
                .split("")
                .filter(|byte| !byte.is_empty())
                .flat_map(|byte| ["1\r\n", byte, "\r\n"])
                .collect();
            hi().chunked(bytes + "0\r\n\r\n").sent()
        })
        .passes(),
        case("a large body that stops on its way to the upstream", {
            let begun = format!(r#"{{"model":"hostile","messages":"{}"#, "x".repeat(200_000));
            vec![Act::Send(hi().instead("content-length: 1000000").head()), Act::Send(begun.into())]
        })
        .answers("408 incomplete_body")
        .books(&["408 failed free none"])
        .reaching(0),
    ];
    Class { name: "slow clients", tuning: impatient, cases }
}

/// The upstream does this.
fn does(name: &str, deeds: Vec<Deed>, answer: &str, row: &str) -> Case {
    case(name, chat(WICKED).sent()).upstream(Upstream::Wicked(deeds)).answers(answer).books(&[row])
}

pub(crate) fn upstreams() -> Class {
    const TIMEOUT: &str = "504 upstream_timeout";
    const LATE: &str = "504 failed free none";
    const HEAD: &str =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    const EVENTS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    const WORD: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\n";
    const END: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":10}}\n\ndata: [DONE]\n\n";
    let right = completion(r#"{"prompt_tokens":100,"completion_tokens":10}"#);
    let chunk = one_chunk(&right);
    let cases = vec![
        does("no answer", vec![Deed::Hang], TIMEOUT, LATE),
        does(
            "a head byte by byte, each in time",
            vec![Deed::Trickle(HEAD.into(), PACE), Deed::Hang],
            TIMEOUT,
            LATE,
        ),
        does(
            "early hints without an end",
            vec![Deed::Trickle(b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(9), PACE), Deed::Hang],
            TIMEOUT,
            LATE,
        ),
        does("no body after the head", vec![say(HEAD), Deed::Hang], "200 cut off", "200 failed free none"),
        does(
            "half a body, and nothing more",
            vec![say(HEAD), say(&chunk[..40]), Deed::Hang],
            "200 cut off",
            "200 failed free none",
        ),
        does(
            "a body byte by byte, each in time",
            vec![
                say(HEAD),
                say(&chunk[..chunk.len() - 12]),
                Deed::Trickle(chunk.as_bytes()[chunk.len() - 12..chunk.len() - 7].to_vec(), PACE),
                say(&chunk[chunk.len() - 7..]),
            ],
            "200",
            CHARGED,
        ),
        does(
            "a body byte by byte, and then too slow",
            vec![
                say(HEAD),
                Deed::Trickle(chunk.as_bytes()[..4].to_vec(), PACE),
                Deed::Trickle(chunk.as_bytes()[4..].to_vec(), TOO_LONG),
            ],
            "200 cut off",
            "200 failed free none",
        ),
        does(
            "a stream that pauses before content",
            vec![say(EVENTS), Deed::Hang],
            "200 cut off",
            "200 failed free none",
        ),
        does(
            "a stream that pauses after content",
            vec![say(EVENTS), say(WORD), Deed::Hang],
            "200 cut off",
            "200 failed charged estimated *",
        ),
        does(
            "a stream that pauses after the usage",
            vec![say(EVENTS), say(WORD), say(&END[..END.len() - 14]), Deed::Hang],
            "200 cut off",
            "200 failed charged provider 100+10",
        ),
        does(
            "a stream that is not closed after [DONE]",
            vec![say(EVENTS), say(WORD), say(END), Deed::Hang],
            "200",
            CHARGED,
        ),
        does(
            "a stream that trickles after [DONE]",
            vec![say(EVENTS), say(WORD), say(END), Deed::Trickle(vec![b'\n'; 100], PACE)],
            "200",
            CHARGED,
        ),
        does(
            "comments alone, each in time, and then too slow",
            vec![say(EVENTS), Deed::Trickle(b": a\n\n".to_vec(), PACE), Deed::Hang],
            "200 cut off",
            "200 failed free none",
        ),
    ];
    Class { name: "slow upstreams", tuning: impatient, cases }
}
