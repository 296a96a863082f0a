//! Undoing a content encoding for reading only: the client gets the original bytes, the reader gets what they
//! mean.
//!
//! Bounded in memory (output is handed on as it comes, windows are capped) and in work (the limits below).
//! Beyond a limit, or where the data is damaged, decoding ends for good: usage is then unknown and flagged, and
//! the bytes flow on.

use std::io::{self, Write};

use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// The most that one response may decode to. The largest honest ones, embeddings as JSON floats, are some tens
/// of megabytes.
pub const DECODED_LIMIT: u64 = 256 * 1024 * 1024;
/// How many times larger than its encoding a response may be. Text packs 3 to 10 times, the frames of a stream
/// up to 60.
pub const RATIO_LIMIT: u64 = 200;
/// What may be decoded before the ratio counts: a short answer can be mostly repetition.
const RATIO_GRACE: u64 = 1024 * 1024;
/// The largest zstd window, as a power of two: 8 MiB, what RFC 8878 asks every decoder to support and browsers
/// allow.
const ZSTD_WINDOW_LOG: u32 = 23;
/// Brotli's output buffer.
const BROTLI_BUFFER: usize = 16 * 1024;

/// What a `Content-Encoding` header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentEncoding {
    /// Not encoded.
    Identity,
    /// `gzip`, `x-gzip`.
    Gzip,
    /// `br`.
    Brotli,
    /// `zstd`.
    Zstd,
    /// `deflate`: zlib as the standard says, or the bare stream that some servers send.
    Deflate,
    /// Anything else, several encodings on top of each other included.
    Unknown,
}

impl ContentEncoding {
    /// Reads the header's value; none is [`ContentEncoding::Identity`].
    pub fn parse(header: Option<&str>) -> Self {
        let Some(header) = header else { return Self::Identity };
        let mut encodings = header
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"));
        let (Some(name), rest) = (encodings.next(), encodings.next()) else { return Self::Identity };
        if rest.is_some() {
            return Self::Unknown;
        }
        match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Self::Gzip,
            "br" => Self::Brotli,
            "zstd" => Self::Zstd,
            "deflate" => Self::Deflate,
            _ => Self::Unknown,
        }
    }
}

/// Decodes into `W`, which sees the decoded bytes as they come.
pub(crate) struct Decoder<W: Write>(Codec<Bounded<W>>);

enum Codec<W: Write> {
    Gzip(Box<MultiGzDecoder<W>>),
    Zlib(Box<ZlibDecoder<W>>),
    Bare(Box<DeflateDecoder<W>>),
    Brotli(Box<brotli::DecompressorWriter<W>>),
    Zstd(Box<zstd::stream::write::Decoder<'static, W>>),
    /// `deflate` before its first byte, which tells the two kinds apart.
    Sniffing(Option<W>),
}

impl<W: Write> Decoder<W> {
    /// A decoder; `Err` gives the sink back where there is nothing to decode or no way to.
    pub(crate) fn new(encoding: ContentEncoding, sink: W) -> Result<Self, W> {
        let bounded = Bounded { sink, read: 0, written: 0 };
        Ok(Self(match encoding {
            ContentEncoding::Identity | ContentEncoding::Unknown => return Err(bounded.sink),
            ContentEncoding::Gzip => Codec::Gzip(Box::new(MultiGzDecoder::new(bounded))),
            ContentEncoding::Deflate => Codec::Sniffing(Some(bounded)),
            ContentEncoding::Brotli => {
                Codec::Brotli(Box::new(brotli::DecompressorWriter::new(bounded, BROTLI_BUFFER)))
            }
            ContentEncoding::Zstd => {
                let decoder = zstd::stream::raw::Decoder::new().and_then(|mut decoder| {
                    decoder.set_parameter(zstd::stream::raw::DParameter::WindowLogMax(ZSTD_WINDOW_LOG))?;
                    Ok(decoder)
                });
                match decoder {
                    Ok(decoder) => {
                        Codec::Zstd(Box::new(zstd::stream::write::Decoder::with_decoder(bounded, decoder)))
                    }
                    Err(_) => return Err(bounded.sink),
                }
            }
        }))
    }

    /// Decodes `chunk` and hands on all that it yields. After an error the decoder is of no further use.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> io::Result<()> {
        if chunk.is_empty() {
            return Ok(());
        }
        if let Codec::Sniffing(sink) = &mut self.0
            && let Some(sink) = sink.take()
        {
            // A zlib header's first byte says method 8 and a window of at most 32 KiB. A bare stream that
            // begins so would be a stored or static block with nonsense in its padding.
            let is_zlib = chunk[0] & 0x0f == 8 && chunk[0] >> 4 <= 7;
            self.0 = if is_zlib {
                Codec::Zlib(Box::new(ZlibDecoder::new(sink)))
            } else {
                Codec::Bare(Box::new(DeflateDecoder::new(sink)))
            };
        }
        if let Some(bounded) = self.bounded() {
            bounded.read += chunk.len() as u64;
        }
        match &mut self.0 {
            Codec::Gzip(decoder) => write_through(&mut **decoder, chunk),
            Codec::Zlib(decoder) => write_through(&mut **decoder, chunk),
            Codec::Bare(decoder) => write_through(&mut **decoder, chunk),
            Codec::Brotli(decoder) => write_through(&mut **decoder, chunk),
            Codec::Zstd(decoder) => write_through(&mut **decoder, chunk),
            Codec::Sniffing(_) => Ok(()),
        }
    }

    /// What the decoded bytes go into.
    pub(crate) fn sink(&mut self) -> Option<&mut W> {
        self.bounded().map(|bounded| &mut bounded.sink)
    }

    fn bounded(&mut self) -> Option<&mut Bounded<W>> {
        match &mut self.0 {
            Codec::Gzip(decoder) => Some(decoder.get_mut()),
            Codec::Zlib(decoder) => Some(decoder.get_mut()),
            Codec::Bare(decoder) => Some(decoder.get_mut()),
            Codec::Brotli(decoder) => Some(decoder.get_mut()),
            Codec::Zstd(decoder) => Some(decoder.get_mut()),
            Codec::Sniffing(sink) => sink.as_mut(),
        }
    }
}

/// Writes all of `chunk` and flushes, so that a streamed frame is seen when it comes and not when the next one
/// does.
fn write_through(decoder: &mut impl Write, chunk: &[u8]) -> io::Result<()> {
    let mut rest = chunk;
    while !rest.is_empty() {
        match decoder.write(rest)? {
            // The encoded data has ended; what follows is padding.
            0 => break,
            count => rest = &rest[count..],
        }
    }
    decoder.flush()
}

/// Counts, and refuses what is over the limits.
struct Bounded<W> {
    sink: W,
    read: u64,
    written: u64,
}

impl<W: Write> Write for Bounded<W> {
    fn write(&mut self, decoded: &[u8]) -> io::Result<usize> {
        self.written += decoded.len() as u64;
        let by_ratio = self.read.saturating_mul(RATIO_LIMIT).max(RATIO_GRACE);
        if self.written > DECODED_LIMIT.min(by_ratio) {
            return Err(io::Error::other("the encoded body expands beyond its limit"));
        }
        self.sink.write_all(decoded)?;
        Ok(decoded.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: Write> std::fmt::Debug for Decoder<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Decoder")
    }
}

#[cfg(test)]
mod tests;
