//! Whether a request that changes something was sent by a page of our own: beside the token, by what the browser says of it.
//!
//! `Sec-Fetch-Site` decides where there is one: no page can set it. Else `Origin` does, by its host. Whoever sends neither is no browser.

use http::{HeaderMap, Uri, header};

use crate::app::Admin;
use crate::problem::{Kind, Problem};

/// Refuses what a page of another site sent.
pub(crate) fn check(admin: &Admin, headers: &HeaderMap) -> Result<(), Problem> {
    let is_own = match (headers.get("sec-fetch-site"), headers.get(header::ORIGIN)) {
        (Some(site), _) => site == "same-origin" || site == "none",
        (None, Some(origin)) => origin.to_str().is_ok_and(|origin| is_ours(admin, headers, origin)),
        (None, None) => true,
    };
    if is_own {
        return Ok(());
    }
    Err(Problem::new(Kind::Csrf, "a page of another site sent this request; nothing was changed"))
}

fn is_ours(admin: &Admin, headers: &HeaderMap, origin: &str) -> bool {
    let base = admin.public_url();
    if !base.is_empty() && origin.eq_ignore_ascii_case(base) {
        return true;
    }
    let origin = origin.parse::<Uri>().ok();
    let authority = origin.as_ref().and_then(Uri::authority).map(http::uri::Authority::as_str);
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    authority.zip(host).is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host))
}

/// Where people reach us: `admin.public_url`, or where this request was sent to.
pub(crate) fn base_url(admin: &Admin, headers: &HeaderMap) -> Result<String, Problem> {
    let base = admin.public_url();
    if !base.is_empty() {
        return Ok(base.to_owned());
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.and_then(|host| host.parse::<http::uri::Authority>().ok());
    let host = host.filter(|host| !host.as_str().contains('@'));
    let host =
        host.ok_or_else(|| Problem::bad_request("the request does not say which host it was sent to"))?;
    let scheme = if admin.is_behind_tls() { "https" } else { "http" };
    Ok(format!("{scheme}://{host}"))
}
