//! A multipart form taken apart whole, after RFC 2046 and RFC 7578.

use std::ops::Range;

/// One part: the name of its field, and where its value stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) is_file: bool,
    pub(crate) value: Range<usize>,
}

/// The parts of a well-formed form; `None` for one that is not, or that not everybody would read in the same way.
pub(crate) fn parts(form: &[u8], boundary: &str) -> Option<Vec<Part>> {
    let delimiter = format!("--{boundary}").into_bytes();
    let mut lines: Vec<Range<usize>> = Vec::new();
    let mut end = None;
    for at in 0..form.len() {
        if !(form[at..].starts_with(&delimiter) && (at == 0 || form[..at].ends_with(b"\r\n"))) {
            continue;
        }
        let after = &form[at + delimiter.len()..];
        if after.starts_with(b"--") {
            end = Some(at);
            break;
        }
        let padding = after.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        if after[padding..].starts_with(b"\r\n") {
            lines.push(at..at + delimiter.len() + padding + 2);
        }
    }
    let end = end?;
    let ends = lines.iter().skip(1).map(|line| line.start).chain([end]);
    lines.iter().zip(ends).map(|(line, end)| part(form, line.end..end.checked_sub(2)?)).collect()
}

fn part(form: &[u8], span: Range<usize>) -> Option<Part> {
    let text = form.get(span.clone())?;
    let length = text.windows(4).position(|window| window == b"\r\n\r\n")?;
    let headers = std::str::from_utf8(&text[..length]).ok()?;
    let (mut name, mut is_file) = (None, false);
    for line in headers.split("\r\n") {
        let (header, value) = line.split_once(": ")?;
        if !header.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return None;
        }
        if header.eq_ignore_ascii_case("content-disposition") {
            let mut parameters = value.strip_prefix("form-data; name=\"")?.split('"');
            let field = parameters.next()?;
            is_file = match (parameters.next()?, parameters.next(), parameters.next(), parameters.next()) {
                ("", None, None, None) => false,
                ("; filename=", Some(_), Some(""), None) => true,
                _ => return None,
            };
            if name.replace(field.to_owned()).is_some() || value.contains('\\') {
                return None;
            }
        }
    }
    Some(Part { name: name?, is_file, value: span.start + length + 4..span.end })
}
