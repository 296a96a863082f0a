//! HTTP/2 clients that misbehave. One connection carries many requests, so its neighbours are on it as well.

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http2};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use tokio::{net::TcpStream, task::JoinHandle, time::timeout};

use super::{
    CHARGED, PATIENCE, USUAL,
    books::matches,
    house::House,
    request::{HI, STREAM},
};

/// For the sum of all cases.
pub(crate) const CASES: (&str, &[&str]) = (
    "HTTP/2",
    &[
        "300 streams opened and reset at once",
        "more streams than one connection may have",
        "a stream reset in the middle of its answer",
        "1,000 headers",
        "a header of 1 MB",
        "a Content-Length that is not the body's",
        "a connection that idles after its request",
        "a client that opens no window",
        "a client that opens no window for the end of a whole answer",
    ],
);

type H2 = Client<HttpConnector, Full<Bytes>>;

fn client() -> H2 {
    Client::builder(TokioExecutor::new()).http2_only(true).build_http()
}

fn request(house: &House) -> http::request::Builder {
    let key = house.fill(b"Bearer {key}");
    Request::post(format!("http://{}/v1/chat/completions", house.address()))
        .version(Version::HTTP_2)
        .header("authorization", key)
}

/// The status of a usual request on this client's connection.
async fn status(house: &House, client: &H2) -> StatusCode {
    let response = client.request(request(house).body(Full::from(HI)).unwrap()).await.unwrap();
    let status = response.status();
    response.into_body().collect().await.unwrap();
    status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_2_clients_that_misbehave_leave_one_row_each_and_everybody_else_alone() {
    let mut house = House::open(|gateway| gateway.drain_timeout_ms = 2000).await;
    house.upstream.usually(format!("{USUAL} frame_delay_ms=1").parse().unwrap());

    let client_that_resets = client();
    for _ in 0..300 {
        let asked = client_that_resets.request(request(&house).body(Full::from(STREAM)).unwrap());
        // Polled once, so that it is on its way, and dropped, which resets it.
        tokio::select! {
            biased;
            _ = asked => {}
            () = tokio::task::yield_now() => {}
        }
    }
    house.neighbours(2).await;
    assert_eq!(status(&house, &client()).await, StatusCode::OK);
    let rows = house.rows(1).await;
    let fine =
        |text: &str| matches("200 * charged provider 100+10", text) || matches("499 cancelled *", text);
    assert!(rows.iter().all(|row| fine(&row.text)), "{rows:#?}");

    let client = client();
    let many = join_all((0..300).map(|_| status(&house, &client))).await;
    assert!(many.iter().all(|status| *status == StatusCode::OK));
    let rows = house.rows(300).await;
    assert_eq!(rows.iter().filter(|row| row.text == CHARGED).count(), 300, "{rows:#?}");

    let mut response = client.request(request(&house).body(Full::from(STREAM)).unwrap()).await.unwrap();
    response.frame().await.unwrap().unwrap();
    drop(response);
    assert_eq!(status(&house, &client).await, StatusCode::OK, "the connection lives on");
    let rows = house.rows(2).await;
    assert!(rows.iter().all(|row| matches("200 * charged provider 100+10", &row.text)), "{rows:#?}");

    let crowded = (0..1000).fold(request(&house), |request, n| request.header(format!("x-{n}"), "1"));
    let huge = request(&house).header("x-a", "y".repeat(1 << 20));
    for (name, request) in [("1,000 headers", crowded), ("a header of 1 MB", huge)] {
        let answer = client.request(request.body(Full::from(HI)).unwrap()).await;
        let refused = answer
            .as_ref()
            .map_or(true, |answer| answer.status() == StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        assert!(refused, "{name}: {answer:?}");
        house.neighbours(1).await;
    }
    let lying = request(&house).header("content-length", "1000").body(Full::from(HI)).unwrap();
    let answer = client.request(lying).await;
    let refused = answer.as_ref().map_or(true, |answer| answer.status() == StatusCode::BAD_REQUEST);
    assert!(refused, "{answer:?}");
    house.neighbours(2).await;
    assert!(house.rows(0).await.is_empty());
    house.close().await;
}

/// Sends a request on a connection of its own, over which nothing more of an answer comes than `window` bytes at a time. Returns the
/// answer and what ends with the connection.
async fn ask_with_window(
    house: &House,
    body: &'static str,
    window: u32,
) -> (http::Response<Incoming>, JoinHandle<()>) {
    let stream = TcpStream::connect(house.address()).await.unwrap();
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(window);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(async move { drop(connection.await) });
    let answer = sender.send_request(request(house).body(Full::<Bytes>::from(body)).unwrap()).await.unwrap();
    // Held on to, as a client does that may ask again.
    tokio::spawn(async move {
        let _sender = sender;
        std::future::pending::<()>().await;
    });
    (answer, connection)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_2_clients_that_ask_or_take_nothing_more_are_closed() {
    let mut house = House::open(super::slow::impatient).await;
    house.upstream.usually(format!("{USUAL} frames=8 reply={}", "x".repeat(20_000)).parse().unwrap());
    let closed = async |connection: JoinHandle<()>| timeout(PATIENCE, connection).await.unwrap().unwrap();

    let (answer, connection) = ask_with_window(&house, HI, 1 << 20).await;
    assert!(answer.into_body().collect().await.unwrap().to_bytes().len() > 20_000);
    closed(connection).await;
    let rows = house.rows(1).await;
    assert_eq!(rows[0].text, CHARGED, "an idle connection has had its answer");

    for (body, row) in
        [(STREAM, "200 drained charged provider 100+10"), (HI, "200 * charged provider 100+10")]
    {
        let (answer, connection) = ask_with_window(&house, body, 1000).await;
        assert_eq!(answer.status(), StatusCode::OK);
        closed(connection).await;
        let rows = house.rows(1).await;
        assert!(matches(row, &rows[0].text), "{rows:#?}");
        house.neighbours(2).await;
        drop(answer);
    }
    house.close().await;
}
