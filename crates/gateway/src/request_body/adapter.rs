//! How a body is adapted, by what it is: JSON, a form, or anything else.

use bytes::Bytes;

use crate::usage::estimate::RequestText;
use crate::wire::multipart::MultipartSplicer;
use crate::wire::request::{RequestError, RequestFacts, RequestSplicer, Rewrite};
use crate::wire::{Pieces, Surface};

/// Adapts one body while it passes.
#[derive(Debug)]
pub(crate) enum Adapter {
    /// A JSON object.
    Json(Box<RequestSplicer>),
    /// A form.
    Form { splicer: Box<MultipartSplicer>, facts: RequestFacts },
    /// Passed as it is; it names no model.
    Opaque { out: Pieces, facts: RequestFacts },
    /// Says of itself what it is not.
    Malformed { error: RequestError, facts: RequestFacts },
}

impl Adapter {
    /// For a body of one of the surfaces. On the metered ones it is JSON, whatever the content type says, because that is
    /// how upstreams read it; on the others the content type decides.
    pub(crate) fn new(surface: Surface, content_type: Option<&str>, has_body: bool) -> Self {
        let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        let is_json = media_type.eq_ignore_ascii_case("application/json");
        if surface.is_metered() || (has_body && is_json) {
            return Self::Json(Box::new(RequestSplicer::new(surface)));
        }
        let facts = RequestFacts::default();
        match MultipartSplicer::new(content_type.unwrap_or_default()) {
            Ok(Some(splicer)) if has_body => Self::Form { splicer: Box::new(splicer), facts },
            Ok(_) => Self::Opaque { out: Pieces::new(), facts },
            Err(error) => Self::Malformed { error, facts },
        }
    }

    pub(crate) fn push(&mut self, chunk: Bytes) -> Result<(), RequestError> {
        match self {
            Self::Json(splicer) => splicer.push(chunk),
            Self::Form { splicer, facts } => {
                splicer.push(chunk)?;
                if facts.model.is_none() {
                    facts.model = splicer.model().map(str::to_owned);
                }
                Ok(())
            }
            Self::Malformed { error, .. } => Err(*error),
            Self::Opaque { out, .. } => {
                out.push(chunk);
                Ok(())
            }
        }
    }

    pub(crate) fn finish(&mut self) -> Result<(), RequestError> {
        match self {
            Self::Json(splicer) => splicer.finish(),
            // A form need not have a model: files are uploaded by one without.
            Self::Form { splicer, .. } => match splicer.finish() {
                Err(RequestError::ModelMissing) => Ok(()),
                finished => finished,
            },
            Self::Malformed { error, .. } => Err(*error),
            Self::Opaque { .. } => Ok(()),
        }
    }

    /// Whether the body could still name a model.
    pub(crate) const fn names_model(&self) -> bool {
        !matches!(self, Self::Opaque { .. })
    }

    pub(crate) fn facts(&self) -> &RequestFacts {
        match self {
            Self::Json(splicer) => splicer.facts(),
            Self::Form { facts, .. } | Self::Opaque { facts, .. } | Self::Malformed { facts, .. } => facts,
        }
    }

    pub(crate) fn rewrite(&mut self, rewrite: Rewrite<'_>) -> Result<(), RequestError> {
        match self {
            Self::Json(splicer) => splicer.rewrite(rewrite),
            Self::Form { splicer, .. } => splicer.rewrite(rewrite.model),
            Self::Opaque { .. } => Ok(()),
            Self::Malformed { error, .. } => Err(*error),
        }
    }

    pub(crate) fn take(&mut self) -> Pieces {
        match self {
            Self::Json(splicer) => splicer.take(),
            Self::Form { splicer, .. } => splicer.take(),
            Self::Malformed { .. } => Pieces::new(),
            Self::Opaque { out, .. } => std::mem::take(out),
        }
    }

    /// How long the adapted body of a client's body of `length` bytes will be; known once it has been told what to rewrite, and,
    /// for JSON, nothing that is still to come can change it.
    pub(crate) fn adapted_length(&self, length: u64) -> Option<u64> {
        match self {
            Self::Opaque { .. } => Some(length),
            Self::Form { splicer, .. } => length.checked_add_signed(splicer.length_change()),
            Self::Json(splicer) if splicer.is_settled() => length.checked_add_signed(splicer.length_change()),
            Self::Json(_) | Self::Malformed { .. } => None,
        }
    }

    pub(crate) fn into_text(self) -> RequestText {
        match self {
            Self::Json(splicer) => splicer.into_text(),
            Self::Form { .. } | Self::Opaque { .. } | Self::Malformed { .. } => RequestText::default(),
        }
    }
}
