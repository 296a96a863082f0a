//! Every error, as RFC 9457 has it: `application/problem+json` with a stable `type` for programs and a `detail` for people.
//!
//! What went wrong inside is logged here and never told. Nothing of a credential or of another tenant's rows gets into a problem.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use tollgate_store::{ErrorClass, StoreError};
use utoipa::ToSchema;

/// What the database says of a statement that it stopped at its time limit.
pub(crate) const QUERY_CANCELED: &str = "57014";

/// What went wrong, in the words of programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request cannot be read: its syntax, a parameter, a cursor.
    BadRequest,
    /// A write of money came without the key under which it counts once.
    IdempotencyKeyMissing,
    /// No credential, or none that is live.
    Unauthenticated,
    /// Name, password or code is wrong.
    WrongCredentials,
    /// The credential is not enough for this.
    Forbidden,
    /// A request by cookie without its token, or from another site's page.
    Csrf,
    /// There is no such thing, or it is not the caller's.
    NotFound,
    /// The route has no such method.
    MethodNotAllowed,
    /// Something that is there already stands in the way.
    Conflict,
    /// The first request under this idempotency key has not ended.
    IdempotencyKeyInUse,
    /// The body is too large.
    TooLarge,
    /// The body is no JSON.
    UnsupportedMediaType,
    /// The request was read and makes no sense.
    Invalid,
    /// The idempotency key belongs to another request.
    IdempotencyKeyReused,
    /// Too many tries to sign in.
    TooManyAttempts,
    /// Others, or the caller itself, have more reports read than there are places for.
    TooManyReports,
    /// Endpoints were checked, or webhooks tried, too often of late.
    TooManyChecks,
    /// The database does not answer.
    Unavailable,
    /// Our fault.
    Internal,
}

impl Kind {
    /// Its status, its name in `type` and `code`, and its title.
    pub const fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::BadRequest => (StatusCode::BAD_REQUEST, "bad_request", "The request cannot be read"),
            Self::IdempotencyKeyMissing => {
                (StatusCode::BAD_REQUEST, "idempotency_key_missing", "The Idempotency-Key is missing")
            }
            Self::Unauthenticated => {
                (StatusCode::UNAUTHORIZED, "unauthenticated", "A live key or session is needed")
            }
            Self::WrongCredentials => {
                (StatusCode::UNAUTHORIZED, "wrong_credentials", "This is not how to sign in")
            }
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "The caller may not do this"),
            Self::Csrf => {
                (StatusCode::FORBIDDEN, "csrf", "The request does not come from the caller's own page")
            }
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found", "There is no such thing"),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "The route has no such method")
            }
            Self::Conflict => (StatusCode::CONFLICT, "conflict", "It conflicts with what is there"),
            Self::IdempotencyKeyInUse => {
                (StatusCode::CONFLICT, "idempotency_key_in_use", "The first request has not ended")
            }
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The request is too large"),
            Self::UnsupportedMediaType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "The body must be JSON")
            }
            Self::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, "invalid", "The request makes no sense"),
            Self::IdempotencyKeyReused => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "The Idempotency-Key belongs to another request",
            ),
            Self::TooManyAttempts => {
                (StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", "Too many tries to sign in")
            }
            Self::TooManyReports => {
                (StatusCode::TOO_MANY_REQUESTS, "too_many_reports", "Other reports are being read")
            }
            Self::TooManyChecks => {
                (StatusCode::TOO_MANY_REQUESTS, "too_many_checks", "Others are knocked at too often")
            }
            Self::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "The database does not answer")
            }
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "The server could not do this"),
        }
    }
}

/// A request that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    kind: Kind,
    detail: String,
    /// In seconds; what the kind says where nothing is said.
    retry_after: Option<i64>,
}

/// The form of every error.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDetails {
    /// Names the kind of problem, for programs. It leads nowhere.
    #[schema(example = "urn:tollgate:problem:not_found")]
    r#type: String,
    /// The kind of problem, for people.
    title: String,
    /// The status of the response.
    status: u16,
    /// What was wrong with this request, and what to do.
    detail: String,
    /// The last part of `type`.
    #[schema(example = "not_found")]
    code: String,
}

impl Problem {
    /// A problem of this kind with words of its own.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), retry_after: None }
    }

    /// With the time after which to try again.
    #[must_use]
    pub fn retry_after(self, seconds: i64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The request cannot be read.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(Kind::BadRequest, detail)
    }

    /// There is no such thing, or it is not the caller's: the same words for both.
    pub fn no_such(what: &str) -> Self {
        Self::new(Kind::NotFound, format!("there is no such {what}, or it is not yours"))
    }

    /// What it is.
    pub const fn kind(&self) -> Kind {
        self.kind
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Refused(text) => return Self::new(Kind::Invalid, text),
            StoreError::NotFound(text) => return Self::new(Kind::NotFound, text),
            StoreError::Conflict(text) => return Self::new(Kind::Conflict, text),
            StoreError::Forbidden(text) => return Self::new(Kind::Forbidden, text),
            StoreError::Money(error) => return Self::new(Kind::Invalid, error.to_string()),
            _ => {}
        }
        if error.sqlstate() == Some(QUERY_CANCELED) {
            return Self::new(Kind::Unavailable, "the database took too long and was stopped; ask for less");
        }
        match error.class() {
            ErrorClass::Retry => {
                tracing::warn!(%error, "a request of the management API met a database that does not answer");
                Self::new(Kind::Unavailable, "the database could not be asked; try again")
            }
            // A value out of its column's range that no check of ours named.
            ErrorClass::Poison => Self::new(Kind::Invalid, "a value is out of the range of what is stored"),
            class => {
                tracing::error!(%error, ?class, "a request of the management API failed");
                Self::new(Kind::Internal, "the server's log says more")
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, code, title) = self.kind.parts();
        let body = ProblemDetails {
            r#type: format!("urn:tollgate:problem:{code}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.detail,
            code: code.to_owned(),
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match self.kind {
            Kind::Unauthenticated | Kind::WrongCredentials => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Kind::Unavailable | Kind::IdempotencyKeyInUse | Kind::TooManyReports => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Kind::IdempotencyKeyMissing => {
                let documentation = "</admin/api/v1/openapi.json>; rel=\"describedby\"";
                headers.insert(header::LINK, HeaderValue::from_static(documentation));
            }
            _ => {}
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
