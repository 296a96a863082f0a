//! The scanner, as claims; `serde_json` is the oracle.

use proptest::prelude::*;
use serde_json::Value;

use super::{Event, JsonError, MAX_DEPTH, Scanner};

/// Scans a document in chunks and rebuilds the outline that its events draw.
fn outline(chunks: &[&[u8]], max_depth: usize) -> Result<String, JsonError> {
    let mut scanner = Scanner::default();
    let mut outline = String::new();
    for chunk in chunks {
        let mut at = 0;
        while let Some(event) = scanner.next(chunk, &mut at, max_depth)? {
            outline.push(match event {
                Event::Open { object: true } => '{',
                Event::Open { object: false } => '[',
                Event::Close => ')',
                Event::KeyStart => 'k',
                Event::KeyEnd => 'K',
                Event::StringStart => 's',
                Event::StringEnd => 'S',
                Event::ScalarStart => 'n',
                Event::ScalarEnd => 'N',
            });
        }
    }
    if scanner.is_complete() { Ok(outline) } else { Err(JsonError::Incomplete) }
}

#[test]
fn events_come_in_order_with_all_their_depths() {
    let json = br#" {"a":[1,"x"],"b":{"c":null},"d":-1.5e3} "#;
    assert_eq!(outline(&[json], usize::MAX).unwrap(), "{kK[nNsS)kK{kKnN)kKnN)");
    assert_eq!(outline(&[json], 1).unwrap(), "{kK[)kK{)kKnN)");
    assert_eq!(outline(&[json], 0).unwrap(), "{)");
}

#[test]
fn escapes_do_not_end_strings() {
    assert_eq!(outline(&[br#"["a\"b\\","\u0041\\\""]"#], usize::MAX).unwrap(), "[sSsS)");
}

#[test]
fn what_is_no_json_is_refused_at_its_position() {
    for (json, position) in [
        (&b"{a:1}"[..], 1),
        (b"{\"a\" 1}", 5),
        (b"{\"a\":1,}", 7),
        (b"[1,]", 3),
        (b"[1 2]", 3),
        (b"{\"a\":1]", 6),
        (b"[1}", 2),
        (b"]", 0),
        (b"{} {}", 3),
        (b"'a'", 0),
        (b"[\"\\x\"]", 3),
    ] {
        let context = String::from_utf8_lossy(json);
        assert_eq!(outline(&[json], usize::MAX), Err(JsonError::Unexpected { position }), "{context}");
    }
    assert_eq!(outline(&[b"{\"a\"", b" 1}"], 1), Err(JsonError::Unexpected { position: 5 }));
}

#[test]
fn a_document_that_stops_early_is_incomplete() {
    for json in [&b""[..], b"{", b"{\"a\"", b"{\"a\":", b"[1", b"\"abc"] {
        assert_eq!(outline(&[json], usize::MAX), Err(JsonError::Incomplete));
    }
}

#[test]
fn depth_is_bounded_without_recursion() {
    let deep = |levels: usize| [vec![b'['; levels], vec![b']'; levels]].concat();
    assert!(outline(&[&deep(MAX_DEPTH)], 0).is_ok());
    assert_eq!(outline(&[&deep(MAX_DEPTH + 1)], 0), Err(JsonError::TooDeep));
    assert_eq!(outline(&[&vec![b'['; 10_000_000]], 0), Err(JsonError::TooDeep));
}

/// Any JSON value.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Cuts bytes at the given places.
pub(crate) fn cut(bytes: &[u8], places: &[prop::sample::Index]) -> Vec<Vec<u8>> {
    let mut cuts: Vec<usize> = places.iter().map(|place| place.index(bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| bytes[pair[0]..pair[1]].to_vec()).collect()
}

proptest! {
    #[test]
    fn chunking_changes_no_event(json in any_json(), places in prop::collection::vec(any::<prop::sample::Index>(), 0..8), pretty: bool) {
        let text = if pretty { serde_json::to_vec_pretty(&json) } else { serde_json::to_vec(&json) }.unwrap();
        let chunks = cut(&text, &places);
        let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
        for depth in [0, 1, 2, usize::MAX] {
            let whole = outline(&[&text], depth);
            prop_assert!(whole.is_ok());
            prop_assert_eq!(outline(&chunks, depth), whole);
        }
    }

    #[test]
    fn nothing_that_serde_takes_is_refused(text in "[\\[\\]{}\",:0-9a-z\\\\ \\-\\.]{0,24}") {
        if serde_json::from_str::<Value>(&text).is_ok() {
            prop_assert!(outline(&[text.as_bytes()], usize::MAX).is_ok(), "{}", text);
        }
    }
}
