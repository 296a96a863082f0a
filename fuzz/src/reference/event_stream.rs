//! Server-sent events, line by line, after the HTML standard, section 9.2.

use std::ops::Range;

/// One frame, up to and with the blank line that ends it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) bytes: Range<usize>,
    /// Whether its blank line was there.
    pub(crate) ended: bool,
    pub(crate) event: Option<Vec<u8>>,
    pub(crate) data: Option<Vec<u8>>,
}

/// The frames of a whole stream; together they are all of it.
pub(crate) fn frames(stream: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut from = 0;
    let mut lines: Vec<&[u8]> = Vec::new();
    let mut at = 0;
    while at < stream.len() {
        let start = at;
        while at < stream.len() && stream[at] != b'\n' && stream[at] != b'\r' {
            at += 1;
        }
        let (line, has_end) = (&stream[start..at], at < stream.len());
        at += match &stream[at..] {
            [b'\r', b'\n', ..] => 2,
            [_, ..] => 1,
            [] => 0,
        };
        if line.is_empty() && has_end {
            frames.push(frame(from..at, true, &lines));
            lines.clear();
            from = at;
        } else {
            lines.push(line);
        }
    }
    if from < stream.len() {
        frames.push(frame(from..stream.len(), false, &lines));
    }
    frames
}

fn frame(bytes: Range<usize>, ended: bool, lines: &[&[u8]]) -> Frame {
    let (mut event, mut data) = (None, Vec::new());
    for (number, line) in lines.iter().enumerate() {
        // The standard allows a byte order mark before the first frame; that one before another is skipped too is lenience.
        let line = if number == 0 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
        let colon = line.iter().position(|byte| *byte == b':');
        let name = &line[..colon.unwrap_or(line.len())];
        let value = colon.map_or(&line[..0], |colon| &line[colon + 1..]);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"event" => event = Some(value.to_vec()),
            b"data" => data.push(value),
            _ => {}
        }
    }
    let data = (!data.is_empty()).then(|| data.join(&b'\n'));
    Frame { bytes, ended, event, data }
}
