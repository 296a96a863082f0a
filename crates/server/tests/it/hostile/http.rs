//! Requests that are wrong as HTTP: credentials, lengths and framing, syntax.
//!
//! What the HTTP library refuses has a status and no body; what we refuse has a code as well.

use super::{
    CHARGED, Case, Class, case,
    request::{HI, chat, hi, one_chunk},
    wire::Act,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_that_are_doubled_huge_or_no_text_are_refused_by_name() {
    super::house::House::run(credentials()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lengths_that_lie_are_refused_and_smuggle_nothing() {
    super::house::House::run(framing()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_are_no_http_are_refused_by_name() {
    super::house::House::run(syntax()).await;
}

fn sent(name: &str, request: &super::request::Request) -> Case {
    case(name, request.sent())
}

/// A request whose `Authorization` is this.
fn authorized(name: &str, value: impl AsRef<[u8]>) -> Case {
    let field = [b"authorization: ", value.as_ref()].concat();
    sent(name, &hi().without("authorization").with(field))
}

pub(crate) fn credentials() -> Class {
    let anonymous = || hi().without("authorization");
    let cases = vec![
        sent("two Authorization headers with different keys", &hi().with("authorization: Bearer {good}"))
            .answers("401 conflicting_api_keys"),
        sent("two Authorization headers, one of them unknown", &hi().with("Authorization: Bearer tg-nobody"))
            .answers("401 conflicting_api_keys"),
        sent("the same key in two Authorization headers", &hi().with("AUTHORIZATION: bearer {key}")).passes(),
        sent("another's key in x-api-key", &hi().with("x-api-key: {good}"))
            .answers("401 conflicting_api_keys"),
        sent("another's key in the query", &hi().to("/v1/chat/completions?key={good}"))
            .answers("401 conflicting_api_keys"),
        sent("two keys in the query", &anonymous().to("/v1/chat/completions?key={key}&key={good}"))
            .answers("401 conflicting_api_keys"),
        sent("a Basic credential beside the key", &hi().with("authorization: Basic e2tleX06"))
            .passes()
            .forwards(&["!Basic"]),
        sent("no credential", &anonymous()).answers("401 missing_api_key"),
        authorized("an empty bearer token", "Bearer ").answers("401 missing_api_key"),
        authorized("a tab after Bearer", "Bearer\t{key}").answers("401 missing_api_key"),
        authorized("the key in a scheme that is not Bearer", "Basic {key}").answers("401 missing_api_key"),
        authorized("a key encoded twice", "Bearer %257Bkey%257D").answers("401 invalid_api_key"),
        authorized("a key that is SQL", "Bearer ' or 1=1; drop table users; --")
            .answers("401 invalid_api_key"),
        authorized("a token of 100 KB", format!("Bearer {}", "x".repeat(100_000)))
            .answers("401 invalid_api_key"),
        authorized("a token of 1 MB", format!("Bearer {}", "x".repeat(1 << 20))).answers("431"),
        authorized("a token that is not UTF-8", b"Bearer \xff\xfe{key}").answers("401 missing_api_key"),
        authorized("a token with a NUL", b"Bearer {key}\0").answers("400"),
        sent("an x-api-key that is not UTF-8", &anonymous().with(b"x-api-key: \xff\xfe"))
            .answers("401 invalid_api_key"),
        sent(
            "the key hidden in a cookie and a query",
            &hi().with("cookie: a={key}").to("/v1/chat/completions?a={key}"),
        )
        .passes()
        .forwards(&["!tg-"]),
        sent(
            "an unknown key asking for 100 Continue",
            &hi().instead("authorization: Bearer tg-nobody").with("expect: 100-continue"),
        )
        .answers("401 invalid_api_key"),
    ];
    Class { name: "HTTP: credentials", tuning: |_| {}, cases }
}

/// A body of this length by its own account.
fn of_length(name: &str, length: &str) -> Case {
    sent(name, &hi().instead(&format!("content-length: {length}")))
}

/// A request that another one hides behind.
fn smuggling(request: &super::request::Request) -> Vec<Act> {
    let hidden = hi().instead("content-length: 63");
    vec![Act::Send([request.clone().without("connection").bytes(), hidden.bytes()].concat())]
}

pub(crate) fn framing() -> Class {
    let chunk = one_chunk(HI);
    let length = HI.len();
    let half = &HI[..length / 2];
    let with_both =
        |first: &str, then: &str| hi().chunked(&chunk).without("transfer-encoding").with(first).with(then);
    let cases = vec![
        // Transfer-Encoding counts, and the connection ends: what comes after the chunks is nobody's request.
        case(
            "Content-Length and Transfer-Encoding",
            smuggling(&with_both("content-length: 5", "transfer-encoding: chunked")),
        )
        .passes(),
        case(
            "Transfer-Encoding and Content-Length",
            smuggling(&with_both("transfer-encoding: chunked", "content-length: 5")),
        )
        .passes(),
        sent("two Content-Lengths that differ", &hi().with("content-length: 5")).answers("400"),
        sent("two Content-Lengths that agree", &hi().with(format!("content-length: {length}"))).passes(),
        of_length("a list of Content-Lengths", &format!("{length}, {length}")).answers("400"),
        of_length("a negative Content-Length", "-1").answers("400"),
        of_length("a Content-Length with a plus", &format!("+{length}")).answers("400"),
        of_length("a hexadecimal Content-Length", "0x3f").answers("400"),
        of_length("a Content-Length that is no number", "many").answers("400"),
        of_length("a Content-Length past 64 bits", "18446744073709551616").answers("400"),
        of_length("a Content-Length of 2^64 - 1", "18446744073709551615").answers("431"),
        // We would read on for a while, so that a client which sends first finds the answer.
        case("a Content-Length of 2^63 - 1", {
            let bytes = hi().instead("content-length: 9223372036854775807").bytes();
            vec![Act::Send(bytes), Act::Hear("body_too_large"), Act::Leave]
        })
        .answers("left")
        .hears(&["413 Payload Too Large"]),
        of_length("a Content-Length of 0 before a body", "0").answers("400 empty_body"),
        of_length("a Content-Length shorter than the body", "20").answers("400 invalid_json"),
        case(
            "a Content-Length longer than the body",
            vec![Act::Send(hi().instead("content-length: 1000").bytes()), Act::End],
        )
        .answers("400 incomplete_body"),
        case(
            "half a body, and the client leaves",
            vec![
                Act::Send(hi().chunked("").head()),
                Act::Send(b"20\r\n".to_vec()),
                Act::Send(half.into()),
                Act::Leave,
            ],
        )
        .answers("left"),
        case("a body larger than the limit", {
            let body = format!(r#"{{"model":"hostile","messages":"{}"}}"#, "x".repeat(3 << 20));
            vec![Act::Send(chat(&body).chunked(one_chunk(&body)).bytes())]
        })
        .answers("413 body_too_large")
        .books(&["413 failed free none"])
        .reaching(0),
        sent("chunks without a size", &hi().chunked(format!("\r\n{HI}\r\n0\r\n\r\n")))
            .answers("400 incomplete_body"),
        sent("a chunk size that is no number", &hi().chunked(format!("zz\r\n{HI}\r\n0\r\n\r\n")))
            .answers("400 incomplete_body"),
        sent("a chunk size past 64 bits", &hi().chunked(format!("fffffffffffffffff\r\n{HI}\r\n0\r\n\r\n")))
            .answers("400 incomplete_body"),
        sent("a negative chunk size", &hi().chunked(format!("-3f\r\n{HI}\r\n0\r\n\r\n")))
            .answers("400 incomplete_body"),
        sent("a chunk larger than its size", &hi().chunked(format!("10\r\n{HI}\r\n0\r\n\r\n")))
            .answers("400 incomplete_body"),
        sent(
            "a chunk extension of 1 MB",
            &hi().chunked(format!("3f;{}\r\n{HI}\r\n0\r\n\r\n", "x".repeat(1 << 20))),
        )
        .answers("400 incomplete_body"),
        sent("bare LF between chunks", &hi().chunked(format!("3f\n{HI}\n0\n\n")))
            .answers("400 incomplete_body"),
        case(
            "chunks without an end",
            vec![Act::Send(hi().chunked(format!("3f\r\n{HI}\r\n")).bytes()), Act::End],
        )
        .answers("400 incomplete_body"),
        sent(
            "1,000 trailers",
            &hi().chunked(format!("3f\r\n{HI}\r\n0\r\n{}\r\n", "x-t: 1\r\n".repeat(1000))),
        )
        .answers("400 incomplete_body"),
        sent(
            "a trailer of 1 MB",
            &hi().chunked(format!("3f\r\n{HI}\r\n0\r\nx-t: {}\r\n\r\n", "x".repeat(1 << 20))),
        )
        .answers("400 incomplete_body"),
        sent("Transfer-Encoding: identity", &hi().with("transfer-encoding: identity")).answers("400"),
        sent(
            "Transfer-Encoding that does not end in chunked",
            &hi().chunked(&chunk).instead("transfer-encoding: chunked, gzip"),
        )
        .answers("400"),
        sent("Transfer-Encoding: xchunked", &hi().chunked(&chunk).instead("transfer-encoding: xchunked"))
            .answers("400"),
        sent(
            "Transfer-Encoding in HTTP/1.0",
            &hi().chunked(&chunk).line("POST /v1/chat/completions HTTP/1.0"),
        )
        .answers("400"),
        sent("a gzip bomb", &chat(bomb()).with("content-encoding: gzip")).answers("415 encoded_body"),
        sent("Content-Encoding: identity", &hi().with("content-encoding: identity")).passes(),
        case(
            "ten requests in one write",
            vec![Act::Send([hi().without("connection").bytes().repeat(9), hi().bytes()].concat())],
        )
        .answers(&["200"; 10].join(", "))
        .books(&[CHARGED; 10]),
    ];
    Class { name: "HTTP: framing", tuning: |gateway| gateway.max_body_bytes = 2 << 20, cases }
}

/// 20 MB of zeros in 20 KB.
fn bomb() -> Vec<u8> {
    use std::io::Write;

    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..20 {
        encoder.write_all(&vec![0; 1 << 20]).unwrap();
    }
    encoder.finish().unwrap()
}

/// A first line of the client's own making.
fn called(name: &str, line: &str) -> Case {
    sent(name, &hi().line(line))
}

pub(crate) fn syntax() -> Class {
    let raw = |name: &str, bytes: &[u8]| case(name, vec![Act::Send(bytes.to_vec()), Act::End]);
    let head = |name: &str, field: &[u8]| sent(name, &hi().with(field));
    let cases = vec![
        sent("bare LF in the head", &hi().line_end("\n")).passes(),
        head("a bare CR in a header", b"x-a: 1\rx-b: 2").answers("400"),
        head("a header folded over two lines", b"x-a: 1\r\n  2").answers("400"),
        head("a blank before the colon", b"x-a : 1").answers("400"),
        head("a header without a colon", b"nonsense").answers("400"),
        head("a header without a name", b": 1").answers("400"),
        head("a header name that is not ASCII", b"x-\xc3\xa4: 1").answers("400"),
        head("a header with a NUL", b"x-a: \0").answers("400"),
        head("a header that is not UTF-8", b"x-a: \xff\xfe").passes(),
        head("a User-Agent that is not UTF-8", b"user-agent: \xff\xfe").passes(),
        head("a User-Agent of 100 KB", &[b"user-agent: ".as_slice(), "ü".repeat(50_000).as_bytes()].concat())
            .passes(),
        head("a header of 1 MB", &[b"x-a: ".as_slice(), &vec![b'x'; 1 << 20]].concat()).answers("431"),
        sent("1,000 headers", &(0..1000).fold(hi(), |request, n| request.with(format!("x-{n}: 1"))))
            .answers("431"),
        sent("1,000 headers of one name", &(0..1000).fold(hi(), |request, _| request.with("x-a: 1")))
            .answers("431"),
        head("two Hosts", b"host: elsewhere").passes().forwards(&["!elsewhere"]),
        sent("no Host", &hi().without("host")).passes(),
        head("a Connection that names the credential", b"connection: authorization, content-type").passes(),
        head("an upgrade to a WebSocket", b"upgrade: websocket").passes().forwards(&["!websocket"]),
        head("an upgrade to HTTP/2", b"upgrade: h2c\r\nhttp2-settings: AAMAAABk")
            .passes()
            .forwards(&["!h2c"]),
        head("an Expect that nobody knows", b"expect: a miracle").passes().forwards(&["!miracle"]),
        called("HEAD", "HEAD /v1/chat/completions HTTP/1.1").answers("405"),
        called("TRACE", "TRACE /v1/chat/completions HTTP/1.1")
            .answers("405 method_not_allowed")
            .hears(&["!hostile"]),
        called("CONNECT", "CONNECT elsewhere:443 HTTP/1.1").answers("405 method_not_allowed"),
        called("CONNECT to a route", "CONNECT /v1/chat/completions HTTP/1.1")
            .answers("405 method_not_allowed"),
        called("OPTIONS *", "OPTIONS * HTTP/1.1").answers("405 method_not_allowed"),
        called("a method in small letters", "post /v1/chat/completions HTTP/1.1")
            .answers("405 method_not_allowed"),
        called("a method that nobody knows", "HACK /v1/chat/completions HTTP/1.1")
            .answers("405 method_not_allowed"),
        called("a method of 100 KB", &format!("{} / HTTP/1.1", "X".repeat(100_000)))
            .answers("405 method_not_allowed"),
        called("another host in the first line", "POST http://elsewhere/v1/chat/completions HTTP/1.1")
            .passes(),
        called("HTTP/1.0", "POST /v1/chat/completions HTTP/1.0").passes(),
        called("HTTP/3.7", "POST /v1/chat/completions HTTP/3.7").answers("400"),
        called("no version", "POST /v1/chat/completions").answers("400"),
        called("a path with blanks", "POST /v1/chat completions HTTP/1.1").answers("400"),
        called("a path with a fragment", "POST /v1/chat/completions#x HTTP/1.1").passes(),
        called("a path of 70 KB", &format!("POST /{} HTTP/1.1", "x".repeat(70_000))).answers("414"),
        called("a parameter that the operator fixed", "POST /v1/embeddings?api-version=2 HTTP/1.1")
            .answers("200")
            .books(&["200 completed charged provider 100+0"])
            .forwards(&["/v1/embeddings?api-version=1\n"]),
        called(
            "a parameter that the operator fixed, encoded",
            "POST /v1/embeddings?api%2Dversion=2 HTTP/1.1",
        )
        .answers("200")
        .books(&["200 completed charged provider 100+0"])
        .forwards(&["/v1/embeddings?api-version=1\n"]),
        called(
            "a parameter that the operator fixed, behind a semicolon",
            "POST /v1/embeddings?a;api-version=2 HTTP/1.1",
        )
        .answers("200")
        .books(&["200 completed charged provider 100+0"])
        .forwards(&["/v1/embeddings?api-version=1\n"]),
        called("a path with a NUL", "POST /v1/chat/completions%00 HTTP/1.1").answers("404 unknown_route"),
        called("a path in capitals", "POST /V1/CHAT/COMPLETIONS HTTP/1.1").answers("404 unknown_route"),
        called("a path that climbs", "POST /v1/files/../chat/completions HTTP/1.1")
            .answers("404 unknown_route"),
        called("a path that climbs, encoded", "POST /v1/images/%2e%2E/chat/completions HTTP/1.1")
            .answers("404 unknown_route"),
        called("a path with an encoded slash", "POST /v1/images/..%2fchat%2Fcompletions HTTP/1.1")
            .answers("404 unknown_route"),
        called(
            "a model in the path that climbs",
            "POST /v1beta/models/..%2F..%2Fhostile:generateContent HTTP/1.1",
        )
        .answers("404 NOT_FOUND"),
        called("a model in the path with a NUL", "POST /v1beta/models/hostile%00:generateContent HTTP/1.1")
            .answers("404 NOT_FOUND"),
        raw("nothing but noise", &(0..=255).cycle().take(10_000).collect::<Vec<u8>>()).answers("400"),
        raw("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").answers("400"),
        raw("HTTP/0.9", b"GET /\r\n\r\n").answers("400"),
        raw("HTTP/2 that is none", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nand now for something else")
            .answers("no HTTP/1"),
        raw("1 MB of empty lines", &b"\r\n".repeat(1 << 19)).answers("431"),
        case("empty lines before a request", vec![Act::Send([b"\r\n\r\n".to_vec(), hi().bytes()].concat())])
            .passes(),
    ];
    Class { name: "HTTP: syntax", tuning: |_| {}, cases }
}
