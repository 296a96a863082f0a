use super::*;

fn noon() -> Timestamp {
    "2026-03-05T12:00:00Z".parse().unwrap()
}

#[test]
fn a_date_alone_is_midnight_utc() {
    assert_eq!(parse_instant("2026-01-31", noon()).unwrap().to_string(), "2026-01-31T00:00:00Z");
}

#[test]
fn an_offset_is_brought_to_utc_and_nanoseconds_are_cut() {
    let at = parse_instant("2026-01-31T12:00:00.123456789+02:00", noon()).unwrap();
    assert_eq!(at.to_string(), "2026-01-31T10:00:00.123456Z");
}

#[test]
fn a_span_reaches_back_from_now() {
    for (text, expected) in [
        ("24h", "2026-03-04T12:00:00Z"),
        ("7d", "2026-02-26T12:00:00Z"),
        ("90s", "2026-03-05T11:58:30Z"),
        ("0m", "2026-03-05T12:00:00Z"),
    ] {
        assert_eq!(parse_instant(text, noon()).unwrap().to_string(), expected, "{text}");
    }
}

#[test]
fn what_is_no_time_is_refused_with_an_example() {
    for text in ["", "yesterday", "-3h", "12", "99999999999999999999h", "9223372036854775807d", "ä"] {
        let error = parse_instant(text, noon()).unwrap_err().to_string();
        assert!(error.contains("2026-01-31") || error.contains("out of"), "{text}: {error}");
    }
}
