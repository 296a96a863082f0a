//! `Idempotency-Key`: a write of money counts once under the key that its client chose (draft-ietf-httpapi-idempotency-key-header).
//!
//! Without one: 400. With one that is in use by a request that has not ended: 409. With one that belongs to another request: 422. The same
//! request again: the first answer, marked `Idempotency-Replayed: true`. What was refused may be tried again under its key.
//!
//! A key is its user's, whichever API key carries the request: one that was replaced meanwhile must not make a retry a second write.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use tollgate_store::management::idempotency::{Answer, Attempt, Begun};

use crate::app::Admin;
use crate::caller::Caller;
use crate::problem::{Kind, Problem};

/// The header, as requests carry it.
pub(crate) const HEADER: &str = "idempotency-key";
/// Longest key. A UUID takes 36 characters, with the name of a job before it a few more.
const MAX_KEY_CHARS: usize = 255;

/// How a write under a key ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It was done now.
    Done(Answer),
    /// It was done before, or cannot be done under this key.
    Not(Begun),
}

/// The attempt that the request is. `request` is everything that makes it this one.
pub(crate) fn attempt(
    admin: &Admin,
    caller: &Caller,
    headers: &HeaderMap,
    route: &str,
    request: &impl Serialize,
) -> Result<Attempt, Problem> {
    let key = key(headers)?;
    let body = serde_json::to_vec(request).map_err(|error| {
        tracing::error!(%error, "a request could not be written for its digest");
        Problem::new(Kind::Internal, "the server's log says more")
    })?;
    let message = [route.as_bytes(), b"\0", &body].concat();
    Ok(Attempt { caller: caller.user_id, key, fingerprint: admin.idempotency().digest(&message) })
}

/// The draft has the key as a structured-field string, in quotes; most clients send it bare. Both are the same key.
fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else {
        return Err(Problem::new(
            Kind::IdempotencyKeyMissing,
            "a write of money needs an `Idempotency-Key` header: a text of your choice, such as a UUID, that you send again when you try again",
        ));
    };
    let refuse = || {
        Problem::bad_request(format!(
            "the `Idempotency-Key` cannot be read; send one of 1 to {MAX_KEY_CHARS} visible ASCII characters"
        ))
    };
    if values.next().is_some() {
        return Err(refuse());
    }
    let text = value.to_str().map_err(|_| refuse())?.trim();
    let bare = text.strip_prefix('"').map_or(Some(text), |rest| rest.strip_suffix('"')).ok_or_else(refuse)?;
    let is_visible = bare.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
    if bare.is_empty() || bare.len() > MAX_KEY_CHARS || !is_visible {
        return Err(refuse());
    }
    Ok(bare.to_owned())
}

impl Outcome {
    /// The response.
    pub(crate) fn respond(self) -> Result<Response, Problem> {
        match self {
            Self::Done(answer) => Ok(response(answer)),
            Self::Not(Begun::Answered(answer)) => {
                let mut response = response(answer);
                response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
                Ok(response)
            }
            Self::Not(Begun::InProgress) => Err(Problem::new(
                Kind::IdempotencyKeyInUse,
                "a request under this `Idempotency-Key` has not ended; try again in a moment",
            )),
            Self::Not(Begun::OfAnother) => Err(Problem::new(
                Kind::IdempotencyKeyReused,
                "this `Idempotency-Key` was used for another request; nothing was changed, choose a new key",
            )),
            Self::Not(Begun::Fresh) => Err(Problem::new(Kind::Internal, "a write was begun and not done")),
        }
    }
}

fn response(Answer { status, body }: Answer) -> Response {
    (StatusCode::from_u16(status).unwrap_or(StatusCode::OK), Json(body)).into_response()
}
