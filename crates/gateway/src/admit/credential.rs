//! Credentials: where clients put them, and how every trace of them is removed before a request goes on.
//!
//! Accepted: `Authorization: Bearer`, `x-api-key`, `api-key`, `x-goog-api-key`, `?key=`. The same key in two places is
//! one key; two different ones are refused, because which of them pays must not depend on an order that nobody sees.

use http::{HeaderMap, HeaderName, header};

/// Headers that carry nothing but a key.
static KEY_HEADERS: [HeaderName; 3] = [
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("api-key"),
    HeaderName::from_static("x-goog-api-key"),
];

/// Query parameters that are credentials somewhere. Only `key` is accepted; none of them is ever forwarded.
const KEY_PARAMETERS: [&str; 6] = ["key", "api_key", "api-key", "apikey", "access_token", "token"];

/// What a request presents.
#[derive(PartialEq, Eq)]
pub(crate) enum Presented {
    /// Nothing.
    Nothing,
    /// One secret, perhaps in several places.
    Secret(String),
    /// Different ones.
    Several,
}

impl std::fmt::Debug for Presented {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::Secret(_) => "Secret(…)",
            Self::Several => "Several",
        })
    }
}

/// Collects the secrets of a request.
pub(crate) fn presented(headers: &HeaderMap, query: Option<&str>) -> Presented {
    let mut found = Presented::Nothing;
    let bearers = headers.get_all(header::AUTHORIZATION).iter().filter_map(|value| {
        let (scheme, secret) = std::str::from_utf8(value.as_bytes()).ok()?.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim().to_owned())
    });
    let keys = KEY_HEADERS.iter().flat_map(|name| headers.get_all(name)).map(|value| {
        // What is not UTF-8 is no key of ours, and still a credential.
        String::from_utf8_lossy(value.as_bytes()).trim().to_owned()
    });
    let parameters = pairs(query)
        .map(split_pair)
        .filter(|(name, _)| decode(name) == "key")
        .map(|(_, value)| decode(value.unwrap_or_default()));
    for secret in bearers.chain(keys).chain(parameters).filter(|secret| !secret.is_empty()) {
        found = match found {
            Presented::Nothing => Presented::Secret(secret),
            Presented::Secret(first) if first == secret => Presented::Secret(first),
            Presented::Secret(_) | Presented::Several => return Presented::Several,
        };
    }
    found
}

/// Every header that is a credential somewhere.
fn credential_headers() -> impl Iterator<Item = &'static HeaderName> {
    static OTHERS: [HeaderName; 3] = [header::AUTHORIZATION, header::PROXY_AUTHORIZATION, header::COOKIE];
    KEY_HEADERS.iter().chain(&OTHERS)
}

/// Whether a header of this name, in small letters, is a credential.
pub(crate) fn is_credential(name: &str) -> bool {
    credential_headers().any(|known| known.as_str() == name)
}

/// Removes every header that is a credential by name, and every one in which `secret` stands under another.
pub(crate) fn strip_headers(headers: &mut HeaderMap, secret: &str) {
    for name in credential_headers() {
        headers.remove(name);
    }
    let leaking: Vec<HeaderName> = headers
        .iter()
        .filter(|(_, value)| memchr::memmem::find(value.as_bytes(), secret.as_bytes()).is_some())
        .map(|(name, _)| name.clone())
        .collect();
    for name in leaking {
        headers.remove(name);
    }
}

/// The query without credentials; `None` where nothing is left. The other parameters keep their bytes and order.
pub(crate) fn strip_query(query: Option<&str>, secret: &str) -> Option<String> {
    // Some servers take `;` between parameters: a credential behind one counts too.
    let leaks = |pair: &str| {
        pair.split(';').map(split_pair).any(|(name, value)| {
            let name = decode(name).to_ascii_lowercase();
            KEY_PARAMETERS.contains(&name.as_str())
                || name.contains(&secret.to_ascii_lowercase())
                || value.is_some_and(|value| decode(value).contains(secret))
        })
    };
    let kept: Vec<&str> = pairs(query).filter(|pair| !leaks(pair)).collect();
    (!kept.is_empty()).then(|| kept.join("&"))
}

/// The query without the parameters that `dropped` names, given their decoded names and values; the others keep their bytes and
/// order.
pub(crate) fn without_parameters(query: &str, dropped: fn(&str, &str) -> bool) -> Option<String> {
    let is_dropped = |pair: &str| {
        pair.split(';')
            .map(split_pair)
            .any(|(name, value)| dropped(&decode(name), &decode(value.unwrap_or_default())))
    };
    let kept: Vec<&str> = pairs(Some(query)).filter(|pair| !is_dropped(pair)).collect();
    (!kept.is_empty()).then(|| kept.join("&"))
}

fn pairs(query: Option<&str>) -> impl Iterator<Item = &str> {
    query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty())
}

fn split_pair(pair: &str) -> (&str, Option<&str>) {
    pair.split_once('=').map_or((pair, None), |(name, value)| (name, Some(value)))
}

/// Undoes the encoding of a query; bytes that are not UTF-8 become `U+FFFD`.
pub(crate) fn decode(text: &str) -> String {
    decode_path(&text.replace('+', " "))
}

/// Undoes the percent-encoding of a path; bytes that are not UTF-8 become `U+FFFD`.
pub(crate) fn decode_path(text: &str) -> String {
    let hex = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if let (b'%', [high, low, after @ ..]) = (byte, tail)
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            bytes.push(high << 4 | low);
            rest = after;
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests;
