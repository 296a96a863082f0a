//! Upstreams behind TLS: HTTP/2 by ALPN, and only those whose certificate is trusted.
//!
//! The certificates beside this file were made for it and are good for `localhost` only.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tollgate_domain::{Outcome, UsageSource};
use tollgate_testkit::ScriptedUpstream;

use crate::house::{ALICE, House, Plan, chat_body};

fn file(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tls").join(name)
}

fn acceptor(protocols: &[&[u8]]) -> TlsAcceptor {
    let chain = CertificateDer::pem_file_iter(file("upstream.pem")).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(file("upstream.key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

/// An upstream that speaks these protocols over TLS; it tells of each request its version and body.
async fn tls_upstream(protocols: &[&[u8]]) -> (String, mpsc::UnboundedReceiver<(Version, Bytes)>) {
    let acceptor = acceptor(protocols);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let (seen, requests) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let (acceptor, seen) = (acceptor.clone(), seen.clone());
            tokio::spawn(async move {
                // A client that does not trust us hangs up.
                let Ok(connection) = acceptor.accept(connection).await else { return };
                let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
                    let seen = seen.clone();
                    async move {
                        let version = request.version();
                        let body = request.into_body().collect().await?.to_bytes();
                        seen.send((version, body)).unwrap();
                        let answer = r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":9}}"#;
                        let response = Response::builder().header("content-type", "application/json");
                        Ok::<_, hyper::Error>(response.body(Full::new(Bytes::from(answer))).unwrap())
                    }
                });
                let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                drop(server.serve_connection(TokioIo::new(connection), service).await);
            });
        }
    });
    (base_url, requests)
}

/// TLS with HTTP/2 in front of a scripted upstream.
async fn in_front_of(upstream: &ScriptedUpstream) -> String {
    let acceptor = acceptor(&[b"h2"]);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let address = upstream.address();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let mut outside = acceptor.accept(connection).await.unwrap();
            let mut inside = tokio::net::TcpStream::connect(address).await.unwrap();
            tokio::spawn(async move {
                // It ends when one of them does.
                drop(tokio::io::copy_bidirectional(&mut outside, &mut inside).await);
            });
        }
    });
    base_url
}

async fn house(base_url: String, trusts: bool) -> House {
    let mut plan = Plan { base_url: Some(base_url), ..Plan::default() };
    plan.config.upstream_ca_file = trusts.then(|| file("ca.pem"));
    House::open_with(plan).await
}

#[tokio::test]
async fn an_upstream_that_speaks_http_2_is_spoken_to_in_it_by_many_at_once() {
    let (base_url, mut requests) = tls_upstream(&[b"h2", b"http/1.1"]).await;
    let house = house(base_url, true).await;
    // Each byte of a prompt may be a token.
    house.enrich("1000");
    let large = format!(r#","pad":"{}""#, "x".repeat(300_000));
    let replies = join_all((0..50).map(|_| {
        let body = chat_body("chat", &large);
        house.send(house.post("/v1/chat/completions", ALICE).body(body).unwrap())
    }));
    assert!(replies.await.iter().all(|reply| reply.status == StatusCode::OK));
    for record in house.sink.wait_for(50).await {
        assert_eq!((record.usage.prompt_tokens, record.usage_source), (Some(7), UsageSource::Provider));
        assert_eq!(record.server_address.as_deref(), Some("localhost"));
    }
    for _ in 0..50 {
        let (version, body) = requests.recv().await.unwrap();
        assert_eq!(version, Version::HTTP_2);
        assert!(body.starts_with(br#"{"model":"upstream-chat""#) && body.len() > 300_000);
    }
}

#[tokio::test]
async fn clients_that_do_not_read_hold_up_nobody_else_on_their_connection_to_an_upstream() {
    let upstream = ScriptedUpstream::start().await;
    let mut plan = Plan { base_url: Some(in_front_of(&upstream).await), ..Plan::default() };
    plan.config.upstream_ca_file = Some(file("ca.pem"));
    (plan.config.upstream_http2_connections, plan.config.threads) = (1, Some(1));
    let house = House::open_with(plan).await;
    let body = r#"{"model":"chat","stream":true,"messages":"[[script no_end repeat=50000]]"}"#;
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nx-api-key: {ALICE}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut clients = Vec::new();
    for _ in 0..8 {
        let mut client = tokio::net::TcpStream::connect(house.address).await.unwrap();
        client.write_all(request.as_bytes()).await.unwrap();
        client.readable().await.unwrap();
        clients.push(client);
    }
    // All that there is room for has been sent when nothing more was for a hundred looks.
    let (mut sent, mut looks) = (0, 0);
    while looks < 100 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let now: u64 = upstream.books().iter().map(|entry| entry.bytes_sent).sum();
        looks = if now == sent { looks + 1 } else { 0 };
        sent = now;
    }
    assert!(upstream.books().iter().all(|entry| !entry.ended), "they are still there");
    let good = tokio::time::timeout(Duration::from_secs(30), house.chat(ALICE, "chat"));
    assert_eq!(good.await.expect("it is not held up").status, StatusCode::OK);
    drop(clients);
}

#[tokio::test]
async fn an_upstream_that_speaks_http_1_only_is_served_too() {
    let (base_url, mut requests) = tls_upstream(&[b"http/1.1"]).await;
    let house = house(base_url, true).await;
    assert_eq!(house.chat(ALICE, "chat").await.status, StatusCode::OK);
    assert_eq!(requests.recv().await.unwrap().0, Version::HTTP_11);
}

#[tokio::test]
async fn an_upstream_whose_certificate_nobody_trusts_gets_no_request() {
    let (base_url, mut requests) = tls_upstream(&[b"h2"]).await;
    let house = house(base_url, false).await;
    assert_eq!(house.chat(ALICE, "chat").await.status, StatusCode::BAD_GATEWAY);
    assert_eq!(house.sink.one().await.outcome, Outcome::Failed);
    assert!(requests.try_recv().is_err());
}

#[tokio::test]
async fn an_upstream_that_does_not_finish_its_handshake_is_504_in_time() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let mut plan = Plan { base_url: Some(base_url), ..Plan::default() };
    plan.config.connect_timeout_ms = 100;
    let house = House::open_with(plan).await;
    // The kernel accepts the connection, and nobody reads it.
    assert_eq!(house.chat(ALICE, "chat").await.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(house.sink.one().await.status_code, 504);
}

#[test]
fn a_file_without_certificates_is_refused_by_name() {
    use tollgate_domain::ManualClock;
    use tollgate_gateway::{Gateway, GatewayConfig};

    for name in ["upstream.key", "missing.pem"] {
        let config = GatewayConfig { upstream_ca_file: Some(file(name)), ..GatewayConfig::default() };
        let error = Gateway::new(
            config,
            Arc::default(),
            Arc::new(crate::house::MemorySink::new(1)),
            Arc::new(ManualClock::new(jiff::Timestamp::UNIX_EPOCH)),
            &crate::house::master_key(),
            &mut prometheus_client::registry::Registry::default(),
        )
        .unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
}
