//! Which frames are worth parsing. Nearly all frames of a stream carry a few characters of content and nothing
//! that we need.
//!
//! A frame is a candidate where one of its surface's needles occurs with a value other than `null`. A needle
//! inside of content cannot be mistaken for a key: there its quotes are escaped. A false candidate costs a
//! parse; there is no false dismissal, because every fact we read has its key among the needles.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::wire::{Family, Surface};

/// Frames up to this long are always parsed: `data: [DONE]`, pings, and other small ones for which a search is
/// no cheaper.
const SHORT: usize = 40;

static USAGE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"usage\""));
static USAGE_METADATA: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"usage"));
static FINISH_REASON: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"finish_reason\""));
static FINISH: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"finish"));
static FEEDBACK: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"promptFeedback\""));
static ERROR: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"error\""));
static RESPONSE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"response\""));
static TOKEN: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"oken"));
static COUNT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"_count\""));
static MESSAGE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"message_"));

/// Whether a whole frame may say something that we need.
pub(super) fn is_candidate(surface: Surface, frame: &[u8]) -> bool {
    if frame.len() <= SHORT || is_error_event(frame) || states(&ERROR, frame) {
        return true;
    }
    if surface == Surface::PassThrough {
        // It may be any format, also one of which we know only the counts.
        return [&USAGE_METADATA, &TOKEN, &COUNT, &FINISH, &RESPONSE, &FEEDBACK, &MESSAGE]
            .iter()
            .any(|needle| needle.find(frame).is_some());
    }
    match surface.family() {
        Family::Anthropic => states(&USAGE, frame) || MESSAGE.find(frame).is_some(),
        Family::Gemini => {
            USAGE_METADATA.find(frame).is_some()
                || FINISH.find(frame).is_some()
                || FEEDBACK.find(frame).is_some()
        }
        Family::OpenAi => {
            states(&USAGE, frame)
                || states(&FINISH_REASON, frame)
                || (surface == Surface::Responses && states(&RESPONSE, frame))
        }
    }
}

fn is_error_event(frame: &[u8]) -> bool {
    frame
        .strip_prefix(b"event:")
        .is_some_and(|rest| rest.strip_prefix(b" ").unwrap_or(rest).starts_with(b"error"))
}

/// Whether a key occurs with a value other than null.
fn states(key: &Finder<'_>, frame: &[u8]) -> bool {
    key.find_iter(frame).any(|found| {
        let after = frame[found + key.needle().len()..].trim_ascii_start();
        let Some(value) = after.strip_prefix(b":") else { return true };
        !value.trim_ascii_start().starts_with(b"null")
    })
}
