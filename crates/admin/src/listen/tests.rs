use super::*;

async fn listening(listen: &str, tls_in_front: bool) -> Result<Option<SocketAddr>, ListenError> {
    let config = AdminConfig { listen: listen.to_owned(), tls_in_front, ..AdminConfig::default() };
    Ok(bind(&config).await?.map(|listener| listener.local_addr().unwrap()))
}

#[tokio::test]
async fn an_address_that_other_machines_reach_is_refused_unprotected() {
    for open in ["0.0.0.0:0", "[::]:0", "[::ffff:0.0.0.0]:0"] {
        let refused = listening(open, false).await.unwrap_err();
        assert!(matches!(refused, ListenError::Unprotected(_)), "{open}: {refused}");
    }
    assert!(listening("0.0.0.0:0", true).await.unwrap().is_some());
}

#[tokio::test]
async fn loopback_needs_no_protection() {
    for own in ["127.0.0.1:0", "127.0.0.2:0", "localhost:0", "[::ffff:127.0.0.1]:0"] {
        let bound = listening(own, false).await;
        assert!(
            matches!(bound, Ok(Some(address)) if address.ip().to_canonical().is_loopback()),
            "{own}: {bound:?}"
        );
    }
}

#[tokio::test]
async fn nothing_said_is_loopback_whoever_has_the_usual_port() {
    // Whether or not the port is free on this machine: the second cannot have it too.
    let first = bind(&AdminConfig::default()).await.unwrap().unwrap();
    let second = bind(&AdminConfig::default()).await.unwrap().unwrap();
    assert_ne!(first.local_addr().unwrap(), second.local_addr().unwrap());
    assert!(second.local_addr().unwrap().ip().is_loopback());
}

#[tokio::test]
async fn off_is_off() {
    assert_eq!(listening("off", false).await.unwrap(), None);
}
