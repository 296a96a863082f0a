//! Forms: the splicer that replaces the field `model` while the form passes.
//!
//! - However the form is cut, and whenever it is said what to put in: the same bytes, the same model, the same verdict.
//! - Of a well-formed form the value of the one field `model` is replaced and nothing else; two of them are refused.
//! - What comes out names the upstream's model; the length that is announced is the one that comes out.
//! - No content type makes it panic.
//!
//! Options: the upstream's name, the boundary, whether the first line of the body is the content type, -, -, fill, cut, cut.

use bytes::Bytes;

use crate::input::{Bytes as Shown, Input};
use crate::reference::form;
use crate::wire::Pieces;
use crate::wire::multipart::MultipartSplicer;
use crate::wire::request::RequestError;

const NAMES: [Option<&str>; 3] = [Some("whisper-large"), None, Some("m")];
const BOUNDARIES: [&str; 4] = ["x", "----WebKitFormBoundary7MA4", "--", "a b'()+_,-./:=?"];

pub(crate) fn run(input: &[u8]) {
    let input = Input::new(input);
    let name = input.choose(0, &NAMES);
    let boundary = input.choose(1, &BOUNDARIES);
    let body = input.filled(5);
    let own_type = format!("Multipart/Form-Data; charset=utf-8; boundary=\"{boundary}\"");
    let (content_type, boundary, body) = if input.option(2, 2) == 1 {
        let (line, rest) = body.split_at(body.iter().position(|byte| *byte == b'\n').unwrap_or(body.len()));
        let Ok(line) = std::str::from_utf8(line) else { return };
        (line, None, rest.get(1..).unwrap_or_default())
    } else {
        (own_type.as_str(), Some(boundary), &*body)
    };

    let Some(whole) = adapt(content_type, &[body], name, When::AtTheEnd) else { return };
    for chunks in input.ways(body) {
        for when in [When::ModelKnown, When::AtTheEnd] {
            let cut = adapt(content_type, &chunks, name, when);
            match (&cut, &whole) {
                (Some(Ok(cut)), Ok(whole)) => assert_eq!(cut, whole, "it depends on how it came"),
                (Some(Err(_)), Err(_)) => {}
                _ => panic!("{cut:?}, and {whole:?} when it comes whole"),
            }
        }
    }
    if let Some(parts) = boundary.and_then(|boundary| form::parts(body, boundary)) {
        check_reference(body, &parts, name, &whole);
    }
    if let (Ok(whole), Some(name)) = (&whole, name)
        && whole.model.is_some()
    {
        let again = adapt(content_type, &[&whole.out.0], None, When::AtTheEnd).unwrap().unwrap();
        assert_eq!(again.model.as_deref(), Some(name));
    }
}

fn check_reference(
    body: &[u8],
    parts: &[form::Part],
    name: Option<&str>,
    whole: &Result<Adapted, RequestError>,
) {
    let models: Vec<&form::Part> =
        parts.iter().filter(|part| part.name == "model" && !part.is_file).collect();
    let [model] = models.as_slice() else {
        match (models.len(), whole) {
            (0, Ok(whole)) => assert!(whole.model.is_none() && whole.out == *body),
            (0, Err(error)) => assert!(matches!(error, RequestError::InvalidForm(_)), "{error:?}"),
            _ => assert!(whole.is_err(), "two models"),
        }
        return;
    };
    let value = &body[model.value.clone()];
    match whole {
        Ok(whole) => {
            assert_eq!(whole.model.as_deref().map(str::as_bytes), Some(value));
            let (before, after) = (&body[..model.value.start], &body[model.value.end..]);
            let expected = [before, name.map_or(value, str::as_bytes), after].concat();
            assert_eq!(whole.out, Shown(expected), "something else than the model was changed");
        }
        Err(RequestError::ModelMissing) => assert!(value.is_empty()),
        Err(RequestError::ModelTooLong) => assert!(value.len() > 2048),
        Err(RequestError::ModelNotAString) => assert!(std::str::from_utf8(value).is_err()),
        Err(error) => {
            assert!(matches!(error, RequestError::InvalidForm(_)) && body.len() > 8 * 1024, "{error:?}");
        }
    }
}

/// When the splicer is told the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    ModelKnown,
    AtTheEnd,
}

#[derive(Debug, PartialEq, Eq)]
struct Adapted {
    out: Shown,
    model: Option<String>,
}

/// What comes of a form; `None` where the content type says that it is none.
fn adapt(
    content_type: &str,
    chunks: &[&[u8]],
    name: Option<&str>,
    when: When,
) -> Option<Result<Adapted, RequestError>> {
    match MultipartSplicer::new(content_type) {
        Ok(splicer) => splicer.map(|splicer| push(splicer, chunks, name, when)),
        Err(error) => Some(Err(error)),
    }
}

fn push(
    mut splicer: MultipartSplicer,
    chunks: &[&[u8]],
    name: Option<&str>,
    when: When,
) -> Result<Adapted, RequestError> {
    let (mut out, mut model) = (Pieces::new(), None);
    for chunk in chunks {
        splicer.push(Bytes::copy_from_slice(chunk))?;
        if model.is_none()
            && let Some(found) = splicer.model()
        {
            model = Some(found.to_owned());
            if when == When::ModelKnown {
                splicer.rewrite(name)?;
            }
        }
        if model.is_none() {
            assert!(splicer.take().is_empty(), "bytes went before the model was known");
        }
        out.append(splicer.take());
    }
    match splicer.finish() {
        // Forms without a model are sent on as they are.
        Ok(()) | Err(RequestError::ModelMissing) => splicer.rewrite(name)?,
        Err(error) => return Err(error),
    }
    out.append(splicer.take());
    let out = Shown(out.into_bytes().to_vec());
    let length: usize = chunks.iter().map(|chunk| chunk.len()).sum();
    assert_eq!(
        length.checked_add_signed(isize::try_from(splicer.length_change()).unwrap()),
        Some(out.0.len())
    );
    Ok(Adapted { out, model })
}
