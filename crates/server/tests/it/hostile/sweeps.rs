//! Connections that break at every single byte: of the request, of the answer to the client, of the upstream's answer. Each sweep is one
//! case of hundreds of requests; the upstream's own books say what each must have come to.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    CHARGED, USUAL,
    books::matches,
    house::House,
    request::{HI, STREAM, chat, hi},
    upstream::WICKED,
    usage::completion,
    wicked::say,
    wire::{self, Act},
};

/// For the sum of all cases.
pub(crate) const CASES: (&str, &[&str]) = (
    "sweeps",
    &[
        "the client closes at every byte of its request",
        "the client resets at every byte of its request",
        "a request in two writes, cut at every byte",
        "the client closes at every byte of a stream",
        "the client resets at every byte of a whole answer",
        "the upstream breaks at every byte of a stream",
        "the upstream hangs up at every byte of a whole answer, head and all",
    ],
);

/// Requests at a time.
const AT_ONCE: usize = 16;

/// How the client ends its connection.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Close,
    Reset,
}

/// Sends the first `sent` bytes of a request, reads up to `heard` bytes of the answer, and is gone.
async fn gone_after(house: &House, request: &[u8], sent: usize, heard: usize, end: End) {
    let mut stream = TcpStream::connect(house.address()).await.unwrap();
    stream.write_all(&request[..sent]).await.unwrap();
    let mut answer = vec![0; heard];
    stream.read_exact(&mut answer).await.unwrap();
    if end == End::Reset {
        stream.set_zero_linger().unwrap();
    }
}

