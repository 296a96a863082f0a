//! placeholder
use super::Observed;

/// The text of a request, bounded, kept for an estimate.
#[derive(Debug, Clone, Default)]
pub struct RequestText {}

/// The text of a response, bounded, kept for an estimate.
#[derive(Debug, Clone, Default)]
pub struct ResponseText {
    pub(super) is_event_stream: bool,
}

impl ResponseText {
    pub(super) fn push(&mut self, _chunk: &[u8]) {}
}

impl RequestText {
    /// Takes the next bytes of the request's body.
    pub fn push(&mut self, _chunk: &[u8]) {}
}

impl Observed {
    /// Whether tokens have to be estimated: a 2xx on a metered surface that answered and stated no usage.
    pub fn wants_estimate(&self) -> bool {
        false
    }

    /// Estimates prompt and completion where [`Observed::wants_estimate`] says so, else changes nothing. CPU-bound (a few
    /// milliseconds at most): off the async threads, please. `model` chooses the vocabulary.
    pub fn estimate(&mut self, _request: &RequestText, _model: &str) {}
}
