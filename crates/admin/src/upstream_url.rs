//! Where an endpoint or a webhook that is set through the management API may lead.
//!
//! Whoever may set a URL here makes the server send requests there, with the answer, or its status, for whoever asks: it must not reach what only the server's own
//! machine or network reaches (SSRF). So the host is judged when the URL is set, in whatever spelling, and every address that a name has. A name
//! may lead elsewhere afterwards: what is set here is marked `public_only`, and gateways and senders judge again what they connect to. The server's own
//! command line may set any URL.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use tollgate_domain::AllowedNetworks;
use url::Host;

use crate::problem::{Kind, Problem};

/// Says which addresses a name has. Given from outside, because tests have names of their own.
pub type Resolve = Arc<dyn Fn(String) -> Resolving + Send + Sync>;

/// The addresses of a name, to come.
pub type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// How long a name may take to be resolved. The common resolvers try twice for five seconds.
const RESOLVE_WITHIN: Duration = Duration::from_secs(10);

/// As the machine resolves names.
pub fn resolve_by_system() -> Resolve {
    Arc::new(|name| {
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((name, 0)).await?;
            Ok(addresses.map(|address| address.ip()).collect())
        })
    })
}

/// Whose URL it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UrlOf {
    Endpoint,
    Webhook,
}

impl UrlOf {
    const fn name(self) -> &'static str {
        match self {
            Self::Endpoint => "the endpoint's URL",
            Self::Webhook => "the webhook's URL",
        }
    }

    const fn example(self) -> &'static str {
        match self {
            Self::Endpoint => "https://api.openai.com/v1",
            Self::Webhook => "https://example.com/hooks",
        }
    }

    /// The command by which whoever has the server's machine sets any URL.
    const fn command(self) -> &'static str {
        match self {
            Self::Endpoint => "`tollgate endpoint create` or `tollgate endpoint set`",
            Self::Webhook => "`tollgate webhook add`",
        }
    }
}

/// Refuses a URL that leads where it may not, or that says where it leads in an uncommon way.
pub(crate) async fn check(
    of: UrlOf,
    url: &str,
    resolve: &Resolve,
    allowed: &AllowedNetworks,
) -> Result<(), Problem> {
    let (name_of, command) = (of.name(), of.command());
    let host = host(of, url)?;
    let judge = |address: IpAddr| {
        allowed.judge(address).map_err(|refused| {
            invalid(format!(
                "{name_of} leads to `{host}`, and {refused}: what is set here leads to the public internet alone. If it is meant, name \
                 its network in `admin.allowed_networks` of every server, or set the URL on a server itself with {command}"
            ))
        })
    };
    let name = match Host::parse(&host) {
        Ok(Host::Ipv4(address)) => {
            judge(address.into())?;
            // Which address `010.1` is depends on who reads it.
            return written_as(of, &host, &address.to_string());
        }
        Ok(Host::Ipv6(address)) => return judge(address.into()),
        Ok(Host::Domain(name)) => name,
        Err(error) => return Err(invalid(format!("`{host}` in {name_of} is no host: {error}"))),
    };
    written_as(of, &host, &name)?;
    if is_local(&name) {
        return judge(Ipv4Addr::LOCALHOST.into());
    }
    let resolved = tokio::time::timeout(RESOLVE_WITHIN, resolve(name)).await;
    let addresses = match resolved.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(addresses) if !addresses.is_empty() => addresses,
        Ok(_) | Err(_) => {
            return Err(invalid(format!(
                "`{host}` in {name_of} has no address that could be found; mend the name, or try again where the name is new"
            )));
        }
    };
    addresses.into_iter().try_for_each(judge)
}

/// The host, in the spelling that a gateway would use; IPv6 in brackets.
fn host(of: UrlOf, url: &str) -> Result<String, Problem> {
    let (name_of, example) = (of.name(), of.example());
    let unreadable = || invalid(format!("{name_of} cannot be read; write it like {example}"));
    let url: Uri = url.trim().parse().map_err(|_| unreadable())?;
    if !matches!(url.scheme_str(), Some("http" | "https")) {
        return Err(invalid(format!("{name_of} must begin with http:// or https://")));
    }
    let authority = url.authority().ok_or_else(unreadable)?;
    if authority.as_str().contains('@') {
        let instead = match of {
            UrlOf::Endpoint => "give the credential apart from it",
            UrlOf::Webhook => "its messages are signed instead",
        };
        return Err(invalid(format!("{name_of} holds a user name or password; {instead}")));
    }
    Ok(authority.host().to_owned())
}

/// A gateway takes the host as it stands, so it must stand as it was judged.
fn written_as(of: UrlOf, host: &str, plain: &str) -> Result<(), Problem> {
    let name_of = of.name();
    if host.eq_ignore_ascii_case(plain) {
        return Ok(());
    }
    Err(invalid(format!("`{host}` in {name_of} is an uncommon spelling; write `{plain}`")))
}

/// `localhost` and all below it (RFC 6761), which some resolvers ask the world for.
fn is_local(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(Kind::Invalid, detail)
}
