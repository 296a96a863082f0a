//! Lenient reading, as claims.

use serde_json::json;

use super::{Content, Count, Lenient, List, Something, Text};

fn count(json: &str) -> Option<i64> {
    serde_json::from_str::<Count>(json).unwrap().0
}

#[test]
fn a_count_may_be_an_integer_an_integral_float_or_a_string_of_either() {
    for (json, expected) in [
        ("12", Some(12)),
        ("12.0", Some(12)),
        ("1.2e1", Some(12)),
        ("\"12\"", Some(12)),
        ("\" 12 \"", Some(12)),
        ("\"12.0\"", Some(12)),
        ("0", Some(0)),
        ("-5", Some(-5)),
        ("9223372036854775807", Some(i64::MAX)),
        ("18446744073709551615", Some(i64::MAX)),
        ("1e300", Some(i64::MAX)),
        ("-1e300", Some(i64::MIN)),
        ("12.5", None),
        ("\"12.5\"", None),
        ("\"many\"", None),
        ("\"NaN\"", None),
        ("\"inf\"", None),
        ("null", None),
        ("true", None),
        ("[12]", None),
        ("{\"tokens\":12}", None),
    ] {
        assert_eq!(count(json), expected, "{json}");
    }
}

lenient_struct! {
    struct Sample<'a> {
        number: Count = "number" | "count",
        text: Text<'a> = "text",
        list: List<Count> = "list",
    }
}

#[test]
fn an_object_is_read_whatever_kind_its_members_are_of() {
    let json = r#"{"number":{"a":[1,{}]},"unknown":{"number":9},"text":7,"list":"x"}"#;
    let sample: Sample<'_> = serde_json::from_str(json).unwrap();
    assert!(sample.is_present());
    assert_eq!((sample.number, sample.text.get(), sample.list.items().len()), (Count(None), None, 0));
}

#[test]
fn a_member_given_twice_or_by_another_name_counts_the_last_time() {
    let sample: Sample<'_> = serde_json::from_str(r#"{"number":1,"count":"2","list":[1,null,"3"]}"#).unwrap();
    assert_eq!(sample.number, Count(Some(2)));
    assert_eq!(sample.list.items(), [Count(Some(1)), Count(None), Count(Some(3))]);
}

#[test]
fn what_is_no_object_is_absent_and_no_error() {
    for json in ["null", "1", "-1.5", "true", "\"x\"", "[{\"number\":1}]"] {
        assert!(!serde_json::from_str::<Sample<'_>>(json).unwrap().is_present(), "{json}");
    }
    assert!(serde_json::from_str::<Sample<'_>>("{").is_err());
}

#[test]
fn text_is_borrowed_where_it_can_be() {
    let plain: Text<'_> = serde_json::from_str("\"plain\"").unwrap();
    assert!(matches!(plain.0, Some(std::borrow::Cow::Borrowed("plain"))));
    let escaped: Text<'_> = serde_json::from_str("\"a\\nb\"").unwrap();
    assert_eq!(escaped.get(), Some("a\nb"));
}

#[test]
fn something_is_neither_null_nor_false_nor_empty() {
    for (value, expected) in [
        (json!(null), false),
        (json!(false), false),
        (json!(""), false),
        (json!([]), false),
        (json!({}), false),
        (json!(true), true),
        (json!(0), true),
        (json!("x"), true),
        (json!([null]), true),
        (json!({"a": null}), true),
    ] {
        assert_eq!(serde_json::from_str::<Something>(&value.to_string()).unwrap().0, expected, "{value}");
    }
}

#[test]
fn content_is_a_string_that_is_not_a_label() {
    for (value, expected) in [
        (json!({"role": "assistant", "content": ""}), false),
        (json!({"role": "assistant", "content": null, "tool_calls": null}), false),
        (json!({"content": "x"}), true),
        (json!({"reasoning_content": "x"}), true),
        (
            json!({"tool_calls": [{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}]}),
            true,
        ),
        (json!({"tool_calls": [{"index": 0, "function": {"arguments": ""}}]}), false),
        (json!({"parts": [{"text": "", "thoughtSignature": "abc"}], "role": "model"}), false),
        (json!({"parts": [{"text": "a"}]}), true),
        (json!({}), false),
    ] {
        assert_eq!(serde_json::from_str::<Content>(&value.to_string()).unwrap().0, expected, "{value}");
    }
}
