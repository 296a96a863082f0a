//! Where the gateway connects for an endpoint that was set by somebody who may not name every address, and the sender of webhooks' messages for such
//! a webhook.
//!
//! The URL was checked when it was set; a name may have come to lead elsewhere since (DNS rebinding). So the addresses are judged that a connection is
//! really about to be made to: those that a name is resolved to, and those that stand in a URL themselves, which no resolver sees.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::client::legacy::connect::dns::Name;
use tollgate_domain::{AddressRefused, AllowedNetworks};
use tower_service::Service;

pub(super) type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;
pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Says what a name leads to.
pub(super) type Lookup = Arc<dyn Fn(Name) -> Boxed<io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// As the machine resolves names.
pub(super) fn by_system() -> Lookup {
    Arc::new(|name| Box::pin(async move { Ok(tokio::net::lookup_host((name.as_str(), 0)).await?.collect()) }))
}

/// Lets connections to public addresses through, and to networks that the operator has opened.
#[derive(Debug, Clone)]
pub(super) struct Guard(Arc<AllowedNetworks>);

impl Guard {
    pub(super) fn new(allowed: AllowedNetworks) -> Self {
        Self(Arc::new(allowed))
    }

    /// Refuses an address that stands in the URL itself: it is connected to without being resolved.
    pub(super) fn check_literal(&self, url: &Uri) -> io::Result<()> {
        let host = url.host().unwrap_or_default();
        let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() else { return Ok(()) };
        self.0.judge(address).map_err(|refused| denied(host, refused))
    }

    /// What of these may be connected to; an error where nothing is left.
    fn passing(&self, host: &str, addresses: Vec<SocketAddr>) -> io::Result<Vec<SocketAddr>> {
        let mut refused = None;
        let judged = addresses.into_iter().filter(|address| match self.0.judge(address.ip()) {
            Ok(()) => true,
            Err(why) => {
                refused = Some(why);
                false
            }
        });
        let passing: Vec<_> = judged.collect();
        match refused {
            Some(why) if passing.is_empty() => Err(denied(host, why)),
            _ => Ok(passing),
        }
    }
}

fn denied(host: &str, refused: AddressRefused) -> io::Error {
    tracing::warn!(
        host,
        %refused,
        "an endpoint or a webhook that was set through the management API leads where it may not, and was not connected to; if it is meant, \
         open its network in `admin.allowed_networks`, or set it with `tollgate endpoint set` or `tollgate webhook add`"
    );
    io::Error::new(io::ErrorKind::PermissionDenied, refused)
}

/// Resolves names, and keeps back what its guard does not let through.
#[derive(Clone)]
pub struct Resolver {
    lookup: Lookup,
    guard: Option<Guard>,
}

impl Resolver {
    pub(super) fn new(lookup: Lookup, guard: Option<Guard>) -> Self {
        Self { lookup, guard }
    }
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver").field("guard", &self.guard).finish_non_exhaustive()
    }
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Boxed<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (looking, guard) = ((self.lookup)(name.clone()), self.guard.clone());
        Box::pin(async move {
            let addresses = looking.await?;
            let passing = match guard {
                Some(guard) => guard.passing(name.as_str(), addresses)?,
                None => addresses,
            };
            Ok(passing.into_iter())
        })
    }
}
