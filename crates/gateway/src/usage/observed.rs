//! What a response turned out to say, once it has ended.

use tollgate_domain::{StatedUsage, UsageSource};

use super::estimate::ResponseText;
use super::tap::BodyEnd;
use crate::wire::Surface;

/// What a response said. Texts are bounded; none of them is from the prompt or the completion.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Token counts as stated; unknown ones are `None`.
    pub usage: StatedUsage,
    /// `Provider` where any count was stated, else `None`; `Estimated` after [`Observed::estimate`].
    pub usage_source: UsageSource,
    /// The model that the response named.
    pub response_model: Option<String>,
    /// Why the model stopped, in the provider's own word. Where there are several choices, the last one's.
    pub finish_reason: Option<String>,
    /// The response says that it failed: an error status, or an error inside a successful one.
    pub is_error: bool,
    /// See [`Surface::response_type`].
    pub response_type: &'static str,
    /// Whether the end of the answer was marked: `[DONE]`, `message_stop`, the last bracket of a JSON body, …
    pub saw_terminal: bool,
    /// How the body ended.
    pub end: BodyEnd,
    /// What else is worth counting.
    pub flags: ObservedFlags,
    pub(super) surface: Surface,
    /// `None` where nobody waited for an answer.
    pub(super) status: Option<u16>,
    pub(super) answered: bool,
    /// It is a stream, and content came in it.
    pub(super) streamed_content: bool,
    /// It is neither JSON nor an event stream, or encoded as we cannot read.
    pub(super) is_foreign: bool,
    pub(super) billed_otherwise: bool,
    /// What was stated of an answer before it had all come, and did not come to its end: of the prompt it says all, of the completion nothing. Then
    /// `usage` has nothing, and the completion is estimated.
    pub(super) stated_early: Option<StatedUsage>,
    pub(super) text: ResponseText,
}

/// Things that an operator wants to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ObservedFlags {
    /// A frame or member was too large to be kept; it was passed on and only scanned.
    pub oversized_frame: bool,
    /// The encoded body was beyond a limit or damaged, so it could not be read to its end.
    pub undecodable: bool,
    /// The content encoding is none that we know.
    pub unknown_encoding: bool,
    /// The usage chunk that we asked for could not be withheld, because the body was encoded.
    pub usage_not_withheld: bool,
    /// More came after the end marker than is held back; it was let go.
    pub held_overflow: bool,
    /// A body or frame that should have been JSON was not.
    pub malformed: bool,
    /// The provider stated cache writes in a format that counts them as plain input; see
    /// [`crate::usage::extract`].
    pub cache_write_as_input: bool,
}

impl Observed {
    /// Of a request that its upstream has whole and whose answer nobody waited for: the prompt is all that can be counted.
    pub(crate) fn unanswered(surface: Surface, is_stream: bool) -> Self {
        let response_type = surface.response_type(is_stream);
        let unread = Self::unknown(surface, 0);
        Self { status: None, end: BodyEnd::Abandoned, is_foreign: false, response_type, ..unread }
    }

    /// Of a response that could not be read at all.
    pub(super) fn unknown(surface: Surface, status: u16) -> Self {
        Self {
            usage: StatedUsage::default(),
            usage_source: UsageSource::None,
            response_model: None,
            finish_reason: None,
            is_error: false,
            response_type: surface.response_type(false),
            saw_terminal: false,
            end: BodyEnd::Complete,
            flags: ObservedFlags::default(),
            surface,
            status: Some(status),
            answered: false,
            streamed_content: false,
            is_foreign: true,
            billed_otherwise: false,
            stated_early: None,
            text: ResponseText::default(),
        }
    }

    /// Takes what was stated early for what may be estimated of this, if anything may.
    pub(super) fn with_early_usage(mut self) -> Self {
        let stated = std::mem::take(&mut self.usage);
        let source = std::mem::replace(&mut self.usage_source, UsageSource::None);
        if source == UsageSource::Provider && self.wants_estimate() {
            self.stated_early = Some(stated);
        } else {
            (self.usage, self.usage_source) = (stated, source);
        }
        self
    }

    /// Nothing of it is to be estimated: what was stated early is all that there is.
    pub(crate) fn keep_early_usage(&mut self) {
        if let Some(stated) = self.stated_early.take() {
            (self.usage, self.usage_source) = (stated, UsageSource::Provider);
        }
    }
}
