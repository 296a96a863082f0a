//! Encoded responses: gzip, brotli, zstd, deflate with and without its wrapper.
//!
//! - An encoded body says the same as the plain one, however it is cut, and passes as it came.
//! - Damaged, cut off, followed by something else, or no such encoding at all: it passes as it came, and nothing panics.
//! - What is decoded is bounded by the bytes that were read, also where a few bytes stand for very many.
//!
//! Options: surface, status, end, encoding, what is done to it, fill, cut, cut.

use std::borrow::Cow;
use std::io::{self, Write};

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use crate::input::{Input, Random};
use crate::tapping::{head, tap};
use crate::usage::decode::{ContentEncoding, DECODED_LIMIT, Decoder, RATIO_LIMIT};
use crate::usage::tap::ResponseHead;

/// What may be decoded whatever the ratio: the decoder's own bound, which is private to it.
const RATIO_GRACE: u64 = 1024 * 1024;
/// How much a bomb says, all of it blanks.
const BOMB_BYTES: usize = 1280 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Gzip,
    TwoGzipMembers,
    Zlib,
    Deflate,
    Brotli,
    Zstd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Harm {
    None,
    /// The body is what the input says: nearly never well-formed.
    Raw,
    Flipped,
    Cut,
    Followed,
    Bomb,
}

pub(crate) fn run(input: &[u8]) {
    let input = Input::new(input);
    let encoding = input.choose(
        3,
        &[
            Encoding::Gzip,
            Encoding::Zlib,
            Encoding::Deflate,
            Encoding::Brotli,
            Encoding::Zstd,
            Encoding::TwoGzipMembers,
        ],
    );
    let harm = input.choose(
        4,
        &[Harm::None, Harm::Raw, Harm::Flipped, Harm::Cut, Harm::Followed, Harm::None, Harm::Bomb],
    );
    let plain = if harm == Harm::Bomb {
        Cow::Owned([b"[", vec![b' '; BOMB_BYTES].as_slice()].concat())
    } else {
        input.filled(5)
    };
    let is_document = matches!(plain.first(), Some(b'{' | b'['));
    let content_type = if is_document { "application/json" } else { "text/event-stream" };
    let (surface, head, end) = head(&input, Some(content_type));
    let head = ResponseHead { content_encoding: Some(encoding.header()), ..head };

    let mut body = if harm == Harm::Raw { plain.to_vec() } else { encoding.encode(&plain) };
    let mut random = Random(input.option(6, 256) as u64 * 256 + input.option(7, 256) as u64);
    match harm {
        Harm::None | Harm::Raw | Harm::Bomb => {}
        Harm::Flipped => {
            let at = random.below(body.len());
            body[at] ^= 1 << random.below(8);
        }
        Harm::Cut => body.truncate(random.below(body.len())),
        Harm::Followed => body.extend_from_slice(b"\0\0data: {\"usage\":{\"prompt_tokens\":1}}\n\n"),
    }
    check_bound(encoding, &body);

    let whole = tap(surface, head, end, &[&body]);
    assert!(whole.out == *body, "bytes out are bytes in");
    if harm == Harm::None {
        let identity = tap(surface, ResponseHead { content_encoding: None, ..head }, end, &[&plain]);
        assert!(!whole.observed.flags.undecodable, "what was encoded cannot be decoded");
        assert_eq!(whole.facts(), identity.facts());
    }
    for chunks in input.ways(&body) {
        let cut = tap(surface, head, end, &chunks);
        assert!(cut.out == *body, "bytes out are bytes in");
        if harm == Harm::None {
            assert!(!cut.observed.flags.undecodable, "what was encoded cannot be decoded");
            assert_eq!(cut.facts(), whole.facts());
        }
    }
}

impl Encoding {
    const fn header(self) -> &'static str {
        match self {
            Self::Gzip | Self::TwoGzipMembers => "gzip",
            Self::Zlib | Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    fn encode(self, plain: &[u8]) -> Vec<u8> {
        let written =
            |mut encoder: GzEncoder<Vec<u8>>, plain| encoder.write_all(plain).and_then(|()| encoder.finish());
        let gzip = |plain| written(GzEncoder::new(Vec::new(), Compression::fast()), plain);
        let encoded = match self {
            Self::Gzip => gzip(plain),
            Self::TwoGzipMembers => {
                let (first, second) = plain.split_at(plain.len() / 2);
                gzip(first).and_then(|first| Ok([first, gzip(second)?].concat()))
            }
            Self::Zlib => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(plain).and_then(|()| encoder.finish())
            }
            Self::Deflate => {
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(plain).and_then(|()| encoder.finish())
            }
            Self::Brotli => {
                let mut encoded = Vec::new();
                let mut encoder = brotli::CompressorWriter::new(&mut encoded, 4096, 1, 16);
                encoder.write_all(plain).map(|()| drop(encoder)).map(|()| encoded)
            }
            Self::Zstd => zstd::stream::encode_all(plain, 1),
        };
        encoded.unwrap()
    }
}

/// Counts what is decoded.
struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, decoded: &[u8]) -> io::Result<usize> {
        self.0 += decoded.len() as u64;
        Ok(decoded.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn check_bound(encoding: Encoding, body: &[u8]) {
    let Ok(mut decoder) = Decoder::new(ContentEncoding::parse(Some(encoding.header())), Counter(0)) else {
        panic!("an encoding that is not decoded")
    };
    for (number, chunk) in body.chunks(512).enumerate() {
        let read = (number * 512 + chunk.len()) as u64;
        let decoded = decoder.push(chunk);
        let bound = DECODED_LIMIT.min(read.saturating_mul(RATIO_LIMIT).max(RATIO_GRACE));
        let counted = decoder.sink().map_or(0, |counter| counter.0);
        assert!(counted <= bound, "{counted} bytes of {read}");
        if decoded.is_err() {
            break;
        }
    }
}
