//! Tries to sign in are limited, by name and by client address. The counts are in the database: see
//! [`tollgate_store::management::sign_in_attempts`].
//!
//! Somebody who tries names that are not their own can keep a name from signing in by password for a while, not by sign-in link and not
//! by a key: the price of a limit that many addresses together do not get around.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::request::Parts;
use tollgate_domain::RecordDigest;
use tollgate_store::Tx;
use tollgate_store::management::sign_in_attempts::{self as attempts, Tries};

use super::origin;
use crate::app::Admin;
use crate::problem::{Kind, Problem};

/// Most tries by one name in a window: more than somebody needs who has forgotten which password it was.
const TRIES_BY_NAME: i32 = 10;
/// Most tries from one address in a window: an office may share one.
const TRIES_FROM_ADDRESS: i32 = 50;
/// How much of an IPv6 address is one client's: providers give out whole networks of this size.
const IPV6_CLIENT_BITS: u32 = 64;

/// Who is at the other end of a connection. Put into every request by whoever accepted it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// One try to sign in: from where, and by which name.
pub(crate) struct Attempt {
    address: RecordDigest,
    name: Option<RecordDigest>,
}

impl Attempt {
    /// Through the provider, which looks after passwords itself. Counted apart: while a provider fails, people go on by password.
    pub(crate) fn through_provider(admin: &Admin, parts: &Parts) -> Self {
        Self { address: address(admin, parts, "address by oidc"), name: None }
    }

    /// Counts the try. Where there were too many, it goes no further.
    pub(crate) async fn count(&mut self, admin: &Admin, name: Option<&str>) -> Result<(), Problem> {
        let name = name.map(|name| admin.secrets().attempts("name", name));
        self.name = name;
        let mut tries = vec![Tries { subject: self.address, most: TRIES_FROM_ADDRESS }];
        tries.extend(name.map(|subject| Tries { subject, most: TRIES_BY_NAME }));
        let now = admin.clock().now();
        let count = async |tx| attempts::count(&tx, &tries, now).await;
        let Some(until) = admin.store().tx("sign_in_attempt", count).await? else { return Ok(()) };
        tracing::warn!("too many tries to sign in by one name or from one address; refused for a while");
        let seconds = until.duration_since(now).as_secs().max(1);
        Err(Problem::new(Kind::TooManyAttempts, "too many tries to sign in; try again later")
            .retry_after(seconds))
    }

    /// Gives the try back.
    pub(crate) async fn succeeded(&self, admin: &Admin) -> Result<(), Problem> {
        let name = self.name;
        let give_back = async |tx: Tx| {
            attempts::give_back(&tx, self.address).await?;
            match name {
                Some(name) => attempts::forget(&tx, name).await,
                None => Ok(()),
            }
        };
        Ok(admin.store().tx("sign_in_succeeded", give_back).await?)
    }
}

impl FromRequestParts<Admin> for Attempt {
    type Rejection = Problem;

    /// Refuses, before the body is read, what another site's page sent.
    async fn from_request_parts(parts: &mut Parts, admin: &Admin) -> Result<Self, Problem> {
        origin::check(admin, &parts.headers)?;
        Ok(Self { address: address(admin, parts, "address"), name: None })
    }
}

fn address(admin: &Admin, parts: &Parts, kind: &str) -> RecordDigest {
    let peer = parts.extensions.get::<Peer>().map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |peer| peer.0.ip());
    let address = client_address(admin.is_behind_tls(), peer, &parts.headers);
    admin.secrets().attempts(kind, &address.to_string())
}

/// Who is counted. Only where somebody else ends TLS in front, the last address of `X-Forwarded-For` is its word; anybody can write those
/// before it, and anybody all of them where nobody stands in front.
fn client_address(is_behind_tls: bool, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let last = headers.get_all("x-forwarded-for").iter().next_back();
    let last = last.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
    let address: IpAddr = last.filter(|_| is_behind_tls).unwrap_or(peer);
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() & (u128::MAX << (128 - IPV6_CLIENT_BITS));
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests;
