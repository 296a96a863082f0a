//! Server-sent events, split as the standard says, in whatever chunks they come.
//!
//! [`Splitter`] says where frames end and keeps nothing but a few bits of state; [`Frame`] reads one frame's
//! lines when somebody wants to know. Line ends are CRLF, LF or CR; a byte order mark at the start, comments, a
//! missing space after the colon, several `data` lines, and unknown fields are all allowed. Bytes are never
//! changed. Source: the HTML standard, section 9.2 (server-sent events).

use std::borrow::Cow;

use super::reader::BYTE_ORDER_MARK;

/// Finds the ends of frames. A frame ends with the blank line that dispatches it.
#[derive(Debug, Clone)]
pub struct Splitter {
    /// Nothing of the current line has come yet.
    at_line_start: bool,
    /// The last byte was a CR; an LF now belongs to it.
    after_cr: bool,
}

impl Default for Splitter {
    fn default() -> Self {
        Self { at_line_start: true, after_cr: false }
    }
}

impl Splitter {
    /// Where the next frame that ends in `chunk` ends, scanning from `from`: just after its blank line. `None`
    /// where none does; the splitter has then seen the whole chunk.
    ///
    /// A frame that ends in a lone CR at the end of a chunk is reported at once; call
    /// [`Splitter::rest_of_line_end`] on the next chunk for the LF that may follow.
    pub fn next_end(&mut self, chunk: &[u8], from: usize) -> Option<usize> {
        let mut at = from;
        if self.after_cr && at < chunk.len() {
            self.after_cr = false;
            if chunk[at] == b'\n' {
                at += 1;
            }
        }
        while at < chunk.len() {
            let Some(length) = memchr::memchr2(b'\n', b'\r', &chunk[at..]) else {
                self.at_line_start = false;
                return None;
            };
            let blank = length == 0 && self.at_line_start;
            self.at_line_start = true;
            at += length + 1;
            if chunk[at - 1] == b'\r' {
                match chunk.get(at) {
                    Some(b'\n') => at += 1,
                    Some(_) => {}
                    None => self.after_cr = true,
                }
            }
            if blank {
                return Some(at);
            }
        }
        None
    }

    /// How many bytes at the start of `chunk` (0 or 1) still belong to the line end of the frame that ended the
    /// chunk before.
    pub fn rest_of_line_end(&mut self, chunk: &[u8]) -> usize {
        if chunk.is_empty() {
            return 0;
        }
        let rest = usize::from(self.after_cr && chunk[0] == b'\n');
        self.after_cr = false;
        rest
    }
}

/// One frame's fields. Borrowed, but for `data` in several lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frame<'a> {
    /// The last `event` field.
    pub event: Option<&'a [u8]>,
    /// The `data` lines, joined by LF; `None` where there is none (a comment, a keep-alive).
    pub data: Option<Cow<'a, [u8]>>,
}

impl<'a> Frame<'a> {
    /// Reads the lines of one frame.
    pub fn parse(raw: &'a [u8]) -> Self {
        let mut frame = Self::default();
        // One is allowed before the first frame.
        let mut rest = raw.strip_prefix(BYTE_ORDER_MARK).unwrap_or(raw);
        while !rest.is_empty() {
            let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
            let (line, tail) = rest.split_at(end);
            rest = tail.strip_prefix(b"\r\n").or_else(|| tail.get(1..)).unwrap_or_default();
            let (name, value) = match memchr::memchr(b':', line) {
                Some(colon) => (&line[..colon], &line[colon + 1..]),
                None => (line, &line[line.len()..]),
            };
            let value = value.strip_prefix(b" ").unwrap_or(value);
            match name {
                b"data" => frame.add_data(value),
                b"event" => frame.event = Some(value),
                _ => {}
            }
        }
        frame
    }

    fn add_data(&mut self, value: &'a [u8]) {
        match &mut self.data {
            None => self.data = Some(Cow::Borrowed(value)),
            Some(data) => {
                let data = data.to_mut();
                data.push(b'\n');
                data.extend_from_slice(value);
            }
        }
    }
}

/// Gives on the `data` of one frame that is too large to be kept, while it passes.
#[derive(Debug, Clone, Default)]
pub(crate) struct DataStripper {
    /// The first bytes of the current line: enough to know whether it is `data: `, and all of a short line.
    start: Vec<u8>,
    in_data: bool,
    /// There was a line of data.
    pub(crate) has_data: bool,
    /// There was `event: error`, and no other event after it.
    pub(crate) is_error_event: bool,
    after_cr: bool,
}

/// As much of a line is kept to be looked at. One that is longer than `event: error` is neither that nor `data: `.
const LINE_START_LIMIT: usize = 16;

impl DataStripper {
    /// Calls `data` with the parts of data lines in `chunk`.
    pub(crate) fn feed(&mut self, chunk: &[u8], mut data: impl FnMut(&[u8])) {
        let mut rest = chunk;
        while let Some(&byte) = rest.first() {
            let line_end = matches!(byte, b'\n' | b'\r');
            if line_end {
                let is_rest_of_crlf = self.after_cr && byte == b'\n';
                if !is_rest_of_crlf && self.in_data {
                    data(b"\n");
                }
                if let Some(event) = Frame::parse(&self.start).event {
                    self.is_error_event = event == b"error";
                }
                self.start.clear();
                (self.in_data, self.after_cr) = (false, byte == b'\r');
                rest = &rest[1..];
                continue;
            }
            self.after_cr = false;
            if self.in_data || self.start.len() == LINE_START_LIMIT {
                let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
                if self.in_data {
                    data(&rest[..end]);
                }
                rest = &rest[end..];
            } else {
                self.start.push(byte);
                rest = &rest[1..];
                // The space that may follow is white space to JSON.
                self.in_data = self.start == b"data:";
                self.has_data |= self.in_data;
            }
        }
    }
}

#[cfg(test)]
mod tests;
