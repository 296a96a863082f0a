//! Which addresses may be connected to on somebody's word: those of the public internet, and the networks that an operator has opened.
//!
//! One rule for both who asks: the management API when a URL is set, and the gateway when it connects. An IPv6 address that stands for an IPv4 one
//! (mapped, compatible, NAT64) is judged as the IPv4 one. Of IPv6 only what is given out for global unicast is public: what is not
//! known here is refused.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A network: an address, and how many of its leading bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    address: IpAddr,
    prefix: u32,
}

/// The text is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no network; write an address and a length, such as 10.0.0.0/8 or fd12:3456::/32, with no bits set past the length"
)]
pub struct InvalidNetwork(String);

impl Network {
    const fn v4(a: u8, b: u8, c: u8, prefix: u32) -> Self {
        Self { address: IpAddr::V4(Ipv4Addr::new(a, b, c, 0)), prefix }
    }

    const fn v6(first: u16, second: u16, third: u16, prefix: u32) -> Self {
        Self { address: IpAddr::V6(Ipv6Addr::new(first, second, third, 0, 0, 0, 0, 0)), prefix }
    }

    /// Whether the address is one of the network's. No IPv4 address is in an IPv6 network, or the other way round.
    pub fn contains(&self, address: IpAddr) -> bool {
        let shared = match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (own.to_bits() ^ other.to_bits()).leading_zeros(),
            (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits() ^ other.to_bits()).leading_zeros(),
            _ => return false,
        };
        shared >= self.prefix
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let parse = || {
            let (address, prefix) = text.split_once('/')?;
            let address: IpAddr = address.parse().ok()?;
            let is_number = prefix.bytes().all(|byte| byte.is_ascii_digit());
            let prefix: u32 = prefix.parse().ok().filter(|_| is_number)?;
            let (width, trailing) = match address {
                IpAddr::V4(address) => (32, address.to_bits().trailing_zeros()),
                IpAddr::V6(address) => (128, address.to_bits().trailing_zeros()),
            };
            // An address that stands for an IPv4 one is judged as that: such a network would never be asked for.
            let is_asked_for = canonical(address) == address;
            let fits = trailing >= u32::checked_sub(width, prefix)?;
            (fits && is_asked_for).then_some(Self { address, prefix })
        };
        parse().ok_or_else(|| InvalidNetwork(text.to_owned()))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl TryFrom<String> for Network {
    type Error = InvalidNetwork;

    fn try_from(text: String) -> Result<Self, InvalidNetwork> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

/// The networks of an operator's own that may be connected to, beside the public internet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AllowedNetworks(Vec<Network>);

impl From<Vec<Network>> for AllowedNetworks {
    fn from(networks: Vec<Network>) -> Self {
        Self(networks)
    }
}

/// An address that may not be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub struct AddressRefused {
    /// As it was given.
    pub address: IpAddr,
    /// As it was judged: the IPv4 address that it stands for, where it stands for one.
    pub judged_as: IpAddr,
    /// What it is, with its article.
    pub what: &'static str,
}

impl fmt::Display for AddressRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, judged_as, what } = self;
        if address == judged_as {
            write!(f, "{address} is {what}")
        } else {
            write!(f, "{address} stands for {judged_as}, which is {what}")
        }
    }
}

impl AllowedNetworks {
    /// Whether the address may be connected to; an error says what it is.
    pub fn judge(&self, address: IpAddr) -> Result<(), AddressRefused> {
        let judged_as = canonical(address);
        if self.0.iter().any(|network| network.contains(judged_as)) {
            return Ok(());
        }
        match not_public(judged_as) {
            Some(what) => Err(AddressRefused { address, judged_as, what }),
            None => Ok(()),
        }
    }
}

