//! Where a request goes: base URL, path prefix, path templates, query.

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

use super::LiveEndpoint;
use crate::admit::credential::decode;

/// The base URL of an endpoint, taken apart.
#[derive(Debug, Clone)]
pub(crate) struct BaseUrl {
    scheme: Scheme,
    authority: Authority,
    /// Without a slash at its end; empty for none.
    prefix: String,
}

impl BaseUrl {
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let right = "write it like https://api.openai.com/v1";
        let uri: Uri = url.trim().parse().map_err(|_| format!("`{url}` is no URL; {right}"))?;
        let parts = uri.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(format!("`{url}` has no scheme or no host; {right}"));
        };
        if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
            return Err(format!("`{url}` is neither http nor https; {right}"));
        }
        if authority.as_str().contains('@') {
            return Err("its URL carries a user name or password; give the API key separately".to_owned());
        }
        let path = parts.path_and_query.as_ref();
        if path.is_some_and(|path| path.query().is_some()) {
            return Err(format!("`{url}` has a query; put it into a path template"));
        }
        let prefix = path.map_or("", PathAndQuery::path).trim_end_matches('/').to_owned();
        Ok(Self { scheme, authority, prefix })
    }

    pub(crate) fn host(&self) -> &str {
        self.authority.host().trim_matches(['[', ']'])
    }

    pub(crate) fn port(&self) -> u16 {
        let default = if self.is_https() { 443 } else { 80 };
        self.authority.port_u16().unwrap_or(default)
    }

    pub(crate) fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// Prefix and route. Where both say the same version (`https://host/v1` and `/v1/messages`, the way SDKs are
    /// configured), it counts once.
    fn join(&self, path: &str) -> String {
        let first_segment = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        let repeated =
            self.prefix.rsplit('/').next().is_some_and(|last| !last.is_empty() && last == first_segment);
        let rest = if repeated { path.get(first_segment.len() + 1..).unwrap_or_default() } else { path };
        format!("{}{rest}", self.prefix)
    }
}

/// What decides the address of one request.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    pub(crate) endpoint: &'a LiveEndpoint,
    /// The route as it is recorded, by which the endpoint's path templates are found.
    pub(crate) route_template: &'a str,
    /// The path to use where there is no template; the model in it is the upstream's already.
    pub(crate) path: &'a str,
    /// The client's query without credentials.
    pub(crate) query: Option<&'a str>,
    pub(crate) upstream_model: Option<&'a str>,
}

impl Target<'_> {
    /// The address. An error says what to mend in the endpoint.
    pub(crate) fn uri(&self) -> Result<Uri, String> {
        let base = &self.endpoint.base;
        let template = self.endpoint.entry.path_templates.get(self.route_template);
        let mut path = match template {
            Some(template) => {
                let model = encode_path(self.upstream_model.unwrap_or_default());
                format!("{}{}", base.prefix, template.replace("{model}", &model))
            }
            None => base.join(self.path),
        };
        let fixed = path.split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default();
        for pair in self.query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            // What the operator fixed, no client changes, however it writes the name. Some servers take `;` between parameters.
            let name = |pair: &str| decode(pair.split('=').next().unwrap_or_default());
            let mut names = fixed.split('&').filter(|pair| !pair.is_empty()).map(name);
            let is_fixed = names.any(|fixed| pair.split(';').any(|given| name(given) == fixed));
            if !is_fixed {
                path.push(if path.contains('?') { '&' } else { '?' });
                path.push_str(pair);
            }
        }
        Uri::builder()
            .scheme(base.scheme.clone())
            .authority(base.authority.clone())
            .path_and_query(path)
            .build()
            .map_err(|_| format!("the path template of `{}` makes no valid address", self.route_template))
    }
}

/// Percent-encodes what a path cannot hold; `/` stays, because models are named with it.
fn encode_path(text: &str) -> String {
    use std::fmt::Write;

    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/' | b'@' | b':') {
            encoded.push(char::from(byte));
        } else if write!(encoded, "%{byte:02X}").is_err() {
            // Writing to a string cannot fail.
            return text.to_owned();
        }
    }
    encoded
}

/// A path that an endpoint passes through: `/v1/files/{id}`, `/v1/images/*`.
#[derive(Debug, Clone)]
pub(super) struct PathPattern(String);

impl PathPattern {
    pub(super) fn parse(path: &str) -> Result<Self, String> {
        if !path.starts_with('/') || path.contains(['?', '#']) {
            return Err(format!("the pass-through path `{path}` must start with `/` and have no query"));
        }
        if path.trim_end_matches('*').contains('*') || path.ends_with("**") {
            return Err(format!("the pass-through path `{path}` may have a `*` only as its last segment"));
        }
        Ok(Self(path.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Segment by segment. A path with `.` or `..`, plain or encoded, matches nothing: it could leave the pattern.
    pub(super) fn matches(&self, path: &str) -> bool {
        let climbs = |segment: &str| {
            let plain = segment.replace("%2e", ".").replace("%2E", ".");
            plain == "." || plain == ".." || segment.contains('\\') || contains_encoded_slash(segment)
        };
        if path.split('/').any(climbs) {
            return false;
        }
        let mut wanted = self.0.split('/');
        let mut given = path.split('/');
        loop {
            match (wanted.next(), given.next()) {
                (None, None) | (Some("*"), Some(_)) => return true,
                (Some(pattern), Some(segment)) if pattern.starts_with('{') && pattern.ends_with('}') => {
                    if segment.is_empty() {
                        return false;
                    }
                }
                (Some(pattern), Some(segment)) if pattern == segment => {}
                _ => return false,
            }
        }
    }
}

fn contains_encoded_slash(segment: &str) -> bool {
    let lower = segment.to_ascii_lowercase();
    lower.contains("%2f") || lower.contains("%5c")
}
