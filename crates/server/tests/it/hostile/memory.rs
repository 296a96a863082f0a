//! Bytes without an end, through the server as its own process: what it keeps of them is bounded, and what was stated behind them is charged.

use std::{net::SocketAddr, process::Stdio};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::Child,
};
use tollgate_testkit::ScriptedUpstream;

use super::{
    house,
    request::{STREAM, chat},
    upstream::WICKED,
    wicked::{Deed, Wicked, say},
};
use crate::harness::{Place, eventually, get, get_with_key, published, sql};

/// For the sum of all cases.
pub(crate) const CASES: (&str, &[&str]) = (
    "memory",
    &[
        "a line of 1 GB in a stream",
        "a string of 1 GB in a document",
        "a comment of 256 MB",
        "gzip that would be 4 GB",
        "a request of a million chunks of one byte, with the model at its end",
        "a request without an end",
    ],
);

const MIB: usize = 1 << 20;
const EVENTS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
const DOCUMENT: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
const USAGE: &str =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":10}}\n\ndata: [DONE]\n\n";
/// By how much the server's memory may have grown at its highest. Of what passes through it, it keeps well under a megabyte.
const GROWTH_MAX_KIB: i64 = 32 * 1024;

/// The most memory that a process ever had, in KiB.
fn high_water_mark(process: &Child) -> i64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id().unwrap())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().trim().parse().unwrap()
}

