//! The frames of one event stream: found, and read where they are candidates.

use super::Mark;
use super::candidates::is_candidate;
use crate::usage::capsule::{CapsuleReader, Found};
use crate::usage::extract::{Extraction, Meaning};
use crate::usage::sse::{DataStripper, Frame, Splitter};

/// The largest frame that is put together from several chunks. Frames of text are under 1 KiB and the last one
/// of a response, which repeats all of it, seldom over 100. Larger ones (images in base64) are let go as they
/// come and scanned without being kept.
pub(crate) const FRAME_LIMIT: usize = 256 * 1024;

/// The frames of one stream.
pub(super) struct SseFrames {
    splitter: Splitter,
    /// The frame that has not ended yet, as far as it came in earlier chunks.
    partial: Vec<u8>,
    oversized: Option<Box<Oversized>>,
}

/// It never shows what it holds.
impl std::fmt::Debug for SseFrames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SseFrames").field("partial", &self.partial.len()).finish_non_exhaustive()
    }
}

/// A frame over the limit, read as it passes.
#[derive(Default)]
struct Oversized {
    stripper: DataStripper,
    capsules: CapsuleReader,
    found: bool,
    broken: bool,
}

impl SseFrames {
    /// Begins a stream of which `earlier`, a few bytes without a line end, has come already.
    pub(super) fn resume(earlier: &[u8]) -> Self {
        let mut splitter = Splitter::default();
        splitter.next_end(earlier, 0);
        Self { splitter, partial: earlier.to_vec(), oversized: None }
    }

    pub(super) const fn is_oversized(&self) -> bool {
        self.oversized.is_some()
    }

    pub(super) fn rest_of_line_end(&mut self, chunk: &[u8]) -> usize {
        // In the middle of a frame the splitter itself takes the LF.
        if self.partial.is_empty() && self.oversized.is_none() {
            self.splitter.rest_of_line_end(chunk)
        } else {
            0
        }
    }

    /// The next frame that ends in the chunk. `thorough`: look into every frame, not only into candidates.
    pub(super) fn next(
        &mut self,
        extraction: &mut Extraction,
        thorough: bool,
        chunk: &[u8],
        at: &mut usize,
    ) -> Option<Mark> {
        let from = *at;
        let Some(end) = self.splitter.next_end(chunk, from) else {
            *at = chunk.len();
            self.keep(extraction, &chunk[from..]);
            return None;
        };
        *at = end;
        let here = &chunk[from..end];
        let meaning = if let Some(mut oversized) = self.oversized.take() {
            oversized.feed(here);
            oversized.meaning(extraction)
        } else if self.partial.is_empty() {
            look(extraction, thorough, here)
        } else {
            self.partial.extend_from_slice(here);
            let meaning = look(extraction, thorough, &self.partial);
            self.partial.clear();
            meaning
        };
        Some(Mark { position: end, meaning })
    }

    /// Reads a last frame that has no blank line after it. Many servers leave it out.
    pub(super) fn finish(&mut self, extraction: &mut Extraction) -> Option<Meaning> {
        if let Some(oversized) = self.oversized.take() {
            return Some(oversized.meaning(extraction));
        }
        let partial = std::mem::take(&mut self.partial);
        let frame = Frame::parse(&partial);
        let data = frame.data?;
        // One that was cut off inside is not malformed.
        let whole =
            data.trim_ascii() == b"[DONE]" || serde_json::from_slice::<serde::de::IgnoredAny>(&data).is_ok();
        whole.then(|| Meaning { data: true, ..extraction.document(frame.event, &data) })
    }

    fn keep(&mut self, extraction: &mut Extraction, tail: &[u8]) {
        if let Some(oversized) = &mut self.oversized {
            oversized.feed(tail);
        } else if self.partial.len() + tail.len() <= FRAME_LIMIT {
            self.partial.extend_from_slice(tail);
        } else {
            extraction.flags.oversized_frame = true;
            let mut oversized = Box::<Oversized>::default();
            oversized.feed(&self.partial);
            oversized.feed(tail);
            self.partial = Vec::new();
            self.oversized = Some(oversized);
        }
    }
}

fn look(extraction: &mut Extraction, thorough: bool, raw: &[u8]) -> Meaning {
    if !thorough && !is_candidate(extraction.surface(), raw) {
        let is_empty = matches!(raw.first(), None | Some(b':' | b'\n' | b'\r'));
        return Meaning { unread: !is_empty, ..Meaning::default() };
    }
    let frame = Frame::parse(raw);
    match frame.data {
        Some(data) if !data.is_empty() => Meaning { data: true, ..extraction.document(frame.event, &data) },
        _ => Meaning::default(),
    }
}

impl Oversized {
    fn feed(&mut self, raw: &[u8]) {
        let Self { stripper, capsules, found, broken } = self;
        stripper.feed(raw, |data| {
            let mut at = 0;
            while !*broken && !*found {
                match capsules.feed(data, &mut at) {
                    Ok(Some(Found::Document(_))) => *found = true,
                    Ok(Some(Found::SeriesEnd(_))) => {}
                    Ok(None) => break,
                    Err(_) => *broken = true,
                }
            }
        });
    }

    fn meaning(mut self: Box<Self>, extraction: &mut Extraction) -> Meaning {
        let capsule = if self.found { Some(self.capsules.capsule()) } else { self.capsules.unfinished() };
        // A very long comment says nothing.
        if !self.stripper.has_data {
            return Meaning::default();
        }
        extraction.is_error |= self.stripper.is_error_event;
        let meaning = capsule.map(|capsule| extraction.document(None, capsule)).unwrap_or_default();
        // What makes a frame so large is content, which the capsule leaves out.
        Meaning { data: true, content: !extraction.is_error, ..meaning }
    }
}
