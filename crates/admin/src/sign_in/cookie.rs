//! The cookie of a session.
//!
//! No script reads it, no request from another site carries it (`SameSite=Strict`), and behind TLS its name has the `__Host-` prefix, with
//! which no other host of the domain can set it. Browsers do not tell ports apart: two servers on one host share it.

use http::{HeaderMap, HeaderValue, header};
use secrecy::{ExposeSecret, SecretString};
use tollgate_store::management::sessions::SESSION_LIFETIME;

use crate::app::Admin;
use crate::problem::{Kind, Problem};

const NAME: &str = "tollgate_session";
const NAME_BEHIND_TLS: &str = "__Host-tollgate_session";

fn name(admin: &Admin) -> &'static str {
    if admin.is_behind_tls() { NAME_BEHIND_TLS } else { NAME }
}

/// What the session's cookie of a request carries. Two different ones are none: one of them was planted.
pub(crate) fn find(admin: &Admin, headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut found: Option<&str> = None;
    for value in values(headers, name(admin)) {
        if found.is_some_and(|found| found != value) {
            return Err(Problem::new(
                Kind::Unauthenticated,
                "the request carries two different session cookies; sign in again",
            ));
        }
        found = Some(value);
    }
    Ok(found.map(str::to_owned))
}

/// Every value that a request carries under this name.
pub(crate) fn values<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    pairs.flat_map(|pairs| pairs.split(';')).filter_map(move |pair| {
        let (of, value) = pair.trim().split_once('=')?;
        (of == name && !value.is_empty()).then_some(value)
    })
}

/// Gives a session to the browser.
pub(crate) fn set(admin: &Admin, secret: &SecretString) -> HeaderValue {
    made(admin, secret.expose_secret(), SESSION_LIFETIME.as_secs())
}

/// Takes it away again.
pub(crate) fn clear(admin: &Admin) -> HeaderValue {
    made(admin, "", 0)
}

fn made(admin: &Admin, value: &str, max_age_s: i64) -> HeaderValue {
    let secure = if admin.is_behind_tls() { "; Secure" } else { "" };
    let name = name(admin);
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age_s}{secure}");
    let mut header = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
    header.set_sensitive(true);
    header
}