/// Sends a request and reads its answer to the end, keeping only its length and its last bytes.
async fn swallow(address: SocketAddr, request: &[u8]) -> (usize, Vec<u8>) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let (mut length, mut last) = (0, Vec::new());
    let mut buffer = vec![0; MIB];
    loop {
        let read = stream.read(&mut buffer).await.unwrap();
        if read == 0 {
            return (length, last);
        }
        length += read;
        last = buffer[read.saturating_sub(100)..read].to_vec();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_without_an_end_pass_through_in_bounded_memory() {
    let (upstream, wicked) = (ScriptedUpstream::start().await, Wicked::start().await);
    let place = Place::with_database().await;
    let mut command = place.command();
    command.args(["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut server = command.spawn().unwrap();
    let mut stderr = server.stderr.take().unwrap();
    let log = tokio::spawn(async move {
        let mut log = String::new();
        stderr.read_to_string(&mut log).await.unwrap();
        log
    });
    let address: SocketAddr = published(&place.data_dir().join("listen.addr")).await.parse().unwrap();
    let (attacker, ..) = house::furnish(&place, &upstream.base_url(), &wicked.base_url()).await;
    eventually("the models are known", async || {
        get_with_key(address, "/v1/models", &attacker.secret).await.text.contains("wicked")
    })
    .await;
    let with_key = |bytes: &[u8]| {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        text.replace("{key}", &attacker.secret).into_bytes()
    };
    let a_mib = vec![b'x'; MIB];
    let stream = with_key(&chat(STREAM.replace("hostile", "wicked")).bytes());
    let whole = with_key(&chat(WICKED).bytes());

    // Once, so that what every server needs is there.
    wicked.shall(vec![say(EVENTS), say(USAGE)]);
    swallow(address, &stream).await;
    let before = high_water_mark(&server);
    let bounded = |server: &Child, name: &str| {
        let grown = high_water_mark(server) - before;
        eprintln!("{name}: the server's memory grew by {grown} KiB at most");
        assert!(grown < GROWTH_MAX_KIB, "{name}: the server's memory grew by {grown} KiB");
    };

    let word = r#"{"choices":[{"delta":{"content":""#;
    let attacks = [
        (
            "a line of 1 GB in a stream",
            &stream,
            vec![
                say(EVENTS),
                say("data: "),
                say(word),
                Deed::Repeat(a_mib.clone(), 1024),
                say("\"}}]}\n\n"),
                say(USAGE),
            ],
            1024 * MIB,
        ),
        (
            "a string of 1 GB in a document",
            &whole,
            vec![
                say(DOCUMENT),
                say(r#"{"choices":[{"message":{"content":""#),
                Deed::Repeat(a_mib.clone(), 1024),
                say(r#""}}],"usage":{"prompt_tokens":100,"completion_tokens":10}}"#),
            ],
            1024 * MIB,
        ),
        (
            "a comment of 256 MB",
            &stream,
            vec![say(EVENTS), say(": "), Deed::Repeat(a_mib.clone(), 256), say("\n\n"), say(USAGE)],
            256 * MIB,
        ),
        (
            "gzip that would be 4 GB",
            &whole,
            vec![say(zipped_head()), Deed::Repeat(zeros(), 64)],
            zeros().len() * 64,
        ),
    ];
    for (name, request, deeds, at_least) in attacks {
        wicked.shall(deeds);
        let (length, _last) = swallow(address, request).await;
        assert!(length >= at_least, "{name}: {length} bytes have come");
        bounded(&server, name);
    }

    // A million chunks of one byte, all of which have to be held until the model is known.
    let begun = chat("").chunked("10\r\n{\"messages\":\"xxx\r\n").bytes();
    let last = "\",\"model\":\"wicked\"}";
    let ended = format!("{:x}\r\n{last}\r\n0\r\n\r\n", last.len());
    wicked.shall(vec![
        say(DOCUMENT),
        say(super::usage::completion(r#"{"prompt_tokens":100,"completion_tokens":10}"#)),
    ]);
    let crumbs = b"1\r\nx\r\n".repeat(1 << 20);
    swallow(address, &[with_key(&begun), crumbs, ended.into_bytes()].concat()).await;
    bounded(&server, "a request of a million chunks of one byte");

    // A request without an end, in chunks of a mebibyte, to a server that takes 32.
    let begun = chat("").chunked(
        r#"20
{"model":"hostile","messages":"x
"#
        .replace('\n', "\r\n"),
    );
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(&with_key(&begun.bytes())).await.unwrap();
    let chunk = [b"100000\r\n".as_slice(), &a_mib, b"\r\n"].concat();
    let mut sent = 0;
    while sent < 1024 && connection.write_all(&chunk).await.is_ok() {
        sent += 1;
    }
    assert!(sent < 256, "{sent} MiB were taken");
    bounded(&server, "a request without an end");

    let client = sql(place.database_url()).await;
    eventually("all are in the books", async || {
        let metrics = get(address, "/metrics").await.text;
        let rows = "select count(*) from usage_records";
        house::metric(&metrics, "tollgate_gateway_in_flight") == 0
            && house::metric(&metrics, "tollgate_gateway_admitted_total")
                == client.query_one(rows, &[]).await.unwrap().get::<_, i64>(0)
    })
    .await;
    let rows = super::books::rows(&client, &[&attacker.id], 0).await;
    let texts: Vec<&str> = rows.iter().map(|row| row.text.as_str()).collect();
    let charged = super::CHARGED;
    assert_eq!(texts[..4], [charged; 4]);
    assert_eq!(texts[4], "200 completed unrated none");
    assert_eq!(texts[5..], [charged, "413 failed free none"]);

    rustix::process::kill_process(
        rustix::process::Pid::from_raw(i32::try_from(server.id().unwrap()).unwrap()).unwrap(),
        rustix::process::Signal::TERM,
    )
    .unwrap();
    assert!(server.wait().await.unwrap().success());
    let log = log.await.unwrap();
    assert!(!log.contains("panicked"), "{log}");
    assert_eq!(place.cli("audit").await["ok"], json!(true));
}

fn zipped_head() -> &'static str {
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\nconnection: close\r\n\r\n"
}

/// 64 MB of zeros, zipped; gzip allows several such members one after the other.
fn zeros() -> Vec<u8> {
    use std::io::Write;

    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        encoder.write_all(&vec![0; MIB]).unwrap();
    }
    encoder.finish().unwrap()
}
