//! The form splicer, as claims.

use bytes::Bytes;

use super::MultipartSplicer;
use crate::wire::request::RequestError;

const TYPE: &str = "multipart/form-data; boundary=\"x--y\"";

fn form(parts: &[(&str, &str)]) -> String {
    let mut form = String::new();
    for (headers, body) in parts {
        form.extend(["--x--y\r\n", headers, "\r\n\r\n", body, "\r\n"]);
    }
    form + "--x--y--\r\n"
}

const FILE: (&str, &str) = (
    "Content-Disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\nContent-Type: audio/mpeg",
    "\0\r\n--x--z\r\n\r\n--x--\r\nname=\"model\"",
);
const MODEL: (&str, &str) = ("content-disposition: form-data; name=\"model\"", "whisper-1");

fn adapt(form: &str, size: usize) -> Result<(String, Option<String>), RequestError> {
    let mut splicer = MultipartSplicer::new(TYPE)?.unwrap();
    let mut out = Vec::new();
    for chunk in form.as_bytes().chunks(size) {
        splicer.push(Bytes::copy_from_slice(chunk))?;
        if splicer.model().is_some() {
            splicer.rewrite(Some("large-v3"))?;
        }
        out.extend_from_slice(&splicer.take().into_bytes());
    }
    splicer.finish()?;
    let length = i64::try_from(form.len()).unwrap() + splicer.length_change();
    assert_eq!(length, i64::try_from(out.len()).unwrap());
    Ok((String::from_utf8(out).unwrap(), splicer.model().map(str::to_owned)))
}

#[test]
fn the_model_field_is_replaced_before_or_after_the_file_in_any_chunks() {
    for parts in [[FILE, MODEL], [MODEL, FILE]] {
        let form = form(&parts);
        let expected = form.replace("whisper-1", "large-v3");
        for size in [1, 2, 3, 7, 40, 10_000] {
            let (out, model) = adapt(&form, size).unwrap();
            assert_eq!(out, expected, "in chunks of {size}");
            assert_eq!(model.as_deref(), Some("whisper-1"));
        }
    }
}

#[test]
fn two_model_fields_are_refused() {
    let form = form(&[MODEL, FILE, MODEL]);
    for size in [1, 9, 10_000] {
        assert_eq!(adapt(&form, size).unwrap_err(), RequestError::DuplicateKey { key: "model" });
    }
}

#[test]
fn a_form_without_a_model_field_is_refused() {
    assert_eq!(adapt(&form(&[FILE]), 10).unwrap_err(), RequestError::ModelMissing);
    assert_eq!(adapt(&form(&[(MODEL.0, "")]), 10).unwrap_err(), RequestError::ModelMissing);
    let as_file = ("Content-Disposition: form-data; name=\"model\"; filename=\"m\"", "whisper-1");
    assert_eq!(adapt(&form(&[as_file]), 10).unwrap_err(), RequestError::ModelMissing);
}

/// Found by fuzzing: the value ended where a line began like the delimiter.
#[test]
fn a_line_that_only_begins_like_the_delimiter_is_part_of_the_model() {
    let name = "whisper\r\n--x--y1\r\n--x--y -";
    let form = form(&[(MODEL.0, name), FILE]);
    for size in [1, 2, 3, 7, 10_000] {
        let (out, model) = adapt(&form, size).unwrap();
        assert_eq!(out, form.replacen(name, "large-v3", 1), "in chunks of {size}");
        assert_eq!(model.as_deref(), Some(name));
    }
}

/// Found by fuzzing: they were refused only where they came in pieces.
#[test]
fn headers_of_a_part_that_are_too_long_are_refused_in_any_chunks() {
    let headers = |length: usize| format!("{}\r\nX: {}", FILE.0, "x".repeat(length));
    let long = form(&[(&headers(9_000), "a"), MODEL]);
    let short = form(&[(&headers(8_000), "a"), MODEL]);
    for size in [1, 100, 100_000] {
        assert!(matches!(adapt(&long, size), Err(RequestError::InvalidForm(_))), "in chunks of {size}");
        assert!(adapt(&short, size).is_ok());
    }
}

#[test]
fn what_follows_the_closing_delimiter_is_no_part_of_the_form() {
    let form =
        form(&[MODEL]) + "--x--y\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nother\r\n--x--y--";
    assert_eq!(adapt(&form, 5).unwrap().1.as_deref(), Some("whisper-1"));
}

#[test]
fn a_name_too_long_is_refused() {
    let form = form(&[(MODEL.0, &"m".repeat(5000))]);
    for size in [100, 100_000] {
        assert_eq!(adapt(&form, size).unwrap_err(), RequestError::ModelTooLong);
    }
}

#[test]
fn a_content_type_that_is_no_form_is_none_and_one_without_boundary_is_refused() {
    assert!(MultipartSplicer::new("application/json").unwrap().is_none());
    for bad in ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; charset=x"] {
        assert_eq!(MultipartSplicer::new(bad).unwrap_err(), RequestError::BadBoundary, "{bad}");
    }
    assert!(MultipartSplicer::new("Multipart/Form-Data; charset=utf-8; Boundary=abc").unwrap().is_some());
}
