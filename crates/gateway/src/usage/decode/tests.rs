//! Decoding, as claims.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::{ContentEncoding, DECODED_LIMIT, Decoder, RATIO_LIMIT};

fn encode(name: &str, plain: &[u8]) -> Vec<u8> {
    match name {
        "gzip" => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        "zlib" => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        "bare" => {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        "br" => {
            let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
            encoder.write_all(plain).unwrap();
            encoder.into_inner()
        }
        _ => zstd::stream::encode_all(plain, 3).unwrap(),
    }
}

fn header(name: &str) -> &str {
    if matches!(name, "zlib" | "bare") { "deflate" } else { name }
}

fn decode(name: &str, encoded: &[u8], size: usize) -> std::io::Result<Vec<u8>> {
    let encoding = ContentEncoding::parse(Some(header(name)));
    let mut decoder = Decoder::new(encoding, Vec::new()).unwrap();
    for chunk in encoded.chunks(size) {
        decoder.push(chunk)?;
    }
    Ok(decoder.sink().unwrap().clone())
}

const NAMES: [&str; 5] = ["gzip", "zlib", "bare", "br", "zstd"];

#[test]
fn every_encoding_decodes_in_any_chunks() {
    let plain: Vec<u8> =
        (0..20_000_u32).flat_map(|n| format!("data: {{\"n\":{n}}}\n\n").into_bytes()).collect();
    for name in NAMES {
        let encoded = encode(name, &plain);
        for size in [1, 2, 1000, usize::MAX] {
            assert!(decode(name, &encoded, size).unwrap() == plain, "{name} in chunks of {size}");
        }
    }
}

#[test]
fn what_a_server_flushed_is_seen_at_once() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let mut decoder = Decoder::new(ContentEncoding::Gzip, Vec::new()).unwrap();
    for frame in ["data: one\n\n", "data: two\n\n"] {
        encoder.write_all(frame.as_bytes()).unwrap();
        encoder.flush().unwrap();
        decoder.push(&std::mem::take(encoder.get_mut())).unwrap();
        assert!(decoder.sink().unwrap().ends_with(frame.as_bytes()));
    }
}

#[test]
fn a_bomb_is_given_up_early() {
    struct Counter(u64);
    impl std::io::Write for Counter {
        fn write(&mut self, decoded: &[u8]) -> std::io::Result<usize> {
            self.0 += decoded.len() as u64;
            Ok(decoded.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    for name in NAMES {
        let encoded = encode(name, &vec![b' '; 32 * 1024 * 1024]);
        let encoding = ContentEncoding::parse(Some(header(name)));
        let Ok(mut decoder) = Decoder::new(encoding, Counter(0)) else { panic!("{name}") };
        assert!(decoder.push(&encoded).is_err(), "{name}");
        let seen = decoder.sink().unwrap().0;
        let allowed = (encoded.len() as u64 * RATIO_LIMIT).max(1024 * 1024);
        assert!(seen <= allowed.min(DECODED_LIMIT), "{name}: {seen} of {allowed}");
    }
}

#[test]
fn damaged_data_is_an_error_and_a_cut_is_none() {
    for name in NAMES {
        let mut encoded =
            encode(name, &b"some text that is long enough to be damaged, twice over".repeat(50));
        let half = encoded.len() / 2;
        assert!(decode(name, &encoded[..half], 10).is_ok(), "{name}");
        encoded[..4].copy_from_slice(&[0x9f, 0xff, 0xff, 0xff]);
        assert!(decode(name, &encoded, 10).is_err(), "{name}");
    }
}

#[test]
fn padding_after_the_end_is_harmless() {
    for name in ["gzip", "zlib", "bare", "br"] {
        let mut encoded = encode(name, b"text");
        encoded.extend_from_slice(&[0; 10]);
        let mut decoder = Decoder::new(ContentEncoding::parse(Some(header(name))), Vec::new()).unwrap();
        // Whether it is called an error is the codec's affair; what was decoded stays.
        drop(decoder.push(&encoded));
        assert_eq!(decoder.sink().unwrap(), b"text", "{name}");
    }
}

#[test]
fn the_header_is_read_leniently() {
    for (header, expected) in [
        (None, ContentEncoding::Identity),
        (Some(""), ContentEncoding::Identity),
        (Some("identity"), ContentEncoding::Identity),
        (Some(" GZip "), ContentEncoding::Gzip),
        (Some("x-gzip"), ContentEncoding::Gzip),
        (Some("identity, br"), ContentEncoding::Brotli),
        (Some("zstd"), ContentEncoding::Zstd),
        (Some("deflate"), ContentEncoding::Deflate),
        (Some("gzip, br"), ContentEncoding::Unknown),
        (Some("compress"), ContentEncoding::Unknown),
    ] {
        assert_eq!(ContentEncoding::parse(header), expected, "{header:?}");
    }
}