/// The IPv4 address that an IPv6 address stands for, or the address as it is.
fn canonical(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    if v6.is_unspecified() || v6.is_loopback() {
        return address;
    }
    match v6.segments() {
        // Compatible (RFC 4291, section 2.5.5.1), mapped (2.5.5.2), NAT64 (RFC 6052).
        [0, 0, 0, 0, 0, 0 | 0xffff, _, _] | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => {
            let [.., a, b, c, d] = v6.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        _ => address,
    }
}

/// What of the address space is not the public internet, the narrower network first. After IANA's registries of special-purpose addresses, and
/// where clouds answer with credentials of the machine that asks.
static NOT_PUBLIC: [(Network, &str); 32] = [
    (Network { address: IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)), prefix: 32 }, METADATA),
    (Network { address: IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)), prefix: 32 }, METADATA),
    (Network { address: IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)), prefix: 32 }, METADATA),
    (
        Network { address: IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)), prefix: 128 },
        METADATA,
    ),
    (Network { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), prefix: 32 }, UNSPECIFIED),
    (Network { address: IpAddr::V6(Ipv6Addr::UNSPECIFIED), prefix: 128 }, UNSPECIFIED),
    (Network { address: IpAddr::V6(Ipv6Addr::LOCALHOST), prefix: 128 }, LOOPBACK),
    (Network::v4(0, 0, 0, 8), "an address of this network alone"),
    (Network::v4(10, 0, 0, 8), PRIVATE),
    (Network::v4(100, 64, 0, 10), "an address of a carrier's own network (CGNAT)"),
    (Network::v4(127, 0, 0, 8), LOOPBACK),
    (Network::v4(169, 254, 0, 16), LINK_LOCAL),
    (Network::v4(172, 16, 0, 12), PRIVATE),
    (Network::v4(192, 0, 0, 24), RESERVED),
    (Network::v4(192, 0, 2, 24), DOCUMENTATION),
    (Network::v4(192, 88, 99, 24), RESERVED),
    (Network::v4(192, 168, 0, 16), PRIVATE),
    (Network::v4(198, 18, 0, 15), "an address for benchmarks"),
    (Network::v4(198, 51, 100, 24), DOCUMENTATION),
    (Network::v4(203, 0, 113, 24), DOCUMENTATION),
    (Network::v4(224, 0, 0, 4), MULTICAST),
    (Network::v4(240, 0, 0, 4), RESERVED),
    (Network::v6(0x64, 0xff9b, 1, 48), "an address of a network's own NAT64"),
    (Network::v6(0x2001, 0, 0, 23), "an address of a tunnel or of a protocol"),
    (Network::v6(0x2001, 0xdb8, 0, 32), DOCUMENTATION),
    (Network::v6(0x2002, 0, 0, 16), "an address of a tunnel (6to4)"),
    (Network::v6(0x3fff, 0, 0, 20), DOCUMENTATION),
    (Network::v6(0xfc00, 0, 0, 7), "a unique local address"),
    (Network::v6(0xfe80, 0, 0, 10), LINK_LOCAL),
    (Network::v6(0xfec0, 0, 0, 10), PRIVATE),
    (Network::v6(0xff00, 0, 0, 8), MULTICAST),
    (Network::v6(0x5f00, 0, 0, 16), RESERVED),
];
const METADATA: &str = "an address where a cloud gives out credentials (metadata service)";
const UNSPECIFIED: &str = "the unspecified address";
const LOOPBACK: &str = "a loopback address";
const PRIVATE: &str = "a private address";
const LINK_LOCAL: &str = "a link-local address";
const RESERVED: &str = "a reserved address";
const DOCUMENTATION: &str = "an address for documentation";
const MULTICAST: &str = "a multicast address";

/// What is given out of IPv6 for global unicast.
const GLOBAL_UNICAST: Network = Network::v6(0x2000, 0, 0, 3);

fn not_public(address: IpAddr) -> Option<&'static str> {
    let named = NOT_PUBLIC.iter().find(|(network, _)| network.contains(address)).map(|(_, what)| *what);
    let is_unknown = address.is_ipv6() && !GLOBAL_UNICAST.contains(address);
    named.or_else(|| is_unknown.then_some(RESERVED))
}

#[cfg(test)]
mod tests;
