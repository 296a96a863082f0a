//! How an answer goes over the wire: encoded, cut into writes, delayed, broken off; and what of it the client took.

use std::{
    collections::VecDeque,
    future::Future,
    io::{self, Write},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame as BodyFrame, SizeHint};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::Sleep;

use super::{
    books::OpenEntry,
    script::{Encoding, Script, Split},
    wire::Frame,
};

/// One write, after a pause.
#[derive(Debug, Clone)]
struct Piece {
    bytes: Bytes,
    pause: Duration,
}

/// How the body ends once its pieces are out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// As it should.
    Whole,
    /// The connection breaks.
    Cut,
    /// Nothing more, for ever.
    Stall,
}

/// The body of a scripted answer. It keeps its entry in the books up to date while it is sent.
#[derive(Debug)]
pub(crate) struct ScriptedBody {
    pieces: VecDeque<Piece>,
    /// How many more pieces are sent again after those that are there.
    repeated: usize,
    ending: Ending,
    /// For `Content-Length`; `None` for a stream.
    length: Option<u64>,
    /// The usage is out when this many bytes are.
    usage_ends_at: Option<u64>,
    sent: u64,
    pause: Option<Pin<Box<Sleep>>>,
    /// After each piece the connection is given the chance to write it by itself.
    rest: bool,
    entry: OpenEntry,
}

impl ScriptedBody {
    pub(crate) fn new(frames: &[Frame], script: &Script, is_stream: bool, entry: OpenEntry) -> Self {
        let kept = script.stall.unwrap_or(frames.len()).min(frames.len());
        let encoded = encode(&frames[..kept], script.encoding);
        let usage_ends_at = usage_end(&frames[..kept], &encoded);
        let whole: usize = encoded.iter().map(Vec::len).sum();
        let mut pieces = split(encoded, script);
        let mut ending = if script.stall.is_some() { Ending::Stall } else { Ending::Whole };
        if let Some(cut) = script.cut
            && cut < whole
        {
            cut_off(&mut pieces, cut);
            ending = Ending::Cut;
        }
        let repeated = pieces.len() * (script.repeat - 1);
        let length =
            (!is_stream && ending != Ending::Stall).then(|| u64::try_from(whole * script.repeat).unwrap());
        Self { pieces, repeated, ending, length, usage_ends_at, sent: 0, pause: None, rest: false, entry }
    }
}

impl Body for ScriptedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<BodyFrame<Bytes>, io::Error>>> {
        if std::mem::take(&mut self.rest) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(pause) = &mut self.pause {
            if pause.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.pause = None;
        } else if let Some(piece) = self.pieces.front()
            && !piece.pause.is_zero()
        {
            self.pause = Some(Box::pin(tokio::time::sleep(piece.pause)));
            return self.poll_frame(context);
        }
        let Some(piece) = self.pieces.pop_front() else {
            return match self.ending {
                Ending::Stall => Poll::Pending,
                Ending::Cut => Poll::Ready(Some(Err(io::Error::other("the script cuts the body here")))),
                Ending::Whole => {
                    self.entry.update(|entry| entry.body_complete = true);
                    Poll::Ready(None)
                }
            };
        };
        if self.repeated > 0 {
            self.repeated -= 1;
            self.pieces.push_back(piece.clone());
        }
        self.rest = true;
        self.sent += u64::try_from(piece.bytes.len()).unwrap();
        let (sent, usage_sent) = (self.sent, self.usage_ends_at.is_some_and(|end| self.sent >= end));
        // With a Content-Length nobody polls for the end: the last piece is it.
        let is_complete = self.ending == Ending::Whole && self.pieces.is_empty();
        self.entry.update(|entry| {
            entry.bytes_sent = sent;
            entry.usage_sent = usage_sent;
            entry.body_complete = is_complete;
        });
        Poll::Ready(Some(Ok(BodyFrame::data(piece.bytes))))
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, |length| SizeHint::with_exact(length - self.sent))
    }
}

/// Where the usage is complete, in encoded bytes.
fn usage_end(frames: &[Frame], encoded: &[Vec<u8>]) -> Option<u64> {
    let last = frames.iter().rposition(|frame| frame.has_usage)?;
    let end: usize = encoded[..=last].iter().map(Vec::len).sum();
    Some(u64::try_from(end).unwrap())
}

/// Each frame encoded and flushed by itself, so that a client can decode it when it has it; the end belongs to the last.
fn encode(frames: &[Frame], encoding: Option<Encoding>) -> Vec<Vec<u8>> {
    let plain = || frames.iter().map(|frame| frame.bytes.clone()).collect();
    match encoding {
        None => plain(),
        Some(Encoding::Gzip) => {
            let encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            drain(frames, encoder, flate2::write::GzEncoder::get_mut, |encoder| encoder.finish().unwrap())
        }
        Some(Encoding::Deflate) => {
            let encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
            drain(frames, encoder, flate2::write::ZlibEncoder::get_mut, |encoder| encoder.finish().unwrap())
        }
        Some(Encoding::Br) => {
            let encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 4, 20);
            drain(frames, encoder, brotli::CompressorWriter::get_mut, brotli::CompressorWriter::into_inner)
        }
        Some(Encoding::Zstd) => {
            let encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
            drain(frames, encoder, zstd::stream::write::Encoder::get_mut, |encoder| encoder.finish().unwrap())
        }
    }
}

fn drain<E: Write>(
    frames: &[Frame],
    mut encoder: E,
    written: impl Fn(&mut E) -> &mut Vec<u8>,
    finish: impl FnOnce(E) -> Vec<u8>,
) -> Vec<Vec<u8>> {
    let mut encoded: Vec<Vec<u8>> = Vec::new();
    for frame in frames {
        encoder.write_all(&frame.bytes).unwrap();
        encoder.flush().unwrap();
        encoded.push(std::mem::take(written(&mut encoder)));
    }
    let end = finish(encoder);
    match encoded.last_mut() {
        Some(last) => last.extend(end),
        None => encoded.push(end),
    }
    encoded
}

/// Cuts the body into writes. Those of a given size fall anywhere, across frames too.
fn split(frames: Vec<Vec<u8>>, script: &Script) -> VecDeque<Piece> {
    let pause = script.frame_delay;
    match script.split {
        Split::Frames => frames.into_iter().map(|frame| Piece { bytes: frame.into(), pause }).collect(),
        Split::Bytes(size) => in_sizes(frames.concat().into(), pause, || size),
        Split::Random(seed) => {
            let mut random = StdRng::seed_from_u64(seed);
            in_sizes(frames.concat().into(), pause, || random.random_range(1..=64))
        }
    }
}

fn in_sizes(mut rest: Bytes, pause: Duration, mut size: impl FnMut() -> usize) -> VecDeque<Piece> {
    let mut pieces = VecDeque::new();
    while !rest.is_empty() {
        let bytes = rest.split_to(size().min(rest.len()));
        pieces.push_back(Piece { bytes, pause });
    }
    pieces
}

/// Keeps the first `length` bytes.
fn cut_off(pieces: &mut VecDeque<Piece>, mut length: usize) {
    pieces.retain_mut(|piece| {
        piece.bytes.truncate(length);
        length -= piece.bytes.len();
        !piece.bytes.is_empty()
    });
}
