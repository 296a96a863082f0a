//! Where the management API listens. It refuses to be reached from other machines unprotected.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, lookup_host};

use crate::config::{AdminConfig, DEFAULT_LISTEN};

/// Why it cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Other machines could read the keys that it is sent.
    #[error(
        "the management API would listen on {0}, which other machines reach, and it speaks no TLS: choose a loopback \
         address for `admin.listen`, or put a proxy that ends TLS in front and say so with `admin.tls_in_front = true`"
    )]
    Unprotected(SocketAddr),
    /// The name leads nowhere.
    #[error(
        "`admin.listen` is `{0}`, which is no address of this machine; write an address and a port, such as 127.0.0.1:9080"
    )]
    NoAddress(String),
    /// The operating system refused.
    #[error(
        "the management API cannot listen on {address}: {source}; choose another address with `admin.listen`, or `off`"
    )]
    Io {
        /// What was asked for.
        address: String,
        /// What it said.
        source: io::Error,
    },
}

/// Binds the listener; `None` where there is to be none.
pub async fn bind(config: &AdminConfig) -> Result<Option<TcpListener>, ListenError> {
    if config.is_off() {
        return Ok(None);
    }
    if config.listen.is_empty() {
        return bind_default().await.map(Some);
    }
    let fail = |source| ListenError::Io { address: config.listen.clone(), source };
    let addresses: Vec<SocketAddr> = lookup_host(&config.listen).await.map_err(fail)?.collect();
    if addresses.is_empty() {
        return Err(ListenError::NoAddress(config.listen.clone()));
    }
    let open = addresses.iter().find(|address| !address.ip().to_canonical().is_loopback());
    if let Some(open) = open.filter(|_| !config.tls_in_front) {
        return Err(ListenError::Unprotected(*open));
    }
    TcpListener::bind(addresses.as_slice()).await.map(Some).map_err(fail)
}

/// The usual port, or a free one: several servers on one machine, of which nobody said where they manage, must all start.
async fn bind_default() -> Result<TcpListener, ListenError> {
    let fail = |source| ListenError::Io { address: DEFAULT_LISTEN.to_owned(), source };
    match TcpListener::bind(DEFAULT_LISTEN).await {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let listener = TcpListener::bind("127.0.0.1:0").await.map_err(fail)?;
            tracing::warn!(
                address = %listener.local_addr().map_err(fail)?,
                "another program listens on {DEFAULT_LISTEN}; the management API is elsewhere"
            );
            Ok(listener)
        }
        bound => bound.map_err(fail),
    }
}

#[cfg(test)]
mod tests;
