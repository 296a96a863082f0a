//! Reading `stream_options`, and finding the bytes to change so that it asks for usage.

use std::ops::Range;

use serde_json::{Value, value::RawValue};

use super::RequestError;
use crate::wire::json::{Event, Scanner};

const INCLUDE_USAGE: &str = "include_usage";

/// A boolean as the more lenient upstreams read one (vLLM and others take `1` and `"true"`): a stream that only we take for none
/// would state no usage. `None` for `null`, and for what nobody takes.
pub(super) fn boolean(value: &[u8]) -> Option<bool> {
    match serde_json::from_slice(value).ok()? {
        Value::Bool(value) => Some(value),
        Value::Number(number) if number.as_f64() == Some(1.0) => Some(true),
        Value::Number(number) if number.as_f64() == Some(0.0) => Some(false),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "on" | "1" => Some(true),
            "false" | "f" | "no" | "n" | "off" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// The value of `include_usage`, see [`boolean`].
pub(super) fn include_usage(options: &[u8]) -> Option<bool> {
    #[derive(serde::Deserialize)]
    struct Options<'a> {
        #[serde(borrow)]
        include_usage: Option<&'a RawValue>,
    }
    let options: Option<Options<'_>> = serde_json::from_slice(options).ok()?;
    boolean(options?.include_usage?.get().as_bytes())
}

/// The span of `options` to replace, and by what, so that `include_usage` is true. `None` where it is already,
/// or where the value is nothing that any upstream would take (a number, `"include_usage": "perhaps"`).
pub(super) fn merge(options: &[u8]) -> Result<Option<(Range<usize>, &'static str)>, RequestError> {
    if options == b"null" {
        return Ok(Some((0..options.len(), r#"{"include_usage":true}"#)));
    }
    if options.first() != Some(&b'{') {
        return Ok(None);
    }
    let mut scanner = Scanner::default();
    let (mut at, mut from) = (0, 0);
    let (mut keys, mut ours, mut found) = (0_usize, false, None);
    while let Some(event) = scanner.next(options, &mut at, 1)? {
        match event {
            Event::KeyEnd => {
                keys += 1;
                let key: String = serde_json::from_slice(&options[from..at]).unwrap_or_default();
                ours = super::field::folded(&key) == INCLUDE_USAGE;
                if ours && found.is_some() {
                    return Err(RequestError::DuplicateKey { key: INCLUDE_USAGE });
                }
                if ours && key != INCLUDE_USAGE {
                    return Err(RequestError::MisspelledKey { key: INCLUDE_USAGE });
                }
            }
            Event::Open { .. } | Event::KeyStart | Event::StringStart | Event::ScalarStart => from = at - 1,
            Event::Close | Event::StringEnd | Event::ScalarEnd if ours => {
                ours = false;
                found = Some(from..at);
            }
            Event::Close | Event::StringEnd | Event::ScalarEnd => (),
        }
    }
    Ok(match found {
        Some(span) if &options[span.clone()] == b"null" || boolean(&options[span.clone()]) == Some(false) => {
            Some((span, "true"))
        }
        Some(_) => None,
        None if keys == 0 => Some((1..1, r#""include_usage":true"#)),
        None => Some((1..1, r#""include_usage":true,"#)),
    })
}
