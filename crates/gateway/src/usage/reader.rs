//! Reads a decoded response body, whatever it is: event stream, JSON, or nothing we understand.
//!
//! The reader sees bytes in order and reports marks: where a frame or document ended, and what it meant. Who
//! drives it decides what flows. Ordinary frames of content cost a few substring searches and no parse, no copy
//! and no allocation, unless they straddle two chunks.

use std::io::{self, Write};

use super::capsule::{CapsuleReader, Found};
use super::estimate::ResponseText;
use super::extract::{End, Extraction, Meaning};
#[cfg(test)]
pub(super) use sse_frames::FRAME_LIMIT;
use sse_frames::SseFrames;

mod candidates;
mod sse_frames;

/// A place in the chunk where something ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// For SSE just after the frame; for JSON the closing bracket.
    pub(super) position: usize,
    pub(super) meaning: Meaning,
}

#[derive(Debug)]
enum Format {
    /// Only white space, or too little, has come so far.
    Undecided {
        event_stream: bool,
        /// The first bytes that are not blank.
        start: Vec<u8>,
        /// The beginning of the line that has not ended yet, blanks and mark included.
        line: Vec<u8>,
    },
    EventStream(SseFrames),
    Json {
        capsules: Box<CapsuleReader>,
        documents: u32,
        broken: bool,
    },
    Opaque,
}

/// What kind of body it turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Undecided,
    EventStream,
    Json,
    Opaque,
}

/// Reads one body and collects its facts.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) extraction: Extraction,
    format: Format,
    text: Option<ResponseText>,
    /// Whether an end marker was seen.
    pub(super) end: End,
    pub(super) content_seen: bool,
    /// More of the answer has come since usage was last stated.
    pub(super) more_since_usage: bool,
}

impl Reader {
    /// `event_stream` is what the content type says; the first byte may still say otherwise. `keep_text` asks
    /// for the text an estimate needs.
    pub(super) fn new(extraction: Extraction, event_stream: bool, keep_text: bool) -> Self {
        Self {
            extraction,
            format: Format::Undecided { event_stream, start: Vec::new(), line: Vec::new() },
            text: keep_text.then(ResponseText::default),
            end: End::No,
            content_seen: false,
            more_since_usage: false,
        }
    }

    /// Of a body whose encoding is not known: nothing is read, all of it flows.
    pub(super) fn opaque(extraction: Extraction) -> Self {
        Self { format: Format::Opaque, ..Self::new(extraction, false, false) }
    }

    pub(super) const fn kind(&self) -> Kind {
        match self.format {
            Format::Undecided { .. } => Kind::Undecided,
            Format::EventStream(_) => Kind::EventStream,
            Format::Json { .. } => Kind::Json,
            Format::Opaque => Kind::Opaque,
        }
    }

    /// Whether it is an event stream, or says so and nothing has come yet.
    pub(super) const fn is_event_stream(&self) -> bool {
        matches!(self.format, Format::EventStream(_) | Format::Undecided { event_stream: true, .. })
    }

    /// Whether the frame that has not ended yet is too large to be held.
    pub(super) const fn in_oversized_frame(&self) -> bool {
        match &self.format {
            Format::EventStream(frames) => frames.is_oversized(),
            _ => false,
        }
    }

    /// More than one top-level document came: a stream of them, whose end is nothing but the body's.
    pub(super) const fn is_document_stream(&self) -> bool {
        matches!(self.format, Format::Json { documents: 2.., .. })
    }

    /// Call before anything else with each new chunk. Returns how many of its first bytes belong to the frame
    /// before (0 or 1).
    pub(super) fn begin(&mut self, chunk: &[u8]) -> usize {
        if let Some(text) = &mut self.text {
            text.push(chunk);
        }
        if let Format::Undecided { .. } = self.format {
            self.decide(chunk);
        }
        match &mut self.format {
            Format::EventStream(frames) => frames.rest_of_line_end(chunk),
            _ => 0,
        }
    }

