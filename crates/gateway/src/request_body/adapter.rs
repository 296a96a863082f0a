//! How a body is adapted, by what it is: JSON, a form, or anything else.

use bytes::Bytes;

use crate::usage::estimate::RequestText;
use crate::wire::request::{RequestError, RequestFacts, RequestSplicer, Rewrite};
use crate::wire::{Pieces, Surface};

/// Adapts one body while it passes.
#[derive(Debug)]
pub(crate) enum Adapter {
    /// A JSON object.
    Json(Box<RequestSplicer>),
    /// Passed as it is; it names no model.
    Opaque { out: Pieces, facts: RequestFacts },
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
        Self::opaque()
    }

    fn opaque() -> Self {
        Self::Opaque { out: Pieces::new(), facts: RequestFacts::default() }
    }

    pub(crate) fn push(&mut self, chunk: Bytes) -> Result<(), RequestError> {
        match self {
            Self::Json(splicer) => splicer.push(chunk),
            Self::Opaque { out, .. } => {
                out.push(chunk);
                Ok(())
            }
        }
    }

    pub(crate) fn finish(&mut self) -> Result<(), RequestError> {
        match self {
            Self::Json(splicer) => splicer.finish(),
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
            Self::Opaque { facts, .. } => facts,
        }
    }

    pub(crate) fn rewrite(&mut self, rewrite: Rewrite<'_>) -> Result<(), RequestError> {
        match self {
            Self::Json(splicer) => splicer.rewrite(rewrite),
            Self::Opaque { .. } => Ok(()),
        }
    }

    pub(crate) fn take(&mut self) -> Pieces {
        match self {
            Self::Json(splicer) => splicer.take(),
            Self::Opaque { out, .. } => std::mem::take(out),
        }
    }

    /// Whether the length of the body stays what the client said.
    pub(crate) const fn keeps_length(&self) -> bool {
        matches!(self, Self::Opaque { .. })
    }

    pub(crate) fn into_text(self) -> RequestText {
        match self {
            Self::Json(splicer) => splicer.into_text(),
            Self::Opaque { .. } => RequestText::default(),
        }
    }
}
