//! Claims about batch headers; how they act is claimed in `tests/it/batch.rs`.

use http::HeaderValue;

use super::*;

fn parsed(name: &'static str, value: &str) -> Result<Batch, String> {
    let mut headers = HeaderMap::new();
    headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    parse(&headers).map_err(|error| error.to_string())
}

#[test]
fn without_headers_there_is_no_batch() {
    assert_eq!(parse(&HeaderMap::new()), Ok(Batch::default()));
}

#[test]
fn times_are_rfc_3339_or_seconds_and_cut_to_microseconds() {
    for (text, expected) in [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
        ("2026-01-31T13:00:00+01:00", "2026-01-31T12:00:00Z"),
        ("1769860800", "2026-01-31T12:00:00Z"),
        ("2026-01-31T12:00:00.1234567Z", "2026-01-31T12:00:00.123456Z"),
    ] {
        let batch = parsed("x-tollgate-batch-created-at", text).unwrap();
        assert_eq!(batch.batch_created_at, Some(expected.parse().unwrap()), "{text}");
    }
    for text in ["", "now", "2026-01-31", "99999999999999999999", "-99999999999999"] {
        let error = parsed("x-tollgate-batch-created-at", text).unwrap_err();
        assert!(error.contains("x-tollgate-batch-created-at"), "{error}");
    }
}

#[test]
fn names_are_short_and_plain_and_custom_ids_are_not_too_long() {
    assert!(parsed("x-tollgate-batch-completion-window", "24h").is_ok());
    for bad in ["", "24 h", &"x".repeat(33), "ü"] {
        assert!(parsed("x-tollgate-batch-completion-window", bad).is_err(), "{bad}");
    }
    assert!(parsed("x-tollgate-custom-id", &"x".repeat(512)).is_ok());
    assert!(parsed("x-tollgate-custom-id", &"x".repeat(513)).is_err());
}
