//! `x-tollgate-*` headers that are not theirs to send: from clients, from upstreams, in every spelling and place.

use super::{
    Case, Class, Upstream, case,
    request::{HI, Request, chat, hi, one_chunk},
    upstream::WICKED,
    wicked::say,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_own_headers_are_believed_from_nobody_who_may_not_send_them() {
    super::house::House::run(spoofed()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_headers_of_a_trusted_key_are_right_or_refused() {
    super::house::House::run(batch()).await;
}

const ID: &str = "11111111-2222-3333-4444-555555555555";

/// A client without trust sends this; it is charged as if it had not, and none of it is forwarded.
fn from_client(name: &str, request: &Request) -> Case {
    case(name, request.sent()).passes().forwards(&["!tollgate", "!TOLLGATE", "!1970"])
}

/// The upstream says this of us, in its head.
fn from_upstream(name: &str, field: &str) -> Case {
    let answer = super::usage::completion(r#"{"prompt_tokens":100,"completion_tokens":10}"#);
    let said = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{field}\r\ncontent-length: {}\r\n\r\n{answer}",
        answer.len()
    );
    case(name, chat(WICKED).sent())
        .upstream(Upstream::Wicked(vec![say(said)]))
        .passes()
        .hears(&["x-tollgate-cost: 0.0013", "!999"])
}

/// The upstream says this of us in the trailers of a stream, and the client takes trailers.
fn from_upstreams_trailer(name: &str, field: &str) -> Case {
    let events = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":10}}\n\ndata: [DONE]\n\n";
    let said = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\
         trailer: x-tollgate-cost, x-tollgate-balance, x_tollgate_cost, set-cookie\r\n\r\n\
         {:x}\r\n{events}\r\n0\r\n{field}\r\n\r\n",
        events.len()
    );
    case(name, chat(WICKED).with("te: trailers").sent())
        .upstream(Upstream::Wicked(vec![say(said)]))
        .passes()
        .hears(&["x-tollgate-cost: 0.0013", "!999"])
}

pub(crate) fn spoofed() -> Class {
    let batch_id = |spelling: &str| hi().with(format!("{spelling}: {ID}"));
    let in_trailer = |field: &str| {
        let chunk = one_chunk(HI);
        let body = format!("{}{field}\r\n\r\n", chunk.strip_suffix("\r\n").unwrap());
        hi().chunked(body).with("trailer: x-tollgate-batch-id, x-tollgate-batch-created-at")
    };
    let cases = vec![
        from_client("a batch id", &batch_id("x-tollgate-batch-id")),
        from_client("in capitals", &batch_id("X-TOLLGATE-BATCH-ID")),
        from_client("in mixed letters", &batch_id("X-ToLLgAtE-bAtCh-Id")),
        from_client("with underscores", &batch_id("x_tollgate_batch_id")),
        from_client("with underscores here and there", &batch_id("X_Tollgate-Batch_Id")),
        from_client("given twice", &batch_id("x-tollgate-batch-id").with("x-tollgate-batch-id: 7")),
        from_client("in two spellings", &batch_id("x-tollgate-batch-id").with("x_tollgate_batch_id: 7")),
        from_client("malformed", &hi().with(b"x-tollgate-batch-id: \xff\xfe")),
        from_client("one that nobody knows", &hi().with("x-tollgate-free-of-charge: yes")),
        from_client("a name that ends at the prefix", &hi().with("x-tollgate-: yes")),
        from_client(
            "a price list of long ago",
            &hi().with("x-tollgate-batch-created-at: 1970-01-01T00:00:00Z"),
        ),
        from_client("a cheaper window", &hi().with("x-tollgate-batch-completion-window: 24h")),
        from_client("a source", &hi().with("x-tollgate-batch-request-source: frontend")),
        from_client("a cost", &hi().with("x-tollgate-cost: 0")),
        from_client("in a trailer", &in_trailer(&format!("x-tollgate-batch-id: {ID}"))),
        from_client("in a trailer, with underscores", &in_trailer(&format!("x_tollgate_batch_id: {ID}"))),
        from_client("in the query", &hi().to("/v1/chat/completions?x-trace=1")),
        from_upstream("a cost from the upstream", "x-tollgate-cost: 999"),
        from_upstream("a cost from the upstream in capitals", "X-TOLLGATE-COST: 999"),
        from_upstream("a cost from the upstream with underscores", "x_tollgate_cost: 999"),
        from_upstream("two costs from the upstream", "x-tollgate-cost: 999\r\nx-tollgate-cost: 9990"),
        from_upstream("a balance from the upstream", "x-tollgate-balance: 999"),
        from_upstreams_trailer("a cost in the upstream's trailer", "x-tollgate-cost: 999"),
        from_upstreams_trailer("a balance in the upstream's trailer", "x-tollgate-balance: 999"),
        from_upstreams_trailer("a cost in the upstream's trailer, with underscores", "x_tollgate_cost: 999"),
        from_upstreams_trailer("a cookie in the upstream's trailer", "set-cookie: session=999"),
    ];
    Class { name: "headers: spoofed", tuning: |_| {}, cases }
}

/// A trusted runner sends this.
fn runner(name: &str, fields: &[&[u8]]) -> Case {
    let request = hi().instead("authorization: Bearer {runner}");
    case(name, fields.iter().fold(request, super::request::Request::with).sent())
}

/// A trusted runner sends this; it is refused.
fn refused(name: &str, field: &[u8]) -> Case {
    runner(name, &[field]).answers("400 invalid_batch_header")
}

/// A batch of that time.
fn created_at(name: &str, at: &str, row: &str) -> Case {
    runner(name, &[format!("x-tollgate-batch-created-at: {at}").as_bytes()]).answers("200").books(&[row])
}

pub(crate) fn batch() -> Class {
    const BATCH: &str = "200 completed charged provider 100+10 in a batch";
    const UNRATED: &str = "200 completed unrated provider 100+10 in a batch";
    let long = format!("x-tollgate-custom-id: {}", "x".repeat(513));
    let longest = format!("x-tollgate-custom-id: {}", "x".repeat(512));
    let cases = vec![
        runner(
            "all of them, rightly",
            &[
                format!("x-tollgate-batch-id: {ID}").as_bytes(),
                format!("X-Tollgate-Batch-Request-Id: {ID}").as_bytes(),
                "x-tollgate-custom-id: größe ' ; drop table".as_bytes(),
                b"x-tollgate-batch-completion-window: 24h",
                b"x-tollgate-batch-request-source: frontend",
            ],
        )
        .answers("200")
        .books(&[BATCH])
        .forwards(&["!tollgate"]),
        refused("a batch id that is none", b"x-tollgate-batch-id: 7"),
        refused("an empty batch id", b"x-tollgate-batch-id:"),
        refused("a batch id that is not UTF-8", b"x-tollgate-batch-id: \xff\xfe"),
        runner(
            "two batch ids",
            &[
                format!("x-tollgate-batch-id: {ID}").as_bytes(),
                format!("x-tollgate-batch-id: {ID}").as_bytes(),
            ],
        )
        .answers("400 invalid_batch_header"),
        runner("a batch id with underscores", &[format!("x_tollgate_batch_id: {ID}").as_bytes()])
            .passes()
            .forwards(&["!tollgate"]),
        refused("an empty custom id", b"x-tollgate-custom-id: "),
        refused("a custom id of 513 bytes", long.as_bytes()),
        runner("a custom id of 512 bytes", &[longest.as_bytes()]).answers("200").books(&[BATCH]),
        refused("a window with a blank", b"x-tollgate-batch-completion-window: 24 h"),
        refused(
            "a window of 33 bytes",
            b"x-tollgate-batch-completion-window: 123456789012345678901234567890123",
        ),
        runner("a window that no price has", &[b"x-tollgate-batch-completion-window: 7d"])
            .answers("200")
            .books(&[BATCH]),
        refused("a source that is a path", b"x-tollgate-batch-request-source: ../../etc"),
        refused("a time that is none", b"x-tollgate-batch-created-at: yesterday"),
        refused("a time past 64 bits", b"x-tollgate-batch-created-at: 99999999999999999999"),
        refused("a time after the year 9999", b"x-tollgate-batch-created-at: 253402300800"),
        refused("a time before the first", b"x-tollgate-batch-created-at: -377705116800"),
        created_at("the time 0", "0", UNRATED),
        created_at("a time before prices", "2001-01-01T00:00:00.123456789Z", UNRATED),
        created_at("the last time there is", "9999-12-30T22:00:00.999999999Z", BATCH),
        created_at("the first day of PostgreSQL", "-004712-01-01T00:00:00Z", UNRATED),
        created_at(
            "a day before the first of PostgreSQL",
            "-005000-01-01T00:00:00Z",
            "quarantined: the time * is out of range*",
        ),
    ];
    Class { name: "headers: batch", tuning: |_| {}, cases }
}
