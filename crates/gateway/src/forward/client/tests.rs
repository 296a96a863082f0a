use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Uri;
use tokio::net::TcpListener;
use tollgate_domain::{AllowedNetworks, Network};
use tower_service::Service;

use super::super::guard::{Guard, Lookup};
use super::{TimedConnector, tls};

const PATIENCE: Duration = Duration::from_secs(30);

/// A name that leads to a public address when it is first asked for, and to loopback ever after.
fn rebinding(asked: &Arc<AtomicUsize>) -> Lookup {
    let asked = Arc::clone(asked);
    Arc::new(move |_| {
        let turn = asked.fetch_add(1, Ordering::Relaxed);
        let address = if turn == 0 { "93.184.216.34:0" } else { "127.0.0.1:0" };
        Box::pin(async move { Ok(vec![address.parse().unwrap()]) })
    })
}

fn guard(networks: &[&str]) -> Guard {
    let networks: Vec<Network> = networks.iter().map(|text| text.parse().unwrap()).collect();
    Guard::new(networks.into())
}

async fn connects(lookup: Lookup, guard: Option<Guard>, url: &str) -> Result<(), String> {
    let mut connector = TimedConnector::new(tls(None).unwrap(), PATIENCE, lookup, guard);
    let url: Uri = url.parse().unwrap();
    // The chain of causes: what was refused stands at its end.
    connector.call(url).await.map(drop).map_err(|error| {
        let mut said = error.to_string();
        let mut cause = error.source();
        while let Some(source) = cause {
            said = format!("{said}: {source}");
            cause = source.source();
        }
        said
    })
}

#[tokio::test]
async fn a_name_that_was_public_when_it_was_set_is_not_connected_to_once_it_leads_to_loopback() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://rebound.test:{}/", listener.local_addr().unwrap().port());
    let asked = Arc::default();
    let lookup = rebinding(&asked);
    // As it was set.
    let first: Vec<SocketAddr> = lookup("rebound.test".parse().unwrap()).await.unwrap();
    assert!(first.iter().all(|address| AllowedNetworks::default().judge(address.ip()).is_ok()));

    let error = connects(Arc::clone(&lookup), Some(guard(&[])), &url).await.unwrap_err();
    assert!(error.contains("127.0.0.1 is a loopback address"), "{error}");
    assert_eq!(asked.load(Ordering::Relaxed), 2, "it was asked for again");
    // The listener is there, and without the guard the name leads to it.
    let (made, reached) = tokio::join!(connects(lookup, None, &url), listener.accept());
    made.unwrap();
    drop(reached.unwrap());
    let more = listener.into_std().unwrap().accept().unwrap_err();
    assert_eq!(
        more.kind(),
        std::io::ErrorKind::WouldBlock,
        "one connection came, and it was not the guarded one"
    );
}

#[tokio::test]
async fn of_a_names_addresses_only_those_are_connected_to_that_may_be() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://mixed.test:{}/", listener.local_addr().unwrap().port());
    let mixed: Lookup = Arc::new(|_| {
        Box::pin(async { Ok(vec!["[::1]:0".parse().unwrap(), "127.0.0.1:0".parse().unwrap()]) })
    });
    let (made, reached) =
        tokio::join!(connects(mixed, Some(guard(&["127.0.0.0/8"])), &url), listener.accept());
    made.unwrap();
    assert!(reached.unwrap().1.is_ipv4());
}

#[tokio::test]
async fn an_address_in_the_url_itself_is_judged_though_no_resolver_sees_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for (host, what) in [
        ("127.0.0.1", "127.0.0.1 is a loopback address"),
        ("[::ffff:127.0.0.1]", "stands for 127.0.0.1"),
        ("169.254.169.254", "metadata"),
        ("[fe80::1]", "link-local"),
    ] {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}:{port}/");
            let error = connects(super::by_system(), Some(guard(&["10.0.0.0/8"])), &url).await.unwrap_err();
            assert!(error.contains(what), "{url}: {error}");
        }
    }
    // These the system's resolver takes for addresses.
    for host in ["2130706433", "0x7f.1", "0177.0.0.1", "localhost"] {
        let url = format!("http://{host}:{port}/");
        let error = connects(super::by_system(), Some(guard(&[])), &url).await.unwrap_err();
        assert!(error.contains("is a loopback address"), "{url}: {error}");
    }
    let url = format!("http://127.0.0.1:{port}/");
    let (made, reached) =
        tokio::join!(connects(super::by_system(), Some(guard(&["127.0.0.1/32"])), &url), listener.accept());
    made.unwrap();
    reached.unwrap();
}
