//! The cookie of a session, and that of a sign-in which is on its way to the OpenID provider and back.
//!
//! No script reads them, and behind TLS their names have the `__Host-` prefix, with which no other host of the domain can set them. No request
//! from another site carries a session (`SameSite=Strict`). A sign-in comes back from another site, so its cookie is `Lax`: it goes along when
//! that site leads the browser here, and with nothing that a page of it asks. Browsers do not tell ports apart: two servers on one host share
//! both.

use http::{HeaderMap, HeaderValue, header};
use secrecy::{ExposeSecret, SecretString};
use tollgate_store::management::oidc_sign_ins::OIDC_SIGN_IN_LIFETIME;
use tollgate_store::management::sessions::SESSION_LIFETIME;

use crate::app::Admin;
use crate::problem::{Kind, Problem};

/// A cookie by its names in the clear and behind TLS, and by which requests of other sites carry it.
#[derive(Debug, Clone, Copy)]
struct Cookie {
    name: &'static str,
    name_behind_tls: &'static str,
    same_site: &'static str,
    max_age_s: i64,
}

const SESSION: Cookie = Cookie {
    name: "tollgate_session",
    name_behind_tls: "__Host-tollgate_session",
    same_site: "Strict",
    max_age_s: SESSION_LIFETIME.as_secs(),
};
const OIDC: Cookie = Cookie {
    name: "tollgate_oidc",
    name_behind_tls: "__Host-tollgate_oidc",
    same_site: "Lax",
    max_age_s: OIDC_SIGN_IN_LIFETIME.as_secs(),
};

impl Cookie {
    fn name(self, admin: &Admin) -> &'static str {
        if admin.is_behind_tls() { self.name_behind_tls } else { self.name }
    }
}

/// What the session's cookie of a request carries. Two different ones are none: one of them was planted.
pub(crate) fn find(admin: &Admin, headers: &HeaderMap) -> Result<Option<String>, Problem> {
    only(admin, headers, SESSION).map_err(|TwoDifferent| {
        Problem::new(
            Kind::Unauthenticated,
            "the request carries two different session cookies; sign in again",
        )
    })
}

/// What the cookie of a sign-in through the provider carries. Two different ones are none here, too.
pub(crate) fn find_oidc(admin: &Admin, headers: &HeaderMap) -> Option<String> {
    only(admin, headers, OIDC).ok().flatten()
}

struct TwoDifferent;

fn only(admin: &Admin, headers: &HeaderMap, cookie: Cookie) -> Result<Option<String>, TwoDifferent> {
    let mut found: Option<&str> = None;
    for value in values(headers, cookie.name(admin)) {
        if found.is_some_and(|found| found != value) {
            return Err(TwoDifferent);
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
    made(admin, SESSION, secret.expose_secret(), SESSION.max_age_s)
}

/// Takes it away again.
pub(crate) fn clear(admin: &Admin) -> HeaderValue {
    made(admin, SESSION, "", 0)
}

/// Gives a sign-in that goes to the provider to the browser.
pub(crate) fn set_oidc(admin: &Admin, secret: &SecretString) -> HeaderValue {
    made(admin, OIDC, secret.expose_secret(), OIDC.max_age_s)
}

/// Takes it away again: it has come back.
pub(crate) fn clear_oidc(admin: &Admin) -> HeaderValue {
    made(admin, OIDC, "", 0)
}

fn made(admin: &Admin, cookie: Cookie, value: &str, max_age_s: i64) -> HeaderValue {
    let secure = if admin.is_behind_tls() { "; Secure" } else { "" };
    let (name, same_site) = (cookie.name(admin), cookie.same_site);
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite={same_site}; Max-Age={max_age_s}{secure}");
    let mut header = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
    header.set_sensitive(true);
    header
}
