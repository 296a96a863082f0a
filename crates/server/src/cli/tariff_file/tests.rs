use super::*;

fn one(entry: &str) -> anyhow::Result<WantedTariff> {
    let now = "2026-03-05T12:00:00Z".parse().unwrap();
    parse(&format!("[{entry}]"), now).map(|mut list| list.pop().unwrap())
}

#[test]
fn a_number_and_a_string_are_the_same_price_to_the_last_digit() {
    // 0.1 + 0.2 territory: none of these is a float that prints as itself with twelve digits more.
    for text in ["0.00001", "0.000000000001", "1e-12", "2.50E-6", "123456.789012345678", "0", "5"] {
        let number = one(&format!(r#"{{"input_price": {text}, "output_price": 0}}"#)).unwrap();
        let string = one(&format!(r#"{{"input_price": "{text}", "output_price": "0"}}"#)).unwrap();
        assert_eq!(number, string, "{text}");
        assert_eq!(number.prices.input_price, text.parse().unwrap(), "{text}");
    }
    let exact = one(r#"{"input_price": 123456.789012345678, "output_price": 0}"#).unwrap();
    assert_eq!(exact.prices.input_price.pico(), 123_456_789_012_345_678, "a float has 17 digits at most");
}

#[test]
fn everything_but_the_two_main_prices_may_be_left_out() {
    let plain = one(r#"{"input_price": 1, "output_price": 2}"#).unwrap();
    assert_eq!(plain.purpose, ApiKeyPurpose::Realtime);
    assert_eq!((plain.completion_window, plain.valid_from), (None, None));
    assert_eq!(plain.prices.cache_read_price, None);
    let full = one(r#"{"purpose": "batch", "completion_window": "24h", "input_price": 1, "output_price": 2,
            "cache_read_price": "0.1", "cache_write_price": 3, "cache_write_1h_price": null,
            "valid_from": "2026-01-01T00:00:00Z"}"#)
    .unwrap();
    assert_eq!(full.purpose, ApiKeyPurpose::Batch);
    assert_eq!(full.completion_window.as_deref(), Some("24h"));
    assert_eq!(full.prices.cache_write_5m_price, Some("3".parse().unwrap()));
    assert_eq!(full.prices.cache_write_1h_price, None);
    assert_eq!(full.valid_from.unwrap().to_string(), "2026-01-01T00:00:00Z");
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    for (entry, named) in [
        (r#"{"input_price": 1, "output_price": 2, "outptu_price": 3}"#, "outptu_price"),
        (r#"{"input_price": 1}"#, "output_price"),
        (r#"{"input_price": true, "output_price": 2}"#, "`input_price`"),
        (r#"{"input_price": 0.0000000000001, "output_price": 2}"#, "12 decimal places"),
        (r#"{"input_price": -1, "output_price": 2}"#, "negative"),
        (r#"{"input_price": 1, "output_price": 2, "purpose": "nightly"}"#, "nightly"),
        (r#"{"input_price": 1, "output_price": 2, "valid_from": "soon"}"#, "soon"),
        ("5", "tariff 1"),
    ] {
        let error = format!("{:#}", one(entry).unwrap_err());
        assert!(error.contains(named), "{entry}: {error}");
        assert!(error.contains("tariff 1 of the list"), "{entry}: {error}");
    }
    let error = format!("{:#}", parse("{}", Timestamp::UNIX_EPOCH).unwrap_err());
    assert!(error.contains("JSON list"), "{error}");
    assert_eq!(parse("[]", Timestamp::UNIX_EPOCH).unwrap(), vec![]);
}
