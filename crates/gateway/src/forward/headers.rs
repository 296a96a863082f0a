//! Which headers pass, in either direction.
//!
//! Hop-by-hop headers belong to one connection (RFC 9110, section 7.6.1); credentials, our own `x-tollgate-*` and what tells of
//! the network between belong to one side. Everything else passes as it came.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::admit::batch::HEADER_PREFIX;
use crate::admit::credential;

static HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("http2-settings"),
];

/// Not for an upstream: made anew for it, or about the way a request took to us, or choosing among the accounts that
/// our own credential opens, or leaving the usage out of the answer.
static NOT_FORWARDED: [HeaderName; 13] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::FORWARDED,
    header::VIA,
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("true-client-ip"),
    HeaderName::from_static("cdn-loop"),
    HeaderName::from_static("openai-organization"),
    HeaderName::from_static("openai-project"),
    HeaderName::from_static("x-goog-user-project"),
    HeaderName::from_static("x-goog-fieldmask"),
    HeaderName::from_static("sec-websocket-protocol"),
];
const NOT_FORWARDED_PREFIXES: [&str; 3] = [HEADER_PREFIX, "x-forwarded-", "cf-"];

/// Not for a client: they speak for the upstream's own origin.
static NOT_RETURNED: [HeaderName; 4] = [
    header::SET_COOKIE,
    header::STRICT_TRANSPORT_SECURITY,
    header::ALT_SVC,
    HeaderName::from_static("public-key-pins"),
];

/// The encodings that usage can be read through.
const READABLE_ENCODINGS: [&str; 6] = ["gzip", "x-gzip", "deflate", "br", "zstd", "identity"];

/// Brings a client's headers to what the upstream may see. `secret` is the client's, whatever header it hides in.
pub(super) fn for_upstream(headers: &mut HeaderMap, secret: &str, ask_identity: bool) {
    remove_hop_by_hop(headers);
    remove_disguised(headers);
    for name in &NOT_FORWARDED {
        headers.remove(name);
    }
    remove_prefixed(headers, &NOT_FORWARDED_PREFIXES);
    credential::strip_headers(headers, secret);
    let accepted = if ask_identity { None } else { readable_encodings(headers) };
    // Without the header an upstream may choose any encoding: say what we can read.
    let accepted = accepted.unwrap_or_else(|| HeaderValue::from_static("identity"));
    headers.insert(header::ACCEPT_ENCODING, accepted);
}

/// Brings an upstream's headers, or trailers, to what the client may see. `length_holds` says whether its body passes unchanged.
pub(crate) fn for_client(headers: &mut HeaderMap, length_holds: bool) {
    remove_hop_by_hop(headers);
    remove_disguised(headers);
    for name in &NOT_RETURNED {
        headers.remove(name);
    }
    remove_prefixed(headers, &[HEADER_PREFIX]);
    if !length_holds {
        headers.remove(header::CONTENT_LENGTH);
    }
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// Removes what is one of ours, or one that does not pass, once its underscores are read as dashes. Applications behind CGI, WSGI
/// and their like cannot tell the two apart.
fn remove_disguised(headers: &mut HeaderMap) {
    let disguised = |name: &&HeaderName| {
        let dashed = name.as_str().replace('_', "-");
        let is = |known: &HeaderName| known.as_str() == dashed;
        dashed != name.as_str()
            && (NOT_FORWARDED_PREFIXES.iter().any(|prefix| dashed.starts_with(prefix))
                || HOP_BY_HOP.iter().chain(&NOT_FORWARDED).chain(&NOT_RETURNED).any(is)
                || is(&header::ACCEPT_ENCODING)
                || credential::is_credential(&dashed))
    };
    let named: Vec<HeaderName> = headers.keys().filter(disguised).cloned().collect();
    for name in named {
        headers.remove(name);
    }
}

fn remove_prefixed(headers: &mut HeaderMap, prefixes: &[&str]) {
    let ours = |name: &&HeaderName| prefixes.iter().any(|prefix| name.as_str().starts_with(prefix));
    let named: Vec<HeaderName> = headers.keys().filter(ours).cloned().collect();
    for name in named {
        headers.remove(name);
    }
}

/// Of the encodings that the client takes, those that usage can be read through, with their weights.
fn readable_encodings(headers: &HeaderMap) -> Option<HeaderValue> {
    let readable = |item: &&str| {
        let coding = item.split(';').next().unwrap_or_default().trim();
        READABLE_ENCODINGS.iter().any(|known| known.eq_ignore_ascii_case(coding))
    };
    let kept: Vec<&str> = headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(readable)
        .collect();
    if kept.is_empty() { None } else { HeaderValue::from_str(&kept.join(", ")).ok() }
}

#[cfg(test)]
mod tests;
