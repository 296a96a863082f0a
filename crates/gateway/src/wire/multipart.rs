//! The `model` field of a multipart form: found while the form passes, its value replaced, all else untouched.
//!
//! Audio and image APIs take forms. The field may come before or after the file, and the documentation's own
//! examples put the file first, so the form is held until the field is found, up to [`SEARCH_LIMIT`]; a form
//! whose model comes later is refused. The calls and guarantees are those of
//! [`super::request::RequestSplicer`]. Source: RFC 7578, RFC 2046.

use bytes::{Buf, Bytes, BytesMut};
use memchr::memmem;

use super::Pieces;
use super::request::RequestError;

/// How much of a form is held in search of its model: the 25 MB that OpenAI allows for an audio file, with
/// room.
pub const SEARCH_LIMIT: usize = 32 * 1024 * 1024;
/// The longest header block of a part.
const PART_HEADER_LIMIT: usize = 8 * 1024;
/// The longest model name.
const MODEL_LIMIT: usize = 2048;
/// What RFC 2046 allows.
const BOUNDARY_LIMIT: usize = 70;

/// Adapts one multipart form.
pub struct MultipartSplicer {
    /// `--` and the boundary.
    delimiter: Vec<u8>,
    /// All that came and was not released; afterwards only what is still to be searched.
    held: BytesMut,
    /// Where in `held` the search goes on.
    at: usize,
    /// Whether `held` still begins where the body does.
    from_start: bool,
    model: Option<Model>,
    released: bool,
    /// The closing delimiter has been seen; what follows is no part of the form.
    ended: bool,
    growth: i64,
    out: Pieces,
}

struct Model {
    name: String,
    /// Of the value, in `held`.
    start: usize,
    end: usize,
}

/// What the search came upon.
enum Step {
    More,
    Searched,
    Found(Model),
}

impl MultipartSplicer {
    /// A splicer for a body with this content type; `None` where that is not `multipart/form-data`.
    pub fn new(content_type: &str) -> Result<Option<Self>, RequestError> {
        let (media_type, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
        if !media_type.trim().eq_ignore_ascii_case("multipart/form-data") {
            return Ok(None);
        }
        let boundary = parameter(parameters, "boundary").ok_or(RequestError::BadBoundary)?;
        if boundary.is_empty()
            || boundary.len() > BOUNDARY_LIMIT
            || !boundary.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        {
            return Err(RequestError::BadBoundary);
        }
        Ok(Some(Self {
            delimiter: format!("--{boundary}").into_bytes(),
            held: BytesMut::new(),
            at: 0,
            from_start: true,
            model: None,
            released: false,
            ended: false,
            growth: 0,
            out: Pieces::new(),
        }))
    }

    /// Takes the next bytes of the body. After an error the splicer is of no further use.
    pub fn push(&mut self, chunk: Bytes) -> Result<(), RequestError> {
        if !self.released && self.model.is_none() && self.held.len() + chunk.len() > SEARCH_LIMIT {
            return Err(RequestError::InvalidForm(
                "its \"model\" field comes too late: put it before the file",
            ));
        }
        if !(self.released && self.ended) {
            self.held.extend_from_slice(&chunk);
        }
        if self.released {
            self.out.push(chunk);
        }
        while !self.ended {
            match self.step()? {
                Step::More => break,
                Step::Searched => {}
                Step::Found(_) if self.model.is_some() => {
                    return Err(RequestError::DuplicateKey { key: "model" });
                }
                Step::Found(model) => {
                    self.at = model.end;
                    self.model = Some(model);
                }
            }
        }
        self.forget_searched();
        Ok(())
    }

    /// What was released and searched need not be kept, but for the line end that may stand before a delimiter.
    fn forget_searched(&mut self) {
        let searched = self.at.saturating_sub(2);
        if self.released && searched > 0 {
            self.held.advance(searched);
            self.at -= searched;
            self.from_start = false;
        }
    }

    /// The body has ended.
    pub fn finish(&mut self) -> Result<(), RequestError> {
        if self.model.is_none() && !self.released { Err(RequestError::ModelMissing) } else { Ok(()) }
    }

    /// The model the client named, once it has been seen.
    pub fn model(&self) -> Option<&str> {
        self.model.as_ref().map(|model| model.name.as_str())
    }

    /// Says what the upstream calls the model, and with that lets the bytes go; `None` leaves the client's
    /// name. Call it once, when the model is known.
    pub fn rewrite(&mut self, upstream_model: Option<&str>) -> Result<(), RequestError> {
        if std::mem::replace(&mut self.released, true) {
            return Ok(());
        }
        let searched = self.at.saturating_sub(2);
        let unsearched = BytesMut::from(&self.held[searched..]);
        let mut held = std::mem::replace(&mut self.held, unsearched).freeze();
        self.at -= searched;
        self.from_start &= searched == 0;
        if let (Some(model), Some(name)) = (&self.model, upstream_model) {
            if name.bytes().any(|byte| matches!(byte, b'\r' | b'\n')) {
                return Err(RequestError::InvalidForm("the upstream's model name has a line break"));
            }
            let removed = i64::try_from(model.end - model.start).unwrap_or(i64::MAX);
            self.growth = i64::try_from(name.len()).unwrap_or(i64::MAX) - removed;
            self.out.push(held.split_to(model.start));
            self.out.push(Bytes::copy_from_slice(name.as_bytes()));
            let rest = held.split_off(model.end - model.start);
            self.out.push(rest);
        } else {
            self.out.push(held);
        }
        Ok(())
    }

    /// The adapted bytes that may go upstream now.
    pub fn take(&mut self) -> Pieces {
        std::mem::take(&mut self.out)
    }

    /// By how many bytes the adapted form is longer than the client's.
    pub const fn length_change(&self) -> i64 {
        self.growth
    }

    /// Looks at the part that begins at the next delimiter.
    fn step(&mut self) -> Result<Step, RequestError> {
        let Some(found) = memmem::find(&self.held[self.at..], &self.delimiter) else {
            // The delimiter may be cut in two, and so may the line end before it.
            self.at = self.held.len().saturating_sub(self.delimiter.len() + 2).max(self.at);
            return Ok(Step::More);
        };
        let delimiter = self.at + found;
        let at_line_start = (delimiter == 0 && self.from_start) || self.held[..delimiter].ends_with(b"\r\n");
        let after = delimiter + self.delimiter.len();
        let rest = &self.held[after..];
        if !at_line_start {
            self.at = delimiter + 1;
            return Ok(Step::Searched);
        }
        let line_end = match delimiter_line(rest) {
            DelimiterLine::Part { line_end } => line_end,
            DelimiterLine::Close => {
                self.ended = true;
                return Ok(Step::More);
            }
            DelimiterLine::None => {
                self.at = delimiter + 1;
                return Ok(Step::Searched);
            }
            DelimiterLine::Unfinished => return self.wait_for_headers(delimiter, rest.len()),
        };
        let Some(length) = memmem::find(&rest[line_end..], b"\r\n\r\n") else {
            return self.wait_for_headers(delimiter, rest.len());
        };
        // Of their end all but the last byte, which is how far they can have come without being whole.
        check_header_length(line_end + length + 3)?;
        let headers = &rest[line_end..line_end + length];
        let start = after + line_end + length + 4;
        if !names_model(headers) {
            self.at = start - 2;
            return Ok(Step::Searched);
        }
        self.read_model(delimiter, start)
    }

    fn wait_for_headers(&mut self, delimiter: usize, length: usize) -> Result<Step, RequestError> {
        check_header_length(length)?;
        self.at = delimiter;
        Ok(Step::More)
    }

    fn read_model(&mut self, delimiter: usize, start: usize) -> Result<Step, RequestError> {
        let value = &self.held[start..];
        let closing = [b"\r\n", self.delimiter.as_slice()].concat();
        // A line that only begins like a delimiter is part of the value.
        let ends = memmem::find_iter(value, &closing)
            .map(|length| (length, delimiter_line(&value[length + closing.len()..])))
            .find(|(_, line)| *line != DelimiterLine::None);
        let length = match ends {
            Some((length, DelimiterLine::Unfinished)) if length <= MODEL_LIMIT => {
                return self.wait_for_headers(delimiter, value.len() - length - closing.len());
            }
            Some((length, _)) => length,
            None if value.len() <= MODEL_LIMIT + closing.len() => {
                self.at = delimiter;
                return Ok(Step::More);
            }
            None => return Err(RequestError::ModelTooLong),
        };
        if length > MODEL_LIMIT {
            return Err(RequestError::ModelTooLong);
        }
        let name = std::str::from_utf8(&value[..length]).map_err(|_| RequestError::ModelNotAString)?;
        if name.is_empty() {
            return Err(RequestError::ModelMissing);
        }
        Ok(Step::Found(Model { name: name.to_owned(), start, end: start + length }))
    }
}

/// It never shows what it holds.
impl std::fmt::Debug for MultipartSplicer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MultipartSplicer").field("held", &self.held.len()).finish_non_exhaustive()
    }
}

