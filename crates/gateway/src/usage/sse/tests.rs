//! The SSE splitter, as claims.

use proptest::prelude::*;

use super::{DataStripper, Frame, Splitter};
use crate::wire::json::tests::cut;

/// Splits chunks into raw frames (and what is left), as a reader does.
fn frames(chunks: &[Vec<u8>]) -> (Vec<Vec<u8>>, Vec<u8>) {
    let mut splitter = Splitter::default();
    let (mut frames, mut partial): (Vec<Vec<u8>>, Vec<u8>) = (Vec::new(), Vec::new());
    for chunk in chunks {
        let mut from = 0;
        if partial.is_empty() {
            from = splitter.rest_of_line_end(chunk);
            if let (Some(last), 1..) = (frames.last_mut(), from) {
                last.extend_from_slice(&chunk[..from]);
            }
        }
        while let Some(end) = splitter.next_end(chunk, from) {
            partial.extend_from_slice(&chunk[from..end]);
            frames.push(std::mem::take(&mut partial));
            from = end;
        }
        partial.extend_from_slice(&chunk[from..]);
    }
    (frames, partial)
}

fn whole(stream: &str) -> Vec<String> {
    let (frames, rest) = frames(&[stream.as_bytes().to_vec()]);
    assert!(rest.is_empty(), "{rest:?}");
    frames.into_iter().map(|frame| String::from_utf8(frame).unwrap()).collect()
}

fn data(raw: &str) -> Option<String> {
    Frame::parse(raw.as_bytes()).data.map(|data| String::from_utf8(data.into_owned()).unwrap())
}

#[test]
fn frames_end_with_a_blank_line_of_any_kind() {
    for end in ["\n", "\r\n", "\r"] {
        let stream = format!("data: a{end}{end}event: b{end}data:c{end}{end}{end}");
        let expected =
            [format!("data: a{end}{end}"), format!("event: b{end}data:c{end}{end}"), end.to_owned()];
        assert_eq!(whole(&stream), expected, "{end:?}");
    }
    assert_eq!(
        whole("data: a\r\n\ndata: b\n\r\ndata: c\r\r\n"),
        ["data: a\r\n\n", "data: b\n\r\n", "data: c\r\r\n"]
    );
}

#[test]
fn fields_are_read_as_the_standard_says() {
    assert_eq!(data("data: a\n\n").as_deref(), Some("a"));
    assert_eq!(data("data:a\n\n").as_deref(), Some("a"));
    assert_eq!(data("data:  a\n\n").as_deref(), Some(" a"), "only one space is taken away");
    assert_eq!(data("data\n\n").as_deref(), Some(""));
    assert_eq!(data("data: a\r\ndata: b\rdata:\ndata: c\n\n").as_deref(), Some("a\nb\n\nc"));
    assert_eq!(data(": data: a\n\n"), None);
    assert_eq!(data(": keep-alive\n\n"), None);
    assert_eq!(data("id: 1\nretry: 5\nDATA: x\n data: y\ndatas: z\n\n"), None);
    assert_eq!(data("\u{feff}data: a\n\n").as_deref(), Some("a"));
    assert_eq!(data("data: a: b\n\n").as_deref(), Some("a: b"));
    assert_eq!(Frame::parse(b"event: x\nevent:y\ndata: 1\n\n").event, Some(&b"y"[..]));
    assert_eq!(data("data: no line end").as_deref(), Some("no line end"));
}

#[test]
fn a_frame_that_ends_in_a_cr_is_told_before_its_lf_comes() {
    let (frames, rest) = frames(&[b"data: a\r\n\r".to_vec(), b"\ndata: b\n\n".to_vec()]);
    assert_eq!(frames, [b"data: a\r\n\r\n".to_vec(), b"data: b\n\n".to_vec()]);
    assert!(rest.is_empty());
}

/// Lines as servers send them, and some that they do not.
fn any_stream() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        4 => "data: ?[a-zé😀{}\": ]{0,20}",
        1 => "event: [a-z_.]{1,10}",
        1 => Just(": ping".to_owned()),
        1 => Just(String::new()),
        1 => "[a-z:]{0,8}",
        4 => Just(String::new()),
    ];
    let end = prop_oneof![Just("\n"), Just("\r\n"), Just("\r")];
    (prop::collection::vec((line, end), 0..30), any::<bool>()).prop_map(|(lines, mark)| {
        let mut stream = if mark { "\u{feff}".to_owned() } else { String::new() };
        for (line, end) in lines {
            stream.push_str(&line);
            stream.push_str(end);
        }
        stream
    })
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_frames_and_loses_no_byte(
        stream in any_stream(),
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let expected = frames(&[stream.as_bytes().to_vec()]);
        let bytes: Vec<Vec<u8>> = stream.bytes().map(|byte| vec![byte]).collect();
        for chunks in [cut(stream.as_bytes(), &places), bytes] {
            let split = frames(&chunks);
            prop_assert_eq!(&split, &expected);
            let mut together = split.0.concat();
            together.extend(split.1);
            prop_assert_eq!(together, stream.as_bytes());
        }
    }

    /// The oracle takes the standard at its word: lines first, then dispatch.
    #[test]
    fn the_frames_are_those_of_the_standard(stream in any_stream()) {
        let (raw, _) = frames(&[stream.as_bytes().to_vec()]);
        let ours: Vec<(String, String)> = raw.iter().filter_map(|raw| {
            let frame = Frame::parse(raw);
            let event = frame.event.map(|event| String::from_utf8(event.to_vec()).unwrap()).unwrap_or_default();
            Some((event, String::from_utf8(frame.data?.into_owned()).unwrap()))
        }).collect();

        let plain = stream.strip_prefix('\u{feff}').unwrap_or(&stream).replace("\r\n", "\n").replace('\r', "\n");
        let (mut events, mut event, mut data) = (Vec::new(), String::new(), None::<String>);
        let (lines, _unfinished) = plain.rsplit_once('\n').unwrap_or_default();
        for line in lines.split('\n') {
            if line.is_empty() {
                if let Some(data) = data.take() { events.push((event.clone(), data)) }
                event.clear();
            } else if let Some((name, value)) = line.split_once(':').or(Some((line, ""))) {
                let value = value.strip_prefix(' ').unwrap_or(value);
                match name {
                    "data" => data = Some(data.map_or(value.to_owned(), |data| data + "\n" + value)),
                    "event" => event = value.to_owned(),
                    _ => {}
                }
            }
        }
        prop_assert_eq!(ours, events);
    }

    #[test]
    fn the_data_of_a_large_frame_is_stripped_in_any_chunks(
        lines in prop::collection::vec("(data: ?|event: |: |data|da)[a-z]{0,6}", 1..6),
        end in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let frame = lines.join(end) + end + end;
        let mut stripped = Vec::new();
        let mut stripper = DataStripper::default();
        for chunk in cut(frame.as_bytes(), &places) {
            stripper.feed(&chunk, |data| stripped.extend_from_slice(data));
        }
        let expected: String = lines.iter().filter_map(|line| line.strip_prefix("data:")).flat_map(|data| [data, "\n"]).collect();
        prop_assert_eq!(String::from_utf8(stripped).unwrap(), expected);
    }
}
