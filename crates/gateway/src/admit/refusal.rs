//! The ways in which a request is refused: one outcome each, with its status, its name and what to do about it.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use tollgate_domain::Credits;

use super::batch::BadBatchHeader;
use crate::limit::{CapReached, Exceeded, Told, retry_after};
use crate::recorder::NoPlace;
use crate::wire::Surface;
use crate::wire::request::RequestError;

/// Seconds after which a client should try again when we are overloaded, or its credits are held. Long enough for a burst to pass.
const RETRY_AFTER_SECONDS: u16 = 2;
/// The same when records cannot be kept, which somebody has to see to. The official SDKs heed no more than a minute.
const RETRY_AFTER_REPAIR_SECONDS: u16 = 30;

/// Why a request was not admitted. Refused requests reach no upstream: they are counted, not recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("The method is not allowed here; use {allow}.")]
    MethodNotAllowed { allow: &'static str },
    #[error(
        "No API key was given. Send it as `Authorization: Bearer …`, `x-api-key`, `api-key` or `x-goog-api-key`."
    )]
    NoCredential,
    #[error("The request carries two different API keys. Send one.")]
    TwoCredentials,
    #[error("The API key is not valid: it does not exist or has been revoked.")]
    UnknownKey,
    #[error(
        "This is a platform key: it manages the platform and calls no model. Use a key for realtime, batch or playground use."
    )]
    PlatformKey,
    #[error("{0}.")]
    BadBatchHeader(#[from] BadBatchHeader),
    #[error("There is no such route. See the documentation for the paths that this gateway serves.")]
    UnknownRoute,
    #[error("{0}.")]
    BadRequest(#[from] RequestError),
    #[error("The request body is compressed (`Content-Encoding`). Send it as it is.")]
    EncodedBody,
    #[error("The request body did not arrive whole.")]
    BodyBroken,
    #[error("The request body stopped arriving.")]
    BodyTimeout,
    #[error("The model `{0}` does not exist here. `GET /v1/models` lists those that do.")]
    UnknownModel(String),
    #[error("Insufficient credits: the balance is {balance}. Add credits to this account to go on.")]
    OutOfCredits { balance: Credits },
    #[error(
        "Insufficient credits: the request may cost up to {most}, and the balance is {balance}. Lower `max_tokens`, or add credits to this account."
    )]
    TooDear { most: Credits, balance: Credits },
    #[error(
        "Insufficient credits: the request may cost up to {most}; of the balance of {balance}, requests in flight hold {held}, with what gateways have set aside for more. Try again when they have ended, lower `max_tokens`, or add credits to this account."
    )]
    CreditsHeld { most: Credits, balance: Credits, held: Credits },
    #[error(
        "The account's credits cannot be confirmed now: the database of the gateway does not answer, and nothing is left of what it may spend without asking. Try again in a moment."
    )]
    CreditsUnconfirmed,
    #[error("The request body is larger than {limit} bytes.")]
    BodyTooLarge { limit: u64 },
    #[error("{0}")]
    CapReached(Box<CapReached>),
    #[error("{0}")]
    RateLimited(Box<Exceeded>, Told),
    #[error("The gateway is at its limit of requests in flight. Try again in a moment.")]
    Overloaded,
    #[error(
        "The gateway cannot keep the records of what it serves, so it serves nothing. Its operator finds the reason in its log."
    )]
    Unrecordable,
}

impl Refusal {
    /// Status and machine-readable name; the name is also the label of the metric.
    pub(crate) const fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::MethodNotAllowed { .. } => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::NoCredential => (StatusCode::UNAUTHORIZED, "missing_api_key"),
            Self::TwoCredentials => (StatusCode::UNAUTHORIZED, "conflicting_api_keys"),
            Self::UnknownKey => (StatusCode::UNAUTHORIZED, "invalid_api_key"),
            Self::PlatformKey => (StatusCode::FORBIDDEN, "platform_key"),
            Self::BadBatchHeader(_) => (StatusCode::BAD_REQUEST, "invalid_batch_header"),
            Self::UnknownRoute => (StatusCode::NOT_FOUND, "unknown_route"),
            Self::BadRequest(error) => (StatusCode::BAD_REQUEST, error.code()),
            Self::EncodedBody => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "encoded_body"),
            Self::BodyBroken => (StatusCode::BAD_REQUEST, "incomplete_body"),
            Self::BodyTimeout => (StatusCode::REQUEST_TIMEOUT, "body_timeout"),
            Self::UnknownModel(_) => (StatusCode::NOT_FOUND, "model_not_found"),
            Self::OutOfCredits { .. } => (StatusCode::PAYMENT_REQUIRED, "insufficient_credits"),
            Self::TooDear { .. } => (StatusCode::PAYMENT_REQUIRED, "request_too_dear"),
            Self::CreditsHeld { .. } => (StatusCode::PAYMENT_REQUIRED, "credits_held"),
            Self::CreditsUnconfirmed => (StatusCode::SERVICE_UNAVAILABLE, "credits_unconfirmed"),
            Self::BodyTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
            Self::CapReached(_) => (StatusCode::PAYMENT_REQUIRED, "spend_cap_reached"),
            Self::RateLimited(..) => (StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded"),
            Self::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
            Self::Unrecordable => (StatusCode::SERVICE_UNAVAILABLE, "records_unavailable"),
        }
    }

    /// The answer, in the shape of the surface that was called.
    pub(crate) fn response(&self, surface: Surface) -> Response<Bytes> {
        let (status, code) = self.status_and_code();
        let mut response = error_response(surface, status, code, &self.to_string());
        let headers = response.headers_mut();
        match self {
            Self::MethodNotAllowed { allow } => {
                headers.insert(header::ALLOW, HeaderValue::from_static(allow));
            }
            Self::NoCredential | Self::TwoCredentials | Self::UnknownKey => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::Overloaded | Self::CreditsHeld { .. } | Self::CreditsUnconfirmed => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
            }
            Self::CapReached(reached) => retry_after(headers, reached.retry_after()),
            Self::RateLimited(exceeded, told) => {
                retry_after(headers, exceeded.retry_after);
                told.write(headers, surface);
            }
            Self::Unrecordable => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_REPAIR_SECONDS));
            }
            _ => {}
        }
        response
    }
}

impl From<NoPlace> for Refusal {
    fn from(why: NoPlace) -> Self {
        match why {
            NoPlace::Full => Self::Overloaded,
            NoPlace::Broken => Self::Unrecordable,
        }
    }
}

/// An error of ours in a surface's shape.
pub(crate) fn error_response(
    surface: Surface,
    status: StatusCode,
    code: &str,
    message: &str,
) -> Response<Bytes> {
    let mut response = Response::new(surface.error_body(status.as_u16(), code, message));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