/// What the bytes after `--boundary` make of its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DelimiterLine {
    /// A part begins after it; the line ends here, counted from the boundary.
    Part { line_end: usize },
    /// The form ends with it.
    Close,
    /// It is no delimiter: a longer boundary that begins with ours, or content that looks like it.
    None,
    /// Too little of it has come.
    Unfinished,
}

fn delimiter_line(after: &[u8]) -> DelimiterLine {
    let padding = after.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    match (padding, &after[padding..]) {
        (0, [b'-', b'-', ..]) => DelimiterLine::Close,
        (_, [b'\r', b'\n', ..]) => DelimiterLine::Part { line_end: padding },
        (0, [b'-']) | (_, [] | [b'\r']) => DelimiterLine::Unfinished,
        _ => DelimiterLine::None,
    }
}

/// The same for headers that came whole and for those that are still to end.
fn check_header_length(length: usize) -> Result<(), RequestError> {
    if length > PART_HEADER_LIMIT {
        return Err(RequestError::InvalidForm("the headers of a part are too long"));
    }
    Ok(())
}

/// Whether the headers of a part are those of the field `model` (and of no file).
fn names_model(headers: &[u8]) -> bool {
    let Ok(headers) = std::str::from_utf8(headers) else { return false };
    headers.split("\r\n").any(|line| {
        let Some((name, value)) = line.split_once(':') else { return false };
        let Some((_, parameters)) = value.split_once(';') else { return false };
        name.trim().eq_ignore_ascii_case("content-disposition")
            && parameter(parameters, "name").as_deref() == Some("model")
            && parameter(parameters, "filename").is_none()
    })
}

/// One parameter of a header: `; name=value` or `; name="value"`.
fn parameter(parameters: &str, wanted: &str) -> Option<String> {
    let mut rest = parameters;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ';']);
        let (name, after) = rest.split_once('=')?;
        let (value, tail) = match after.strip_prefix('"') {
            Some(quoted) => {
                let end = quoted.find('"')?;
                (&quoted[..end], &quoted[end + 1..])
            }
            None => after.split_at(after.find(';').unwrap_or(after.len())),
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value.trim().to_owned());
        }
        rest = tail;
    }
}

#[cfg(test)]
mod tests;
