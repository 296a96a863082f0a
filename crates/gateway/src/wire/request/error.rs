//! Why a request's body is refused. All of these are the client's to mend: status 400.

use crate::wire::json::JsonError;

/// A body that cannot be taken. The caller answers 400, in the surface's shape, with this message and
/// [`RequestError::code`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// No body, or only white space.
    #[error("the request has no body: send a JSON object with a \"model\"")]
    Empty,
    /// Not JSON.
    #[error("the request body is not valid JSON: {0}")]
    InvalidJson(#[from] JsonError),
    /// JSON, but an array, a string, …
    #[error("the request body must be a JSON object")]
    NotAnObject,
    /// No `model`, or an empty one.
    #[error("the request names no model: set \"model\"")]
    ModelMissing,
    /// `model` is a number, an object, or a string with an invalid escape.
    #[error("\"model\" must be a string")]
    ModelNotAString,
    /// Longer than any model's name.
    #[error("\"model\" is too long")]
    ModelTooLong,
    /// Longer than any client's: what it says of usage would go unread.
    #[error("\"stream_options\" is longer than 4096 bytes: leave out what is not needed")]
    StreamOptionsTooLong,
    /// Parsers differ on which of two equal keys counts, so neither does.
    #[error("\"{key}\" is given twice: give it once")]
    DuplicateKey {
        /// Which.
        key: &'static str,
    },
    /// Some upstreams would follow it and others not, so what is charged would be a guess.
    #[error("\"{key}\" is not written as it should be: use small letters")]
    MisspelledKey {
        /// How it is written.
        key: &'static str,
    },
    /// A background response is fetched later, outside of this request.
    #[error("\"background\": true is not supported: leave it out and stream the response instead")]
    Background,
    /// The content type says multipart and gives no usable boundary.
    #[error("the multipart content type has no valid boundary")]
    BadBoundary,
    /// The form's parts could not be told apart.
    #[error("the multipart form is malformed: {0}")]
    InvalidForm(&'static str),
}

impl RequestError {
    /// The machine-readable name, for the `code` of the error body.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty_body",
            Self::InvalidJson(_) => "invalid_json",
            Self::NotAnObject => "not_an_object",
            Self::ModelMissing => "model_missing",
            Self::ModelNotAString => "model_not_a_string",
            Self::ModelTooLong => "model_too_long",
            Self::StreamOptionsTooLong => "stream_options_too_long",
            Self::DuplicateKey { .. } => "duplicate_key",
            Self::MisspelledKey { .. } => "misspelled_key",
            Self::Background => "background_not_supported",
            Self::BadBoundary => "bad_boundary",
            Self::InvalidForm(_) => "invalid_form",
        }
    }
}
