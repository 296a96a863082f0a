//! The settings of the OpenID provider.

use std::net::IpAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use url::{Host, Url};

/// Sign-in through an OpenID provider, such as the company's own, beside passwords. Register
/// `PUBLIC_URL/admin/api/v1/oidc/callback` there as the redirect URI of a web application.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OidcConfig {
    /// The provider's issuer, exactly as it calls itself, such as `https://login.example.com/realms/staff`. Its settings are read from
    /// `/.well-known/openid-configuration` below that. `https`, or `http` on this machine. Empty: nobody signs in that way.
    pub issuer: String,
    /// What people call it: the button says "Sign in with" this. Empty: the issuer's host.
    pub name: String,
    /// What the provider calls this installation.
    pub client_id: String,
    /// File of the secret by which the provider knows this installation; read anew for each sign-in, so that it can be replaced. Empty: a
    /// public client, which PKCE alone protects.
    #[serde(serialize_with = "path_or_empty")]
    #[schemars(with = "String")]
    pub client_secret_file: Option<PathBuf>,
    /// A manager may write down an address in place of a subject, and the first who comes with it is linked, where the provider says that it
    /// has verified it (`email_verified`). Say true only where nobody can give themselves an address at the provider that is another's.
    pub link_by_email: bool,
    /// PEM file of the certificate authorities that vouch for the provider, where it is none of the public ones.
    #[serde(serialize_with = "path_or_empty")]
    #[schemars(with = "String")]
    pub ca_file: Option<PathBuf>,
}

#[expect(clippy::ref_option, reason = "what serde hands over")]
fn path_or_empty<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    path.clone().unwrap_or_default().serialize(serializer)
}

impl OidcConfig {
    /// Whether people may come in that way.
    pub fn is_on(&self) -> bool {
        !self.issuer.is_empty()
    }

    /// What the button calls the provider.
    pub(crate) fn display_name(&self) -> String {
        if !self.name.is_empty() {
            return self.name.clone();
        }
        let url = Url::parse(&self.issuer).ok();
        url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_else(|| self.issuer.clone())
    }

    /// Refuses what has the right type and makes no sense, with what to write instead.
    pub(crate) fn check(&self) -> Result<(), String> {
        let issuer = &self.issuer;
        if issuer.is_empty() {
            return if self.client_id.is_empty() {
                Ok(())
            } else {
                Err("`admin.oidc.client_id` is set and `admin.oidc.issuer` is not; write both, or neither"
                    .to_owned())
            };
        }
        let url = Url::parse(issuer).ok().filter(|url| url.query().is_none() && url.fragment().is_none());
        if !url.is_some_and(|url| is_protected(&url) || is_on_this_machine(&url)) {
            return Err(format!(
                "`admin.oidc.issuer` is `{issuer}`; write the provider's issuer, such as https://login.example.com: https, or http \
                 on this machine, without user name, query or fragment"
            ));
        }
        if self.client_id.is_empty() {
            return Err(
                "`admin.oidc.client_id` is empty; write what the provider calls this installation".to_owned()
            );
        }
        Ok(())
    }
}

/// Nobody on the way reads or changes what is said there.
pub(crate) fn is_protected(url: &Url) -> bool {
    url.scheme() == "https" && has_plain_host(url)
}

/// It never leaves this machine.
pub(crate) fn is_on_this_machine(url: &Url) -> bool {
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    };
    url.scheme() == "http" && is_loopback && has_plain_host(url)
}

fn has_plain_host(url: &Url) -> bool {
    url.has_host() && url.username().is_empty() && url.password().is_none()
}

#[cfg(test)]
mod tests;
