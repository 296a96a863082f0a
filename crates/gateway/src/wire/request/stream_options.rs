//! Reading `stream_options`, and finding the bytes to change so that it asks for usage.

use std::ops::Range;

use super::RequestError;
use crate::wire::json::{Event, Scanner};

/// The value of `include_usage`, where it is a boolean.
pub(super) fn include_usage(options: &[u8]) -> Option<bool> {
    #[derive(serde::Deserialize)]
    struct Options {
        include_usage: Option<bool>,
    }
    serde_json::from_slice::<Option<Options>>(options)
        .ok()
        .flatten()
        .and_then(|options| options.include_usage)
}

/// The span of `options` to replace, and by what, so that `include_usage` is true. `None` where it is already,
/// or where the value is nothing that the upstream would take either (a number, `"include_usage": "yes"`).
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
                let key: Option<String> = serde_json::from_slice(&options[from..at]).ok();
                ours = key.as_deref() == Some("include_usage");
                if ours && found.is_some() {
                    return Err(RequestError::DuplicateKey { key: "include_usage" });
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
        Some(span) if matches!(&options[span.clone()], b"false" | b"null") => Some((span, "true")),
        Some(_) => None,
        None if keys == 0 => Some((1..1, r#""include_usage":true"#)),
        None => Some((1..1, r#""include_usage":true,"#)),
    })
}
