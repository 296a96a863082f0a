//! Pages: how many rows, and where the next ones begin.
//!
//! A cursor is sealed: the place is encrypted, and bound to the list with its filters and to whose rows the caller may see (AES-256-GCM-SIV under a key
//! made from the master key; nonce ‖ ciphertext and tag). It tells whoever has it nothing but its length, because a place may hold what is not the
//! caller's, such as the transactions that were being written. One that was not made for this very list and caller is a 400. It never widens what is
//! seen: each query asks for the caller's rows by itself.

use aes_gcm_siv::Nonce;
use aes_gcm_siv::aead::{Aead, Payload};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rand::RngExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tollgate_domain::UserId;
use tollgate_store::management::{MAX_PAGE, Page};
use utoipa::ToSchema;

use crate::app::Admin;
use crate::problem::{Kind, Problem};

/// Rows of a page when nothing was said.
const DEFAULT_PAGE: u32 = 50;
/// Length of the nonce at the beginning of a cursor, in bytes.
const NONCE_BYTES: usize = 12;
/// Longest cursor: a place holds a time and an id or a name, and that of a ledger the transactions that were writing at its moment, some ten bytes each.
const MAX_CURSOR_BYTES: usize = 8_192;

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Listing<T> {
    /// The rows, in the list's order.
    data: Vec<T>,
    /// Where the next page begins: send it as `cursor`, with the same filters. `null` at the end.
    next_cursor: Option<String>,
}

/// Which list it is, for whom: what a cursor belongs to.
#[derive(Debug)]
pub(crate) struct List<'a> {
    admin: &'a Admin,
    context: String,
}

impl<'a> List<'a> {
    /// The list `name`, filtered so, for a caller who sees this user's rows alone.
    pub(crate) fn new(
        admin: &'a Admin,
        name: &str,
        scope: Option<UserId>,
        filter: &impl std::fmt::Debug,
    ) -> Self {
        let scope = scope.map_or_else(|| "everybody".to_owned(), |user| user.to_string());
        Self { admin, context: format!("{name}\0{scope}\0{filter:?}\0") }
    }

    /// The place that the client sent back.
    pub(crate) fn place<P: DeserializeOwned>(&self, cursor: Option<&str>) -> Result<Option<P>, Problem> {
        let Some(cursor) = cursor else { return Ok(None) };
        self.open(cursor).map(Some).ok_or_else(|| {
            Problem::bad_request(
                "this cursor was not given for this list, these filters and what this key may see; begin without one",
            )
        })
    }

    fn open<P: DeserializeOwned>(&self, cursor: &str) -> Option<P> {
        if cursor.len() > MAX_CURSOR_BYTES {
            return None;
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload { msg: sealed, aad: self.context.as_bytes() };
        let place = self.admin.cursors().decrypt(&Nonce::from(*nonce), payload).ok()?;
        serde_json::from_slice(&place).ok()
    }

    /// The page as it is answered; `place` says where a row stands in the list's order.
    pub(crate) fn answer<R, T, P: Serialize>(
        &self,
        page: Page<R>,
        place: impl Fn(&R) -> P,
        row: impl Fn(R) -> T,
    ) -> Result<Listing<T>, Problem> {
        let last = page.rows.last().filter(|_| page.has_more).map(place);
        let next_cursor = last.map(|place| self.cursor(&place)).transpose()?;
        Ok(Listing { data: page.rows.into_iter().map(row).collect(), next_cursor })
    }

    /// A cursor to this place.
    pub(crate) fn cursor(&self, place: &impl Serialize) -> Result<String, Problem> {
        let failed = |error: &dyn std::fmt::Display| {
            tracing::error!(%error, "a place in a list could not be written");
            Problem::new(Kind::Internal, "the server's log says more")
        };
        let place = serde_json::to_vec(place).map_err(|error| failed(&error))?;
        let nonce: [u8; NONCE_BYTES] = rand::rng().random();
        let payload = Payload { msg: &place, aad: self.context.as_bytes() };
        let sealed = self.admin.cursors().encrypt(&Nonce::from(nonce), payload);
        written(&nonce, &sealed.map_err(|error| failed(&error))?)
    }
}

/// A sealed place as a cursor. One that would not be taken back is not given: no place but a ledger's can be so long, and it is shorter as soon
/// as some of the transactions have ended.
fn written(nonce: &[u8], sealed: &[u8]) -> Result<String, Problem> {
    let cursor = BASE64_URL_SAFE_NO_PAD.encode([nonce, sealed].concat());
    if cursor.len() > MAX_CURSOR_BYTES {
        return Err(Problem::new(
            Kind::Unavailable,
            "too many transactions are being written at this moment to say where the next page begins; ask again",
        ));
    }
    Ok(cursor)
}

/// How many rows were asked for.
pub(crate) fn limit(asked: Option<u32>) -> Result<u32, Problem> {
    match asked.unwrap_or(DEFAULT_PAGE) {
        limit @ 1..=MAX_PAGE => Ok(limit),
        other => Err(Problem::bad_request(format!("`limit` is {other}; give 1 to {MAX_PAGE}"))),
    }
}

/// A list that is short by its nature, whole.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Whole<T> {
    /// The rows, in the list's order.
    data: Vec<T>,
}

impl<T> Whole<T> {
    /// Of these rows.
    pub(crate) fn of<R: Into<T>>(rows: Vec<R>) -> Self {
        Self { data: rows.into_iter().map(Into::into).collect() }
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;
    use http::{StatusCode, header};

    use super::*;

    #[test]
    fn a_cursor_that_would_be_refused_for_its_length_is_not_given() {
        // Four characters stand for three bytes.
        let (nonce, longest) = ([0; NONCE_BYTES], MAX_CURSOR_BYTES / 4 * 3 - NONCE_BYTES);
        let cursor = written(&nonce, &vec![0; longest]).unwrap();
        assert_eq!(cursor.len(), MAX_CURSOR_BYTES);
        let problem = written(&nonce, &vec![0; longest + 1]).unwrap_err();
        let response = problem.into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    }
}