/// Each of `all`, some at a time.
async fn each<F: Future<Output = ()>>(all: impl Iterator<Item = usize>, one: impl Fn(usize) -> F) {
    stream::iter(all).map(one).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_breaks_off_at_any_byte_is_none_and_one_cut_in_two_is_one() {
    let mut house = House::open(|_| {}).await;
    house.upstream.usually(USUAL.parse().unwrap());
    let request = house.fill(&hi().bytes());
    for end in [End::Close, End::Reset] {
        let house = &house;
        each(0..request.len(), |sent| gone_after(house, &request, sent, 0, end)).await;
    }
    house.neighbours(4).await;
    assert!(house.rows(0).await.is_empty(), "half a request is none");
    assert!(house.attacks_in_upstreams_books().is_empty());

    {
        let (house, request) = (&house, &request);
        each(1..request.len(), |cut| async move {
            let (first, then) = request.split_at(cut);
            let acts = [Act::Send(first.into()), Act::Send(then.into())];
            let heard = wire::perform(house.address(), &acts, <[u8]>::to_vec).await;
            assert_eq!(heard.text(), "200", "cut at {cut}");
        })
        .await;
    }
    house.neighbours(4).await;
    let rows = house.rows(request.len() - 1).await;
    assert_eq!(rows.iter().filter(|row| row.text == CHARGED).count(), request.len() - 1, "{rows:#?}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_at_any_byte_of_its_answer_pays_for_what_its_upstream_stated() {
    let mut house = House::open(|_| {}).await;
    let usage_once = format!("{USUAL} frames=2");
    for (body, script, end) in
        [(STREAM, format!("{usage_once} frame_delay_ms=1"), End::Close), (HI, usage_once, End::Reset)]
    {
        house.upstream.usually(script.parse().unwrap());
        let request = house.fill(&chat(body).bytes());
        let whole = wire::perform(house.address(), &[Act::Send(request.clone())], <[u8]>::to_vec).await;
        assert_eq!(whole.text(), "200");
        // The request's id and the date in the head are of one length within a few thousand requests.
        let length = whole.bytes.len() - 10;
        {
            let (house, request) = (&house, &request);
            each(1..length, |heard| gone_after(house, request, request.len(), heard, end)).await;
        }
        house.neighbours(4).await;
        let rows = house.rows(length).await;
        assert_eq!(rows.len(), length);
        for row in &rows {
            let right = matches("200 * charged provider 100+10", &row.text)
                && Some(&row.cost) == row.must_cost.as_ref();
            assert!(right, "{row:?}");
        }
        assert!(rows.iter().all(|row| !row.text.contains("failed")), "{rows:#?}");
    }
    let asked = house.attacks_in_upstreams_books();
    assert!(asked.iter().all(|entry| entry.usage_sent), "every upstream was read to its usage");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_breaks_at_any_byte_of_a_stream_is_paid_what_it_had_stated() {
    let mut house = House::open(|_| {}).await;
    let script = format!("{USUAL} frames=2");
    house.upstream.usually(script.parse().unwrap());
    let body = STREAM.replace(r#""stream":true"#, r#""stream":true,"stream_options":{"include_usage":true}"#);
    let request = Arc::new(house.fill(&chat(&body).bytes()));
    wire::perform(house.address(), &[Act::Send(request.to_vec())], <[u8]>::to_vec).await;
    house.rows(1).await;
    let length = usize::try_from(house.attacks_in_upstreams_books()[0].bytes_sent).unwrap();
    {
        // The script is for all requests at once, so each brings its own.
        let house = &house;
        each(0..length, |cut| async move {
            let body = body_with_script(&format!("{USUAL} frames=2 cut={cut} tag={cut}"));
            let request = house.fill(&chat(body).bytes());
            wire::perform(house.address(), &[Act::Send(request)], <[u8]>::to_vec).await;
        })
        .await;
    }
    house.neighbours(4).await;
    let rows = house.rows(length).await;
    assert_eq!(rows.len(), length);
    let books = house.attacks_in_upstreams_books();
    let stated = books.iter().filter(|entry| entry.tag.is_some() && entry.usage_sent).count();
    let count = |pattern: &str| rows.iter().filter(|row| matches(pattern, &row.text)).count();
    let (paid, free, estimated) = (
        count("200 failed charged provider 100+10") + count(CHARGED),
        // The first one breaks with its head.
        count("200 failed free none") + count("502 failed free none"),
        count("200 failed charged estimated *"),
    );
    // A statement is whole before the two line ends that follow it.
    assert!((stated..=stated + 2).contains(&paid), "{stated} stated their usage, {paid} are charged by it");
    assert_eq!(paid + free + estimated, length, "{rows:#?}");
    assert!(stated > 0 && free > 0 && estimated > 0, "{paid} {free} {estimated}");
    house.close().await;
}

fn body_with_script(script: &str) -> String {
    format!(
        r#"{{"model":"hostile","stream":true,"stream_options":{{"include_usage":true}},"messages":"[[script {script}]]"}}"#
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_hangs_up_at_any_byte_of_its_answer_is_a_502_and_paid_what_it_had_stated() {
    let mut house = House::open(|_| {}).await;
    let document = completion(r#"{"prompt_tokens":100,"completion_tokens":10}"#);
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{document}",
        document.len()
    );
    let head = answer.len() - document.len();
    let stated = answer.find("}}").unwrap_or_else(|| answer.rfind('}').unwrap());
    let request = house.fill(&chat(WICKED).bytes());
    for cut in 0..=answer.len() {
        house.wicked.shall(vec![say(&answer[..cut])]);
        let heard = wire::perform(house.address(), &[Act::Send(request.clone())], <[u8]>::to_vec).await;
        let expected = if cut == answer.len() { "200" } else { "502 upstream_unreachable" };
        assert_eq!(heard.text(), expected, "cut at {cut} of {}", answer.len());
        if cut % 100 == 0 {
            house.neighbours(1).await;
        }
    }
    assert_eq!(house.wicked.requests().len(), answer.len() + 1, "none was sent twice");
    let rows = house.rows(answer.len() + 1).await;
    assert_eq!(rows.len(), answer.len() + 1);
    for (cut, row) in rows.iter().enumerate() {
        let expected = match cut {
            cut if cut == answer.len() => CHARGED,
            cut if cut > stated => "200 failed charged provider 100+10",
            cut if cut >= head => "200 failed free none",
            _ => "502 failed free none",
        };
        assert_eq!(row.text, expected, "cut at {cut}: {:?}", &answer[..cut]);
    }
    house.close().await;
}
