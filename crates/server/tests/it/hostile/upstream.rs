//! Upstreams that answer with something else than was asked for, and upstreams that cannot speak HTTP.

use super::{
    CHARGED, Case, Class, Upstream, case,
    request::{chat, hi},
    usage::completion,
    wicked::{Deed, say},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_are_none_pass_and_are_not_taken_for_work() {
    super::house::House::run(answers()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upstreams_that_speak_no_http_are_a_502_and_those_that_break_off_are_seen_to() {
    super::house::House::run(framing()).await;
}

/// A prompt to the model behind the wicked upstream.
pub(crate) const WICKED: &str = r#"{"model":"wicked","messages":[{"role":"user","content":"hi"}]}"#;

/// Nobody said what it cost, and it was no answer of this API.
const UNRATED: &str = "200 completed unrated none";

/// The upstream answers with this, and the client gets it.
fn answered(
    name: &str,
    status: u16,
    content_type: &'static str,
    body: impl Into<Vec<u8>>,
    answer: &str,
    row: &str,
) -> Case {
    let upstream = Upstream::Document { status, content_type, body: body.into(), script: String::new() };
    case(name, hi().sent()).upstream(upstream).answers(answer).books(&[row])
}

/// The upstream answers with this in an encoding by its name.
fn encoded(name: &str, encoding: &str, body: Vec<u8>, row: &str) -> Case {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: {encoding}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let request = chat(WICKED).with("accept-encoding: gzip, br, zstd, deflate");
    case(name, request.sent())
        .upstream(Upstream::Wicked(vec![say(head), Deed::Say(body)]))
        .answers("200")
        .books(&[row])
}

/// 16 MB of blanks in this encoding.
fn packed(name: &str, encoding: &str) -> Case {
    let upstream = Upstream::Document {
        status: 200,
        content_type: "application/json",
        body: vec![b' '; 16 << 20],
        script: format!("encoding={encoding}"),
    };
    case(name, hi().with(format!("accept-encoding: {encoding}")).sent())
        .upstream(upstream)
        .answers("200")
        .books(&[UNRATED])
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    use std::io::Write;

    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// A right answer with usage.
fn right() -> String {
    completion(r#"{"prompt_tokens":100,"completion_tokens":10}"#)
}

pub(crate) fn answers() -> Class {
    const JSON: &str = "application/json";
    let zipped = gzip(right().as_bytes());
    let bomb = gzip(&vec![b' '; 16 << 20]);
    let cases = vec![
        answered("HTML with status 200", 200, "text/html", "<html>Bad Gateway</html>", "200", UNRATED),
        answered("HTML that calls itself JSON", 200, JSON, "<html>Bad Gateway</html>", "200", UNRATED),
        answered(
            "HTML that calls itself events",
            200,
            "text/event-stream",
            "<html>Bad Gateway</html>",
            "200",
            UNRATED,
        ),
        answered("a text", 200, "text/plain", "OK", "200", UNRATED),
        answered("nothing at all", 200, JSON, "", "200", UNRATED),
        answered("blanks", 200, JSON, " \r\n ", "200", UNRATED),
        answered("null", 200, JSON, "null", "200", UNRATED),
        answered("an empty array", 200, JSON, "[]", "200", UNRATED),
        packed("a Brotli bomb", "br"),
        packed("a zstd bomb", "zstd"),
        packed("a deflate bomb", "deflate"),
        answered(
            "half a document",
            200,
            JSON,
            &right().as_bytes()[..right().len() / 2],
            "200",
            "200 completed charged estimated *",
        ),
        answered("two documents", 200, JSON, right().repeat(2), "200", CHARGED),
        answered("JSON without a content type", 200, "", right(), "200", CHARGED),
        answered("JSON that calls itself HTML", 200, "text/html", right(), "200", CHARGED),
        answered("JSON that calls itself events", 200, "text/event-stream", right(), "200", CHARGED),
        answered(
            "events that call themselves JSON",
            200,
            JSON,
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":10}}\n\ndata: [DONE]\n\n",
            "200",
            CHARGED,
        ),
        answered("JSON with a byte order mark", 200, JSON, format!("\u{feff}{}", right()), "200", CHARGED),
        answered("noise", 200, JSON, (0..=255).cycle().take(10_000).collect::<Vec<u8>>(), "200", UNRATED),
        answered("status 201 with usage", 201, JSON, right(), "201", "201 completed charged provider 100+10"),
        answered(
            "status 429",
            429,
            JSON,
            r#"{"error":{"code":"slow_down"}}"#,
            "429 slow_down",
            "429 failed free none",
        ),
        answered("status 500 without a body", 500, JSON, "", "500", "500 failed free none"),
        answered(
            "status 500 with a right answer and no usage",
            500,
            JSON,
            r#"{"choices":[{"message":{"content":"Hello"}}]}"#,
            "500 without a code",
            "500 failed free none",
        ),
        answered("status 304", 304, JSON, "", "304", "304 completed free none"),
        encoded("gzip that is right", "gzip", zipped.clone(), CHARGED),
        encoded("gzip that is plain", "gzip", right().into_bytes(), UNRATED),
        encoded(
            "gzip that is cut off",
            "gzip",
            zipped[..zipped.len() / 2].to_vec(),
            "200 completed unrated none",
        ),
        encoded("gzip with noise after it", "gzip", [zipped.clone(), vec![7; 1000]].concat(), CHARGED),
        encoded("a gzip bomb", "gzip", bomb, UNRATED),
        encoded("gzip that calls itself Brotli", "br", zipped.clone(), UNRATED),
        encoded("gzip within gzip", "gzip, gzip", gzip(&zipped), UNRATED),
        encoded("an encoding that nobody knows", "rot13", right().into_bytes(), UNRATED),
    ];
    Class { name: "upstream: answers", tuning: |_| {}, cases }
}

/// The upstream says exactly this and hangs up.
fn says(name: &str, said: impl AsRef<[u8]>, answer: &str, row: &str) -> Case {
    does(name, vec![say(said)], answer, row)
}

fn does(name: &str, deeds: Vec<Deed>, answer: &str, row: &str) -> Case {
    case(name, chat(WICKED).sent()).upstream(Upstream::Wicked(deeds)).answers(answer).books(&[row])
}

/// A head with these fields, and a right body.
fn headed(fields: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{fields}\r\n\r\n{}", right())
}

pub(crate) fn framing() -> Class {
    const UNREACHABLE: &str = "502 upstream_unreachable";
    const FAILED: &str = "502 failed free none";
    let length = right().len();
    let many = "x-a: 1\r\n".repeat(1000);
    let chunked = |body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n{body}"
        )
    };
    let cases = vec![
        says("hangs up at once", "", UNREACHABLE, FAILED),
        does("resets at once", vec![Deed::Reset], UNREACHABLE, FAILED),
        says("noise", [7; 1000], UNREACHABLE, FAILED),
        says("HTTP/0.9", right(), UNREACHABLE, FAILED),
        says("half a status line", "HTTP/1.1 20", UNREACHABLE, FAILED),
        says("a status that is no number", "HTTP/1.1 abc OK\r\n\r\n", UNREACHABLE, FAILED),
        says("status 99", "HTTP/1.1 099 OK\r\ncontent-length: 0\r\n\r\n", UNREACHABLE, FAILED),
        says("half a head", "HTTP/1.1 200 OK\r\ncontent-type: appl", UNREACHABLE, FAILED),
        says("a head without a colon", "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", UNREACHABLE, FAILED),
        says("1,000 headers", headed(&format!("{many}content-length: {length}")), UNREACHABLE, FAILED),
        says(
            "a header of 1 MB",
            headed(&format!("x-a: {}\r\ncontent-length: {length}", "y".repeat(1 << 20))),
            UNREACHABLE,
            FAILED,
        ),
        says(
            "a header that is not UTF-8",
            [b"HTTP/1.1 200 OK\r\nx-a: \xff\r\nconnection: close\r\n\r\n".as_slice(), right().as_bytes()]
                .concat(),
            "200",
            CHARGED,
        ),
        says(
            "a switch of protocols",
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nhello",
            UNREACHABLE,
            FAILED,
        ),
        does(
            "a thousand early hints before the answer",
            vec![
                Deed::Repeat(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n".to_vec(), 1000),
                say(headed(&format!("content-length: {length}"))),
            ],
            "200",
            CHARGED,
        ),
        says(
            "a second answer behind the first",
            headed(&format!("content-length: {length}")) + &headed("content-length: 1"),
            "200",
            CHARGED,
        ),
        says(
            "two Content-Lengths that differ",
            headed(&format!("content-length: {length}\r\ncontent-length: 5")),
            UNREACHABLE,
            FAILED,
        ),
        says(
            "two Content-Lengths that agree",
            headed(&format!("content-length: {length}\r\ncontent-length: {length}")),
            "200",
            CHARGED,
        ),
        says("a negative Content-Length", headed("content-length: -1"), UNREACHABLE, FAILED),
        says(
            "a Content-Length past 64 bits",
            headed("content-length: 18446744073709551616"),
            UNREACHABLE,
            FAILED,
        ),
        says(
            "a Content-Length shorter than the body",
            headed("content-length: 20"),
            "200",
            "200 completed unrated none",
        ),
        says(
            "a Content-Length longer than the body",
            headed(&format!("content-length: {}", length + 1)),
            UNREACHABLE,
            "200 failed charged provider 100+10",
        ),
        says(
            "a Content-Length of 2^63 - 1",
            headed("content-length: 9223372036854775807"),
            "200 cut off",
            "200 failed charged provider 100+10",
        ),
        says(
            "Content-Length and chunks",
            chunked(&super::request::one_chunk(&right()))
                .replace("transfer-encoding", "content-length: 5\r\ntransfer-encoding"),
            "200",
            CHARGED,
        ),
        says("chunks without a size", chunked(&right()), UNREACHABLE, FAILED_AFTER_HEAD),
        says("a chunk size that is no number", chunked("zz\r\n\r\n"), UNREACHABLE, FAILED_AFTER_HEAD),
        says(
            "a chunk size past 64 bits",
            chunked(&format!("fffffffffffffffff\r\n{}", right())),
            UNREACHABLE,
            FAILED_AFTER_HEAD,
        ),
        says(
            "chunks without an end",
            chunked(&format!("{length:x}\r\n{}\r\n", right())),
            UNREACHABLE,
            "200 failed charged provider 100+10",
        ),
        says("a body until the end of the connection", headed("connection: close"), "200", CHARGED),
        says("HTTP/1.0", headed("connection: close").replace("HTTP/1.1", "HTTP/1.0"), "200", CHARGED),
        says(
            "status 204 with a body",
            format!("HTTP/1.1 204 No Content\r\ncontent-type: application/json\r\n\r\n{}", right()),
            "204",
            "204 completed unrated none",
        ),
        says(
            "status 204 with a length",
            "HTTP/1.1 204 No Content\r\ncontent-length: 20\r\n\r\n",
            "204",
            "204 completed unrated none",
        ),
        says(
            "status 304 with a length",
            "HTTP/1.1 304 Not Modified\r\ncontent-length: 1000\r\n\r\n",
            "304",
            "304 completed free none",
        ),
        says(
            "a redirect",
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/elsewhere\r\ncontent-length: 0\r\n\r\n",
            "302",
            "302 completed free none",
        ),
        says(
            "a redirect to itself, with the method kept",
            "HTTP/1.1 307 Temporary Redirect\r\nlocation: /v1/chat/completions\r\ncontent-length: 0\r\n\r\n",
            "307",
            "307 completed free none",
        ),
        does(
            "breaks after the head",
            vec![say(&headed(&format!("content-length: {}", 1 << 20))[..90]), Deed::Reset],
            "200 cut off",
            FAILED_AFTER_HEAD,
        ),
    ];
    Class { name: "upstream: framing", tuning: |_| {}, cases }
}

/// The head had come, so its status is what is recorded.
const FAILED_AFTER_HEAD: &str = "200 failed free none";