    /// The next mark in the chunk from `at` on, which moves with it; `None` when the chunk is used up.
    pub(super) fn next(&mut self, chunk: &[u8], at: &mut usize) -> Option<Mark> {
        let mark = match &mut self.format {
            Format::EventStream(frames) => {
                let thorough = !self.content_seen || self.end == End::Maybe;
                frames.next(&mut self.extraction, thorough, chunk, at)
            }
            Format::Json { capsules, documents, broken: false } => match capsules.feed(chunk, at) {
                Ok(Some(Found::Document(position))) => {
                    let mut meaning = self.extraction.document(None, capsules.capsule());
                    meaning.data = true;
                    if capsules.is_complete() {
                        *documents += 1;
                        meaning.end = meaning.end.max(End::Maybe);
                    }
                    Some(Mark { position, meaning })
                }
                Ok(Some(Found::SeriesEnd(position))) => {
                    Some(Mark { position, meaning: Meaning { end: End::Yes, ..Meaning::default() } })
                }
                Ok(None) => None,
                Err(_) => {
                    self.extraction.flags.malformed = true;
                    let documents = *documents;
                    self.format = Format::Json { capsules: Box::default(), documents, broken: true };
                    None
                }
            },
            _ => None,
        };
        if let Some(mark) = &mark {
            self.learn(mark.meaning);
        }
        mark
    }

    /// The body has ended: reads what was left of an unfinished frame or document. `None` where there was
    /// nothing in it.
    pub(super) fn finish(&mut self) -> Option<Meaning> {
        let meaning = match &mut self.format {
            Format::EventStream(frames) => frames.finish(&mut self.extraction),
            Format::Json { capsules, broken: false, .. } if !capsules.is_complete() => {
                let meaning = capsules.unfinished().map(|capsule| self.extraction.document(None, capsule));
                self.extraction.flags.oversized_frame |= capsules.left_out;
                meaning
            }
            _ => None,
        }?;
        self.learn(meaning);
        Some(meaning)
    }

    fn learn(&mut self, meaning: Meaning) {
        self.end = self.end.max(meaning.end);
        self.content_seen |= meaning.content;
        if meaning.usage {
            self.more_since_usage = false;
        } else if meaning.content || meaning.unread {
            self.more_since_usage = true;
        }
    }

    /// The text for an estimate, and whether it is that of an event stream.
    pub(super) fn take_text(&mut self) -> ResponseText {
        let mut text = self.text.take().unwrap_or_default();
        text.is_event_stream = self.kind() == Kind::EventStream;
        text
    }

    fn decide(&mut self, chunk: &[u8]) {
        let Format::Undecided { event_stream, start, line } = &mut self.format else { return };
        for &byte in chunk {
            if start.len() < LONGEST_SIGN && !(start.is_empty() && is_blank(byte)) {
                start.push(byte);
            }
            // Says nothing, and some servers write it before everything.
            if start == BYTE_ORDER_MARK {
                start.clear();
            }
        }
        let signs: [&[u8]; 5] = [b":", b"data:", b"event:", b"id:", b"retry:"];
        let is_sign = signs.iter().any(|sign| start.starts_with(sign));
        let may_be_sign = signs.iter().any(|sign| sign.starts_with(start));
        let decided = match start.first() {
            None => None,
            // What follows the mark decides.
            Some(_) if BYTE_ORDER_MARK.starts_with(start) => None,
            Some(b'{' | b'[') => Some(Format::Json { capsules: Box::default(), documents: 0, broken: false }),
            Some(_) if *event_stream || is_sign => Some(Format::EventStream(SseFrames::resume(line))),
            Some(_) if may_be_sign => None,
            Some(_) => Some(Format::Opaque),
        };
        if let Some(format) = decided {
            self.format = format;
            return;
        }
        let from = chunk.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')).map_or(0, |end| end + 1);
        if from > 0 {
            line.clear();
        }
        let room = LINE_LIMIT.saturating_sub(line.len()).min(chunk.len() - from);
        line.extend_from_slice(&chunk[from..from + room]);
    }
}

/// What JSON takes for white space.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// U+FEFF in UTF-8.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The longest beginning that tells an event stream from something else: `event:`, `retry:`.
const LONGEST_SIGN: usize = 6;
/// As much is kept of a line before it is known what it is. One that is longer begins with blanks, and is no field of an event.
const LINE_LIMIT: usize = 16;

/// As the sink of a decoder the reader only collects facts; positions in decoded bytes say nothing about the
/// encoded ones.
impl Write for Reader {
    fn write(&mut self, decoded: &[u8]) -> io::Result<usize> {
        let mut at = self.begin(decoded);
        while self.next(decoded, &mut at).is_some() {}
        Ok(decoded.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
