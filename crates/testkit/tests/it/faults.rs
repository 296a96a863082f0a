//! Faults on demand, and what the books say of them.

use std::io::Read;

use http_body_util::BodyExt;
use serde_json::json;
use tollgate_testkit::{
    ScriptedUpstream,
    upstream::{BookEntry, Counts, Recorded, Script},
};

use crate::client::{begin, post};

const CHAT: &str = "/v1/chat/completions";

fn stream() -> String {
    json!({"model": "m", "stream": true, "stream_options": {"include_usage": true}}).to_string()
}

#[tokio::test]
async fn any_cut_into_writes_gives_the_same_bytes() {
    let upstream = ScriptedUpstream::start().await;
    let whole = post(&upstream, CHAT, "prompt=5 completion=5", stream()).await;
    for chunk in ["1", "7", "random:42"] {
        let pieces = post(&upstream, CHAT, &format!("prompt=5 completion=5 chunk={chunk}"), stream()).await;
        assert_eq!(pieces.body, whole.body, "{chunk}");
        assert!(pieces.pieces > whole.pieces, "{chunk}: {} pieces", pieces.pieces);
    }
}

#[tokio::test]
async fn every_encoding_decodes_to_the_same_bytes() {
    let upstream = ScriptedUpstream::start().await;
    let plain = post(&upstream, CHAT, "prompt=5 completion=5", stream()).await.body;
    for encoding in ["gzip", "br", "zstd", "deflate"] {
        let script = format!("prompt=5 completion=5 encoding={encoding} chunk=11");
        let answer = post(&upstream, CHAT, &script, stream()).await;
        assert_eq!(answer.headers["content-encoding"], encoding);
        assert!(answer.whole);
        let mut decoded = Vec::new();
        match encoding {
            "gzip" => flate2::read::GzDecoder::new(&answer.body[..]).read_to_end(&mut decoded).unwrap(),
            "deflate" => flate2::read::ZlibDecoder::new(&answer.body[..]).read_to_end(&mut decoded).unwrap(),
            "br" => brotli::Decompressor::new(&answer.body[..], 4096).read_to_end(&mut decoded).unwrap(),
            _ => {
                zstd::stream::read::Decoder::new(&answer.body[..]).unwrap().read_to_end(&mut decoded).unwrap()
            }
        };
        assert_eq!(decoded, plain, "{encoding}");
    }
    assert!(upstream.settled(5).await.iter().all(|entry| entry.usage_sent && entry.body_complete));
}

#[tokio::test]
async fn a_cut_body_breaks_the_connection_and_the_books_know_what_was_out() {
    let upstream = ScriptedUpstream::start().await;
    let streamed = post(&upstream, CHAT, "cut=100", stream()).await;
    let whole = post(&upstream, CHAT, "cut=100", json!({"model": "m"}).to_string()).await;
    for answer in [streamed, whole] {
        assert!(!answer.whole);
        assert_eq!(answer.body.len(), 100);
    }
    for entry in upstream.settled(2).await {
        assert_eq!((entry.bytes_sent, entry.body_complete, entry.usage_sent), (100, false, false));
        assert!(entry.stated.is_some());
    }
}

#[tokio::test]
async fn a_client_that_goes_away_is_in_the_books() {
    let upstream = ScriptedUpstream::start().await;
    let response = begin(&upstream, CHAT, "stall=2", stream()).await.unwrap();
    let mut body = response.into_body();
    body.frame().await.unwrap().unwrap();
    upstream.wait_for(|books| books[0].bytes_sent > 0).await;
    assert!(!upstream.books()[0].ended);
    drop(body);
    let entry = upstream.settled(1).await.remove(0);
    assert!(!entry.body_complete && !entry.usage_sent);
}

#[tokio::test]
async fn a_dropped_connection_answers_nothing_and_is_in_the_books() {
    let upstream = ScriptedUpstream::start().await;
    begin(&upstream, CHAT, "drop", stream()).await.unwrap_err();
    let entry = upstream.settled(1).await.remove(0);
    assert_eq!((entry.status, entry.bytes_sent), (0, 0));
}

#[tokio::test]
async fn an_error_frame_ends_a_stream_that_began_well() {
    let upstream = ScriptedUpstream::start().await;
    for (path, body) in [
        (CHAT, stream()),
        ("/v1/responses", stream()),
        ("/v1/messages", stream()),
        ("/v1beta/models/g:streamGenerateContent?alt=sse", "{}".to_owned()),
    ] {
        let answer = post(&upstream, path, "error_frame=1", body).await;
        assert_eq!((answer.status, answer.whole), (200, true));
        let last = answer.events().pop().unwrap();
        assert!(last.get("error").is_some() || last["type"] == "error", "{path}: {last}");
    }
}

#[tokio::test]
async fn a_request_brings_its_script_or_gets_the_next_its_models_or_the_usual_one() {
    let upstream = ScriptedUpstream::start().await;
    upstream.usually(Script::tokens(1, 0));
    upstream.for_model("special", Script::tokens(2, 0));
    upstream.next(Script::tokens(3, 0));
    let prompt = async |script: &str, body: &str| {
        post(&upstream, CHAT, script, body.to_owned()).await.json()["usage"]["prompt_tokens"].clone()
    };
    assert_eq!(prompt("prompt=5", "{}").await, 5);
    assert_eq!(prompt("", r#"{"model":"special","messages":"[[script prompt=4]]"}"#).await, 4);
    assert_eq!(prompt("", r#"{"model":"special"}"#).await, 3);
    assert_eq!(prompt("", r#"{"model":"special"}"#).await, 2);
    assert_eq!(prompt("", r#"{"model":"other"}"#).await, 1);
}

#[tokio::test]
async fn a_script_that_is_not_understood_is_refused_by_name() {
    let upstream = ScriptedUpstream::start().await;
    let answer = post(&upstream, CHAT, "promt=5", "{}").await;
    assert_eq!(answer.status, 501);
    assert!(String::from_utf8_lossy(&answer.body).contains("promt=5"));
    assert_eq!(upstream.books().len(), 0);
}

#[tokio::test]
async fn a_recorded_answer_is_replayed_byte_for_byte() {
    let upstream = ScriptedUpstream::start().await;
    let stated = Some(Counts { prompt: 9, ..Counts::default() });
    let body = bytes::Bytes::from_static("{\"odd\" :\r\n 1, \"ü\": [ ] }\n".as_bytes());
    let recorded =
        Recorded { status: 207, content_type: "application/odd".into(), body: body.clone(), stated };
    upstream.record("it", recorded);
    for chunk in ["", "chunk=3"] {
        let answer = post(&upstream, "/any/path", &format!("replay=it {chunk}"), "{}").await;
        assert_eq!((answer.status, &answer.body), (207, &body));
        assert_eq!(answer.headers["content-type"], "application/odd");
    }
    assert!(upstream.settled(2).await.iter().all(|entry| entry.stated == stated));
}

#[tokio::test]
async fn another_process_reads_the_same_books() {
    let upstream = ScriptedUpstream::start().await;
    upstream.set_canary("canary-in-a-mine");
    post(&upstream, CHAT, "tag=first", r#"{"model":"m","messages":"canary-in-a-mine"}"#).await;
    let again = post(&upstream, CHAT, "", "{}").await;
    assert_eq!(again.headers["x-upstream-sequence"], "2");
    let books = upstream.settled(2).await;
    assert_eq!(books[0].tag.as_deref(), Some("first"));
    assert_eq!((books[0].canary_seen, books[1].canary_seen), (true, false));
    assert_eq!(books[0].header("content-type"), Some("application/json"));

    let url = format!("{}/__books", upstream.base_url()).parse().unwrap();
    let client: hyper_util::client::legacy::Client<_, http_body_util::Empty<bytes::Bytes>> =
        hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    let read = client.get(url).await.unwrap().into_body().collect().await.unwrap().to_bytes();
    let mut read: Vec<BookEntry> = serde_json::from_slice(&read).unwrap();
    for (entry, kept) in read.iter_mut().zip(&books) {
        // The body itself stays at home.
        entry.body = kept.body.clone();
    }
    assert_eq!(read, books);
}

#[tokio::test]
async fn another_process_sets_the_usual_script() {
    let upstream = ScriptedUpstream::start().await;
    assert_eq!(post(&upstream, "/__script", "", "prompt=77").await.status, 204);
    assert_eq!(post(&upstream, "/__script", "", "nonsense").await.status, 400);
    assert_eq!(post(&upstream, CHAT, "", "{}").await.json()["usage"]["prompt_tokens"], 77);
}

#[tokio::test]
async fn a_repeated_body_comes_so_many_times_and_each_piece_after_its_own_pause() {
    let upstream = ScriptedUpstream::start().await;
    let script = "prompt=5 completion=5 no_end";
    let once = post(&upstream, CHAT, script, stream()).await;
    let long = post(&upstream, CHAT, &format!("{script} repeat=40 frame_delay_ms=1"), stream()).await;
    assert!(long.whole);
    assert_eq!(long.body, once.body.repeat(40));
    let document = json!({"model": "m"}).to_string();
    let once = post(&upstream, CHAT, "prompt=5 completion=5", document.clone()).await;
    let twice = post(&upstream, CHAT, "prompt=5 completion=5 repeat=2", document).await;
    assert!(twice.whole, "its Content-Length says so");
    assert_eq!(twice.body, once.body.repeat(2));
}

#[tokio::test]
async fn what_was_taken_out_of_the_books_is_gone_and_what_goes_on_stays() {
    let upstream = ScriptedUpstream::start().await;
    let response = begin(&upstream, CHAT, "stall=2 tag=open", stream()).await.unwrap();
    for tag in ["a", "b"] {
        post(&upstream, CHAT, &format!("tag={tag}"), stream()).await;
    }
    upstream.wait_for(|books| books.iter().filter(|entry| entry.ended).count() == 2).await;
    let taken = upstream.take_ended();
    let numbers: Vec<u64> = taken.iter().map(|entry| entry.sequence).collect();
    assert_eq!(numbers, [2, 3]);
    assert!(taken.iter().all(|entry| entry.body_complete));
    let left = upstream.books();
    assert_eq!((left.len(), left[0].sequence, left[0].tag.as_deref()), (1, 1, Some("open")));

    post(&upstream, CHAT, "tag=later", stream()).await;
    drop(response);
    let ended = upstream.settled(2).await;
    let numbers: Vec<u64> = ended.iter().map(|entry| entry.sequence).collect();
    assert_eq!(numbers, [1, 4], "numbers go on, and an entry that was open finds its place");
    assert!(!ended[0].body_complete && ended[1].body_complete);
}
